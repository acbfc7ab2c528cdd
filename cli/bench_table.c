/* bench_table.c: see bench_table.h. */
#include "bench_table.h"

#include <math.h>
#include <string.h>

#include "bench_figure.h"
#include "table.h"

/* Characters of a title or a processor's name. */
#define TITLE_WIDTH 40
#define NAME_WIDTH  16

static void cell(cli_table *table, const char *text)
{
    cli_table_cell(table, "%s", text);
}

/* A letter for the first column, then `each` for every device. */
static void begin(cli_table *table, char align[3 * BENCH_MAX_COLUMNS + 2], size_t n, const char *each)
{
    size_t width = strlen(each);
    align[0] = 'l';
    for (size_t i = 0; i < n; i++)
        memcpy(align + 1 + i * width, each, width);
    align[1 + n * width] = '\0';
    cli_table_begin(table, align);
}

static void row_name(cli_table *table, const bench_row *row)
{
    cli_table_cell(table, "%s, batch %.0f", row->name, row->batch);
}

/* ---- which letter is what ---------------------------------------------------------------------------- */

static void print_devices(const bench_comparison *c, FILE *stream)
{
    cli_table table;
    char text[4 * TITLE_WIDTH + 1];
    cli_table_begin(&table, c->several_machines ? "llllll" : "lllll");
    cell(&table, "");
    cell(&table, "device");
    cell(&table, "what it is");
    if (c->several_machines)
        cell(&table, "machine");
    cell(&table, "thaw");
    cell(&table, "file");
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_column *k = &c->columns[i];
        cell(&table, k->letter);
        cell(&table, k->device->name);
        cli_bench_elide(k->device->title, TITLE_WIDTH, text);
        cell(&table, text);
        if (c->several_machines) {
            cli_bench_elide(k->file->host.cpu, TITLE_WIDTH, text);
            cell(&table, text);
        }
        cell(&table, k->file->thaw);
        cell(&table, k->file->path);
    }
    cli_table_end(&table, stream, "");
}

/* ---- speed ------------------------------------------------------------------------------------------- */

/* Before the figure, so that the digits stay below each other. */
static const char *mark_of(const bench_section *s)
{
    if (s->fallback_ops > 0)
        return "!";
    return cli_bench_spread(&s->seconds) > BENCH_SPREAD_LIMIT ? "~" : "";
}

static void speed_cells(cli_table *table, const bench_comparison *c, size_t row, size_t column)
{
    const bench_section *s = cli_bench_cell(c, row, column);
    char text[32];
    cli_bench_number(cli_bench_rate(s), text);
    if (s && *s->error)
        cell(table, "failed");
    else
        cli_table_cell(table, "%s%s", s ? mark_of(s) : "", text);
    if (column > 0) {
        cli_bench_times(cli_bench_ratio(c, row, column), text);
        cell(table, text);
    }
    cli_bench_percent(s && !*s->error ? s->share_of_peak : NAN, text);
    cell(table, text);
}

/* A row of what belongs to a device alone, like its peak. */
static void device_row(cli_table *table, const bench_comparison *c, const char *name, bool copy)
{
    double base = 0;
    char text[32];
    cell(table, name);
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_device *d = c->columns[i].device;
        double x = copy ? d->copy_gb_per_s.max : d->peak_gflops.max;
        cli_bench_number(x, text);
        cell(table, text);
        if (i == 0)
            base = x;
        cli_bench_times(cli_bench_quotient(x, base), text);
        if (i > 0)
            cell(table, text);
        cell(table, "");
    }
}

static void overall_row(cli_table *table, const bench_comparison *c)
{
    char text[32];
    cell(table, "geometric mean");
    for (size_t i = 0; i < c->n_columns; i++) {
        cell(table, "");
        cli_bench_times(c->columns[i].overall, text);
        if (i > 0)
            cell(table, text);
        cell(table, "");
    }
}

static void print_speed(const bench_comparison *c, FILE *stream)
{
    cli_table table;
    /* The first device has nothing to be compared with: a column less. */
    char align[3 * BENCH_MAX_COLUMNS + 2], name[4 * NAME_WIDTH + 1];
    begin(&table, align, c->n_columns, "rrr");
    memmove(align + 1, align + 2, strlen(align + 2) + 1);
    table.columns--;
    cell(&table, "images a second");
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_bench_elide(c->columns[i].device->name, NAME_WIDTH, name);
        cli_table_cell(&table, "%s %s", c->columns[i].letter, name);
        if (i > 0)
            cell(&table, "to A");
        cell(&table, "of peak");
    }
    for (size_t r = 0; r < c->n_rows; r++) {
        row_name(&table, &c->rows[r]);
        for (size_t i = 0; i < c->n_columns; i++)
            speed_cells(&table, c, r, i);
    }
    if (c->n_columns > 1)
        overall_row(&table, c);
    device_row(&table, c, "peak, GFLOP/s", false);
    device_row(&table, c, "copying, GB/s", true);
    cli_table_end(&table, stream, "");
}

static void print_marks(const bench_comparison *c, FILE *stream)
{
    bool spread = false, fallback = false;
    for (size_t i = 0; i < c->n_rows * c->n_columns; i++) {
        if (!c->cells[i] || *c->cells[i]->error)
            continue;
        spread = spread || *mark_of(c->cells[i]) == '~';
        fallback = fallback || *mark_of(c->cells[i]) == '!';
    }
    if (spread)
        fprintf(stream, "~ the repetitions spread by more than %.0f %%\n", 100 * BENCH_SPREAD_LIMIT);
    if (fallback)
        fprintf(stream, "! part of it ran on the CPU\n");
}

/* ---- start-up and memory ----------------------------------------------------------------------------- */

static void start_cells(cli_table *table, const bench_section *s)
{
    char text[32];
    cli_bench_duration(s ? s->prepare_seconds : NAN, text);
    cell(table, text);
    cli_bench_bytes(s ? s->device_bytes + s->variable_bytes : NAN, text);
    cell(table, text);
    if (s && !isnan(s->fallback_ops))
        cli_table_cell(table, "%.0f ops", s->fallback_ops);
    else
        cell(table, "-");
}

static void print_start(const bench_comparison *c, FILE *stream)
{
    cli_table table;
    char align[3 * BENCH_MAX_COLUMNS + 2], text[32];
    begin(&table, align, c->n_columns, "rrr");
    cell(&table, "start and memory");
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_table_cell(&table, "%s prepare", c->columns[i].letter);
        cell(&table, "memory");
        cell(&table, "on the CPU");
    }
    cell(&table, "open the device");
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_bench_duration(c->columns[i].device->open_seconds, text);
        cell(&table, text);
        cell(&table, "");
        cell(&table, "");
    }
    for (size_t r = 0; r < c->n_rows; r++) {
        row_name(&table, &c->rows[r]);
        for (size_t i = 0; i < c->n_columns; i++)
            start_cells(&table, cli_bench_cell(c, r, i));
    }
    cli_table_end(&table, stream, "");
}

/* ---- all --------------------------------------------------------------------------------------------- */

static void print_warnings(const bench_comparison *c, FILE *stream)
{
    for (size_t i = 0; i < c->n_warnings; i++)
        fprintf(stream, "%s %s\n", c->warnings[i].serious ? "WARNING" : "note   ", c->warnings[i].text);
}

void cli_bench_table(const bench_comparison *c, FILE *stream)
{
    print_devices(c, stream);
    fputc('\n', stream);
    if (c->n_rows > 0) {
        print_speed(c, stream);
        print_marks(c, stream);
        fputc('\n', stream);
        print_start(c, stream);
    }
    if (c->n_warnings > 0)
        fputc('\n', stream);
    print_warnings(c, stream);
}
