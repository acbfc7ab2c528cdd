/* bf16_pack.h: the right factors of bf16.h's products. */
#ifndef THAW_CPU_CONV_BF16_PACK_H
#define THAW_CPU_CONV_BF16_PACK_H

#include "bf16_plan.h"

/* Packs the filter's weights of one panel behind dst, where the first panel's weights begin. [thread-safe] */
void cpu_conv_bf16_pack(const bf16_plan *plan, const backend_op *op, const conv_panel *panel,
                        const float *filter, char *dst);

#endif
