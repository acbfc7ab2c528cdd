/* conv_tile.h: what the files of the GPU-shaped convolution share: its tiles, and which of them suits. */
#ifndef THAW_OPENCL_CONV_TILE_H
#define THAW_OPENCL_CONV_TILE_H

#include "backends/opencl/ops/conv_pack.h"

/* A variant: the macros of conv_tile.cl and conv_tile_filter.cl. */
typedef struct {
    uint32_t bm, bn, bk, tm, tn;
    bool local;         /* through local memory */
    uint32_t subgroup;  /* size of the subgroups that share values; 0: none */
    uint32_t registers; /* of a work-item, advice for compilers that take it; 0: none */
    double rate;        /* guessed share of the device's peak, all units busy: only comparisons count */
} conv_tile;

/* A convolution as products of tiles: `phases` sets of at most `rows` rows each, for every output's columns;
 * and each product's sum in `parts`, which are groups of their own. */
typedef struct {
    size_t rows, phases, parts;
    uint32_t n_out;
    uint32_t columns[THAW_CONV_MAX_OUT];
} conv_extent;

static inline uint32_t conv_tile_items(const conv_tile *t)
{
    return t->bm / t->tm * (t->bn / t->tn);
}

/* An input that several launches read: the caller's slice, or one copy if it is CONST. */
typedef struct {
    uint32_t input, owned;
    bool is_const;
} conv_source;

conv_source conv_source_of(ocl_plan *plan, uint32_t input, const void *const *const_data);
/* From element `element` on, as an argument. */
void conv_arg_source(ocl_plan *plan, conv_source source, size_t element);

/* Can the device run this tile at all? `why` (cap bytes) says what it lacks. [thread-safe] */
bool conv_tile_runs(const thaw_device *dev, const conv_tile *tile, char *why, size_t cap);

/* Guessed cost of a convolution with this tile, in multiply-adds of one unit for each step of the sum: tiles
 * are rounded up to whole ones, and the units to the busiest. [thread-safe] */
double conv_tile_cost(const thaw_device *dev, const conv_extent *extent, const conv_tile *tile);

/* Begins a launch of `kernel` of kernels/<file>, built for the tile. */
void conv_tile_begin(ocl_plan *plan, const conv_tile *tile, const char *file, const char *kernel);

/* Functions of ocl_algo, under its rules; `variant` is a conv_tile. conv_tile_forward.c serves CONV2D and
 * CONV2D_BWD_DATA, conv_tile_filter.c CONV2D_BWD_FILTER. The extent functions are pure; they answer false,
 * with why, where the kernels' 32-bit counts do not hold the op. */
bool conv_tile_forward_extent(const backend_op *op, const conv_tile *tile, conv_extent *out, char *why,
                              size_t cap);
size_t conv_tile_forward_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo);
void conv_tile_forward_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data);
bool conv_tile_filter_extent(const thaw_device *dev, const backend_op *op, const conv_tile *tile,
                             conv_extent *out, char *why, size_t cap);
size_t conv_tile_filter_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo);
void conv_tile_filter_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data);

#endif
