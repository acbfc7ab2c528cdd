#include "direct.h"

#include <stdio.h>

#include "cost.h"
#include "gemm.h"

/* Backward, a stride costs a pass for each of its phases. */
#define MAX_PHASES 4096

bool cpu_conv_direct_accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    (void)dev;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        const thaw_tensor *t = i < op->n_in ? &op->in[i] : &op->out[i - op->n_in];
        if (t->dtype == THAW_F32)
            continue;
        snprintf(why, cap, "takes f32 tensors only: cast %s %u first", i < op->n_in ? "input" : "output",
                 i < op->n_in ? i : i - op->n_in);
        return false;
    }
    /* Weights and bias are packed; nothing here would keep a constant image. */
    if (op->kind != THAW_OP_CONV2D_BWD_FILTER && op->in[0].role == THAW_ROLE_CONST) {
        snprintf(why, cap, "takes no image of the role CONST");
        return false;
    }
    const thaw_conv_attr *a = &op->attr.conv;
    if (op->kind == THAW_OP_CONV2D_BWD_DATA && (int64_t)a->stride_h * a->stride_w > MAX_PHASES) {
        snprintf(why, cap, "strides %dx%d: their product may be at most %d here", a->stride_h, a->stride_w,
                 MAX_PHASES);
        return false;
    }
    snprintf(why, cap, "implicit matrix product, reads rows in place");
    return true;
}

bool cpu_conv_transform_accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    if (!cpu_conv_direct_accepts(dev, op, why, cap))
        return false;
    if (op->flags & THAW_OP_EXACT) {
        snprintf(why, cap, "an exact product is asked for, and the factors are transformed here");
        return false;
    }
    return true;
}

bool cpu_conv_amx_accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    if (!dev->amx_bf16) {
        snprintf(why, cap, "this processor, or its operating system, has no AMX");
        return false;
    }
    return cpu_conv_transform_accepts(dev, op, why, cap);
}

const cpu_algo cpu_conv_direct = {
    .name = "direct",
    .kind = THAW_OP_CONV2D,
    .min_isa = CPU_ISA_GENERIC,
    .max_isa = CPU_ISA_AVX512,
    .accepts = cpu_conv_direct_accepts,
    .cost = cpu_conv_direct_cost,
    .workspace = cpu_conv_gemm_workspace,
    .prepare = cpu_conv_gemm_prepare,
    .destroy = cpu_conv_gemm_destroy,
    .weights = cpu_conv_gemm_weights,
    .run = cpu_conv_gemm_run,
};

const cpu_algo cpu_conv_direct_bwd_data = {
    .name = "direct",
    .kind = THAW_OP_CONV2D_BWD_DATA,
    .min_isa = CPU_ISA_GENERIC,
    .max_isa = CPU_ISA_AVX512,
    .accepts = cpu_conv_direct_accepts,
    .cost = cpu_conv_direct_cost,
    .workspace = cpu_conv_gemm_workspace,
    .prepare = cpu_conv_gemm_prepare,
    .destroy = cpu_conv_gemm_destroy,
    .weights = cpu_conv_gemm_weights,
    .run = cpu_conv_gemm_run,
};
