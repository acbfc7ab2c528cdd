/* gemm.h: CONV2D and CONV2D_BWD_DATA as one implicit matrix product.
 *
 * Rows of the left matrix are destination pixels, columns of the right one output channels, and the
 * reduction runs over taps and source channels. The left matrix is never made: for each tap a list of row
 * pointers says where its piece of each row lies, a row of zeros standing in for what is outside the image.
 * Each result is one chain of multiply-adds that begins with the bias and goes tap by tap: neither the
 * batch nor the threads nor the cut into tasks can change its bits. */
#ifndef THAW_CPU_CONV_GEMM_H
#define THAW_CPU_CONV_GEMM_H

#include "backends/cpu/cpu.h"

/* As the members of cpu_algo. CONST weights and bias are packed by prepare, others by each run into the
 * workspace. */
size_t cpu_conv_gemm_workspace(const struct thaw_device *dev, const backend_op *op);
thaw_status cpu_conv_gemm_prepare(const struct thaw_device *dev, const backend_op *op,
                                  const void *const *const_data, void **state, thaw_error *err);
void cpu_conv_gemm_destroy(const struct thaw_device *dev, void *state);
cpu_weights cpu_conv_gemm_weights(const struct thaw_device *dev, const void *state);
void cpu_conv_gemm_run(const cpu_call *call);

#endif
