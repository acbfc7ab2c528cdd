/* bench_report.h: what `thaw bench` found, in both forms. */
#ifndef CLI_BENCH_REPORT_H
#define CLI_BENCH_REPORT_H

#include <stdio.h>

#include "thaw/thaw.h"

/* Tables for people; of the ops the costliest. */
void cli_bench_print(const thaw_bench_report *report);
/* The whole report: format "thaw-bench/1" of docs/benchmarking.md. */
void cli_bench_json(const thaw_bench_report *report, FILE *stream);

#endif
