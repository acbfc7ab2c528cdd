/* bench_scaling.c: what a larger batch brings each device. */
#include <math.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "bench_svg.h"
#include "html.h"

#define LEFT   34.0
#define RIGHT  326.0
#define TOP    10.0
#define BOTTOM 190.0
#define HEIGHT 226.0
#define LINE   15.0 /* between labels at the ends of the lines */

typedef struct plot {
    const bench_comparison *c;
    size_t first, n; /* rows */
    double most;     /* of the vertical axis */
} plot;

/* Compared with the same device's smallest batch that was measured; NAN where unknown. */
static double gain(const plot *p, size_t column, size_t row)
{
    for (size_t r = p->first; r < p->first + p->n; r++) {
        double base = cli_bench_rate(cli_bench_cell(p->c, r, column));
        if (base > 0)
            return cli_bench_rate(cli_bench_cell(p->c, row, column)) / base;
    }
    return NAN;
}

static double x_of(const plot *p, size_t row)
{
    double low = log2(p->c->rows[p->first].batch), high = log2(p->c->rows[p->first + p->n - 1].batch);
    return LEFT + (RIGHT - LEFT) * (log2(p->c->rows[row].batch) - low) / (high - low);
}

static double y_of(const plot *p, double value)
{
    return BOTTOM - (BOTTOM - TOP) * value / p->most;
}

static void draw_axes(FILE *f, const plot *p)
{
    double step = cli_svg_step(p->most, 5), shown = -100;
    for (int i = 0; i * step <= p->most * 1.0001; i++) {
        double y = y_of(p, i * step);
        cli_html(f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", LEFT, y, RIGHT);
        char number[32];
        cli_svg_tick(i * step, number);
        cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s\xc3\x97</text>\n",
                 LEFT - 5, y + 4, number);
    }
    for (size_t r = p->first; r < p->first + p->n; r++) {
        double x = x_of(p, r);
        if (x - shown < 30)
            continue;
        shown = x;
        cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%.0f</text>\n", x,
                 BOTTOM + 16, p->c->rows[r].batch);
    }
    cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">images at a time</text>\n",
             (LEFT + RIGHT) / 2, BOTTOM + 31);
}

/* Where the line ends, or NAN if it has fewer than two points. */
static double last_gain(const plot *p, size_t column)
{
    double last = NAN;
    size_t points = 0;
    for (size_t r = p->first; r < p->first + p->n; r++) {
        double g = gain(p, column, r);
        points += !isnan(g);
        last = isnan(g) ? last : g;
    }
    return points > 1 ? last : NAN;
}

static void draw_line(FILE *f, const plot *p, size_t column)
{
    bool pen = false;
    cli_html(f, "<path class=\"line k%zu\" d=\"", column % BENCH_COLOURS);
    for (size_t r = p->first; r < p->first + p->n; r++) {
        double g = gain(p, column, r);
        if (isnan(g))
            continue;
        cli_html(f, "%s%.1f %.1f", pen ? "L" : "M", x_of(p, r), y_of(p, g));
        pen = true;
    }
    cli_html(f, "\"/>");
    for (size_t r = p->first; r < p->first + p->n; r++) {
        double g = gain(p, column, r);
        if (!isnan(g))
            cli_html(f, "<circle class=\"dot k%zu\" cx=\"%.1f\" cy=\"%.1f\" r=\"3\"/>",
                     column % BENCH_COLOURS, x_of(p, r), y_of(p, g));
    }
    cli_html(f, "\n");
}

/* Labels from the highest line to the lowest, each at least a line below the one before; a stack that would
 * leave the plot begins higher. */
static void draw_labels(FILE *f, const plot *p)
{
    size_t order[BENCH_MAX_COLUMNS], n = 0;
    double y[BENCH_MAX_COLUMNS];
    for (size_t i = 0; i < p->c->n_columns; i++) {
        double g = last_gain(p, i);
        size_t at = n;
        if (isnan(g))
            continue;
        for (; at > 0 && last_gain(p, order[at - 1]) < g; at--)
            order[at] = order[at - 1];
        order[at] = i;
        n++;
    }
    for (size_t k = 0; k < n; k++)
        y[k] = y_of(p, last_gain(p, order[k])) + 4;
    cli_svg_spread(y, n, LINE, BOTTOM + 4);
    for (size_t k = 0; k < n; k++) {
        char times[40];
        cli_page_times(last_gain(p, order[k]), times);
        cli_svg_letter(f, order[k], RIGHT + 12, y[k], "start");
        cli_html(f, "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s</text>\n", RIGHT + 28, y[k], times);
    }
}

static void panel(FILE *f, plot *p)
{
    char id[32];
    bool any = false;
    p->most = 1;
    for (size_t i = 0; i < p->c->n_columns; i++) {
        any = any || !isnan(last_gain(p, i));
        for (size_t r = p->first; r < p->first + p->n; r++)
            p->most = fmax(p->most, gain(p, i, r));
    }
    if (!any)
        return;
    double step = cli_svg_step(p->most, 5);
    p->most = step * ceil(p->most / step - 1e-9);
    snprintf(id, sizeof id, "scaling-%zu", p->first);
    cli_svg_open(
        f, id, HEIGHT, p->c->rows[p->first].name,
        "Images a second over the batch size, each device relative to its own smallest batch; see the table "
        "All figures.");
    draw_axes(f, p);
    for (size_t i = p->c->n_columns; i-- > 0;) {
        if (!isnan(last_gain(p, i)))
            draw_line(f, p, i);
    }
    draw_labels(f, p);
    cli_svg_close(f, "");
}

void cli_page_scaling(FILE *f, const bench_comparison *c)
{
    size_t several = 0;
    for (size_t r = 0; r < c->n_rows; r += cli_bench_batches(c, r))
        several += cli_bench_batches(c, r) > 1;
    if (several == 0)
        return;
    cli_html(
        f, "<section id=\"batches\"><h2>What a larger batch brings</h2>\n<p>Images a second, each device "
           "relative to itself at its smallest batch. A line that still rises at its end has not filled the "
           "device.</p>\n<div class=\"plots\">\n");
    for (size_t r = 0; r < c->n_rows; r += cli_bench_batches(c, r)) {
        plot p = {.c = c, .first = r, .n = cli_bench_batches(c, r)};
        if (p.n > 1)
            panel(f, &p);
    }
    cli_html(f, "</div></section>\n");
}
