/* conv_tile.c: the tiles of the GPU-shaped convolution, and the choice among them. */
#include "backends/opencl/ops/conv_tile.h"

#include <stdio.h>
#include <string.h>

#include "backends/opencl/ops/ops.h"

#define SIMD (1u << OCL_CLASS_SIMD)
#define GPUS (1u << OCL_CLASS_WAVE32 | 1u << OCL_CLASS_WAVE64 | SIMD)

/* Work-items that a unit wants at the least, so that some compute while others wait for memory. */
#define BUSY_ITEMS 256.0

/* The larger a tile, the fewer times its sources are read: from the large to the small, which suit small
 * images. The rates are those of a tile's reads of local memory beside its multiply-adds. */
static const conv_tile tiles[] = {
    {128, 128, 8, 8, 8, true, 0, 128, 1.00}, {128, 64, 8, 8, 8, true, 0, 168, 0.95},
    {128, 32, 16, 8, 4, true, 0, 0, 0.80},   {64, 64, 16, 8, 4, true, 0, 0, 0.80},
    {64, 32, 16, 4, 4, true, 0, 0, 0.60},    {32, 32, 8, 4, 4, true, 0, 0, 0.45},
};
#define N_TILES (sizeof tiles / sizeof tiles[0])

static const conv_tile direct = {64, 64, 4, 8, 4, false, 0, 0, 0.5};
static const conv_tile direct_subgroup = {64, 64, 4, 8, 4, false, 16, 0, 0.6};

/* Is `name` one of the words of the extensions' list? */
static bool has_extension(const thaw_device *dev, const char *name)
{
    size_t length = strlen(name);
    for (const char *at = dev->facts->extensions; (at = strstr(at, name)) != NULL; at += length) {
        if ((at == dev->facts->extensions || at[-1] == ' ') && (at[length] == ' ' || at[length] == '\0'))
            return true;
    }
    return false;
}

bool conv_tile_runs(const thaw_device *dev, const conv_tile *tile, char *why, size_t cap)
{
    uint32_t items = conv_tile_items(tile);
    uint64_t local = tile->local ? UINT64_C(2) * sizeof(float) * tile->bk * (tile->bm + tile->bn) : 0;
    if (items > dev->facts->max_group || items > dev->facts->max_items[0]) {
        snprintf(why, cap, "needs work-groups of %u, the device has %zu", items, dev->facts->max_group);
        return false;
    }
    if (local > dev->facts->local_bytes) {
        snprintf(why, cap, "needs %llu bytes of local memory, the device has %llu", (unsigned long long)local,
                 (unsigned long long)dev->facts->local_bytes);
        return false;
    }
    if (tile->subgroup && !(dev->subgroups && has_extension(dev, "cl_intel_required_subgroup_size"))) {
        snprintf(why, cap, "needs subgroups of a size that can be asked for");
        return false;
    }
    return true;
}

double conv_tile_cost(const thaw_device *dev, const conv_extent *extent, const conv_tile *tile)
{
    size_t units = dev->facts->units ? dev->facts->units : 1;
    double cost = 0.0;
    for (uint32_t k = 0; k < extent->n_out; k++) {
        size_t groups = ocl_size_ceil(extent->rows, tile->bm) * extent->phases * extent->parts *
                        ocl_size_ceil(extent->columns[k], tile->bn);
        size_t most = ocl_size_ceil(groups, units);
        double busy = (double)most * conv_tile_items(tile) / BUSY_ITEMS;
        cost += (double)most * tile->bm * tile->bn / (tile->rate * (busy < 1.0 ? busy : 1.0));
    }
    return cost / (double)extent->parts;
}

conv_source conv_source_of(ocl_plan *plan, uint32_t input, const void *const *const_data)
{
    const thaw_tensor *t = &plan->op->in[input];
    conv_source s = {.input = input, .is_const = t->role == THAW_ROLE_CONST};
    if (s.is_const)
        s.owned = ocl_plan_own(plan, const_data[input], backend_tensor_bytes(t));
    return s;
}

void conv_arg_source(ocl_plan *plan, conv_source source, size_t element)
{
    if (source.is_const)
        ocl_arg_owned(plan, source.owned, element);
    else
        ocl_arg_tensor_at(plan, source.input, element);
}

void conv_tile_begin(ocl_plan *plan, const conv_tile *tile, const char *file, const char *kernel)
{
    char advice[40] = "";
    if (tile->registers && has_extension(plan->dev, "cl_nv_compiler_options"))
        snprintf(advice, sizeof advice, " -cl-nv-maxrregcount=%u", tile->registers);
    ocl_launch_begin(plan, file, kernel,
                     "-D BM=%u -D BN=%u -D BK=%u -D TM=%u -D TN=%u -D LOCAL_MEMORY=%d -D SUBGROUP=%u%s",
                     tile->bm, tile->bn, tile->bk, tile->tm, tile->tn, tile->local ? 1 : 0, tile->subgroup,
                     advice);
}

static bool extent_of(const thaw_device *dev, const backend_op *op, const conv_tile *tile, conv_extent *out,
                      char *why, size_t cap)
{
    return op->kind == THAW_OP_CONV2D_BWD_FILTER ? conv_tile_filter_extent(dev, op, tile, out, why, cap)
                                                 : conv_tile_forward_extent(op, tile, out, why, cap);
}

static bool accept_direct(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why,
                          size_t cap)
{
    const conv_tile *tile = algo->variant;
    conv_extent extent;
    if (!conv_tile_runs(dev, tile, why, cap) || !extent_of(dev, op, tile, &extent, why, cap))
        return false;
    snprintf(why, cap, "%s, no local memory",
             tile->subgroup ? "values shared in subgroups" : "register tiles");
    return true;
}

/* A tile is declined where a smaller one promises more: then that is the first that is accepted. */
static bool accept_tile(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why,
                        size_t cap)
{
    const conv_tile *tile = algo->variant;
    conv_extent extent;
    if (!conv_tile_runs(dev, tile, why, cap) || !extent_of(dev, op, tile, &extent, why, cap))
        return false;
    double cost = conv_tile_cost(dev, &extent, tile);
    for (const conv_tile *small = tile + 1; small < tiles + N_TILES && !dev->options.every_algo; small++) {
        char ignored[128];
        if (conv_tile_runs(dev, small, ignored, sizeof ignored) &&
            extent_of(dev, op, small, &extent, ignored, sizeof ignored) &&
            conv_tile_cost(dev, &extent, small) < cost) {
            snprintf(why, cap, "tiles of %ux%u leave %u units short of work: %ux%u suit better", tile->bm,
                     tile->bn, dev->facts->units, small->bm, small->bn);
            return false;
        }
    }
    snprintf(why, cap, "tiles of %ux%u for %u units", tile->bm, tile->bn, dev->facts->units);
    return true;
}

#define TILE(name, kind, i, part)                                                                            \
    {                                                                                                        \
        name, kind, GPUS, &tiles[i], accept_tile, conv_tile_##part##_workspace, conv_tile_##part##_prepare   \
    }
#define TILES(kind, part)                                                                                    \
    TILE("tile 128x128x8", kind, 0, part), TILE("tile 128x64x8", kind, 1, part),                             \
        TILE("tile 128x32x16", kind, 2, part), TILE("tile 64x64x16", kind, 3, part),                         \
        TILE("tile 64x32x16", kind, 4, part), TILE("tile 32x32x8", kind, 5, part)
#define DIRECT(name, kind, shape)                                                                            \
    {                                                                                                        \
        name, kind, SIMD, shape, accept_direct, conv_tile_forward_workspace, conv_tile_forward_prepare       \
    }
#define DIRECTS(kind)                                                                                        \
    DIRECT("direct 8x4 subgroup", kind, &direct_subgroup), DIRECT("direct 8x4", kind, &direct)

static const ocl_algo forward[] = {DIRECTS(THAW_OP_CONV2D), TILES(THAW_OP_CONV2D, forward)};
static const ocl_algo data[] = {DIRECTS(THAW_OP_CONV2D_BWD_DATA), TILES(THAW_OP_CONV2D_BWD_DATA, forward)};
static const ocl_algo filter[] = {TILES(THAW_OP_CONV2D_BWD_FILTER, filter)};

const ocl_algo *const ocl_conv_tile[] = {
    &forward[0], &forward[1], &forward[2], &forward[3], &forward[4], &forward[5], &forward[6], &forward[7],
    &data[0],    &data[1],    &data[2],    &data[3],    &data[4],    &data[5],    &data[6],    &data[7],
    &filter[0],  &filter[1],  &filter[2],  &filter[3],  &filter[4],  &filter[5],  NULL};
