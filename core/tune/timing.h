/* timing.h: one op alone on a device: its arguments in memory, and how long a kernel takes on them. */
#ifndef THAW_TUNE_TIMING_H
#define THAW_TUNE_TIMING_H

#include "core/check/case.h"

double tune_now(void); /* seconds of a clock that never jumps */

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
