/* helpers.h: a runtime with the CPU plugin and, if asked for, the faulty one. */
#ifndef THAW_TEST_CHECK_HELPERS_H
#define THAW_TEST_CHECK_HELPERS_H

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/check/check.h"
#include "core/runtime/runtime.h"

/* plugins: paths, ended by NULL. */
thaw_runtime *test_runtime(const char *const *plugins);

/* What the case that failed first said. */
typedef struct {
    char name[128], text[512];
    size_t failed;
} finding;
void test_on_case(void *ctx, const thaw_check_case *result);

/* The cases of op whose names contain filter (NULL: all), with seed 7. */
thaw_status test_run(thaw_runtime *runtime, const char *device, const char *op, const char *filter,
                     thaw_check_summary *summary, finding *f, thaw_error *err);
/* Those cases pass on the faulty plugin without a fault; with this one, a case fails and says `text`. */
void test_must_find(thaw_runtime *runtime, const char *fault, const char *op, const char *filter,
                    const char *text);

/* Those cases pass on the faulty plugin with the fault too. */
void test_must_pass(thaw_runtime *runtime, const char *fault, const char *op, const char *filter);

/* Group fixtures: a runtime with the CPU plugin, the faulty and the later one, in *state. */
int test_start(void **state);
int test_stop(void **state);

#endif
