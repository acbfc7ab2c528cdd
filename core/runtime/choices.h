/* choices.h: which algorithm a device is to use for which op, where somebody knows better than the device's
 * own default: a search (core/tune) or a self-test (core/check). */
#ifndef THAW_RUNTIME_CHOICES_H
#define THAW_RUNTIME_CHOICES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/runtime/runtime.h"
#include "thaw_plugin.h"

/* For one device. Read by any number of threads at a time, changed by one. */
typedef struct thaw_choices thaw_choices;

#define THAW_SIGNATURE_MAX 256u
#define THAW_ALGO_NAME_MAX sizeof((thaw_op_info *)0)->name
/* Algorithms of one op beyond this many are not asked for. */
#define THAW_MAX_ALGOS 256u

/* An op's exact shape as one line of words without a blank at either end, the same for the same op on every
 * machine: kind, each tensor's sizes, type and role, the attributes, the precision, the flags. Pitches,
 * `runs` and a dropout's seed do not count. */
void thaw_op_signature(const thaw_op *op, char out[THAW_SIGNATURE_MAX]);

/* What a search found for one op. Times are of one run, in nanoseconds, > 0. */
typedef struct thaw_choice {
    char signature[THAW_SIGNATURE_MAX];
    char algo[THAW_ALGO_NAME_MAX];
    char default_algo[THAW_ALGO_NAME_MAX]; /* the device's own choice when the search ran */
    uint64_t nanoseconds, default_nanoseconds;
} thaw_choice;

/* NULL when memory is exhausted. Freed by thaw_choices_free. */
thaw_choices *thaw_choices_create(void);
/* NULL does nothing. */
void thaw_choices_free(thaw_choices *choices);

/* Replaces what was preferred for the same signature. */
thaw_status thaw_choices_prefer(thaw_choices *choices, const thaw_choice *choice, thaw_error *err);
/* What is preferred, by position. NULL behind the last. Valid until the next change. */
const thaw_choice *thaw_choices_at(const thaw_choices *choices, size_t i);
/* NULL if nothing is preferred for this op. */
const thaw_choice *thaw_choices_find(const thaw_choices *choices, const char *signature);

/* The algorithm of this name is not to be used for ops of this kind. The first reason stays. */
thaw_status thaw_choices_disable(thaw_choices *choices, uint32_t kind, const char *algo, const char *reason,
                                 thaw_error *err);
/* Why an algorithm is not to be used, or NULL if it may be. */
const char *thaw_choices_disabled(const thaw_choices *choices, uint32_t kind, const char *algo);

/* Asks dev about op. choices NULL: its default. Otherwise the preferred algorithm if dev offers it and it is
 * not disabled, else the default, else the first one that is not disabled. Where CONST data are prepared for
 * one run alone nothing is preferred: what was timed are runs. THAW_OK: *info is of that algorithm, its texts
 * terminated and its reason (for people) replaced where it is not the default.
 * THAW_E_UNSUPPORTED: dev declines the op, or all that it offers for it is disabled; err says which. Another
 * status: what the device answered. err is needed. */
thaw_status thaw_choices_ask(const thaw_choices *choices, thaw_dev *dev, const thaw_op *op,
                             thaw_op_info *info, thaw_error *err);
/* The algorithm of this name among those that dev offers for op: *info is filled, or false. */
bool thaw_choices_named(thaw_dev *dev, const thaw_op *op, const char *algo, thaw_op_info *info);

#endif
