/* kernels.h: the transforms of Winograd's convolutions, one table of them for each instruction set.
 *
 * A tile of mh x mw outputs of an rh x rw filter is made from nh x nw pixels, nh = (mh - 1)*stride + rh, by
 * P = nh*nw products of channels, one at each point. With a stride of 1 each point has weights of its own.
 * With a stride of 2 the last mh rows of points share theirs, and the last mw columns: points with the same
 * weights are a set. Functions are [thread-safe]. */
#ifndef THAW_CPU_CONV_WINO_KERNELS_H
#define THAW_CPU_CONV_WINO_KERNELS_H

#include "backends/cpu/conv/kernels.h"

/* Longest edge of a tile and of what it reads. */
#define WINO_MAX_M      8
#define WINO_MAX_N      12
#define WINO_MAX_POINTS 64
#define WINO_MAX_TAPS   25

/* A variant: what is the same for all instruction sets. */
typedef struct {
    const char *name;
    size_t mh, rh, mw, rw, stride;
    size_t terms; /* of the shortest sum that it takes: variants.def */
} wino_variant;

/* Rows of the weights' transform along an axis of m outputs. */
static inline size_t wino_set_count(size_t m, size_t r, size_t stride)
{
    return stride == 1 ? m + r - 1 : m + 2;
}

/* Where a point stands: behind `before` others, in a set of `share`, behind `at` of them. */
typedef struct {
    size_t before, share, at;
} wino_spot;

/* Of the point in row i and column j. A row of a set that is shared holds the columns of its mh rows. */
static inline wino_spot wino_spot_of(const wino_variant *v, size_t i, size_t j)
{
    const size_t sets_h = wino_set_count(v->mh, v->rh, v->stride), nw = (v->mw - 1) * v->stride + v->rw;
    const size_t sets_w = wino_set_count(v->mw, v->rw, v->stride);
    const bool shared_h = v->stride > 1 && i + 1 >= sets_h, shared_w = v->stride > 1 && j + 1 >= sets_w;
    const size_t row = shared_h ? sets_h - 1 : i, col = shared_w ? sets_w - 1 : j;
    const size_t rows = shared_h ? v->mh : 1, cols = shared_w ? v->mw : 1;
    return (wino_spot){row * nw + rows * col, rows * cols, (i - row) * cols + j - col};
}

/* The values at the points of tiles, in V and in M: those of a set lie tile by tile, so that they are one
 * factor of one product. A tile's at a point are at base[before*point_pitch + (tile*share + at)*row]. */
typedef struct {
    float *base; /* aligned to a vector, as is all of it */
    size_t point_pitch, row, tile;
} wino_values;

static inline float *wino_values_at(const wino_values *v, wino_spot s)
{
    return v->base + s.before * v->point_pitch + (v->tile * s.share + s.at) * v->row;
}

/* out[p][c] = (B^T d B)[p] at channel first + c, for c < channels and 0 up to a whole vector. */
typedef struct {
    const float *const *pixels; /* nh*nw, row by row */
    size_t first, channels;
    wino_values out;
} wino_input;

/* The longest chain of multiply-adds. A longer sum is cut into pieces of about the same length: the rounding
 * of products is what the output transform enlarges, and it grows with the length of their chain. */
#define WINO_MAX_CHAIN ((size_t)48)

/* The weights of a set in one panel: W = vectors*lanes of them for each channel. */
typedef struct {
    const float *at; /* aligned to a vector */
    size_t vectors;  /* 1 or 2 */
} wino_factor;

/* M of a set in one panel:
 * out[i*W + j] = sum over k < depth of V[i][k] * u.at[k*W + j]    for i < rows and j < W.
 * A row of V has a number for each k, or, where the kernels say parts (below), for each WINO_BLOCK of them
 * one part of each, then the next, smaller one; in a part 0, 16, 1, 17 … 15, 31 of the block follow each
 * other. */
typedef struct {
    const void *v;
    size_t v_pitch; /* bytes */
    size_t rows, depth;
    wino_factor u, next; /* next: what this thread multiplies with behind it, or at = NULL */
    float *out;          /* aligned to a vector, as V */
    const char *draw;    /* NULL, or drawn towards the second-level cache: as many bytes as u has */
} wino_product;

/* What V in parts is padded to: channels with 0, and rows of a set, in V and in M, with what is left there.
 */
#define WINO_BLOCK      ((size_t)32)
#define WINO_BLOCK_ROWS ((size_t)32)

/* Rows of V in parts, from f32: to[p] is written with the parts of from[p*pitch + c], c < channels, and 0 up
 * to a whole block, for p < points. What lies behind the channels up to a whole vector is 0. */
typedef struct {
    const float *from; /* aligned to a vector, as pitch and to */
    size_t pitch, points, channels;
    uint16_t *const *to;
    size_t first; /* elements behind to[p] */
} wino_split;

/* out[i*row_pitch + j*pixel_pitch + c] = max(floor, bias[c] + (A^T q A)[i][j]) at channel c, for i < rows,
 * j < cols and c < channels, where q[p] = products[p][c]. A NaN passes through the maximum. */
typedef struct {
    wino_values products;
    const float *bias; /* aligned to a vector; as many as the products */
    float floor;
    float *out;
    size_t row_pitch, pixel_pitch;
    size_t rows, cols, channels;
} wino_output;

/* out[(s*n + k)*W + j] = (G g G^T)[s] for each set s, with g[t] = taps[(t*n + k)*W + j], for k < n and j < W,
 * in double; W = vectors*lanes. */
typedef struct {
    const float *taps; /* rh*rw, row by row */
    size_t n, vectors;
    float *out;
} wino_weights;

typedef struct {
    /* False: a pixel holds an infinity or a NaN, which differences spread over the whole tile. */
    bool (*input)(const wino_input *t);
    void (*output)(const wino_output *t);
    void (*weights)(const wino_weights *t);
} wino_kernels;

/* begin and end run on the thread that multiplies, before the first product of a task and behind its last. */
typedef struct {
    size_t parts; /* of a number in V; 0: V is of f32 */
    size_t ahead; /* products from the one whose weights are drawn to this one */
    void (*begin)(void *space);
    void (*multiply)(const wino_product *t, void *space);
    void (*end)(void *space);
    void (*split)(const wino_split *t);  /* NULL without parts */
    size_t (*space_bytes)(size_t depth); /* of space, which is aligned to 64 bytes; NULL: none */
} wino_products;

enum {
#define WINO(mh, rh, mw, rw, stride, terms, name) WINO_##mh##x##mw##_##rh##x##rw##_##stride,
#include "variants.def"
#undef WINO
    WINO_VARIANTS
};

extern const wino_variant cpu_wino_variants[WINO_VARIANTS];
extern const wino_kernels cpu_wino_kernels_generic[WINO_VARIANTS];
extern const wino_products cpu_wino_products_generic;
#if defined(__x86_64__)
extern const wino_kernels cpu_wino_kernels_avx2[WINO_VARIANTS], cpu_wino_kernels_avx512[WINO_VARIANTS];
extern const wino_products cpu_wino_products_avx2, cpu_wino_products_avx512;
#endif
#if defined(THAW_CPU_BF16)
extern const wino_products cpu_wino_products_amx;
#endif

/* For an instruction set above CPU_ISA_REFERENCE that this machine has. */
const wino_products *cpu_wino_products(cpu_isa isa);
/* Those of one variant for an instruction set above CPU_ISA_REFERENCE that this machine has. */
const wino_kernels *cpu_wino_kernels(cpu_isa isa, size_t variant);

#endif
