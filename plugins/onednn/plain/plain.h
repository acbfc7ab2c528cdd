/* plain.h: ops in loops of C, for what oneDNN has no primitive for, or none of the same meaning. Sums are
 * made in double; the host's threads share out pixels, rows or channels. Each function runs one call
 * (onednn_algo.run). */
#ifndef THAW_ONEDNN_PLAIN_H
#define THAW_ONEDNN_PLAIN_H

#include "plugins/onednn/onednn.h"

/* One for every kind of op that oneDNN does not cover completely. */
extern const onednn_algo onednn_plain[];
extern const size_t onednn_n_plain;

thaw_status plain_affine(const onednn_call *call, thaw_error *err);
thaw_status plain_bn_fold(const onednn_call *call, thaw_error *err);
thaw_status plain_relu_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_add(const onednn_call *call, thaw_error *err);
thaw_status plain_cast(const onednn_call *call, thaw_error *err);
thaw_status plain_bias_grad(const onednn_call *call, thaw_error *err);
thaw_status plain_bn_train(const onednn_call *call, thaw_error *err);
thaw_status plain_bn_train_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_maxpool(const onednn_call *call, thaw_error *err);
thaw_status plain_maxpool_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_avgpool(const onednn_call *call, thaw_error *err);
thaw_status plain_avgpool_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_global_avgpool(const onednn_call *call, thaw_error *err);
thaw_status plain_global_avgpool_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_dropout(const onednn_call *call, thaw_error *err);
thaw_status plain_dropout_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_softmax_xent(const onednn_call *call, thaw_error *err);
thaw_status plain_softmax_xent_bwd(const onednn_call *call, thaw_error *err);
thaw_status plain_metrics(const onednn_call *call, thaw_error *err);
thaw_status plain_adam(const onednn_call *call, thaw_error *err);

/* max(z, 0) that lets NaN through, so that a broken weight shows. */
static inline float plain_relu(float z)
{
    return z < 0.0f ? 0.0f : z;
}

#endif
