/* bf16_amx.c: products on AMX's tiles, of bf16, or of f32 in three parts of bf16.
 *
 * A right factor of f32 comes from memory as it is, which is less than its parts are, and is split where it
 * is needed: a chunk of a few steps at a time, while the tiles multiply the chunk before. All rows of a group
 * pass by a chunk before the next one's turn, their sums waiting in the first-level cache. One of bf16 is
 * read as it is, in one chunk. */
#include <stdatomic.h>

#include "amx_rows.h"
#include "bf16_unit.h"
#include "space.h"

/* Blocks of rows in a group: more sums would not stay in the cache. */
#define GROUP_BLOCKS ((size_t)8)
#define GROUP_ROWS   (GROUP_BLOCKS * BF16_ROWS)
/* Steps of a chunk. */
#define SPLIT_STEPS ((size_t)4)

typedef struct {
    _Alignas(64) float sums[GROUP_BLOCKS * AMX_SUMS];
    amx_rows before; /* of the block before */
    /* Of split products: right[side] holds the first chunk of panel `ready`. */
    const void *ready;
    size_t side;
    _Alignas(64) uint16_t right[2][SPLIT_STEPS * BF16_PARTS * BF16_BLOCK * 2 * BF16_LANES];
} amx_work;

static void begin(void *space)
{
    amx_work *work = space;
    work->ready = NULL;
    work->side = 0;
    work->before = amx_no_rows(work->sums);
    _tile_loadconfig(&amx_config);
}

/* Leaves nothing that a switch of threads would have to keep. */
static void end(void *space)
{
    amx_work *work = space;
    amx_write_rows(&work->before, 0, BF16_ROWS);
    _tile_release();
}

/* Units of a chunk's right factor that are still to be split, `each` in a turn. */
typedef struct {
    const float *from;
    uint16_t *to;
    size_t in_block, in_part; /* units: split of this block, and those of a part of a block */
    size_t left, each;
} splitting;

static splitting splitting_of(const float *from, size_t steps, uint16_t *to, size_t vectors, size_t turns)
{
    const size_t in_part = BF16_BLOCK * vectors * BF16_LANES / BF16_UNIT, units = steps * in_part;
    return (splitting){.from = from,
                       .to = to,
                       .in_part = in_part,
                       .left = from ? units : 0,
                       .each = space_ceil(units, turns)};
}

AMX_INLINE void split_units(splitting *s, size_t n)
{
    n = n < s->left ? n : s->left;
    s->left -= n;
    for (; n > 0; n--) {
        bf16_split_unit(s->from, s->to, s->in_part * BF16_UNIT);
        s->from += BF16_UNIT;
        s->to += BF16_UNIT;
        if (++s->in_block < s->in_part)
            continue;
        s->in_block = 0;
        s->to += (BF16_PARTS - 1) * s->in_part * BF16_UNIT;
    }
}

/* What the vector instructions do meanwhile. */
typedef struct {
    amx_rows before;
    size_t done, share; /* rows written, and to write in a turn */
    splitting next;
    amx_ahead ahead;
} aside;

AMX_INLINE void turn(void *work)
{
    aside *a = work;
    if (a->next.left > 0)
        split_units(&a->next, a->next.each);
    if (a->done < a->before.rows)
        amx_write_rows(&a->before, a->done, a->done + a->share);
    a->done += a->share;
    amx_draw(&a->ahead);
}

/* Where a step's left factor begins in a row. */
typedef struct {
    size_t tap, k;
} place;

AMX_INLINE void advance(const conv_bf16_product *p, place *at)
{
    at->k += BF16_BLOCK;
    if (at->k < p->k)
        return;
    at->k = 0;
    at->tap++;
}

/* `steps` steps from `at` on for one block of rows, while those of the block before are written. fresh: with
 * sums of 0. parts: a constant at every call. */
AMX_INLINE void block(const conv_bf16_product *p, size_t first, place at, size_t steps, const uint16_t *right,
                      float *sums, bool fresh, aside *work, size_t parts, amx_shape shape)
{
    const uint16_t *rows = p->a + first * p->a_pitch;
    amx_left a = {.pitch = p->a_pitch * sizeof *p->a, .plane = p->a_plane};
    aside own = *work; /* in registers */
    if (fresh)
        amx_zero();
    else
        amx_load(sums, shape);
    for (size_t i = 0; i < steps; i++, advance(p, &at)) {
        a.upper = rows + p->tap_at[at.tap] + at.k;
        a.lower = a.upper + BF16_LANES * p->a_pitch;
        amx_step(&a, right, parts, shape, turn, &own);
        right += parts * BF16_BLOCK * (shape.wide ? 2 : 1) * BF16_LANES;
    }
    amx_write_rows(&own.before, own.done, own.before.rows);
    amx_store(sums, shape);
    *work = own;
    work->before.rows = work->done = 0;
}

static size_t steps_of(const conv_bf16_product *p)
{
    return p->taps * p->k / BF16_BLOCK;
}

/* Begins to split the chunk that is multiplied with behind the steps before `behind`: of the same panel or,
 * where that ends, of the next. */
AMX_INLINE splitting split_behind(const conv_bf16_product *p, size_t behind, const float *next, uint16_t *to,
                                  size_t turns)
{
    const size_t all = steps_of(p), step = BF16_BLOCK * p->vectors * BF16_LANES;
    if (behind < all)
        return splitting_of((const float *)p->panel + behind * step, space_min(all - behind, SPLIT_STEPS), to,
                            p->vectors, turns);
    return splitting_of(next, space_min(all, SPLIT_STEPS), to, p->vectors, turns);
}

/* The first chunk of a panel that nobody has split yet. */
AMX_INLINE void split_first(const conv_bf16_product *p, amx_work *work)
{
    splitting first = split_behind(p, 0, NULL, work->right[work->side], 1);
    split_units(&first, first.left);
    atomic_signal_fence(memory_order_seq_cst); /* compilers do not know what loads of tiles read */
}

/* Rows first … with one panel. next: what is multiplied with behind it, or NULL. */
AMX_INLINE void group(const conv_bf16_product *p, size_t first, const void *next, amx_ahead *ahead,
                      amx_work *work, size_t parts, bool wide)
{
    const size_t all = steps_of(p), step = BF16_BLOCK * (wide ? 2 : 1) * BF16_LANES;
    const size_t rows = space_min(p->rows - first, GROUP_ROWS), blocks = space_ceil(rows, BF16_ROWS);
    const size_t chunk = parts > 1 ? SPLIT_STEPS : all;
    aside side = {.before = work->before, .ahead = *ahead};
    place at = {0, 0};
    if (parts > 1 && work->ready != p->panel)
        split_first(p, work);
    for (size_t done = 0; done < all; done += chunk) {
        const size_t steps = space_min(all - done, chunk), turns = steps * amx_turns(parts);
        const uint16_t *right =
            parts > 1 ? work->right[work->side] : (const uint16_t *)p->panel + done * step;
        side.share = BF16_ROWS / turns + 1;
        if (parts > 1)
            side.next = split_behind(p, done + steps, next, work->right[work->side ^ 1], blocks * turns);
        for (size_t i = 0; i < blocks; i++) {
            float *sums = work->sums + i * AMX_SUMS;
            const size_t at_row = first + i * BF16_ROWS;
            if (p->rows - at_row > BF16_LANES)
                block(p, at_row, at, steps, right, sums, done == 0, &side, parts, (amx_shape){wide, true});
            else
                block(p, at_row, at, steps, right, sums, done == 0, &side, parts, (amx_shape){wide, false});
            if (done + steps == all)
                side.before = amx_rows_of(p, at_row, BF16_ROWS, sums);
        }
        for (size_t i = 0; i < steps; i++)
            advance(p, &at);
        work->side ^= 1;
    }
    work->ready = next;
    work->before = side.before;
    *ahead = side.ahead;
}

AMX_INLINE void multiply(const conv_bf16_product *p, void *space, size_t parts)
{
    const size_t blocks = space_ceil(p->rows, BF16_ROWS);
    amx_ahead ahead = amx_ahead_of(p->ahead, p->ahead_bytes, blocks * steps_of(p) * amx_turns(parts));
    for (size_t first = 0; first < p->rows; first += GROUP_ROWS) {
        const void *next = first + GROUP_ROWS < p->rows ? p->panel : p->next;
        if (p->vectors == 2)
            group(p, first, next, &ahead, space, parts, true);
        else
            group(p, first, next, &ahead, space, parts, false);
    }
}

static void multiply_rounded(const conv_bf16_product *p, void *space)
{
    multiply(p, space, 1);
}

static void multiply_split(const conv_bf16_product *p, void *space)
{
    multiply(p, space, BF16_PARTS);
}

const conv_bf16_kernels cpu_conv_bf16_kernels_amx = {1, sizeof(amx_work), begin, multiply_rounded, end};
const conv_bf16_kernels cpu_conv_bf16_kernels_split_amx = {BF16_PARTS, sizeof(amx_work), begin,
                                                           multiply_split, end};
