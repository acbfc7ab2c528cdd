/* wino.h: CONV2D of stride 1 and 2 and CONV2D_BWD_DATA of stride 1 by Winograd's algorithms.
 *
 * Each result is one chain of operations in an order that the variant fixes: neither the batch nor the
 * threads nor the cut into blocks can change its bits. An infinity or a NaN of the image reaches the outputs
 * whose window holds it, and no other. */
#ifndef THAW_CPU_CONV_WINO_H
#define THAW_CPU_CONV_WINO_H

#include "plan.h"

/* As the members of cpu_algo. */
size_t cpu_wino_workspace(const struct thaw_device *dev, const backend_op *op, wino_way way);
thaw_status cpu_wino_prepare(const struct thaw_device *dev, const backend_op *op, wino_way way,
                             const void *const *const_data, void **state, thaw_error *err);
void cpu_wino_destroy(const struct thaw_device *dev, void *state);
cpu_weights cpu_wino_weights(const struct thaw_device *dev, const void *state);
void cpu_wino_run(const cpu_call *call);

/* One algorithm for each variant: CONV2D and CONV2D_BWD_DATA. */
extern const cpu_algo cpu_wino_forward[WINO_VARIANTS];
extern const cpu_algo cpu_wino_backward[WINO_VARIANTS];
#if defined(THAW_CPU_BF16)
extern const cpu_algo cpu_wino_forward_amx[WINO_VARIANTS];
extern const cpu_algo cpu_wino_backward_amx[WINO_VARIANTS];
#endif

#endif
