/* Winograd's transforms in exact fractions: the very text that the CPU's kernels are compiled from, on
 * numbers that do not round. For each input that is 1 at one place and each filter that is 1 at one tap, the
 * products of their transforms give the correlation of the two and nothing else. Both being linear, so it is
 * for all others. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

__extension__ typedef __int128 wide;

/* den > 0, no common divisor. */
typedef struct {
    wide num, den;
} fraction;

static wide times(wide a, wide b)
{
    wide r;
    if (__builtin_mul_overflow(a, b, &r))
        fail_msg("a fraction needs more than 128 bits");
    return r;
}

static fraction reduced(wide num, wide den)
{
    wide a = num < 0 ? -num : num, b = den;
    while (b) {
        wide rest = a % b;
        a = b;
        b = rest;
    }
    return (fraction){num / a, den / a};
}

static fraction mul(fraction a, fraction b)
{
    fraction x = reduced(a.num, b.den), y = reduced(b.num, a.den);
    return (fraction){times(x.num, y.num), times(x.den, y.den)};
}

static fraction add(fraction a, fraction b)
{
    wide num;
    if (__builtin_add_overflow(times(a.num, b.den), times(b.num, a.den), &num))
        fail_msg("a sum needs more than 128 bits");
    return reduced(num, times(a.den, b.den));
}

#define WINO_T                   fraction
#define WINO_INLINE              static inline
#define WINO_FMA(num, den, x, y) add(mul((fraction){num, den}, x), y)
#define WINO_MUL(num, den, x)    mul((fraction){num, den}, x)
#define WINO_ADD(x, y)           add(x, y)
#define WINO_SUB(x, y)           add(x, mul((fraction){-1, 1}, y))
#define WINO_FACTOR              fraction
#define WINO_Q(num, den)                                                                                     \
    {                                                                                                        \
        num, den                                                                                             \
    }
#include "wino_transforms.h"

#define MAX_N 16

typedef void (*transform_fn)(const fraction *from, fraction *to);

/* The last of `rows` rows of the filter's transform is the factor of all points from there on. */
static void check(int m, int r, int stride, transform_fn input, transform_fn output, const fraction *filter,
                  int rows)
{
    const int n = (m - 1) * stride + r;
    assert_true(n <= MAX_N);
    for (int at = 0; at < n; at++) {
        for (int tap = 0; tap < r; tap++) {
            fraction d[MAX_N], v[MAX_N], y[MAX_N];
            for (int i = 0; i < n; i++)
                d[i] = (fraction){i == at, 1};
            input(d, v);
            for (int i = 0; i < n; i++)
                v[i] = mul(v[i], filter[(i < rows ? i : rows - 1) * r + tap]);
            output(v, y);
            for (int i = 0; i < m; i++) {
                if (y[i].num != (i * stride + tap == at) || y[i].den != 1)
                    fail_msg(
                        "F(%d,%d) of stride %d: input %d and tap %d make output %d the fraction %lld/%lld", m,
                        r, stride, at, tap, i, (long long)y[i].num, (long long)y[i].den);
            }
        }
    }
}

static void transforms_make_the_correlation(void **state)
{
    (void)state;
    int count = 0;
#define F(m, r, s, ...)                                                                                      \
    check(m, r, s, wino_input_##m##_##r##_##s, wino_output_##m##_##r##_##s, wino_filter_##m##_##r##_##s[0],  \
          (int)(sizeof wino_filter_##m##_##r##_##s / sizeof wino_filter_##m##_##r##_##s[0]));                \
    count++;
#include "backends/cpu/conv/wino/points.def"
#undef F
    assert_true(count > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(transforms_make_the_correlation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
