#include "backends/opencl/ops/share.h"

/* The arguments POOL: x is the image, y what the windows give. */
static void arg_pool(ocl_plan *plan, const thaw_tensor *x, const thaw_tensor *y)
{
    const thaw_pool_attr *a = &plan->op->attr.pool;
    const int32_t geometry[] = {x->h,  x->w,        y->h,        y->w,       a->kh,
                                a->kw, a->stride_h, a->stride_w, a->pad_top, a->pad_left};
    for (size_t i = 0; i < sizeof geometry / sizeof geometry[0]; i++)
        ocl_arg_i32(plan, geometry[i]);
}

/* Of the op's output, each element of which takes about `cells` reads. */
static ocl_share share_of_output(const ocl_plan *plan, size_t cells)
{
    const thaw_tensor *out = &plan->op->out[0];
    return ocl_share_of(plan->dev, backend_pixels(out), (size_t)out->c, cells);
}

static size_t cells_of_window(const ocl_plan *plan)
{
    return (size_t)plan->op->attr.pool.kh * (size_t)plan->op->attr.pool.kw;
}

/* Windows over a pixel. */
static size_t windows_of_cell(const ocl_plan *plan)
{
    const thaw_pool_attr *a = &plan->op->attr.pool;
    return (size_t)((a->kh - 1) / a->stride_h + 1) * (size_t)((a->kw - 1) / a->stride_w + 1);
}

static void maxpool(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    ocl_share share = share_of_output(plan, cells_of_window(plan));
    (void)algo;
    ocl_launch_begin(plan, "maxpool.cl", "maxpool", "-D LANES=%u -D WIDE=%u -D SAVED=%d", share.lanes,
                     share.wide, op->n_out == 2);
    ocl_arg_in(plan, 0, const_data);
    for (uint32_t k = 0; k < op->n_out; k++)
        ocl_arg_out(plan, k);
    ocl_arg_share(plan, &share);
    arg_pool(plan, &op->in[0], &op->out[0]);
    ocl_launch_share(plan, &share);
}

static void maxpool_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    ocl_share share = share_of_output(plan, windows_of_cell(plan));
    (void)algo;
    ocl_launch_begin(plan, "maxpool.cl", "maxpool_bwd", "-D LANES=%u -D WIDE=%u -D SAVED=0", share.lanes,
                     share.wide);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_in(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    arg_pool(plan, &op->out[0], &op->in[0]);
    ocl_launch_share(plan, &share);
}

static void avgpool(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    ocl_share share = share_of_output(plan, cells_of_window(plan));
    bool bias = op->n_in == 2;
    (void)algo;
    ocl_launch_begin(plan, "avgpool.cl", "avgpool", "-D LANES=%u -D WIDE=%u -D BIAS=%d", share.lanes,
                     share.wide, bias);
    ocl_arg_in(plan, 0, const_data);
    if (bias)
        ocl_arg_input(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    arg_pool(plan, &op->in[0], &op->out[0]);
    ocl_arg_i32(plan, op->attr.pool.include_pad != 0);
    ocl_arg_i32(plan, op->attr.pool.relu != 0);
    ocl_launch_share(plan, &share);
}

static void avgpool_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    ocl_share share = share_of_output(plan, windows_of_cell(plan));
    (void)algo;
    ocl_launch_begin(plan, "avgpool.cl", "avgpool_bwd", "-D LANES=%u -D WIDE=%u -D BIAS=0", share.lanes,
                     share.wide);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    arg_pool(plan, &op->out[0], &op->in[0]);
    ocl_arg_i32(plan, op->attr.pool.include_pad != 0);
    ocl_launch_share(plan, &share);
}

static void global_avgpool(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const thaw_tensor *x = &plan->op->in[0];
    ocl_share share = share_of_output(plan, (size_t)x->h * (size_t)x->w);
    (void)algo;
    ocl_launch_begin(plan, "global_avgpool.cl", "global_avgpool", "-D LANES=%u -D WIDE=%u", share.lanes,
                     share.wide);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_arg_i32(plan, x->h);
    ocl_arg_i32(plan, x->w);
    ocl_launch_share(plan, &share);
}

static void global_avgpool_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const thaw_tensor *dx = &plan->op->out[0];
    ocl_share share = share_of_output(plan, 1);
    (void)algo;
    ocl_launch_begin(plan, "global_avgpool.cl", "global_avgpool_bwd", "-D LANES=%u -D WIDE=%u", share.lanes,
                     share.wide);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_arg_i32(plan, (int64_t)dx->h * dx->w);
    ocl_launch_share(plan, &share);
}

const ocl_algo *const ocl_pools[] = {
    OCL_VECTOR(THAW_OP_MAXPOOL, NULL, maxpool),
    OCL_VECTOR(THAW_OP_MAXPOOL_BWD, NULL, maxpool_bwd),
    OCL_VECTOR(THAW_OP_AVGPOOL, NULL, avgpool),
    OCL_VECTOR(THAW_OP_AVGPOOL_BWD, NULL, avgpool_bwd),
    OCL_VECTOR(THAW_OP_GLOBAL_AVGPOOL, NULL, global_avgpool),
    OCL_VECTOR(THAW_OP_GLOBAL_AVGPOOL_BWD, NULL, global_avgpool_bwd),
    NULL,
};
