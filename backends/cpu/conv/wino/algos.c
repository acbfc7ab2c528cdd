/* algos.c: for which ops, and at what cost. */
#include <stdio.h>

#include "backends/cpu/conv/cost.h"
#include "backends/cpu/conv/direct.h"
#include "backends/cpu/conv/space.h"
#include "plan.h"
#include "wino.h"

/* The fewest of a window's r taps that lie inside the source, over all places of one axis: it is at either
 * end that they are few. */
static size_t least_taps(size_t src, size_t dst, size_t r, size_t stride, ptrdiff_t pad)
{
    size_t least = r;
    for (size_t i = 0; i < 2 * r && i < dst; i++) {
        const ptrdiff_t first = (ptrdiff_t)((i < r ? i : dst - 1 - (i - r)) * stride) - pad;
        const ptrdiff_t begin = first > 0 ? first : 0, end = first + (ptrdiff_t)r;
        const ptrdiff_t inside = (end < (ptrdiff_t)src ? end : (ptrdiff_t)src) - begin;
        least = space_min(least, inside > 0 ? (size_t)inside : 0);
    }
    return least;
}

static size_t least_terms(const backend_op *op, const wino_variant *v)
{
    const wino_geometry g = cpu_wino_geometry(op);
    return least_taps(g.src_h, g.dst_h, v->rh, v->stride, g.pad_top) *
           least_taps(g.src_w, g.dst_w, v->rw, v->stride, g.pad_left) * g.channels;
}

static bool accepts(const struct thaw_device *dev, const backend_op *op, wino_way way, char *why, size_t cap)
{
    const wino_variant *v = &cpu_wino_variants[way.variant];
    const thaw_conv_attr *a = &op->attr.conv;
    if (way.amx && op->precision == THAW_PREC_BF16) {
        snprintf(why, cap, "rounds nothing: the op permits to round its factors to bf16, which is faster");
        return false;
    }
    if (!(way.amx ? cpu_conv_amx_accepts : cpu_conv_transform_accepts)(dev, op, why, cap))
        return false;
    if ((size_t)op->in[1].n != v->rh || (size_t)op->in[1].h != v->rw) {
        snprintf(why, cap, "takes kernels of %zux%zu only", v->rh, v->rw);
        return false;
    }
    if ((size_t)a->stride_h != v->stride || (size_t)a->stride_w != v->stride) {
        snprintf(why, cap, "takes stride %zu only", v->stride);
        return false;
    }
    if (v->stride > 1 && op->kind == THAW_OP_CONV2D_BWD_DATA) {
        snprintf(why, cap, "backward, it takes stride 1 only");
        return false;
    }
    const size_t terms = least_terms(op, v);
    if (terms < v->terms) {
        snprintf(why, cap, "an output of %zu terms would not be exact enough: takes %zu or more", terms,
                 v->terms);
        return false;
    }
    snprintf(why, cap, "%zu products for %zu outputs of a tile in place of %zu",
             ((v->mh - 1) * v->stride + v->rh) * ((v->mw - 1) * v->stride + v->rw), v->mh * v->mw,
             v->mh * v->mw * v->rh * v->rw);
    return true;
}

/* In multiply-adds for each lane of a vector: to transform a byte of V or of M; to read a byte once more that
 * has left the second-level cache during the run. */
#define TRANSFORM_BYTE 0.45
#define AGAIN_BYTE     0.16
#define AGAIN_SPLIT    0.25 /* and to split it, for AMX */
#define FIRST_SPLIT    0.30 /* what that takes longer when it is read for the first time, from memory */
/* For a multiply-add of numbers in parts, padding included. */
#define AMX_EACH 0.4
/* For an element of U. */
#define WEIGHTS_EACH 60.0

static double cost(const struct thaw_device *dev, const backend_op *op, wino_way way)
{
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, op, &typical);
    const wino_plan p = cpu_wino_plan(&typical.dev, &typical.op, way);
    const double columns = (double)p.n_panels * (double)p.panel_width;
    const double spots = (double)p.points * (double)p.tiles;
    const double transformed = spots * ((double)p.v_row + columns) * sizeof(float);
    const double weights = (double)p.weight_elements * sizeof(float), lanes = (double)p.conv->lanes;
    const double again = (double)p.traffic > weights ? (double)p.traffic - weights : 0;
    const double rows = (double)p.points * (double)p.blocks * (double)p.whole_block;
    const double products = way.amx ? rows * (double)p.depth * columns * AMX_EACH
                                    : spots * (double)p.geo.channels * columns / COST_EFFICIENCY;
    const double first = cpu_conv_cost_of_byte(dev) + (way.amx ? FIRST_SPLIT * lanes : 0);
    return products + weights * first + again * (way.amx ? AGAIN_SPLIT : AGAIN_BYTE) * lanes +
           transformed * TRANSFORM_BYTE * lanes +
           cpu_conv_cost_of_weights(&typical, (double)p.weight_elements, WEIGHTS_EACH);
}

/* A cpu_algo has no place for its way: each gets functions that know theirs. */
#define FUNCTIONS(ID, VARIANT, AMX)                                                                          \
    static bool accepts_##ID(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)     \
    {                                                                                                        \
        return accepts(dev, op, (wino_way){VARIANT, AMX}, why, cap);                                         \
    }                                                                                                        \
    static double cost_##ID(const struct thaw_device *dev, const backend_op *op)                             \
    {                                                                                                        \
        return cost(dev, op, (wino_way){VARIANT, AMX});                                                      \
    }                                                                                                        \
    static size_t workspace_##ID(const struct thaw_device *dev, const backend_op *op)                        \
    {                                                                                                        \
        return cpu_wino_workspace(dev, op, (wino_way){VARIANT, AMX});                                        \
    }                                                                                                        \
    static thaw_status prepare_##ID(const struct thaw_device *dev, const backend_op *op,                     \
                                    const void *const *data, void **state, thaw_error *err)                  \
    {                                                                                                        \
        return cpu_wino_prepare(dev, op, (wino_way){VARIANT, AMX}, data, state, err);                        \
    }
#define ENTRY(KIND, ID, ISA, NAME)                                                                           \
    {                                                                                                        \
        .name = NAME, .kind = KIND, .min_isa = ISA, .max_isa = CPU_ISA_AVX512, .accepts = accepts_##ID,      \
        .cost = cost_##ID, .workspace = workspace_##ID, .prepare = prepare_##ID,                             \
        .destroy = cpu_wino_destroy, .weights = cpu_wino_weights, .run = cpu_wino_run,                       \
    }

#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    FUNCTIONS(MH##x##MW##_##RH##x##RW##_##S, WINO_##MH##x##MW##_##RH##x##RW##_##S, false)
#include "variants.def"
#undef WINO

const cpu_algo cpu_wino_forward[WINO_VARIANTS] = {
#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    ENTRY(THAW_OP_CONV2D, MH##x##MW##_##RH##x##RW##_##S, CPU_ISA_GENERIC, NAME),
#include "variants.def"
#undef WINO
};

const cpu_algo cpu_wino_backward[WINO_VARIANTS] = {
#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    ENTRY(THAW_OP_CONV2D_BWD_DATA, MH##x##MW##_##RH##x##RW##_##S, CPU_ISA_GENERIC, NAME),
#include "variants.def"
#undef WINO
};

#if defined(THAW_CPU_BF16)
#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    FUNCTIONS(amx_##MH##x##MW##_##RH##x##RW##_##S, WINO_##MH##x##MW##_##RH##x##RW##_##S, true)
#include "variants.def"
#undef WINO

const cpu_algo cpu_wino_forward_amx[WINO_VARIANTS] = {
#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    ENTRY(THAW_OP_CONV2D, amx_##MH##x##MW##_##RH##x##RW##_##S, CPU_ISA_AVX512, NAME " amx"),
#include "variants.def"
#undef WINO
};

const cpu_algo cpu_wino_backward_amx[WINO_VARIANTS] = {
#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    ENTRY(THAW_OP_CONV2D_BWD_DATA, amx_##MH##x##MW##_##RH##x##RW##_##S, CPU_ISA_AVX512, NAME " amx"),
#include "variants.def"
#undef WINO
};
#endif
