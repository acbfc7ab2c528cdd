/* Winograd's convolutions: how exact each variant is, and what infinities and NaN of an image do. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "backends/cpu/conv/wino/wino.h"
#include "run_conv.h"

static const cpu_isa isas[] = {CPU_ISA_GENERIC, CPU_ISA_AVX2, CPU_ISA_AVX512};
#define N_ISAS (sizeof isas / sizeof *isas)

/* Relative L2 error against sums in double on random data of both signs, at most, in units of 1e-6: half more
 * than what was measured. It is a matter of the points, not of the instruction set. */
static const double bounds[WINO_VARIANTS] = {
    [WINO_2x2_3x3_1] = 0.35, [WINO_4x4_3x3_1] = 1.0, [WINO_5x5_3x3_1] = 2.0, [WINO_6x6_3x3_1] = 4.2,
    [WINO_2x2_5x5_1] = 1.3,  [WINO_4x4_5x5_1] = 4.4, [WINO_1x3_1x7_1] = 1.6, [WINO_1x4_1x7_1] = 2.4,
    [WINO_1x6_1x7_1] = 6.0,  [WINO_3x1_7x1_1] = 1.6, [WINO_4x1_7x1_1] = 2.4, [WINO_6x1_7x1_1] = 6.0,
    [WINO_1x4_1x3_1] = 0.5,  [WINO_1x8_1x3_1] = 2.6, [WINO_4x1_3x1_1] = 0.5, [WINO_8x1_3x1_1] = 2.6,
    [WINO_2x2_3x3_2] = 0.28, [WINO_3x3_3x3_2] = 0.3,
};

enum { IN = 132, OUT = 40 };

/* Three tiles and a rest each way, padded where a layer of the network is. */
static conv_case case_of(const wino_variant *v)
{
    const int oh = (int)(v->rh == 1 ? 2 : 3 * v->mh + 1), ow = (int)(v->rw == 1 ? 2 : 3 * v->mw + 1);
    const int rh = (int)v->rh, rw = (int)v->rw, s = (int)v->stride;
    const int pad_h = s == 1 ? rh / 2 : 0, pad_w = s == 1 ? rw / 2 : 0;
    const int h = (oh - 1) * s + rh - 2 * pad_h, w = (ow - 1) * s + rw - 2 * pad_w;
    return (conv_case){2, h, w, IN, rh, rw, s, s, pad_h, pad_w, oh, ow, 1, {OUT}, 0, 0};
}

/* Output o of pixel (n, oy, ox), in double. */
static double sum_at(const conv_case *c, const float *x, const float *w, int n, int oy, int ox, int o)
{
    double sum = 0;
    for (int i = 0; i < c->kh; i++) {
        for (int j = 0; j < c->kw; j++) {
            const int y = oy * c->stride_h - c->pad_top + i, q = ox * c->stride_w - c->pad_left + j;
            if (y < 0 || y >= c->h || q < 0 || q >= c->w)
                continue;
            for (int k = 0; k < c->c; k++)
                sum += (double)x[((n * c->h + y) * c->w + q) * c->c + k] *
                       (double)w[((i * c->kw + j) * c->c + k) * OUT + o];
        }
    }
    return sum;
}

static double relative_error(const conv_case *c, run_options o)
{
    float *x = fill_floats(x_count(c), 11), *w = fill_floats(w_count(c), 12);
    float *y = fill_floats(y_count(c, OUT), NAN_FILL);
    double error = 0, size = 0;
    assert_true(run_forward(c, o, x, w, NULL, &y));
    for (int p = 0; p < c->n * c->oh * c->ow; p++) {
        for (int k = 0; k < OUT; k++) {
            const double want = sum_at(c, x, w, p / c->ow / c->oh, p / c->ow % c->oh, p % c->ow, k);
            error += (y[p * OUT + k] - want) * (y[p * OUT + k] - want);
            size += want * want;
        }
    }
    free(x), free(w), free(y);
    return sqrt(error / size);
}

static void every_variant_is_exact_enough(void **state)
{
    (void)state;
    for (size_t variant = 0; variant < WINO_VARIANTS; variant++) {
        const conv_case c = case_of(&cpu_wino_variants[variant]);
        for (size_t i = 0; i < N_ISAS; i++) {
            if (!machine_has(isas[i]))
                continue;
            const double error = relative_error(
                &c, (run_options){isas[i], 2, true, 1, 0, cpu_wino_variants[variant].name, false});
            print_message("%-22s isa %d: relative L2 error %.2e, at most %.2e\n",
                          cpu_wino_variants[variant].name, (int)isas[i], error, 1e-6 * bounds[variant]);
            assert_true(error <= 1e-6 * bounds[variant]);
            assert_true(error > 1e-9); /* it is not the direct algorithm in disguise */
        }
    }
}

/* One odd number reaches the outputs whose window holds it; all others are as if it were 0. */
static void check_odd(const conv_case *c, run_options o, float odd)
{
    float *x = fill_floats(x_count(c), 21), *w = fill_floats(w_count(c), 22);
    float *y = fill_floats(y_count(c, OUT), NAN_FILL), *clean = fill_floats(y_count(c, OUT), NAN_FILL);
    const int at_y = c->h / 2, at_x = c->w / 2, channel = IN - 1;
    float *place = &x[(at_y * c->w + at_x) * c->c + channel];
    *place = 0.0f;
    assert_true(run_forward(c, o, x, w, NULL, &clean));
    *place = odd;
    assert_true(run_forward(c, o, x, w, NULL, &y));
    for (int p = 0; p < c->n * c->oh * c->ow; p++) {
        const int i = at_y - (p / c->ow % c->oh * c->stride_h - c->pad_top);
        const int j = at_x - (p % c->ow * c->stride_w - c->pad_left);
        const bool reached = p < c->oh * c->ow && i >= 0 && i < c->kh && j >= 0 && j < c->kw;
        for (int k = 0; k < OUT; k++) {
            if (reached)
                assert_false(isfinite(y[p * OUT + k]));
            else
                assert_memory_equal(&y[p * OUT + k], &clean[p * OUT + k], sizeof(float));
        }
    }
    free(x), free(w), free(y), free(clean);
}

static void an_odd_number_stays_in_its_windows(void **state)
{
    (void)state;
    for (size_t variant = 0; variant < WINO_VARIANTS; variant++) {
        const conv_case c = case_of(&cpu_wino_variants[variant]);
        for (size_t i = 0; i < N_ISAS; i++) {
            if (!machine_has(isas[i]))
                continue;
            const run_options o = {isas[i], 2, true, 1, 0, cpu_wino_variants[variant].name, false};
            check_odd(&c, o, NAN);
            check_odd(&c, o, INFINITY);
        }
    }
}

/* Calls `check` with each variant's way on AMX. */
static void each_on_amx(void (*check)(const conv_case *c, size_t variant, run_options o))
{
    if (!machine_has_amx())
        skip();
    for (size_t variant = 0; variant < WINO_VARIANTS; variant++) {
        const conv_case c = case_of(&cpu_wino_variants[variant]);
        char name[64];
        snprintf(name, sizeof name, "%s amx", cpu_wino_variants[variant].name);
        check(&c, variant, (run_options){CPU_ISA_AVX512, 2, true, 1, 0, name, false});
    }
}

static void check_error(const conv_case *c, size_t variant, run_options o)
{
    const double error = relative_error(c, o);
    print_message("%s: relative L2 error %.2e\n", o.name, error);
    assert_true(error <= 1e-6 * bounds[variant]);
    assert_true(error > 1e-9);
}

static void every_variant_is_exact_enough_on_amx(void **state)
{
    (void)state;
    each_on_amx(check_error);
}

static void check_both_odd(const conv_case *c, size_t variant, run_options o)
{
    (void)variant;
    check_odd(c, o, NAN);
    check_odd(c, o, INFINITY);
}

static void an_odd_number_stays_in_its_windows_on_amx(void **state)
{
    (void)state;
    each_on_amx(check_both_odd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_variant_is_exact_enough),
        cmocka_unit_test(an_odd_number_stays_in_its_windows),
        cmocka_unit_test(every_variant_is_exact_enough_on_amx),
        cmocka_unit_test(an_odd_number_stays_in_its_windows_on_amx),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
