#include "plugins/onednn/ops/weights.h"

#include <stdio.h>

lib_window conv_window(const thaw_tensor *x, const thaw_tensor *y, const thaw_tensor *w,
                       const thaw_conv_attr *a)
{
    return (lib_window){.n = 1,
                        .h = x->h,
                        .w = x->w,
                        .c = x->c,
                        .oh = y->h,
                        .ow = y->w,
                        .o = y->c,
                        .kh = w->n,
                        .kw = w->h,
                        .stride = {a->stride_h, a->stride_w},
                        .pad = {a->pad_top, a->pad_left}};
}

static bool suits(const image_part *part, const backend_op *op)
{
    const lib_window *g = &part->window;
    size_t dense = (size_t)g->kh * (size_t)g->kw * (size_t)g->c * (size_t)g->o * sizeof(float);
    if (lib_is_slow(part->pd))
        return false;
    /* oneDNN zeroes gaps whenever a memory object is given an address, which several workers do at once. */
    return op->in[1].role == THAW_ROLE_CONST || lib_bytes(part->pd, DNNL_ARG_WEIGHTS) == dense;
}

dnnl_status_t conv_choose_blocked(const struct thaw_device *dev, lib_direction direction,
                                  const backend_op *op, bool bias, bool relu, image_part *part)
{
    part->reorder = true;
    dnnl_status_t st = lib_conv(dev->engine, direction, &part->window, LIB_BLOCKED, bias, relu, &part->pd);
    if (!st && suits(part, op))
        return st;
    if (part->pd)
        dnnl_primitive_desc_destroy(part->pd);
    part->pd = NULL;
    /* One part takes the host's weights as they lie; several parts are slices of them. */
    part->reorder = part->window.o != op->in[1].c;
    return lib_conv(dev->engine, direction, &part->window, LIB_HWIO, bias, relu, &part->pd);
}

void conv_tell(const image_part *part, const backend_op *op, char *why, size_t cap)
{
    const char *when = op->in[1].role == THAW_ROLE_CONST ? "reordered once" : "reordered at each run";
    snprintf(why, cap, "%.60s, weights %s", lib_name(part->pd), part->reorder ? when : "as they are");
}

bool conv_choose_plain(const struct thaw_device *dev, lib_direction direction, const backend_op *op,
                       bool bias, bool relu, image_part *part, char *why, size_t cap)
{
    image_part blocked = *part;
    if (part->window.o != op->in[1].c) {
        snprintf(why, cap, "several outputs need slices of the weights");
        return false;
    }
    bool same =
        conv_choose_blocked(dev, direction, op, bias, relu, &blocked) != dnnl_success || !blocked.reorder;
    if (blocked.pd)
        dnnl_primitive_desc_destroy(blocked.pd);
    if (same ||
        lib_conv(dev->engine, direction, &part->window, LIB_HWIO, bias, relu, &part->pd) != dnnl_success ||
        lib_is_slow(part->pd)) {
        snprintf(why, cap, "oneDNN %s has no fast code of its own for weights in HWIO order here",
                 DNNL_VERSION_MAJOR >= 3 ? "3" : "2");
        return false;
    }
    snprintf(why, cap, "%.60s, weights as they are", lib_name(part->pd));
    return true;
}
