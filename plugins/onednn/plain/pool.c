/* Pools: a window's cells one after the other, all channels of a cell at once. */
#include <math.h>
#include <string.h>

#include "plugins/onednn/parallel.h"
#include "plugins/onednn/plain/plain.h"

/* The part of a window that lies inside the image: rows y0 … y1 - 1 and columns x0 … x1 - 1 of it. */
typedef struct {
    int32_t top, left;
    int32_t y0, y1, x0, x1;
} window;

static window window_at(const thaw_pool_attr *a, const thaw_tensor *x, int32_t oy, int32_t ox)
{
    window v = {.top = oy * a->stride_h - a->pad_top, .left = ox * a->stride_w - a->pad_left};
    v.y0 = v.top < 0 ? 0 : v.top;
    v.x0 = v.left < 0 ? 0 : v.left;
    v.y1 = a->kh < x->h - v.top ? v.top + a->kh : x->h;
    v.x1 = a->kw < x->w - v.left ? v.left + a->kw : x->w;
    return v;
}

/* Divisor of a mean. */
static float count_of(const thaw_pool_attr *a, window v)
{
    return (float)(a->include_pad ? a->kh * a->kw : (v.y1 - v.y0) * (v.x1 - v.x0));
}

static size_t pixel_at(const thaw_tensor *t, int32_t n, int32_t y, int32_t x)
{
    return ((size_t)n * (size_t)t->h + (size_t)y) * (size_t)t->w + (size_t)x;
}

/* Items are the rows of a tensor's images. */
static thaw_status by_rows(const onednn_call *call, const thaw_tensor *t, onednn_range_fn fn)
{
    onednn_parallel(call, (size_t)t->n * (size_t)t->h, 1, fn);
    return THAW_OK;
}

/* A NaN is greater than all that are none. */
static void keep_greater(float *restrict best, const float *restrict z, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++)
        best[c] = z[c] > best[c] || z[c] != z[c] ? z[c] : best[c];
}

static void keep_greater_of(float *restrict best, uint8_t *restrict arg, const float *restrict z,
                            uint8_t cell, int32_t channels)
{
    for (int32_t c = 0; c < channels; c++) {
        const bool take = z[c] > best[c] || (z[c] != z[c] && best[c] == best[c]);
        best[c] = take ? z[c] : best[c];
        arg[c] = take ? cell : arg[c];
    }
}

static void maxpool_pixel(const onednn_call *call, int32_t n, int32_t oy, int32_t ox)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *x = &op->in[0];
    const size_t pixel = pixel_at(&op->out[0], n, oy, ox);
    const window v = window_at(a, x, oy, ox);
    float *y = onednn_out(call, 0) + onednn_at(&op->out[0], pixel);
    uint8_t *arg = NULL;
    if (op->n_out == 2)
        arg = (uint8_t *)call->args[op->n_in + 1] + onednn_at(&op->out[1], pixel);
    for (int32_t r = v.y0; r < v.y1; r++)
        for (int32_t col = v.x0; col < v.x1; col++) {
            const float *z = onednn_in(call, 0) + onednn_at(x, pixel_at(x, n, r, col));
            const uint8_t cell = (uint8_t)((r - v.top) * a->kw + (col - v.left));
            if (r == v.y0 && col == v.x0) {
                memcpy(y, z, (size_t)x->c * sizeof *y);
                if (arg)
                    memset(arg, cell, (size_t)x->c);
            } else if (arg) {
                keep_greater_of(y, arg, z, cell, x->c);
            } else {
                keep_greater(y, z, x->c);
            }
        }
}

static void maxpool_rows(const onednn_call *call, size_t first, size_t last)
{
    const thaw_tensor *y = &call->op->out[0];
    for (size_t row = first; row < last; row++)
        for (int32_t ox = 0; ox < y->w; ox++)
            maxpool_pixel(call, (int32_t)(row / (size_t)y->h), (int32_t)(row % (size_t)y->h), ox);
}

thaw_status plain_maxpool(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, &call->op->out[0], maxpool_rows);
}

static void avgpool_rows(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *x = &op->in[0], *y = &op->out[0];
    const float *bias = op->n_in == 2 ? onednn_in(call, 1) : NULL;
    for (size_t row = first; row < last; row++)
        for (int32_t ox = 0; ox < y->w; ox++) {
            const int32_t n = (int32_t)(row / (size_t)y->h);
            const window v = window_at(a, x, (int32_t)(row % (size_t)y->h), ox);
            const float count = count_of(a, v);
            float *restrict to = onednn_out(call, 0) + onednn_at(y, row * (size_t)y->w + (size_t)ox);
            memset(to, 0, (size_t)x->c * sizeof *to);
            for (int32_t r = v.y0; r < v.y1; r++)
                for (int32_t col = v.x0; col < v.x1; col++) {
                    const float *z = onednn_in(call, 0) + onednn_at(x, pixel_at(x, n, r, col));
                    for (int32_t c = 0; c < x->c; c++)
                        to[c] += z[c];
                }
            for (int32_t c = 0; c < x->c; c++) {
                const float z = to[c] / count + (bias ? bias[c] : 0.0f);
                to[c] = a->relu ? plain_relu(z) : z;
            }
        }
}

thaw_status plain_avgpool(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, &call->op->out[0], avgpool_rows);
}

/* Which output reads input coordinate y at window coordinate i? False when none does. */
static bool output_of(int32_t y, int32_t i, int32_t stride, int32_t pad, int32_t n_out, int32_t *o)
{
    const int32_t t = y + pad - i;
    *o = t / stride;
    return t >= 0 && t % stride == 0 && *o < n_out;
}

/* Adds a cell of a window to the gradient of one pixel: that of output (n, oy, ox), at window cell `cell`. */
typedef void (*cell_fn)(const onednn_call *call, float *dx, int32_t n, int32_t oy, int32_t ox, int32_t cell);

/* Every pixel gathers from the windows that read it, in the order of their cells. */
static void gather(const onednn_call *call, size_t first, size_t last, cell_fn add)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *dy = &op->in[0], *dx = &op->out[0];
    for (size_t row = first; row < last; row++)
        for (int32_t x = 0; x < dx->w; x++) {
            float *to = onednn_out(call, 0) + onednn_at(dx, row * (size_t)dx->w + (size_t)x);
            memset(to, 0, (size_t)dx->c * sizeof *to);
            for (int32_t cell = 0; cell < a->kh * a->kw; cell++) {
                int32_t oy, ox;
                if (output_of((int32_t)(row % (size_t)dx->h), cell / a->kw, a->stride_h, a->pad_top, dy->h,
                              &oy) &&
                    output_of(x, cell % a->kw, a->stride_w, a->pad_left, dy->w, &ox))
                    add(call, to, (int32_t)(row / (size_t)dx->h), oy, ox, cell);
            }
        }
}

static void add_named(const onednn_call *call, float *dx, int32_t n, int32_t oy, int32_t ox, int32_t cell)
{
    const backend_op *op = call->op;
    const size_t from = pixel_at(&op->in[0], n, oy, ox);
    const float *g = onednn_in(call, 0) + onednn_at(&op->in[0], from);
    const uint8_t *arg = (const uint8_t *)call->args[1] + onednn_at(&op->in[1], from);
    for (int32_t c = 0; c < op->in[0].c; c++)
        dx[c] += arg[c] == cell ? g[c] : 0.0f;
}

static void maxpool_bwd_rows(const onednn_call *call, size_t first, size_t last)
{
    gather(call, first, last, add_named);
}

thaw_status plain_maxpool_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, &call->op->out[0], maxpool_bwd_rows);
}

static void add_share(const onednn_call *call, float *dx, int32_t n, int32_t oy, int32_t ox, int32_t cell)
{
    const backend_op *op = call->op;
    const float *g = onednn_in(call, 0) + onednn_at(&op->in[0], pixel_at(&op->in[0], n, oy, ox));
    const float count = count_of(&op->attr.pool, window_at(&op->attr.pool, &op->out[0], oy, ox));
    (void)cell;
    for (int32_t c = 0; c < op->in[0].c; c++)
        dx[c] += g[c] / count;
}

static void avgpool_bwd_rows(const onednn_call *call, size_t first, size_t last)
{
    gather(call, first, last, add_share);
}

thaw_status plain_avgpool_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, &call->op->out[0], avgpool_bwd_rows);
}

static void global_images(const onednn_call *call, size_t first, size_t last)
{
    const thaw_tensor *x = &call->op->in[0], *y = &call->op->out[0];
    const size_t area = (size_t)x->h * (size_t)x->w;
    for (size_t n = first; n < last; n++) {
        float *restrict to = onednn_out(call, 0) + onednn_at(y, n);
        memset(to, 0, (size_t)x->c * sizeof *to);
        for (size_t p = 0; p < area; p++) {
            const float *z = onednn_in(call, 0) + onednn_at(x, n * area + p);
            for (int32_t c = 0; c < x->c; c++)
                to[c] += z[c];
        }
        for (int32_t c = 0; c < x->c; c++)
            to[c] /= (float)area;
    }
}

thaw_status plain_global_avgpool(const onednn_call *call, thaw_error *err)
{
    (void)err;
    onednn_parallel(call, (size_t)call->op->in[0].n, 1, global_images);
    return THAW_OK;
}

static void global_bwd_images(const onednn_call *call, size_t first, size_t last)
{
    const thaw_tensor *dy = &call->op->in[0], *dx = &call->op->out[0];
    const size_t area = (size_t)dx->h * (size_t)dx->w;
    for (size_t n = first; n < last; n++) {
        const float *g = onednn_in(call, 0) + onednn_at(dy, n);
        for (size_t p = 0; p < area; p++) {
            float *to = onednn_out(call, 0) + onednn_at(dx, n * area + p);
            for (int32_t c = 0; c < dx->c; c++)
                to[c] = g[c] / (float)area;
        }
    }
}

thaw_status plain_global_avgpool_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    onednn_parallel(call, (size_t)call->op->in[0].n, 1, global_bwd_images);
    return THAW_OK;
}
