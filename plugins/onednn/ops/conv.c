/* CONV2D: a primitive for each output, with bias and relu fused. */
#include <stdio.h>

#include "plugins/onednn/ops/ops.h"
#include "plugins/onednn/ops/weights.h"

/* The parts without their primitives. */
static void split(const backend_op *op, image_plan *plan)
{
    plan->x = DNNL_ARG_SRC;
    plan->y = DNNL_ARG_DST;
    plan->w = DNNL_ARG_WEIGHTS;
    plan->n_parts = op->n_out;
    for (uint32_t k = 0; k < op->n_out; k++) {
        const image_part *before = k ? &plan->parts[k - 1] : NULL;
        plan->parts[k].first = before ? before->first + before->window.o : 0;
        plan->parts[k].window = conv_window(&op->in[0], &op->out[k], &op->in[1], &op->attr.conv);
    }
}

static bool has_relu(const backend_op *op, uint32_t k)
{
    return op->attr.conv.relu_mask >> k & 1;
}

static bool blocked(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                    size_t cap)
{
    split(op, plan);
    for (uint32_t k = 0; k < op->n_out; k++) {
        dnnl_status_t st =
            conv_choose_blocked(dev, LIB_FORWARD, op, op->n_in == 3, has_relu(op, k), &plan->parts[k]);
        if (st) {
            snprintf(why, cap, "oneDNN has no convolution of this shape: %s", lib_status_name(st));
            return false;
        }
    }
    conv_tell(&plan->parts[0], op, why, cap);
    return true;
}

static bool plain(const struct thaw_device *dev, const backend_op *op, image_plan *plan, char *why,
                  size_t cap)
{
    split(op, plan);
    return conv_choose_plain(dev, LIB_FORWARD, op, op->n_in == 3, has_relu(op, 0), &plan->parts[0], why, cap);
}

IMAGE_ALGO(onednn_conv, "dnnl", THAW_OP_CONV2D, blocked);
IMAGE_ALGO(onednn_conv_plain, "dnnl-hwio", THAW_OP_CONV2D, plain);
