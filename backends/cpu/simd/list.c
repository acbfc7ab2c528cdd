#include <stdio.h>

#include "backends/cpu/simd/simd.h"

static bool accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    (void)dev;
    (void)op;
    snprintf(why, cap, "vectors of %d floats along the channels", CPU_LANES);
    return true;
}

#define VECTOR(op_kind, bytes, function)                                                                     \
    &(const cpu_algo)                                                                                        \
    {                                                                                                        \
        .name = "vector", .kind = (op_kind), .min_isa = CPU_THIS_ISA, .max_isa = CPU_THIS_ISA,               \
        .accepts = accepts, .workspace = (bytes), .run = CPU_NAME(function)                                  \
    }

const cpu_algo *const CPU_NAME(cpu_simd_algos)[] = {
    VECTOR(THAW_OP_AFFINE, NULL, cpu_simd_affine),
    VECTOR(THAW_OP_BN_TRAIN, CPU_NAME(cpu_simd_bn_workspace), cpu_simd_bn_train),
    VECTOR(THAW_OP_BN_TRAIN_BWD, CPU_NAME(cpu_simd_bn_workspace), cpu_simd_bn_train_bwd),
    VECTOR(THAW_OP_MAXPOOL, NULL, cpu_simd_maxpool),
    VECTOR(THAW_OP_MAXPOOL_BWD, NULL, cpu_simd_maxpool_bwd),
    VECTOR(THAW_OP_AVGPOOL, NULL, cpu_simd_avgpool),
    VECTOR(THAW_OP_AVGPOOL_BWD, NULL, cpu_simd_avgpool_bwd),
    VECTOR(THAW_OP_GLOBAL_AVGPOOL, NULL, cpu_simd_global_avgpool),
    VECTOR(THAW_OP_GLOBAL_AVGPOOL_BWD, NULL, cpu_simd_global_avgpool_bwd),
    VECTOR(THAW_OP_DROPOUT, NULL, cpu_simd_dropout),
    VECTOR(THAW_OP_DROPOUT_BWD, NULL, cpu_simd_dropout_bwd),
    VECTOR(THAW_OP_RELU_BWD, NULL, cpu_simd_relu_bwd),
    VECTOR(THAW_OP_BIAS_GRAD, CPU_NAME(cpu_simd_bias_workspace), cpu_simd_bias_grad),
    VECTOR(THAW_OP_ADD, NULL, cpu_simd_add),
    VECTOR(THAW_OP_CAST, NULL, cpu_simd_cast),
    VECTOR(THAW_OP_ADAM, NULL, cpu_simd_adam),
    NULL,
};
