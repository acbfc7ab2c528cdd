/* Sums over pixels, and the global average pool. */
#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"
#include "backends/cpu/simd/partial.h"

#define CHANNELS ((size_t)256) /* of one pass of the global pool: its sums stay in the first cache */

/* An item is a block of CHANNELS channels of one image. */
static void global_items(const cpu_call *call, size_t first, size_t last)
{
    const thaw_tensor *x = &call->op->in[0], *y = &call->op->out[0];
    size_t area = (size_t)x->h * (size_t)x->w, blocks = ((size_t)x->c - 1) / CHANNELS + 1;
    for (size_t item = first; item < last; item++) {
        size_t n = item / blocks, start = item % blocks * CHANNELS;
        size_t count = (size_t)x->c - start < CHANNELS ? (size_t)x->c - start : CHANNELS;
        double sum[CHANNELS] = {0};
        for (size_t p = 0; p < area; p++) {
            const float *from = cpu_in(call, 0) + cpu_at(x, n * area + p) + start;
            for (size_t c = 0; c < count; c++)
                sum[c] += (double)from[c];
        }
        float *to = cpu_out(call, 0) + cpu_at(y, n) + start;
        for (size_t c = 0; c < count; c++)
            to[c] = (float)(sum[c] / (double)area);
    }
}

void CPU_NAME(cpu_simd_global_avgpool)(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0];
    size_t blocks = ((size_t)x->c - 1) / CHANNELS + 1;
    size_t cost = (size_t)x->h * (size_t)x->w * ((size_t)x->c / blocks);
    cpu_parallel(call, (size_t)x->n * blocks, cpu_grain(cost), global_items);
}

static void global_bwd_pixels(const cpu_call *call, size_t first, size_t last)
{
    const thaw_tensor *dy = &call->op->in[0], *dx = &call->op->out[0];
    size_t area = (size_t)dx->h * (size_t)dx->w;
    float divisor = (float)area;
    for (size_t p = first; p < last; p++) {
        const float *from = cpu_in(call, 0) + cpu_at(dy, p / area);
        float *restrict to = cpu_out(call, 0) + cpu_at(dx, p);
        for (int32_t c = 0; c < dx->c; c++)
            to[c] = from[c] / divisor;
    }
}

void CPU_NAME(cpu_simd_global_avgpool_bwd)(const cpu_call *call)
{
    const thaw_tensor *dx = &call->op->out[0];
    cpu_parallel(call, backend_pixels(dx), cpu_grain((size_t)dx->c), global_bwd_pixels);
}

/* sum[c] += the rows' elements c, in the order of the rows. Four rows at a time: the sums pass through the
 * cache less often, and more reads are under way. */
static void add_rows(double *restrict sum, const float *row, size_t pitch, size_t rows, size_t channels)
{
    for (; rows >= 4; rows -= 4, row += 4 * pitch) {
        const float *r1 = row + pitch, *r2 = r1 + pitch, *r3 = r2 + pitch;
        for (size_t c = 0; c < channels; c++)
            sum[c] = sum[c] + (double)row[c] + (double)r1[c] + (double)r2[c] + (double)r3[c];
    }
    for (; rows > 0; rows--, row += pitch)
        for (size_t c = 0; c < channels; c++)
            sum[c] += (double)row[c];
}

static void bias_blocks(const cpu_call *call, size_t first, size_t last)
{
    const thaw_tensor *dy = &call->op->in[0];
    size_t channels = (size_t)dy->c, pixels = backend_pixels(dy);
    for (size_t b = first; b < last; b++) {
        double *restrict sum = (double *)call->workspace + b * channels;
        for (size_t c = 0; c < channels; c++)
            sum[c] = 0;
        const size_t begin = b * PARTIAL_PIXELS;
        add_rows(sum, cpu_in(call, 0) + cpu_at(dy, begin), (size_t)dy->pixel_pitch,
                 partial_end(b, pixels) - begin, channels);
    }
}

size_t CPU_NAME(cpu_simd_bias_workspace)(const struct thaw_device *dev, const backend_op *op)
{
    (void)dev;
    return partial_bytes(&op->in[0], 1);
}

void CPU_NAME(cpu_simd_bias_grad)(const cpu_call *call)
{
    const thaw_tensor *dy = &call->op->in[0];
    size_t channels = (size_t)dy->c, blocks = partial_blocks(backend_pixels(dy));
    cpu_parallel(call, blocks, 1, bias_blocks);
    partial_join(call->workspace, blocks, channels);
    for (size_t c = 0; c < channels; c++)
        cpu_out(call, 0)[c] = (float)((const double *)call->workspace)[c];
}
