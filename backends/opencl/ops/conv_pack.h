/* conv_pack.h: a convolution's weights in panels of columns, as its kernels read them.
 *
 * dst[((panel*taps + tap)*len + k)*width + j] = weight (tap, k, panel*width + j), 0 beyond the columns. CONST
 * weights are packed on the host, once; others by a kernel, in each run. */
#ifndef THAW_OPENCL_CONV_PACK_H
#define THAW_OPENCL_CONV_PACK_H

#include "backends/opencl/ops/conv_geometry.h"

/* Element (tap, k, column) lies at tap*tap_pitch + k*k_pitch + column*col_pitch. */
typedef struct {
    size_t taps, len;
    size_t tap_pitch, k_pitch, col_pitch;
} ocl_conv_matrix;

/* [thread-safe] Columns are output channels forward, source channels backward. */
ocl_conv_matrix ocl_conv_weights(const backend_op *op, const ocl_conv_geometry *geo);
/* [thread-safe] Of a bias, or of any vector. */
ocl_conv_matrix ocl_conv_vector(void);

/* [thread-safe] Elements that `columns` columns take when packed; SIZE_MAX: that overflows. */
size_t ocl_conv_packed(const ocl_conv_matrix *m, size_t columns, size_t width);
/* [thread-safe] Packs columns first … first + columns - 1. src NULL: zeros. */
void ocl_conv_pack(const ocl_conv_matrix *m, const float *src, size_t first, size_t columns, size_t width,
                   float *dst);
/* The same as a launch, from input number `input` to byte `at` of the workspace. */
void ocl_conv_pack_launch(ocl_plan *plan, uint32_t input, const ocl_conv_matrix *m, size_t first,
                          size_t columns, size_t width, size_t at);

#endif
