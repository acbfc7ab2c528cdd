/* bf16_amx.c: products of bf16 on AMX's tiles. */
#include "amx_rows.h"

typedef struct {
    _Alignas(64) float sums[2][AMX_SUMS];
    size_t turn;     /* the sums that the next block takes */
    amx_rows before; /* of the block before */
} amx_work;

static void begin(void *space)
{
    amx_work *work = space;
    work->turn = 0;
    work->before = amx_no_rows(work->sums[1]);
    _tile_loadconfig(&amx_config);
}

/* Leaves nothing that a switch of threads would have to keep. */
static void end(void *space)
{
    amx_work *work = space;
    amx_write_rows(&work->before, 0, BF16_ROWS);
    _tile_release();
}

typedef struct {
    amx_rows before;
    size_t done, share; /* rows written, and to write in a turn */
    amx_ahead ahead;
} aside;

AMX_INLINE void turn(void *work)
{
    aside *a = work;
    if (a->done < a->before.rows)
        amx_write_rows(&a->before, a->done, a->done + a->share);
    a->done += a->share;
    amx_draw(&a->ahead);
}

/* wide: a constant at every call. */
AMX_INLINE void block(const conv_bf16_product *p, size_t first, float *sums, aside *work, bool wide)
{
    const size_t taps = p->taps, depth = p->k;
    const uint16_t *b = p->panel;
    amx_left a = {.pitch = p->a_pitch * sizeof *p->a};
    aside own = *work; /* in registers */
    amx_zero();
    for (size_t t = 0; t < taps; t++) {
        a.upper = p->a + first * p->a_pitch + p->tap_at[t];
        a.lower = a.upper + BF16_LANES * p->a_pitch;
        for (size_t k = 0; k < depth; k += BF16_BLOCK) {
            amx_step(&a, b, 1, wide, turn, &own);
            a.upper += BF16_BLOCK;
            a.lower += BF16_BLOCK;
            b += BF16_BLOCK * (wide ? 2 : 1) * BF16_LANES;
        }
    }
    work->ahead = own.ahead;
    amx_store(sums, wide);
}

static void multiply(const conv_bf16_product *p, void *space)
{
    amx_work *work = space;
    const size_t blocks = (p->rows + BF16_ROWS - 1) / BF16_ROWS, steps = p->taps * p->k / BF16_BLOCK;
    aside side = {.share = BF16_ROWS / steps + 1,
                  .ahead = amx_ahead_of(p->ahead, p->ahead_bytes, blocks * steps)};
    for (size_t first = 0; first < p->rows; first += BF16_ROWS) {
        float *sums = work->sums[work->turn];
        side.before = work->before;
        side.done = 0;
        if (p->vectors == 2)
            block(p, first, sums, &side, true);
        else
            block(p, first, sums, &side, false);
        work->before = amx_rows_of(p, first, BF16_ROWS, sums);
        work->turn ^= 1;
    }
}

const conv_bf16_kernels cpu_conv_bf16_kernels_amx = {1, sizeof(amx_work), begin, multiply, end};
