/* bench_fair.c: what makes a comparison unfair, or a figure less than it seems. */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_comparison.h"
#include "bench_figure.h"

/* Two counts of the same program's multiply-adds are the same up to rounding. */
#define MACS_LIMIT 1e-6

/* ---- the list --------------------------------------------------------------------------------------- */

typedef struct fairness {
    bench_comparison *c;
    bool failed;
} fairness;

static void warn(fairness *f, bool serious, const char *format, ...) __attribute__((format(printf, 3, 4)));

static void warn(fairness *f, bool serious, const char *format, ...)
{
    bench_comparison *c = f->c;
    char *text = NULL;
    bench_warning *larger = realloc(c->warnings, (c->n_warnings + 1) * sizeof *larger);
    if (larger)
        c->warnings = larger;
    va_list args;
    va_start(args, format);
    if (!larger || vasprintf(&text, format, args) < 0)
        f->failed = true;
    else
        c->warnings[c->n_warnings++] = (bench_warning){serious, text};
    va_end(args);
}

static bool serious_first(bench_comparison *c)
{
    bench_warning *sorted = calloc(c->n_warnings + 1, sizeof *sorted);
    size_t n = 0;
    if (!sorted)
        return false;
    for (int serious = 1; serious >= 0; serious--) {
        for (size_t i = 0; i < c->n_warnings; i++) {
            if (c->warnings[i].serious == (serious == 1))
                sorted[n++] = c->warnings[i];
        }
    }
    free(c->warnings);
    c->warnings = sorted;
    return true;
}

/* ---- how it was measured ---------------------------------------------------------------------------- */

typedef void (*value_fn)(const bench_column *column, char out[160]);

static void thaw_version(const bench_column *k, char out[160])
{
    snprintf(out, 160, "%s", k->file->thaw);
}

static void precision(const bench_column *k, char out[160])
{
    snprintf(out, 160, "%s%s", k->file->options.precision, k->file->options.exact ? " exact" : "");
}

/* "" if unknown. */
static void plain(double x, char out[160])
{
    if (isnan(x))
        out[0] = '\0';
    else
        snprintf(out, 160, "%.10g", x);
}

static void input_size(const bench_column *k, char out[160])
{
    plain(k->file->options.input_size, out);
}

static void classes(const bench_column *k, char out[160])
{
    plain(k->file->options.classes, out);
}

static void threads(const bench_column *k, char out[160])
{
    plain(k->file->options.threads, out);
}

static void length_of_run(const bench_column *k, char out[160])
{
    snprintf(out, 160, "%s", k->file->options.quick ? "quick" : "full");
}

static void turns(const bench_column *k, char out[160])
{
    snprintf(out, 160, "%s", k->file->options.interleaved ? "taking turns" : "one after the other");
}

static void repeat(const bench_column *k, char out[160])
{
    plain(k->file->options.repeat, out);
}

static void peak_source(const bench_column *k, char out[160])
{
    snprintf(out, 160, "%s", k->device->peak_source);
}

static void tuning(const bench_column *k, char out[160])
{
    snprintf(out, 160, "%s", k->device->tuned ? "yes" : "no");
}

/* One warning if columns that have a value have not the same: each value with the letters of its columns. */
static void compare_values(fairness *f, bool serious, const char *what, value_fn value_of, const char *advice)
{
    const bench_comparison *c = f->c;
    char values[BENCH_MAX_COLUMNS][160], list[BENCH_MAX_COLUMNS * 170];
    size_t used = 0, distinct = 0;
    for (size_t i = 0; i < c->n_columns; i++)
        value_of(&c->columns[i], values[i]);
    for (size_t i = 0; i < c->n_columns; i++) {
        bool first = *values[i] != '\0';
        for (size_t k = 0; k < i; k++)
            first = first && strcmp(values[k], values[i]) != 0;
        if (!first)
            continue;
        used += (size_t)snprintf(list + used, sizeof list - used, "%s%s on %s", distinct++ ? "; " : "",
                                 values[i], c->columns[i].letter);
        for (size_t k = i + 1; k < c->n_columns; k++) {
            if (strcmp(values[k], values[i]) == 0)
                used += (size_t)snprintf(list + used, sizeof list - used, ", %s", c->columns[k].letter);
        }
    }
    if (distinct > 1)
        warn(f, serious, "%s differ: %s: %s", what, list, advice);
}

static void check_methods(fairness *f)
{
    const char *same = "measure all with the same";
    compare_values(f, true, "thaw versions", thaw_version, same);
    compare_values(f, true, "precisions", precision, same);
    compare_values(f, true, "input sizes", input_size, same);
    compare_values(f, true, "numbers of classes", classes, same);
    compare_values(f, true, "lengths of the run", length_of_run,
                   "a quick run repeats too little; measure all in full");
    compare_values(f, true, "sources of the peak", peak_source,
                   "their shares of the peak do not compare; images a second do");
    /* Another machine has another number of cores, and that is part of what it is. */
    compare_values(f, !f->c->several_machines, "threads", threads,
                   "work that the host does for a device depends on them");
    compare_values(f, false, "orders of measuring", turns,
                   "devices that do not take turns meet the machine in different states");
    compare_values(f, false, "repetitions", repeat, "the spread of fewer looks smaller");
    compare_values(f, false, "states of tuning", tuning, "`thaw tune` may make the others faster");
}

/* ---- each file and device --------------------------------------------------------------------------- */

static void check_clock(fairness *f, const char *letters, const bench_host *h)
{
    double change = cli_bench_quotient(h->clock_ghz_end, h->clock_ghz_start) - 1;
    if (fabs(change) > BENCH_CLOCK_LIMIT)
        warn(
            f, true,
            "%s: the processor's clock went from %.2f to %.2f GHz (%+.0f %%) during the run: keep other work "
            "away, fix the clock if you can, and measure again",
            letters, h->clock_ghz_start, h->clock_ghz_end, 100 * change);
}

/* Once for all devices of a file, whose columns lie behind each other. */
static void check_file(fairness *f, size_t column)
{
    const bench_comparison *c = f->c;
    const bench_file *file = c->columns[column].file;
    char letters[3 * BENCH_MAX_COLUMNS + 1];
    size_t used = 0;
    if (column > 0 && c->columns[column - 1].file == file)
        return;
    for (size_t i = column; i < c->n_columns && c->columns[i].file == file; i++)
        used += (size_t)snprintf(letters + used, sizeof letters - used, "%s%s", i > column ? ", " : "",
                                 c->columns[i].letter);
    if (file->options.quick)
        warn(f, false, "%s: a quick run: few repetitions, short ones, and no ops of train", letters);
    if (!file->complete)
        warn(f, true, "%s: the run was stopped before its end: %s is not complete", letters, file->path);
    check_clock(f, letters, &file->host);
}

static void check_device(fairness *f, const bench_column *k)
{
    const bench_device *d = k->device;
    if (strcmp(d->self_test, "failed") == 0)
        warn(f, true, "%s: the self-test failed: the device computes wrong values; see `thaw check`",
             k->letter);
    if (!*d->self_test || strcmp(d->self_test, "not run") == 0)
        warn(f, false, "%s: the self-test has not run: nothing says that the values are right", k->letter);
    if (isnan(d->peak_gflops.max))
        warn(f, false, "%s: no measured peak: there are no shares of it", k->letter);
}

/* ---- each section ----------------------------------------------------------------------------------- */

static void check_errors(fairness *f, const bench_column *k)
{
    for (size_t i = 0; i < k->device->n_sections; i++) {
        const bench_section *s = &k->device->sections[i];
        if (*s->error)
            warn(f, true, "%s: %s, batch %.0f failed: %s", k->letter, s->name, s->batch, s->error);
    }
}

static void check_fallback(fairness *f, const bench_column *k)
{
    const bench_section *worst = NULL;
    char bytes[32];
    size_t n = 0;
    for (size_t i = 0; i < k->device->n_sections; i++) {
        const bench_section *s = &k->device->sections[i];
        if (!(s->fallback_ops > 0))
            continue;
        n++;
        if (!worst || s->fallback_ops > worst->fallback_ops)
            worst = s;
    }
    if (!worst)
        return;
    cli_bench_bytes(worst->fallback_bytes, bytes);
    warn(f, true,
         "%s: part of %zu of %zu measurements ran on the CPU; most in %s, batch %.0f: %.0f ops, %s copied: "
         "that "
         "is not the device's own speed",
         k->letter, n, k->device->n_sections, worst->name, worst->batch, worst->fallback_ops, bytes);
}

static void check_spread(fairness *f, const bench_column *k)
{
    const bench_section *worst = NULL;
    char percent[32];
    size_t n = 0;
    for (size_t i = 0; i < k->device->n_sections; i++) {
        const bench_section *s = &k->device->sections[i];
        double spread = cli_bench_spread(&s->seconds);
        if (*s->error || !(spread > BENCH_SPREAD_LIMIT))
            continue;
        n++;
        if (!worst || spread > cli_bench_spread(&worst->seconds))
            worst = s;
    }
    if (!worst)
        return;
    cli_bench_percent(cli_bench_spread(&worst->seconds), percent);
    warn(f, true,
         "%s: %zu of %zu measurements spread by more than %.0f %%; most %s, batch %.0f: %s from the fastest "
         "to "
         "the slowest repetition: stop other work on the machine",
         k->letter, n, k->device->n_sections, 100 * BENCH_SPREAD_LIMIT, worst->name, worst->batch, percent);
}

static void check_peak(fairness *f, const bench_column *k)
{
    for (size_t i = 0; i < k->device->n_sections; i++) {
        const bench_section *s = &k->device->sections[i];
        if (!(s->share_of_peak > BENCH_PEAK_LIMIT))
            continue;
        warn(f, false,
             "%s: %s, batch %.0f is above the measured peak (%.0f %%): the peak was measured too low, or an "
             "algorithm does less arithmetic than is counted, or has faster units for it (tf32, bf16)",
             k->letter, s->name, s->batch, 100 * s->share_of_peak);
        return;
    }
}

/* ---- rows ------------------------------------------------------------------------------------------- */

static void check_work(fairness *f, size_t row)
{
    const bench_comparison *c = f->c;
    const bench_section *first = NULL;
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_section *s = cli_bench_cell(c, row, i);
        if (!s || isnan(s->macs_per_image))
            continue;
        if (!first)
            first = s;
        double change = fabs(cli_bench_quotient(s->macs_per_image, first->macs_per_image) - 1);
        if (!(change > MACS_LIMIT))
            continue;
        warn(f, true, "%s, batch %.0f: the work differs: %.4g multiply-adds an image on %s, %.4g before",
             s->name, s->batch, s->macs_per_image, c->columns[i].letter, first->macs_per_image);
        return;
    }
}

static void check_gaps(fairness *f)
{
    const bench_comparison *c = f->c;
    size_t gaps = 0;
    for (size_t r = 0; r < c->n_rows; r++) {
        bool gap = false;
        for (size_t i = 0; i < c->n_columns; i++)
            gap = gap || !cli_bench_cell(c, r, i);
        gaps += gap;
    }
    if (gaps > 0)
        warn(f, false, "%zu of %zu measurements were not made on every device", gaps, c->n_rows);
}

bool cli_bench_fairness(bench_comparison *c)
{
    fairness f = {.c = c};
    check_methods(&f);
    for (size_t i = 0; i < c->n_columns; i++) {
        const bench_column *k = &c->columns[i];
        check_file(&f, i);
        check_device(&f, k);
        check_errors(&f, k);
        check_fallback(&f, k);
        check_spread(&f, k);
        check_peak(&f, k);
    }
    for (size_t r = 0; r < c->n_rows; r++)
        check_work(&f, r);
    check_gaps(&f);
    if (!f.failed && serious_first(c))
        return true;
    fprintf(stderr, "thaw: out of memory while comparing\n");
    return false;
}
