/* bf16_amx.c: products of bf16 on AMX's tiles: two by two tiles of sums, 16 by 16 each. */
#include <stdint.h>

#include "amx.h"

#define TILE (BF16_LANES * BF16_LANES)
#define LINE ((size_t)64)

/* The block before the one that is being multiplied: sums that wait for their bias and their way out, which
 * vector instructions do while the tiles multiply. */
typedef struct {
    const float *sums; /* four tiles: 0 1 above 2 3 */
    const float *bias;
    const size_t *pixels; /* of the block's rows */
    float *out;
    size_t out_pitch, rows;
    float floor;
    __mmask16 mask[2]; /* columns of either vector */
} waiting;

typedef struct {
    _Alignas(64) float sums[2][4 * TILE];
    size_t turn; /* the sums that the next block takes */
    waiting before;
} amx_work;

_Static_assert(sizeof(amx_work) <= BF16_WORK_BYTES, "the room that bf16.c gives");

static void begin(void *space)
{
    amx_work *work = space;
    work->turn = 0;
    work->before = (waiting){.sums = work->sums[1], .bias = work->sums[1]};
    _tile_loadconfig(&amx_config);
}

static waiting waiting_of(const conv_bf16_product *p, size_t first, const float *sums)
{
    const unsigned columns = (unsigned)((UINT64_C(1) << p->cols) - 1);
    return (waiting){.sums = sums,
                     .bias = p->bias,
                     .pixels = p->pixels + first,
                     .out = p->out,
                     .out_pitch = p->out_pitch,
                     .rows = p->rows - first < BF16_ROWS ? p->rows - first : BF16_ROWS,
                     .floor = p->floor,
                     .mask = {(__mmask16)columns, (__mmask16)(columns >> BF16_LANES)}};
}

/* Writes rows from … to - 1 of those that there are. */
AMX_INLINE void write_rows(const waiting *w, size_t from, size_t to)
{
    const __m512 lo = _mm512_set1_ps(w->floor);
    const __m512 bias[2] = {_mm512_load_ps(w->bias), _mm512_load_ps(w->bias + BF16_LANES)};
    to = to < w->rows ? to : w->rows;
    for (size_t m = from; m < to; m++) {
        if (w->pixels[m] == BF16_NOWHERE)
            continue;
        const float *sums = w->sums + m / BF16_LANES * 2 * TILE + m % BF16_LANES * BF16_LANES;
        float *out = w->out + w->pixels[m] * w->out_pitch;
        for (size_t v = 0; v < 2; v++) {
            const __m512 z = _mm512_add_ps(_mm512_load_ps(sums + v * TILE), bias[v]);
            _mm512_mask_storeu_ps(out + v * BF16_LANES, w->mask[v], _mm512_max_ps(lo, z));
        }
    }
}

/* Leaves nothing that a switch of threads would have to keep. */
static void end(void *space)
{
    amx_work *work = space;
    write_rows(&work->before, 0, BF16_ROWS);
    _tile_release();
}

/* parts, wide: constants at every call. */
AMX_INLINE void block(const conv_bf16_product *p, size_t first, float *sums, const waiting *waiting_before,
                      amx_ahead *ahead, size_t parts, bool wide)
{
    const waiting before = *waiting_before;
    amx_ahead drawing = *ahead;
    const size_t taps = p->taps, depth = p->k;
    const size_t share =
        BF16_ROWS / (taps * depth / BF16_BLOCK) + 1; /* of the rows that wait, in each step */
    const uint16_t *b = p->panel;
    amx_left a = {.pitch = p->a_pitch * sizeof *p->a, .plane = p->a_plane};
    size_t done = 0;
    amx_zero();
    for (size_t t = 0; t < taps; t++) {
        a.upper = p->a + first * p->a_pitch + p->tap_at[t];
        a.lower = a.upper + BF16_LANES * p->a_pitch;
        for (size_t k = 0; k < depth; k += BF16_BLOCK) {
            amx_step(&a, b, parts, wide, &drawing);
            a.upper += BF16_BLOCK;
            a.lower += BF16_BLOCK;
            b += parts * BF16_BLOCK * (wide ? 2 : 1) * BF16_LANES;
            if (done < before.rows)
                write_rows(&before, done, done + share);
            done += share;
        }
    }
    *ahead = drawing;
    amx_store(sums, wide);
}

AMX_INLINE void multiply_parts(const conv_bf16_product *p, amx_work *work, size_t parts)
{
    const size_t blocks = (p->rows + BF16_ROWS - 1) / BF16_ROWS, steps = blocks * p->taps * p->k / BF16_BLOCK;
    amx_ahead ahead = amx_ahead_of(p->ahead, p->ahead_bytes, steps * amx_turns(parts));
    for (size_t first = 0; first < p->rows; first += BF16_ROWS) {
        float *sums = work->sums[work->turn];
        if (p->vectors == 2)
            block(p, first, sums, &work->before, &ahead, parts, true);
        else
            block(p, first, sums, &work->before, &ahead, parts, false);
        work->before = waiting_of(p, first, sums);
        work->turn ^= 1;
    }
}

static void multiply(const conv_bf16_product *p, void *space)
{
    if (p->parts == 1)
        multiply_parts(p, space, 1);
    else
        multiply_parts(p, space, BF16_PARTS);
}

const conv_bf16_kernels cpu_conv_bf16_kernels_amx = {begin, multiply, end};
