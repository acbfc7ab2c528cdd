/* select.h: which cases a check runs. */
#ifndef THAW_CHECK_SELECT_H
#define THAW_CHECK_SELECT_H

#include "core/check/case.h"
#include "core/check/check.h"

/* THAW_E_INVALID if `op` or `check` of the options name something that is not there; err lists what is. */
thaw_status thaw_check_filter(const thaw_check_options *options, thaw_error *err);
/* round: from 0. */
bool thaw_check_selected(const thaw_check_options *options, const check_case *c, uint32_t round);
/* In all rounds, of which there is at least one. */
size_t thaw_check_count(const thaw_check_options *options, const check_list *list, uint32_t rounds);

#endif
