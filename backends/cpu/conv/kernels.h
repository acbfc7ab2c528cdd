/* kernels.h: the inner loops of the convolutions, one table of them for each instruction set.
 *
 * A panel is a piece of a matrix as wide as one or two vectors. Every kernel sums each of its results in
 * one chain of multiply-adds in the order of k, so that a result has the same bits whichever kernel of the
 * table made it. All functions are [thread-safe]. */
#ifndef THAW_CPU_CONV_KERNELS_H
#define THAW_CPU_CONV_KERNELS_H

#include "backends/cpu/cpu.h"

/* Rows of the tallest tile of any instruction set. */
#define CONV_MAX_ROWS 14
/* Pixels of the longest side of a tile that is transformed. */
#define CONV_AXIS 6
/* Pixels of a filter gradient between two prefetches. */
#define CONV_FILTER_STRIDE ((size_t)8)

/* One tile of an implicit matrix product:
 * out[pixels[m]*out_pitch + j] = max(floor, bias[j] + sum over t < taps, k < tap_len of
 *     rows[t*R + m][k] * weights[(t*tap_len + k)*W + j])    for m < R and j < cols,
 * R being the kernel's rows and W its width in elements. A NaN passes through the maximum. */
typedef struct {
    const float *const *rows;
    size_t taps, tap_len;
    const float *weights; /* aligned to a vector */
    const float *bias;    /* W elements, aligned to a vector */
    float floor;
    float *out;
    size_t out_pitch;
    const size_t *pixels;
    size_t cols;          /* 1 … W */
    const char *prefetch; /* NULL, or a line of it is drawn towards the second-level cache at each k */
} conv_tile;

/* Pixels of one line of the destination, windows within the image:
 * out[m*out_pitch + j] = max(floor, bias[j] + sum over t < taps, k < tap_len of
 *     x[m*step + t*tap_pitch + k] * weights[(t*tap_len + k)*W + j])    for m < R and j < cols. */
typedef struct {
    const float *x;
    size_t step, tap_pitch;
    size_t taps, tap_len;
    const float *weights; /* aligned to a vector, as is bias */
    const float *bias;
    float floor;
    float *out;
    size_t out_pitch;
    size_t cols; /* 1 … W */
} conv_line;

/* One tile of a filter gradient over n pixels:
 * out[m*out_pitch + j] (+)= sum over p < n of x[p*x_pitch + m] * dy[p*dy_pitch + j]   for m < R and j < cols.
 */
typedef struct {
    const float *x;
    const float *dy; /* aligned to a vector, as is dy_pitch */
    size_t x_pitch, dy_pitch;
    size_t n;
    float *out;
    size_t out_pitch;
    size_t cols;          /* 1 … W */
    bool add;             /* to what out holds; otherwise out is only written */
    const char *prefetch; /* drawn likewise, prefetch_step bytes further every CONV_FILTER_STRIDE pixels */
    size_t prefetch_step;
} conv_filter_tile;

/* A matrix of `to` rows and `from` columns that works along one axis of a tile. */
typedef struct {
    size_t from, to;
    const float *m;
} conv_axis;

typedef struct {
    size_t lanes;    /* elements of a vector */
    size_t max_rows; /* of a tile */
    /* [vectors of the panel - 1][rows of the tile] */
    void (*tile[2][CONV_MAX_ROWS + 1])(const conv_tile *t);
    void (*line[2][CONV_MAX_ROWS + 1])(const conv_line *t);
    void (*filter[2][CONV_MAX_ROWS + 1])(const conv_filter_tile *t);
    /* Copies R elements, from `first` on, of each of n rows: dst[p*R + m] = rows[p][first + m]. */
    void (*pack_rows[CONV_MAX_ROWS + 1])(const float *const *rows, size_t first, size_t n, float *dst);
    /* dst[p*W + j] = src[p*pitch + j] for j < cols, 0 up to W. dst is aligned to a vector. */
    void (*pack_panel[2])(const float *src, size_t pitch, size_t n, size_t cols, float *dst);
    /* A tile of h->from lines of w->from pixels times a matrix along each axis, for each channel:
     * out[(i*w->to + j)*stride + k/width*block + k%width]
     *     = sum of h->m[i][p] * w->m[j][q] * cells[p*w->from + q][k],
     * 0 from `channels` on to a multiple of width, itself one of the vector. from and to: at most CONV_AXIS.
     */
    void (*spread)(const float *const *cells, size_t channels, const conv_axis *h, const conv_axis *w,
                   float *out, size_t stride, size_t width, size_t block);
    /* The same of pixels (p, q) at in + (p*w->from + q)*in_stride, aligned to a vector, to
     * out[(i*w->to + j)*stride + k]; added to what is there, or written. */
    void (*gather)(const float *in, size_t in_stride, size_t channels, const conv_axis *h, const conv_axis *w,
                   float *out, size_t stride, bool add);
} conv_kernels;

extern const conv_kernels cpu_conv_kernels_generic;
#if defined(__x86_64__)
extern const conv_kernels cpu_conv_kernels_avx2;
extern const conv_kernels cpu_conv_kernels_avx512;
#endif

/* The table for an instruction set above CPU_ISA_REFERENCE that this machine has. */
const conv_kernels *cpu_conv_kernels(cpu_isa isa);

#endif
