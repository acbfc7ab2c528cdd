/* amx_rows.h: sums on their way from AMX's tiles to the output: they wait for their bias and for being
 * written, which vector instructions do while the tiles multiply what comes behind. */
#ifndef THAW_CPU_CONV_AMX_ROWS_H
#define THAW_CPU_CONV_AMX_ROWS_H

#include "amx.h"

typedef struct {
    const float *sums; /* AMX_SUMS for each BF16_ROWS rows */
    const float *bias;
    const size_t *pixels; /* of the rows */
    float *out;
    size_t out_pitch, rows;
    float floor;
    __mmask16 mask[2]; /* columns of either vector */
} amx_rows;

/* Nothing waits. aligned: any 2*BF16_LANES numbers, aligned to 64 bytes. */
AMX_INLINE amx_rows amx_no_rows(const float *aligned)
{
    return (amx_rows){.sums = aligned, .bias = aligned};
}

/* The rows of a product from `first` on, at most n. */
AMX_INLINE amx_rows amx_rows_of(const conv_bf16_product *p, size_t first, size_t n, const float *sums)
{
    const unsigned columns = (unsigned)((UINT64_C(1) << p->cols) - 1);
    return (amx_rows){.sums = sums,
                      .bias = p->bias,
                      .pixels = p->pixels + first,
                      .out = p->out,
                      .out_pitch = p->out_pitch,
                      .rows = p->rows - first < n ? p->rows - first : n,
                      .floor = p->floor,
                      .mask = {(__mmask16)columns, (__mmask16)(columns >> BF16_LANES)}};
}

/* Writes rows from … to - 1 of those that there are. */
AMX_INLINE void amx_write_rows(const amx_rows *w, size_t from, size_t to)
{
    const __m512 lo = _mm512_set1_ps(w->floor);
    const __m512 bias[2] = {_mm512_load_ps(w->bias), _mm512_load_ps(w->bias + BF16_LANES)};
    to = to < w->rows ? to : w->rows;
    for (size_t m = from; m < to; m++) {
        if (w->pixels[m] == BF16_NOWHERE)
            continue;
        const float *sums = w->sums + m / BF16_LANES * 2 * AMX_TILE + m % BF16_LANES * BF16_LANES;
        float *out = w->out + w->pixels[m] * w->out_pitch;
        for (size_t v = 0; v < 2; v++) {
            const __m512 z = _mm512_add_ps(_mm512_load_ps(sums + v * AMX_TILE), bias[v]);
            _mm512_mask_storeu_ps(out + v * BF16_LANES, w->mask[v], _mm512_max_ps(lo, z));
        }
    }
}

#endif
