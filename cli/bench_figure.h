/* bench_figure.h: figures for people, with as many digits as a measurement has. "-" stands for an unknown
 * one.
 */
#ifndef CLI_BENCH_FIGURE_H
#define CLI_BENCH_FIGURE_H

#include <stddef.h>

/* Three digits: "0.0312", "2.31", "96.1", "14,213". */
void cli_bench_number(double x, char out[32]);
/* "10.4x". */
void cli_bench_times(double ratio, char out[32]);
/* "61 %". */
void cli_bench_percent(double share, char out[32]);
/* "0.12 ms", "1.50 s". */
void cli_bench_duration(double seconds, char out[32]);
/* "1.5 GiB". */
void cli_bench_bytes(double bytes, char out[32]);
/* At most width characters, the middle replaced where there are more. out has 4 * width + 1 bytes. */
void cli_bench_elide(const char *text, size_t width, char *out);

#endif
