/* conv_panel.h: convolutions for CPUs, made of register tiles over packed panels; kernels/conv_panel.cl and
 * kernels/conv_panel_filter.cl say how. */
#ifndef THAW_OPENCL_CONV_PANEL_H
#define THAW_OPENCL_CONV_PANEL_H

#include "backends/opencl/ops/conv_pack.h"

/* Rows of a register tile: MR of the kernels. Six rows of two vectors are twelve chains of multiply-adds,
 * enough for the units of any core, and fit 16 registers; also 32 half as wide, into which some compilers
 * break vectors of 16 floats. */
#define OCL_PANEL_ROWS ((size_t)6)

/* Columns of one tensor that are cut into panels of one width. The last columns are a strip of their own
 * where one vector is enough for them. */
typedef struct {
    uint32_t tensor; /* number among the tensors that were cut */
    uint32_t vectors;
    size_t first_of_all;      /* first column, of all tensors together */
    size_t first;             /* the same within its tensor */
    size_t columns, width;    /* width of a panel: vectors*lanes */
    size_t packed_columns_at; /* columns of the strips before this one, filled up to whole panels */
} ocl_panel_strip;

#define OCL_PANEL_MAX_STRIPS (2u * THAW_CONV_MAX_OUT)

/* [thread-safe] Cuts the channels of n tensors, n <= THAW_CONV_MAX_OUT, into at most OCL_PANEL_MAX_STRIPS
 * strips. Returns how many. *packed_columns: columns of all strips, filled up. */
uint32_t ocl_panel_cut(const thaw_tensor *tensors, uint32_t n, size_t lanes,
                       ocl_panel_strip strips[OCL_PANEL_MAX_STRIPS], size_t *packed_columns);

/* [thread-safe] As the members of ocl_algo. */
size_t ocl_panel_gemm_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo);
void ocl_panel_gemm_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data);
size_t ocl_panel_filter_workspace(const thaw_device *dev, const backend_op *op, const ocl_algo *algo);
void ocl_panel_filter_prepare(ocl_plan *plan, const ocl_algo *algo, const void *const *const_data);

#endif
