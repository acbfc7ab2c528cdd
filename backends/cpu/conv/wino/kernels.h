/* kernels.h: the transforms of Winograd's convolutions, one table of them for each instruction set.
 *
 * A tile of mh x mw outputs of an rh x rw filter is made from nh x nw pixels, nh = mh + rh - 1, by P = nh*nw
 * products of channels, one at each point. Functions are [thread-safe]. */
#ifndef THAW_CPU_CONV_WINO_KERNELS_H
#define THAW_CPU_CONV_WINO_KERNELS_H

#include "backends/cpu/conv/kernels.h"

/* Longest edge of a tile and of what it reads. */
#define WINO_MAX_M      8
#define WINO_MAX_N      12
#define WINO_MAX_POINTS 64
#define WINO_MAX_TAPS   25

/* out[p*point_pitch + c] = (B^T d B)[p] at channel c, for all channels and 0 up to a whole vector. */
typedef struct {
    const float *const *pixels; /* nh*nw, row by row */
    size_t channels;
    float *out; /* aligned to a vector, as are its points */
    size_t point_pitch;
} wino_input;

/* The longest chain of multiply-adds. A longer sum is cut into pieces of about the same length: the rounding
 * of products is what the output transform enlarges, and it grows with the length of their chain. */
#define WINO_MAX_CHAIN ((size_t)48)

/* out[i*W + j] = sum over k < depth of v[i*v_pitch + k] * u[k*W + j]    for i < R and j < W, R being the
 * kernel's rows and W its width in elements. */
typedef struct {
    const float *v;
    size_t v_pitch, depth;
    const float *u; /* aligned to a vector, as is out */
    float *out;
    const char *prefetch; /* NULL, or a line of it is drawn towards the second-level cache at each k */
} wino_product;

/* out[i*row_pitch + j*pixel_pitch + c] = max(floor, bias[c] + (A^T q A)[i][j]) at channel c, for i < rows,
 * j < cols and c < channels, where q[p] = products[p*point_pitch + c]. A NaN passes through the maximum. */
typedef struct {
    const float *products; /* aligned to a vector, as are its points */
    size_t point_pitch;
    const float *bias; /* aligned to a vector; as many as the products */
    float floor;
    float *out;
    size_t row_pitch, pixel_pitch;
    size_t rows, cols, channels;
} wino_output;

/* out[(p*n + k)*W + j] = (G g G^T)[p] with g[t] = taps[(t*n + k)*W + j], for k < n and j < W, in double;
 * W = vectors*lanes. */
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

typedef struct {
    /* [vectors of the panel - 1][rows]; rows as conv_kernels has them for the instruction set */
    void (*product[2][CONV_MAX_ROWS + 1])(const wino_product *t);
} wino_products;

/* A variant: what is the same for all instruction sets. */
typedef struct {
    const char *name;
    size_t mh, rh, mw, rw;
    size_t terms; /* of the shortest sum that it takes: variants.def */
} wino_variant;

enum {
#define WINO(mh, rh, mw, rw, terms, name) WINO_##mh##x##mw##_##rh##x##rw,
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

const wino_products *cpu_wino_products(cpu_isa isa);
/* Those of one variant for an instruction set above CPU_ISA_REFERENCE that this machine has. */
const wino_kernels *cpu_wino_kernels(cpu_isa isa, size_t variant);

#endif
