/* Ops with sums over the pixels of a batch: bias_grad, bn_train, bn_train_bwd. Their parts lie in the
 * workspace, a row of channels each. */
#include "backends/opencl/ops/share.h"

/* Bytes of `rows` rows of floats, one float a channel; SIZE_MAX when that overflows. */
static size_t row_bytes(const backend_op *op, size_t rows)
{
    size_t bytes;
    if (__builtin_mul_overflow(rows, (size_t)op->in[0].c * sizeof(float), &bytes))
        return SIZE_MAX;
    return bytes;
}

static size_t bias_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)dev;
    (void)algo;
    return row_bytes(op, ocl_parts_of(backend_pixels(&op->in[0])).count);
}

/* Two rows a part, and two of means for the way back. */
static size_t bn_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)dev;
    (void)algo;
    size_t parts = ocl_parts_of(backend_pixels(&op->in[0])).count;
    return row_bytes(op, 2 * parts + (op->kind == THAW_OP_BN_TRAIN_BWD ? 2 : 0));
}

static void arg_rows(ocl_plan *plan, size_t first_row)
{
    ocl_arg_workspace(plan, row_bytes(plan->op, first_row), sizeof(float));
}

/* The three kinds of stage: parts, their join, and the values that follow. */
typedef struct {
    size_t pixels;
    ocl_parts parts;
    ocl_share part, join, value;
} stages;

static stages stages_of(const ocl_plan *plan)
{
    size_t channels = (size_t)plan->op->in[0].c;
    stages s = {.pixels = backend_pixels(&plan->op->in[0])};
    s.parts = ocl_parts_of(s.pixels);
    s.part = ocl_share_of(plan->dev, s.parts.count, channels, s.parts.length);
    s.join = ocl_share_of(plan->dev, 1, channels, s.parts.count);
    s.value = ocl_share_of(plan->dev, s.pixels, channels, 1);
    return s;
}

static void arg_parts(ocl_plan *plan, const stages *s)
{
    ocl_arg_share(plan, &s->part);
    ocl_arg_i32(plan, (int64_t)s->parts.length);
    ocl_arg_i32(plan, (int64_t)s->pixels);
}

static void bias_grad(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    stages s = stages_of(plan);
    (void)algo;
    ocl_launch_begin(plan, "bias_grad.cl", "bias_grad_parts", "-D LANES=%u -D WIDE=%u", s.part.lanes,
                     s.part.wide);
    ocl_arg_in(plan, 0, const_data);
    arg_rows(plan, 0);
    arg_parts(plan, &s);
    ocl_launch_share(plan, &s.part);

    ocl_launch_begin(plan, "bias_grad.cl", "bias_grad_join", "-D LANES=%u -D WIDE=%u", s.join.lanes,
                     s.join.wide);
    arg_rows(plan, 0);
    ocl_arg_out_row(plan, 0);
    ocl_arg_share(plan, &s.join);
    ocl_arg_i32(plan, (int64_t)s.parts.count);
    ocl_launch_share(plan, &s.join);
}

static void train_parts(ocl_plan *plan, const stages *s, const void *const *const_data)
{
    ocl_launch_begin(plan, "bn_train.cl", "bn_train_parts", "-D LANES=%u -D WIDE=%u", s->part.lanes,
                     s->part.wide);
    ocl_arg_in(plan, 0, const_data);
    arg_rows(plan, 0);
    arg_rows(plan, s->parts.count);
    arg_parts(plan, s);
    ocl_launch_share(plan, &s->part);
}

static void train_join(ocl_plan *plan, const stages *s, const void *const *const_data)
{
    const thaw_bn_attr *a = &plan->op->attr.bn;
    ocl_launch_begin(plan, "bn_train.cl", "bn_train_join", "-D LANES=%u -D WIDE=%u", s->join.lanes,
                     s->join.wide);
    arg_rows(plan, 0);
    arg_rows(plan, s->parts.count);
    ocl_arg_input(plan, 2, const_data);
    ocl_arg_input(plan, 3, const_data);
    for (uint32_t k = 1; k < 5; k++)
        ocl_arg_out_row(plan, k);
    ocl_arg_share(plan, &s->join);
    ocl_arg_i32(plan, (int64_t)s->parts.length);
    ocl_arg_i32(plan, (int64_t)s->pixels);
    ocl_arg_i32(plan, (int64_t)s->parts.count);
    ocl_arg_f32(plan, a->eps);
    ocl_arg_f32(plan, a->momentum);
    ocl_arg_f32(plan, (float)(1.0 - (double)a->momentum));
    ocl_launch_share(plan, &s->join);
}

static void bn_train(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    stages s = stages_of(plan);
    (void)algo;
    train_parts(plan, &s, const_data);
    train_join(plan, &s, const_data);

    ocl_launch_begin(plan, "bn_train.cl", "bn_train_values", "-D LANES=%u -D WIDE=%u", s.value.lanes,
                     s.value.wide);
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    ocl_arg_out_row(plan, 1);
    ocl_arg_out_row(plan, 2);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &s.value);
    ocl_arg_i32(plan, plan->op->attr.bn.relu != 0);
    ocl_launch_share(plan, &s.value);
}

/* g, x and what the forward op has saved of x. */
static void arg_saved(ocl_plan *plan, const void *const *const_data)
{
    ocl_arg_in(plan, 0, const_data);
    ocl_arg_in(plan, 1, const_data);
    ocl_arg_input(plan, 2, const_data);
    ocl_arg_input(plan, 3, const_data);
}

static void bn_train_bwd(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    stages s = stages_of(plan);
    size_t n = s.parts.count;
    (void)algo;
    ocl_launch_begin(plan, "bn_train.cl", "bn_train_bwd_parts", "-D LANES=%u -D WIDE=%u", s.part.lanes,
                     s.part.wide);
    arg_saved(plan, const_data);
    arg_rows(plan, 0);
    arg_rows(plan, n);
    arg_parts(plan, &s);
    ocl_launch_share(plan, &s.part);

    ocl_launch_begin(plan, "bn_train.cl", "bn_train_bwd_join", "-D LANES=%u -D WIDE=%u", s.join.lanes,
                     s.join.wide);
    arg_rows(plan, 0);
    arg_rows(plan, n);
    ocl_arg_out_row(plan, 1);
    arg_rows(plan, 2 * n);
    arg_rows(plan, 2 * n + 1);
    ocl_arg_share(plan, &s.join);
    ocl_arg_i32(plan, (int64_t)s.pixels);
    ocl_arg_i32(plan, (int64_t)n);
    ocl_launch_share(plan, &s.join);

    ocl_launch_begin(plan, "bn_train.cl", "bn_train_bwd_values", "-D LANES=%u -D WIDE=%u", s.value.lanes,
                     s.value.wide);
    arg_saved(plan, const_data);
    arg_rows(plan, 2 * n);
    arg_rows(plan, 2 * n + 1);
    ocl_arg_out(plan, 0);
    ocl_arg_share(plan, &s.value);
    ocl_launch_share(plan, &s.value);
}

const ocl_algo *const ocl_sums[] = {
    OCL_VECTOR(THAW_OP_BIAS_GRAD, bias_workspace, bias_grad),
    OCL_VECTOR(THAW_OP_BN_TRAIN, bn_workspace, bn_train),
    OCL_VECTOR(THAW_OP_BN_TRAIN_BWD, bn_workspace, bn_train_bwd),
    NULL,
};
