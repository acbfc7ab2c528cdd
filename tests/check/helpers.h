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

#endif
