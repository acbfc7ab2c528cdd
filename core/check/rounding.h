/* rounding.h: how exactly a device's algorithms compute an op on given numbers. */
#ifndef THAW_CHECK_ROUNDING_H
#define THAW_CHECK_ROUNDING_H

#include "core/check/case.h"

/* One algorithm beside the reference. */
typedef struct check_rounding {
    char algorithm[sizeof((thaw_op_info *)0)->name];
    double l2;        /* |value - reference| / |reference|, Euclidean, over all outputs */
    double largest;   /* of |value - reference|, as a share of the largest |reference| */
    double allowance; /* the largest error as a share of what compare.c allows */
    const char *text; /* why it failed; "" if it is within what is allowed */
} check_rounding;

/* Calls on_algo for each algorithm that the device offers for op. inputs: n_in, dense; NULL: random. The
 * status is THAW_OK also where algorithms failed. THAW_E_UNSUPPORTED: the device declines the op. err is
 * needed. */
thaw_status thaw_check_rounding(check_run *run, const thaw_op *op, const void *const *inputs,
                                void (*on_algo)(void *ctx, const check_rounding *result), void *ctx,
                                thaw_error *err);

#endif
