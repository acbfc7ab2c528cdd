/* bf16.h: convolutions by products of bf16 with sums in f32, where the processor has them: of factors that
 * are rounded, if the op permits it, or of f32 as it is, each factor in three parts (amx.h).
 *
 * An implicit matrix product like that of gemm.h, on a copy of what a task reads, in bf16, which lies in the
 * second-level cache for all panels of weights. Each result is one chain of sums over pairs (AVX512_BF16) or
 * blocks of 32 (AMX) of factors, tap by tap, and the bias before or behind it: neither the batch nor the
 * threads nor the cut into tasks can change its bits. bf16_rows.h has the forms of the copy. */
#ifndef THAW_CPU_CONV_BF16_H
#define THAW_CPU_CONV_BF16_H

#include "backends/cpu/cpu.h"

extern const cpu_algo cpu_conv_bf16_amx;       /* tiles of 16 by 16 */
extern const cpu_algo cpu_conv_bf16_split_amx; /* f32: factors in three parts, nothing is rounded away */
extern const cpu_algo cpu_conv_bf16_split_amx_bwd_data;
extern const cpu_algo cpu_conv_bf16_avx512; /* vdpbf16ps */

/* A tap's part of the reduction is padded with zeros to a multiple of this: a row of a tile of AMX. */
#define BF16_BLOCK ((size_t)32)
/* And the rows of a task to a multiple of this: two tiles. */
#define BF16_ROWS ((size_t)32)
/* Columns of a vector. */
#define BF16_LANES ((size_t)16)
/* The parts of an f32 number: the number rounded to bf16, what is left of it rounded, and what is left then:
 * 24 bits of mantissa together, all that f32 has. */
#define BF16_PARTS ((size_t)3)
/* Place of a row that has none in the output: what is computed for it is dropped. */
#define BF16_NOWHERE SIZE_MAX

/* Rows of the left matrix with one panel:
 * out[pixels[m]*out_pitch + j] = max(floor, bias[j] + sum over t < taps, i < k of
 *     a[m*a_pitch + tap_at[t] + i] * w[t*k + i][j])
 * for m < rows and j < cols, w[i][j] being panel[(i/2*W + j)*2 + i%2] and W = vectors*BF16_LANES. Where
 * factors are split, part p of an element of a lies p*a_plane behind the first, and the panel is of f32;
 * otherwise of bf16. A NaN passes through the maximum. */
typedef struct {
    const uint16_t *a; /* aligned to 64 bytes, with room for a multiple of BF16_ROWS rows */
    size_t a_pitch, a_plane, rows;
    size_t taps, k; /* k is a multiple of BF16_BLOCK */
    const size_t *tap_at;
    const void *panel;
    const void *next;  /* the panel of the next product, as wide and with the same rows; or NULL */
    size_t vectors;    /* 1 or 2 */
    const float *bias; /* 2*BF16_LANES, aligned */
    float floor;
    float *out;
    size_t out_pitch;
    const size_t *pixels;
    size_t cols; /* 1 … W */
    /* What is read next, a multiple of 64 bytes, not NULL: drawn into the second-level cache meanwhile. */
    const void *ahead;
    size_t ahead_bytes;
} conv_bf16_product;

/* begin and end run on the thread that computes, before a task's first product and behind its last. What a
 * product gives is written when end returns: until then kernels keep what they will of it in `space`, and
 * read what its pointers lead to. */
typedef struct {
    size_t parts;      /* of a factor: 1, or BF16_PARTS where it is split */
    size_t work_bytes; /* of space, which is aligned to 64 bytes */
    void (*begin)(void *space);
    void (*multiply)(const conv_bf16_product *p, void *space);
    void (*end)(void *space);
} conv_bf16_kernels;

extern const conv_bf16_kernels cpu_conv_bf16_kernels_avx512, cpu_conv_bf16_kernels_amx,
    cpu_conv_bf16_kernels_split_amx;
/* Rounds n numbers to nearest even, numbers below 2^-126 to 0. */
void cpu_conv_bf16_round(const float *src, size_t n, uint16_t *dst);
/* The BF16_PARTS parts of n numbers, part i at dst + i*plane. Of an infinity, and of a number that rounds to
 * one, the parts behind the first are NaN. */
void cpu_conv_bf16_split(const float *src, size_t n, uint16_t *dst, size_t plane);

#endif
