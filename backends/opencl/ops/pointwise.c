/* Ops from element to element: affine, bn_fold, relu_bwd, add, cast. */
#include "backends/opencl/ops/share.h"

static void affine(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    ocl_share share = ocl_share_of(plan->dev, backend_pixels(&op->in[0]), (size_t)op->in[0].c, 1);
    bool shift = op->n_in == 3;
    (void)algo;
    ocl_launch_begin(plan, "affine.cl", "affine", "-D LANES=%u -D SHIFT=%d", share.lanes, shift);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    if (shift)
        ocl_arg_input(plan, 2, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_arg_i32(plan, op->attr.affine.relu != 0);
    ocl_launch_share(plan, &share);
}

static void bn_fold(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    ocl_share share = ocl_share_of(plan->dev, 1, (size_t)plan->op->in[0].c, 1);
    (void)algo;
    ocl_launch_begin(plan, "bn_fold.cl", "bn_fold", "-D LANES=%u", share.lanes);
    for (uint32_t i = 0; i < 3; i++)
        ocl_arg_input(plan, i, const_data);
    ocl_arg_out_row(plan, 0);
    ocl_arg_out_row(plan, 1);
    ocl_arg_share(plan, &share);
    ocl_arg_f32(plan, plan->op->attr.bn.eps);
    ocl_launch_share(plan, &share);
}

static ocl_share share_of_all(const ocl_plan *plan)
{
    const backend_op *op = plan->op;
    const thaw_tensor *t[THAW_ADD_MAX_IN + 1];
    for (uint32_t i = 0; i < op->n_in; i++)
        t[i] = &op->in[i];
    t[op->n_in] = &op->out[0];
    return ocl_share_flat(plan->dev, t, op->n_in + 1);
}

static void relu_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    ocl_share share = share_of_all(plan);
    (void)algo;
    ocl_launch_begin(plan, "relu_bwd.cl", "relu_bwd", "-D LANES=%u", share.lanes);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_in(plan, 1, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_launch_share(plan, &share);
}

/* Inputs first … last - 1, behind the sum so far where there is one. */
static void add_some(ocl_plan *plan, const ocl_share *share, uint32_t first, uint32_t last,
                     const void *const *const_data)
{
    ocl_launch_begin(plan, "add.cl", "add", "-D LANES=%u -D INPUTS=%u", share->lanes,
                     last - first + (first > 0));
    if (first > 0)
        ocl_arg_out(plan, 0);
    for (uint32_t i = first; i < last; i++)
        ocl_arg_in(plan, i, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, share);
    ocl_launch_share(plan, share);
}

static void add(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const uint32_t most = 4; /* of one launch */
    ocl_share share = share_of_all(plan);
    uint32_t n = plan->op->n_in, done = 0;
    (void)algo;
    while (done < n) {
        uint32_t last = done + most - (done > 0);
        last = last < n ? last : n;
        add_some(plan, &share, done, last, const_data);
        done = last;
    }
}

/* A number format as cast.cl names it. */
static const struct {
    const char *type, *name;
} formats[] = {
    [THAW_F32] = {"float", "f32"},
    [THAW_F16] = {"ushort", "half"},
    [THAW_BF16] = {"ushort", "brain"},
    [THAW_U8] = {"uchar", "byte"},
};

static void cast(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const thaw_cast_attr *a = &op->attr.cast;
    thaw_dtype from = op->in[0].dtype, to = op->out[0].dtype;
    bool scaled = a->scale != 1.0f || a->shift != 0.0f;
    ocl_share share = share_of_all(plan);
    (void)algo;
    if (from == to && !scaled)
        ocl_launch_begin(plan, "cast.cl", "cast", "-D LANES=%u -D COPY=1 -D FROM=%s -D TO=%s", share.lanes,
                         from == THAW_F32 ? "uint" : "ushort", from == THAW_F32 ? "uint" : "ushort");
    else
        ocl_launch_begin(plan, "cast.cl", "cast",
                         "-D LANES=%u -D SCALED=%d -D FROM=%s -D LOAD=load_%s -D TO=%s -D STORE=store_%s",
                         share.lanes, scaled, formats[from].type, formats[from].name, formats[to].type,
                         formats[to].name);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &share);
    ocl_arg_f32(plan, a->scale);
    ocl_arg_f32(plan, a->shift);
    ocl_launch_share(plan, &share);
}

const ocl_algo *const ocl_pointwise[] = {
    OCL_VECTOR(THAW_OP_AFFINE, NULL, affine),     OCL_VECTOR(THAW_OP_BN_FOLD, NULL, bn_fold),
    OCL_VECTOR(THAW_OP_RELU_BWD, NULL, relu_bwd), OCL_VECTOR(THAW_OP_ADD, NULL, add),
    OCL_VECTOR(THAW_OP_CAST, NULL, cast),         NULL,
};
