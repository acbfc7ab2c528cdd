/* bf16_avx512.c: products of bf16 by vdpbf16ps. 14 rows of 2 vectors fill 28 of the 32 registers. */
#include "bf16_unit.h"

#define ROWS   14
#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

void cpu_conv_bf16_round(const float *src, size_t n, uint16_t *dst)
{
    for (; n >= 32; n -= 32, src += 32, dst += 32) {
        const __m512bh v = _mm512_cvtne2ps_pbh(_mm512_loadu_ps(src + 16), _mm512_loadu_ps(src));
        memcpy(dst, &v, sizeof v);
    }
    for (; n > 0; src += 16, dst += 16) {
        const size_t now = n < 16 ? n : 16;
        const __mmask16 mask = (__mmask16)((1u << now) - 1u);
        const __m256bh v = _mm512_cvtneps_pbh(_mm512_maskz_loadu_ps(mask, src));
        __m256i bits;
        memcpy(&bits, &v, sizeof bits);
        _mm256_mask_storeu_epi16(dst, mask, bits);
        n -= now;
    }
}

void cpu_conv_bf16_split(const float *src, size_t n, uint16_t *dst, size_t plane)
{
    for (; n >= BF16_UNIT; n -= BF16_UNIT, src += BF16_UNIT, dst += BF16_UNIT)
        bf16_split_unit(src, dst, plane);
    if (n == 0)
        return;
    float rest[BF16_UNIT] = {0};
    uint16_t parts[BF16_PARTS * BF16_UNIT];
    memcpy(rest, src, n * sizeof *rest);
    bf16_split_unit(rest, parts, BF16_UNIT);
    for (size_t i = 0; i < BF16_PARTS; i++)
        memcpy(dst + i * plane, parts + i * BF16_UNIT, n * sizeof *parts);
}

INLINE __m512bh pairs(__m512i bits)
{
    __m512bh v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

INLINE __m512i pair_at(const uint16_t *p)
{
    int bits;
    memcpy(&bits, p, sizeof bits);
    return _mm512_set1_epi32(bits);
}

/* rows and nv are constants at every call: all loops over them unroll, acc becomes registers. */
INLINE void tile_body(const conv_bf16_product *p, size_t first, size_t rows, size_t nv)
{
    __m512 acc[ROWS][2];
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        UNROLL
        for (size_t v = 0; v < nv; v++)
            acc[m][v] = _mm512_load_ps(p->bias + v * BF16_LANES);
    }
    const uint16_t *w = p->panel;
    const size_t pitch = p->a_pitch, all = p->taps * p->k;
    const uint16_t *a = p->a + first * pitch + p->tap_at[0];
    for (size_t done = 0, k = 0, tap = 0; done < all; done += 2, k += 2, a += 2, w += nv * 2 * BF16_LANES) {
        if (k == p->k) {
            k = 0;
            a = p->a + first * pitch + p->tap_at[++tap];
        }
        __m512bh b[2];
        UNROLL
        for (size_t v = 0; v < nv; v++)
            b[v] = pairs(_mm512_load_si512(w + v * 2 * BF16_LANES));
        UNROLL
        for (size_t m = 0; m < rows; m++) {
            const __m512bh x = pairs(pair_at(a + m * pitch));
            UNROLL
            for (size_t v = 0; v < nv; v++)
                acc[m][v] = _mm512_dpbf16_ps(acc[m][v], x, b[v]);
        }
    }
    const __m512 lo = _mm512_set1_ps(p->floor);
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        if (p->pixels[first + m] == BF16_NOWHERE)
            continue;
        float *out = p->out + p->pixels[first + m] * p->out_pitch;
        UNROLL
        for (size_t v = 0; v < nv; v++) {
            const size_t from = v * BF16_LANES, left = p->cols > from ? p->cols - from : 0;
            const __mmask16 mask = left < BF16_LANES ? (__mmask16)((1u << left) - 1u) : (__mmask16)0xffff;
            _mm512_mask_storeu_ps(out + from, mask, _mm512_max_ps(lo, acc[m][v]));
        }
    }
}

#define EACH_ROW_COUNT(X) X(1) X(2) X(3) X(4) X(5) X(6) X(7) X(8) X(9) X(10) X(11) X(12) X(13) X(14)
#define DEFINE(R)                                                                                            \
    static void tile_1x##R(const conv_bf16_product *p, size_t first)                                         \
    {                                                                                                        \
        tile_body(p, first, R, 1);                                                                           \
    }                                                                                                        \
    static void tile_2x##R(const conv_bf16_product *p, size_t first)                                         \
    {                                                                                                        \
        tile_body(p, first, R, 2);                                                                           \
    }
EACH_ROW_COUNT(DEFINE)
#define ONE(R) [R] = tile_1x##R,
#define TWO(R) [R] = tile_2x##R,

static void (*const tiles[2][ROWS + 1])(const conv_bf16_product *p, size_t first) = {{EACH_ROW_COUNT(ONE)},
                                                                                     {EACH_ROW_COUNT(TWO)}};

static void multiply(const conv_bf16_product *p, void *space)
{
    (void)space;
    const size_t n = (p->rows + ROWS - 1) / ROWS;
    for (size_t i = 0; i < n; i++) {
        const size_t first = p->rows * i / n;
        tiles[p->vectors - 1][p->rows * (i + 1) / n - first](p, first);
    }
}

static void nothing(void *space)
{
    (void)space;
}

const conv_bf16_kernels cpu_conv_bf16_kernels_avx512 = {1, 0, nothing, multiply, nothing};
