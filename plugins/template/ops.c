/* ops.c: the ops: for each what its tensors must be, and its loops.
 *
 * YOURS: one more function `check`, one more `run`, one more line at the end. A device of its own has kernels
 * in place of the loops; what they may read and write stays the same. Element (n,y,x,ch) of a tensor lies at
 * ((n*h + y)*w + x)*pixel_pitch + ch: between c and pixel_pitch lie the channels of other tensors. */
#include "plugin.h"

/* Index of channel 0 of a pixel. */
static size_t at(const thaw_tensor *t, size_t pixel)
{
    return pixel * (size_t)t->pixel_pitch;
}

/* Where each pixel is computed alone. */
static size_t pixels_of_input(const op_copy *op)
{
    return tensor_pixels(&op->in[0]);
}

/* Where each channel is computed alone: a sum over the batch is made by one task, in one order, whatever the
 * number of threads. */
static size_t channels_of_input(const op_copy *op)
{
    return (size_t)op->in[0].c;
}

/* ---- RELU_BWD: dx = y > 0 ? dy : 0, in place of dy --------------------------------------------- */

static bool check_relu_bwd(const op_copy *op, thaw_error *err)
{
    const thaw_tensor *dy = &op->in[0];
    return expect_like("relu_bwd: dy", dy, dy, err) && expect_like("relu_bwd: y", &op->in[1], dy, err) &&
           expect_like("relu_bwd: dx", &op->out[0], dy, err);
}

static void run_relu_bwd(const op_call *call, size_t first, size_t last)
{
    const op_copy *op = call->op;
    for (size_t p = first; p < last; p++) {
        const float *dy = call->in[0] + at(&op->in[0], p), *y = call->in[1] + at(&op->in[1], p);
        float *dx = call->out[0] + at(&op->out[0], p);
        for (int32_t c = 0; c < op->in[0].c; c++)
            dx[c] = y[c] > 0.0f ? dy[c] : 0.0f;
    }
}

/* ---- AFFINE: y = relu?(x*scale + shift), in place of x ----------------------------------------- */

static bool check_affine(const op_copy *op, thaw_error *err)
{
    const thaw_tensor *x = &op->in[0];
    return expect_like("affine: x", x, x, err) && expect_vector("affine: scale", &op->in[1], x->c, err) &&
           (op->n_in < 3 || expect_vector("affine: shift", &op->in[2], x->c, err)) &&
           expect_like("affine: y", &op->out[0], x, err);
}

static void run_affine(const op_call *call, size_t first, size_t last)
{
    const op_copy *op = call->op;
    const float *scale = call->in[1], *shift = op->n_in == 3 ? call->in[2] : NULL;
    for (size_t p = first; p < last; p++) {
        const float *x = call->in[0] + at(&op->in[0], p);
        float *y = call->out[0] + at(&op->out[0], p);
        for (int32_t c = 0; c < op->in[0].c; c++) {
            float z = x[c] * scale[c] + (shift ? shift[c] : 0.0f);
            y[c] = op->attr.affine.relu && z < 0.0f ? 0.0f : z; /* NaN stays NaN */
        }
    }
}

/* ---- BIAS_GRAD: db[c] = sum of dy over n, h, w ------------------------------------------------- */

static bool check_bias_grad(const op_copy *op, thaw_error *err)
{
    const thaw_tensor *dy = &op->in[0];
    return expect_like("bias_grad: dy", dy, dy, err) &&
           expect_vector("bias_grad: db", &op->out[0], dy->c, err);
}

static void run_bias_grad(const op_call *call, size_t first, size_t last)
{
    const thaw_tensor *dy = &call->op->in[0];
    for (size_t c = first; c < last; c++) {
        double sum = 0.0;
        for (size_t p = 0; p < tensor_pixels(dy); p++)
            sum += call->in[0][at(dy, p) + c];
        call->out[0][c] = (float)sum;
    }
}

/* ---- all of them ------------------------------------------------------------------------------- */

/* kind, name, inputs from and to, outputs from and to, attributes; functions, NULL: declines nothing */
static const op_kind kinds[] = {
    {THAW_OP_RELU_BWD, "relu_bwd", 2, 2, 1, 1, 0, check_relu_bwd, NULL, pixels_of_input, run_relu_bwd},
    {THAW_OP_AFFINE, "affine", 2, 3, 1, 1, sizeof(thaw_affine_attr), check_affine, NULL, pixels_of_input,
     run_affine},
    {THAW_OP_BIAS_GRAD, "bias_grad", 1, 1, 1, 1, 0, check_bias_grad, NULL, channels_of_input, run_bias_grad},
};

const op_kind *op_kind_of(uint32_t kind)
{
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
        if (kinds[i].kind == kind)
            return &kinds[i];
    return NULL;
}
