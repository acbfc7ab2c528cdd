/* bf16_rows.h: the left matrix of a task of bf16.h, in bf16.
 *
 * Made whole: a row is one destination pixel, its taps side by side. Or, with more than one tap, as a region:
 * the source lines that a block of destination lines reads, with what is padded about them, pixel by pixel.
 * Row m of the matrix then begins at pixel m of the region, and each tap at a fixed distance behind, so that
 * nothing is copied twice; the rows that begin where no window of the image does are computed for nothing.
 * With a stride s the region is s*s of these, one for each remainder of the source's coordinates, and each
 * tap reads the one that it falls on. Lines lie along the axis on which rows for nothing are fewer. Where the
 * depth would need much padding the pixels stand close, and the taps of a filter line are multiplied in one:
 * as blocks, the last of which begins earlier and meets weights of 0 where it overlaps, so that no row reads
 * beyond its window. */
#ifndef THAW_CPU_CONV_BF16_ROWS_H
#define THAW_CPU_CONV_BF16_ROWS_H

#include "bf16.h"
#include "geometry.h"

/* One axis of the image: along the lines, or across them. */
typedef struct {
    size_t src, dst, taps, step; /* step: source pixels from one to the next */
    size_t stride, reach;        /* reach: pixels that a remainder's taps reach over, beyond the first */
    ptrdiff_t pad;
} bf16_axis;

typedef struct {
    conv_geometry geo; /* backward, of the convolution of stride 1 that it is */
    bool region;
    bool turned;               /* lines are columns of the image */
    bool joined;               /* region: a filter line's taps are one, in blocks of their own */
    bf16_axis along, across;   /* region */
    size_t taps, k, pitch;     /* as of the product; of the matrix made whole, one tap of all */
    size_t filter_taps, depth; /* taps of the filter as the geometry has them, and source elements of each */
    size_t lines;              /* region: destination lines of a task, at most */
    size_t rows;               /* of a task, at most, a multiple of BF16_ROWS */
    size_t chunks;             /* tasks */
    size_t parts;              /* of an element: 1 or BF16_PARTS */
    size_t remainder;          /* region: elements of one remainder's part of a plane */
    size_t plane, elements;    /* of one part of a task's matrix, and of all of it */
} bf16_rows;

/* Pixels of a line of a region, with those that the taps of its last row reach over. */
static inline size_t bf16_line_pixels(const bf16_rows *r)
{
    return r->along.dst + r->along.reach;
}

/* Rows that begin in so many lines, without those behind the last one's end. */
static inline size_t bf16_rows_in(const bf16_rows *r, size_t lines)
{
    return (lines - 1) * bf16_line_pixels(r) + r->along.dst;
}

/* l2_bytes: of a core. Sizes are SIZE_MAX where they overflow. */
bf16_rows cpu_conv_bf16_rows(const backend_op *op, size_t parts, size_t l2_bytes);
/* Where tap t of the product begins in a row. */
size_t cpu_conv_bf16_tap(const bf16_rows *r, size_t t);
/* Which of the product's taps * k factors is element i of the filter's tap that is packed as number t. */
size_t cpu_conv_bf16_factor(const bf16_rows *r, size_t t, size_t i);
/* The filter's own tap, i*kw + j, that is packed as number t. */
size_t cpu_conv_bf16_filter_tap(const bf16_rows *r, size_t t);
/* Where the filling of a task reads what the task before it does not, if that lies in one piece; otherwise
 * NULL. For prefetches alone. */
const float *cpu_conv_bf16_source(const bf16_rows *r, const float *x, size_t chunk, size_t *bytes);
/* Fills the matrix of a task and the places of its rows in the output. Returns the rows. */
size_t cpu_conv_bf16_fill(const bf16_rows *r, const float *x, size_t chunk, uint16_t *a, size_t *pixels);

#endif
