#include "cost.h"

#include "kernels.h"

/* Packing copies: read, write, and the page faults of fresh memory. */
#define PACK_EACH 24.0

double cpu_conv_cost_of_byte(const struct thaw_device *dev)
{
    return 0.6 * (double)cpu_conv_kernels(dev->isa)->lanes;
}

double cpu_conv_cost_of_weights(const struct thaw_device *dev, const backend_op *op, double elements,
                                double each)
{
    if (op->in[1].role != THAW_ROLE_CONST)
        return elements * each;
    return op->runs ? elements * each * dev->threads / (double)op->runs : 0;
}

double cpu_conv_direct_cost(const struct thaw_device *dev, const backend_op *op)
{
    const thaw_tensor *w = &op->in[1];
    const thaw_tensor *y = op->kind == THAW_OP_CONV2D ? &op->out[0] : &op->in[0];
    const double weights = (double)w->n * w->h * w->w * w->c;
    return weights * (double)backend_pixels(y) / COST_EFFICIENCY +
           weights * sizeof(float) * cpu_conv_cost_of_byte(dev) +
           cpu_conv_cost_of_weights(dev, op, weights, PACK_EACH);
}
