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

static bool accepts(const struct thaw_device *dev, const backend_op *op, size_t variant, char *why,
                    size_t cap)
{
    const wino_variant *v = &cpu_wino_variants[variant];
    const thaw_conv_attr *a = &op->attr.conv;
    if (!cpu_conv_transform_accepts(dev, op, why, cap))
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
/* For an element of U. */
#define WEIGHTS_EACH 60.0

static double cost(const struct thaw_device *dev, const backend_op *op, size_t variant)
{
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, op, &typical);
    const wino_plan p = cpu_wino_plan(&typical.dev, &typical.op, variant);
    const double columns = (double)p.n_panels * (double)p.panel_width;
    const double spots = (double)p.points * (double)p.tiles;
    const double transformed = spots * ((double)p.depth + columns) * sizeof(float);
    const double weights = (double)p.weight_elements * sizeof(float), lanes = (double)p.conv->lanes;
    const double again = (double)p.traffic > weights ? (double)p.traffic - weights : 0;
    return spots * (double)p.geo.channels * columns / COST_EFFICIENCY + weights * cpu_conv_cost_of_byte(dev) +
           again * AGAIN_BYTE * lanes + transformed * TRANSFORM_BYTE * lanes +
           cpu_conv_cost_of_weights(&typical, (double)p.weight_elements, WEIGHTS_EACH);
}

/* A cpu_algo has no place for the number of a variant: each gets functions that know theirs. */
#define WINO(MH, RH, MW, RW, S, TERMS, NAME)                                                                 \
    static bool accepts_##MH##x##MW##_##RH##x##RW##_##S(const struct thaw_device *dev, const backend_op *op, \
                                                        char *why, size_t cap)                               \
    {                                                                                                        \
        return accepts(dev, op, WINO_##MH##x##MW##_##RH##x##RW##_##S, why, cap);                             \
    }                                                                                                        \
    static double cost_##MH##x##MW##_##RH##x##RW##_##S(const struct thaw_device *dev, const backend_op *op)  \
    {                                                                                                        \
        return cost(dev, op, WINO_##MH##x##MW##_##RH##x##RW##_##S);                                          \
    }                                                                                                        \
    static size_t workspace_##MH##x##MW##_##RH##x##RW##_##S(const struct thaw_device *dev,                   \
                                                            const backend_op *op)                            \
    {                                                                                                        \
        return cpu_wino_workspace(dev, op, WINO_##MH##x##MW##_##RH##x##RW##_##S);                            \
    }                                                                                                        \
    static thaw_status prepare_##MH##x##MW##_##RH##x##RW##_##S(                                              \
        const struct thaw_device *dev, const backend_op *op, const void *const *data, void **state,          \
        thaw_error *err)                                                                                     \
    {                                                                                                        \
        return cpu_wino_prepare(dev, op, WINO_##MH##x##MW##_##RH##x##RW##_##S, data, state, err);            \
    }
#include "variants.def"
#undef WINO

#define ENTRY(KIND, MH, RH, MW, RW, S, TERMS, NAME)                                                          \
    {                                                                                                        \
        .name = NAME, .kind = KIND, .min_isa = CPU_ISA_GENERIC, .max_isa = CPU_ISA_AVX512,                   \
        .accepts = accepts_##MH##x##MW##_##RH##x##RW##_##S, .cost = cost_##MH##x##MW##_##RH##x##RW##_##S,    \
        .workspace = workspace_##MH##x##MW##_##RH##x##RW##_##S,                                              \
        .prepare = prepare_##MH##x##MW##_##RH##x##RW##_##S, .destroy = cpu_wino_destroy,                     \
        .weights = cpu_wino_weights, .run = cpu_wino_run,                                                    \
    }

const cpu_algo cpu_wino_forward[WINO_VARIANTS] = {
#define WINO(...) ENTRY(THAW_OP_CONV2D, __VA_ARGS__),
#include "variants.def"
#undef WINO
};

const cpu_algo cpu_wino_backward[WINO_VARIANTS] = {
#define WINO(...) ENTRY(THAW_OP_CONV2D_BWD_DATA, __VA_ARGS__),
#include "variants.def"
#undef WINO
};
