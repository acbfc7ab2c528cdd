/* vars.h: what a program needs to know of its variables. */
#ifndef THAW_RUNTIME_VARS_H
#define THAW_RUNTIME_VARS_H

#include "core/runtime/program.h"

const thaw_dev *thaw_vars_dev(const thaw_vars *vars);
thaw_slice thaw_vars_slice(const thaw_vars *vars, size_t i);

#endif
