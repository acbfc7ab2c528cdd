#include <math.h>

#include "plugins/onednn/parallel.h"
#include "plugins/onednn/plain/plain.h"

static thaw_status by_pixels(const onednn_call *call, onednn_range_fn fn)
{
    const thaw_tensor *y = &call->op->out[0];
    onednn_parallel(call, backend_pixels(y), onednn_grain((size_t)y->c), fn);
    return THAW_OK;
}

static void affine_pixels(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const float *scale = onednn_in(call, 1), *shift = op->n_in == 3 ? onednn_in(call, 2) : NULL;
    const int32_t channels = op->in[0].c;
    for (size_t p = first; p < last; p++) {
        const float *x = onednn_in(call, 0) + onednn_at(&op->in[0], p);
        float *y = onednn_out(call, 0) + onednn_at(&op->out[0], p);
        if (shift)
            for (int32_t c = 0; c < channels; c++)
                y[c] = x[c] * scale[c] + shift[c];
        else
            for (int32_t c = 0; c < channels; c++)
                y[c] = x[c] * scale[c];
        if (op->attr.affine.relu)
            for (int32_t c = 0; c < channels; c++)
                y[c] = plain_relu(y[c]);
    }
}

thaw_status plain_affine(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_pixels(call, affine_pixels);
}

thaw_status plain_bn_fold(const onednn_call *call, thaw_error *err)
{
    const float *beta = onednn_in(call, 0), *mean = onednn_in(call, 1), *var = onednn_in(call, 2);
    float *scale = onednn_out(call, 0), *shift = onednn_out(call, 1);
    (void)err;
    for (int32_t c = 0; c < call->op->in[0].c; c++) {
        double s = 1.0 / sqrt((double)var[c] + (double)call->op->attr.bn.eps);
        scale[c] = (float)s;
        shift[c] = (float)((double)beta[c] - (double)mean[c] * s);
    }
    return THAW_OK;
}

static void relu_bwd_pixels(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    for (size_t p = first; p < last; p++) {
        const float *dy = onednn_in(call, 0) + onednn_at(&op->in[0], p);
        const float *y = onednn_in(call, 1) + onednn_at(&op->in[1], p);
        float *dx = onednn_out(call, 0) + onednn_at(&op->out[0], p);
        for (int32_t c = 0; c < op->in[0].c; c++)
            dx[c] = y[c] > 0.0f ? dy[c] : 0.0f;
    }
}

thaw_status plain_relu_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_pixels(call, relu_bwd_pixels);
}

static void add_pixels(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    for (size_t p = first; p < last; p++) {
        const float *a = onednn_in(call, 0) + onednn_at(&op->in[0], p);
        const float *b = onednn_in(call, 1) + onednn_at(&op->in[1], p);
        float *y = onednn_out(call, 0) + onednn_at(&op->out[0], p);
        for (int32_t c = 0; c < op->in[0].c; c++)
            y[c] = a[c] + b[c];
        for (uint32_t k = 2; k < op->n_in; k++) {
            a = onednn_in(call, k) + onednn_at(&op->in[k], p);
            for (int32_t c = 0; c < op->in[0].c; c++)
                y[c] += a[c];
        }
    }
}

thaw_status plain_add(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_pixels(call, add_pixels);
}
