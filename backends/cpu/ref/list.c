#include <stdio.h>

#include "backends/cpu/ref/ref.h"

static bool accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    (void)dev;
    (void)op;
    snprintf(why, cap, "plain C, sums in double");
    return true;
}

/* Offered under every instruction set: what no faster algorithm takes is still computed. */
#define REFERENCE(op_kind, function)                                                                         \
    &(const cpu_algo)                                                                                        \
    {                                                                                                        \
        .name = "reference", .kind = (op_kind), .min_isa = CPU_ISA_REFERENCE, .max_isa = CPU_ISA_AVX512,     \
        .accepts = accepts, .run = (function)                                                                \
    }

const cpu_algo *const cpu_ref_algos[] = {
    REFERENCE(THAW_OP_CONV2D, cpu_ref_conv2d),
    REFERENCE(THAW_OP_CONV2D_BWD_DATA, cpu_ref_conv2d_bwd_data),
    REFERENCE(THAW_OP_CONV2D_BWD_FILTER, cpu_ref_conv2d_bwd_filter),
    REFERENCE(THAW_OP_AFFINE, cpu_ref_affine),
    REFERENCE(THAW_OP_BN_FOLD, cpu_ref_bn_fold),
    REFERENCE(THAW_OP_BN_TRAIN, cpu_ref_bn_train),
    REFERENCE(THAW_OP_BN_TRAIN_BWD, cpu_ref_bn_train_bwd),
    REFERENCE(THAW_OP_MAXPOOL, cpu_ref_maxpool),
    REFERENCE(THAW_OP_MAXPOOL_BWD, cpu_ref_maxpool_bwd),
    REFERENCE(THAW_OP_AVGPOOL, cpu_ref_avgpool),
    REFERENCE(THAW_OP_AVGPOOL_BWD, cpu_ref_avgpool_bwd),
    REFERENCE(THAW_OP_GLOBAL_AVGPOOL, cpu_ref_global_avgpool),
    REFERENCE(THAW_OP_GLOBAL_AVGPOOL_BWD, cpu_ref_global_avgpool_bwd),
    REFERENCE(THAW_OP_DROPOUT, cpu_ref_dropout),
    REFERENCE(THAW_OP_DROPOUT_BWD, cpu_ref_dropout_bwd),
    REFERENCE(THAW_OP_SOFTMAX_XENT, cpu_ref_softmax_xent),
    REFERENCE(THAW_OP_SOFTMAX_XENT_BWD, cpu_ref_softmax_xent_bwd),
    REFERENCE(THAW_OP_METRICS, cpu_ref_metrics),
    REFERENCE(THAW_OP_RELU_BWD, cpu_ref_relu_bwd),
    REFERENCE(THAW_OP_BIAS_GRAD, cpu_ref_bias_grad),
    REFERENCE(THAW_OP_ADD, cpu_ref_add),
    REFERENCE(THAW_OP_CAST, cpu_ref_cast),
    REFERENCE(THAW_OP_ADAM, cpu_ref_adam),
    NULL,
};
