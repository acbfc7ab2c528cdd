#include "backends/cpu/peak.h"

#include <math.h>
#include <time.h>

/* Long enough to hide handing a task to a thread, short enough that threads end at about the same time. */
#define TASK_ROUNDS 20000u
/* Tasks for each thread of the run that is not measured, in which threads wake and clocks settle. */
#define WARM_TASKS 16u

/* A round is one multiply-add of each chain. The chains are more than latency times units of any processor
 * known, so that none waits for itself. The loops are assembly from the first to the last instruction,
 * because a compiler would merge, unroll or spill them as it likes. Factor and summand keep every chain at a
 * number that is neither zero nor subnormal: some processors are faster, others slower, with those. */
static const float factor = 0.999999f, summand = 1e-6f;

typedef struct {
    void (*rounds)(uint64_t n);
    double flops; /* of a round */
} peak_loop;

#if defined(__x86_64__)
#define TWELVE(r)     r(0) r(1) r(2) r(3) r(4) r(5) r(6) r(7) r(8) r(9) r(10) r(11)
#define EIGHT_MORE(r) r(12) r(13) r(14) r(15) r(16) r(17) r(18) r(19)
#define TWELVE_NAMES                                                                                         \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11"
#define BEGIN "1:\n\t"
#define AGAIN "dec %0\n\tjnz 1b\n\t"
#define LEAVE "vzeroupper"

#define OPEN_512    "vbroadcastss %1, %%zmm30\n\tvbroadcastss %2, %%zmm31\n\t"
#define LOAD_512(k) "vmovaps %%zmm31, %%zmm" #k "\n\t"
#define STEP_512(k) "vfmadd213ps %%zmm31, %%zmm30, %%zmm" #k "\n\t"

__attribute__((target("avx512f"))) static void rounds_avx512(uint64_t n)
{
    __asm__ volatile(OPEN_512 TWELVE(LOAD_512) EIGHT_MORE(LOAD_512) BEGIN TWELVE(STEP_512)
                         EIGHT_MORE(STEP_512) AGAIN LEAVE
                     : "+r"(n)
                     : "m"(factor), "m"(summand)
                     : "cc", TWELVE_NAMES, "xmm12", "xmm13", "xmm14", "xmm15", "xmm16", "xmm17", "xmm18",
                       "xmm19", "xmm30", "xmm31");
}

#define OPEN_256    "vbroadcastss %1, %%ymm14\n\tvbroadcastss %2, %%ymm15\n\t"
#define LOAD_256(k) "vmovaps %%ymm15, %%ymm" #k "\n\t"
#define STEP_256(k) "vfmadd213ps %%ymm15, %%ymm14, %%ymm" #k "\n\t"

__attribute__((target("avx2,fma"))) static void rounds_avx2(uint64_t n)
{
    __asm__ volatile(OPEN_256 TWELVE(LOAD_256) BEGIN TWELVE(STEP_256) AGAIN LEAVE
                     : "+r"(n)
                     : "m"(factor), "m"(summand)
                     : "cc", TWELVE_NAMES, "xmm14", "xmm15");
}

#define SPREAD(k)   "shufps $0, %%xmm" #k ", %%xmm" #k "\n\t"
#define OPEN_128    "movss %1, %%xmm14\n\tmovss %2, %%xmm15\n\t" SPREAD(14) SPREAD(15)
#define LOAD_128(k) "movaps %%xmm15, %%xmm" #k "\n\t"
#define MUL_128(k)  "mulps %%xmm14, %%xmm" #k "\n\t"
#define ADD_128(k)  "addps %%xmm15, %%xmm" #k "\n\t"

static void rounds_generic(uint64_t n)
{
    __asm__ volatile(OPEN_128 TWELVE(LOAD_128) BEGIN TWELVE(MUL_128) TWELVE(ADD_128) AGAIN
                     : "+r"(n)
                     : "m"(factor), "m"(summand)
                     : "cc", TWELVE_NAMES, "xmm14", "xmm15");
}

static const peak_loop loops[] = {
    [CPU_ISA_REFERENCE] = {rounds_generic, 12 * 4 * 2.0},
    [CPU_ISA_GENERIC] = {rounds_generic, 12 * 4 * 2.0},
    [CPU_ISA_AVX2] = {rounds_avx2, 12 * 8 * 2.0},
    [CPU_ISA_AVX512] = {rounds_avx512, 20 * 16 * 2.0},
};
#elif defined(__aarch64__)
/* Twenty-four chains in registers 0 to 23; 30 and 31 hold the factors, whose product is the summand. */
#define EIGHT(r, a, b, c, d, e, f, g, h) r(a) r(b) r(c) r(d) r(e) r(f) r(g) r(h)
#define ALL(r)                                                                                               \
    EIGHT(r, 0, 1, 2, 3, 4, 5, 6, 7)                                                                         \
    EIGHT(r, 8, 9, 10, 11, 12, 13, 14, 15)                                                                   \
    EIGHT(r, 16, 17, 18, 19, 20, 21, 22, 23)
#define OPEN    "ld1r {v30.4s}, [%1]\n\tld1r {v31.4s}, [%2]\n\t"
#define LOAD(k) "mov v" #k ".16b, v30.16b\n\t"
#define BEGIN   "1:\n\t"
#define STEP(k) "fmla v" #k ".4s, v30.4s, v31.4s\n\t"
#define AGAIN   "subs %0, %0, #1\n\tb.ne 1b"

static void rounds_generic(uint64_t n)
{
    __asm__ volatile(OPEN ALL(LOAD) BEGIN ALL(STEP) AGAIN
                     : "+r"(n)
                     : "r"(&factor), "r"(&summand)
                     : "cc", "memory", "v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7", "v8", "v9", "v10",
                       "v11", "v12", "v13", "v14", "v15", "v16", "v17", "v18", "v19", "v20", "v21", "v22",
                       "v23", "v30", "v31");
}

static const peak_loop loops[] = {
    [CPU_ISA_REFERENCE] = {rounds_generic, 24 * 4 * 2.0},
    [CPU_ISA_GENERIC] = {rounds_generic, 24 * 4 * 2.0},
};
#else
#define NO_LOOPS
#endif

#ifndef NO_LOOPS
static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void task(void *arg, uint32_t number, uint32_t worker)
{
    const peak_loop *loop = arg;
    (void)number, (void)worker;
    loop->rounds(TASK_ROUNDS);
}

/* Seconds that so many tasks take. */
static double timed(const struct thaw_device *dev, const peak_loop *loop, uint32_t tasks)
{
    double start = now();
    dev->host->parallel_for(dev->host->ctx, tasks, task, (void *)loop);
    return now() - start;
}

thaw_status cpu_peak_gflops(thaw_device *dev, double seconds, double *gflops, thaw_error *err)
{
    if (!dev || !gflops || !(seconds > 0) || !isfinite(seconds))
        return backend_fail(err, THAW_E_INVALID,
                            "the peak is measured of an open device, for a number of seconds above 0");
    const peak_loop *loop = &loops[dev->isa];
    const uint32_t warm = dev->threads * WARM_TASKS;
    double once = timed(dev, loop, warm) / warm, wanted = seconds / (once > 1e-9 ? once : 1e-9);
    uint32_t tasks = wanted < warm ? warm : wanted < 1e9 ? (uint32_t)wanted : 1000000000u;
    double taken = timed(dev, loop, tasks);
    *gflops = tasks * (double)TASK_ROUNDS * loop->flops / (taken > 1e-9 ? taken : 1e-9) / 1e9;
    return THAW_OK;
}

static const thaw_peak extension = {.struct_size = sizeof extension, .fma_gflops = cpu_peak_gflops};

const thaw_peak *cpu_peak_extension(void)
{
    return &extension;
}
#else
const thaw_peak *cpu_peak_extension(void)
{
    return NULL;
}
#endif
