#include "backends/opencl/ops/share.h"

/* The t-th of the op's tensors. Its own g is the only one of them that is no output. */
static void update(ocl_plan *plan, uint32_t t, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const thaw_tensor *all[7];
    for (uint32_t i = 0; i < 4; i++)
        all[i] = &op->in[1 + 4 * t + i];
    for (uint32_t i = 0; i < 3; i++)
        all[4 + i] = &op->out[3 * t + i];
    ocl_share share = ocl_share_flat(plan->dev, all, 7);
    ocl_launch_begin(plan, "adam.cl", "adam", "-D LANES=%u", share.lanes);
    ocl_arg_input(plan, 0, const_data);
    for (uint32_t i = 0; i < 4; i++)
        ocl_arg_in(plan, 1 + 4 * t + i, const_data);
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_out(plan, 3 * t + i);
    ocl_arg_share(plan, &share);
    ocl_launch_share(plan, &share);
}

static void adam(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    (void)algo;
    for (uint32_t t = 0; t < plan->op->n_out / 3; t++)
        update(plan, t, const_data);
}

const ocl_algo *const ocl_adam[] = {OCL_VECTOR(THAW_OP_ADAM, NULL, adam), NULL};
