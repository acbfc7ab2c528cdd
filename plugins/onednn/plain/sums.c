/* Sums over all pixels, a block of channels at a time. A channel is summed in the order of its pixels. */
#include <math.h>

#include "plugins/onednn/parallel.h"
#include "plugins/onednn/plain/plain.h"

#define BLOCK ((size_t)16)

/* Items are blocks of channels. */
static thaw_status by_blocks(const onednn_call *call, onednn_range_fn fn)
{
    onednn_parallel(call, ((size_t)call->op->in[0].c + BLOCK - 1) / BLOCK, 1, fn);
    return THAW_OK;
}

static size_t width(const onednn_call *call, size_t block)
{
    size_t left = (size_t)call->op->in[0].c - block * BLOCK;
    return left < BLOCK ? left : BLOCK;
}

static void bias_grad_blocks(const onednn_call *call, size_t first, size_t last)
{
    const thaw_tensor *dy = &call->op->in[0];
    const size_t pixels = backend_pixels(dy);
    for (size_t b = first; b < last; b++) {
        const size_t n = width(call, b);
        const float *g = onednn_in(call, 0) + b * BLOCK;
        double sum[BLOCK] = {0};
        for (size_t p = 0; p < pixels; p++)
            for (size_t i = 0; i < n; i++)
                sum[i] += (double)g[onednn_at(dy, p) + i];
        for (size_t i = 0; i < n; i++)
            onednn_out(call, 0)[b * BLOCK + i] = (float)sum[i];
    }
}

thaw_status plain_bias_grad(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_blocks(call, bias_grad_blocks);
}

/* Mean and population variance of a block's channels. */
static void moments(const float *x, const thaw_tensor *t, size_t n, double mean[BLOCK], double var[BLOCK])
{
    const size_t pixels = backend_pixels(t);
    for (size_t i = 0; i < n; i++)
        mean[i] = var[i] = 0;
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < n; i++)
            mean[i] += (double)x[onednn_at(t, p) + i];
    for (size_t i = 0; i < n; i++)
        mean[i] /= (double)pixels;
    for (size_t p = 0; p < pixels; p++)
        for (size_t i = 0; i < n; i++) {
            double d = (double)x[onednn_at(t, p) + i] - mean[i];
            var[i] += d * d;
        }
    for (size_t i = 0; i < n; i++)
        var[i] /= (double)pixels;
}

static float moved(float moving, float momentum, double batch)
{
    return (float)((double)moving * (double)momentum + batch * (1.0 - (double)momentum));
}

static void bn_train_blocks(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_bn_attr *a = &op->attr.bn;
    const thaw_tensor *x = &op->in[0], *y = &op->out[0];
    for (size_t b = first; b < last; b++) {
        const size_t n = width(call, b), at = b * BLOCK;
        const float *in = onednn_in(call, 0) + at, *beta = onednn_in(call, 1) + at;
        float *out = onednn_out(call, 0) + at;
        double mean[BLOCK], var[BLOCK], inv_std[BLOCK];
        moments(in, x, n, mean, var);
        for (size_t i = 0; i < n; i++)
            inv_std[i] = 1.0 / sqrt(var[i] + (double)a->eps);
        for (size_t p = 0; p < backend_pixels(x); p++)
            for (size_t i = 0; i < n; i++) {
                float z = (float)(((double)in[onednn_at(x, p) + i] - mean[i]) * inv_std[i] + (double)beta[i]);
                out[onednn_at(y, p) + i] = a->relu ? plain_relu(z) : z;
            }
        for (size_t i = 0; i < n; i++) {
            onednn_out(call, 1)[at + i] = (float)mean[i];
            onednn_out(call, 2)[at + i] = (float)inv_std[i];
            onednn_out(call, 3)[at + i] = moved(onednn_in(call, 2)[at + i], a->momentum, mean[i]);
            onednn_out(call, 4)[at + i] = moved(onednn_in(call, 3)[at + i], a->momentum, var[i]);
        }
    }
}

thaw_status plain_bn_train(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_blocks(call, bn_train_blocks);
}

static void bn_train_bwd_blocks(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_tensor *g = &op->in[0], *x = &op->in[1], *dx = &op->out[0];
    const size_t pixels = backend_pixels(x);
    for (size_t b = first; b < last; b++) {
        const size_t n = width(call, b), at = b * BLOCK;
        const float *gs = onednn_in(call, 0) + at, *xs = onednn_in(call, 1) + at;
        const float *mean = onednn_in(call, 2) + at, *inv_std = onednn_in(call, 3) + at;
        float *out = onednn_out(call, 0) + at;
        double sum[BLOCK] = {0}, along[BLOCK] = {0};
        for (size_t p = 0; p < pixels; p++)
            for (size_t i = 0; i < n; i++) {
                double d = (double)gs[onednn_at(g, p) + i];
                sum[i] += d;
                along[i] += d * ((double)xs[onednn_at(x, p) + i] - (double)mean[i]) * (double)inv_std[i];
            }
        for (size_t p = 0; p < pixels; p++)
            for (size_t i = 0; i < n; i++) {
                double xhat = ((double)xs[onednn_at(x, p) + i] - (double)mean[i]) * (double)inv_std[i];
                double d = (double)gs[onednn_at(g, p) + i] - sum[i] / (double)pixels -
                           xhat * (along[i] / (double)pixels);
                out[onednn_at(dx, p) + i] = (float)((double)inv_std[i] * d);
            }
        for (size_t i = 0; i < n; i++)
            onednn_out(call, 1)[at + i] = (float)sum[i];
    }
}

thaw_status plain_bn_train_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_blocks(call, bn_train_bwd_blocks);
}
