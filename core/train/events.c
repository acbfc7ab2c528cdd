#include "core/train/events.h"

#include <string.h>
#include <time.h>

double thaw_seconds(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

void thaw_emit(const thaw_listener *listener, thaw_event_kind kind, const void *what)
{
    if (!listener || !listener->event)
        return;
    thaw_train_event event = {.kind = kind};
    memcpy(&event.u, &what, sizeof what);
    listener->event(listener->ctx, &event);
}

static void prepared(void *ctx, size_t done, size_t total)
{
    const thaw_progress progress = {.pass = THAW_PASS_PREPARE, .done = done, .total = total};
    thaw_emit(ctx, THAW_EVENT_PROGRESS, &progress);
}

void thaw_tell_prepared(thaw_program_options *options, const thaw_listener *listener)
{
    options->progress = prepared;
    options->progress_ctx = (void *)(uintptr_t)listener;
}

void thaw_meter_begin(thaw_meter *meter, const thaw_listener *listener, thaw_progress start)
{
    *meter =
        (thaw_meter){.listener = listener, .progress = start, .started = thaw_seconds(), .first = start.done};
    thaw_emit(listener, THAW_EVENT_PROGRESS, &meter->progress);
}

void thaw_meter_add(thaw_meter *meter, size_t images)
{
    thaw_progress *p = &meter->progress;
    p->done += images;
    double seconds = thaw_seconds() - meter->started;
    if (seconds > 0)
        p->images_per_second = (double)(p->done - meter->first) / seconds;
    if (p->images_per_second > 0)
        p->seconds_left = (double)(p->total - p->done) / p->images_per_second;
    thaw_emit(meter->listener, THAW_EVENT_PROGRESS, p);
}
