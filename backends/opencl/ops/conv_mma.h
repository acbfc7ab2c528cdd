/* conv_mma.h: what the files of the tensor-core convolution share. */
#ifndef THAW_OPENCL_CONV_MMA_H
#define THAW_OPENCL_CONV_MMA_H

#include "backends/opencl/ops/conv_geometry.h"

/* A variant: the macros of kernels/mma.clh. */
typedef struct {
    uint32_t bm, bn; /* tile of a work-group */
    uint32_t wm, wn; /* tile of a warp */
    uint32_t stages;
    bool three;         /* f32 products, each as three TF32 products */
    uint32_t registers; /* most of a work-item, for compilers that take advice; 0: none given */
    double rate;        /* guessed share of the device's peak, all units busy: only comparisons count */
} conv_mma_tile;

#define CONV_MMA_BK 16u /* terms of a tile; BK of kernels/mma.clh */

/* A convolution as one product: rows x cols sums of `terms` products each. FILTER's sums are cut into `parts`
 * of `share` terms, each a sum of its own; elsewhere there is one part. */
typedef struct {
    size_t rows, cols, terms;
    size_t parts, share;
} conv_mma_extent;

static inline uint32_t conv_mma_items(const conv_mma_tile *t)
{
    return 32 * (t->bm / t->wm) * (t->bn / t->wn);
}

static inline size_t conv_mma_groups(const conv_mma_extent *e, const conv_mma_tile *t)
{
    return ocl_size_mul(ocl_size_ceil(e->rows, t->bm), ocl_size_ceil(e->cols, t->bn));
}

/* Are four neighbouring channels of every pixel aligned to 16 bytes, where the slice begins so? */
static inline bool conv_mma_quads(const thaw_tensor *t)
{
    return t->c % 4 == 0 && t->pixel_pitch % 4 == 0;
}

/* Begins a launch of `kernel` of kernels/<file>, built for the tile; `also` are further options. */
void conv_mma_begin(ocl_plan *plan, const conv_mma_tile *tile, const char *file, const char *kernel,
                    const char *also);
/* Ends it: every tile of the product, for every part. */
void conv_mma_end(ocl_plan *plan, const conv_mma_tile *tile, const conv_mma_extent *extent);
/* The window, its strides and its padding, as the kernels take them. */
void conv_mma_arg_window(ocl_plan *plan, const thaw_tensor *weights);

/* CONV2D and CONV2D_BWD_DATA (conv_mma_gather.c), CONV2D_BWD_FILTER (conv_mma_filter.c): the product that an
 * op is, and functions of ocl_algo, under its rules; `variant` is a conv_mma_tile. */
conv_mma_extent conv_mma_gather_extent(const backend_op *op);
void conv_mma_gather_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data);
conv_mma_extent conv_mma_filter_extent(const thaw_device *dev, const backend_op *op,
                                       const conv_mma_tile *tile);
size_t conv_mma_filter_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo);
void conv_mma_filter_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data);

#endif
