/* geometry.h: which source pixels a destination pixel sums over, for CONV2D and CONV2D_BWD_DATA.
 *
 * Source is what is read (x forward, dy backward), destination what is written (y, dx). Backward with a
 * stride, the destination falls into phases, one for each pair of (y + pad_top) mod stride_h and
 * (x + pad_left) mod stride_w: the pixels of a phase meet the same taps of the filter, and each phase is a
 * convolution of stride 1. Forward there is one phase. Taps are numbered phase by phase. */
#ifndef THAW_CPU_CONV_GEOMETRY_H
#define THAW_CPU_CONV_GEOMETRY_H

#include "backends/cpu/cpu.h"

typedef struct {
    bool backward;
    size_t batch;
    size_t src_h, src_w, src_pitch;
    size_t dst_h, dst_w;
    size_t kh, kw;  /* taps; kw is 1 where the taps of a filter row are merged */
    size_t tap_len; /* elements read in one piece at a source pixel */
    ptrdiff_t stride_h, stride_w, pad_top, pad_left;
    size_t phases_h, phases_w;
} conv_geometry;

/* Destination pixel (y0 + ty*step_y, x0 + tx*step_x), ty < rows, tx < cols, sums over taps i < tap_h,
 * j < tap_w at source pixel (src_y0 + ty*src_step_y + i*tap_step, src_x0 + tx*src_step_x + j*tap_step). */
typedef struct {
    size_t y0, x0, step_y, step_x, rows, cols;
    size_t tap_h, tap_w, first_tap;
    ptrdiff_t src_y0, src_x0, src_step_y, src_step_x, tap_step;
} conv_phase;

conv_geometry cpu_conv_geometry(const backend_op *op);
/* index < phases_h*phases_w. */
conv_phase cpu_conv_phase(const conv_geometry *geo, size_t index);
/* The filter's own tap (i*kw + j) that is packed as tap `packed`; ctx is a conv_geometry. */
size_t cpu_conv_tap_at(const void *ctx, size_t packed);

#endif
