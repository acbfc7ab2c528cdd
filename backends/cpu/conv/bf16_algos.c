/* bf16_algos.c: for which ops, and at what cost. */
#include <stdio.h>

#include "bf16_run.h"
#include "cost.h"
#include "direct.h"

/* Packing a weight, as for direct products. */
#define PACK_EACH 24.0

static bool accepts_bf16(const backend_op *op, bool here, const char *what, const struct thaw_device *dev,
                         char *why, size_t cap)
{
    if (op->precision != THAW_PREC_BF16)
        snprintf(why, cap, "rounds to bf16, which the op does not permit");
    else if (!here)
        snprintf(why, cap, "this processor, or its operating system, has no %s", what);
    else if (cpu_conv_direct_accepts(dev, op, why, cap)) {
        snprintf(why, cap, "bf16 factors, f32 sums by %s", what);
        return true;
    }
    return false;
}

static bool accepts_avx512(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    return accepts_bf16(op, dev->avx512_bf16, "AVX512_BF16", dev, why, cap);
}

static bool accepts_amx(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    return accepts_bf16(op, dev->amx_bf16, "AMX", dev, why, cap);
}

static bool accepts_split_amx(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    if (op->precision == THAW_PREC_BF16)
        snprintf(why, cap, "rounds nothing: the op permits to round its factors to bf16, which is faster");
    else if (op->kind == THAW_OP_CONV2D_BWD_DATA &&
             (op->attr.conv.stride_h > 1 || op->attr.conv.stride_w > 1))
        snprintf(why, cap, "backward, it takes stride 1 only");
    else if (cpu_conv_amx_accepts(dev, op, why, cap)) {
        snprintf(why, cap, "factors in three parts of bf16, f32 sums by AMX");
        return true;
    }
    return false;
}

/* Multiply-adds at `each` of an f32 one, as many as the rows have with their padding; the making of the left
 * matrix at `fill` an element, and what it takes to begin with each of the pieces of a row; and the way of
 * the weights, which chunk after chunk reads. */
static double cost(const struct thaw_device *dev, const backend_op *op, const conv_bf16_kernels *kernels,
                   double each, double fill)
{
    const double piece = 500, again = 2.5;
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, op, &typical);
    const bf16_plan p = cpu_conv_bf16_plan(&typical.dev, &typical.op, kernels);
    const bf16_rows *r = &p.rows;
    const double chunks = (double)r->chunks, bytes = (double)p.weight_elements * (double)p.weight_bytes;
    const double pixels = (double)backend_pixels(&typical.op.out[0]);
    const double anew = bytes > (double)dev->l2_bytes / 2 ? chunks - 1 : 0;
    return chunks * (double)r->rows * (double)p.weight_elements * each + chunks * (double)r->plane * fill +
           pixels * piece * (r->region ? 1 : (double)r->filter_taps) +
           bytes * (cpu_conv_cost_of_byte(dev) + anew * again) +
           cpu_conv_cost_of_weights(&typical, (double)p.weight_elements, PACK_EACH);
}

static double cost_amx(const struct thaw_device *dev, const backend_op *op)
{
    return cost(dev, op, &cpu_conv_bf16_kernels_amx, 0.15, 1.5);
}

static double cost_split_amx(const struct thaw_device *dev, const backend_op *op)
{
    return cost(dev, op, &cpu_conv_bf16_kernels_split_amx, 0.6, 24);
}

static double cost_avx512(const struct thaw_device *dev, const backend_op *op)
{
    return cost(dev, op, &cpu_conv_bf16_kernels_avx512, dev->slow_avx512_bf16 ? 2.2 : 0.55, 1.5);
}

/* A cpu_algo has no place for its kernels: each gets functions that know them. */
#define FUNCTIONS(suffix)                                                                                    \
    static size_t workspace_##suffix(const struct thaw_device *dev, const backend_op *op)                    \
    {                                                                                                        \
        return cpu_conv_bf16_plan(dev, op, &cpu_conv_bf16_kernels_##suffix).workspace_bytes;                 \
    }                                                                                                        \
    static thaw_status prepare_##suffix(const struct thaw_device *dev, const backend_op *op,                 \
                                        const void *const *data, void **state, thaw_error *err)              \
    {                                                                                                        \
        return cpu_conv_bf16_prepare(dev, op, &cpu_conv_bf16_kernels_##suffix, data, state, err);            \
    }
FUNCTIONS(amx)
FUNCTIONS(split_amx)
FUNCTIONS(avx512)

#define ALGO(title, op, suffix)                                                                              \
    {                                                                                                        \
        .name = (title), .kind = (op), .min_isa = CPU_ISA_AVX512, .max_isa = CPU_ISA_AVX512,                 \
        .accepts = accepts_##suffix, .cost = cost_##suffix, .workspace = workspace_##suffix,                 \
        .prepare = prepare_##suffix, .destroy = cpu_conv_bf16_destroy, .weights = cpu_conv_bf16_weights,     \
        .run = cpu_conv_bf16_run                                                                             \
    }

const cpu_algo cpu_conv_bf16_amx = ALGO("bf16 amx", THAW_OP_CONV2D, amx);
const cpu_algo cpu_conv_bf16_split_amx = ALGO("3xbf16 amx", THAW_OP_CONV2D, split_amx);
const cpu_algo cpu_conv_bf16_split_amx_bwd_data = ALGO("3xbf16 amx", THAW_OP_CONV2D_BWD_DATA, split_amx);
const cpu_algo cpu_conv_bf16_avx512 = ALGO("bf16 avx512", THAW_OP_CONV2D, avx512);
