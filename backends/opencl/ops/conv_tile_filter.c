/* conv_tile_filter.c: CONV2D_BWD_FILTER by tiles: the sum over the pixels in parts, then their sum. */
#include <stdio.h>

#include "backends/opencl/ops/conv_tile.h"

/* Groups for each unit of the device, pixels of a part at the least (so that its sum costs more than what it
 * writes), and bytes of all parts. */
#define GROUPS_PER_UNIT 4u
#define LEAST_PIXELS    128u
#define MOST_BYTES      ((size_t)256 << 20)

/* How the pixels are split: by the shape and the device alone. */
typedef struct {
    uint32_t count;  /* of parts */
    uint32_t pixels; /* of each but the last */
} split;

/* Rows of dw, the channels of a tap counted in quads. */
static size_t rows_of(const thaw_tensor *dw)
{
    return (size_t)dw->n * (size_t)dw->h * (((size_t)dw->w + 3) & ~(size_t)3);
}

static size_t floats_of(const thaw_tensor *dw)
{
    return ocl_size_mul(ocl_size_mul((size_t)dw->n * (size_t)dw->h, (size_t)dw->w), (size_t)dw->c);
}

static split split_of(const thaw_device *dev, const backend_op *op, const conv_tile *tile)
{
    const thaw_tensor *dw = &op->out[0];
    size_t pixels = backend_pixels(&op->in[1]), bytes = floats_of(dw) * sizeof(float);
    size_t tiles = ocl_size_ceil(rows_of(dw), tile->bm) * ocl_size_ceil((size_t)dw->c, tile->bn);
    size_t room = dev->facts->max_alloc_bytes / 4 < MOST_BYTES ? dev->facts->max_alloc_bytes / 4 : MOST_BYTES;
    size_t parts = ocl_size_ceil((size_t)GROUPS_PER_UNIT * dev->facts->units, tiles);
    if (parts > pixels / LEAST_PIXELS)
        parts = pixels / LEAST_PIXELS;
    if (parts > room / bytes)
        parts = room / bytes;
    size_t each = ocl_size_ceil(ocl_size_ceil(pixels, parts ? parts : 1), tile->bk) * tile->bk;
    return (split){(uint32_t)ocl_size_ceil(pixels, each), (uint32_t)each};
}

bool conv_tile_filter_extent(const thaw_device *dev, const backend_op *op, const conv_tile *tile,
                             conv_extent *out, char *why, size_t cap)
{
    const thaw_tensor *dy = &op->in[1], *dw = &op->out[0];
    *out = (conv_extent){.rows = rows_of(dw), .phases = 1, .n_out = 1, .columns = {(uint32_t)dw->c}};
    if (ocl_size_mul((size_t)dy->n, (size_t)dy->h * (size_t)dy->w) > INT32_MAX - 1024 ||
        ocl_size_mul(floats_of(dw), sizeof(float)) == SIZE_MAX || out->rows > INT32_MAX - 1024 ||
        ocl_size_ceil(out->rows, tile->bm) * ocl_size_ceil((size_t)dw->c, tile->bn) >
            INT32_MAX / conv_tile_items(tile)) {
        snprintf(why, cap, "images or weights are too large for its 32-bit counts");
        return false;
    }
    out->parts = split_of(dev, op, tile).count;
    return true;
}

size_t conv_tile_filter_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo)
{
    split parts = split_of(dev, op, algo->variant);
    return parts.count > 1 ? ocl_size_mul(floats_of(&op->out[0]) * sizeof(float), parts.count) : 0;
}

static void arg_shapes(ocl_plan *plan, const backend_op *op)
{
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    const thaw_conv_attr *a = &op->attr.conv;
    ocl_arg_i32(plan, x->n);
    ocl_arg_i32(plan, x->h);
    ocl_arg_i32(plan, x->w);
    ocl_arg_i32(plan, x->c);
    ocl_arg_u64(plan, (size_t)x->pixel_pitch);
    ocl_arg_i32(plan, dy->h);
    ocl_arg_i32(plan, dy->w);
    ocl_arg_i32(plan, dy->c);
    ocl_arg_u64(plan, (size_t)dy->pixel_pitch);
    ocl_arg_i32(plan, dw->n);
    ocl_arg_i32(plan, dw->h);
    ocl_arg_i32(plan, a->stride_h);
    ocl_arg_i32(plan, a->stride_w);
    ocl_arg_i32(plan, a->pad_top);
    ocl_arg_i32(plan, a->pad_left);
}

void conv_tile_filter_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data)
{
    const backend_op *op = plan->op;
    const conv_tile *tile = algo->variant;
    const thaw_tensor *dw = &op->out[0];
    split parts = split_of(plan->dev, op, tile);
    size_t panels = ocl_size_ceil((size_t)dw->c, tile->bn), blocks = ocl_size_ceil(rows_of(dw), tile->bm);
    conv_tile_begin(plan, tile, "conv_tile_filter.cl", "conv_tile_filter");
    ocl_arg_input(plan, 0, const_data);
    ocl_arg_input(plan, 1, const_data);
    if (parts.count > 1)
        ocl_arg_workspace(plan, 0, sizeof(float));
    else
        ocl_arg_tensor(plan, op->n_in);
    arg_shapes(plan, op);
    ocl_arg_i32(plan, (int64_t)panels);
    ocl_arg_i32(plan, (int64_t)blocks);
    ocl_arg_i32(plan, parts.pixels);
    size_t items = conv_tile_items(tile);
    size_t global[3] = {(size_t)(panels * blocks * parts.count) * items, 1, 1}, local[3] = {items, 1, 1};
    ocl_launch_end(plan, 1, global, local);
    if (parts.count == 1)
        return;
    conv_tile_begin(plan, tile, "conv_tile_filter.cl", "add_parts");
    ocl_arg_workspace(plan, 0, sizeof(float));
    ocl_arg_tensor(plan, op->n_in);
    ocl_arg_u64(plan, floats_of(dw));
    ocl_arg_i32(plan, parts.count);
    ocl_launch_items(plan, floats_of(dw));
}
