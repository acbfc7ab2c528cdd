/* ref.h: the plain-C reference of every op. Sums and products are made in double and rounded once, in the
 * order in which thaw_ops.h writes them. Each function runs one call (see cpu_algo.run). */
#ifndef THAW_CPU_REF_H
#define THAW_CPU_REF_H

#include "backends/cpu/cpu.h"

extern const cpu_algo *const cpu_ref_algos[];

void cpu_ref_conv2d(const cpu_call *call);
void cpu_ref_conv2d_bwd_data(const cpu_call *call);
void cpu_ref_conv2d_bwd_filter(const cpu_call *call);
void cpu_ref_affine(const cpu_call *call);
void cpu_ref_bn_fold(const cpu_call *call);
void cpu_ref_bn_train(const cpu_call *call);
void cpu_ref_bn_train_bwd(const cpu_call *call);
void cpu_ref_maxpool(const cpu_call *call);
void cpu_ref_maxpool_bwd(const cpu_call *call);
void cpu_ref_avgpool(const cpu_call *call);
void cpu_ref_avgpool_bwd(const cpu_call *call);
void cpu_ref_global_avgpool(const cpu_call *call);
void cpu_ref_global_avgpool_bwd(const cpu_call *call);
void cpu_ref_dropout(const cpu_call *call);
void cpu_ref_dropout_bwd(const cpu_call *call);
void cpu_ref_softmax_xent(const cpu_call *call);
void cpu_ref_softmax_xent_bwd(const cpu_call *call);
void cpu_ref_metrics(const cpu_call *call);
void cpu_ref_relu_bwd(const cpu_call *call);
void cpu_ref_bias_grad(const cpu_call *call);
void cpu_ref_add(const cpu_call *call);
void cpu_ref_cast(const cpu_call *call);
void cpu_ref_adam(const cpu_call *call);

#endif
