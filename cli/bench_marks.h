/* bench_marks.h: ops as marks in a roofline plot, whose frame bench_roofline.c draws. */
#ifndef CLI_BENCH_MARKS_H
#define CLI_BENCH_MARKS_H

#include <stdio.h>

#include "bench_comparison.h"

/* Of the plot, in the units of bench_svg.h. */
#define ROOF_LEFT   44.0
#define ROOF_RIGHT  378.0
#define ROOF_TOP    12.0
#define ROOF_BOTTOM 262.0

/* Powers of ten at the ends of both axes, the same for all devices. */
typedef struct bench_scales {
    double x_low, x_high, y_low, y_high;
} bench_scales;

/* Whether a speed is one that any device could have; a file may hold any number. */
bool cli_roof_fits(double gflops);
/* Where a figure > 0 lies. */
double cli_roof_x(const bench_scales *s, double value);
double cli_roof_y(const bench_scales *s, double value);

/* Operations for each byte that an op reads or writes. */
double cli_mark_intensity(const bench_op *op);
/* The device's ops that can be drawn, each once, the costliest first: those with both coordinates and enough
 * time to matter. list has room for all. *left_out is how many others there are. */
size_t cli_mark_list(const bench_device *d, const bench_op **list, size_t *left_out);
void cli_mark_draw(FILE *f, const bench_op *op, const bench_scales *s, size_t column);
/* Numbers the first of the list, and says below the plot what they are. */
void cli_mark_number(FILE *f, const bench_op *const *list, size_t n, const bench_scales *s);
void cli_mark_describe(FILE *f, const bench_op *const *list, size_t n, size_t left_out);

#endif
