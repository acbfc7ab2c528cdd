/* bench_bars.c: plots with bars: images a second, shares of the peak, start-up. */
#include <math.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "bench_svg.h"
#include "html.h"

/* From top to bottom: for each group a line of text, then a bar for each device. */
#define BAR_LEFT   22.0
#define BAR_WIDTH  258.0
#define BAR_HEIGHT 14.0
#define BAR_PITCH  19.0
#define GROUP_HEAD 18.0
#define GROUP_GAP  8.0

typedef struct bar {
    bool absent;             /* no row at all */
    double value, low, high; /* NAN: nothing to draw; low and high are the ends of the whisker */
    char text[80];
    const char *extra; /* muted text behind it */
} bar;

typedef bar (*bar_fn)(const bench_comparison *c, size_t group, size_t column);

static double longest(const bench_comparison *c, size_t first, size_t n, bar_fn bar_of)
{
    double most = 0;
    for (size_t g = first; g < first + n; g++) {
        for (size_t i = 0; i < c->n_columns; i++) {
            bar b = bar_of(c, g, i);
            most = b.high > most ? b.high : most;
            most = b.value > most ? b.value : most;
        }
    }
    return most > 0 ? most : 1;
}

static void draw_bar(FILE *f, size_t column, double y, const bar *b, double scale)
{
    double middle = y + BAR_HEIGHT / 2, end = BAR_LEFT;
    cli_svg_letter(f, column, 0, y + 11.5, "start");
    if (!isnan(b->value)) {
        end = BAR_LEFT + b->value * scale;
        cli_html(f,
                 "<rect class=\"bar k%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"/>",
                 column % BENCH_COLOURS, BAR_LEFT, y, fmax(end - BAR_LEFT, 0.8), BAR_HEIGHT);
    }
    if (b->high > b->low) {
        double low = BAR_LEFT + b->low * scale, high = BAR_LEFT + b->high * scale;
        cli_html(f, "<path class=\"whisker\" d=\"M%.1f %.1fH%.1fM%.1f %.1fv8M%.1f %.1fv8\"/>", low, middle,
                 high, low, middle - 4, high, middle - 4);
        end = fmax(end, high);
    }
    cli_html(
        f,
        "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s<tspan class=\"extra\" dx=\"5\">%s</tspan></text>\n",
        end + 6, y + 11.5, b->text, b->extra);
}

static size_t bars_in(const bench_comparison *c, size_t group, bar_fn bar_of)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_columns; i++)
        n += !bar_of(c, group, i).absent;
    return n;
}

static double height_of(const bench_comparison *c, size_t first, size_t n, bar_fn bar_of)
{
    double height = 0;
    for (size_t g = first; g < first + n; g++)
        height += GROUP_HEAD + (double)bars_in(c, g, bar_of) * BAR_PITCH + GROUP_GAP;
    return height;
}

static void draw_group(FILE *f, const bench_comparison *c, size_t group, double y, const char *name,
                       bar_fn bar_of, double scale)
{
    cli_html(f, "<text class=\"group\" x=\"0\" y=\"%.1f\">%s</text>\n", y + 12, name);
    y += GROUP_HEAD;
    double top = y;
    for (size_t i = 0; i < c->n_columns; i++) {
        bar b = bar_of(c, group, i);
        if (b.absent)
            continue;
        draw_bar(f, i, y, &b, scale);
        y += BAR_PITCH;
    }
    cli_html(f, "<path class=\"axis\" d=\"M%.1f %.1fV%.1f\"/>\n", BAR_LEFT, top - 2, y - 3);
}

/* ---- images a second --------------------------------------------------------------------------------- */

static bar rate_bar(const bench_comparison *c, size_t row, size_t column)
{
    const bench_section *s = cli_bench_cell(c, row, column);
    double rate = cli_bench_rate(s), ratio = column > 0 ? cli_bench_ratio(c, row, column) : NAN;
    bar b = {.absent = !s, .value = rate, .low = NAN, .high = NAN, .extra = ""};
    if (s && *s->error)
        b.extra = "failed";
    else if (isnan(rate))
        b.extra = "unknown";
    if (isnan(rate))
        return b;
    char number[32], times[40];
    cli_bench_number(rate, number);
    cli_page_times(ratio, times);
    snprintf(b.text, sizeof b.text, "%s%s%s", number, *times ? " \xc2\xb7 " : "", times);
    if (s->fallback_ops > 0)
        b.extra = "!";
    else if (cli_bench_spread(&s->seconds) > BENCH_SPREAD_LIMIT)
        b.extra = "~";
    b.low = rate * cli_bench_quotient(s->seconds.median, s->seconds.max);
    b.high = rate * cli_bench_quotient(s->seconds.median, s->seconds.min);
    return b;
}

static void rate_panel(FILE *f, const bench_comparison *c, size_t first, size_t n)
{
    char id[32], batch[32], about[128];
    const char *name = c->rows[first].name;
    double scale = BAR_WIDTH / longest(c, first, n, rate_bar);
    snprintf(id, sizeof id, "rate-%zu", first);
    snprintf(about, sizeof about, "Images a second of %.40s by batch and device; see the table All figures.",
             name);
    cli_svg_open(f, id, height_of(c, first, n, rate_bar), name, about);
    for (size_t g = 0; g < n; g++) {
        snprintf(batch, sizeof batch, "batch %.0f", c->rows[first + g].batch);
        draw_group(f, c, first + g, height_of(c, first, g, rate_bar), batch, rate_bar, scale);
    }
    cli_svg_close(f, cli_svg_about(name));
}

void cli_page_rates(FILE *f, const bench_comparison *c)
{
    cli_html(f,
             "<section id=\"speed\"><h2>Images a second</h2>\n<p>Longer is faster. A whisker goes from the "
             "slowest to the fastest repetition; the bar ends at the median.");
    if (c->n_columns > 1)
        cli_html(f, " The multiple compares with A at the same batch size.");
    cli_html(f, " ~ marks repetitions that spread by more than %.0f %%, ! what ran partly on the CPU.",
             100 * BENCH_SPREAD_LIMIT);
    cli_html(f, "</p>\n<div class=\"plots\">\n");
    for (size_t r = 0; r < c->n_rows; r += cli_bench_batches(c, r))
        rate_panel(f, c, r, cli_bench_batches(c, r));
    cli_html(f, "</div></section>\n");
}

/* ---- shares of the peak ------------------------------------------------------------------------------ */

#define SHARE_LEFT  118.0
#define SHARE_WIDTH 172.0
#define SHARE_PITCH 20.0

static void share_row(FILE *f, size_t column, double y, const bench_section *s, double most)
{
    char percent[32], number[32], name[4 * 14 + 1];
    double full = SHARE_WIDTH / most;
    cli_bench_elide(s->name, 14, name);
    cli_bench_percent(s->share_of_peak, percent);
    cli_bench_number(s->gflops, number);
    cli_html(f, "<text class=\"group\" x=\"%.1f\" y=\"%.1f\" text-anchor=\"end\">%s \xc2\xb7 %.0f</text>",
             SHARE_LEFT - 8, y + 11.5, name, s->batch);
    cli_html(f, "<rect class=\"track\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"/>",
             SHARE_LEFT, y, full, BAR_HEIGHT);
    cli_html(f, "<rect class=\"bar k%zu\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" rx=\"1.5\"/>",
             column % BENCH_COLOURS, SHARE_LEFT, y, s->share_of_peak * full, BAR_HEIGHT);
    cli_html(f,
             "<text class=\"value\" x=\"%.1f\" y=\"%.1f\">%s<tspan class=\"extra\" dx=\"8\">%s</tspan>"
             "</text>\n",
             SHARE_LEFT + SHARE_WIDTH + 6, y + 11.5, percent, number);
}

static bool has_share(const bench_section *s)
{
    return s && !*s->error && s->share_of_peak >= 0;
}

/* The longest bar of all devices, so that their plots compare. */
static double highest_share(const bench_comparison *c)
{
    double most = 1;
    for (size_t i = 0; i < c->n_rows * c->n_columns; i++) {
        if (has_share(c->cells[i]) && c->cells[i]->share_of_peak > most)
            most = c->cells[i]->share_of_peak;
    }
    return most;
}

static void share_panel(FILE *f, const bench_comparison *c, size_t column)
{
    const bench_column *k = &c->columns[column];
    char id[32], title[128], peak[32], name[4 * 12 + 1];
    size_t n = 0;
    double most = highest_share(c), y = 0;
    for (size_t r = 0; r < c->n_rows; r++)
        n += has_share(cli_bench_cell(c, r, column));
    if (n == 0)
        return;
    cli_bench_number(k->device->peak_gflops.max, peak);
    cli_bench_elide(k->device->name, 12, name);
    snprintf(id, sizeof id, "share-%zu", column);
    snprintf(title, sizeof title, "%s  %.48s: of %.31s GFLOP/s", k->letter, name, peak);
    cli_svg_open(
        f, id, (double)n * SHARE_PITCH + 4, title,
        "Achieved part of the device's measured peak by section and batch; see the table All figures.");
    for (size_t r = 0; r < c->n_rows; r++) {
        if (!has_share(cli_bench_cell(c, r, column)))
            continue;
        share_row(f, column, y, cli_bench_cell(c, r, column), most);
        y += SHARE_PITCH;
    }
    double full = SHARE_LEFT + SHARE_WIDTH / most;
    cli_html(f, "<path class=\"limit\" d=\"M%.1f 0V%.1f\"/>\n", full, y);
    cli_svg_close(f, "");
}

void cli_page_shares(FILE *f, const bench_comparison *c)
{
    bool any = false;
    for (size_t i = 0; i < c->n_rows * c->n_columns; i++)
        any = any || has_share(c->cells[i]);
    cli_html(f, "<section id=\"peak\"><h2>Share of the measured peak</h2>\n<p>");
    if (any)
        cli_html(
            f,
            "How much of the fastest arithmetic that was measured on the device itself its programs reach; "
            "the grey track ends at 100 %%; the last number is GFLOP/s. A low share is room for better "
            "kernels, not a slow device.");
    else
        cli_html(f, "The peak of no device was measured.");
    cli_html(f, "</p>\n<div class=\"plots\">\n");
    for (size_t i = 0; i < c->n_columns; i++)
        share_panel(f, c, i);
    cli_html(f, "</div></section>\n");
}

/* ---- start-up ---------------------------------------------------------------------------------------- */

static bar timed(double seconds)
{
    bar b = {.absent = isnan(seconds), .value = seconds, .low = NAN, .high = NAN, .extra = ""};
    if (!isnan(seconds))
        cli_bench_duration(seconds, b.text);
    return b;
}

static bar open_bar(const bench_comparison *c, size_t group, size_t column)
{
    (void)group;
    return timed(c->columns[column].device->open_seconds);
}

static bar prepare_bar(const bench_comparison *c, size_t row, size_t column)
{
    const bench_section *s = cli_bench_cell(c, row, column);
    return timed(s ? s->prepare_seconds : NAN);
}

/* One group of bars; nothing if no device has one. */
static void start_panel(FILE *f, const bench_comparison *c, size_t group, const char *title, const char *name,
                        bar_fn bar_of)
{
    char id[32];
    if (bars_in(c, group, bar_of) == 0)
        return;
    snprintf(id, sizeof id, "start-%s%zu", bar_of == open_bar ? "open" : "", group);
    cli_svg_open(f, id, height_of(c, group, 1, bar_of), title,
                 "Seconds by device; see the table All figures.");
    draw_group(f, c, group, 0, name, bar_of, BAR_WIDTH / longest(c, group, 1, bar_of));
    cli_svg_close(f, "");
}

void cli_page_start(FILE *f, const bench_comparison *c)
{
    char batch[80];
    cli_html(
        f, "<section id=\"start\"><h2>Start-up</h2>\n<p>Shorter is better: opening the device, and preparing "
           "each program (memory, packed weights, compiled kernels) at its largest batch.</p>\n"
           "<div class=\"plots\">\n");
    start_panel(f, c, 0, "open the device", "once", open_bar);
    for (size_t r = 0; r < c->n_rows; r += cli_bench_batches(c, r)) {
        size_t last = r + cli_bench_batches(c, r) - 1;
        snprintf(batch, sizeof batch, "batch %.0f", c->rows[last].batch);
        start_panel(f, c, last, c->rows[r].name, batch, prepare_bar);
    }
    cli_html(f, "</div></section>\n");
}
