#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

/* Calls fn for every pixel of the rows first … last - 1 of t. */
typedef void (*pixel_fn)(const cpu_call *call, size_t pixel, int32_t n, int32_t y, int32_t x);

static void each_pixel(const cpu_call *call, const thaw_tensor *t, size_t first, size_t last, pixel_fn fn)
{
    for (size_t row = first; row < last; row++) {
        int32_t n = (int32_t)(row / (size_t)t->h), y = (int32_t)(row % (size_t)t->h);
        for (int32_t x = 0; x < t->w; x++)
            fn(call, row * (size_t)t->w + (size_t)x, n, y, x);
    }
}

static size_t pixel_at(const thaw_tensor *t, int32_t n, int32_t y, int32_t x)
{
    return ((size_t)n * (size_t)t->h + (size_t)y) * (size_t)t->w + (size_t)x;
}

static void maxpool_pixel(const cpu_call *call, size_t pixel, int32_t n, int32_t oy, int32_t ox)
{
    const backend_op *op = call->op;
    const thaw_tensor *x = &op->in[0];
    cpu_window v = cpu_window_at(&op->attr.pool, x, oy, ox);
    for (int32_t c = 0; c < x->c; c++) {
        float best = -INFINITY;
        int32_t arg = -1;
        for (int32_t y = v.y0; y < v.y1; y++) {
            for (int32_t col = v.x0; col < v.x1; col++) {
                float z = cpu_in(call, 0)[cpu_at(x, pixel_at(x, n, y, col)) + (size_t)c];
                if (arg < 0 || z > best || (isnan(z) && !isnan(best))) {
                    best = z;
                    arg = (y - v.top) * op->attr.pool.kw + (col - v.left);
                }
            }
        }
        cpu_out(call, 0)[cpu_at(&op->out[0], pixel) + (size_t)c] = best;
        if (op->n_out == 2) {
            uint8_t *argmax = call->args[op->n_in + 1];
            argmax[cpu_at(&op->out[1], pixel) + (size_t)c] = (uint8_t)arg;
        }
    }
}

static void maxpool_rows(const cpu_call *call, size_t first, size_t last)
{
    each_pixel(call, &call->op->out[0], first, last, maxpool_pixel);
}

void cpu_ref_maxpool(const cpu_call *call)
{
    const thaw_tensor *y = &call->op->out[0];
    cpu_parallel(call, (size_t)y->n * (size_t)y->h, 1, maxpool_rows);
}

static void maxpool_bwd_pixel(const cpu_call *call, size_t pixel, int32_t n, int32_t y, int32_t x)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *dy = &op->in[0], *arg = &op->in[1], *dx = &op->out[0];
    const uint8_t *args = call->args[1];
    for (size_t c = 0; c < (size_t)dx->c; c++) {
        double sum = 0;
        for (int32_t i = 0; i < a->kh; i++) {
            for (int32_t j = 0; j < a->kw; j++) {
                int32_t oy, ox;
                if (!cpu_output_of(y, i, a->stride_h, a->pad_top, dy->h, &oy) ||
                    !cpu_output_of(x, j, a->stride_w, a->pad_left, dy->w, &ox))
                    continue;
                size_t from = pixel_at(dy, n, oy, ox);
                if (args[cpu_at(arg, from) + c] == i * a->kw + j)
                    sum += cpu_in(call, 0)[cpu_at(dy, from) + c];
            }
        }
        cpu_out(call, 0)[cpu_at(dx, pixel) + c] = (float)sum;
    }
}

static void maxpool_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    each_pixel(call, &call->op->out[0], first, last, maxpool_bwd_pixel);
}

void cpu_ref_maxpool_bwd(const cpu_call *call)
{
    const thaw_tensor *dx = &call->op->out[0];
    cpu_parallel(call, (size_t)dx->n * (size_t)dx->h, 1, maxpool_bwd_rows);
}

static void avgpool_pixel(const cpu_call *call, size_t pixel, int32_t n, int32_t oy, int32_t ox)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *x = &op->in[0];
    cpu_window v = cpu_window_at(a, x, oy, ox);
    for (size_t c = 0; c < (size_t)x->c; c++) {
        double sum = 0;
        for (int32_t y = v.y0; y < v.y1; y++) {
            for (int32_t col = v.x0; col < v.x1; col++)
                sum += cpu_in(call, 0)[cpu_at(x, pixel_at(x, n, y, col)) + c];
        }
        double bias = op->n_in == 2 ? cpu_in(call, 1)[c] : 0.0f;
        float z = (float)(sum / cpu_window_count(a, v) + bias);
        cpu_out(call, 0)[cpu_at(&op->out[0], pixel) + c] = a->relu ? cpu_relu(z) : z;
    }
}

static void avgpool_rows(const cpu_call *call, size_t first, size_t last)
{
    each_pixel(call, &call->op->out[0], first, last, avgpool_pixel);
}

void cpu_ref_avgpool(const cpu_call *call)
{
    const thaw_tensor *y = &call->op->out[0];
    cpu_parallel(call, (size_t)y->n * (size_t)y->h, 1, avgpool_rows);
}

static void avgpool_bwd_pixel(const cpu_call *call, size_t pixel, int32_t n, int32_t y, int32_t x)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *dy = &op->in[0], *dx = &op->out[0];
    for (size_t c = 0; c < (size_t)dx->c; c++) {
        double sum = 0;
        for (int32_t i = 0; i < a->kh; i++) {
            for (int32_t j = 0; j < a->kw; j++) {
                int32_t oy, ox;
                if (!cpu_output_of(y, i, a->stride_h, a->pad_top, dy->h, &oy) ||
                    !cpu_output_of(x, j, a->stride_w, a->pad_left, dy->w, &ox))
                    continue;
                double g = cpu_in(call, 0)[cpu_at(dy, pixel_at(dy, n, oy, ox)) + c];
                sum += g / cpu_window_count(a, cpu_window_at(a, dx, oy, ox));
            }
        }
        cpu_out(call, 0)[cpu_at(dx, pixel) + c] = (float)sum;
    }
}

static void avgpool_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    each_pixel(call, &call->op->out[0], first, last, avgpool_bwd_pixel);
}

void cpu_ref_avgpool_bwd(const cpu_call *call)
{
    const thaw_tensor *dx = &call->op->out[0];
    cpu_parallel(call, (size_t)dx->n * (size_t)dx->h, 1, avgpool_bwd_rows);
}

void cpu_ref_global_avgpool(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0], *y = &call->op->out[0];
    size_t area = (size_t)x->h * (size_t)x->w;
    for (size_t n = 0; n < (size_t)x->n; n++) {
        for (size_t c = 0; c < (size_t)x->c; c++) {
            double sum = 0;
            for (size_t p = 0; p < area; p++)
                sum += cpu_in(call, 0)[cpu_at(x, n * area + p) + c];
            cpu_out(call, 0)[cpu_at(y, n) + c] = (float)(sum / (double)area);
        }
    }
}

void cpu_ref_global_avgpool_bwd(const cpu_call *call)
{
    const thaw_tensor *dy = &call->op->in[0], *dx = &call->op->out[0];
    size_t area = (size_t)dx->h * (size_t)dx->w;
    for (size_t p = 0; p < backend_pixels(dx); p++) {
        for (size_t c = 0; c < (size_t)dx->c; c++)
            cpu_out(call, 0)[cpu_at(dx, p) + c] =
                (float)(cpu_in(call, 0)[cpu_at(dy, p / area) + c] / (double)area);
    }
}
