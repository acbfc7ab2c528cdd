/* ops.h: what the files of the search share. */
#ifndef THAW_TUNE_OPS_H
#define THAW_TUNE_OPS_H

#include "core/check/case.h"
#include "core/tune/timing.h"
#include "core/tune/tune.h"

typedef struct tune_op {
    char signature[THAW_SIGNATURE_MAX];
    check_case c;  /* the op with its own batch */
    size_t places; /* in the programs */
    double cost;   /* of one run: multiply-accumulates, or elements where it has none */
} tune_op;

struct thaw_tune_ops {
    thaw_dev *real;
    thaw_dev dry;
    tune_op *items;
    size_t count, capacity;
    bool failed; /* memory was exhausted while noting an op */
};

/* A search under way (tune.c). */
typedef struct tune_search {
    check_run run;
    const thaw_tune_options *options;
    thaw_choices *known; /* what the file has */
    thaw_tune_summary *summary;
    double start; /* by tune_now() */
} tune_search;

bool tune_out_of_time(const tune_search *search);
bool tune_stopped(const tune_search *search);
thaw_status tune_fail_stopped(thaw_error *err); /* THAW_E_CANCELLED */

/* ---- one op (race.c) -------------------------------------------------------------------------------- */

#define TUNE_REJECTED_MAX 512

/* Decides between the algorithms of an op. rejected: "name: why; …", also after an error. THAW_E_CANCELLED,
 * THAW_E_DEVICE_LOST: nothing more can be tried. Another status: this op cannot. err is needed. */
thaw_status tune_race(tune_search *search, const tune_op *op, thaw_choice *out,
                      char rejected[TUNE_REJECTED_MAX], thaw_error *err);

#endif
