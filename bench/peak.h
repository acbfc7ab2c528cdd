/* peak.h: what every share of the limit is a share of. */
#ifndef THAW_BENCH_PEAK_H
#define THAW_BENCH_PEAK_H

#include "core/base/threads.h"

/* Seconds on a clock that does not jump. */
double bench_now(void);

/* f32 multiply-adds of all threads together in GFLOP/s, with vectors of 16, 8 or 4 floats: best of a few
 * short runs of independent chains, nothing else. 0 when memory is exhausted. */
double bench_peak(thaw_threads *threads, int lanes);

/* The widest vectors that this machine has. */
int bench_widest(void);

#endif
