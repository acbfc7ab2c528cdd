#include <stdio.h>

#include "plugins/onednn/plain/plain.h"

static bool accepts(const struct thaw_device *dev, const backend_op *op, size_t *workspace, char *why,
                    size_t cap)
{
    (void)dev;
    (void)op;
    (void)workspace;
    snprintf(why, cap, "a loop in C: no primitive of oneDNN means the same");
    return true;
}

#define PLAIN(op_kind, function)                                                                             \
    {                                                                                                        \
        .name = "plain", .kind = (op_kind), .accepts = accepts, .run = (function)                            \
    }

const onednn_algo onednn_plain[] = {
    PLAIN(THAW_OP_AFFINE, plain_affine),
    PLAIN(THAW_OP_BN_FOLD, plain_bn_fold),
    PLAIN(THAW_OP_BN_TRAIN, plain_bn_train),
    PLAIN(THAW_OP_BN_TRAIN_BWD, plain_bn_train_bwd),
    PLAIN(THAW_OP_MAXPOOL, plain_maxpool),
    PLAIN(THAW_OP_MAXPOOL_BWD, plain_maxpool_bwd),
    PLAIN(THAW_OP_AVGPOOL, plain_avgpool),
    PLAIN(THAW_OP_AVGPOOL_BWD, plain_avgpool_bwd),
    PLAIN(THAW_OP_GLOBAL_AVGPOOL, plain_global_avgpool),
    PLAIN(THAW_OP_GLOBAL_AVGPOOL_BWD, plain_global_avgpool_bwd),
    PLAIN(THAW_OP_DROPOUT, plain_dropout),
    PLAIN(THAW_OP_DROPOUT_BWD, plain_dropout_bwd),
    PLAIN(THAW_OP_SOFTMAX_XENT, plain_softmax_xent),
    PLAIN(THAW_OP_SOFTMAX_XENT_BWD, plain_softmax_xent_bwd),
    PLAIN(THAW_OP_METRICS, plain_metrics),
    PLAIN(THAW_OP_RELU_BWD, plain_relu_bwd),
    PLAIN(THAW_OP_BIAS_GRAD, plain_bias_grad),
    PLAIN(THAW_OP_ADD, plain_add),
    PLAIN(THAW_OP_CAST, plain_cast),
    PLAIN(THAW_OP_ADAM, plain_adam),
};
const size_t onednn_n_plain = sizeof onednn_plain / sizeof onednn_plain[0];
