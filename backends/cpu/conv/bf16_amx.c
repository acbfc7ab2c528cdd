/* bf16_amx.c: products of bf16 on AMX's tiles: two by two tiles of sums, 16 by 16 each. */
#include <immintrin.h>
#include <stdint.h>

#include "bf16.h"

/* Palette 1: eight tiles of 16 rows of 64 bytes. A constant of the file, since compilers believe that the
 * instruction reads its first bytes alone, and leave out what is written to the others before. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} config = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

static void begin(void)
{
    _tile_loadconfig(&config);
}

/* Leaves nothing that a switch of threads would have to keep. */
static void end(void)
{
    _tile_release();
}

static void store_rows(const conv_bf16_product *p, const float *sums, size_t first)
{
    const size_t n = p->rows - first < BF16_ROWS ? p->rows - first : BF16_ROWS;
    const __m512 lo = _mm512_set1_ps(p->floor);
    for (size_t m = 0; m < n; m++) {
        if (p->pixels[first + m] == BF16_NOWHERE)
            continue;
        float *out = p->out + p->pixels[first + m] * p->out_pitch;
        for (size_t v = 0; v < p->vectors; v++) {
            const size_t from = v * BF16_LANES, left = p->cols - from;
            const __mmask16 mask = left < BF16_LANES ? (__mmask16)((1u << left) - 1u) : (__mmask16)0xffff;
            const __m512 z = _mm512_load_ps(sums + m * 2 * BF16_LANES + from);
            _mm512_mask_storeu_ps(out + from, mask, _mm512_max_ps(lo, z));
        }
    }
}

/* A stride of 0 fills every row of a tile with the bias. */
static void two_by_two(const conv_bf16_product *p, size_t first, float *sums)
{
    const size_t pitch = p->a_pitch * sizeof *p->a, width = 4 * BF16_LANES * sizeof *p->panel;
    const uint16_t *w = p->panel;
    _tile_loadd(0, p->bias, 0);
    _tile_loadd(1, p->bias + BF16_LANES, 0);
    _tile_loadd(2, p->bias, 0);
    _tile_loadd(3, p->bias + BF16_LANES, 0);
    for (size_t t = 0; t < p->taps; t++) {
        const uint16_t *a = p->a + first * p->a_pitch + p->tap_at[t], *low = a + 16 * p->a_pitch;
        for (size_t k = 0; k < p->k; k += BF16_BLOCK, w += 2 * BF16_LANES * BF16_BLOCK) {
            _tile_loadd(4, a + k, pitch);
            _tile_loadd(6, w, width);
            _tile_loadd(7, w + 2 * BF16_LANES, width);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, low + k, pitch);
            _tile_dpbf16ps(1, 4, 7);
            _tile_dpbf16ps(2, 5, 6);
            _tile_dpbf16ps(3, 5, 7);
        }
    }
    const size_t row = 2 * BF16_LANES * sizeof *sums;
    _tile_stored(0, sums, row);
    _tile_stored(1, sums + BF16_LANES, row);
    _tile_stored(2, sums + 32 * BF16_LANES, row);
    _tile_stored(3, sums + 33 * BF16_LANES, row);
}

static void two_by_one(const conv_bf16_product *p, size_t first, float *sums)
{
    const size_t pitch = p->a_pitch * sizeof *p->a, width = 2 * BF16_LANES * sizeof *p->panel;
    const uint16_t *w = p->panel;
    _tile_loadd(0, p->bias, 0);
    _tile_loadd(2, p->bias, 0);
    for (size_t t = 0; t < p->taps; t++) {
        const uint16_t *a = p->a + first * p->a_pitch + p->tap_at[t], *low = a + 16 * p->a_pitch;
        for (size_t k = 0; k < p->k; k += BF16_BLOCK, w += BF16_LANES * BF16_BLOCK) {
            _tile_loadd(4, a + k, pitch);
            _tile_loadd(6, w, width);
            _tile_dpbf16ps(0, 4, 6);
            _tile_loadd(5, low + k, pitch);
            _tile_dpbf16ps(2, 5, 6);
        }
    }
    const size_t row = 2 * BF16_LANES * sizeof *sums;
    _tile_stored(0, sums, row);
    _tile_stored(2, sums + 32 * BF16_LANES, row);
}

static void multiply(const conv_bf16_product *p)
{
    _Alignas(64) float sums[BF16_ROWS * 2 * BF16_LANES];
    for (size_t first = 0; first < p->rows; first += BF16_ROWS) {
        (p->vectors == 2 ? two_by_two : two_by_one)(p, first, sums);
        store_rows(p, sums, first);
    }
}

const conv_bf16_kernels cpu_conv_bf16_kernels_amx = {begin, multiply, end};
