#include "backends/opencl/ops/conv_geometry.h"

/* A row of taps lies in one piece when the source is dense and no destination pixel reaches over the ends of
 * a source row. */
static bool rows_merge(const thaw_tensor *x, const thaw_tensor *y, const thaw_tensor *w,
                       const thaw_conv_attr *a)
{
    int64_t end = (int64_t)(y->w - 1) * a->stride_w - a->pad_left + w->h;
    return x->pixel_pitch == x->c && a->pad_left == 0 && end <= x->w;
}

static size_t lesser(size_t a, size_t b)
{
    return a < b ? a : b;
}

ocl_conv_geometry ocl_conv_geometry_of(const backend_op *op, bool merge)
{
    const thaw_tensor *src = &op->in[0], *dst = &op->out[0], *w = &op->in[1];
    const thaw_conv_attr *a = &op->attr.conv;
    ocl_conv_geometry g = {
        .backward = op->kind == THAW_OP_CONV2D_BWD_DATA,
        .batch = src->n,
        .src_h = src->h,
        .src_w = src->w,
        .dst_h = dst->h,
        .dst_w = dst->w,
        .kh = w->n,
        .kw = w->h,
        .tap_len = src->c,
        .src_pitch = src->pixel_pitch,
        .stride_h = a->stride_h,
        .stride_w = a->stride_w,
        .pad_top = a->pad_top,
        .pad_left = a->pad_left,
        .phases = 1,
        .phase_pixels = backend_pixels(dst),
    };
    if (g.backward) {
        const size_t rows = (size_t)dst->h, cols = (size_t)dst->w;
        const size_t step_h = (size_t)a->stride_h, step_w = (size_t)a->stride_w;
        g.phases = lesser(step_h, rows) * lesser(step_w, cols);
        g.phase_pixels = (size_t)dst->n * ocl_size_ceil(rows, step_h) * ocl_size_ceil(cols, step_w);
    } else if (merge && rows_merge(src, dst, w, a)) {
        g.tap_len *= g.kw;
        g.kw = 1;
    }
    return g;
}

size_t ocl_size_take(size_t *bytes, size_t count)
{
    const size_t at = *bytes;
    size_t grown = ocl_size_add(ocl_size_add(at, ocl_size_mul(count, 4)), 63);
    *bytes = grown == SIZE_MAX ? SIZE_MAX : grown / 64 * 64;
    return at;
}
