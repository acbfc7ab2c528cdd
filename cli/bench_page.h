/* bench_page.h: a comparison as one HTML page: style, script, plots and figures in one file that needs
 * nothing else. Its parts, from here on, are the page's own. */
#ifndef CLI_BENCH_PAGE_H
#define CLI_BENCH_PAGE_H

#include <stdio.h>

#include "bench_comparison.h"

/* False after a message. Whether the stream took it all, its owner asks. */
bool cli_bench_page(const bench_comparison *c, const bench_file *files, size_t n, FILE *stream);

/* Files that are embedded when thaw is built. */
typedef struct bench_page_part {
    const char *name;
    const unsigned char *text;
    size_t length;
} bench_page_part;
extern const bench_page_part bench_page_parts[];
extern const size_t bench_n_page_parts;

/* ---- figures in the page's way ----------------------------------------------------------------------- */

/* Colours repeat after so many devices; the letters do not. */
#define BENCH_COLOURS 8

/* "10.4×"; "" if unknown. */
void cli_page_times(double ratio, char out[40]);
/* The device's letter on its colour. */
void cli_page_badge(FILE *f, size_t column);
/* The same, and its name. */
void cli_page_device(FILE *f, const bench_comparison *c, size_t column);

/* ---- sections of the page ---------------------------------------------------------------------------- */

void cli_page_rates(FILE *f, const bench_comparison *c);
void cli_page_shares(FILE *f, const bench_comparison *c);
void cli_page_scaling(FILE *f, const bench_comparison *c);
void cli_page_roofs(FILE *f, const bench_comparison *c);
void cli_page_start(FILE *f, const bench_comparison *c);
void cli_page_ops(FILE *f, const bench_comparison *c);
void cli_page_figures(FILE *f, const bench_comparison *c);
void cli_page_facts(FILE *f, const bench_comparison *c);

#endif
