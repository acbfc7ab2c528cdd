/* bf16_run.h: what the algorithms of bf16.h share; as cpu_algo has them. */
#ifndef THAW_CPU_CONV_BF16_RUN_H
#define THAW_CPU_CONV_BF16_RUN_H

#include "bf16_plan.h"

thaw_status cpu_conv_bf16_prepare(const struct thaw_device *dev, const backend_op *op,
                                  const conv_bf16_kernels *kernels, const void *const *const_data,
                                  void **state, thaw_error *err);
void cpu_conv_bf16_destroy(const struct thaw_device *dev, void *state);
cpu_weights cpu_conv_bf16_weights(const struct thaw_device *dev, const void *state);
void cpu_conv_bf16_run(const cpu_call *call);

#endif
