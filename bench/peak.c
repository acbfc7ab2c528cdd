#include "bench/peak.h"

#include <stdlib.h>
#include <time.h>

double bench_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

#define PEAK_LOOPS  3000000
#define PEAK_CHAINS 12

/* step(a) is one multiply-add of chain a. The chains are twelve variables, so that they stay in registers
 * whatever the compiler unrolls. */
#define PEAK_BODY(LANES, step)                                                                               \
    typedef float vec __attribute__((vector_size(4 * LANES)));                                               \
    vec zero = {0}, b = zero + 0.999999f, c = zero + 1e-7f;                                                  \
    vec a0 = c, a1 = c, a2 = c, a3 = c, a4 = c, a5 = c, a6 = c, a7 = c, a8 = c, a9 = c, a10 = c, a11 = c;    \
    for (int i = 0; i < PEAK_LOOPS; i++) {                                                                   \
        step(a0) step(a1) step(a2) step(a3) step(a4) step(a5);                                               \
        step(a6) step(a7) step(a8) step(a9) step(a10) step(a11);                                             \
    }                                                                                                        \
    a0 += a1 + a2 + a3 + a4 + a5 + a6 + a7 + a8 + a9 + a10 + a11;                                            \
    ((float *)sink)[worker * 16] = a0[0];                                                                    \
    (void)task;

#if defined(__x86_64__)
#define FUSED_STEP(a) __asm__ volatile("vfmadd213ps %2, %1, %0" : "+v"(a) : "v"(b), "v"(c));
__attribute__((target("avx512f"))) static void peak_avx512(void *sink, uint32_t task, uint32_t worker)
{
    PEAK_BODY(16, FUSED_STEP)
}
__attribute__((target("avx2,fma"))) static void peak_avx2(void *sink, uint32_t task, uint32_t worker)
{
    PEAK_BODY(8, FUSED_STEP)
}
#endif
#define PLAIN_STEP(a) a = a * b + c;
static void peak_generic(void *sink, uint32_t task, uint32_t worker)
{
    PEAK_BODY(4, PLAIN_STEP)
}

double bench_peak(thaw_threads *threads, int lanes)
{
    thaw_threads_fn fn = peak_generic;
#if defined(__x86_64__)
    if (lanes == 8)
        fn = peak_avx2;
    if (lanes == 16)
        fn = peak_avx512;
#endif
    const uint32_t n = thaw_threads_count(threads);
    float *sink = calloc(n, 16 * sizeof *sink);
    if (!sink)
        return 0;
    double best = 0;
    for (int rep = 0; rep < 5; rep++) {
        double t = bench_now();
        thaw_threads_run(threads, n, fn, sink);
        double rate = (double)n * PEAK_LOOPS * PEAK_CHAINS * 2.0 * lanes / (bench_now() - t) / 1e9;
        best = rate > best ? rate : best;
    }
    free(sink);
    return best;
}

int bench_widest(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("avx512f"))
        return 16;
    if (__builtin_cpu_supports("avx2"))
        return 8;
#endif
    return 4;
}
