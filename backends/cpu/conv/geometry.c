#include "geometry.h"

/* Taps of a filter row lie side by side in a source row when it is dense and no output reaches over its
 * ends: one longer tap then takes their place. */
static bool rows_merge(const thaw_tensor *x, const thaw_tensor *y, const thaw_tensor *w,
                       const thaw_conv_attr *a)
{
    int64_t end = (int64_t)(y->w - 1) * a->stride_w - a->pad_left + w->h;
    return x->pixel_pitch == x->c && a->pad_left <= 0 && end <= x->w;
}

conv_geometry cpu_conv_geometry(const backend_op *op)
{
    const thaw_tensor *src = &op->in[0], *dst = &op->out[0], *w = &op->in[1];
    const thaw_conv_attr *a = &op->attr.conv;
    conv_geometry g = {
        .backward = op->kind == THAW_OP_CONV2D_BWD_DATA,
        .batch = (size_t)src->n,
        .src_h = (size_t)src->h,
        .src_w = (size_t)src->w,
        .src_pitch = (size_t)src->pixel_pitch,
        .dst_h = (size_t)dst->h,
        .dst_w = (size_t)dst->w,
        .kh = (size_t)w->n,
        .kw = (size_t)w->h,
        .tap_len = (size_t)src->c,
        .stride_h = a->stride_h,
        .stride_w = a->stride_w,
        .pad_top = a->pad_top,
        .pad_left = a->pad_left,
        .phases_h = 1,
        .phases_w = 1,
    };
    if (g.backward) {
        g.phases_h = (size_t)a->stride_h;
        g.phases_w = (size_t)a->stride_w;
    } else if (rows_merge(src, dst, w, a)) {
        g.tap_len *= g.kw;
        g.kw = 1;
    }
    return g;
}

/* Numbers below n that are q modulo step. */
static size_t count_mod(size_t n, size_t q, size_t step)
{
    return q < n ? (n - q - 1) / step + 1 : 0;
}

/* Numbers below n that are less than q modulo step. */
static size_t count_below(size_t n, size_t q, size_t step)
{
    size_t rest = n % step;
    return n / step * q + (rest < q ? rest : q);
}

/* First y >= 0 with (y + pad) mod step = q. */
static size_t phase_start(ptrdiff_t q, ptrdiff_t pad, ptrdiff_t step)
{
    ptrdiff_t r = (q - pad) % step;
    return (size_t)(r < 0 ? r + step : r);
}

static conv_phase backward_phase(const conv_geometry *g, size_t qy, size_t qx)
{
    const size_t sh = (size_t)g->stride_h, sw = (size_t)g->stride_w;
    conv_phase p = {.step_y = sh, .step_x = sw, .src_step_y = 1, .src_step_x = 1, .tap_step = -1};
    p.y0 = phase_start((ptrdiff_t)qy, g->pad_top, g->stride_h);
    p.x0 = phase_start((ptrdiff_t)qx, g->pad_left, g->stride_w);
    p.rows = count_mod(g->dst_h, p.y0, sh);
    p.cols = count_mod(g->dst_w, p.x0, sw);
    p.tap_h = count_mod(g->kh, qy, sh);
    p.tap_w = count_mod(g->kw, qx, sw);
    p.first_tap = count_below(g->kh, qy, sh) * g->kw + p.tap_h * count_below(g->kw, qx, sw);
    p.src_y0 = ((ptrdiff_t)p.y0 + g->pad_top - (ptrdiff_t)qy) / g->stride_h;
    p.src_x0 = ((ptrdiff_t)p.x0 + g->pad_left - (ptrdiff_t)qx) / g->stride_w;
    return p;
}

conv_phase cpu_conv_phase(const conv_geometry *g, size_t index)
{
    if (g->backward)
        return backward_phase(g, index / g->phases_w, index % g->phases_w);
    return (conv_phase){
        .step_y = 1,
        .step_x = 1,
        .rows = g->dst_h,
        .cols = g->dst_w,
        .tap_h = g->kh,
        .tap_w = g->kw,
        .src_y0 = -g->pad_top,
        .src_x0 = -g->pad_left,
        .src_step_y = g->stride_h,
        .src_step_x = g->stride_w,
        .tap_step = 1,
    };
}

size_t cpu_conv_tap_at(const void *ctx, size_t packed)
{
    const conv_geometry *g = ctx;
    for (size_t q = 0; q < g->phases_h * g->phases_w; q++) {
        conv_phase p = cpu_conv_phase(g, q);
        size_t at = packed - p.first_tap;
        if (packed < p.first_tap || at >= p.tap_h * p.tap_w)
            continue;
        size_t i = q / g->phases_w + at / p.tap_w * (size_t)g->stride_h;
        size_t j = q % g->phases_w + at % p.tap_w * (size_t)g->stride_w;
        return i * g->kw + j;
    }
    return 0;
}
