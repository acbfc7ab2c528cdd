/* The gradient in the filter by Winograd and by AMX against plain loops in double, and its bits for any
 * number of threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run_conv.h"

/* Large enough for Winograd, and with remainders of tiles, vectors and passes. */
static const conv_case cases[] = {
    /* n, h, w, c, kh, kw, sh, sw, pt, pl, oh, ow, outputs, relu, slack */
    {9, 8, 8, 33, 3, 3, 1, 1, 1, 1, 8, 8, 1, {40}, 0, 3},
    {2, 20, 19, 32, 3, 3, 1, 1, 0, 0, 18, 17, 1, {70}, 0, 0},
    {36, 14, 13, 37, 3, 3, 1, 1, 1, 0, 13, 11, 1, {32}, 0, 0}, /* two passes */
    {9, 8, 8, 33, 3, 1, 1, 1, 1, 0, 8, 8, 1, {40}, 0, 3},
    {9, 8, 8, 40, 1, 3, 1, 1, 0, 1, 8, 8, 1, {33}, 0, 3},
    {6, 19, 13, 32, 3, 1, 1, 1, 0, 0, 17, 13, 1, {70}, 0, 0},
    {30, 11, 17, 45, 1, 3, 1, 1, 0, 0, 11, 15, 1, {36}, 0, 0},
};
#define N_CASES (sizeof cases / sizeof *cases)

/* With remainders of blocks of rows, panels, chunks and passes. */
static const conv_case amx_cases[] = {
    {1, 1, 1, 5, 1, 1, 1, 1, 0, 0, 1, 1, 1, {3}, 0, 0},      /* one product */
    {3, 5, 7, 33, 1, 1, 1, 1, 0, 0, 5, 7, 1, {70}, 0, 3},    /* pixels in a row: the last block is not full */
    {32, 8, 8, 40, 1, 1, 1, 1, 0, 0, 8, 8, 1, {130}, 0, 0},  /* several chunks */
    {32, 5, 5, 32, 3, 3, 1, 1, 1, 1, 5, 5, 1, {64}, 0, 0},   /* taps outside on all sides */
    {33, 4, 6, 33, 3, 1, 1, 1, 1, 0, 4, 6, 1, {31}, 0, 2},   /* two groups of images, one of one */
    {2, 6, 4, 70, 1, 3, 1, 1, 0, 1, 6, 4, 1, {65}, 0, 0},    /* few images */
    {5, 9, 11, 20, 5, 5, 2, 3, 2, 0, 5, 3, 1, {17}, 0, 1},   /* strides */
    {4, 9, 9, 35, 1, 1, 2, 2, 0, 0, 5, 5, 1, {36}, 0, 0},    /* one tap, and a stride */
    {3, 17, 19, 18, 3, 3, 1, 1, 0, 0, 15, 17, 1, {40}, 0, 0} /* passes of some lines */
};
#define N_AMX_CASES (sizeof amx_cases / sizeof *amx_cases)

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    (void)ctx;
    return aligned_alloc(align, (bytes + align - 1) / align * align);
}

static void host_free(void *ctx, void *p)
{
    (void)ctx;
    free(p);
}

/* ctx: how many workers there seem to be. The last task comes first. */
static void host_parallel(void *ctx, uint32_t n, thaw_task_fn fn, void *arg)
{
    const uint32_t *workers = ctx;
    for (uint32_t i = n; i-- > 0;)
        fn(arg, i, i % *workers);
}

static thaw_tensor tensor(int n, int h, int w, int c, int slack)
{
    return (thaw_tensor){sizeof(thaw_tensor), THAW_F32, THAW_ROLE_ACTIVATION, n, h, w, c, c + slack};
}

static const cpu_algo *find(const char *name)
{
    for (size_t i = 0; cpu_conv_algos[i]; i++) {
        const cpu_algo *a = cpu_conv_algos[i];
        if (a->kind == THAW_OP_CONV2D_BWD_FILTER && strcmp(a->name, name) == 0)
            return a;
    }
    return NULL;
}

typedef struct {
    const char *algo;
    cpu_isa isa;
    uint32_t threads;
    size_t l2_bytes;
} run_on;

/* False: the algorithm does not take the case. Memory that is not written stays NaN. */
static bool run_case(const conv_case *c, run_on on, float *x, float *dy, float *dw)
{
    const thaw_host host = {.struct_size = sizeof host,
                            .ctx = &on.threads,
                            .alloc = host_alloc,
                            .free = host_free,
                            .parallel_for = host_parallel};
    const struct thaw_device dev = {.host = &host,
                                    .isa = on.isa,
                                    .threads = on.threads,
                                    .l2_bytes = on.l2_bytes,
                                    .l3_bytes = (size_t)8 << 20,
                                    .amx_bf16 = on.isa == CPU_ISA_AVX512 && machine_has_amx()};
    thaw_tensor in[2] = {tensor(c->n, c->h, c->w, c->c, c->slack),
                         tensor(c->n, c->oh, c->ow, c->outs[0], c->slack)};
    thaw_tensor out = tensor(c->kh, c->kw, c->c, c->outs[0], 0);
    backend_op op = {.kind = THAW_OP_CONV2D_BWD_FILTER, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    op.attr.conv =
        (thaw_conv_attr){sizeof op.attr.conv, c->stride_h, c->stride_w, c->pad_top, c->pad_left, 0};
    const cpu_algo *algo = find(on.algo);
    assert_non_null(algo);
    char why[128];
    if (!algo->accepts(&dev, &op, why, sizeof why))
        return false;
    const size_t bytes = algo->workspace(&dev, &op);
    assert_true(bytes < SIZE_MAX && algo->cost(&dev, &op) > 0);
    void *args[3] = {x, dy, dw};
    cpu_call call = {.dev = &dev, .op = &op, .args = args, .workspace = host_alloc(NULL, bytes, 64)};
    assert_non_null(call.workspace);
    memset(call.workspace, 0xff, bytes);
    algo->run(&call);
    free(call.workspace);
    return true;
}

static void expect_sums(const conv_case *c, const float *x, const float *dy, const float *dw)
{
    const size_t in = (size_t)c->c, out = (size_t)c->outs[0], n = w_count(c), slack = (size_t)c->slack;
    const size_t pixels = (size_t)(c->n * c->oh * c->ow), taps = (size_t)(c->kh * c->kw);
    double *sum = calloc(n, sizeof *sum), *mag = calloc(n, sizeof *mag), most = 0;
    assert_true(sum && mag);
    for (size_t at = 0; at < pixels * taps; at++) {
        const int tap = (int)(at % taps), q = (int)(at / taps), ox = q % c->ow, oy = q / c->ow % c->oh;
        const int y = oy * c->stride_h - c->pad_top + tap / c->kw;
        const int sx = ox * c->stride_w - c->pad_left + tap % c->kw;
        if (y < 0 || y >= c->h || sx < 0 || sx >= c->w)
            continue;
        const float *row = x + (size_t)((q / c->ow / c->oh * c->h + y) * c->w + sx) * (in + slack);
        const float *grad = dy + (size_t)q * (out + slack);
        for (size_t k = 0; k < in * out; k++) {
            const double product = (double)row[k / out] * (double)grad[k % out];
            sum[(size_t)tap * in * out + k] += product;
            mag[(size_t)tap * in * out + k] += fabs(product);
        }
    }
    for (size_t i = 0; i < n; i++)
        most = fmax(most, mag[i]);
    /* thaw_ops.h, "Accuracy", rule sum; a quarter of it, so that there is room. */
    const double factor = 0x1p-24 * (16 + 2 * sqrt((double)pixels)) / 4;
    for (size_t i = 0; i < n; i++) {
        if (!(fabs((double)dw[i] - sum[i]) <= factor * (mag[i] + most / 16)))
            fail_msg("element %zu is %.9g instead of %.9g", i, (double)dw[i], sum[i]);
    }
    free(sum), free(mag);
}

static const cpu_isa isas[] = {CPU_ISA_GENERIC, CPU_ISA_AVX2, CPU_ISA_AVX512};

#define L2 ((size_t)1 << 20)

/* The same bits on another number of threads and another size of the cache. */
static void check_case(const conv_case *c, run_on on, float *x, float *dy)
{
    run_on other = on;
    other.threads = 3;
    other.l2_bytes = on.l2_bytes / 8;
    float *one = fill_floats(w_count(c), NAN_FILL), *three = fill_floats(w_count(c), NAN_FILL);
    assert_true(run_case(c, on, x, dy, one));
    assert_true(run_case(c, other, x, dy, three));
    assert_memory_equal(one, three, w_count(c) * sizeof *one);
    expect_sums(c, x, dy, one);
    free(one), free(three);
}

static void winograd_matches_plain_loops(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_CASES; k++) {
        const conv_case *c = &cases[k];
        float *x = fill_floats(x_count(c), 1), *dy = fill_floats(y_count(c, c->outs[0]), 3);
        for (size_t i = 0; i < sizeof isas / sizeof *isas; i++)
            if (machine_has(isas[i]))
                check_case(c, (run_on){"winograd", isas[i], 1, L2}, x, dy);
        free(x), free(dy);
    }
}

static void amx_matches_plain_loops(void **state)
{
    (void)state;
    if (!machine_has_amx())
        skip();
    for (size_t k = 0; k < N_CASES + N_AMX_CASES; k++) {
        const conv_case *c = k < N_CASES ? &cases[k] : &amx_cases[k - N_CASES];
        float *x = fill_floats(x_count(c), 1), *dy = fill_floats(y_count(c, c->outs[0]), 3);
        check_case(c, (run_on){"3xbf16 amx", CPU_ISA_AVX512, 1, L2}, x, dy);
        free(x), free(dy);
    }
}

static void winograd_refuses_what_it_would_do_badly(void **state)
{
    (void)state;
    conv_case few = cases[0], strided = cases[1], narrow = cases[0], pointwise = cases[3];
    few.n = 1;
    strided.stride_h = 2;
    narrow.c = 3;
    pointwise.kh = 1;
    const conv_case *const all[] = {&few, &strided, &narrow, &pointwise};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_false(run_case(all[i], (run_on){"winograd", CPU_ISA_GENERIC, 1, L2}, NULL, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(winograd_matches_plain_loops),
        cmocka_unit_test(amx_matches_plain_loops),
        cmocka_unit_test(winograd_refuses_what_it_would_do_badly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
