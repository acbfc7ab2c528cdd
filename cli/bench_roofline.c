/* bench_roofline.c: each op below the roofs that its device's peak and its copying speed make. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_page.h"
#include "bench_svg.h"
#include "bench_figure.h"
#include "html.h"

#define LEFT   44.0
#define RIGHT  378.0
#define TOP    12.0
#define BOTTOM 262.0
#define HEIGHT 298.0
#define NAMED  3 /* the costliest ops, which get a number and a line of text */

/* What lies outside is no op of any device; a file may hold any number. */
#define X_MIN 1e-3
#define X_MAX 1e5
#define Y_MIN 1e-3
#define Y_MAX 1e7

/* Powers of ten at the ends of both axes, the same for all devices. */
typedef struct scales {
    double x_low, x_high, y_low, y_high;
} scales;

static double intensity(const bench_op *op)
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

static bool drawable(const bench_op *op)
{
    double x = intensity(op);
    return !*op->error && x >= X_MIN && x <= X_MAX && op->gflops >= Y_MIN && op->gflops <= Y_MAX;
}

static void widen(double value, double *low, double *high)
{
    if (value > 0) {
        *low = fmin(*low, floor(log10(value)));
        *high = fmax(*high, ceil(log10(value)));
    }
}

static scales find_scales(const bench_comparison *c)
{
    scales s = {0, 2, 1, 2};
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        if (d->peak_gflops.median >= Y_MIN && d->peak_gflops.median <= Y_MAX)
            widen(d->peak_gflops.median, &s.y_low, &s.y_high);
        for (size_t k = 0; k < d->n_ops; k++) {
            if (!drawable(&d->ops[k]))
                continue;
            widen(intensity(&d->ops[k]), &s.x_low, &s.x_high);
            widen(d->ops[k].gflops, &s.y_low, &s.y_high);
        }
    }
    return s;
}

static double x_of(const scales *s, double value)
{
    return LEFT + (RIGHT - LEFT) * (log10(value) - s->x_low) / (s->x_high - s->x_low);
}

static double y_of(const scales *s, double value)
{
    return BOTTOM - (BOTTOM - TOP) * (log10(value) - s->y_low) / (s->y_high - s->y_low);
}

/* ---- axes and roofs ---------------------------------------------------------------------------------- */

static void draw_axes(FILE *f, const scales *s)
{
    char number[32];
    for (double e = s->x_low; e <= s->x_high; e++) {
        double x = x_of(s, pow(10, e));
        cli_svg_tick(pow(10, e), number);
        cli_html(f, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>", x, TOP, BOTTOM);
        cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x,
                 BOTTOM + 15, number);
    }
    for (double e = s->y_low; e <= s->y_high; e++) {
        double y = y_of(s, pow(10, e));
        cli_svg_tick(pow(10, e), number);
        cli_html(f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", LEFT, y, RIGHT);
        cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n", LEFT - 5,
                 y + 4, number);
    }
    cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">operations a byte</text>\n",
             RIGHT, BOTTOM + 31);
    cli_html(f, "<text class=\"tick\" x=\"0\" y=\"%.1f\">GFLOP/s</text>\n", BOTTOM + 31);
}

static bool has_roof(const bench_device *d, const scales *s)
{
    return d->peak_gflops.median >= pow(10, s->y_low) && d->peak_gflops.median <= pow(10, s->y_high);
}

/* From the left or lower edge up along the memory's speed to the ridge, then along the peak. */
static void draw_roof(FILE *f, const bench_device *d, const scales *s, const char *class)
{
    double peak = d->peak_gflops.median, speed = d->copy_gb_per_s.median;
    double left = pow(10, s->x_low), right = pow(10, s->x_high), bottom = pow(10, s->y_low);
    cli_html(f, "<path class=\"%s\" d=\"", class);
    double ridge = speed > 0 ? fmin(fmax(peak / speed, left), right) : left;
    if (speed > 0 && peak / speed > left) {
        double x = fmax(left, bottom / speed);
        if (x < ridge)
            cli_html(f, "M%.1f %.1fL%.1f %.1fH%.1f\"/>\n", x_of(s, x), y_of(s, x * speed), x_of(s, ridge),
                     y_of(s, fmin(peak, ridge * speed)), RIGHT);
        else
            cli_html(f, "M%.1f %.1fH%.1f\"/>\n", x_of(s, ridge), y_of(s, peak), RIGHT);
    } else {
        cli_html(f, "M%.1f %.1fH%.1f\"/>\n", LEFT, y_of(s, peak), RIGHT);
    }
}

static void label_roof(FILE *f, const bench_device *d, const scales *s)
{
    double peak = d->peak_gflops.median, speed = d->copy_gb_per_s.median;
    char number[32];
    cli_bench_number(peak, number);
    cli_html(f, "<text class=\"roof-text\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s GFLOP/s</text>\n",
             RIGHT - 2, y_of(s, peak) - 5, number);
    double left = pow(10, s->x_low), bottom = pow(10, s->y_low);
    double x = fmax(left, bottom / speed) * 1.3;
    if (!(x * speed < peak / 2))
        return;
    double dx = x_of(s, 10) - x_of(s, 1), dy = y_of(s, 10) - y_of(s, 1);
    cli_bench_number(speed, number);
    cli_html(f, "<text class=\"roof-text\" transform=\"translate(%.1f %.1f) rotate(%.1f)\">%s GB/s</text>\n",
             x_of(s, x) - 3, y_of(s, x * speed) - 5, atan2(dy, dx) * 57.29578, number);
}

/* The letters of all devices at the right ends of their roofs. */
static void letter_roofs(FILE *f, const bench_comparison *c, const scales *s)
{
    size_t order[BENCH_MAX_COLUMNS], n = 0;
    double y[BENCH_MAX_COLUMNS];
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        size_t at = n;
        if (!has_roof(d, s))
            continue;
        double own = y_of(s, d->peak_gflops.median) + 4;
        for (; at > 0 && y[at - 1] > own; at--) {
            y[at] = y[at - 1];
            order[at] = order[at - 1];
        }
        y[at] = own;
        order[at] = i;
        n++;
    }
    cli_svg_spread(y, n, 13, BOTTOM);
    for (size_t k = 0; k < n; k++)
        cli_svg_letter(f, order[k], RIGHT + 6, y[k], "start");
    cli_html(f, "\n");
}

/* ---- ops --------------------------------------------------------------------------------------------- */

static int costlier(const void *pa, const void *pb)
{
    const bench_op *a = *(const bench_op *const *)pa, *b = *(const bench_op *const *)pb;
    double ca = cli_bench_cost(a), cb = cli_bench_cost(b);
    return ca != cb ? (ca < cb) - (ca > cb) : (a > b) - (a < b);
}

/* The device's drawable ops, the costliest first, and how many of the others there are. */
static size_t list_ops(const bench_device *d, const bench_op **list, size_t *left_out)
{
    size_t n = 0;
    *left_out = 0;
    for (size_t i = 0; i < d->n_ops; i++) {
        if (!is_largest(d, &d->ops[i]))
            continue;
        if (drawable(&d->ops[i]))
            list[n++] = &d->ops[i];
        else
            (*left_out)++;
    }
    qsort(list, n, sizeof(const bench_op *), costlier);
    return n;
}

static double radius(const bench_op *op)
{
    return 2.2 + 9 * sqrt(op->share_of_program > 0 ? fmin(op->share_of_program, 1) : 0);
}

static void draw_op(FILE *f, const bench_op *op, const scales *s, size_t column)
{
    double x = x_of(s, intensity(op)), y = y_of(s, op->gflops);
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
static void number_ops(FILE *f, const bench_op *const *list, size_t n, const scales *s)
{
    double x[NAMED], y[NAMED];
    for (size_t i = 0; i < n && i < NAMED; i++) {
        x[i] = x_of(s, intensity(list[i])) + radius(list[i]) + 3;
        y[i] = y_of(s, list[i]->gflops) + 4;
        for (size_t k = 0; k < i; k++) {
            if (fabs(x[i] - x[k]) < 9 && fabs(y[i] - y[k]) < 12)
                x[i] = x[k] + 10;
        }
        cli_html(f, "<text class=\"number\" x=\"%.1f\" y=\"%.1f\">%zu</text>\n", x[i], y[i], i + 1);
    }
}

static void describe(FILE *f, const bench_op *const *list, size_t n, size_t left_out)
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
                 "<p class=\"note\">Without a place here, for want of multiply-adds or of a measurement: "
                 "%zu.</p>\n",
                 left_out);
    cli_html(f, "</figure>\n");
}

static void panel(FILE *f, const bench_comparison *c, size_t column, const scales *s)
{
    const bench_device *d = c->columns[column].device;
    const bench_op **list = calloc(d->n_ops + 1, sizeof *list);
    char id[32], title[96], name[4 * 16 + 1];
    size_t left_out = 0, n = list ? list_ops(d, list, &left_out) : 0;
    if (n == 0)
        goto cleanup;
    cli_bench_elide(d->name, 16, name);
    snprintf(id, sizeof id, "roof-%zu", column);
    snprintf(title, sizeof title, "%s  %s", c->columns[column].letter, name);
    cli_svg_open(
        f, id, HEIGHT, title,
        "Speed of each op over its operations for each byte, both logarithmic, below the device's measured "
        "peak and copying speed; see the table Ops.");
    draw_axes(f, s);
    for (size_t i = 0; i < c->n_columns; i++) {
        if (i != column && has_roof(c->columns[i].device, s))
            draw_roof(f, c->columns[i].device, s, "roof other");
    }
    for (size_t i = 0; i < n; i++)
        draw_op(f, list[i], s, column);
    if (has_roof(d, s)) {
        draw_roof(f, d, s, "roof");
        label_roof(f, d, s);
    }
    letter_roofs(f, c, s);
    number_ops(f, list, n, s);
    describe(f, list, n, left_out);
cleanup:
    free(list);
}

void cli_page_roofs(FILE *f, const bench_comparison *c)
{
    scales s = find_scales(c);
    bool any = false;
    for (size_t i = 0; i < c->n_columns; i++) {
        for (size_t k = 0; k < c->columns[i].device->n_ops; k++)
            any = any || drawable(&c->columns[i].device->ops[k]);
    }
    if (!any)
        return;
    cli_html(
        f,
        "<section id=\"roofs\"><h2>Ops below their roofs</h2>\n<p>Each mark is an op, its size the share of "
        "its program's time. An op cannot be above the line: left of the bend the memory's speed limits it, "
        "right of it the arithmetic. The further a large mark is below the line, the more there is to gain. "
        "Circles are forward ops, squares backward ones");
    if (c->n_columns > 1)
        cli_html(f, "; thin lines are the other devices' roofs");
    cli_html(f, ".</p>\n<div class=\"plots\">\n");
    for (size_t i = 0; i < c->n_columns; i++)
        panel(f, c, i, &s);
    cli_html(f, "</div></section>\n");
}
