/* conv_tile_forward.c: CONV2D and CONV2D_BWD_DATA by tiles: packs the weights, then one launch an output. */
#include <stdio.h>

#include "backends/opencl/ops/conv_tile.h"

#define MOST_SIDE INT32_C(16000) /* 16 bits hold a place, the padding and the window included */

/* An image with 3 channels would use 3 of a step's 8 or 16: taps are merged where that is possible. */
static ocl_conv_geometry geometry_of(const backend_op *op)
{
    return ocl_conv_geometry_of(op, true);
}

/* Does an int hold every offset from the first image that a block of rows touches to its last? */
static bool sources_fit(const ocl_conv_geometry *g, const conv_tile *tile)
{
    size_t step_h = g->backward ? (size_t)g->stride_h : 1, step_w = g->backward ? (size_t)g->stride_w : 1;
    size_t least = (size_t)g->dst_h / step_h * ((size_t)g->dst_w / step_w); /* rows of an image, if not 0 */
    size_t images = tile->bm / (least ? least : 1) + 2;
    size_t image = ocl_size_mul((size_t)g->src_h * (size_t)g->src_w, (size_t)g->src_pitch);
    return g->src_h <= MOST_SIDE && g->src_w <= MOST_SIDE && g->dst_h <= MOST_SIDE && g->dst_w <= MOST_SIDE &&
           ocl_size_mul(image, images) <= INT32_MAX;
}

bool conv_tile_forward_extent(const backend_op *op, const conv_tile *tile, conv_extent *out, char *why,
                              size_t cap)
{
    ocl_conv_geometry g = geometry_of(op);
    ocl_conv_matrix m = ocl_conv_weights(op, &g);
    bool fits =
        sources_fit(&g, tile) && g.phase_pixels <= INT32_MAX && ocl_size_mul(m.taps, m.len) <= INT32_MAX;
    *out = (conv_extent){.rows = g.phase_pixels, .phases = g.phases, .parts = 1, .n_out = op->n_out};
    for (uint32_t k = 0; k < op->n_out && fits; k++) {
        out->columns[k] = (uint32_t)op->out[k].c;
        size_t groups = ocl_size_mul(
            ocl_size_ceil(out->rows, tile->bm) * ocl_size_ceil(out->columns[k], tile->bn), out->phases);
        fits = ocl_size_mul(groups, conv_tile_items(tile)) <= UINT32_MAX &&
               ocl_size_mul(ocl_conv_packed(&m, out->columns[k], tile->bn), sizeof(float)) < SIZE_MAX;
    }
    if (!fits)
        snprintf(why, cap, "images or weights are too large for its 32-bit counts");
    return fits;
}

size_t conv_tile_forward_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    (void)dev;
    const conv_tile *tile = algo->variant;
    ocl_conv_geometry g = geometry_of(op);
    ocl_conv_matrix m = ocl_conv_weights(op, &g);
    size_t bytes = 0;
    for (uint32_t k = 0; op->in[1].role != THAW_ROLE_CONST && k < op->n_out; k++)
        ocl_size_take(&bytes, ocl_conv_packed(&m, (size_t)op->out[k].c, tile->bn));
    return bytes;
}

/* Columns first … first + columns - 1 of the weights, packed in owned memory; its number. */
static uint32_t own_packed(ocl_plan *plan, const ocl_conv_matrix *m, const float *weights, size_t first,
                           size_t columns, size_t width)
{
    const thaw_host *host = plan->dev->host;
    size_t bytes = ocl_conv_packed(m, columns, width) * sizeof(float);
    float *packed = host->alloc(host->ctx, bytes, THAW_MIN_ALIGN);
    uint32_t owned = 0;
    if (packed) {
        ocl_conv_pack(m, weights, first, columns, width, packed);
        owned = ocl_plan_own(plan, packed, bytes);
    } else {
        ocl_plan_fail(plan, THAW_E_NO_MEMORY, "conv_tile: no memory for %zu bytes of packed weights", bytes);
    }
    host->free(host->ctx, packed);
    return owned;
}

static void arg_shapes(ocl_plan *plan, const ocl_conv_geometry *g, const thaw_tensor *dst)
{
    ocl_arg_i32(plan, g->batch);
    ocl_arg_i32(plan, g->src_h);
    ocl_arg_i32(plan, g->src_w);
    ocl_arg_i32(plan, g->tap_len);
    ocl_arg_u64(plan, (uint64_t)g->src_pitch);
    ocl_arg_i32(plan, g->dst_h);
    ocl_arg_i32(plan, g->dst_w);
    ocl_arg_i32(plan, dst->c);
    ocl_arg_u64(plan, (uint64_t)dst->pixel_pitch);
    ocl_arg_i32(plan, g->kh);
    ocl_arg_i32(plan, g->kw);
    ocl_arg_i32(plan, g->stride_h);
    ocl_arg_i32(plan, g->stride_w);
    ocl_arg_i32(plan, g->pad_top);
    ocl_arg_i32(plan, g->pad_left);
    ocl_arg_i32(plan, g->backward);
}

void conv_tile_forward_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const conv_tile *tile = algo->variant;
    ocl_conv_geometry g = geometry_of(op);
    ocl_conv_matrix m = ocl_conv_weights(op, &g);
    bool pack_once = op->in[1].role == THAW_ROLE_CONST, has_bias = op->n_in == 3;
    conv_source src = conv_source_of(plan, 0, const_data);
    conv_source bias = has_bias ? conv_source_of(plan, 2, const_data) : src; /* an argument there has to be */
    size_t first = 0, bytes = 0;
    for (uint32_t k = 0; k < op->n_out && plan->status == THAW_OK; k++) {
        const thaw_tensor *dst = &op->out[k];
        size_t columns = (size_t)dst->c, at = 0;
        uint32_t owned = 0;
        if (pack_once) {
            owned = own_packed(plan, &m, const_data[1], first, columns, tile->bn);
        } else {
            at = ocl_size_take(&bytes, ocl_conv_packed(&m, columns, tile->bn));
            ocl_conv_pack_launch(plan, 1, &m, first, columns, tile->bn, at);
        }
        size_t panels = ocl_size_ceil(columns, tile->bn), blocks = ocl_size_ceil(g.phase_pixels, tile->bm);
        conv_tile_begin(plan, tile, "conv_tile.cl", "conv_tile");
        conv_arg_source(plan, src, 0);
        if (pack_once)
            ocl_arg_owned(plan, owned, 0);
        else
            ocl_arg_workspace(plan, at, sizeof(float));
        conv_arg_source(plan, bias, has_bias ? first : 0);
        ocl_arg_tensor(plan, op->n_in + k);
        ocl_arg_i32(plan, has_bias);
        arg_shapes(plan, &g, dst);
        ocl_arg_i32(plan, op->attr.conv.relu_mask >> k & 1);
        ocl_arg_i32(plan, (int64_t)panels);
        ocl_arg_i32(plan, (int64_t)blocks);
        size_t items = conv_tile_items(tile);
        ocl_launch_end(plan, 1, (size_t[]){panels * blocks * g.phases * items, 1, 1},
                       (size_t[]){items, 1, 1});
        first += columns;
    }
}
