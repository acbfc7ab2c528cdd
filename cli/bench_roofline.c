/* bench_roofline.c: each op below the roofs that its device's peak and its copying speed make. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_marks.h"
#include "bench_page.h"
#include "bench_svg.h"
#include "html.h"

#define HEIGHT      298.0
#define LABEL_WIDTH 84.0

static void widen(double value, double *low, double *high)
{
    if (value > 0) {
        *low = fmin(*low, floor(log10(value)));
        *high = fmax(*high, ceil(log10(value)));
    }
}

static void widen_by_ops(const bench_device *d, bench_scales *s)
{
    const bench_op **list = calloc(d->n_ops + 1, sizeof *list);
    size_t left_out, n = list ? cli_mark_list(d, list, &left_out) : 0;
    for (size_t i = 0; i < n; i++) {
        widen(cli_mark_intensity(list[i]), &s->x_low, &s->x_high);
        widen(list[i]->gflops, &s->y_low, &s->y_high);
    }
    free(list);
}

static bench_scales find_scales(const bench_comparison *c)
{
    bench_scales s = {0, 2, 1, 2};
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        if (cli_roof_fits(d->peak_gflops.max))
            widen(d->peak_gflops.max, &s.y_low, &s.y_high);
        widen_by_ops(d, &s);
    }
    return s;
}

/* ---- axes and roofs ---------------------------------------------------------------------------------- */

static void draw_axes(FILE *f, const bench_scales *s)
{
    char number[32];
    for (double e = s->x_low; e <= s->x_high; e++) {
        double x = cli_roof_x(s, pow(10, e));
        cli_svg_tick(pow(10, e), number);
        cli_html(f, "<path class=\"grid\" d=\"M%.1f %.1fV%.1f\"/>", x, ROOF_TOP, ROOF_BOTTOM);
        cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"middle\">%s</text>\n", x,
                 ROOF_BOTTOM + 15, number);
    }
    for (double e = s->y_low; e <= s->y_high; e++) {
        double y = cli_roof_y(s, pow(10, e));
        cli_svg_tick(pow(10, e), number);
        cli_html(f, "<path class=\"grid\" d=\"M%.1f %.1fH%.1f\"/>", ROOF_LEFT, y, ROOF_RIGHT);
        cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s</text>\n",
                 ROOF_LEFT - 5, y + 4, number);
    }
    cli_html(f, "<text class=\"tick\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">operations a byte</text>\n",
             ROOF_RIGHT, ROOF_BOTTOM + 31);
    cli_html(f, "<text class=\"tick\" x=\"0\" y=\"%.1f\">GFLOP/s</text>\n", ROOF_BOTTOM + 31);
}

static bool has_roof(const bench_device *d, const bench_scales *s)
{
    return d->peak_gflops.max >= pow(10, s->y_low) && d->peak_gflops.max <= pow(10, s->y_high);
}

/* From the left or lower edge up along the memory's speed to the ridge, then along the peak. */
static void draw_roof(FILE *f, const bench_device *d, const bench_scales *s, const char *class)
{
    double peak = d->peak_gflops.max, speed = d->copy_gb_per_s.max;
    double left = pow(10, s->x_low), right = pow(10, s->x_high), bottom = pow(10, s->y_low);
    cli_html(f, "<path class=\"%s\" d=\"", class);
    double ridge = speed > 0 ? fmin(fmax(peak / speed, left), right) : left;
    if (speed > 0 && peak / speed > left) {
        double x = fmax(left, bottom / speed);
        if (x < ridge)
            cli_html(f, "M%.1f %.1fL%.1f %.1fH%.1f\"/>\n", cli_roof_x(s, x), cli_roof_y(s, x * speed),
                     cli_roof_x(s, ridge), cli_roof_y(s, fmin(peak, ridge * speed)), ROOF_RIGHT);
        else
            cli_html(f, "M%.1f %.1fH%.1f\"/>\n", cli_roof_x(s, ridge), cli_roof_y(s, peak), ROOF_RIGHT);
    } else {
        cli_html(f, "M%.1f %.1fH%.1f\"/>\n", ROOF_LEFT, cli_roof_y(s, peak), ROOF_RIGHT);
    }
}

static void label_roof(FILE *f, const bench_device *d, const bench_scales *s)
{
    double peak = d->peak_gflops.max, speed = d->copy_gb_per_s.max;
    char number[32];
    /* Left of the bend, where no op can be but from a cache, if there is room. */
    double bend = cli_roof_x(s, peak / speed) - 6, y = cli_roof_y(s, peak);
    bool room = bend >= ROOF_LEFT + LABEL_WIDTH && bend < ROOF_RIGHT;
    cli_bench_number(peak, number);
    cli_html(f, "<text class=\"roof-text\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s GFLOP/s</text>\n",
             room ? bend : ROOF_RIGHT - 2, room ? y + 4 : y - 5, number);
    double left = pow(10, s->x_low), bottom = pow(10, s->y_low);
    double x = fmax(left, bottom / speed) * 1.3;
    if (!(x * speed < peak / 2))
        return;
    double dx = cli_roof_x(s, 10) - cli_roof_x(s, 1), dy = cli_roof_y(s, 10) - cli_roof_y(s, 1);
    cli_bench_number(speed, number);
    cli_html(f, "<text class=\"roof-text\" transform=\"translate(%.1f %.1f) rotate(%.1f)\">%s GB/s</text>\n",
             cli_roof_x(s, x) - 3, cli_roof_y(s, x * speed) - 5, atan2(dy, dx) * 57.29578, number);
}

/* The letters of all devices at the right ends of their roofs. */
static void letter_roofs(FILE *f, const bench_comparison *c, const bench_scales *s)
{
    size_t order[BENCH_MAX_COLUMNS], n = 0;
    double y[BENCH_MAX_COLUMNS];
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        size_t at = n;
        if (!has_roof(d, s))
            continue;
        double own = cli_roof_y(s, d->peak_gflops.max) + 4;
        for (; at > 0 && y[at - 1] > own; at--) {
            y[at] = y[at - 1];
            order[at] = order[at - 1];
        }
        y[at] = own;
        order[at] = i;
        n++;
    }
    cli_svg_spread(y, n, 13, ROOF_BOTTOM);
    for (size_t k = 0; k < n; k++)
        cli_svg_letter(f, order[k], ROOF_RIGHT + 6, y[k], "start");
    cli_html(f, "\n");
}

static void panel(FILE *f, const bench_comparison *c, size_t column, const bench_scales *s)
{
    const bench_device *d = c->columns[column].device;
    const bench_op **list = calloc(d->n_ops + 1, sizeof *list);
    char id[32], title[96], name[4 * 16 + 1];
    size_t left_out = 0, n = list ? cli_mark_list(d, list, &left_out) : 0;
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
        cli_mark_draw(f, list[i], s, column);
    if (has_roof(d, s)) {
        draw_roof(f, d, s, "roof");
        label_roof(f, d, s);
    }
    letter_roofs(f, c, s);
    cli_mark_number(f, list, n, s);
    cli_mark_describe(f, list, n, left_out);
cleanup:
    free(list);
}

void cli_page_roofs(FILE *f, const bench_comparison *c)
{
    if (c->n_op_rows == 0)
        return;
    bench_scales s = find_scales(c);
    cli_html(
        f,
        "<section id=\"roofs\"><h2>Ops below their roofs</h2>\n<p>Each mark is an op, its size the share of "
        "its program's time. The line is what the device allows: left of the bend the memory's speed limits "
        "an op, right of it the arithmetic. The further a large mark is below the line, the more there is to "
        "gain; above its slope are ops whose data stays in a cache. Circles are forward ops, squares "
        "backward ones");
    if (c->n_columns > 1)
        cli_html(f, "; thin lines are the other devices' roofs");
    cli_html(f, ".</p>\n<div class=\"plots%s\">\n", c->n_columns < 3 ? " wide" : "");
    for (size_t i = 0; i < c->n_columns; i++)
        panel(f, c, i, &s);
    cli_html(f, "</div></section>\n");
}
