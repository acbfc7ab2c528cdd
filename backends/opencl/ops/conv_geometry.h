/* conv_geometry.h: which source pixels a destination pixel sums over, for CONV2D and CONV2D_BWD_DATA.
 *
 * Source is what is read (x forward, dy backward), destination what is written (y, dx). Backward with a
 * stride, the destination falls into phases, one for each pair of y and x modulo the stride: the pixels of a
 * phase meet the same taps of the filter, and each phase is a convolution of stride 1; phase number p begins
 * at pixel (p / phases_w, p % phases_w). Forward there is one phase. */
#ifndef THAW_OPENCL_CONV_GEOMETRY_H
#define THAW_OPENCL_CONV_GEOMETRY_H

#include "backends/opencl/opencl.h"

typedef struct {
    bool backward;
    int32_t batch, src_h, src_w, dst_h, dst_w;
    int32_t kh, kw;
    int64_t tap_len;                               /* elements read in one piece at a source pixel */
    int64_t src_pitch;                             /* elements */
    int32_t stride_h, stride_w, pad_top, pad_left; /* of the forward op */
    size_t phases;
    size_t phase_pixels; /* of the largest phase, over the whole batch */
} ocl_conv_geometry;

/* [thread-safe] merge: where the taps of a filter row lie side by side in the source, as one longer tap: kw
 * is then 1 and tap_len kw times as long. The order of the sum stays the same. */
ocl_conv_geometry ocl_conv_geometry_of(const backend_op *op, bool merge);

/* a*b and a+b, SIZE_MAX where they overflow or an operand is SIZE_MAX. */
static inline size_t ocl_size_mul(size_t a, size_t b)
{
    size_t r;
    return a == SIZE_MAX || b == SIZE_MAX || __builtin_mul_overflow(a, b, &r) ? SIZE_MAX : r;
}

static inline size_t ocl_size_add(size_t a, size_t b)
{
    size_t r;
    return __builtin_add_overflow(a, b, &r) ? SIZE_MAX : r;
}

/* a/b rounded up; b > 0. */
static inline size_t ocl_size_ceil(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* Reserves `count` elements of 4 bytes at the end of an area of *bytes so far, and returns where they begin,
 * in bytes, a multiple of 64. *bytes becomes SIZE_MAX for good when it overflows. */
size_t ocl_size_take(size_t *bytes, size_t count);

#endif
