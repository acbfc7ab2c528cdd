#include "plan.h"

#include "backends/cpu/conv/space.h"

/* Elements of a cache line. */
#define LINE ((size_t)16)

wino_geometry cpu_wino_geometry(const backend_op *op)
{
    const thaw_tensor *src = &op->in[0], *dst = &op->out[0], *w = &op->in[1];
    const thaw_conv_attr *a = &op->attr.conv;
    wino_geometry g = {
        .backward = op->kind == THAW_OP_CONV2D_BWD_DATA,
        .batch = (size_t)src->n,
        .src_h = (size_t)src->h,
        .src_w = (size_t)src->w,
        .src_pitch = (size_t)src->pixel_pitch,
        .channels = (size_t)src->c,
        .dst_h = (size_t)dst->h,
        .dst_w = (size_t)dst->w,
        .pad_top = a->pad_top,
        .pad_left = a->pad_left,
    };
    if (g.backward) {
        g.pad_top = w->n - 1 - a->pad_top;
        g.pad_left = w->h - 1 - a->pad_left;
    }
    return g;
}

/* An odd number of cache lines, so that the streams of the points fall into different sets. */
static size_t odd_lines(size_t elements)
{
    size_t lines = space_ceil(elements, LINE);
    return space_mul(lines | 1, LINE);
}

static void cut(const struct thaw_device *dev, wino_plan *p)
{
    const size_t threads = space_max(dev->threads, 1);
    size_t tile = space_mul(p->points, space_mul(p->depth + p->panel_width, sizeof(float)));
    size_t fit = space_max(dev->l2_bytes * 3 / 4 / tile, 1);
    size_t rows = p->conv->max_rows;
    fit = space_max(fit / rows, 1) * rows;
    p->shared = p->tiles <= space_mul(fit, threads) / 2 || p->tiles <= rows * threads;
    size_t blocks = p->shared ? 1 : space_ceil(p->tiles, fit);
    if (!p->shared)
        blocks = space_mul(space_ceil(blocks, threads), threads);
    p->block = space_ceil(p->tiles, blocks);
}

static void reserve_state(wino_plan *p)
{
    const size_t lanes = p->conv->lanes;
    p->panels_at = space_take(&p->state_bytes, p->n_panels, sizeof(conv_panel));
    p->state_weights_at =
        space_take(&p->state_bytes, p->const_weights ? p->weight_elements : 0, sizeof(float));
    p->state_bias_at =
        space_take(&p->state_bytes, p->const_bias ? p->n_panels * 2 * lanes : 0, sizeof(float));
}

static void reserve_workspace(wino_plan *p, size_t workers)
{
    const size_t lanes = p->conv->lanes;
    const size_t v = space_mul(p->points, p->v_pitch), m = space_mul(p->points, p->m_pitch);
    p->zeros_at = space_take(&p->workspace_bytes, p->depth, sizeof(float));
    p->weights_at = space_take(&p->workspace_bytes, p->const_weights ? 0 : p->weight_elements, sizeof(float));
    p->bias_at = space_take(&p->workspace_bytes, p->const_bias ? 0 : p->n_panels * 2 * lanes, sizeof(float));
    p->shared_v_at = space_take(&p->workspace_bytes, p->shared ? v : 0, sizeof(float));
    p->shared_odd_at = space_take(&p->workspace_bytes, p->shared ? p->tiles : 0, sizeof(bool));
    p->v_at = space_take(&p->worker_bytes, p->shared ? 0 : v, sizeof(float));
    p->odd_at = space_take(&p->worker_bytes, p->shared ? 0 : p->block, sizeof(bool));
    p->m_at = space_take(&p->worker_bytes, m, sizeof(float));
    p->clean_at = space_take(&p->worker_bytes, space_mul(p->points, p->depth), sizeof(float));
    p->packed_at = space_take(&p->worker_bytes, p->const_weights ? 0 : p->packed_elements, sizeof(float));
    p->worker_at = space_take(&p->workspace_bytes, workers, p->worker_bytes);
}

wino_plan cpu_wino_plan(const struct thaw_device *dev, const backend_op *op, size_t variant)
{
    const wino_variant *v = &cpu_wino_variants[variant];
    wino_plan p = {.variant = v, .geo = cpu_wino_geometry(op), .conv = cpu_conv_kernels(dev->isa)};
    const size_t lanes = p.conv->lanes;
    p.wino = cpu_wino_kernels(dev->isa, variant);
    p.products = cpu_wino_products(dev->isa);
    p.nh = v->mh + v->rh - 1;
    p.nw = v->mw + v->rw - 1;
    p.points = p.nh * p.nw;
    p.taps = v->rh * v->rw;
    p.tiles_h = space_ceil(p.geo.dst_h, v->mh);
    p.tiles_w = space_ceil(p.geo.dst_w, v->mw);
    p.tiles = space_mul(p.geo.batch, space_mul(p.tiles_h, p.tiles_w));
    p.depth = space_mul(space_ceil(p.geo.channels, lanes), lanes);
    p.n_panels = cpu_conv_panel_count(op->out, op->n_out, lanes);
    p.panel_width = 2 * lanes;
    p.weight_elements =
        cpu_conv_panel_layout(op->out, op->n_out, lanes, space_mul(p.points, p.geo.channels), NULL);
    p.packed_elements = space_mul(space_mul(p.taps, p.geo.channels), p.panel_width);
    p.const_weights = op->in[1].role == THAW_ROLE_CONST;
    const bool has_bias = op->kind == THAW_OP_CONV2D && op->n_in > 2;
    p.const_bias = !has_bias || op->in[2].role == THAW_ROLE_CONST;
    cut(dev, &p);
    p.v_pitch = odd_lines(space_mul(p.block, p.depth));
    p.m_pitch = odd_lines(space_mul(p.block, p.panel_width));
    reserve_state(&p);
    reserve_workspace(&p, space_max(dev->threads, 1));
    return p;
}
