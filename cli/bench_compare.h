/* bench_compare.h: thaw bench --compare. */
#ifndef CLI_BENCH_COMPARE_H
#define CLI_BENCH_COMPARE_H

#include <stddef.h>

/* Where the page goes if nobody says. */
#define CLI_BENCH_PAGE "thaw-bench.html"

/* Reads n files that `thaw bench` wrote, prints their devices side by side, each compared with the baseline,
 * and writes a page to html: NULL for none, "-" for stdout in place of the table. baseline: as in
 * bench_comparison.h. Returns the exit code; messages go to stderr. */
int cli_bench_compare(const char *const *files, size_t n, const char *baseline, const char *html);

#endif
