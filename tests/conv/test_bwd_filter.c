/* The gradient in the filter by Winograd against plain loops in double, and its bits for any number of
 * threads. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run_conv.h"

/* Large enough for the algorithm, and with remainders of tiles, vectors and passes. */
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

static const cpu_algo *winograd(void)
{
    for (size_t i = 0; cpu_conv_algos[i]; i++) {
        const cpu_algo *a = cpu_conv_algos[i];
        if (a->kind == THAW_OP_CONV2D_BWD_FILTER && strcmp(a->name, "winograd") == 0)
            return a;
    }
    fail_msg("there is no such algorithm");
    return NULL;
}

/* False: the algorithm does not take the case. Memory that is not written stays NaN. */
static bool run_case(const conv_case *c, cpu_isa isa, uint32_t threads, float *x, float *dy, float *dw)
{
    const thaw_host host = {.struct_size = sizeof host,
                            .ctx = &threads,
                            .alloc = host_alloc,
                            .free = host_free,
                            .parallel_for = host_parallel};
    const struct thaw_device dev = {.host = &host,
                                    .isa = isa,
                                    .threads = threads,
                                    .l2_bytes = (size_t)1 << 20,
                                    .l3_bytes = (size_t)8 << 20};
    thaw_tensor in[2] = {tensor(c->n, c->h, c->w, c->c, c->slack),
                         tensor(c->n, c->oh, c->ow, c->outs[0], c->slack)};
    thaw_tensor out = tensor(c->kh, c->kw, c->c, c->outs[0], 0);
    backend_op op = {.kind = THAW_OP_CONV2D_BWD_FILTER, .n_in = 2, .n_out = 1, .in = in, .out = &out};
    op.attr.conv =
        (thaw_conv_attr){sizeof op.attr.conv, c->stride_h, c->stride_w, c->pad_top, c->pad_left, 0};
    const cpu_algo *algo = winograd();
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
        const int y = oy - c->pad_top + tap / c->kw, sx = ox - c->pad_left + tap % c->kw;
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

static void matches_plain_loops(void **state)
{
    (void)state;
    for (size_t k = 0; k < N_CASES; k++) {
        const conv_case *c = &cases[k];
        float *x = fill_floats(x_count(c), 1), *dy = fill_floats(y_count(c, c->outs[0]), 3);
        for (size_t i = 0; i < sizeof isas / sizeof *isas; i++) {
            if (!machine_has(isas[i]))
                continue;
            float *one = fill_floats(w_count(c), NAN_FILL), *three = fill_floats(w_count(c), NAN_FILL);
            assert_true(run_case(c, isas[i], 1, x, dy, one));
            assert_true(run_case(c, isas[i], 3, x, dy, three));
            assert_memory_equal(one, three, w_count(c) * sizeof *one);
            expect_sums(c, x, dy, one);
            free(one), free(three);
        }
        free(x), free(dy);
    }
}

static void refuses_what_it_would_do_badly(void **state)
{
    (void)state;
    conv_case few = cases[0], strided = cases[1], narrow = cases[0], pointwise = cases[3];
    few.n = 1;
    strided.stride_h = 2;
    narrow.c = 3;
    pointwise.kh = 1;
    const conv_case *const all[] = {&few, &strided, &narrow, &pointwise};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_false(run_case(all[i], CPU_ISA_GENERIC, 1, NULL, NULL, NULL));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(matches_plain_loops),
        cmocka_unit_test(refuses_what_it_would_do_badly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
