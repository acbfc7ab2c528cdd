/* ops.h: what the files of the search share. */
#ifndef THAW_TUNE_OPS_H
#define THAW_TUNE_OPS_H

#include "core/check/case.h"
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

double tune_now(void); /* seconds of a clock that never jumps */
bool tune_out_of_time(const tune_search *search);
bool tune_stopped(const tune_search *search);
thaw_status tune_fail_stopped(thaw_error *err); /* THAW_E_CANCELLED */

/* ---- one op (race.c) -------------------------------------------------------------------------------- */

#define TUNE_REJECTED_MAX 512

/* Decides between the algorithms of an op. rejected: "name: why; …", also after an error. THAW_E_CANCELLED,
 * THAW_E_DEVICE_LOST: nothing more can be tried. Another status: this op cannot. err is needed. */
thaw_status tune_race(tune_search *search, const tune_op *op, thaw_choice *out,
                      char rejected[TUNE_REJECTED_MAX], thaw_error *err);

/* ---- timing (bench.c) ------------------------------------------------------------------------------- */

/* The arguments of a case on a device, and memory for any candidate's workspace. */
typedef struct tune_bench {
    const check_side *side;
    const check_case *c;
    check_desc desc;
    check_layout layout;
    uint8_t *image; /* of the arguments; holds the CONST data */
    thaw_buffer *buffer, *workspace;
    uint64_t workspace_bytes;
    thaw_slice args[CHECK_MAX_ARGS];
} tune_bench;

/* Freed by tune_bench_close, also after an error. c and side outlive it. */
thaw_status tune_bench_open(const check_side *side, const check_case *c, tune_bench *out, thaw_error *err);
void tune_bench_close(tune_bench *bench);
/* Also sees to a workspace that is large enough. The caller destroys *out through the device's table. */
thaw_status tune_bench_prepare(tune_bench *bench, const thaw_op_info *info, thaw_kernel **out,
                               thaw_error *err);
/* Runs a kernel `times` times with one wait at the end, as a program has many ops before its one
 * wait. *seconds is that of one run. */
thaw_status tune_bench_time(tune_bench *bench, thaw_kernel *kernel, uint32_t times, double *seconds,
                            thaw_error *err);

#endif
