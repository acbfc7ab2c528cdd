/* AVGPOOL without bias, its adjoint, and GLOBAL_AVGPOOL, whose window is the image. MAXPOOL is not here:
 * oneDNN passes over a NaN, and numbers a window's cells in its own way. */
#include <stdio.h>

#include "plugins/onednn/image.h"
#include "plugins/onednn/ops/ops.h"

static bool describe(const struct thaw_device *dev, const backend_op *op, lib_direction direction,
                     const lib_window *window, bool include_pad, bool relu, image_plan *plan, char *why,
                     size_t cap)
{
    image_part *part = &plan->parts[0];
    plan->x = direction == LIB_FORWARD ? DNNL_ARG_SRC : DNNL_ARG_DIFF_DST;
    plan->y = direction == LIB_FORWARD ? DNNL_ARG_DST : DNNL_ARG_DIFF_SRC;
    plan->n_parts = 1;
    part->window = *window;
    if (op->n_in > 1) {
        snprintf(why, cap, "pools of oneDNN have no bias");
        return false;
    }
    dnnl_status_t st = lib_avgpool(dev->engine, direction, window, include_pad, relu, &part->pd);
    if (st || lib_is_slow(part->pd)) {
        snprintf(why, cap, "oneDNN has no fast pool of this shape here");
        return false;
    }
    snprintf(why, cap, "%.60s", lib_name(part->pd));
    return true;
}

static lib_window pool_window(const thaw_tensor *x, const thaw_tensor *y, const thaw_pool_attr *a)
{
    return (lib_window){.n = 1,
                        .h = x->h,
                        .w = x->w,
                        .c = x->c,
                        .oh = y->h,
                        .ow = y->w,
                        .o = y->c,
                        .kh = a->kh,
                        .kw = a->kw,
                        .stride = {a->stride_h, a->stride_w},
                        .pad = {a->pad_top, a->pad_left}};
}

static bool forward(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                    size_t cap)
{
    const thaw_pool_attr *a = &op->attr.pool;
    lib_window g = pool_window(&op->in[0], &op->out[0], a);
    return describe(dev, op, LIB_FORWARD, &g, a->include_pad, a->relu, plan, why, cap);
}

static bool backward(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                     size_t cap)
{
    const thaw_pool_attr *a = &op->attr.pool;
    lib_window g = pool_window(&op->out[0], &op->in[0], a);
    return describe(dev, op, LIB_BWD_DATA, &g, a->include_pad, false, plan, why, cap);
}

static bool global(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                   size_t cap)
{
    const thaw_tensor *x = &op->in[0];
    const thaw_pool_attr a = {.kh = x->h, .kw = x->w, .stride_h = 1, .stride_w = 1};
    lib_window g = pool_window(x, &op->out[0], &a);
    return describe(dev, op, LIB_FORWARD, &g, false, false, plan, why, cap);
}

IMAGE_ALGO(onednn_avgpool, "dnnl", THAW_OP_AVGPOOL, forward);
IMAGE_ALGO(onednn_avgpool_bwd, "dnnl", THAW_OP_AVGPOOL_BWD, backward);
IMAGE_ALGO(onednn_global_avgpool, "dnnl", THAW_OP_GLOBAL_AVGPOOL, global);
