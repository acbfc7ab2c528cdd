/* product_amx.c: Winograd's products on AMX's tiles, their factors in parts of bf16 (amx.h).
 *
 * V comes in parts. U comes in f32, which is less to read than its parts are, and is split a product ahead,
 * by the vector instructions that the tiles leave time for. */
#include <stdatomic.h>

#include "backends/cpu/conv/amx.h"
#include "backends/cpu/conv/space.h"
#include "kernels.h"

_Static_assert(WINO_BLOCK == BF16_BLOCK && WINO_BLOCK_ROWS == BF16_ROWS, "a step of amx.h");

/* Splits 32 numbers into BF16_PARTS lines, `step` elements apart, in which low[i] and high[i] follow each
 * other. A part is what a number has in its upper half, the next one is of what that leaves; three hold all
 * of it. rounds: the first part is rounded, so that what is left of numbers, and with it what is left out of
 * their products with others, is of either sign. */
AMX_INLINE void split_pairs(__m512 low, __m512 high, bool rounds, uint16_t *out, size_t step)
{
    const __m512i upper = _mm512_set1_epi32((int)0xffff0000u), half = _mm512_set1_epi32(0x8000);
    for (size_t i = 0; i < BF16_PARTS; i++) {
        __m512i l = _mm512_castps_si512(low), h = _mm512_castps_si512(high);
        if (i == 0 && rounds) {
            l = _mm512_add_epi32(l, half);
            h = _mm512_add_epi32(h, half);
        }
        h = _mm512_and_si512(h, upper);
        _mm512_store_si512(out + i * step, _mm512_or_si512(h, _mm512_srli_epi32(l, 16)));
        low = _mm512_sub_ps(low, _mm512_castsi512_ps(_mm512_and_si512(l, upper)));
        high = _mm512_sub_ps(high, _mm512_castsi512_ps(h));
    }
}

/* ---- V ------------------------------------------------------------------------------------------------- */

static void split(const wino_split *t)
{
    for (size_t p = 0; p < t->points; p++) {
        const float *from = t->from + p * t->pitch;
        uint16_t *to = t->to[p] + t->first;
        for (size_t c = 0; c < t->channels; c += WINO_BLOCK, to += BF16_PARTS * WINO_BLOCK) {
            const __m512 low = _mm512_load_ps(from + c);
            const __m512 high =
                c + BF16_LANES < t->channels ? _mm512_load_ps(from + c + BF16_LANES) : _mm512_setzero_ps();
            split_pairs(low, high, false, to, WINO_BLOCK);
        }
    }
}

/* ---- U ------------------------------------------------------------------------------------------------- */

/* Of a worker, before its two buffers for the parts of U. */
typedef struct {
    const float *ready; /* buffer `side` holds the parts of these weights */
    size_t side;
} amx_space;

static size_t blocks_of(size_t depth)
{
    return space_ceil(depth, WINO_BLOCK);
}

/* Elements of a buffer, the widest panel in it. */
static size_t buffer_elements(size_t depth)
{
    return space_mul(blocks_of(depth), BF16_PARTS * WINO_BLOCK * 2 * BF16_LANES);
}

static size_t space_bytes(size_t depth)
{
    return space_add(SPACE_ALIGN, space_mul(2 * sizeof(uint16_t), buffer_elements(depth)));
}

static uint16_t *buffer_at(amx_space *space, size_t side, size_t depth)
{
    return (uint16_t *)(void *)((char *)space + SPACE_ALIGN) + side * buffer_elements(depth);
}

/* What is left of a panel to be split: row `row` of a block of channels goes with the one 16 below it. */
typedef struct {
    const float *from;
    size_t width, depth; /* elements of a row; rows from the block on */
    size_t row, rows;    /* rows: to be split in all blocks together, 16 of each */
    uint16_t *to;
} splitting;

static splitting splitting_of(const wino_factor *u, size_t depth, uint16_t *to)
{
    return (splitting){.from = u->at,
                       .width = u->vectors * BF16_LANES,
                       .depth = depth,
                       .rows = u->at ? blocks_of(depth) * BF16_LANES : 0,
                       .to = to};
}

AMX_INLINE void split_row(splitting *s)
{
    const float *low = s->from + s->row * s->width, *high = low + BF16_LANES * s->width;
    for (size_t v = 0; v < s->width; v += BF16_LANES) {
        const __m512 l = s->row < s->depth ? _mm512_load_ps(low + v) : _mm512_setzero_ps();
        const __m512 h = s->row + BF16_LANES < s->depth ? _mm512_load_ps(high + v) : _mm512_setzero_ps();
        split_pairs(l, h, true, s->to + s->row * 2 * s->width + 2 * v, WINO_BLOCK * s->width);
    }
    if (++s->row < BF16_LANES)
        return;
    s->row = 0;
    s->from += WINO_BLOCK * s->width;
    s->depth = s->depth > WINO_BLOCK ? s->depth - WINO_BLOCK : 0;
    s->to += BF16_PARTS * WINO_BLOCK * s->width;
}

AMX_INLINE void split_some(splitting *s, size_t rows)
{
    rows = rows < s->rows ? rows : s->rows;
    s->rows -= rows;
    for (; rows > 0; rows--)
        split_row(s);
}

/* ---- the product --------------------------------------------------------------------------------------- */

static void begin(void *space)
{
    ((amx_space *)space)->ready = NULL;
    ((amx_space *)space)->side = 0;
    _tile_loadconfig(&amx_config);
}

/* Leaves nothing that a switch of threads would have to keep. */
static void end(void *space)
{
    (void)space;
    _tile_release();
}

/* What is done beside the products of tiles, a little at each turn. */
typedef struct {
    splitting next;
    size_t each;
    amx_ahead ahead;
} aside;

AMX_INLINE void turn_3(void *work)
{
    aside *a = work;
    split_some(&a->next, a->each);
    amx_draw(&a->ahead);
}

/* parts: a constant at every call. */
AMX_INLINE void rows_body(const wino_product *t, size_t first, const uint16_t *u, aside *side, size_t parts,
                          amx_shape shape)
{
    const size_t width = (shape.wide ? 2 : 1) * BF16_LANES, row = width * sizeof *t->out;
    const uint16_t *v = (const uint16_t *)(const void *)((const char *)t->v + first * t->v_pitch);
    float *out = t->out + first * width, *low = out + BF16_LANES * width;
    amx_left a = {v, v + BF16_LANES * t->v_pitch / sizeof *v, t->v_pitch, WINO_BLOCK};
    amx_zero();
    for (size_t k = 0; k < t->depth; k += WINO_BLOCK) {
        amx_step(&a, u, parts, shape, turn_3, side);
        a.upper += parts * WINO_BLOCK;
        a.lower += parts * WINO_BLOCK;
        u += parts * WINO_BLOCK * width;
    }
    _tile_stored(0, out, row);
    if (shape.wide)
        _tile_stored(1, out + BF16_LANES, row);
    if (shape.tall)
        _tile_stored(2, low, row);
    if (shape.tall && shape.wide)
        _tile_stored(3, low + BF16_LANES, row);
}

/* A block of rows. wide: a constant at every call. */
AMX_INLINE void block_body(const wino_product *t, size_t first, const uint16_t *u, aside *side, size_t parts,
                           bool wide)
{
    if (t->rows - first > BF16_LANES)
        rows_body(t, first, u, side, parts, (amx_shape){wide, true});
    else
        rows_body(t, first, u, side, parts, (amx_shape){wide, false});
}

AMX_INLINE void multiply_body(const wino_product *t, amx_space *space, size_t parts)
{
    const size_t turns = space_ceil(t->rows, BF16_ROWS) * blocks_of(t->depth) * amx_turns(parts);
    const size_t bytes = t->depth * t->u.vectors * BF16_LANES * sizeof(float);
    uint16_t *u = buffer_at(space, space->side, t->depth);
    if (space->ready != t->u.at) {
        splitting now = splitting_of(&t->u, t->depth, u);
        split_some(&now, now.rows);
        /* Compilers do not see that a load of a tile reads what has just been written. */
        atomic_signal_fence(memory_order_seq_cst);
    }
    space->side ^= 1;
    space->ready = t->next.at;
    aside side = {.next = splitting_of(&t->next, t->depth, buffer_at(space, space->side, t->depth)),
                  .ahead = t->draw ? amx_ahead_of(t->draw, bytes, turns) : amx_ahead_of(u, 0, turns)};
    side.each = space_ceil(side.next.rows, turns);
    for (size_t first = 0; first < t->rows; first += BF16_ROWS) {
        if (t->u.vectors == 2)
            block_body(t, first, u, &side, parts, true);
        else
            block_body(t, first, u, &side, parts, false);
    }
    split_some(&side.next, side.next.rows);
}

static void multiply(const wino_product *t, void *space)
{
    multiply_body(t, space, BF16_PARTS);
}

const wino_products cpu_wino_products_amx = {BF16_PARTS, 2, begin, multiply, end, split, space_bytes};
