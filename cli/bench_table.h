/* bench_table.h: a comparison on the terminal. */
#ifndef CLI_BENCH_TABLE_H
#define CLI_BENCH_TABLE_H

#include <stdio.h>

#include "bench_comparison.h"

void cli_bench_table(const bench_comparison *c, FILE *stream);

#endif
