/* CONV2D_BWD_DATA: one primitive. */
#include <stdio.h>

#include "plugins/onednn/ops/ops.h"
#include "plugins/onednn/ops/weights.h"

static image_part *set_up(const backend_op *op, image_plan *plan)
{
    plan->x = DNNL_ARG_DIFF_DST;
    plan->y = DNNL_ARG_DIFF_SRC;
    plan->w = DNNL_ARG_WEIGHTS;
    plan->n_parts = 1;
    plan->parts[0].window = conv_window(&op->out[0], &op->in[0], &op->in[1], &op->attr.conv);
    return &plan->parts[0];
}

static bool blocked(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                    size_t cap)
{
    image_part *part = set_up(op, plan);
    dnnl_status_t st = conv_choose_blocked(dev, LIB_BWD_DATA, op, false, false, part);
    if (st) {
        snprintf(why, cap, "oneDNN has no adjoint of this shape: %s", lib_status_name(st));
        return false;
    }
    conv_tell(part, op, why, cap);
    return true;
}

static bool plain(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                  size_t cap)
{
    return conv_choose_plain(dev, LIB_BWD_DATA, op, false, false, set_up(op, plan), why, cap);
}

IMAGE_ALGO(onednn_conv_bwd_data, "dnnl", THAW_OP_CONV2D_BWD_DATA, blocked);
IMAGE_ALGO(onednn_conv_bwd_data_plain, "dnnl-hwio", THAW_OP_CONV2D_BWD_DATA, plain);
