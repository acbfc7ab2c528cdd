/* stats.c: samples in three numbers. */
#include <stdlib.h>

#include "core/bench/room.h"

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

bench_stat thaw_bench_stat_of(double *samples, uint32_t n)
{
    if (n == 0)
        return (bench_stat){0};
    qsort(samples, n, sizeof *samples, by_value);
    const double upper = samples[n / 2], lower = samples[(n - 1) / 2];
    return (bench_stat){lower + (upper - lower) / 2, samples[0], samples[n - 1], n};
}

bool bench_again(const bench_options *options, uint32_t n, double spent, double budget)
{
    return n < options->repeat && (n < BENCH_MIN_REPEAT || spent < budget);
}
