/* bench_svg.h: what the plots of a page share. All are drawn as wide as a telephone's screen and set side by
 * side where there is room, so that their text has the same size everywhere. */
#ifndef CLI_BENCH_SVG_H
#define CLI_BENCH_SVG_H

#include <stdio.h>

#include "bench_comparison.h"

#define SVG_WIDTH 400.0

/* <figure>, its caption and the opened <svg>. id is unique in the page; title and about are read to those who
 * do not see the plot. */
void cli_svg_open(FILE *f, const char *id, double height, const char *title, const char *about);
/* Ends both; note is a line below the plot, or "". */
void cli_svg_close(FILE *f, const char *note);

/* The device's letter in its colour, `anchor` as in SVG. */
void cli_svg_letter(FILE *f, size_t column, double x, double y, const char *anchor);

/* 1, 2 or 5 times a power of ten: the distance between ticks such that at most n fit into range, which is >
 * 0. */
double cli_svg_step(double range, int n);

/* A tick's number: "0.5", "10,000". */
void cli_svg_tick(double x, char out[32]);

/* Moves the labels at y[0] <= y[1] <= … apart by at least gap, none below lowest. */
void cli_svg_spread(double *y, size_t n, double gap, double lowest);

/* What a section of the measurements is, for people who do not know thaw. */
const char *cli_svg_about(const char *section);

#endif
