#include "cost.h"

#include "kernels.h"

/* Packing copies: read, write, and the page faults of fresh memory. */
#define PACK_EACH 24.0

/* Batches. Of frozen layers: little is lost by it at one image, and at 32. One that runs once is likely to
 * see one image. Weights that change are those of training. */
#define TYPICAL_FROZEN   4
#define TYPICAL_ONCE     1
#define TYPICAL_TRAINING 16

void cpu_conv_typical_of(const backend_op *op, cpu_conv_typical *t)
{
    const int32_t batch = op->in[1].role != THAW_ROLE_CONST ? TYPICAL_TRAINING
                          : op->runs == 1                   ? TYPICAL_ONCE
                                                            : TYPICAL_FROZEN;
    t->op = *op;
    t->op.in = t->in;
    t->op.out = t->out;
    for (uint32_t i = 0; i < op->n_in; i++)
        t->in[i] = op->in[i];
    for (uint32_t i = 0; i < op->n_out; i++) {
        t->out[i] = op->out[i];
        t->out[i].n = batch;
    }
    t->in[0].n = batch;
}

double cpu_conv_cost_of_byte(const struct thaw_device *dev)
{
    return 0.65 * (double)cpu_conv_kernels(dev->isa)->lanes;
}

double cpu_conv_cost_of_weights(const struct thaw_device *dev, const backend_op *op, double elements,
                                double each)
{
    if (op->in[1].role != THAW_ROLE_CONST)
        return elements * each;
    return op->runs ? elements * each * dev->threads / (double)op->runs : 0;
}

double cpu_conv_direct_cost(const struct thaw_device *dev, const backend_op *real)
{
    cpu_conv_typical typical;
    cpu_conv_typical_of(real, &typical);
    const backend_op *op = &typical.op;
    const thaw_tensor *w = &op->in[1];
    const thaw_tensor *y = op->kind == THAW_OP_CONV2D ? &op->out[0] : &op->in[0];
    const double weights = (double)w->n * w->h * w->w * w->c;
    return weights * (double)backend_pixels(y) / COST_EFFICIENCY +
           weights * sizeof(float) * cpu_conv_cost_of_byte(dev) +
           cpu_conv_cost_of_weights(dev, op, weights, PACK_EACH);
}
