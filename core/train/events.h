/* events.h: telling the caller. */
#ifndef THAW_TRAIN_EVENTS_H
#define THAW_TRAIN_EVENTS_H

#include "core/train/train.h"

/* Seconds of a clock that never goes back. */
double thaw_seconds(void);

/* what: the member of thaw_train_event.u that kind names. listener may be NULL. */
void thaw_emit(const thaw_listener *listener, thaw_event_kind kind, const void *what);

/* Reports kernels as they are prepared; listener (may be NULL) lives as long as the options. */
void thaw_tell_prepared(thaw_program_options *options, const thaw_listener *listener);

static inline bool thaw_cancelled(const thaw_where *where)
{
    return where->cancel && *where->cancel;
}

/* Progress of one pass over images. */
typedef struct thaw_meter {
    const thaw_listener *listener;
    thaw_progress progress;
    double started;
    size_t first; /* images that were done before it started */
} thaw_meter;

/* start: the pass, how much is done of how much, and, in a phase, where in it. */
void thaw_meter_begin(thaw_meter *meter, const thaw_listener *listener, thaw_progress start);
/* Counts images as done and emits. */
void thaw_meter_add(thaw_meter *meter, size_t images);

#endif
