/* kernel.h: ops made ready and run. The functions are those of thaw_device_ops, under its rules. */
#ifndef THAW_ONEDNN_KERNEL_H
#define THAW_ONEDNN_KERNEL_H

#include "plugins/onednn/onednn.h"

/* `algo` counts the algorithms that accept the op, best first. */
thaw_status onednn_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                            thaw_error *err);
thaw_status onednn_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err);
void onednn_kernel_destroy(thaw_device *dev, thaw_kernel *kernel);
thaw_status onednn_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                              uint32_t n_args, thaw_slice workspace, thaw_error *err);

#endif
