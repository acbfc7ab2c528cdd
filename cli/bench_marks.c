/* bench_marks.c: see bench_marks.h. */
#include "bench_marks.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "html.h"

#define NAMED 3 /* the costliest ops, which get a number and a line of text */

/* What lies outside is no op of any device. */
#define X_MIN 1e-3
#define X_MAX 1e5
#define Y_MIN 1e-3
#define Y_MAX 1e7
/* Of the time of all ops; the speed of less says little and would lengthen the axes. */
#define LEAST_SHARE 1e-3

bool cli_roof_fits(double gflops)
{
    return gflops >= Y_MIN && gflops <= Y_MAX;
}

double cli_roof_x(const bench_scales *s, double value)
{
    return ROOF_LEFT + (ROOF_RIGHT - ROOF_LEFT) * (log10(value) - s->x_low) / (s->x_high - s->x_low);
}

double cli_roof_y(const bench_scales *s, double value)
{
    return ROOF_BOTTOM - (ROOF_BOTTOM - ROOF_TOP) * (log10(value) - s->y_low) / (s->y_high - s->y_low);
}

double cli_mark_intensity(const bench_op *op)
{
    return 2 * cli_bench_quotient(op->macs, op->bytes);
}

/* Of a program that was measured at several batch sizes the largest is drawn, where the device is busiest. */
static bool is_largest(const bench_device *d, const bench_op *op)
{
    for (size_t i = 0; i < d->n_ops; i++) {
        if (d->ops[i].batch > op->batch && strcmp(d->ops[i].program, op->program) == 0)
            return false;
    }
    return true;
}

static bool drawable(const bench_op *op, double least)
{
    double x = cli_mark_intensity(op);
    return !*op->error && x >= X_MIN && x <= X_MAX && cli_roof_fits(op->gflops) &&
           cli_bench_cost(op) >= least;
}

static int costlier(const void *pa, const void *pb)
{
    const bench_op *a = *(const bench_op *const *)pa, *b = *(const bench_op *const *)pb;
    double ca = cli_bench_cost(a), cb = cli_bench_cost(b);
    return ca != cb ? (ca < cb) - (ca > cb) : (a > b) - (a < b);
}

/* Two programs may have an op in common, which is measured once. */
static bool is_listed(const bench_op *const *list, size_t n, const bench_op *op)
{
    for (size_t i = 0; *op->signature && i < n; i++) {
        if (list[i]->batch == op->batch && strcmp(list[i]->signature, op->signature) == 0)
            return true;
    }
    return false;
}

size_t cli_mark_list(const bench_device *d, const bench_op **list, size_t *left_out)
{
    size_t n = 0, distinct = 0;
    double total = 0;
    *left_out = 0;
    for (size_t i = 0; i < d->n_ops; i++)
        total += cli_bench_cost(&d->ops[i]);
    for (size_t i = 0; i < d->n_ops; i++) {
        if (!is_largest(d, &d->ops[i]))
            continue;
        if (drawable(&d->ops[i], LEAST_SHARE * total))
            list[n++] = &d->ops[i];
        else
            (*left_out)++;
    }
    qsort(list, n, sizeof(const bench_op *), costlier);
    for (size_t i = 0; i < n; i++) {
        if (!is_listed(list, distinct, list[i]))
            list[distinct++] = list[i];
    }
    return distinct;
}

static double radius(const bench_op *op)
{
    return 2.2 + 9 * sqrt(op->share_of_program > 0 ? fmin(op->share_of_program, 1) : 0);
}

void cli_mark_draw(FILE *f, const bench_op *op, const bench_scales *s, size_t column)
{
    double x = cli_roof_x(s, cli_mark_intensity(op)), y = cli_roof_y(s, op->gflops);
    double r = radius(op);
    char speed[32], percent[32];
    cli_bench_number(op->gflops, speed);
    cli_bench_percent(op->share_of_peak, percent);
    if (strstr(op->op, "bwd"))
        cli_html(f, "<rect class=\"op back k%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\">",
                 column % BENCH_COLOURS, x - r * 0.9, y - r * 0.9, 1.8 * r, 1.8 * r);
    else
        cli_html(f, "<circle class=\"op k%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"%.1f\">", column % BENCH_COLOURS,
                 x, y, r);
    cli_html(f, "<title>%s, batch %.0f: %s %s %s: %s GFLOP/s, %s of peak</title>", op->program, op->batch,
             op->op, op->label, op->shape, speed, percent);
    cli_html(f, strstr(op->op, "bwd") ? "</rect>\n" : "</circle>\n");
}

/* Beside their marks, and not on each other. */
void cli_mark_number(FILE *f, const bench_op *const *list, size_t n, const bench_scales *s)
{
    double x[NAMED], y[NAMED];
    for (size_t i = 0; i < n && i < NAMED; i++) {
        x[i] = cli_roof_x(s, cli_mark_intensity(list[i])) + radius(list[i]) + 3;
        y[i] = cli_roof_y(s, list[i]->gflops) + 4;
        for (size_t k = 0; k < i; k++) {
            if (fabs(x[i] - x[k]) < 9 && fabs(y[i] - y[k]) < 12)
                x[i] = x[k] + 10;
        }
        cli_html(f, "<text class=\"number\" x=\"%.1f\" y=\"%.1f\">%zu</text>\n", x[i], y[i], i + 1);
    }
}

void cli_mark_describe(FILE *f, const bench_op *const *list, size_t n, size_t left_out)
{
    char speed[32], percent[32], share[32];
    cli_html(f, "</svg>\n<ol class=\"note\">\n");
    for (size_t i = 0; i < n && i < NAMED; i++) {
        const bench_op *op = list[i];
        cli_bench_number(op->gflops, speed);
        cli_bench_percent(op->share_of_peak, percent);
        cli_bench_percent(op->share_of_program, share);
        cli_html(f, "<li>%s %s %s, %s: %s of %s, batch %.0f; %s GFLOP/s, %s of peak</li>\n", op->op,
                 op->label, op->shape, *op->algorithm ? op->algorithm : "no algorithm named", share,
                 op->program, op->batch, speed, percent);
    }
    cli_html(f, "</ol>\n");
    if (left_out > 0)
        cli_html(f,
                 "<p class=\"note\">Without a place here, for want of multiply-adds, of a measurement or of "
                 "time that "
                 "matters: %zu.</p>\n",
                 left_out);
    cli_html(f, "</figure>\n");
}
