/* choose.h: which algorithm computes an op. */
#ifndef THAW_OPENCL_CHOOSE_H
#define THAW_OPENCL_CHOOSE_H

#include "backends/opencl/opencl.h"

typedef struct {
    const ocl_algo *algo;
    uint32_t index, count; /* among those that the device offers for the op */
    size_t workspace;      /* bytes */
    char why[sizeof((thaw_op_info *)0)->reason];
} ocl_choice;

/* Algorithm number `wanted` of those that take the op, or THAW_ALGO_DEFAULT. THAW_E_UNSUPPORTED: there is
 * none of that number; where there is none at all, the text has the first one's reason. [thread-safe] */
thaw_status ocl_choose(const thaw_device *dev, const backend_op *op, uint32_t wanted, ocl_choice *out,
                       thaw_error *err);

#endif
