/* generate.c: writes the transforms of Winograd's convolutions as straight-line code, at build time.
 *
 *   wino_generate OUTPUT.h
 *
 * An algorithm F(m,r) makes m outputs y[i] = sum over k < r of d[i + k]*g[k] from n = m + r - 1 inputs with n
 * products: y = A^T ((G g) * (B^T d)). It is Toom and Cook's multiplication of polynomials, transposed: the
 * products are values of polynomials at n - 1 points and at infinity. With finite points p[0] … p[n-2]
 *   A^T[i][j] = p[j]^i, and 1 for i = m - 1 at infinity
 *   G[j][k]   = p[j]^k / prod over l != j of (p[j] - p[l]), and 1 for k = r - 1 at infinity
 *   B^T[j]    = coefficients of prod over l != j of (x - p[l]), of the product of all at infinity
 * (R. Blahut, "Fast Algorithms for Signal Processing", Cambridge 2010, ch. 5). All in exact fractions.
 *
 * Points come as pairs +p and -p, because the polynomials of a pair share their even and their odd half: with
 * E(x) the product of the other pairs' x^2 - q^2, times x where 0 is a point, B^T d is o + p*e and o - p*e
 * for two sums e and o. Outputs in turn need the sum and the difference of a pair's products only.
 *
 * With a stride of 2 the outputs of 3 taps, y[i] = sum over k of d[2*i + k]*g[k], fall into two: the even
 * inputs meet g[0] and g[2] in an F(m,2) of stride 1, and each odd one meets g[1] once. So 2*m + 1 inputs
 * cost as many products: first those of F(m,2), then those of the odd inputs, which all have the same factor
 * g[1].
 *
 * The text works on any number type. Before it is included these are defined:
 *   WINO_T, WINO_INLINE          the type; what a function is declared with
 *   WINO_FMA(num, den, x, y)     num/den*x + y
 *   WINO_MUL(num, den, x), WINO_ADD(x, y), WINO_SUB(x, y)
 *   WINO_FACTOR, WINO_Q(num, den)  type of a filter transform's element, and num/den as its initialiser */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define MAX_PAIRS 6
#define MAX_N     (2 * MAX_PAIRS + 2)

/* den > 0, no common divisor. */
typedef struct {
    int64_t num, den;
} fraction;

typedef struct {
    int m, r, stride;
    fraction pair[MAX_PAIRS];
} transform;

static const transform table[] = {
#define F(m, r, stride, ...) {m, r, stride, {__VA_ARGS__}},
#include "points.def"
#undef F
};
#define N_TRANSFORMS (sizeof table / sizeof *table)

/* ---- exact fractions ---------------------------------------------------------------------------- */

static void give_up(const char *why)
{
    fprintf(stderr, "wino_generate: %s\n", why);
    exit(1);
}

static int64_t times(int64_t a, int64_t b)
{
    int64_t r;
    if (__builtin_mul_overflow(a, b, &r))
        give_up("a fraction of the transforms needs more than 64 bits; take simpler points");
    return r;
}

static fraction reduced(int64_t num, int64_t den)
{
    if (den == 0)
        give_up("two points are equal");
    int64_t a = num < 0 ? -num : num, b = den < 0 ? -den : den;
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    if (den < 0)
        a = -a;
    return (fraction){num / a, den / a};
}

static fraction mul(fraction a, fraction b)
{
    fraction x = reduced(a.num, b.den), y = reduced(b.num, a.den);
    return (fraction){times(x.num, y.num), times(x.den, y.den)};
}

static fraction sub(fraction a, fraction b)
{
    int64_t num;
    if (__builtin_sub_overflow(times(a.num, b.den), times(b.num, a.den), &num))
        give_up("a sum of fractions needs more than 64 bits; take simpler points");
    return reduced(num, times(a.den, b.den));
}

static fraction divide(fraction a, fraction b)
{
    return mul(a, reduced(b.den, b.num));
}

static fraction power(fraction a, int e)
{
    fraction r = {1, 1};
    while (e-- > 0)
        r = mul(r, a);
    return r;
}

static bool is_one(fraction a)
{
    return a.num == 1 && a.den == 1;
}

/* ---- what a transform is made of ---------------------------------------------------------------- */

/* Of those that the points are for: with a stride of 2 each other one, the first among them. */
static int count_taps(const transform *t)
{
    return t->stride == 1 ? t->r : 2;
}

static int count_points(const transform *t)
{
    return t->m + count_taps(t) - 1;
}

static bool has_zero(const transform *t)
{
    return count_points(t) % 2 == 0;
}

static int count_pairs(const transform *t)
{
    return (count_points(t) - 1) / 2;
}

/* Finite point j in the order of the products: 0 if it is one, +p, -p, … */
static fraction point(const transform *t, int j)
{
    if (has_zero(t) && j-- == 0)
        return (fraction){0, 1};
    fraction p = t->pair[j / 2];
    return j % 2 ? (fraction){-p.num, p.den} : p;
}

/* c[0] … c[degree], the coefficients of prod (X - q^2) over all pairs but `without`; returns the degree. */
static int product_of_pairs(const transform *t, int without, fraction *c)
{
    int degree = 0;
    c[0] = (fraction){1, 1};
    for (int j = 0; j < count_pairs(t); j++) {
        if (j == without)
            continue;
        fraction square = mul(t->pair[j], t->pair[j]);
        c[degree + 1] = c[degree];
        for (int i = degree; i > 0; i--)
            c[i] = sub(c[i - 1], mul(square, c[i]));
        c[0] = sub((fraction){0, 1}, mul(square, c[0]));
        degree++;
    }
    return degree;
}

/* ---- code --------------------------------------------------------------------------------------- */

static void write_head(FILE *f, const char *what, const char *name, const char *arguments, const transform *t)
{
    fprintf(f, "/* %s */\nWINO_INLINE void wino_%s_%d_%d_%d(%s)\n{\n", what, name, t->m, t->r, t->stride,
            arguments);
}

/* name = sum over i of c[i]*d[(2*i + first)*stride]; the last factor is 1. */
static void write_sum(FILE *f, const transform *t, const char *name, int index, const fraction *c, int degree,
                      int first)
{
    fprintf(f, "    WINO_T %s%d = d[%d];\n", name, index, (2 * degree + first) * t->stride);
    for (int i = degree - 1; i >= 0; i--)
        fprintf(f, "    %s%d = WINO_FMA(%" PRId64 ", %" PRId64 ", d[%d], %s%d);\n", name, index, c[i].num,
                c[i].den, (2 * i + first) * t->stride, name, index);
}

static void write_input(FILE *f, const transform *t)
{
    fraction c[MAX_N];
    const int zero = has_zero(t), pairs = count_pairs(t), n = count_points(t);
    write_head(f, "v = B^T d", "input", "const WINO_T *d, WINO_T *v", t);
    int degree = product_of_pairs(t, -1, c);
    if (zero) {
        write_sum(f, t, "z", 0, c, degree, 0);
        fprintf(f, "    v[0] = z0;\n");
    }
    write_sum(f, t, "w", 0, c, degree, zero);
    fprintf(f, "    v[%d] = w0;\n", n - 1);
    for (int j = 0; j < pairs; j++) {
        const fraction p = t->pair[j];
        degree = product_of_pairs(t, j, c);
        write_sum(f, t, "o", j, c, degree, 1 + zero);
        write_sum(f, t, "e", j, c, degree, zero);
        fprintf(f, "    v[%d] = WINO_FMA(%" PRId64 ", %" PRId64 ", e%d, o%d);\n", 2 * j + zero, p.num, p.den,
                j, j);
        fprintf(f, "    v[%d] = WINO_FMA(%" PRId64 ", %" PRId64 ", e%d, o%d);\n", 2 * j + zero + 1, -p.num,
                p.den, j, j);
    }
    for (int i = 0; t->stride == 2 && i < t->m; i++)
        fprintf(f, "    v[%d] = d[%d];\n", n + i, 2 * i + 1);
    fprintf(f, "}\n\n");
}

/* y = A^T q. What has the factor 1 comes first, so that the rest are multiply-adds. */
static void write_output_row(FILE *f, const transform *t, int i)
{
    const int zero = has_zero(t), pairs = count_pairs(t), n = count_points(t);
    const char half = i % 2 ? 'e' : 's';
    bool begun = false;
    char base[16];
    if ((i == 0 && zero) || i == t->m - 1) {
        snprintf(base, sizeof base, "q[%d]", i == 0 && zero ? 0 : n - 1);
        fprintf(f, "    WINO_T y%d = %s;\n", i, base);
        begun = true;
        if (i == 0 && zero && t->m == 1)
            fprintf(f, "    y0 = WINO_ADD(y0, q[%d]);\n", n - 1);
    }
    for (int pass = 0; pass < 2; pass++) {
        for (int j = 0; j < pairs; j++) {
            const fraction c = power(t->pair[j], i);
            if (is_one(c) != (pass == 0))
                continue;
            if (!begun && is_one(c))
                fprintf(f, "    WINO_T y%d = %c%d;\n", i, half, j);
            else if (!begun)
                fprintf(f, "    WINO_T y%d = WINO_MUL(%" PRId64 ", %" PRId64 ", %c%d);\n", i, c.num, c.den,
                        half, j);
            else if (is_one(c))
                fprintf(f, "    y%d = WINO_ADD(y%d, %c%d);\n", i, i, half, j);
            else
                fprintf(f, "    y%d = WINO_FMA(%" PRId64 ", %" PRId64 ", %c%d, y%d);\n", i, c.num, c.den,
                        half, j, i);
            begun = true;
        }
    }
    if (t->stride == 2)
        fprintf(f, "    y%d = WINO_ADD(y%d, q[%d]);\n", i, i, n + i);
    fprintf(f, "    y[%d] = y%d;\n", i, i);
}

static void write_output(FILE *f, const transform *t)
{
    write_head(f, "y = A^T q", "output", "const WINO_T *q, WINO_T *y", t);
    for (int j = 0; j < count_pairs(t); j++) {
        const int at = 2 * j + has_zero(t);
        fprintf(f, "    const WINO_T s%d = WINO_ADD(q[%d], q[%d]);\n", j, at, at + 1);
        if (t->m > 1)
            fprintf(f, "    const WINO_T e%d = WINO_SUB(q[%d], q[%d]);\n", j, at, at + 1);
    }
    for (int i = 0; i < t->m; i++)
        write_output_row(f, t, i);
    fprintf(f, "}\n\n");
}

/* Row j < count_points(t) of G, for the taps that the points are for. */
static fraction filter_factor(const transform *t, int j, int tap)
{
    const int n = count_points(t);
    fraction scale = {1, 1};
    if (j == n - 1)
        return (fraction){tap == count_taps(t) - 1, 1};
    for (int l = 0; l < n - 1; l++) {
        if (l != j)
            scale = mul(scale, sub(point(t, j), point(t, l)));
    }
    return divide(power(point(t, j), tap), scale);
}

static void write_filter(FILE *f, const transform *t)
{
    const int n = count_points(t), rows = n + t->stride - 1;
    fprintf(f, "/* G, without the rows that repeat the last */\n");
    fprintf(f, "static const WINO_FACTOR wino_filter_%d_%d_%d[%d][%d] = {\n", t->m, t->r, t->stride, rows,
            t->r);
    for (int j = 0; j < rows; j++) {
        fprintf(f, "    {");
        for (int k = 0; k < t->r; k++) {
            fraction g = {j == n, 1};
            if ((j == n) != (k % t->stride != 0))
                g = (fraction){0, 1};
            else if (j < n)
                g = filter_factor(t, j, k / t->stride);
            fprintf(f, "%sWINO_Q(%" PRId64 ", %" PRId64 ")", k ? ", " : "", g.num, g.den);
        }
        fprintf(f, "},\n");
    }
    fprintf(f, "};\n\n");
}

int main(int argc, char **argv)
{
    FILE *f = argc == 2 ? fopen(argv[1], "w") : NULL;
    if (!f)
        give_up("usage: wino_generate OUTPUT.h, a file that can be written");
    fprintf(f, "/* Made by wino_generate from points.def; what it is and needs stands in generate.c. */\n\n");
    for (size_t i = 0; i < N_TRANSFORMS; i++) {
        if (table[i].stride != 1 && (table[i].stride != 2 || table[i].r != 3))
            give_up("takes a stride of 1, or of 2 with 3 taps");
        fprintf(f, "/* ---- F(%d,%d) of stride %d ---- */\n\n", table[i].m, table[i].r, table[i].stride);
        write_input(f, &table[i]);
        write_output(f, &table[i]);
        write_filter(f, &table[i]);
    }
    const bool written = !ferror(f);
    if (fclose(f) != 0 || !written)
        give_up("the output cannot be written");
    return 0;
}
