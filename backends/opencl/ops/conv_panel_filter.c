/* conv_panel_filter.c: CONV2D_BWD_FILTER. */
#include "backends/opencl/ops/conv_panel.h"

/* Pixels and panels that one work-group packs. */
#define PACK_PIXELS ((size_t)8)
#define PACK_PANELS ((size_t)64)
/* Elements of dy that a work-group goes through before it turns to the next panel of x: 64 KiB, which stay in
 * the second-level cache, and enough to pay for fetching the accumulators. */
#define CHUNK_ELEMENTS ((size_t)16384)
/* Panels of x for each work-group. */
#define GROUP_PANELS ((size_t)8)
/* The sum over the pixels is cut into parts where there would be fewer work-groups than this, but no part is
 * shorter than MIN_PART pixels. Both are the same on every device: the parts decide about the last bits. */
#define MIN_GROUPS ((size_t)256)
#define MIN_PART   ((size_t)2048)

/* What follows from the op alone. */
typedef struct {
    int32_t batch, src_h, src_w, dst_h, dst_w;
    size_t src_pixels, dst_pixels;
    size_t taps, in_panels, in_groups;
    ocl_panel_strip strips[OCL_PANEL_MAX_STRIPS];
    uint32_t n_strips;
    size_t dw_elements;
    size_t parts, part_pixels;
    size_t x_at, dy_at, parts_at, work_bytes; /* of the workspace */
} filter_layout;

/* A 1x1 filter sees one long row of pixels. */
static void flatten(filter_layout *l, const backend_op *op)
{
    const thaw_conv_attr *a = &op->attr.conv;
    if (l->taps != 1 || a->stride_h != 1 || a->stride_w != 1 || l->src_pixels != l->dst_pixels ||
        l->dst_pixels > INT32_MAX)
        return;
    l->batch = l->src_h = l->dst_h = 1;
    l->src_w = l->dst_w = (int32_t)l->dst_pixels;
}

static filter_layout layout_of(const thaw_device *dev, const backend_op *op)
{
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    filter_layout l = {.batch = x->n,
                       .src_h = x->h,
                       .src_w = x->w,
                       .dst_h = dy->h,
                       .dst_w = dy->w,
                       .src_pixels = backend_pixels(x),
                       .dst_pixels = backend_pixels(dy),
                       .taps = (size_t)dw->n * (size_t)dw->h};
    size_t packed_columns, panels = 0;
    flatten(&l, op);
    l.in_panels = ocl_size_ceil((size_t)dw->w, OCL_PANEL_ROWS);
    l.in_groups = ocl_size_ceil(l.in_panels, GROUP_PANELS);
    l.n_strips = ocl_panel_cut(dy, 1, dev->lanes, l.strips, &packed_columns);
    for (uint32_t i = 0; i < l.n_strips; i++)
        panels += ocl_size_ceil(l.strips[i].columns, l.strips[i].width);
    l.dw_elements = ocl_size_mul(ocl_size_mul(l.taps, (size_t)dw->w), (size_t)dw->c);
    const size_t wanted = ocl_size_ceil(MIN_GROUPS, ocl_size_mul(l.in_groups, l.taps) * panels);
    const size_t most = l.dst_pixels / MIN_PART;
    l.parts = wanted < most ? wanted : most > 0 ? most : 1;
    l.part_pixels = ocl_size_ceil(l.dst_pixels, l.parts);
    l.parts = ocl_size_ceil(l.dst_pixels, l.part_pixels);
    l.x_at = ocl_size_take(&l.work_bytes, ocl_size_mul(l.src_pixels, l.in_panels * OCL_PANEL_ROWS));
    l.dy_at = ocl_size_take(&l.work_bytes, ocl_size_mul(l.dst_pixels, packed_columns));
    if (l.parts > 1)
        l.parts_at = ocl_size_take(&l.work_bytes, ocl_size_mul(l.parts, l.dw_elements));
    return l;
}

size_t ocl_panel_filter_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)algo;
    return layout_of(dev, op).work_bytes;
}

/* Packs `channels` channels, from `first` on, of input number `input` into byte `at` of the workspace. */
static void pack(ocl_plan *plan, uint32_t input, size_t first, size_t channels, size_t width, size_t at)
{
    const thaw_tensor *t = &plan->op->in[input];
    const size_t pixels = backend_pixels(t), panels = ocl_size_ceil(channels, width);
    ocl_launch_begin(plan, "pack_pixels.cl", "pack_pixels", "-D WIDTH=%zu", width);
    ocl_arg_tensor_at(plan, input, first);
    ocl_arg_workspace(plan, at, sizeof(float));
    ocl_arg_u64(plan, pixels);
    ocl_arg_i32(plan, (int64_t)channels);
    ocl_arg_u64(plan, (uint64_t)t->pixel_pitch);
    ocl_arg_i32(plan, (int64_t)PACK_PIXELS);
    ocl_arg_i32(plan, (int64_t)PACK_PANELS);
    ocl_launch_end(plan, 2,
                   (size_t[]){ocl_size_ceil(pixels, PACK_PIXELS), ocl_size_ceil(panels, PACK_PANELS), 1},
                   (size_t[]){1, 1, 1});
}

static size_t strip_at(const filter_layout *l, const ocl_panel_strip *s)
{
    return l->dy_at + s->packed_columns_at * l->dst_pixels * sizeof(float);
}

static void multiply(ocl_plan *plan, const filter_layout *l, const ocl_panel_strip *s)
{
    const backend_op *op = plan->op;
    const thaw_conv_attr *a = &op->attr.conv;
    const size_t panels = ocl_size_ceil(s->columns, s->width);
    ocl_launch_begin(plan, "conv_panel_filter.cl", "conv_panel_filter", "-D NV=%u", s->vectors);
    ocl_arg_workspace(plan, l->x_at, sizeof(float));
    ocl_arg_workspace(plan, strip_at(l, s), sizeof(float));
    if (l->parts > 1)
        ocl_arg_workspace(plan, l->parts_at + s->first * sizeof(float), sizeof(float));
    else
        ocl_arg_tensor_at(plan, op->n_in, s->first);
    ocl_arg_i32(plan, l->batch);
    ocl_arg_i32(plan, l->src_h);
    ocl_arg_i32(plan, l->src_w);
    ocl_arg_i32(plan, l->dst_h);
    ocl_arg_i32(plan, l->dst_w);
    ocl_arg_i32(plan, op->out[0].w);
    ocl_arg_i32(plan, op->out[0].c);
    ocl_arg_i32(plan, (int64_t)s->columns);
    ocl_arg_i32(plan, op->out[0].h);
    ocl_arg_i32(plan, a->stride_h);
    ocl_arg_i32(plan, a->stride_w);
    ocl_arg_i32(plan, a->pad_top);
    ocl_arg_i32(plan, a->pad_left);
    ocl_arg_i32(plan, (int64_t)GROUP_PANELS);
    ocl_arg_i32(plan, (int64_t)l->in_groups);
    ocl_arg_u64(plan, l->part_pixels);
    ocl_arg_u64(plan, CHUNK_ELEMENTS / s->width);
    ocl_launch_end(plan, 3, (size_t[]){l->in_groups * panels, l->taps, l->parts}, (size_t[]){1, 1, 1});
}

static void add_parts(ocl_plan *plan, const filter_layout *l)
{
    ocl_launch_begin(plan, "conv_panel_filter.cl", "conv_panel_sum", "-D NV=2");
    ocl_arg_workspace(plan, l->parts_at, sizeof(float));
    ocl_arg_tensor(plan, plan->op->n_in);
    ocl_arg_u64(plan, l->dw_elements);
    ocl_arg_u64(plan, l->parts);
    ocl_launch_items(plan, l->dw_elements);
}

void ocl_panel_filter_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const filter_layout l = layout_of(plan->dev, plan->op);
    (void)algo;
    (void)const_data;
    pack(plan, 0, 0, (size_t)plan->op->in[0].c, OCL_PANEL_ROWS, l.x_at);
    for (uint32_t i = 0; i < l.n_strips; i++) {
        const ocl_panel_strip *s = &l.strips[i];
        pack(plan, 1, s->first, s->columns, s->width, strip_at(&l, s));
    }
    for (uint32_t i = 0; i < l.n_strips; i++)
        multiply(plan, &l, &l.strips[i]);
    if (l.parts > 1)
        add_parts(plan, &l);
}
