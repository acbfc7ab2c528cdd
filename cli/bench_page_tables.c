/* bench_page_tables.c: the tables of a page: every figure of its plots, and what was measured how. */
#include <math.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "html.h"

/* Longest text of a fact, and its zero. */
#define FACT_SIZE 320

static void open_table(FILE *f, const char *label)
{
    cli_html(f, "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"%s\"><table>\n", label);
}

static void text_cell(FILE *f, const char *text)
{
    cli_html(f, "<td class=\"num\">%s</td>", strcmp(text, "-") == 0 ? "\xe2\x80\x93" : text);
}

static void number_cell(FILE *f, double x)
{
    char text[32];
    cli_bench_number(x, text);
    text_cell(f, text);
}

static void count_cell(FILE *f, double x)
{
    char text[32] = "-";
    if (!isnan(x))
        snprintf(text, sizeof text, "%.0f", x);
    text_cell(f, text);
}

static void percent_cell(FILE *f, double x)
{
    char text[32];
    cli_bench_percent(x, text);
    text_cell(f, text);
}

static void duration_cell(FILE *f, double x)
{
    char text[32];
    cli_bench_duration(x, text);
    text_cell(f, text);
}

static void bytes_cell(FILE *f, double x)
{
    char text[32];
    cli_bench_bytes(x, text);
    text_cell(f, text);
}

/* ---- all figures ------------------------------------------------------------------------------------- */

static void figure_cells(FILE *f, const bench_comparison *c, size_t row, size_t column)
{
    const bench_section *s = cli_bench_cell(c, row, column);
    char times[40];
    number_cell(f, cli_bench_rate(s));
    cli_page_times(cli_bench_ratio(c, row, column), times);
    text_cell(f, *times ? times : "-");
    duration_cell(f, s->seconds.median);
    duration_cell(f, s->seconds.min);
    duration_cell(f, s->seconds.max);
    percent_cell(f, cli_bench_spread(&s->seconds));
    count_cell(f, s->seconds.n);
    number_cell(f, s->gflops);
    percent_cell(f, s->share_of_peak);
    duration_cell(f, s->prepare_seconds);
    bytes_cell(f, s->device_bytes);
    bytes_cell(f, s->variable_bytes);
    count_cell(f, s->fallback_ops);
    bytes_cell(f, s->fallback_bytes);
}

static bool begins_section(const bench_comparison *c, size_t row, size_t column)
{
    if (row > 0 && strcmp(c->rows[row - 1].name, c->rows[row].name) == 0)
        return false;
    for (size_t i = 0; i < column; i++) {
        if (cli_bench_cell(c, row, i))
            return false;
    }
    return true;
}

static void figure_row(FILE *f, const bench_comparison *c, size_t row, size_t column)
{
    const bench_section *s = cli_bench_cell(c, row, column);
    if (!s)
        return;
    cli_html(f, "<tr class=\"%s\"><th scope=\"row\">%s</th><td class=\"num\">%.0f</td><td class=\"name\">",
             begins_section(c, row, column) ? "first" : "more", s->name, s->batch);
    cli_page_device(f, c, column);
    cli_html(f, "</td>");
    if (*s->error)
        cli_html(f, "<td colspan=\"14\" class=\"bad\">failed: %s</td>", s->error);
    else
        figure_cells(f, c, row, column);
    cli_html(f, "</tr>\n");
}

void cli_page_figures(FILE *f, const bench_comparison *c)
{
    static const char *const heads[] = {"section",        "batch",   "device",  "images/s", "to A",
                                        "median",         "fastest", "slowest", "spread",   "of",
                                        "GFLOP/s",        "of peak", "prepare", "memory",   "weights",
                                        "ops on the CPU", "copied"};
    cli_html(
        f,
        "<section id=\"figures\"><h2>All figures</h2>\n<p>Times are of one run of the program at its batch "
        "size; the spread is the slowest less the fastest repetition, compared with the median; the column "
        "behind it counts them. A GFLOP counts a multiply-add as two operations.</p>\n");
    open_table(f, "All figures");
    cli_html(f, "<thead><tr>");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        cli_html(f, "<th scope=\"col\">%s</th>", heads[i]);
    cli_html(f, "</tr></thead>\n<tbody>\n");
    for (size_t r = 0; r < c->n_rows; r++) {
        for (size_t i = 0; i < c->n_columns; i++)
            figure_row(f, c, r, i);
    }
    cli_html(f, "</tbody></table></div></section>\n");
}

/* ---- what was measured ------------------------------------------------------------------------------- */

/* Where a fact lies, and how it is written. */
typedef enum fact_of { OF_DEVICE, OF_HOST, OF_OPTIONS, OF_FILE } fact_of;
typedef enum fact_kind { HEADING, TEXT, LIST, COUNT, BYTES, CLOCK, FLAG, STAT } fact_kind;

typedef struct fact_line {
    const char *name;
    fact_kind kind;
    fact_of of;
    size_t offset;
    const char *unit; /* of a STAT */
} fact_line;

#define DEVICE_FACT(member) OF_DEVICE, offsetof(bench_device, member)
#define HOST_FACT(member)   OF_HOST, offsetof(bench_host, member)
#define OPTION_FACT(member) OF_OPTIONS, offsetof(bench_options, member)
#define FILE_FACT(member)   OF_FILE, offsetof(bench_file, member)

static const fact_line facts[] = {
    {.name = "Device", .kind = HEADING},
    {"what it is", TEXT, DEVICE_FACT(title), NULL},
    {"type", TEXT, DEVICE_FACT(type), NULL},
    {"vendor", TEXT, DEVICE_FACT(vendor), NULL},
    {"driver", TEXT, DEVICE_FACT(driver), NULL},
    {"detail", TEXT, DEVICE_FACT(detail), NULL},
    {"cores", COUNT, DEVICE_FACT(cores), NULL},
    {"memory", BYTES, DEVICE_FACT(memory_bytes), NULL},
    {"plugin", TEXT, DEVICE_FACT(plugin), NULL},
    {"version of the plugin", TEXT, DEVICE_FACT(plugin_version), NULL},
    {"self-test", TEXT, DEVICE_FACT(self_test), NULL},
    {"tuned", FLAG, DEVICE_FACT(tuned), NULL},
    {"peak", STAT, DEVICE_FACT(peak_gflops), "GFLOP/s"},
    {"copying", STAT, DEVICE_FACT(copy_gb_per_s), "GB/s"},
    {"peak measured by", TEXT, DEVICE_FACT(peak_source), NULL},
    {.name = "Machine", .kind = HEADING},
    {"processor", TEXT, HOST_FACT(cpu), NULL},
    {"processors", COUNT, HOST_FACT(cores), NULL},
    {"main memory", BYTES, HOST_FACT(memory_bytes), NULL},
    {"system", TEXT, HOST_FACT(os), NULL},
    {"clock at the start", CLOCK, HOST_FACT(clock_ghz_start), NULL},
    {"clock at the end", CLOCK, HOST_FACT(clock_ghz_end), NULL},
    {"clock, as the system says", CLOCK, HOST_FACT(clock_ghz_os), NULL},
    {"governor of the clock", TEXT, HOST_FACT(governor), NULL},
    {"memory that thaw took", BYTES, HOST_FACT(peak_rss_bytes), NULL},
    {.name = "Measurement", .kind = HEADING},
    {"thaw", TEXT, FILE_FACT(thaw), NULL},
    {"time (UTC)", TEXT, FILE_FACT(time_utc), NULL},
    {"file", TEXT, FILE_FACT(path), NULL},
    {"complete", FLAG, FILE_FACT(complete), NULL},
    {"precision", TEXT, OPTION_FACT(precision), NULL},
    {"exact products", FLAG, OPTION_FACT(exact), NULL},
    {"image size", COUNT, OPTION_FACT(input_size), NULL},
    {"classes", COUNT, OPTION_FACT(classes), NULL},
    {"threads", COUNT, OPTION_FACT(threads), NULL},
    {"batch sizes", LIST, OPTION_FACT(batch_sizes), NULL},
    {"batch sizes of training", LIST, OPTION_FACT(step_batch_sizes), NULL},
    {"sections", LIST, OPTION_FACT(sections), NULL},
    {"repetitions", COUNT, OPTION_FACT(repeat), NULL},
    {"quick", FLAG, OPTION_FACT(quick), NULL},
    {"devices take turns", FLAG, OPTION_FACT(interleaved), NULL},
};

static void write_stat(const bench_stat *s, const char *unit, char *out, size_t size)
{
    char median[32], percent[32];
    cli_bench_number(s->median, median);
    cli_bench_percent(cli_bench_spread(s), percent);
    if (isnan(s->median))
        snprintf(out, size, "-");
    else
        snprintf(out, size, "%s %s (spread %s)", median, unit, percent);
}

/* "-" where it is unknown. */
static void write_fact(const bench_column *k, const fact_line *fact, char *out, size_t size)
{
    const void *const bases[] = {k->device, &k->file->host, &k->file->options, k->file};
    const void *at = (const char *)bases[fact->of] + fact->offset;
    char number[32] = "";
    const char *text = number;
    switch (fact->kind) {
    case HEADING:
        break;
    case TEXT:
        text = *(const char *const *)at;
        break;
    case LIST:
        text = at;
        break;
    case COUNT:
        if (!isnan(*(const double *)at))
            snprintf(number, sizeof number, "%.10g", *(const double *)at);
        break;
    case BYTES:
        cli_bench_bytes(*(const double *)at, number);
        break;
    case CLOCK:
        cli_bench_number(*(const double *)at, number);
        snprintf(out, size, "%s%s", number, isnan(*(const double *)at) ? "" : " GHz");
        return;
    case FLAG:
        text = *(const bool *)at ? "yes" : "no";
        break;
    case STAT:
        write_stat(at, fact->unit, out, size);
        return;
    }
    snprintf(out, size, "%s", *text ? text : "-");
}

static bool all_same(const bench_comparison *c, const fact_line *fact)
{
    char first[FACT_SIZE], other[FACT_SIZE];
    write_fact(&c->columns[0], fact, first, sizeof first);
    for (size_t i = 1; i < c->n_columns; i++) {
        write_fact(&c->columns[i], fact, other, sizeof other);
        if (strcmp(first, other) != 0)
            return false;
    }
    return true;
}

static void fact_row(FILE *f, const bench_comparison *c, const fact_line *fact)
{
    char text[FACT_SIZE];
    cli_html(f, "<tr class=\"%s\"><th scope=\"row\">%s</th>", all_same(c, fact) ? "same" : "differs",
             fact->name);
    for (size_t i = 0; i < c->n_columns; i++) {
        write_fact(&c->columns[i], fact, text, sizeof text);
        cli_html(f, "<td>%s</td>", strcmp(text, "-") == 0 ? "\xe2\x80\x93" : text);
    }
    cli_html(f, "</tr>\n");
}

static void heading_row(FILE *f, const bench_comparison *c, const char *name)
{
    cli_html(f, "<tr class=\"part\"><th scope=\"col\">%s</th>", name);
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_html(f, "<th scope=\"col\">");
        cli_page_device(f, c, i);
        cli_html(f, "</th>");
    }
    cli_html(f, "</tr>\n");
}

static void notes(FILE *f, const bench_comparison *c)
{
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        for (size_t k = 0; k < d->n_notes; k++) {
            cli_html(f, "<p class=\"note\">");
            cli_page_badge(f, i);
            cli_html(f, " %s</p>\n", d->notes[k]);
        }
    }
}

void cli_page_facts(FILE *f, const bench_comparison *c)
{
    cli_html(f, "<section id=\"facts\"><h2>What was measured</h2>\n");
    if (c->n_columns > 1)
        cli_html(f, "<p>A dot marks what is not the same for all.</p>\n");
    open_table(f, "What was measured");
    for (size_t i = 0; i < sizeof facts / sizeof facts[0]; i++) {
        if (facts[i].kind == HEADING)
            heading_row(f, c, facts[i].name);
        else
            fact_row(f, c, &facts[i]);
    }
    cli_html(f, "</table></div>\n");
    notes(f, c);
    cli_html(f, "</section>\n");
}
