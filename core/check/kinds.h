/* kinds.h: the kinds of check by name. A new one is a value of check_type (case.h) and a line in kinds.c. */
#ifndef THAW_CHECK_KINDS_H
#define THAW_CHECK_KINDS_H

#include "core/check/case.h"
#include "core/check/check.h"

/* Statuses as thaw_check_values. A type without a line in the table is THAW_E_INTERNAL. */
thaw_status thaw_check_dispatch(check_run *run, const check_case *c, thaw_error *err);

/* What a case computes with: "f32", "tf32" where that is all the precision it asks for, "f32→f16" for a cast;
 * "" for what has no tensors. */
void thaw_check_data_name(const check_case *c, char out[THAW_CHECK_DATA_MAX]);

#endif
