/* conv_mma_gather.c: CONV2D and CONV2D_BWD_DATA on tensor cores: one launch, whatever the number of outputs.
 */
#include <stdio.h>

#include "backends/opencl/ops/conv_mma.h"

#define BACKWARD(op) ((op)->kind == THAW_OP_CONV2D_BWD_DATA)

conv_mma_extent conv_mma_gather_extent(const backend_op *op)
{
    const thaw_tensor *image = &op->in[0], *w = &op->in[1];
    size_t terms = ocl_size_mul(ocl_size_mul((size_t)w->n, (size_t)w->h), (size_t)image->c);
    return (conv_mma_extent){.rows = backend_pixels(&op->out[0]),
                             .cols = (size_t)(BACKWARD(op) ? w->w : w->c),
                             .terms = terms,
                             .parts = 1,
                             .share = terms};
}

/* The destination's table of conv_mma.cl, owned: of each output, and of an end behind the last, the first
 * column and the pitch. Outputs that the op lacks have no columns. */
static uint32_t own_table(ocl_plan *plan, uint32_t outputs)
{
    const backend_op *op = plan->op;
    int32_t table[2 * (THAW_CONV_MAX_OUT + 1)] = {0}, column = 0;
    for (uint32_t k = 0; k <= outputs; k++) {
        table[2 * k] = column;
        if (k < op->n_out) {
            table[2 * k + 1] = (int32_t)op->out[k].pixel_pitch;
            column += op->out[k].c;
        }
    }
    return ocl_plan_own(plan, table, sizeof table);
}

void conv_mma_gather_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const conv_mma_tile *tile = algo->variant;
    const thaw_tensor *image = &op->in[0], *w = &op->in[1], *dst = &op->out[0];
    conv_mma_extent extent = conv_mma_gather_extent(op);
    uint32_t outputs = op->n_out == 1 ? 1 : THAW_CONV_MAX_OUT;
    bool with_bias = op->n_in == 3;
    char also[40];
    snprintf(also, sizeof also, " -D BACKWARD=%d -D OUTPUTS=%u", BACKWARD(op), outputs);
    conv_mma_begin(plan, tile, "conv_mma.cl", "conv_mma", also);
    ocl_arg_input(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    if (with_bias)
        ocl_arg_input(plan, 2, const_data);
    else
        ocl_arg_tensor(plan, op->n_in); /* never read */
    ocl_arg_owned(plan, own_table(plan, outputs), 0);
    for (uint32_t k = 0; k < outputs; k++)
        ocl_arg_tensor(plan, op->n_in + (k < op->n_out ? k : 0));
    ocl_arg_i32(plan, (int64_t)extent.rows);
    ocl_arg_i32(plan, (int64_t)extent.cols);
    ocl_arg_i32(plan, dst->h);
    ocl_arg_i32(plan, dst->w);
    ocl_arg_i32(plan, image->h);
    ocl_arg_i32(plan, image->w);
    ocl_arg_i32(plan, image->c);
    conv_mma_arg_window(plan, w);
    ocl_arg_u64(plan, (uint64_t)image->pixel_pitch);
    ocl_arg_u64(plan, (uint64_t)w->pixel_pitch);
    ocl_arg_i32(plan, conv_mma_quads(image));
    ocl_arg_i32(plan, conv_mma_quads(w));
    ocl_arg_i32(plan, with_bias);
    ocl_arg_i32(plan, op->attr.conv.relu_mask);
    conv_mma_end(plan, tile, &extent);
}
