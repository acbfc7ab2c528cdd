/* The fast convolutions against plain loops in double, on shapes chosen to hit every remainder. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "run_conv.h"

static const conv_case cases[] = {
    /* n, h, w, c, kh, kw, sh, sw, pt, pl, oh, ow, outputs, relu, slack */
    {1, 1, 1, 5, 1, 1, 1, 1, 0, 0, 1, 1, 1, {5}, 0, 0},              /* a dense layer */
    {3, 1, 1, 80, 1, 1, 1, 1, 0, 0, 1, 1, 1, {17}, 0, 3},            /* a dense layer */
    {2, 5, 7, 48, 1, 1, 1, 1, 0, 0, 5, 7, 3, {32, 5, 17}, 5, 7},     /* siblings of one input */
    {2, 9, 9, 3, 3, 3, 2, 2, 0, 0, 4, 4, 1, {32}, 1, 0},             /* first layer: merged taps */
    {2, 9, 9, 3, 3, 3, 2, 2, 0, 0, 4, 4, 1, {32}, 1, 1},             /* the same, not contiguous */
    {2, 12, 67, 3, 3, 4, 3, 2, 0, 0, 4, 32, 2, {37, 5}, 1, 0},       /* few channels: several tiles a line */
    {1, 8, 8, 17, 3, 3, 1, 1, 0, 0, 6, 6, 2, {33, 1}, 2, 0},         /* valid */
    {3, 6, 5, 33, 3, 3, 1, 1, 1, 1, 6, 5, 1, {80}, 0, 5},            /* same */
    {1, 7, 7, 5, 5, 5, 1, 1, 2, 2, 7, 7, 1, {17}, 1, 0},             /* 5x5 */
    {2, 9, 8, 16, 1, 7, 1, 1, 0, 3, 9, 8, 1, {48}, 0, 0},            /* 1x7 */
    {2, 8, 9, 16, 7, 1, 1, 1, 3, 0, 8, 9, 1, {47}, 1, 0},            /* 7x1: taps above and below */
    {2, 8, 8, 20, 1, 3, 1, 1, 0, 1, 8, 8, 1, {31}, 0, 0},            /* 1x3 */
    {1, 9, 10, 4, 3, 3, 2, 3, 1, 1, 5, 4, 1, {9}, 0, 2},             /* unequal strides, padded */
    {2, 7, 7, 6, 2, 2, 3, 3, 0, 0, 2, 2, 1, {5}, 0, 0},              /* stride beyond the filter */
    {1, 5, 6, 4, 3, 3, 1, 1, 1, 1, 5, 5, 1, {9}, 0, 0},              /* padded on the left alone */
    {1, 4, 4, 1, 3, 3, 1, 1, 1, 1, 4, 4, 1, {1}, 0, 0},              /* one channel */
    {5, 9, 9, 30, 3, 1, 1, 1, 1, 0, 9, 9, 1, {300}, 0, 0},           /* several chunks and groups */
    {1, 3, 3, 130, 1, 1, 1, 1, 0, 0, 3, 3, 1, {40}, 0, 0},           /* several groups of inputs */
    {2, 17, 13, 37, 3, 3, 1, 1, 1, 0, 16, 13, 3, {33, 16, 5}, 5, 3}, /* many tiles, odd ones at each edge */
    {1, 14, 15, 18, 5, 5, 1, 1, 2, 1, 12, 14, 1, {36}, 1, 1},        /* 5x5: several tiles */
    {3, 3, 31, 19, 1, 3, 1, 1, 0, 2, 3, 32, 1, {16}, 0, 0},          /* 1x3: several tiles */
    {2, 17, 14, 37, 3, 3, 2, 2, 1, 0, 9, 7, 3, {33, 16, 5}, 5, 3},   /* stride 2: odd tiles at each edge */
    {3, 15, 13, 20, 3, 3, 2, 2, 0, 1, 7, 7, 1, {40}, 1, 2},          /* stride 2: one output */
    {2, 27, 23, 30, 3, 3, 2, 2, 1, 0, 14, 11, 2, {33, 7}, 1, 2},     /* stride 2: regions of several lines */
    {1, 23, 29, 32, 3, 2, 2, 1, 2, 1, 12, 28, 1, {20}, 0, 0},        /* the same, with one stride of 1 */
    {1, 9, 41, 62, 1, 5, 1, 2, 0, 3, 9, 21, 1, {12}, 1, 0},          /* and with the other */
};
#define N_CASES (sizeof cases / sizeof *cases)

static const cpu_isa isas[] = {CPU_ISA_GENERIC, CPU_ISA_AVX2, CPU_ISA_AVX512};
#define N_ISAS (sizeof isas / sizeof *isas)

/* Rows of x and y, and the tap of w, of one product of the sum. */
typedef struct {
    size_t x_row, y_row, tap;
} product;

static bool product_at(const conv_case *c, int n, int oy, int ox, int i, int j, product *p)
{
    int y = oy * c->stride_h - c->pad_top + i, x = ox * c->stride_w - c->pad_left + j;
    if (y < 0 || y >= c->h || x < 0 || x >= c->w)
        return false;
    p->x_row = (size_t)((n * c->h + y) * c->w + x);
    p->y_row = (size_t)((n * c->oh + oy) * c->ow + ox);
    p->tap = (size_t)(i * c->kw + j);
    return true;
}

enum { FORWARD, DATA, FILTER };

/* Adds every product to the one of the three dense double arrays that `which` says; the other two are read:
 * y[row][o] += x[row][c] * w[tap][c][o], and its adjoints. Magnitudes go to mag, for the tolerance. */
static void plain_loops(const conv_case *c, int which, const float *x, const float *w, const float *dy,
                        double *sum, double *mag)
{
    const size_t in = (size_t)c->c, out = (size_t)case_channels(c), slack = (size_t)c->slack;
    const int positions = c->n * c->oh * c->ow;
    for (int at = 0; at < positions * c->kh * c->kw; at++) {
        int tap = at % (c->kh * c->kw), q = at / (c->kh * c->kw);
        product p;
        if (!product_at(c, q / c->ow / c->oh, q / c->ow % c->oh, q % c->ow, tap / c->kw, tap % c->kw, &p))
            continue;
        for (size_t ci = 0; ci < in; ci++) {
            for (size_t o = 0; o < out; o++) {
                size_t xi = p.x_row * in + ci, yi = p.y_row * out + o, wi = (p.tap * in + ci) * out + o;
                double a = which == DATA ? 1 : x[p.x_row * (in + slack) + ci];
                double b = which == FILTER ? 1 : w[wi];
                double g = which == FORWARD ? 1 : dy[p.y_row * (out + slack) + o];
                size_t to = which == FORWARD ? yi : which == DATA ? xi : wi;
                sum[to] += a * b * g;
                mag[to] += fabs(a * b * g);
            }
        }
    }
}

static double *zero_doubles(size_t n)
{
    double *p = calloc(n, sizeof *p);
    assert_non_null(p);
    return p;
}

/* Rows of `channels` as wanted, each before `slack` elements that must still be NaN. Sums of `terms` products
 * may be off by what thaw_ops.h, "Accuracy", allows by the rule sum. */
static void expect_rows(const char *what, const float *got, size_t rows, size_t channels, size_t slack,
                        size_t terms, const double *want, const double *mag)
{
    const double factor = 0x1p-24 * (16 + 2 * sqrt((double)terms));
    double most = 0;
    for (size_t i = 0; i < rows * channels; i++)
        most = fmax(most, mag[i]);
    for (size_t r = 0; r < rows; r++) {
        const float *row = got + r * (channels + slack);
        for (size_t k = 0; k < channels; k++) {
            const double allowed = factor * (mag[r * channels + k] + most / 16);
            if (!(fabs((double)row[k] - want[r * channels + k]) <= allowed))
                fail_msg("%s: row %zu, channel %zu is %.9g instead of %.9g, allowed %.3g", what, r, k,
                         (double)row[k], want[r * channels + k], allowed);
        }
        for (size_t k = 0; k < slack; k++) {
            if (!isnan(row[channels + k]))
                fail_msg("%s: row %zu wrote behind its channels", what, r);
        }
    }
}

static bool check_forward(const conv_case *c, run_options o, bool has_bias)
{
    const size_t rows = (size_t)(c->n * c->oh * c->ow), all = (size_t)case_channels(c);
    float *x = fill_floats(x_count(c), 1), *w = fill_floats(w_count(c), 2), *bias = fill_floats(all, 3);
    double *sum = zero_doubles(rows * all), *mag = zero_doubles(rows * all);
    float *y[MAX_OUTS];
    for (int i = 0; i < c->n_outs; i++)
        y[i] = fill_floats(y_count(c, c->outs[i]), NAN_FILL);
    plain_loops(c, FORWARD, x, w, NULL, sum, mag);
    const bool ran = run_forward(c, o, x, w, has_bias ? bias : NULL, y);
    size_t first = 0;
    for (int i = 0; ran && i < c->n_outs; i++) {
        const size_t mine = (size_t)c->outs[i];
        double *want = zero_doubles(rows * mine), *size = zero_doubles(rows * mine);
        for (size_t k = 0; k < rows * mine; k++) {
            size_t from = k / mine * all + first + k % mine;
            want[k] = sum[from] + (has_bias ? (double)bias[first + k % mine] : 0);
            want[k] = want[k] < 0 && (c->relu_mask >> i & 1) ? 0 : want[k];
            size[k] = mag[from] + 1;
        }
        expect_rows("y", y[i], rows, mine, (size_t)c->slack, (size_t)(c->kh * c->kw * c->c), want, size);
        free(want);
        free(size);
        first += mine;
    }
    for (int i = 0; i < c->n_outs; i++)
        free(y[i]);
    free(x), free(w), free(bias), free(sum), free(mag);
    return ran;
}

static bool check_data(const conv_case *c, run_options o)
{
    const size_t pixels = (size_t)(c->n * c->h * c->w), in = (size_t)c->c, out = (size_t)case_channels(c);
    float *w = fill_floats(w_count(c), 2), *dy = fill_floats(y_count(c, (int)out), 3);
    float *dx = fill_floats(x_count(c), NAN_FILL);
    double *sum = zero_doubles(pixels * in), *mag = zero_doubles(pixels * in);
    plain_loops(c, DATA, NULL, w, dy, sum, mag);
    const bool ran = run_bwd_data(c, o, dy, w, dx);
    if (ran)
        expect_rows("dx", dx, pixels, in, (size_t)c->slack, (size_t)(c->kh * c->kw) * out, sum, mag);
    free(w), free(dy), free(dx), free(sum), free(mag);
    return ran;
}

static void check_filter(const conv_case *c, run_options o)
{
    const size_t out = (size_t)case_channels(c);
    float *x = fill_floats(x_count(c), 1), *dy = fill_floats(y_count(c, (int)out), 3);
    float *dw = fill_floats(w_count(c), NAN_FILL);
    double *sum = zero_doubles(w_count(c)), *mag = zero_doubles(w_count(c));
    plain_loops(c, FILTER, x, NULL, dy, sum, mag);
    run_bwd_filter(c, o, x, dy, dw);
    expect_rows("dw", dw, w_count(c) / out, out, 0, (size_t)(c->n * c->oh * c->ow), sum, mag);
    free(x), free(dy), free(dw), free(sum), free(mag);
}

static void every_case(void (*check)(const conv_case *c, run_options o))
{
    size_t ran = 0;
    for (size_t i = 0; i < N_ISAS; i++) {
        if (!machine_has(isas[i]))
            continue;
        for (size_t k = 0; k < 2 * N_CASES; k++, ran++)
            check(&cases[k / 2], (run_options){isas[i], 1 + (uint32_t)(k / 2) % 3, k / 2 % 2 == 0,
                                               (unsigned)(k / 4), 0, NULL, k % 2 == 1});
    }
    assert_true(ran >= 2 * N_CASES);
}

static void forward_case(const conv_case *c, run_options o)
{
    for (bool more = true; more; o.algo++) {
        more = check_forward(c, o, true);
        o.const_weights = !o.const_weights;
        check_forward(c, o, o.const_weights);
    }
}

static void backward_case(const conv_case *c, run_options o)
{
    check_filter(c, o);
    for (bool more = true; more; o.algo++) {
        more = check_data(c, o);
        o.const_weights = !o.const_weights;
        check_data(c, o);
    }
}

static void forward_matches_plain_loops(void **state)
{
    (void)state;
    every_case(forward_case);
}

static void backward_matches_plain_loops(void **state)
{
    (void)state;
    every_case(backward_case);
}

/* Forward and both backwards of a case of one output, in one array; caller frees. */
static float *all_results(const conv_case *c, run_options o, const float *x, const float *w, const float *dy,
                          size_t *count, bool *more)
{
    const size_t ny = y_count(c, case_channels(c)), nx = x_count(c), nw = w_count(c);
    float *r = fill_floats(ny + nx + nw, 1);
    *more = run_forward(c, o, x, w, NULL, &r);
    *more |= run_bwd_data(c, o, dy, w, r + ny);
    run_bwd_filter(c, o, x, dy, r + ny + nx);
    *count = ny + nx + nw;
    return r;
}

static void threads_do_not_change_bits(const conv_case *c, run_options o)
{
    if (c->n_outs > 1)
        return;
    float *x = fill_floats(x_count(c), 4), *w = fill_floats(w_count(c), 5);
    float *dy = fill_floats(y_count(c, case_channels(c)), 6);
    size_t n;
    for (bool more = true; more; o.algo++) {
        float *one = all_results(c, (run_options){o.isa, 1, true, 0, o.algo, NULL, o.large_cache}, x, w, dy,
                                 &n, &more);
        float *three = all_results(c, (run_options){o.isa, 3, true, 77, o.algo, NULL, o.large_cache}, x, w,
                                   dy, &n, &more);
        float *mutable_weights = all_results(
            c, (run_options){o.isa, 2, false, 5, o.algo, NULL, o.large_cache}, x, w, dy, &n, &more);
        assert_memory_equal(one, three, n * sizeof *one);
        assert_memory_equal(one, mutable_weights, n * sizeof *one);
        free(one), free(three), free(mutable_weights);
    }
    free(x), free(w), free(dy);
}

static void same_bits_for_any_threads_and_role(void **state)
{
    (void)state;
    every_case(threads_do_not_change_bits);
}

static void batch_does_not_change_bits(const conv_case *c, run_options o)
{
    if (c->n_outs > 1)
        return;
    conv_case big = *c, one = *c;
    big.n = 5;
    one.n = 1;
    const int out = case_channels(c);
    const size_t ny = y_count(&one, out), nx = x_count(&one);
    float *x = fill_floats(5 * nx, 7), *w = fill_floats(w_count(c), 8), *dy = fill_floats(5 * ny, 9);
    float *y5 = fill_floats(5 * ny, NAN_FILL), *y1 = fill_floats(ny, NAN_FILL);
    float *dx5 = fill_floats(5 * nx, NAN_FILL), *dx1 = fill_floats(nx, NAN_FILL);
    for (bool more = true; more; o.algo++) {
        const bool y = run_forward(&big, o, x, w, NULL, &y5), dx = run_bwd_data(&big, o, dy, w, dx5);
        more = y || dx;
        for (size_t k = 0; k < 5; k += 3) {
            if (y && run_forward(&one, o, x + k * nx, w, NULL, &y1))
                assert_memory_equal(y1, y5 + k * ny, ny * sizeof *y1);
            if (dx && run_bwd_data(&one, o, dy + k * ny, w, dx1))
                assert_memory_equal(dx1, dx5 + k * nx, nx * sizeof *dx1);
        }
    }
    free(x), free(w), free(dy), free(y5), free(y1), free(dx5), free(dx1);
}

static void same_bits_for_any_batch(void **state)
{
    (void)state;
    every_case(batch_does_not_change_bits);
}

static void relu_lets_nan_through(void **state)
{
    (void)state;
    const conv_case c = {1, 1, 2, 3, 1, 1, 1, 1, 0, 0, 1, 2, 1, {20}, 1, 0};
    for (size_t i = 0; i < N_ISAS; i++) {
        if (!machine_has(isas[i]))
            continue;
        float *x = fill_floats(x_count(&c), 1), *w = fill_floats(w_count(&c), 2);
        float *y = fill_floats(y_count(&c, 20), 3);
        x[1] = NAN;
        run_forward(&c, (run_options){isas[i], 1, true, 0, 0, NULL, false}, x, w, NULL, &y);
        for (size_t k = 0; k < 20; k++) {
            assert_true(isnan(y[k]));
            assert_true(y[20 + k] >= 0.0f);
        }
        free(x), free(w), free(y);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(forward_matches_plain_loops),
        cmocka_unit_test(backward_matches_plain_loops),
        cmocka_unit_test(same_bits_for_any_threads_and_role),
        cmocka_unit_test(same_bits_for_any_batch),
        cmocka_unit_test(relu_lets_nan_through),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
