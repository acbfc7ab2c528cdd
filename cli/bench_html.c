/* bench_html.c: see bench_page.h. Nothing in a page depends on when it is written: same files, same bytes. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "bench_figure.h"
#include "bench_page.h"
#include "html.h"

/* Devices that a title names; more are counted. */
#define TITLE_DEVICES 3
#define TITLE_WIDTH   48
#define NAME_WIDTH    24

/* Nothing may be loaded or sent, whatever the measurements' texts say. */
#define POLICY "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; form-action 'none'"

void cli_page_times(double ratio, char out[40])
{
    char number[32];
    cli_bench_number(ratio, number);
    if (isnan(ratio))
        out[0] = '\0';
    else
        snprintf(out, 40, "%s\xc3\x97", number);
}

void cli_page_badge(FILE *f, size_t column)
{
    const char letter[2] = {(char)('A' + (int)column)};
    cli_html(f, "<b class=\"badge k%zu\">%s</b>", column % BENCH_COLOURS, letter);
}

void cli_page_device(FILE *f, const bench_comparison *c, size_t column)
{
    char name[4 * NAME_WIDTH + 1];
    cli_bench_elide(c->columns[column].device->name, NAME_WIDTH, name);
    cli_page_badge(f, column);
    cli_html(f, " %s", name);
}

/* ---- head -------------------------------------------------------------------------------------------- */

static void embed(FILE *f, const char *name)
{
    for (size_t i = 0; i < bench_n_page_parts; i++) {
        if (strcmp(bench_page_parts[i].name, name) == 0)
            fwrite(bench_page_parts[i].text, 1, bench_page_parts[i].length, f);
    }
}

static const char *title_of(const bench_device *d)
{
    return *d->title ? d->title : d->name;
}

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash && slash[1] ? slash + 1 : path;
}

typedef const char *(*label_fn)(const bench_column *column);

static const char *by_title(const bench_column *k)
{
    return title_of(k->device);
}

static const char *by_name(const bench_column *k)
{
    return k->device->name;
}

static const char *by_file(const bench_column *k)
{
    return base_name(k->file->path);
}

static size_t distinct(const bench_comparison *c, label_fn label_of)
{
    size_t n = 0;
    for (size_t i = 0; i < c->n_columns; i++) {
        size_t k = 0;
        while (k < i && strcmp(label_of(&c->columns[k]), label_of(&c->columns[i])) != 0)
            k++;
        n += k == i;
    }
    return n;
}

/* What tells all devices apart: one may be there with other options, or before and after a change. NULL:
 * nothing does. */
static label_fn telling_label(const bench_comparison *c)
{
    static const label_fn labels[] = {by_title, by_name, by_file};
    for (size_t i = 0; i < sizeof labels / sizeof labels[0]; i++) {
        if (distinct(c, labels[i]) == c->n_columns)
            return labels[i];
    }
    return NULL;
}

static void title(FILE *f, const bench_comparison *c, const char *between)
{
    char text[4 * TITLE_WIDTH + 1];
    label_fn label_of = telling_label(c);
    if (c->n_columns > TITLE_DEVICES || !label_of) {
        cli_html(f, "%zu devices", c->n_columns);
        return;
    }
    cli_bench_elide(by_title(&c->columns[0]), TITLE_WIDTH, text);
    if (c->n_columns > 1 && distinct(c, by_title) == 1)
        cli_html(f, "%s: ", text);
    for (size_t i = 0; i < c->n_columns; i++) {
        cli_bench_elide(label_of(&c->columns[i]), TITLE_WIDTH, text);
        cli_html(f, "%s%s", i > 0 ? between : "", text);
    }
}

static void head(FILE *f, const bench_comparison *c)
{
    cli_html(f,
             "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
             "<meta http-equiv=\"Content-Security-Policy\" content=\"%s\">\n"
             "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
             "<meta name=\"color-scheme\" content=\"light dark\">\n<title>thaw bench: ",
             POLICY);
    title(f, c, " / ");
    cli_html(f, "</title>\n<style>\n");
    embed(f, "bench_page.css");
    cli_html(f, "</style>\n</head>\n<body>\n");
}

/* ---- what is compared -------------------------------------------------------------------------------- */

static void subtitle(FILE *f, const bench_comparison *c)
{
    const bench_options *o = &c->columns[0].file->options;
    cli_html(f, "<p class=\"sub\">InceptionV3");
    if (o->input_size > 0)
        cli_html(f, ", images of %.0f \xc3\x97 %.0f", o->input_size, o->input_size);
    if (*o->precision)
        cli_html(f, ", %s", o->precision);
    if (*o->batch_sizes)
        cli_html(f, ", batch sizes %s", o->batch_sizes);
    cli_html(
        f,
        ". Measured by thaw %s, a program that fine-tunes the network on photos, with the same ops on every "
        "device.</p>\n",
        c->columns[0].file->thaw);
}

static void fact(FILE *f, const char *name, const char *value, const char *unit)
{
    cli_html(f, "<div><dt>%s</dt><dd>%s <span>%s</span></dd></div>", name, value, unit);
}

static void card(FILE *f, const bench_comparison *c, size_t column)
{
    const bench_column *k = &c->columns[column];
    const bench_device *d = k->device;
    char text[40], unit[64];
    cli_html(f, "<li class=\"card k%zu\">", column % BENCH_COLOURS);
    cli_page_badge(f, column);
    cli_html(f, "<h3>%s</h3><p>%s", title_of(d), d->name);
    if (*d->driver)
        cli_html(f, " \xc2\xb7 %s", d->driver);
    cli_html(f, " \xc2\xb7 %s", base_name(k->file->path));
    if (c->several_machines && *k->file->host.cpu)
        cli_html(f, "<br>in a machine with %s", k->file->host.cpu);
    cli_html(f, "</p><dl>");
    cli_bench_number(d->peak_gflops.max, text);
    fact(f, "measured peak", isnan(d->peak_gflops.max) ? "\xe2\x80\x93" : text, "GFLOP/s");
    cli_bench_number(d->copy_gb_per_s.max, text);
    fact(f, "copying", isnan(d->copy_gb_per_s.max) ? "\xe2\x80\x93" : text, "GB/s");
    cli_page_times(k->overall, text);
    if (column > 0) {
        snprintf(unit, sizeof unit, "A, mean of %zu", k->overall_rows);
        fact(f, "images a second", *text ? text : "\xe2\x80\x93", unit);
    } else if (c->n_columns > 1) {
        fact(f, "images a second", "1\xc3\x97", "the baseline");
    }
    cli_html(f, "</dl></li>\n");
}

static void navigation(FILE *f, const bench_comparison *c)
{
    cli_html(f, "<nav aria-label=\"Parts of this page\"><a href=\"#fair\">fairness</a> ");
    if (c->n_rows > 0)
        cli_html(f, "<a href=\"#speed\">speed</a> <a href=\"#peak\">share of peak</a> "
                    "<a href=\"#start\">start-up</a> <a href=\"#figures\">all figures</a> ");
    if (c->n_op_rows > 0)
        cli_html(f, "<a href=\"#ops\">ops</a> ");
    cli_html(f, "<a href=\"#facts\">what was measured</a> <a href=\"#raw\">raw data</a></nav>\n");
}

static void introduction(FILE *f, const bench_comparison *c)
{
    cli_html(f, "<header>\n<p class=\"eyebrow\">thaw bench</p>\n<h1>");
    title(f, c, " vs ");
    cli_html(f, "</h1>\n");
    subtitle(f, c);
    cli_html(f, "<ul class=\"cards\">\n");
    for (size_t i = 0; i < c->n_columns; i++)
        card(f, c, i);
    cli_html(f, "</ul>\n");
    if (c->n_columns > 1)
        cli_html(f, "<p class=\"note\">The mean is geometric, over all sections and batch sizes that both "
                    "have.</p>\n");
    navigation(f, c);
    cli_html(f, "</header>\n<main>\n");
}

/* ---- fairness ---------------------------------------------------------------------------------------- */

static void fairness(FILE *f, const bench_comparison *c)
{
    size_t serious = 0;
    for (size_t i = 0; i < c->n_warnings; i++)
        serious += c->warnings[i].serious;
    cli_html(f, "<section id=\"fair\"><h2>Can the figures be %s?</h2>\n",
             c->n_columns > 1 ? "compared" : "trusted");
    if (serious == 0)
        cli_html(
            f,
            "<p class=\"verdict good\">Yes: %scomplete, right by the self-test where it ran, steady, and "
            "nothing ran elsewhere.</p>\n",
            c->n_columns > 1 ? "same thaw, precision and work; " : "");
    else
        cli_html(f, "<p class=\"verdict bad\">Not without care: %zu %s.</p>\n", serious,
                 serious == 1 ? "thing speaks against it" : "things speak against it");
    if (c->n_warnings > 0)
        cli_html(f, "<ul class=\"warnings\">\n");
    for (size_t i = 0; i < c->n_warnings; i++)
        cli_html(f, "<li class=\"%s\"><b>%s</b> %s</li>\n", c->warnings[i].serious ? "serious" : "hint",
                 c->warnings[i].serious ? "Warning" : "Note", c->warnings[i].text);
    if (c->n_warnings > 0)
        cli_html(f, "</ul>\n");
    cli_html(f, "</section>\n");
}

/* ---- raw data ---------------------------------------------------------------------------------------- */

static bool raw_data(FILE *f, const bench_file *files, size_t n)
{
    cli_html(f,
             "<section id=\"raw\"><h2>Raw data</h2>\n<p>The measurements as they were read are part of this "
             "page, as JSON in the element <code>raw-data</code>.</p>\n<p class=\"tools\" hidden><button "
             "type=\"button\" id=\"download\">Save as JSON</button> <button type=\"button\" id=\"copy\">Copy"
             "</button> <span id=\"copied\" role=\"status\"></span></p>\n"
             "<script type=\"application/json\" id=\"raw-data\">[");
    for (size_t i = 0; i < n; i++) {
        char *text = cJSON_PrintUnformatted(files[i].tree.root);
        if (!text) {
            fprintf(stderr, "thaw: out of memory while writing the page\n");
            return false;
        }
        cli_html(f, i > 0 ? ",\n" : "\n");
        cli_html_json(f, text);
        cJSON_free(text);
    }
    cli_html(f, "\n]</script>\n</section>\n");
    return true;
}

bool cli_bench_page(const bench_comparison *c, const bench_file *files, size_t n, FILE *stream)
{
    head(stream, c);
    introduction(stream, c);
    fairness(stream, c);
    if (c->n_rows > 0) {
        cli_page_rates(stream, c);
        cli_page_shares(stream, c);
        cli_page_scaling(stream, c);
        cli_page_start(stream, c);
    }
    cli_page_roofs(stream, c);
    cli_page_ops(stream, c);
    if (c->n_rows > 0)
        cli_page_figures(stream, c);
    cli_page_facts(stream, c);
    if (!raw_data(stream, files, n))
        return false;
    cli_html(stream, "</main>\n<script>\n");
    embed(stream, "bench_page.js");
    cli_html(stream, "</script>\n</body>\n</html>\n");
    return true;
}
