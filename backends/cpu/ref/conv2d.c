/* The convolution and its two adjoints. Output channels go in blocks, so that a block's double sums stay in
 * registers while the weights are read in the order they lie in. */
#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

#define BLOCK 16

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* acc[b] = sum over the window of output pixel (n, oy, ox) for output channels o … o + count - 1. */
static void window_sums(const cpu_call *call, int32_t n, int32_t oy, int32_t ox, size_t o, size_t count,
                        double acc[BLOCK])
{
    const thaw_conv_attr *a = &call->op->attr.conv;
    const thaw_tensor *x = &call->op->in[0], *w = &call->op->in[1];
    const float *xs = cpu_in(call, 0), *ws = cpu_in(call, 1);
    for (int32_t i = 0; i < w->n; i++) {
        for (int32_t j = 0; j < w->h; j++) {
            int32_t y = oy * a->stride_h - a->pad_top + i, col = ox * a->stride_w - a->pad_left + j;
            if (y < 0 || y >= x->h || col < 0 || col >= x->w)
                continue;
            const float *px =
                xs + cpu_at(x, ((size_t)n * (size_t)x->h + (size_t)y) * (size_t)x->w + (size_t)col);
            const float *pw = ws + cpu_at(w, ((size_t)i * (size_t)w->h + (size_t)j) * (size_t)w->w) + o;
            for (int32_t c = 0; c < x->c; c++, pw += w->pixel_pitch) {
                for (size_t b = 0; b < count; b++)
                    acc[b] += (double)px[c] * pw[b];
            }
        }
    }
}

/* A row is one line of the output image. */
static void forward_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const float *bias = op->n_in == 3 ? cpu_in(call, 2) : NULL;
    int32_t height = op->out[0].h, width = op->out[0].w;
    for (size_t row = first; row < last; row++) {
        int32_t n = (int32_t)(row / (size_t)height), oy = (int32_t)(row % (size_t)height);
        for (int32_t ox = 0; ox < width; ox++) {
            size_t pixel = row * (size_t)width + (size_t)ox;
            size_t before = 0; /* channels of the outputs before this one */
            for (uint32_t k = 0; k < op->n_out; k++) {
                float *y = cpu_out(call, k) + cpu_at(&op->out[k], pixel);
                size_t channels = (size_t)op->out[k].c;
                bool relu = op->attr.conv.relu_mask >> k & 1;
                for (size_t o = 0; o < channels; o += BLOCK) {
                    size_t count = least(BLOCK, channels - o);
                    double acc[BLOCK] = {0};
                    window_sums(call, n, oy, ox, before + o, count, acc);
                    for (size_t b = 0; b < count; b++) {
                        float z = (float)(acc[b] + (bias ? bias[before + o + b] : 0.0f));
                        y[o + b] = relu ? cpu_relu(z) : z;
                    }
                }
                before += channels;
            }
        }
    }
}

void cpu_ref_conv2d(const cpu_call *call)
{
    const thaw_tensor *y = &call->op->out[0];
    cpu_parallel(call, (size_t)y->n * (size_t)y->h, 1, forward_rows);
}

/* dx of channel c at input pixel (n, y, col). */
static double data_gradient(const cpu_call *call, int32_t n, int32_t y, int32_t col, int32_t c)
{
    const thaw_conv_attr *a = &call->op->attr.conv;
    const thaw_tensor *dy = &call->op->in[0], *w = &call->op->in[1];
    double sum = 0;
    for (int32_t i = 0; i < w->n; i++) {
        for (int32_t j = 0; j < w->h; j++) {
            int32_t oy, ox;
            if (!cpu_output_of(y, i, a->stride_h, a->pad_top, dy->h, &oy) ||
                !cpu_output_of(col, j, a->stride_w, a->pad_left, dy->w, &ox))
                continue;
            size_t pixel = ((size_t)n * (size_t)dy->h + (size_t)oy) * (size_t)dy->w + (size_t)ox;
            size_t tap = ((size_t)i * (size_t)w->h + (size_t)j) * (size_t)w->w + (size_t)c;
            const float *g = cpu_in(call, 0) + cpu_at(dy, pixel);
            const float *pw = cpu_in(call, 1) + cpu_at(w, tap);
            for (int32_t o = 0; o < dy->c; o++)
                sum += (double)g[o] * pw[o];
        }
    }
    return sum;
}

static void data_rows(const cpu_call *call, size_t first, size_t last)
{
    const thaw_tensor *dx = &call->op->out[0];
    for (size_t row = first; row < last; row++) {
        int32_t n = (int32_t)(row / (size_t)dx->h), y = (int32_t)(row % (size_t)dx->h);
        for (int32_t col = 0; col < dx->w; col++) {
            float *out = cpu_out(call, 0) + cpu_at(dx, row * (size_t)dx->w + (size_t)col);
            for (int32_t c = 0; c < dx->c; c++)
                out[c] = (float)data_gradient(call, n, y, col, c);
        }
    }
}

void cpu_ref_conv2d_bwd_data(const cpu_call *call)
{
    const thaw_tensor *dx = &call->op->out[0];
    cpu_parallel(call, (size_t)dx->n * (size_t)dx->h, 1, data_rows);
}

/* dw[i, j, c, o … o + count - 1] */
static void filter_sums(const cpu_call *call, int32_t i, int32_t j, size_t c, size_t o, size_t count,
                        double acc[BLOCK])
{
    const thaw_conv_attr *a = &call->op->attr.conv;
    const thaw_tensor *x = &call->op->in[0], *dy = &call->op->in[1];
    for (int32_t n = 0; n < dy->n; n++) {
        for (int32_t oy = 0; oy < dy->h; oy++) {
            int32_t y = oy * a->stride_h - a->pad_top + i;
            if (y < 0 || y >= x->h)
                continue;
            for (int32_t ox = 0; ox < dy->w; ox++) {
                int32_t col = ox * a->stride_w - a->pad_left + j;
                if (col < 0 || col >= x->w)
                    continue;
                size_t from = ((size_t)n * (size_t)x->h + (size_t)y) * (size_t)x->w + (size_t)col;
                size_t to = ((size_t)n * (size_t)dy->h + (size_t)oy) * (size_t)dy->w + (size_t)ox;
                double v = cpu_in(call, 0)[cpu_at(x, from) + c];
                const float *g = cpu_in(call, 1) + cpu_at(dy, to) + o;
                for (size_t b = 0; b < count; b++)
                    acc[b] += v * g[b];
            }
        }
    }
}

/* A row is one input channel of one tap of the filter. */
static void filter_rows(const cpu_call *call, size_t first, size_t last)
{
    const thaw_tensor *dw = &call->op->out[0];
    size_t channels = (size_t)dw->c;
    for (size_t row = first; row < last; row++) {
        size_t c = row % (size_t)dw->w, tap = row / (size_t)dw->w;
        int32_t i = (int32_t)(tap / (size_t)dw->h), j = (int32_t)(tap % (size_t)dw->h);
        float *out = cpu_out(call, 0) + cpu_at(dw, row);
        for (size_t o = 0; o < channels; o += BLOCK) {
            size_t count = least(BLOCK, channels - o);
            double acc[BLOCK] = {0};
            filter_sums(call, i, j, c, o, count, acc);
            for (size_t b = 0; b < count; b++)
                out[o + b] = (float)acc[b];
        }
    }
}

void cpu_ref_conv2d_bwd_filter(const cpu_call *call)
{
    cpu_parallel(call, backend_pixels(&call->op->out[0]), 1, filter_rows);
}
