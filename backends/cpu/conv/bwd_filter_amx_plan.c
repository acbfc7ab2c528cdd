#include "bwd_filter_amx.h"

#include "cost.h"
#include "space.h"

/* With fewer taps a block of dy serves too few products to come from beyond the second-level cache for each
 * panel of x. */
#define MANY_TAPS ((size_t)5)
/* Tasks for each thread, so that a slow core does not hold up the others. */
#define TASKS_PER_THREAD ((size_t)4)

static bool is_flat(const backend_op *op)
{
    const thaw_conv_attr *a = &op->attr.conv;
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    return dw->n == 1 && dw->h == 1 && a->stride_h == 1 && a->stride_w == 1 && a->pad_top == 0 &&
           a->pad_left == 0 && x->h == dy->h && x->w == dy->w;
}

/* Strides of rows and positions in a tensor of h*w pixels an image. */
static filter_strides strides_of(const filter_plan *p, size_t positions, size_t pitch)
{
    if (p->flat)
        return (filter_strides){pitch, BF16_BLOCK * pitch, 0};
    return (filter_strides){positions * pitch, pitch, BF16_BLOCK * positions * pitch};
}

/* Positions of x that those of a pass read, at most. */
static size_t slots_of(const filter_plan *p, const backend_op *op)
{
    const size_t lines = (p->pass - 1) / p->dy_w + 1 + (p->pass % p->dy_w != 0);
    const size_t x_lines = (lines - 1) * (size_t)op->attr.conv.stride_h + (size_t)op->out[0].n;
    return space_min(space_mul(p->pass, p->taps), space_min(x_lines, p->x_h) * p->x_w);
}

/* What is read again and again stays in the second-level cache: dy's packs, or, where taps are many, those of
 * a panel of x. */
static void cut_passes(filter_plan *p, const backend_op *op, size_t l2_bytes)
{
    const size_t all = space_ceil(p->dy_h * p->dy_w, FILTER_CHUNK) * FILTER_CHUNK;
    const size_t filter = (size_t)op->out[0].n, stride = (size_t)op->attr.conv.stride_h;
    const size_t x_lines = l2_bytes / 4 / FILTER_PACK_BYTES / p->x_w;
    const size_t lines = x_lines > filter ? (x_lines - filter) / stride + 1 : 1;
    size_t fit = x_lines < p->x_h ? lines * p->dy_w : all;
    if (p->taps < MANY_TAPS)
        fit = l2_bytes / 4 * 3 / FILTER_PACK_BYTES / p->panels_out;
    p->pass = space_max(space_min(fit, all) / FILTER_CHUNK, 1) * FILTER_CHUNK;
    p->slots = slots_of(p, op);
}

filter_plan cpu_conv_filter_plan(const struct thaw_device *dev, const backend_op *op)
{
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    filter_plan p = {.flat = is_flat(op),
                     .taps = (size_t)dw->n * (size_t)dw->h,
                     .in = (size_t)dw->w,
                     .out = (size_t)dw->c,
                     .x_h = (size_t)x->h,
                     .x_w = (size_t)x->w,
                     .dy_h = (size_t)dy->h,
                     .dy_w = (size_t)dy->w,
                     .rows = (size_t)dy->n};
    p.x = strides_of(&p, p.x_h * p.x_w, (size_t)x->pixel_pitch);
    p.dy = strides_of(&p, p.dy_h * p.dy_w, (size_t)dy->pixel_pitch);
    p.groups = space_ceil(p.rows, BF16_BLOCK);
    if (p.flat) {
        p.rows = backend_pixels(dy);
        p.groups = p.x_h = p.dy_h = 1;
        p.x_w = p.dy_w = space_ceil(p.rows, BF16_BLOCK);
    }
    p.panels_in = space_ceil(p.in, BF16_BLOCK);
    p.panels_out = space_ceil(p.out, BF16_BLOCK);
    cut_passes(&p, op, dev->l2_bytes);
    const size_t wanted = dev->threads > 1 ? dev->threads * TASKS_PER_THREAD : 1;
    p.groups_out = space_min(p.panels_out, space_ceil(wanted, p.panels_in));
    p.map_at = space_take(&p.workspace_bytes, space_mul(p.x_h, p.x_w), sizeof(uint32_t));
    p.x_sources_at = space_take(&p.workspace_bytes, p.slots, sizeof(filter_source));
    p.dy_sources_at = space_take(&p.workspace_bytes, p.pass, sizeof(filter_source));
    p.steps_at = space_take(&p.workspace_bytes, space_mul(p.pass, p.taps), sizeof(filter_step));
    p.starts_at = space_take(&p.workspace_bytes, space_add(space_mul(p.pass / FILTER_CHUNK, p.taps), 1),
                             sizeof(uint32_t));
    p.dy_at = space_take(&p.workspace_bytes, space_mul(p.panels_out, p.pass), FILTER_PACK_BYTES);
    space_take(&p.worker_bytes, space_mul(2, p.slots), FILTER_PACK_BYTES);
    p.own_at = space_take(&p.worker_bytes, 1, sizeof(filter_worker));
    p.work_at = space_take(&p.worker_bytes, 1, FILTER_WORK_BYTES);
    p.worker_at = space_take(&p.workspace_bytes, dev->threads, p.worker_bytes);
    return p;
}

/* Share of an axis' products that is left out. */
static double outside(int32_t pad, int32_t stride, size_t taps, size_t positions)
{
    const double off = (double)pad * (pad + 1.0) / stride / ((double)taps * (double)positions);
    return off < 0.5 ? off : 0.5;
}

/* Products, in whole blocks; and packing. */
double cpu_conv_filter_cost(const struct thaw_device *dev, const backend_op *op)
{
    const double each = 0.6, pack_dy = 70, pack_x = 20;
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, op, &typical);
    const filter_plan p = cpu_conv_filter_plan(dev, op);
    const thaw_conv_attr *a = &op->attr.conv;
    const thaw_tensor *dw = &op->out[0];
    const double blocks = (double)(p.flat ? p.x_w : p.groups) * BF16_BLOCK / (double)p.rows;
    const double in = (double)(p.panels_in * BF16_BLOCK), out = (double)(p.panels_out * BF16_BLOCK);
    const double inside = (1 - outside(a->pad_top, a->stride_h, (size_t)dw->n, p.dy_h)) *
                          (1 - outside(a->pad_left, a->stride_w, (size_t)dw->h, p.dy_w));
    const double pixels = blocks * (double)backend_pixels(&typical.op.in[1]);
    return pixels * (in * out * (double)p.taps * inside * each + out * pack_dy + in * pack_x);
}
