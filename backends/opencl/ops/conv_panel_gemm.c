/* conv_panel_gemm.c: CONV2D and CONV2D_BWD_DATA. */
#include "backends/opencl/ops/conv_panel.h"

/* Tiles of a work-group, at most and at least: enough to pay for its start, and so few that their source
 * stays in the second-level cache while panel after panel meets it. */
#define MAX_TILES ((size_t)16)
#define MIN_TILES ((size_t)2)
/* Panels that a tile meets one after another, so that its rows are placed once for all of them: as many as
 * this in all and in elements (128 KiB, which stay in the second-level cache). */
#define MAX_PANELS         ((size_t)8)
#define MAX_PANEL_ELEMENTS ((size_t)32768)
/* Work-groups for each unit, so that none waits long for the last one. */
#define GROUPS_PER_UNIT ((size_t)32)

/* What follows from the op alone. */
typedef struct {
    ocl_conv_geometry geo;
    ocl_conv_matrix weights, bias;
    ocl_panel_strip strips[OCL_PANEL_MAX_STRIPS];
    uint32_t n_strips;
    size_t packed_columns;
    bool const_weights, const_bias;         /* packed by prepare; an absent bias is one of zeros */
    size_t weights_at, bias_at, work_bytes; /* of the workspace */
} gemm_layout;

static gemm_layout layout_of(const thaw_device *dev, const backend_op *op)
{
    gemm_layout l = {.geo = ocl_conv_geometry_of(op, true), .bias = ocl_conv_vector()};
    l.weights = ocl_conv_weights(op, &l.geo);
    l.n_strips = ocl_panel_cut(op->out, op->n_out, dev->lanes, l.strips, &l.packed_columns);
    l.const_weights = op->in[1].role == THAW_ROLE_CONST;
    l.const_bias = op->kind != THAW_OP_CONV2D || op->n_in < 3 || op->in[2].role == THAW_ROLE_CONST;
    if (!l.const_weights)
        l.weights_at = ocl_size_take(&l.work_bytes, ocl_conv_packed(&l.weights, l.packed_columns, 1));
    if (!l.const_bias)
        l.bias_at = ocl_size_take(&l.work_bytes, l.packed_columns);
    return l;
}

size_t ocl_panel_gemm_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)algo;
    return layout_of(dev, op).work_bytes;
}

/* A matrix on the device, packed: memory of the kernel, or a place in the workspace. */
typedef struct {
    bool owned;
    uint32_t memory; /* ocl_plan_own's number */
    size_t at;       /* bytes of the workspace */
} packed;

/* Packs every strip of a CONST matrix, or of zeros. */
static packed own(ocl_plan *plan, const gemm_layout *l, const ocl_conv_matrix *m, const float *data)
{
    const thaw_host *host = plan->dev->host;
    const size_t elements = ocl_conv_packed(m, l->packed_columns, 1);
    const size_t bytes = ocl_size_mul(elements, sizeof(float));
    packed p = {.owned = true};
    if (plan->status != THAW_OK)
        return p;
    float *block = bytes == SIZE_MAX ? NULL : host->alloc(host->ctx, bytes, 64);
    if (!block) {
        ocl_plan_fail(plan, THAW_E_NO_MEMORY, "convolution: no memory for %zu bytes of packed weights",
                      bytes);
        return p;
    }
    for (uint32_t i = 0; i < l->n_strips; i++) {
        const ocl_panel_strip *s = &l->strips[i];
        ocl_conv_pack(m, data, s->first_of_all, s->columns, s->width,
                      block + s->packed_columns_at * m->taps * m->len);
    }
    p.memory = ocl_plan_own(plan, block, bytes);
    host->free(host->ctx, block);
    return p;
}

/* Launches that pack every strip of input number `input` into the workspace. */
static packed pack(ocl_plan *plan, const gemm_layout *l, const ocl_conv_matrix *m, uint32_t input, size_t at)
{
    for (uint32_t i = 0; i < l->n_strips; i++) {
        const ocl_panel_strip *s = &l->strips[i];
        ocl_conv_pack_launch(plan, input, m, s->first_of_all, s->columns, s->width,
                             at + s->packed_columns_at * m->taps * m->len * sizeof(float));
    }
    return (packed){.owned = false, .at = at};
}

static void arg_packed(ocl_plan *plan, const packed *p, size_t element)
{
    if (p->owned)
        ocl_arg_owned(plan, p->memory, element);
    else
        ocl_arg_workspace(plan, p->at + element * sizeof(float), sizeof(float));
}

/* A row of zeros as long as a tap, to read in the place of what is outside the image. */
static uint32_t own_zeros(ocl_plan *plan, size_t count)
{
    const thaw_host *host = plan->dev->host;
    const size_t bytes = ocl_size_mul(count, sizeof(float));
    uint32_t memory = 0;
    if (plan->status != THAW_OK)
        return memory;
    float *zeros = bytes == SIZE_MAX ? NULL : host->alloc(host->ctx, bytes, 64);
    if (!zeros) {
        ocl_plan_fail(plan, THAW_E_NO_MEMORY, "convolution: no memory for %zu bytes of zeros", bytes);
        return memory;
    }
    for (size_t i = 0; i < count; i++)
        zeros[i] = 0.0f;
    memory = ocl_plan_own(plan, zeros, bytes);
    host->free(host->ctx, zeros);
    return memory;
}

static size_t clamp(size_t value, size_t low, size_t high)
{
    return value < low ? low : value > high ? high : value;
}

/* How the work on one strip is cut into work-groups. */
typedef struct {
    size_t panels, tiles; /* of one group, at most */
    size_t global[3];
} gemm_groups;

static gemm_groups cut(const thaw_device *dev, const gemm_layout *l, const ocl_panel_strip *s)
{
    const size_t panels = ocl_size_ceil(s->columns, s->width);
    const size_t tiles = ocl_size_ceil(l->geo.phase_pixels, OCL_PANEL_ROWS);
    const size_t panel = l->weights.taps * l->weights.len * s->width;
    const size_t wanted = GROUPS_PER_UNIT * clamp(dev->facts->units, 1, 4096);
    gemm_groups g = {.panels = clamp(MAX_PANEL_ELEMENTS / panel, 1, MAX_PANELS)};
    /* Where the pixels are few, rather fewer panels than tiles: every block reads all the weights again. */
    const size_t blocks = ocl_size_ceil(tiles, MAX_TILES) * l->geo.phases;
    g.panels = clamp(panels * blocks / wanted, 1, g.panels);
    g.global[0] = ocl_size_ceil(panels, g.panels);
    g.tiles =
        clamp(ocl_size_ceil(tiles, ocl_size_ceil(wanted, g.global[0] * l->geo.phases)), MIN_TILES, MAX_TILES);
    g.global[1] = ocl_size_ceil(tiles, g.tiles);
    g.global[2] = l->geo.phases;
    return g;
}

static void multiply(ocl_plan *plan, const gemm_layout *l, const ocl_panel_strip *s, const packed *weights,
                     const packed *bias, uint32_t zeros)
{
    const ocl_conv_geometry *g = &l->geo;
    const thaw_tensor *dst = &plan->op->out[s->tensor];
    const gemm_groups groups = cut(plan->dev, l, s);
    ocl_launch_begin(plan, "conv_panel.cl", "conv_panel", "-D NV=%u", s->vectors);
    ocl_arg_tensor(plan, 0);
    arg_packed(plan, weights, s->packed_columns_at * l->weights.taps * l->weights.len);
    arg_packed(plan, bias, s->packed_columns_at);
    ocl_arg_owned(plan, zeros, 0);
    ocl_arg_tensor_at(plan, plan->op->n_in + s->tensor, s->first);
    ocl_arg_i32(plan, g->batch);
    ocl_arg_i32(plan, g->src_h);
    ocl_arg_i32(plan, g->src_w);
    ocl_arg_u64(plan, (uint64_t)g->src_pitch);
    ocl_arg_i32(plan, g->dst_h);
    ocl_arg_i32(plan, g->dst_w);
    ocl_arg_u64(plan, (uint64_t)dst->pixel_pitch);
    ocl_arg_i32(plan, (int64_t)s->columns);
    ocl_arg_i32(plan, g->kh);
    ocl_arg_i32(plan, g->kw);
    ocl_arg_i32(plan, g->tap_len);
    ocl_arg_i32(plan, g->stride_h);
    ocl_arg_i32(plan, g->stride_w);
    ocl_arg_i32(plan, g->pad_top);
    ocl_arg_i32(plan, g->pad_left);
    ocl_arg_i32(plan, g->backward);
    ocl_arg_i32(plan, plan->op->attr.conv.relu_mask >> s->tensor & 1u);
    ocl_arg_i32(plan, (int64_t)groups.panels);
    ocl_arg_i32(plan, (int64_t)groups.tiles);
    ocl_launch_end(plan, 3, groups.global, (size_t[]){1, 1, 1});
}

void ocl_panel_gemm_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const gemm_layout l = layout_of(plan->dev, op);
    (void)algo;
    const float *bias_data =
        l.const_bias && op->kind == THAW_OP_CONV2D && op->n_in > 2 ? const_data[2] : NULL;
    const packed weights = l.const_weights ? own(plan, &l, &l.weights, const_data[1])
                                           : pack(plan, &l, &l.weights, 1, l.weights_at);
    const packed bias =
        l.const_bias ? own(plan, &l, &l.bias, bias_data) : pack(plan, &l, &l.bias, 2, l.bias_at);
    const uint32_t zeros = own_zeros(plan, (size_t)l.geo.tap_len);
    for (uint32_t i = 0; i < l.n_strips; i++)
        multiply(plan, &l, &l.strips[i], &weights, &bias, zeros);
}
