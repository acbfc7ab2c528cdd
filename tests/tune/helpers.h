/* helpers.h: a runtime with the CPU plugin and the picky one, and a graph with one op for it. */
#ifndef THAW_TEST_TUNE_HELPERS_H
#define THAW_TEST_TUNE_HELPERS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/check/selftest.h"
#include "core/runtime/program.h"
#include "core/tune/tune.h"

/* For cmocka_run_group_tests: *state is the runtime. */
int start_picky(void **state);
int stop_picky(void **state);

thaw_dev *open_dev(thaw_runtime *runtime, const char *name);

/* RELU_BWD of n rows. Freed by thaw_graph_free. */
void relu_graph(thaw_graph *graph, int32_t n);
/* Algorithm and reason of that one op of a program on dev, "-" if another device has it. */
typedef struct placed {
    char algo[32], reason[160];
} placed;
placed place_relu(thaw_dev *dev, thaw_dev *fallback, const thaw_choices *choices);

/* The last warning, and how many there were. */
extern char warned[1024];
extern int warnings;
extern const thaw_log warning_log;

#endif
