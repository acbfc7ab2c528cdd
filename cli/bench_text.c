/* bench_text.c: see bench_report.h. */
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_report.h"
#include "cli.h"
#include "table.h"

#define SHOWN_OPS 12u /* of a program; --json has them all */

static void heads(cli_table *table, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        cli_table_cell(table, "%s", names[i]);
}

/* What is not known is 0. */
static double known(double value)
{
    return value > 0 ? value : NAN;
}

static void number(cli_table *table, double value)
{
    char text[32];
    cli_bench_number(known(value), text);
    cli_table_cell(table, "%s", text);
}

static void percent(cli_table *table, double share)
{
    char text[32];
    cli_bench_percent(known(share), text);
    cli_table_cell(table, "%s", text);
}

static void duration(cli_table *table, double seconds)
{
    char text[32];
    cli_bench_duration(known(seconds), text);
    cli_table_cell(table, "%s", text);
}

/* In a column of them, to be compared at a glance. */
static void milliseconds(cli_table *table, double seconds)
{
    cli_table_cell(table, seconds < 1e-3 ? "%.4f" : seconds < 0.01 ? "%.2f" : "%.1f", 1e3 * seconds);
}

/* ---- the machine and its devices -------------------------------------------------------------------- */

static void print_machine(const thaw_bench_report *r)
{
    char memory[24], rss[24];
    cli_format_bytes((double)r->memory_bytes, memory);
    cli_format_bytes((double)r->peak_rss_bytes, rss);
    printf("thaw %s, %s, %s\n", thaw_version(), r->time_utc, r->os);
    printf("%s, %u cores (%u threads used), %s\n", r->cpu, (unsigned)r->cores, (unsigned)r->threads, memory);
    if (r->clock_ghz_start > 0)
        printf("clock measured: %.2f GHz before, %.2f GHz after", r->clock_ghz_start, r->clock_ghz_end);
    else
        printf("clock not measured");
    if (r->os_clock_ghz > 0)
        printf("; the system says %.2f GHz", r->os_clock_ghz);
    printf("%s%s\n", r->governor ? ", governor " : "", r->governor ? r->governor : "");
    printf("images of %ux%u, %u classes, %s%s; up to %u repetitions, or %g s each; memory of the process at "
           "most "
           "%s\n\n",
           (unsigned)r->input_size, (unsigned)r->input_size, (unsigned)r->n_classes,
           cli_precision_name(r->precision), r->exact ? " exact" : "", (unsigned)r->repeat, r->seconds, rss);
}

static void print_devices(const thaw_bench_report *r)
{
    static const char *const names[] = {"device",    "what it is", "driver", "GFLOP/s",
                                        "copy GB/s", "opened",     "tuned",  "self-test"};
    static const char *const states[] = {"not run", "passed", "failed", "reference"};
    cli_table table;
    cli_table_begin(&table, "lllrrrll");
    heads(&table, names, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < r->n_devices; i++) {
        const thaw_bench_device *d = r->devices[i];
        cli_table_cell(&table, "%s", d->name);
        cli_table_cell(&table, "%s", d->title);
        cli_table_cell(&table, "%s", d->driver);
        number(&table, d->peak_gflops.max);
        number(&table, d->copy_gb_per_s.max);
        duration(&table, d->open_seconds);
        cli_table_cell(&table, "%s", d->tuned ? "yes" : "no");
        cli_table_cell(&table, "%s", states[d->self_test]);
    }
    cli_table_end(&table, stdout, "");
    for (size_t i = 0; i < r->n_devices; i++) {
        const thaw_bench_device *d = r->devices[i];
        if (d->peak_source && strcmp(d->peak_source, "thaw.peak/1") != 0)
            printf("%s: GFLOP/s of the %s: its plugin does not measure a peak\n", d->name, d->peak_source);
        for (size_t k = 0; k < d->n_notes; k++)
            printf("%s: %s\n", d->name, d->notes[k]);
    }
}

/* ---- sections --------------------------------------------------------------------------------------- */

static void section_row(cli_table *table, const thaw_bench_device *d, const thaw_bench_section *s)
{
    char memory[24];
    cli_format_bytes((double)(s->device_bytes + s->variable_bytes), memory);
    cli_table_cell(table, "%s", s->name);
    cli_table_cell(table, "%u", (unsigned)s->batch);
    cli_table_cell(table, "%s", d->name);
    number(table, s->images_per_second);
    milliseconds(table, s->seconds.median);
    milliseconds(table, s->seconds.min);
    milliseconds(table, s->seconds.max);
    cli_table_cell(table, "%u", (unsigned)s->seconds.n);
    number(table, s->gflops);
    percent(table, s->share_of_peak);
    duration(table, s->prepare_seconds);
    cli_table_cell(table, "%s", memory);
    if (s->fallback_ops > 0)
        cli_table_cell(table, "%llu ops", (unsigned long long)s->fallback_ops);
    else
        cli_table_cell(table, "-");
}

/* Devices have the same sections in the same order, except that one may have been stopped earlier. */
static size_t most_sections(const thaw_bench_report *r)
{
    size_t most = 0;
    for (size_t i = 0; i < r->n_devices; i++)
        most = r->devices[i]->n_sections > most ? r->devices[i]->n_sections : most;
    return most;
}

static void print_sections(const thaw_bench_report *r)
{
    static const char *const names[] = {"section",  "batch",  "device",    "images/s", "ms",
                                        "min",      "max",    "n",         "GFLOP/s",  "of peak",
                                        "prepared", "memory", "on the CPU"};
    const size_t most = most_sections(r);
    cli_table table;
    cli_table_begin(&table, "lrlrrrrrrrrrl");
    heads(&table, names, sizeof names / sizeof names[0]);
    for (size_t k = 0; k < most; k++)
        for (size_t i = 0; i < r->n_devices; i++)
            if (k < r->devices[i]->n_sections && !r->devices[i]->sections[k]->error)
                section_row(&table, r->devices[i], r->devices[i]->sections[k]);
    printf("\n");
    cli_table_end(&table, stdout, "");
    for (size_t i = 0; i < r->n_devices; i++)
        for (size_t k = 0; k < r->devices[i]->n_sections; k++) {
            const thaw_bench_section *s = r->devices[i]->sections[k];
            if (s->error)
                printf("%s %u on %s: %s\n", s->name, (unsigned)s->batch, r->devices[i]->name, s->error);
        }
}

/* ---- ops -------------------------------------------------------------------------------------------- */

static int by_share(const void *a, const void *b)
{
    const thaw_bench_op *x = *(const thaw_bench_op *const *)a, *y = *(const thaw_bench_op *const *)b;
    return (x->share_of_program < y->share_of_program) - (x->share_of_program > y->share_of_program);
}

static void op_row(cli_table *table, const thaw_bench_op *o)
{
    cli_table_cell(table, "%s", o->op);
    cli_table_cell(table, "%s", o->label);
    cli_table_cell(table, "%s", o->shape);
    cli_table_cell(table, "%s", o->algorithm);
    cli_table_cell(table, "%zu", o->places);
    milliseconds(table, o->seconds.median);
    number(table, o->gflops);
    number(table, o->gb_per_s);
    percent(table, o->share_of_peak);
    percent(table, o->share_of_program);
}

/* ops: of one program; sorted here. */
static void print_program(const thaw_bench_device *d, const thaw_bench_op **ops, size_t n)
{
    static const char *const names[] = {"op", "first layer", "result", "algorithm", "places",
                                        "ms", "GFLOP/s",     "GB/s",   "of peak",   "of program"};
    double rest = 0;
    size_t places = 0, failed = 0;
    cli_table table;
    qsort(ops, n, sizeof *ops, by_share);
    cli_table_begin(&table, "llllrrrrrr");
    heads(&table, names, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < n; i++) {
        places += ops[i]->places;
        failed += ops[i]->error != NULL;
        if (i < SHOWN_OPS && !ops[i]->error)
            op_row(&table, ops[i]);
        else
            rest += ops[i]->share_of_program;
    }
    printf("\nops of %s, %u at a time, on %s: %zu distinct in %zu places\n", ops[0]->program,
           (unsigned)ops[0]->batch, d->name, n, places);
    cli_table_end(&table, stdout, "");
    if (n > SHOWN_OPS && rest > 0)
        printf("%zu more: %.1f %% of the program; --json has them all\n", n - SHOWN_OPS, 100 * rest);
    for (size_t i = 0; failed > 0 && i < n; i++)
        if (ops[i]->error)
            printf("%s (%s), %zu places: not timed: %s\n", ops[i]->op, ops[i]->label, ops[i]->places,
                   ops[i]->error);
}

static void print_ops(const thaw_bench_device *d)
{
    const thaw_bench_op **ops = calloc(d->n_ops + 1, sizeof *ops);
    if (!ops) {
        fprintf(stderr, "thaw: out of memory: the ops are not printed\n");
        return;
    }
    for (size_t first = 0, n; first < d->n_ops; first += n) {
        for (n = 0; first + n < d->n_ops && strcmp(d->ops[first + n]->program, d->ops[first]->program) == 0;
             n++)
            ops[n] = d->ops[first + n];
        print_program(d, ops, n);
    }
    free(ops);
}

void cli_bench_print(const thaw_bench_report *r)
{
    print_machine(r);
    print_devices(r);
    print_sections(r);
    for (size_t i = 0; i < r->n_devices; i++)
        print_ops(r->devices[i]);
    if (!r->complete)
        printf("\nnot complete: stopped before everything was measured\n");
}
