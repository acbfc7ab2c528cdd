/* bf16_unit.h: the parts of a unit of numbers, for files compiled with AVX512_BF16. */
#ifndef THAW_CPU_CONV_BF16_UNIT_H
#define THAW_CPU_CONV_BF16_UNIT_H

#include <immintrin.h>
#include <string.h>

#include "bf16.h"

#define BF16_UNIT ((size_t)32)

/* Rounds the numbers to dst, and leaves in them what the rounding took off. */
static inline __attribute__((always_inline)) void bf16_split_off(__m512 *low, __m512 *high, uint16_t *dst)
{
    const __m512bh v = _mm512_cvtne2ps_pbh(*high, *low);
    __m512i bits;
    memcpy(&bits, &v, sizeof bits);
    _mm512_storeu_si512(dst, bits);
    const __m512i l = _mm512_cvtepu16_epi32(_mm512_castsi512_si256(bits));
    const __m512i h = _mm512_cvtepu16_epi32(_mm512_extracti64x4_epi64(bits, 1));
    *low = _mm512_sub_ps(*low, _mm512_castsi512_ps(_mm512_slli_epi32(l, 16)));
    *high = _mm512_sub_ps(*high, _mm512_castsi512_ps(_mm512_slli_epi32(h, 16)));
}

/* As cpu_conv_bf16_split. */
static inline __attribute__((always_inline)) void bf16_split_unit(const float *src, uint16_t *dst,
                                                                  size_t plane)
{
    __m512 low = _mm512_loadu_ps(src), high = _mm512_loadu_ps(src + 16);
    bf16_split_off(&low, &high, dst);
    bf16_split_off(&low, &high, dst + plane);
    bf16_split_off(&low, &high, dst + 2 * plane);
}

#endif
