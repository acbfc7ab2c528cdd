/* cases.h: one small case or more for every op, with odd shapes and gaps between the pixels. */
#ifndef THAW_TESTS_CPU_CASES_H
#define THAW_TESTS_CPU_CASES_H

#include "harness.h"

/* Makes case number i; false behind the last. The caller frees it with case_free. */
bool case_make(size_t i, op_case *c);

#endif
