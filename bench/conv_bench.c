/* conv_bench.c: how near the fast convolutions come to the FMA peak of this machine, now.
 *
 *   conv_bench [generic|avx2|avx512|amx|avx512-bf16|amx-bf16 [batch [threads [repeats [all|ALGORITHM]]]]]
 *
 * amx: AVX-512 and AMX. …-bf16: with ops that permit to round to bf16.
 * Forward: the 94 convolutions of InceptionV3, one after the other as in the network, so that weights come
 * from memory as they would there. Backward: those of mixed9 and mixed10 that fine-tuning trains. The peak
 * is measured right before and after; each layer counts with its best time.
 *
 * Each layer is run by its default algorithm, with "all" by every one that accepts it, in turn, or by the one
 * named (the default where that does not accept it). GFLOP/s are those of the plain convolution, whatever the
 * algorithm saves: Winograd's may exceed the peak. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "backends/cpu/conv/conv.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/peak.h"
#include "core/base/memory.h"
#include "core/base/slabs.h"
#include "core/base/threads.h"

typedef struct {
    int size, in, out, kh, kw, stride, same; /* size: of the square input; same: padded to keep it */
} bench_layer;

/* In the order of the Keras model. */
static const bench_layer layers[] = {
    {299, 3, 32, 3, 3, 2, 0},   {149, 32, 32, 3, 3, 1, 0},  {147, 32, 64, 3, 3, 1, 1},
    {73, 64, 80, 1, 1, 1, 0},   {73, 80, 192, 3, 3, 1, 0},  {35, 192, 64, 1, 1, 1, 1},
    {35, 192, 48, 1, 1, 1, 1},  {35, 48, 64, 5, 5, 1, 1},   {35, 192, 64, 1, 1, 1, 1},
    {35, 64, 96, 3, 3, 1, 1},   {35, 96, 96, 3, 3, 1, 1},   {35, 192, 32, 1, 1, 1, 1},
    {35, 256, 64, 1, 1, 1, 1},  {35, 256, 48, 1, 1, 1, 1},  {35, 48, 64, 5, 5, 1, 1},
    {35, 256, 64, 1, 1, 1, 1},  {35, 64, 96, 3, 3, 1, 1},   {35, 96, 96, 3, 3, 1, 1},
    {35, 256, 64, 1, 1, 1, 1},  {35, 288, 64, 1, 1, 1, 1},  {35, 288, 48, 1, 1, 1, 1},
    {35, 48, 64, 5, 5, 1, 1},   {35, 288, 64, 1, 1, 1, 1},  {35, 64, 96, 3, 3, 1, 1},
    {35, 96, 96, 3, 3, 1, 1},   {35, 288, 64, 1, 1, 1, 1},  {35, 288, 384, 3, 3, 2, 0},
    {35, 288, 64, 1, 1, 1, 1},  {35, 64, 96, 3, 3, 1, 1},   {35, 96, 96, 3, 3, 2, 0},
    {17, 768, 192, 1, 1, 1, 1}, {17, 768, 128, 1, 1, 1, 1}, {17, 128, 128, 1, 7, 1, 1},
    {17, 128, 192, 7, 1, 1, 1}, {17, 768, 128, 1, 1, 1, 1}, {17, 128, 128, 7, 1, 1, 1},
    {17, 128, 128, 1, 7, 1, 1}, {17, 128, 128, 7, 1, 1, 1}, {17, 128, 192, 1, 7, 1, 1},
    {17, 768, 192, 1, 1, 1, 1}, {17, 768, 192, 1, 1, 1, 1}, {17, 768, 160, 1, 1, 1, 1},
    {17, 160, 160, 1, 7, 1, 1}, {17, 160, 192, 7, 1, 1, 1}, {17, 768, 160, 1, 1, 1, 1},
    {17, 160, 160, 7, 1, 1, 1}, {17, 160, 160, 1, 7, 1, 1}, {17, 160, 160, 7, 1, 1, 1},
    {17, 160, 192, 1, 7, 1, 1}, {17, 768, 192, 1, 1, 1, 1}, {17, 768, 192, 1, 1, 1, 1},
    {17, 768, 160, 1, 1, 1, 1}, {17, 160, 160, 1, 7, 1, 1}, {17, 160, 192, 7, 1, 1, 1},
    {17, 768, 160, 1, 1, 1, 1}, {17, 160, 160, 7, 1, 1, 1}, {17, 160, 160, 1, 7, 1, 1},
    {17, 160, 160, 7, 1, 1, 1}, {17, 160, 192, 1, 7, 1, 1}, {17, 768, 192, 1, 1, 1, 1},
    {17, 768, 192, 1, 1, 1, 1}, {17, 768, 192, 1, 1, 1, 1}, {17, 192, 192, 1, 7, 1, 1},
    {17, 192, 192, 7, 1, 1, 1}, {17, 768, 192, 1, 1, 1, 1}, {17, 192, 192, 7, 1, 1, 1},
    {17, 192, 192, 1, 7, 1, 1}, {17, 192, 192, 7, 1, 1, 1}, {17, 192, 192, 1, 7, 1, 1},
    {17, 768, 192, 1, 1, 1, 1}, {17, 768, 192, 1, 1, 1, 1}, {17, 192, 320, 3, 3, 2, 0},
    {17, 768, 192, 1, 1, 1, 1}, {17, 192, 192, 1, 7, 1, 1}, {17, 192, 192, 7, 1, 1, 1},
    {17, 192, 192, 3, 3, 2, 0}, {8, 1280, 320, 1, 1, 1, 1}, {8, 1280, 384, 1, 1, 1, 1},
    {8, 384, 384, 1, 3, 1, 1},  {8, 384, 384, 3, 1, 1, 1},  {8, 1280, 448, 1, 1, 1, 1},
    {8, 448, 384, 3, 3, 1, 1},  {8, 384, 384, 1, 3, 1, 1},  {8, 384, 384, 3, 1, 1, 1},
    {8, 1280, 192, 1, 1, 1, 1}, {8, 2048, 320, 1, 1, 1, 1}, {8, 2048, 384, 1, 1, 1, 1},
    {8, 384, 384, 1, 3, 1, 1},  {8, 384, 384, 3, 1, 1, 1},  {8, 2048, 448, 1, 1, 1, 1},
    {8, 448, 384, 3, 3, 1, 1},  {8, 384, 384, 1, 3, 1, 1},  {8, 384, 384, 3, 1, 1, 1},
    {8, 2048, 192, 1, 1, 1, 1}};
#define N_LAYERS (sizeof layers / sizeof *layers)

static void *need(size_t bytes)
{
    void *p = thaw_alloc_aligned(bytes + 64, 64); /* in huge pages, as a program's memory is */
    if (!p) {
        fprintf(stderr, "conv_bench: no memory for %zu bytes: take a smaller batch\n", bytes);
        exit(1);
    }
    memset(p, 0, bytes);
    return p;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* GFLOP/s; best of a few short measurements, because the best times of the layers are their shares. */
static double peak_of(struct thaw_device *dev)
{
    double best = 0;
    for (int i = 0; i < 5; i++) {
        double rate = 0;
        thaw_error err = {0};
        if (cpu_peak_gflops(dev, 0.05, &rate, &err) == THAW_OK && rate > best)
            best = rate;
    }
    return best;
}

/* ---- a host of nothing but memory and threads --------------------------------------------------- */

static thaw_slabs slabs = THAW_SLABS_EMPTY;

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    (void)ctx;
    return thaw_slabs_alloc(&slabs, bytes, align);
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    thaw_slabs_free(&slabs, p);
}

static void host_parallel(void *ctx, uint32_t n, thaw_task_fn fn, void *arg)
{
    thaw_threads_run(ctx, n, fn, arg);
}

/* ---- layers ------------------------------------------------------------------------------------- */

typedef struct {
    const cpu_algo *algo;
    void *state;
    double cost, best;
} bench_algo;

#define MAX_ALGOS 16

typedef struct {
    backend_op op;
    thaw_tensor in[3], out[1];
    bench_algo algo[MAX_ALGOS];
    size_t n_algos;
    double gflop;
} bench_op;

/* What the last argument asks for. */
typedef struct {
    bool all;
    const char *name; /* NULL: the default */
} bench_choice;

static thaw_tensor tensor(thaw_role role, int n, int h, int w, int c)
{
    return (thaw_tensor){sizeof(thaw_tensor), THAW_F32, role, n, h, w, c, c};
}

static void add(bench_op *b, const struct thaw_device *dev, const cpu_algo *algo, const float *w,
                const float *bias)
{
    const void *consts[3] = {NULL, w, bias};
    thaw_error err = {0};
    bench_algo *a = &b->algo[b->n_algos++];
    *a = (bench_algo){.algo = algo, .best = 1e30, .cost = algo->cost ? algo->cost(dev, &b->op) : INFINITY};
    if (algo->prepare && algo->prepare(dev, &b->op, consts, &a->state, &err) != THAW_OK) {
        fprintf(stderr, "conv_bench: %s\n", err.text);
        exit(1);
    }
}

/* The algorithms of cpu.h that accept the op, as backends/cpu/kernel.c orders them. */
static void choose(bench_op *b, const struct thaw_device *dev, const bench_choice *choice, const float *w,
                   const float *bias)
{
    const cpu_algo *found = NULL;
    double least = 0;
    char why[128];
    for (size_t i = 0; cpu_conv_algos[i]; i++) {
        const cpu_algo *algo = cpu_conv_algos[i];
        if (algo->kind != b->op.kind || !algo->accepts(dev, &b->op, why, sizeof why))
            continue;
        if (choice->all && b->n_algos < MAX_ALGOS)
            add(b, dev, algo, w, bias);
        double cost = algo->cost ? algo->cost(dev, &b->op) : INFINITY;
        if (choice->name && strcmp(choice->name, algo->name) == 0)
            cost = -1;
        if (!found || cost < least) {
            found = algo;
            least = cost;
        }
    }
    if (!choice->all)
        add(b, dev, found, w, bias);
}

static void set_up(bench_op *b, const struct thaw_device *dev, const bench_layer *l, uint32_t kind, int batch,
                   const bench_choice *choice, const float *weights)
{
    const int pad_h = l->same ? (l->kh - 1) / 2 : 0, pad_w = l->same ? (l->kw - 1) / 2 : 0;
    const int oh = (l->size + 2 * pad_h - l->kh) / l->stride + 1;
    const int ow = (l->size + 2 * pad_w - l->kw) / l->stride + 1;
    const thaw_tensor x = tensor(THAW_ROLE_ACTIVATION, batch, l->size, l->size, l->in);
    const thaw_tensor y = tensor(THAW_ROLE_ACTIVATION, batch, oh, ow, l->out);
    const bool forward = kind == THAW_OP_CONV2D;
    const thaw_tensor w = tensor(forward ? THAW_ROLE_CONST : THAW_ROLE_MUTABLE, l->kh, l->kw, l->in, l->out);
    memset(b, 0, sizeof *b);
    b->in[0] = kind == THAW_OP_CONV2D_BWD_DATA ? y : x;
    b->in[1] = kind == THAW_OP_CONV2D_BWD_FILTER ? y : w;
    b->in[2] = tensor(THAW_ROLE_CONST, 1, 1, 1, l->out);
    b->out[0] = forward ? y : kind == THAW_OP_CONV2D_BWD_DATA ? x : w;
    b->op = (backend_op){.kind = kind, .n_in = forward ? 3 : 2, .n_out = 1, .in = b->in, .out = b->out};
    b->op.precision = dev->avx512_bf16 ? THAW_PREC_BF16 : THAW_PREC_F32;
    b->op.attr.conv =
        (thaw_conv_attr){sizeof(thaw_conv_attr), l->stride, l->stride, pad_h, pad_w, forward ? 1u : 0u};
    b->gflop = 2e-9 * batch * oh * ow * (double)l->out * l->in * l->kh * l->kw;
    choose(b, dev, choice, forward ? weights : NULL, weights);
}

static size_t elements(const thaw_tensor *t)
{
    return backend_pixels(t) * (size_t)t->pixel_pitch;
}

/* next: what runs behind it, whose weights are drawn ahead as in a program. */
static void run_once(bench_op *b, bench_algo *a, const bench_algo *next, struct thaw_device *dev,
                     float *const *buffer, void *space)
{
    const bool forward = b->op.kind == THAW_OP_CONV2D;
    void *args[4] = {buffer[0], forward ? NULL : buffer[1], forward ? NULL : buffer[2], buffer[2]};
    cpu_call call = {.dev = dev, .op = &b->op, .state = a->state, .args = args, .workspace = space};
    if (next->algo->weights)
        call.next = next->algo->weights(dev, next->state);
    double t = now();
    a->algo->run(&call);
    t = now() - t;
    a->best = t < a->best ? t : a->best;
}

/* The line of one algorithm; a star marks the one that thaw takes. */
static void print(size_t number, const bench_op *b, const bench_algo *a, bool is_default, double peak)
{
    const thaw_tensor *x = &b->op.in[0], *y = &b->op.out[0], *w = &b->op.in[1];
    char filter[16] = "";
    if (b->op.kind != THAW_OP_CONV2D_BWD_FILTER)
        snprintf(filter, sizeof filter, "%dx%d", w->n, w->h);
    printf("%3zu  %4dx%-4d %4d -> %dx%-4d %4d  %-5s  %8.3f  %8.1f  %5.1f %%  %8.1f %c %s\n", number, x->h,
           x->w, x->c, y->h, y->w, y->c, filter, 1e3 * a->best, b->gflop / a->best,
           100 * b->gflop / a->best / peak, 2e-6 * a->cost / peak, is_default ? '*' : ' ', a->algo->name);
}

static void report(const bench_op *ops, size_t n, double peak)
{
    double time = 0, fastest = 0, work = 0;
    printf("  #      shape                       filter       ms   GFLOP/s  of peak  cost, ms\n");
    for (size_t i = 0; i < n; i++) {
        size_t chosen = 0, best = 0;
        for (size_t k = 0; k < ops[i].n_algos; k++) {
            chosen = ops[i].algo[k].cost < ops[i].algo[chosen].cost ? k : chosen;
            best = ops[i].algo[k].best < ops[i].algo[best].best ? k : best;
        }
        for (size_t k = 0; k < ops[i].n_algos; k++)
            print(i, &ops[i], &ops[i].algo[k], k == chosen, peak);
        time += ops[i].algo[chosen].best;
        fastest += ops[i].algo[best].best;
        work += ops[i].gflop;
    }
    printf("total %.3f ms, %.1f GFLOP/s of a peak of %.1f: %.1f %%; with the fastest of each %.3f ms\n\n",
           1e3 * time, work / time, peak, 100 * work / time / peak, 1e3 * fastest);
}

/* Runs all ops `repeats` times in order and prints a line for each algorithm; then releases them. */
static void measure(const char *title, bench_op *ops, size_t n, struct thaw_device *dev, int repeats)
{
    size_t most[3] = {0, 0, 0}, workspace = 1;
    for (size_t i = 0; i < n; i++) {
        const thaw_tensor *t[3] = {&ops[i].in[0], &ops[i].in[1], &ops[i].out[0]};
        for (int k = 0; k < 3; k++)
            most[k] = elements(t[k]) > most[k] ? elements(t[k]) : most[k];
        for (size_t k = 0; k < ops[i].n_algos; k++) {
            const cpu_algo *algo = ops[i].algo[k].algo;
            size_t bytes = algo->workspace ? algo->workspace(dev, &ops[i].op) : 0;
            workspace = bytes > workspace ? bytes : workspace;
        }
    }
    float *buffer[3];
    for (int k = 0; k < 3; k++)
        buffer[k] = need(most[k] * sizeof(float));
    void *space = need(workspace);
    double peak = peak_of(dev);
    for (int rep = 0; rep < repeats; rep++) {
        for (size_t i = 0; i < n; i++) {
            for (size_t k = 0; k < ops[i].n_algos; k++)
                run_once(&ops[i], &ops[i].algo[k], &ops[(i + 1) % n].algo[0], dev, buffer, space);
        }
    }
    double after = peak_of(dev);
    printf("%s\n", title);
    report(ops, n, after > peak ? after : peak);
    for (int k = 0; k < 3; k++)
        thaw_free_aligned(buffer[k]);
    thaw_free_aligned(space);
    for (size_t i = 0; i < n; i++) {
        for (size_t k = 0; k < ops[i].n_algos; k++) {
            if (ops[i].algo[k].algo->destroy)
                ops[i].algo[k].algo->destroy(dev, ops[i].algo[k].state);
        }
    }
}

int main(int argc, char **argv)
{
    const char *name = argc > 1 ? argv[1] : "avx2";
    const bool amx = strncmp(name, "amx", 3) == 0, bf16 = strstr(name, "-bf16") != NULL;
    const cpu_isa isa = amx || strncmp(name, "avx512", 6) == 0 ? CPU_ISA_AVX512
                        : strcmp(name, "avx2") == 0            ? CPU_ISA_AVX2
                                                               : CPU_ISA_GENERIC;
    const int batch = argc > 2 ? atoi(argv[2]) : 8, repeats = argc > 4 ? atoi(argv[4]) : 5;
    thaw_threads *threads = NULL;
    thaw_error err = {0};
    if (batch < 1 || repeats < 1 ||
        thaw_threads_create(argc > 3 ? (uint32_t)atoi(argv[3]) : 0, &threads, &err) != THAW_OK) {
        fprintf(stderr,
                "usage: conv_bench [generic|avx2|avx512|amx|avx512-bf16|amx-bf16 [batch [threads [repeats "
                "[all|ALGORITHM]]]]]\n%s\n",
                err.text);
        return 2;
    }
    const thaw_host host = {.struct_size = sizeof host,
                            .ctx = threads,
                            .alloc = host_alloc,
                            .free = host_free,
                            .parallel_for = host_parallel};
    const size_t l2 = cpu_cache_bytes(2);
    struct thaw_device dev = {.host = &host,
                              .isa = isa,
                              .threads = thaw_threads_count(threads),
                              .l2_bytes = l2 ? l2 : (size_t)1 << 20,
                              .l3_bytes = (size_t)32 << 20,
                              .avx512_bf16 = bf16 && cpu_has_avx512_bf16(),
                              .slow_avx512_bf16 = cpu_has_slow_avx512_bf16(),
                              .amx_bf16 = amx && cpu_take_amx_bf16()};
    float *weights = need((size_t)4 << 20 << 2);
    bench_op *ops = need(N_LAYERS * sizeof *ops);
    const bench_choice choice = {argc > 5 && strcmp(argv[5], "all") == 0, argc > 5 ? argv[5] : NULL};
    for (size_t i = 0; i < N_LAYERS; i++)
        set_up(&ops[i], &dev, &layers[i], THAW_OP_CONV2D, batch, &choice, weights);
    measure("forward", ops, N_LAYERS, &dev, repeats);

    static const size_t trained[] = {76, 83, 84, 85, 86, 87, 88, 89, 90, 91, 92, 93};
    const size_t n = sizeof trained / sizeof *trained;
    for (size_t i = 0; i < n; i++)
        set_up(&ops[i], &dev, &layers[trained[i]], THAW_OP_CONV2D_BWD_DATA, batch, &choice, weights);
    measure("backward, data", ops, n, &dev, repeats);
    for (size_t i = 0; i < n; i++)
        set_up(&ops[i], &dev, &layers[trained[i]], THAW_OP_CONV2D_BWD_FILTER, batch, &choice, weights);
    measure("backward, filter", ops, n, &dev, repeats);
    thaw_free_aligned(ops);
    thaw_free_aligned(weights);
    thaw_threads_destroy(threads);
    return 0;
}
