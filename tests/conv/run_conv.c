#include "run_conv.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/cpu/isa.h"

typedef struct {
    uint32_t threads;
    unsigned state;
} test_host;

static unsigned next_random(unsigned *state)
{
    *state = *state * 1664525u + 1013904223u;
    return *state >> 8;
}

float *fill_floats(size_t count, unsigned seed)
{
    float *p = malloc(count * sizeof *p);
    assert_non_null(p);
    for (size_t i = 0; i < count; i++)
        p[i] = seed == NAN_FILL ? NAN : (float)next_random(&seed) / 8388608.0f - 1.0f;
    return p;
}

int case_channels(const conv_case *c)
{
    int sum = 0;
    for (int i = 0; i < c->n_outs; i++)
        sum += c->outs[i];
    return sum;
}

size_t x_count(const conv_case *c)
{
    return (size_t)(c->n * c->h * c->w * (c->c + c->slack));
}

size_t y_count(const conv_case *c, int channels)
{
    return (size_t)(c->n * c->oh * c->ow * (channels + c->slack));
}

size_t w_count(const conv_case *c)
{
    return (size_t)(c->kh * c->kw * c->c * case_channels(c));
}

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    (void)ctx;
    size_t rounded = (bytes + align - 1) / align * align;
    void *p = aligned_alloc(align, rounded);
    if (p)
        memset(p, 0xff, rounded); /* NaN everywhere */
    return p;
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

static uint32_t host_threads(void *ctx)
{
    return ((test_host *)ctx)->threads;
}

static void host_parallel(void *ctx, uint32_t n, thaw_task_fn fn, void *arg)
{
    test_host *h = ctx;
    uint32_t *order = malloc(n * sizeof *order);
    assert_non_null(order);
    for (uint32_t i = 0; i < n; i++)
        order[i] = i;
    for (uint32_t i = n; i > 1; i--) {
        uint32_t j = next_random(&h->state) % i, t = order[j];
        order[j] = order[i - 1];
        order[i - 1] = t;
    }
    for (uint32_t i = 0; i < n; i++)
        fn(arg, order[i], i % h->threads);
    free(order);
}

bool machine_has(cpu_isa isa)
{
#if defined(__x86_64__)
    if (isa == CPU_ISA_AVX512)
        return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
               __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw");
    if (isa == CPU_ISA_AVX2)
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#endif
    return isa == CPU_ISA_GENERIC;
}

/* Whether the compiler knew the instructions. */
static bool built_for_amx(void)
{
    for (size_t i = 0; cpu_conv_algos[i]; i++) {
        if (strcmp(cpu_conv_algos[i]->name, "3xbf16 amx") == 0)
            return true;
    }
    return false;
}

bool machine_has_amx(void)
{
    static int has = -1;
    if (has < 0) {
        has = built_for_amx() && cpu_take_amx_bf16();
        if (!has)
            print_message("no AMX here, or none in this build: products on it are not tested\n");
    }
    return has;
}

static const cpu_algo *find_algo(const struct thaw_device *dev, const backend_op *op, run_options o)
{
    size_t wanted = o.algo;
    char why[128];
    for (size_t i = 0; cpu_conv_algos[i]; i++) {
        const cpu_algo *a = cpu_conv_algos[i];
        if (a->kind == op->kind && a->min_isa <= dev->isa && dev->isa <= a->max_isa &&
            (!o.name || strcmp(a->name, o.name) == 0) && a->accepts(dev, op, why, sizeof why) &&
            wanted-- == 0)
            return a;
    }
    return NULL;
}

static thaw_tensor tensor(thaw_role role, int n, int h, int w, int c, int slack)
{
    return (thaw_tensor){sizeof(thaw_tensor), THAW_F32, role, n, h, w, c, c + slack};
}

static bool run(backend_op *op, run_options o, const conv_case *c, void **args)
{
    test_host state = {o.threads, o.shuffle};
    const thaw_host host = {.struct_size = sizeof host,
                            .ctx = &state,
                            .alloc = host_alloc,
                            .free = host_free,
                            .thread_count = host_threads,
                            .parallel_for = host_parallel};
    const struct thaw_device dev = {.host = &host,
                                    .isa = o.isa,
                                    .threads = o.threads,
                                    .l2_bytes = o.large_cache ? 1 << 20 : 16384,
                                    .l3_bytes = 1 << 20,
                                    .amx_bf16 = o.isa == CPU_ISA_AVX512 && machine_has_amx()};
    op->attr.conv =
        (thaw_conv_attr){sizeof(thaw_conv_attr), c->stride_h, c->stride_w, c->pad_top, c->pad_left, 0};
    if (op->kind == THAW_OP_CONV2D)
        op->attr.conv.relu_mask = c->relu_mask;
    const cpu_algo *algo = find_algo(&dev, op, o);
    if (!algo) {
        assert_true(o.algo > 0);
        return false;
    }
    const void *consts[3] = {NULL};
    for (uint32_t i = 0; i < op->n_in; i++) {
        if (op->in[i].role == THAW_ROLE_CONST) {
            consts[i] = args[i];
            args[i] = NULL;
        }
    }
    cpu_call call = {.dev = &dev, .op = op, .args = args};
    if (algo->prepare)
        assert_int_equal(algo->prepare(&dev, op, consts, &call.state, NULL), THAW_OK);
    size_t bytes = algo->workspace ? algo->workspace(&dev, op) : 0;
    assert_true(bytes != SIZE_MAX);
    call.workspace = bytes ? host_alloc(NULL, bytes, 64) : NULL;
    algo->run(&call);
    free(call.workspace);
    if (algo->destroy)
        algo->destroy(&dev, call.state);
    return true;
}

bool run_forward(const conv_case *c, run_options o, const float *x, const float *w, const float *bias,
                 float *const *y)
{
    const thaw_role role = o.const_weights ? THAW_ROLE_CONST : THAW_ROLE_MUTABLE;
    const int channels = case_channels(c);
    thaw_tensor in[3] = {tensor(THAW_ROLE_ACTIVATION, c->n, c->h, c->w, c->c, c->slack),
                         tensor(role, c->kh, c->kw, c->c, channels, 0),
                         tensor(THAW_ROLE_MUTABLE, 1, 1, 1, channels, 0)};
    if (o.shuffle % 2) /* a constant bias beside changing weights, and the other way round, are legal */
        in[2].role = THAW_ROLE_CONST;
    thaw_tensor out[MAX_OUTS];
    backend_op op = {
        .kind = THAW_OP_CONV2D, .n_in = bias ? 3 : 2, .n_out = (uint32_t)c->n_outs, .in = in, .out = out};
    void *args[3 + MAX_OUTS] = {(void *)(uintptr_t)x, (void *)(uintptr_t)w, (void *)(uintptr_t)bias};
    for (int i = 0; i < c->n_outs; i++) {
        out[i] = tensor(THAW_ROLE_ACTIVATION, c->n, c->oh, c->ow, c->outs[i], c->slack);
        args[op.n_in + (uint32_t)i] = y[i];
    }
    return run(&op, o, c, args);
}

bool run_bwd_data(const conv_case *c, run_options o, const float *dy, const float *w, float *dx)
{
    const int channels = case_channels(c);
    thaw_tensor in[2] = {
        tensor(THAW_ROLE_ACTIVATION, c->n, c->oh, c->ow, channels, c->slack),
        tensor(o.const_weights ? THAW_ROLE_CONST : THAW_ROLE_MUTABLE, c->kh, c->kw, c->c, channels, 0)};
    thaw_tensor out = tensor(THAW_ROLE_ACTIVATION, c->n, c->h, c->w, c->c, c->slack);
    backend_op op = {.kind = THAW_OP_CONV2D_BWD_DATA, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    void *args[3] = {(void *)(uintptr_t)dy, (void *)(uintptr_t)w, dx};
    return run(&op, o, c, args);
}

bool run_bwd_filter(const conv_case *c, run_options o, const float *x, const float *dy, float *dw)
{
    const int channels = case_channels(c);
    thaw_tensor in[2] = {tensor(THAW_ROLE_ACTIVATION, c->n, c->h, c->w, c->c, c->slack),
                         tensor(THAW_ROLE_ACTIVATION, c->n, c->oh, c->ow, channels, c->slack)};
    thaw_tensor out = tensor(THAW_ROLE_ACTIVATION, c->kh, c->kw, c->c, channels, 0);
    backend_op op = {.kind = THAW_OP_CONV2D_BWD_FILTER, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    void *args[3] = {(void *)(uintptr_t)x, (void *)(uintptr_t)dy, dw};
    return run(&op, o, c, args);
}
