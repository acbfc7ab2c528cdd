/* Batch normalisation with the batch's own statistics: one pass for the sums, one for the values. */
#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"
#include "backends/cpu/simd/partial.h"

/* Two sums a channel: a block's first row, then its second. */
size_t CPU_NAME(cpu_simd_bn_workspace)(const struct thaw_device *dev, const backend_op *op)
{
    (void)dev;
    return partial_bytes(&op->in[0], 2);
}

static double *block_sums(const cpu_call *call, size_t b, size_t channels)
{
    double *sum = (double *)call->workspace + 2 * b * channels;
    for (size_t c = 0; c < 2 * channels; c++)
        sum[c] = 0;
    return sum;
}

/* Sums of d and d*d, d = x - x of the first pixel: without that shift the variance of values far from zero
 * would be lost in the difference of two large numbers. */
static void moments(const cpu_call *call, size_t first, size_t last)
{
    const thaw_tensor *x = &call->op->in[0];
    size_t channels = (size_t)x->c, pixels = backend_pixels(x);
    const float *origin = cpu_in(call, 0);
    for (size_t b = first; b < last; b++) {
        double *restrict sum = block_sums(call, b, channels);
        double *restrict square = sum + channels;
        for (size_t p = b * PARTIAL_PIXELS; p < partial_end(b, pixels); p++) {
            const float *v = cpu_in(call, 0) + cpu_at(x, p);
            CPU_INDEPENDENT
            for (size_t c = 0; c < channels; c++) {
                double d = (double)v[c] - (double)origin[c];
                sum[c] += d;
                square[c] += d * d;
            }
        }
    }
}

static void statistics(const cpu_call *call)
{
    const backend_op *op = call->op;
    const thaw_bn_attr *a = &op->attr.bn;
    size_t channels = (size_t)op->in[0].c;
    const double *sum = call->workspace, *square = sum + channels;
    double m = (double)backend_pixels(&op->in[0]), momentum = a->momentum;
    for (size_t c = 0; c < channels; c++) {
        double d = sum[c] / m, var = square[c] / m - d * d, mean = d + cpu_in(call, 0)[c];
        var = var < 0 ? 0 : var;
        cpu_out(call, 1)[c] = (float)mean;
        cpu_out(call, 2)[c] = (float)(1.0 / sqrt(var + a->eps));
        cpu_out(call, 3)[c] = (float)(cpu_in(call, 2)[c] * momentum + mean * (1.0 - momentum));
        cpu_out(call, 4)[c] = (float)(cpu_in(call, 3)[c] * momentum + var * (1.0 - momentum));
    }
}

static void normalise(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    size_t channels = (size_t)op->in[0].c;
    const float *beta = cpu_in(call, 1), *mean = cpu_out(call, 1), *inv_std = cpu_out(call, 2);
    for (size_t p = first; p < last; p++) {
        const float *x = cpu_in(call, 0) + cpu_at(&op->in[0], p);
        float *restrict y = cpu_out(call, 0) + cpu_at(&op->out[0], p);
        for (size_t c = 0; c < channels; c++)
            y[c] = (x[c] - mean[c]) * inv_std[c] + beta[c];
        for (size_t c = 0; op->attr.bn.relu && c < channels; c++)
            y[c] = cpu_relu(y[c]);
    }
}

void CPU_NAME(cpu_simd_bn_train)(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0];
    size_t channels = (size_t)x->c, blocks = partial_blocks(backend_pixels(x));
    cpu_parallel(call, blocks, 1, moments);
    partial_join(call->workspace, blocks, 2 * channels);
    statistics(call);
    cpu_parallel(call, backend_pixels(x), cpu_grain(channels), normalise);
}

/* Sums of g and g*xhat. */
static void gradient_sums(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    size_t channels = (size_t)op->in[0].c, pixels = backend_pixels(&op->in[0]);
    const float *mean = cpu_in(call, 2), *inv_std = cpu_in(call, 3);
    for (size_t b = first; b < last; b++) {
        double *restrict sum = block_sums(call, b, channels);
        double *restrict sum_xhat = sum + channels;
        for (size_t p = b * PARTIAL_PIXELS; p < partial_end(b, pixels); p++) {
            const float *g = cpu_in(call, 0) + cpu_at(&op->in[0], p);
            const float *x = cpu_in(call, 1) + cpu_at(&op->in[1], p);
            CPU_INDEPENDENT
            for (size_t c = 0; c < channels; c++) {
                double gc = g[c];
                sum[c] += gc;
                sum_xhat[c] += gc * (((double)x[c] - (double)mean[c]) * (double)inv_std[c]);
            }
        }
    }
}

static void input_gradient(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    size_t channels = (size_t)op->in[0].c;
    const float *mean = cpu_in(call, 2), *inv_std = cpu_in(call, 3);
    const double *mean_g = call->workspace, *mean_xhat = mean_g + channels;
    for (size_t p = first; p < last; p++) {
        const float *g = cpu_in(call, 0) + cpu_at(&op->in[0], p);
        const float *x = cpu_in(call, 1) + cpu_at(&op->in[1], p);
        float *restrict dx = cpu_out(call, 0) + cpu_at(&op->out[0], p);
        CPU_INDEPENDENT
        for (size_t c = 0; c < channels; c++) {
            double xhat = ((double)x[c] - (double)mean[c]) * (double)inv_std[c];
            dx[c] = (float)((double)inv_std[c] * ((double)g[c] - mean_g[c] - xhat * mean_xhat[c]));
        }
    }
}

void CPU_NAME(cpu_simd_bn_train_bwd)(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[1];
    size_t channels = (size_t)x->c, pixels = backend_pixels(x), blocks = partial_blocks(pixels);
    double *sums = call->workspace;
    cpu_parallel(call, blocks, 1, gradient_sums);
    partial_join(sums, blocks, 2 * channels);
    for (size_t c = 0; c < channels; c++)
        cpu_out(call, 1)[c] = (float)sums[c];
    for (size_t i = 0; i < 2 * channels; i++)
        sums[i] /= (double)pixels;
    cpu_parallel(call, pixels, cpu_grain(channels), input_gradient);
}
