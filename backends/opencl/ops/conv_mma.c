/* conv_mma.c: the tiles of the tensor-core convolution, and the choice among them. */
#include "backends/opencl/ops/conv_mma.h"

#include <stdio.h>
#include <string.h>

#include "backends/opencl/ops/ops.h"

#define WAVE32 (1u << OCL_CLASS_WAVE32)

/* Beyond these the kernels' 32-bit places and counts might not hold. */
#define MOST_SIDE  (INT32_C(1) << 20)
#define MOST_COUNT ((size_t)INT32_MAX - 4096)

/* Local memory that a driver may keep for itself, and what the portable form needs for a warp. */
#define LOCAL_RESERVE 64u
#define LOCAL_OF_WARP 768u

/* The larger a tile, and of it a warp's, the fewer times a number is read. Those of 8 warps are for
 * compilers that cannot keep 128 sums in the registers of a work-item. */
static const conv_mma_tile tf32[] = {
    {128, 128, 64, 64, 2, false, 0, 1.00}, {128, 128, 64, 32, 2, false, 128, 0.95},
    {128, 64, 64, 32, 3, false, 0, 0.85},  {64, 64, 32, 32, 3, false, 0, 0.70},
    {128, 32, 32, 32, 3, false, 0, 0.60},
};
static const conv_mma_tile f32[] = {
    {128, 128, 64, 32, 2, true, 0, 1.00},
    {64, 64, 32, 32, 3, true, 0, 0.80},
};

static size_t count_of(const conv_mma_tile *tile)
{
    return tile->three ? sizeof f32 / sizeof f32[0] : sizeof tf32 / sizeof tf32[0];
}

static const conv_mma_tile *first_of(const conv_mma_tile *tile)
{
    return tile->three ? f32 : tf32;
}

static conv_mma_extent extent_of(const thaw_device *dev, const backend_op *op, const conv_mma_tile *tile)
{
    return op->kind == THAW_OP_CONV2D_BWD_FILTER ? conv_mma_filter_extent(dev, op, tile)
                                                 : conv_mma_gather_extent(op);
}

/* A stage of either side takes at most 4 floats of padding for each term. */
static size_t local_bytes(const thaw_device *dev, const conv_mma_tile *t)
{
    size_t stages = (size_t)t->stages * CONV_MMA_BK * (t->bm + 4 + t->bn + 4) * sizeof(float);
    return stages + LOCAL_RESERVE + (dev->nvidia_asm ? 0 : conv_mma_items(t) / 32 * (size_t)LOCAL_OF_WARP);
}

static bool device_runs(const thaw_device *dev, const conv_mma_tile *tile, char *why, size_t cap)
{
    size_t local = local_bytes(dev, tile), items = conv_mma_items(tile);
    if (!dev->nvidia_asm && !dev->options.every_algo) {
        snprintf(why, cap, "the device has no tensor cores that inline PTX of sm_80 reaches");
        return false;
    }
    if (items > dev->facts->max_group || items > dev->facts->max_items[0]) {
        snprintf(why, cap, "needs work-groups of %zu, the device has %zu", items, dev->facts->max_group);
        return false;
    }
    if (local > dev->facts->local_bytes) {
        snprintf(why, cap, "needs %zu bytes of local memory, the device has %llu", local,
                 (unsigned long long)dev->facts->local_bytes);
        return false;
    }
    return true;
}

static bool tensor_fits(const thaw_tensor *t)
{
    return t->dtype == THAW_F32 && t->h <= MOST_SIDE && t->w <= MOST_SIDE && t->pixel_pitch <= INT32_MAX &&
           ocl_size_mul(ocl_size_mul((size_t)t->n, (size_t)t->h), (size_t)t->w) <= MOST_COUNT;
}

static bool op_fits(const backend_op *op, const conv_mma_extent *e, const conv_mma_tile *tile, char *why,
                    size_t cap)
{
    const thaw_conv_attr *a = &op->attr.conv;
    bool fits = a->stride_h <= MOST_SIDE && a->stride_w <= MOST_SIDE && a->pad_top <= MOST_SIDE &&
                a->pad_left <= MOST_SIDE;
    for (uint32_t i = 0; i < op->n_in; i++)
        fits = fits && tensor_fits(&op->in[i]);
    for (uint32_t i = 0; i < op->n_out; i++)
        fits = fits && tensor_fits(&op->out[i]);
    fits = fits && e->rows <= MOST_COUNT && e->cols <= MOST_COUNT && e->terms <= MOST_COUNT &&
           ocl_size_mul(conv_mma_groups(e, tile), conv_mma_items(tile)) <= MOST_COUNT;
    if (!fits)
        snprintf(why, cap, "needs f32 tensors that 32-bit counts hold");
    return fits;
}

/* In multiply-adds of one unit for each term: tiles are rounded up to whole ones, and the units to the
 * busiest. */
static double cost_of(const thaw_device *dev, const conv_mma_extent *e, const conv_mma_tile *t)
{
    size_t units = dev->facts->units ? dev->facts->units : 1;
    size_t most = ocl_size_ceil(conv_mma_groups(e, t) * e->parts, units);
    return (double)most * t->bm * t->bn / (t->rate * (double)e->parts);
}

/* A tile is declined where a later one promises more: then that is the first that is accepted. */
static bool accept(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why, size_t cap)
{
    const conv_mma_tile *tile = algo->variant, *end = first_of(tile) + count_of(tile);
    if (!tile->three && op->precision < THAW_PREC_TF32) {
        snprintf(why, cap, "rounds to TF32, and the op asks for f32 products");
        return false;
    }
    if (!device_runs(dev, tile, why, cap))
        return false;
    conv_mma_extent extent = extent_of(dev, op, tile);
    if (!op_fits(op, &extent, tile, why, cap))
        return false;
    double cost = cost_of(dev, &extent, tile);
    for (const conv_mma_tile *t = tile + 1; t < end && !dev->options.every_algo; t++) {
        char ignored[128];
        conv_mma_extent other = extent_of(dev, op, t);
        if (cost_of(dev, &other, t) < cost && device_runs(dev, t, ignored, sizeof ignored)) {
            snprintf(why, cap,
                     "tiles of %ux%u would be half empty or leave %u units idle: %ux%u suits better",
                     tile->bm, tile->bn, dev->facts->units, t->bm, t->bn);
            return false;
        }
    }
    snprintf(why, cap, "%s, tiles of %ux%u%s",
             tile->three ? "f32 by three TF32 products on tensor cores" : "TF32 tensor cores", tile->bm,
             tile->bn, dev->nvidia_asm ? "" : ", in portable code");
    return true;
}

void conv_mma_begin(ocl_plan *plan, const conv_mma_tile *tile, const char *file, const char *kernel,
                    const char *also)
{
    char advice[40] = "";
    /* Nobody waits for the portable form's results, and compilers take minutes over its barriers. */
    if (!plan->dev->nvidia_asm)
        snprintf(advice, sizeof advice, " -cl-opt-disable");
    else if (tile->registers)
        snprintf(advice, sizeof advice, " -cl-nv-maxrregcount=%u", tile->registers);
    ocl_launch_begin(plan, file, kernel,
                     "-D THAW_PTX=%d -D BM=%u -D BN=%u -D WM=%u -D WN=%u -D STAGES=%u -D THREE=%d%s%s",
                     plan->dev->nvidia_asm ? 1 : 0, tile->bm, tile->bn, tile->wm, tile->wn, tile->stages,
                     tile->three ? 1 : 0, also, advice);
}

void conv_mma_end(ocl_plan *plan, const conv_mma_tile *tile, const conv_mma_extent *extent)
{
    size_t items = conv_mma_items(tile);
    ocl_launch_end(plan, 2, (size_t[]){conv_mma_groups(extent, tile) * items, extent->parts, 1},
                   (size_t[]){items, 1, 1});
}

void conv_mma_arg_window(ocl_plan *plan, const thaw_tensor *weights)
{
    const thaw_conv_attr *a = &plan->op->attr.conv;
    ocl_arg_i32(plan, weights->n);
    ocl_arg_i32(plan, weights->h);
    ocl_arg_i32(plan, a->stride_h);
    ocl_arg_i32(plan, a->stride_w);
    ocl_arg_i32(plan, a->pad_top);
    ocl_arg_i32(plan, a->pad_left);
}

#define GATHER(name, kind, tile)                                                                             \
    {                                                                                                        \
        name, kind, WAVE32, tile, accept, NULL, conv_mma_gather_prepare                                      \
    }
#define FILTER(name, tile)                                                                                   \
    {                                                                                                        \
        name, THAW_OP_CONV2D_BWD_FILTER, WAVE32, tile, accept, conv_mma_filter_workspace,                    \
            conv_mma_filter_prepare                                                                          \
    }
#define GATHERS(kind)                                                                                        \
    GATHER("mma tf32 128x128x16", kind, &tf32[0]), GATHER("mma tf32 128x128x16 8 warps", kind, &tf32[1]),    \
        GATHER("mma tf32 128x64x16", kind, &tf32[2]), GATHER("mma tf32 64x64x16", kind, &tf32[3]),           \
        GATHER("mma tf32 128x32x16", kind, &tf32[4])
#define GATHERS_F32(kind)                                                                                    \
    GATHER("mma 3xtf32 128x128x16", kind, &f32[0]), GATHER("mma 3xtf32 64x64x16", kind, &f32[1])

static const ocl_algo forward[] = {GATHERS(THAW_OP_CONV2D)};
static const ocl_algo data[] = {GATHERS(THAW_OP_CONV2D_BWD_DATA)};
static const ocl_algo filter[] = {
    FILTER("mma tf32 128x128x16", &tf32[0]), FILTER("mma tf32 128x128x16 8 warps", &tf32[1]),
    FILTER("mma tf32 128x64x16", &tf32[2]), FILTER("mma tf32 64x64x16", &tf32[3]),
    FILTER("mma tf32 128x32x16", &tf32[4])};
static const ocl_algo exact[] = {GATHERS_F32(THAW_OP_CONV2D), GATHERS_F32(THAW_OP_CONV2D_BWD_DATA),
                                 FILTER("mma 3xtf32 128x128x16", &f32[0]),
                                 FILTER("mma 3xtf32 64x64x16", &f32[1])};

const ocl_algo *const ocl_conv_mma[] = {
    &forward[0], &forward[1], &forward[2], &forward[3], &forward[4], &data[0],   &data[1],   &data[2],
    &data[3],    &data[4],    &filter[0],  &filter[1],  &filter[2],  &filter[3], &filter[4], NULL};
const ocl_algo *const ocl_conv_mma_f32[] = {&exact[0], &exact[1], &exact[2], &exact[3],
                                            &exact[4], &exact[5], NULL};
