/* bench_comparison.h: measurements of several devices, side by side. */
#ifndef CLI_BENCH_COMPARISON_H
#define CLI_BENCH_COMPARISON_H

#include "bench_file.h"

#define BENCH_MAX_COLUMNS 26

/* From where on a difference is worth a warning. */
#define BENCH_SPREAD_LIMIT 0.10 /* of (max - min) / median */
#define BENCH_CLOCK_LIMIT  0.05 /* of the processor's clock, start to end */
#define BENCH_PEAK_LIMIT   1.05 /* of a share of the peak, which 1 should bound */

typedef struct bench_column {
    char letter[2]; /* "A"; names the device everywhere */
    const bench_file *file;
    const bench_device *device;
    double overall;      /* geometric mean of ratio over common rows; NAN if there are none */
    size_t overall_rows; /* rows that both this column and the first have measured */
} bench_column;

typedef struct bench_row {
    const char *name;
    double batch;
} bench_row;

typedef struct bench_warning {
    bool serious; /* the figures do not say what they seem to say */
    char *text;
} bench_warning;

typedef struct bench_comparison {
    bench_column columns[BENCH_MAX_COLUMNS]; /* the first is what the others are compared with */
    size_t n_columns;
    bool several_machines;
    bench_row *rows; /* sections and batches that any column has, in the order of the network */
    size_t n_rows;
    const bench_section **cells; /* n_rows x n_columns; NULL where there is none */
    const bench_op **op_cells;   /* n_op_rows x n_columns, the costliest first */
    size_t n_op_rows;
    bench_warning *warnings; /* the serious ones first */
    size_t n_warnings;
} bench_comparison;

/* Puts the devices of all files beside each other; the files outlive the comparison. False after a message.
 * baseline: the device that becomes the first, by its name or the letter that it has otherwise; NULL: the
 * first device of the first file. Its file's other devices follow it. Freed by cli_bench_comparison_free
 * either way. */
bool cli_bench_align(const bench_file *files, size_t n, const char *baseline, bench_comparison *c);
/* Looks for what makes the comparison unfair; false after a message. */
bool cli_bench_fairness(bench_comparison *c);
void cli_bench_comparison_free(bench_comparison *c);

const bench_section *cli_bench_cell(const bench_comparison *c, size_t row, size_t column);
/* NAN if it was not measured. */
double cli_bench_rate(const bench_section *section);
/* Images a second compared with the first column's; NAN where either is missing. */
double cli_bench_ratio(const bench_comparison *c, size_t row, size_t column);
/* x / base; NAN where either is unknown or base is zero. */
double cli_bench_quotient(double x, double base);
/* (max - min) / median; NAN if unknown. */
double cli_bench_spread(const bench_stat *s);
/* Seconds of an op at all its places; 0 if unknown. */
double cli_bench_cost(const bench_op *op);
/* Rows of one section lie behind each other: how many there are from `first` on. */
size_t cli_bench_batches(const bench_comparison *c, size_t first);

#endif
