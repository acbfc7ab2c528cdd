#include "cost.h"

#include "kernels.h"

/* Packing copies: read, write, and the page faults of fresh memory. */
#define PACK_EACH 24.0

/* Share of COST_EFFICIENCY with a stride: what is read of an image serves fewer taps. */
#define STRIDED_SHARE 0.9

/* Batches. Of frozen layers: little is lost by it at one image, and at 32. Weights that change are those of
 * training. */
#define TYPICAL_FROZEN   4
#define TYPICAL_ONCE     1
#define TYPICAL_TRAINING 16
#define TYPICAL_THREADS  2

void cpu_conv_typical_of(const struct thaw_device *dev, const backend_op *op, cpu_conv_typical *t)
{
    const bool frozen = op->in[1].role == THAW_ROLE_CONST;
    t->once = frozen && op->runs == 1 && op->in[0].n == 1;
    const int32_t batch = t->once ? TYPICAL_ONCE : frozen ? TYPICAL_FROZEN : TYPICAL_TRAINING;
    t->dev = *dev;
    t->dev.threads = TYPICAL_THREADS;
    t->op = *op;
    t->op.in = t->in;
    t->op.out = t->out;
    for (uint32_t i = 0; i < op->n_in; i++)
        t->in[i] = op->in[i];
    for (uint32_t i = 0; i < op->n_out; i++)
        t->out[i] = op->out[i];
    t->in[0].n = batch;
    if (op->kind == THAW_OP_CONV2D_BWD_FILTER) {
        t->in[1].n = batch;
        return;
    }
    for (uint32_t i = 0; i < op->n_out; i++)
        t->out[i].n = batch;
}

double cpu_conv_cost_of_byte(const struct thaw_device *dev)
{
    return 0.65 * (double)cpu_conv_kernels(dev->isa)->lanes;
}

double cpu_conv_cost_of_weights(const cpu_conv_typical *typical, double elements, double each)
{
    const bool frozen = typical->op.in[1].role == THAW_ROLE_CONST;
    return frozen && !typical->once ? 0 : elements * each;
}

double cpu_conv_direct_cost(const struct thaw_device *dev, const backend_op *real)
{
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, real, &typical);
    const backend_op *op = &typical.op;
    const bool filter = op->kind == THAW_OP_CONV2D_BWD_FILTER;
    const thaw_tensor *w = filter ? &op->out[0] : &op->in[1];
    const thaw_tensor *y = op->kind == THAW_OP_CONV2D ? &op->out[0] : filter ? &op->in[1] : &op->in[0];
    const double weights = (double)w->n * w->h * w->w * w->c;
    const bool strided = op->attr.conv.stride_h > 1 || op->attr.conv.stride_w > 1;
    const double efficiency = strided ? STRIDED_SHARE * COST_EFFICIENCY : COST_EFFICIENCY;
    const double products = weights * (double)backend_pixels(y) / efficiency;
    if (filter)
        return products;
    return products + weights * sizeof(float) * cpu_conv_cost_of_byte(dev) +
           cpu_conv_cost_of_weights(&typical, weights, PACK_EACH);
}
