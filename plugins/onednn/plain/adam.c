#include <math.h>

#include "plugins/onednn/parallel.h"
#include "plugins/onednn/plain/plain.h"

static void update(const onednn_call *call, uint32_t t, size_t pixel)
{
    const backend_op *op = call->op;
    const float *hyper = onednn_in(call, 0);
    const thaw_tensor *in = &op->in[1 + 4 * t], *out = &op->out[3 * t];
    const float *w = onednn_in(call, 1 + 4 * t) + onednn_at(&in[0], pixel);
    const float *g = onednn_in(call, 2 + 4 * t) + onednn_at(&in[1], pixel);
    const float *m = onednn_in(call, 3 + 4 * t) + onednn_at(&in[2], pixel);
    const float *v = onednn_in(call, 4 + 4 * t) + onednn_at(&in[3], pixel);
    float *new_w = onednn_out(call, 3 * t) + onednn_at(&out[0], pixel);
    float *new_m = onednn_out(call, 3 * t + 1) + onednn_at(&out[1], pixel);
    float *new_v = onednn_out(call, 3 * t + 2) + onednn_at(&out[2], pixel);
    for (int32_t c = 0; c < in->c; c++) {
        float mean = m[c] + (g[c] - m[c]) * hyper[1];
        float square = v[c] + (g[c] * g[c] - v[c]) * hyper[2];
        new_w[c] = w[c] - mean * hyper[0] / (sqrtf(square) + hyper[3]);
        new_m[c] = mean;
        new_v[c] = square;
    }
}

/* Items are the pixels of all tensors, one behind the other. */
static void update_pixels(const onednn_call *call, size_t first, size_t last)
{
    size_t before = 0;
    for (uint32_t t = 0; t < call->op->n_out / 3 && before < last; t++) {
        const size_t pixels = backend_pixels(&call->op->in[1 + 4 * t]);
        size_t from = first > before ? first - before : 0,
               to = last - before < pixels ? last - before : pixels;
        for (size_t p = from; p < to; p++)
            update(call, t, p);
        before += pixels;
    }
}

thaw_status plain_adam(const onednn_call *call, thaw_error *err)
{
    size_t pixels = 0;
    (void)err;
    for (uint32_t t = 0; t < call->op->n_out / 3; t++)
        pixels += backend_pixels(&call->op->in[1 + 4 * t]);
    onednn_parallel(call, pixels, onednn_grain(512), update_pixels);
    return THAW_OK;
}
