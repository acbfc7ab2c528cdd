/* bf16_split_amx.c: products of f32 on AMX's tiles, of factors in three parts of bf16.
 *
 * The right factor comes from memory in f32, which is less than its parts are, and is split where it is
 * needed: a chunk of a few steps at a time, while the tiles multiply the chunk before. All rows pass by a
 * chunk before the next one's turn, their sums waiting in the first-level cache. */
#include "amx_rows.h"
#include "bf16_unit.h"

#define CHUNK_STEPS ((size_t)4)
/* Blocks of rows that pass by a chunk: more sums would not stay in the cache. */
#define GROUP_BLOCKS ((size_t)8)
#define GROUP_ROWS   (GROUP_BLOCKS * BF16_ROWS)

typedef struct {
    _Alignas(64) float sums[2][GROUP_BLOCKS * AMX_SUMS];
    _Alignas(64) uint16_t right[2][CHUNK_STEPS * BF16_PARTS * BF16_BLOCK * 2 * BF16_LANES];
    const float *ready; /* right[side] holds the first chunk of this panel */
    size_t side, turn;  /* turn: the sums that the next group takes */
    amx_rows before;    /* of the group before */
} split_work;

static void begin(void *space)
{
    split_work *work = space;
    work->ready = NULL;
    work->side = work->turn = 0;
    work->before = amx_no_rows(work->sums[1]);
    _tile_loadconfig(&amx_config);
}

/* Leaves nothing that a switch of threads would have to keep. */
static void end(void *space)
{
    split_work *work = space;
    amx_write_rows(&work->before, 0, GROUP_ROWS);
    _tile_release();
}

/* Units of a chunk's right factor that are still to be split, `each` in a turn. */
typedef struct {
    const float *from;
    uint16_t *to;
    size_t in_block, in_part; /* units: split of this block, and those of a part of a block */
    size_t left, each;
} splitting;

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

typedef struct {
    amx_rows before;
    size_t done; /* rows written: one in a turn */
    splitting next;
    amx_ahead ahead;
} aside;

AMX_INLINE void turn(void *work)
{
    aside *a = work;
    split_units(&a->next, a->next.each);
    if (a->done < a->before.rows)
        amx_write_rows(&a->before, a->done, a->done + 1);
    a->done++;
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

/* The first `steps` steps from `at` on for one block of rows. fresh: with sums of 0. wide: a constant. */
AMX_INLINE void block(const conv_bf16_product *p, size_t first, place at, size_t steps, const uint16_t *right,
                      float *sums, bool fresh, aside *work, bool wide)
{
    const uint16_t *rows = p->a + first * p->a_pitch;
    amx_left a = {.pitch = p->a_pitch * sizeof *p->a, .plane = p->a_plane};
    if (fresh)
        amx_zero();
    else
        amx_load(sums, wide);
    for (size_t i = 0; i < steps; i++, advance(p, &at)) {
        a.upper = rows + p->tap_at[at.tap] + at.k;
        a.lower = a.upper + BF16_LANES * p->a_pitch;
        amx_step(&a, right, BF16_PARTS, wide, turn, work);
        right += BF16_PARTS * BF16_BLOCK * (wide ? 2 : 1) * BF16_LANES;
    }
    amx_store(sums, wide);
}

static splitting splitting_of(const float *from, size_t steps, uint16_t *to, size_t vectors, size_t turns)
{
    const size_t units = steps * BF16_BLOCK * vectors * BF16_LANES / BF16_UNIT;
    return (splitting){.from = from,
                       .to = to,
                       .in_part = BF16_BLOCK * vectors * BF16_LANES / BF16_UNIT,
                       .left = from ? units : 0,
                       .each = (units + turns - 1) / turns};
}

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Rows first … with one panel. next: the panel that is multiplied with behind it, or NULL. */
AMX_INLINE void group(const conv_bf16_product *p, size_t first, const float *next, amx_ahead *ahead,
                      split_work *work, bool wide)
{
    const size_t all = p->taps * p->k / BF16_BLOCK, step = BF16_BLOCK * (wide ? 2 : 1) * BF16_LANES;
    const size_t rows = least(p->rows - first, GROUP_ROWS), blocks = (rows + BF16_ROWS - 1) / BF16_ROWS;
    const float *panel = p->panel;
    float *sums = work->sums[work->turn];
    aside side = {.before = work->before, .ahead = *ahead};
    place at = {0, 0};
    if (work->ready != panel) {
        side.next = splitting_of(panel, least(all, CHUNK_STEPS), work->right[work->side], p->vectors, 1);
        split_units(&side.next, side.next.left);
    }
    for (size_t done = 0; done < all; done += CHUNK_STEPS) {
        const size_t steps = least(all - done, CHUNK_STEPS), behind = done + steps;
        const float *from = behind < all ? panel + behind * step : next;
        const size_t n = least(behind < all ? all - behind : all, CHUNK_STEPS);
        side.next = splitting_of(from, n, work->right[work->side ^ 1], p->vectors,
                                 blocks * steps * amx_turns(BF16_PARTS));
        for (size_t i = 0; i < blocks; i++)
            block(p, first + i * BF16_ROWS, at, steps, work->right[work->side], sums + i * AMX_SUMS,
                  done == 0, &side, wide);
        for (size_t i = 0; i < steps; i++)
            advance(p, &at);
        work->side ^= 1;
    }
    if (side.done < side.before.rows)
        amx_write_rows(&side.before, side.done, side.before.rows);
    work->ready = next;
    work->before = amx_rows_of(p, first, GROUP_ROWS, sums);
    work->turn ^= 1;
    *ahead = side.ahead;
}

static void multiply(const conv_bf16_product *p, void *space)
{
    const size_t steps = p->taps * p->k / BF16_BLOCK, blocks = (p->rows + BF16_ROWS - 1) / BF16_ROWS;
    amx_ahead ahead = amx_ahead_of(p->ahead, p->ahead_bytes, blocks * steps * amx_turns(BF16_PARTS));
    for (size_t first = 0; first < p->rows; first += GROUP_ROWS) {
        const float *next = first + GROUP_ROWS < p->rows ? p->panel : p->next;
        if (p->vectors == 2)
            group(p, first, next, &ahead, space, true);
        else
            group(p, first, next, &ahead, space, false);
    }
}

const conv_bf16_kernels cpu_conv_bf16_kernels_split_amx = {BF16_PARTS, sizeof(split_work), begin, multiply,
                                                           end};
