/* conv_mma_filter.c: CONV2D_BWD_FILTER on tensor cores. The product is small and its sums are long, so the
 * sums are cut into parts for the units, and the parts added in order. */
#include <stdio.h>

#include "backends/opencl/ops/conv_mma.h"

#define LEAST_SHARE  256u /* terms: fewer do not pay for a part's way through memory */
#define MOST_PARTS   64u
#define UNIT_GROUPS  2u /* work-groups that keep a unit busy */
#define MOST_PARTIAL ((size_t)256 << 20)

static size_t partial_bytes(const conv_mma_extent *e)
{
    return ocl_size_mul(ocl_size_mul(e->rows, e->cols), e->parts * sizeof(float));
}

static size_t at_most(size_t value, size_t most)
{
    return value < most ? value : most;
}

conv_mma_extent conv_mma_filter_extent(const thaw_device *dev, const backend_op *op,
                                       const conv_mma_tile *tile)
{
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    conv_mma_extent e = {
        .rows = ocl_size_mul(ocl_size_mul((size_t)dw->n, (size_t)dw->h), (size_t)x->c),
        .cols = (size_t)dy->c,
        .terms = backend_pixels(dy),
    };
    size_t groups = conv_mma_groups(&e, tile), units = dev->facts->units ? dev->facts->units : 1;
    size_t parts = at_most(ocl_size_ceil(UNIT_GROUPS * units, groups), MOST_PARTS);
    parts = at_most(parts, ocl_size_ceil(e.terms, LEAST_SHARE));
    e.share = ocl_size_ceil(ocl_size_ceil(e.terms, parts), CONV_MMA_BK) * CONV_MMA_BK;
    e.parts = ocl_size_ceil(e.terms, e.share);
    if (partial_bytes(&e) > MOST_PARTIAL) {
        e.share = e.terms;
        e.parts = 1;
    }
    return e;
}

size_t conv_mma_filter_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    conv_mma_extent e = conv_mma_filter_extent(dev, op, algo->variant);
    return e.parts > 1 ? partial_bytes(&e) : 0;
}

static void add_parts(ocl_plan *plan, const conv_mma_tile *tile, const conv_mma_extent *e)
{
    conv_mma_begin(plan, tile, "conv_mma_filter.cl", "sum_parts", "");
    ocl_arg_workspace(plan, 0, sizeof(float));
    ocl_arg_tensor(plan, 2);
    ocl_arg_i32(plan, (int64_t)e->rows);
    ocl_arg_i32(plan, (int64_t)e->cols);
    ocl_arg_i32(plan, (int64_t)e->parts);
    ocl_arg_u64(plan, (uint64_t)plan->op->out[0].pixel_pitch);
    ocl_launch_items(plan, e->rows * e->cols);
}

void conv_mma_filter_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const conv_mma_tile *tile = algo->variant;
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    conv_mma_extent e = conv_mma_filter_extent(plan->dev, op, tile);
    bool direct = e.parts == 1;
    conv_mma_begin(plan, tile, "conv_mma_filter.cl", "conv_mma_filter", "");
    ocl_arg_input(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    if (direct)
        ocl_arg_tensor(plan, 2);
    else
        ocl_arg_workspace(plan, 0, sizeof(float));
    ocl_arg_i32(plan, (int64_t)e.rows);
    ocl_arg_i32(plan, (int64_t)e.cols);
    ocl_arg_i32(plan, (int64_t)e.terms);
    ocl_arg_i32(plan, (int64_t)e.share);
    ocl_arg_i32(plan, dy->h);
    ocl_arg_i32(plan, dy->w);
    ocl_arg_i32(plan, x->h);
    ocl_arg_i32(plan, x->w);
    ocl_arg_i32(plan, x->c);
    conv_mma_arg_window(plan, dw);
    ocl_arg_u64(plan, (uint64_t)x->pixel_pitch);
    ocl_arg_u64(plan, (uint64_t)dy->pixel_pitch);
    ocl_arg_u64(plan, direct ? (uint64_t)dw->pixel_pitch : e.cols);
    ocl_arg_u64(plan, e.rows * e.cols);
    ocl_arg_i32(plan, conv_mma_quads(x));
    ocl_arg_i32(plan, conv_mma_quads(dy));
    conv_mma_end(plan, tile, &e);
    if (!direct)
        add_parts(plan, tile, &e);
}
