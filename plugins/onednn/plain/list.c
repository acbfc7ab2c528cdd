#include <stdio.h>

#include "plugins/onednn/plain/plain.h"

static bool accepts(const struct thaw_device *dev, const backend_op *op, size_t *workspace, char *why,
                    size_t cap)
{
    (void)dev;
    (void)op;
    (void)workspace;
    snprintf(why, cap, "a loop in C");
    return true;
}

/* Nothing of oneDNN's would be faster: the memory sets the pace. */
static bool accepts_simple(const struct thaw_device *dev, const backend_op *op, size_t *workspace, char *why,
                           size_t cap)
{
    (void)dev;
    (void)op;
    (void)workspace;
    snprintf(why, cap, "a loop in C: memory sets the pace, with oneDNN too");
    return true;
}

/* oneDNN has the op, in another meaning. */
static bool accepts_own(const struct thaw_device *dev, const backend_op *op, size_t *workspace, char *why,
                        size_t cap)
{
    (void)dev;
    (void)op;
    (void)workspace;
    snprintf(why, cap, "a loop in C: oneDNN's primitive gives other results");
    return true;
}

#define PLAIN(op_kind, asks, function)                                                                       \
    {                                                                                                        \
        .name = "plain", .kind = (op_kind), .accepts = (asks), .run = (function)                             \
    }

const onednn_algo onednn_plain[] = {
    PLAIN(THAW_OP_AFFINE, accepts_simple, plain_affine),
    PLAIN(THAW_OP_BN_FOLD, accepts, plain_bn_fold),
    PLAIN(THAW_OP_BN_TRAIN, accepts_own, plain_bn_train),
    PLAIN(THAW_OP_BN_TRAIN_BWD, accepts_own, plain_bn_train_bwd),
    PLAIN(THAW_OP_MAXPOOL, accepts_own, plain_maxpool),
    PLAIN(THAW_OP_MAXPOOL_BWD, accepts_own, plain_maxpool_bwd),
    PLAIN(THAW_OP_AVGPOOL, accepts, plain_avgpool),
    PLAIN(THAW_OP_AVGPOOL_BWD, accepts, plain_avgpool_bwd),
    PLAIN(THAW_OP_GLOBAL_AVGPOOL, accepts, plain_global_avgpool),
    PLAIN(THAW_OP_GLOBAL_AVGPOOL_BWD, accepts_simple, plain_global_avgpool_bwd),
    PLAIN(THAW_OP_DROPOUT, accepts, plain_dropout),
    PLAIN(THAW_OP_DROPOUT_BWD, accepts, plain_dropout_bwd),
    PLAIN(THAW_OP_SOFTMAX_XENT, accepts, plain_softmax_xent),
    PLAIN(THAW_OP_SOFTMAX_XENT_BWD, accepts, plain_softmax_xent_bwd),
    PLAIN(THAW_OP_METRICS, accepts, plain_metrics),
    PLAIN(THAW_OP_RELU_BWD, accepts_simple, plain_relu_bwd),
    PLAIN(THAW_OP_BIAS_GRAD, accepts, plain_bias_grad),
    PLAIN(THAW_OP_ADD, accepts_simple, plain_add),
    PLAIN(THAW_OP_CAST, accepts_simple, plain_cast),
    PLAIN(THAW_OP_ADAM, accepts, plain_adam),
};
const size_t onednn_n_plain = sizeof onednn_plain / sizeof onednn_plain[0];
