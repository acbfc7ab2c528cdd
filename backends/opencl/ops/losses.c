/* Ops on rows of scores: dropout, softmax_xent, metrics. */
#include <math.h>

#include "backends/opencl/ops/share.h"

static float survivor_factor(const thaw_dropout_attr *a)
{
    return (float)(1.0 / (1.0 - (double)a->rate));
}

static void dropout(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const size_t philox_work = 16; /* four words cost about as much as so many copied elements */
    const backend_op *op = plan->op;
    const thaw_dropout_attr *a = &op->attr.dropout;
    size_t quads = ((size_t)op->in[0].c - 1) / 4 + 1;
    ocl_share share = ocl_share_of(plan->dev, (size_t)op->in[0].n, quads, philox_work);
    (void)algo;
    ocl_launch_begin(plan, "dropout.cl", "dropout", "-D LANES=1");
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_in(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_out(plan, 1);
    ocl_arg_share(plan, &share);
    ocl_arg_i32(plan, op->in[0].c);
    ocl_arg_i32(plan, (int32_t)(uint32_t)a->seed);
    ocl_arg_i32(plan, (int32_t)(uint32_t)(a->seed >> 32));
    ocl_arg_i32(plan, (int32_t)(uint32_t)floor((double)a->rate * 4294967296.0));
    ocl_arg_f32(plan, survivor_factor(a));
    ocl_launch_share(plan, &share);
}

static void dropout_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const thaw_tensor *t[3] = {&op->in[0], &op->in[1], &op->out[0]};
    ocl_share share = ocl_share_flat(plan->dev, t, 3);
    (void)algo;
    ocl_launch_begin(plan, "dropout.cl", "dropout_bwd", "-D LANES=%u", share.lanes);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_in(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_arg_f32(plan, survivor_factor(&op->attr.dropout));
    ocl_launch_share(plan, &share);
}

static void softmax_xent(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const thaw_tensor *z = &plan->op->in[0];
    (void)algo;
    ocl_launch_begin(plan, "softmax_xent.cl", "softmax_xent", "-D LANES=1");
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_out_row(plan, 1);
    ocl_arg_i32(plan, z->n);
    ocl_arg_i32(plan, z->c);
    ocl_launch_items(plan, (size_t)z->n);
}

static void softmax_xent_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const thaw_tensor *prob = &plan->op->in[0];
    ocl_share share = ocl_share_of(plan->dev, (size_t)prob->n, (size_t)prob->c, 1);
    (void)algo;
    ocl_launch_begin(plan, "softmax_xent.cl", "softmax_xent_bwd", "-D LANES=1");
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_arg_f32(plan, plan->op->attr.xent.scale);
    ocl_launch_share(plan, &share);
}

/* A float for each row. */
static size_t metrics_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)dev;
    (void)algo;
    return (size_t)op->in[0].n * sizeof(float);
}

static void metrics(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const thaw_tensor *prob = &plan->op->in[0];
    (void)algo;
    ocl_launch_begin(plan, "metrics.cl", "metrics_rows", "-D LANES=1");
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    ocl_arg_workspace(plan, 0, sizeof(float));
    ocl_arg_i32(plan, prob->n);
    ocl_arg_i32(plan, prob->c);
    ocl_launch_items(plan, (size_t)prob->n);

    ocl_launch_begin(plan, "metrics.cl", "metrics_sum", "-D LANES=1");
    ocl_arg_input(plan, 2, const_data);
    ocl_arg_workspace(plan, 0, sizeof(float));
    ocl_arg_out_row(plan, 0);
    ocl_arg_i32(plan, prob->n);
    ocl_launch_items(plan, 2);
}

const ocl_algo *const ocl_losses[] = {
    OCL_VECTOR(THAW_OP_DROPOUT, NULL, dropout),
    OCL_VECTOR(THAW_OP_DROPOUT_BWD, NULL, dropout_bwd),
    OCL_VECTOR(THAW_OP_SOFTMAX_XENT, NULL, softmax_xent),
    OCL_VECTOR(THAW_OP_SOFTMAX_XENT_BWD, NULL, softmax_xent_bwd),
    OCL_VECTOR(THAW_OP_METRICS, metrics_workspace, metrics),
    NULL,
};
