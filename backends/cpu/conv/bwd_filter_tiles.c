/* bwd_filter_tiles.c: packs of parts of bf16, and their products on AMX's tiles. */
#include "bwd_filter_tiles.h"

#include <string.h>

#include "amx.h"

#define LANES BF16_LANES
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

/* Of `left` lanes, at most all. */
AMX_INLINE __mmask16 lanes(size_t left)
{
    return (__mmask16)((1u << (left < LANES ? left : LANES)) - 1u);
}

/* 0 16 1 17 …: words of two vectors in pairs. */
static const uint16_t in_pairs[BF16_BLOCK] = {0, 16, 1, 17, 2,  18, 3,  19, 4,  20, 5,  21, 6,  22, 7,  23,
                                              8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31};

/* The parts of two vectors, a pair of words for each lane. */
AMX_INLINE void split_pairs(__m512 a, __m512 b, uint16_t *to)
{
    const __m512i order = _mm512_loadu_si512(in_pairs), odd = _mm512_set1_epi32((int)0xffff0000u);
    UNROLL
    for (size_t part = 0; part < BF16_PARTS; part++, to += BF16_BLOCK * BF16_BLOCK) {
        const __m512bh rounded = _mm512_cvtne2ps_pbh(b, a);
        __m512i bits;
        memcpy(&bits, &rounded, sizeof bits);
        bits = _mm512_permutexvar_epi16(order, bits);
        _mm512_store_si512(to, bits);
        a = _mm512_sub_ps(a, _mm512_castsi512_ps(_mm512_slli_epi32(bits, 16)));
        b = _mm512_sub_ps(b, _mm512_castsi512_ps(_mm512_and_si512(bits, odd)));
    }
}

AMX_INLINE void transpose(__m512 v[LANES])
{
    __m512 t[LANES];
    UNROLL
    for (size_t i = 0; i < LANES; i += 2) {
        t[i] = _mm512_unpacklo_ps(v[i], v[i + 1]);
        t[i + 1] = _mm512_unpackhi_ps(v[i], v[i + 1]);
    }
    UNROLL
    for (size_t i = 0; i < LANES; i += 4) {
        UNROLL
        for (size_t k = 0; k < 2; k++) {
            const __m512d a = _mm512_castps_pd(t[i + k]), b = _mm512_castps_pd(t[i + k + 2]);
            v[i + 2 * k] = _mm512_castpd_ps(_mm512_unpacklo_pd(a, b));
            v[i + 2 * k + 1] = _mm512_castpd_ps(_mm512_unpackhi_pd(a, b));
        }
    }
    UNROLL
    for (size_t i = 0; i < 4; i++) {
        t[i] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0x88);
        t[i + 4] = _mm512_shuffle_f32x4(v[i], v[i + 4], 0xdd);
        t[i + 8] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0x88);
        t[i + 12] = _mm512_shuffle_f32x4(v[i + 8], v[i + 12], 0xdd);
    }
    UNROLL
    for (size_t i = 0; i < 8; i++) {
        v[i] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0x88);
        v[i + 8] = _mm512_shuffle_f32x4(t[i], t[i + 8], 0xdd);
    }
}

/* Row r of a source from channel c on, as many as the mask has; 0 where there is none. full: there are all; a
 * constant at every call. */
AMX_INLINE __m512 row(const filter_panel *p, const filter_source *source, size_t r, size_t c, __mmask16 mask,
                      bool full)
{
    const bool there = full || r < source->rows;
    const float *at = source->first + (there ? r : 0) * p->pitch + p->channel + c;
    return _mm512_maskz_loadu_ps(there ? mask : 0, at);
}

AMX_INLINE void pack_left(const filter_panel *p, const filter_source *source, uint16_t *dst, bool full)
{
    for (size_t c = 0; c < BF16_BLOCK; c += LANES) {
        const __mmask16 mask = lanes(p->n > c ? p->n - c : 0);
        __m512 low[LANES], high[LANES];
        UNROLL
        for (size_t r = 0; r < LANES; r++)
            low[r] = row(p, source, r, c, mask, full);
        transpose(low);
        UNROLL
        for (size_t r = 0; r < LANES; r++)
            high[r] = row(p, source, LANES + r, c, mask, full);
        transpose(high);
        for (size_t i = 0; i < LANES; i++)
            split_pairs(low[i], high[i], dst + (c + i) * BF16_BLOCK);
    }
}

void cpu_conv_filter_pack_left(const filter_panel *panel)
{
    for (size_t i = 0; i < panel->n_sources; i++) {
        const filter_source *source = &panel->sources[i];
        uint16_t *dst = panel->packs + i * FILTER_PACK;
        if (source->rows == BF16_BLOCK)
            pack_left(panel, source, dst, true);
        else
            pack_left(panel, source, dst, false);
    }
}

/* Pair number `pair` of all sources. */
AMX_INLINE void pack_pair(const filter_panel *p, size_t pair)
{
    const size_t r = pair % LANES, at = pair / LANES;
    const filter_source *source = &p->sources[at];
    uint16_t *to = p->packs + at * FILTER_PACK + 2 * r * BF16_BLOCK;
    UNROLL
    for (size_t c = 0; c < BF16_BLOCK; c += LANES) {
        const __mmask16 mask = lanes(p->n > c ? p->n - c : 0);
        split_pairs(row(p, source, r, c, mask, false), row(p, source, LANES + r, c, mask, false), to + 2 * c);
    }
}

/* Pairs ahead of the one that is packed, at which rows are drawn towards the second-level cache: they come
 * from memory, each from a place of its own. */
#define AHEAD LANES

AMX_INLINE void draw_pair(const filter_panel *p, size_t pair)
{
    const size_t r = pair % LANES, at = pair / LANES;
    if (at >= p->n_sources || LANES + r >= p->sources[at].rows)
        return;
    const float *from = p->sources[at].first + r * p->pitch + p->channel;
    for (size_t c = 0; c < p->n; c += LANES) {
        _mm_prefetch(from + c, _MM_HINT_T1);
        _mm_prefetch(from + LANES * p->pitch + c, _MM_HINT_T1);
    }
}

static size_t pairs_of(const filter_panel *panel)
{
    return panel->n_sources * LANES;
}

filter_packing cpu_conv_filter_packing(const filter_panel *panel, size_t steps)
{
    const size_t turns = (steps > 0 ? steps : 1) * amx_turns(BF16_PARTS), pairs = pairs_of(panel);
    const size_t period = pairs > 0 && turns > pairs ? turns / pairs : 1;
    return (filter_packing){.panel = *panel, .period = period, .each = (pairs + turns - 1) / turns};
}

AMX_INLINE void pack_pairs(filter_packing *p, size_t n)
{
    const size_t all = pairs_of(&p->panel), end = p->done + n < all ? p->done + n : all;
    for (; p->done < end; p->done++) {
        draw_pair(&p->panel, p->done + AHEAD);
        pack_pair(&p->panel, p->done);
    }
}

void cpu_conv_filter_pack_rest(filter_packing *packing)
{
    pack_pairs(packing, pairs_of(&packing->panel) - packing->done);
}

/* ---- products ------------------------------------------------------------------------------------------ */

/* The sums of the block before, which vector instructions add to the result while the tiles multiply. */
typedef struct {
    _Alignas(64) float sums[2][AMX_SUMS];
    size_t turn;
    filter_block before;
} filter_work;

_Static_assert(sizeof(filter_work) <= FILTER_WORK_BYTES, "the room that bwd_filter_amx.c gives");

void cpu_conv_filter_begin(void *space)
{
    filter_work *work = space;
    work->turn = 0;
    work->before = (filter_block){0};
    _tile_loadconfig(&amx_config);
}

/* One tile of sums, whose rows are channels of the left factor. */
AMX_INLINE void write_tile(const filter_block *b, const float *sums, size_t tile)
{
    const size_t c0 = tile % 2 * LANES, o0 = tile / 2 * LANES;
    if (c0 >= b->right_channels || o0 >= b->left_channels)
        return;
    const size_t rows = b->right_channels - c0 < LANES ? b->right_channels - c0 : LANES;
    const __mmask16 mask = lanes(b->left_channels - o0);
    __m512 v[LANES];
    UNROLL
    for (size_t i = 0; i < LANES; i++)
        v[i] = _mm512_load_ps(sums + tile * AMX_TILE + i * LANES);
    transpose(v);
    float *out = b->out + c0 * b->out_pitch + o0;
    for (size_t i = 0; i < rows; i++, out += b->out_pitch) {
        const __m512 z = b->add ? _mm512_add_ps(_mm512_maskz_loadu_ps(mask, out), v[i]) : v[i];
        _mm512_mask_storeu_ps(out, mask, z);
    }
}

/* What is done in turns beside a block's products. The tiles of the block before come one in four turns. */
typedef struct {
    filter_block before;
    const float *sums; /* of it */
    const float *out;  /* where the block's own sums will go: drawn meanwhile, a line of LANES in a turn */
    size_t turns, out_pitch, lines;
    filter_packing packing;
} aside;

#define TURNS_OF_TILE  ((size_t)4)
#define TURNS_OF_BLOCK (4 * TURNS_OF_TILE)

AMX_INLINE void take_turn(void *work)
{
    aside *a = work;
    if (a->turns < a->lines)
        _mm_prefetch(a->out + a->turns / 2 * a->out_pitch + a->turns % 2 * LANES, _MM_HINT_T0);
    if (a->turns % TURNS_OF_TILE == 0 && a->turns < TURNS_OF_BLOCK)
        write_tile(&a->before, a->sums, a->turns / TURNS_OF_TILE);
    a->turns++;
    if (++a->packing.turn < a->packing.period)
        return;
    a->packing.turn = 0;
    pack_pairs(&a->packing, a->packing.each);
}

void cpu_conv_filter_multiply(const filter_block *b, filter_packing *meanwhile, void *space)
{
    filter_work *work = space;
    aside side = {.before = work->before,
                  .sums = work->sums[work->turn ^ 1],
                  .out = b->out,
                  .out_pitch = b->out_pitch,
                  .lines = 2 * b->right_channels,
                  .packing = *meanwhile};
    const filter_step *steps = b->steps;
    const size_t n = b->n;
    const amx_shape whole = {true, true};
    amx_left a = {.pitch = BF16_BLOCK * sizeof(uint16_t), .plane = BF16_BLOCK * BF16_BLOCK};
    amx_zero();
    for (size_t i = 0; i < n; i++) {
        a.upper = b->left + steps[i].left * FILTER_PACK;
        a.lower = a.upper + LANES * BF16_BLOCK;
        amx_step(&a, b->right + steps[i].right * FILTER_PACK, BF16_PARTS, whole, take_turn, &side);
    }
    while (side.turns < TURNS_OF_BLOCK)
        take_turn(&side);
    *meanwhile = side.packing;
    amx_store(work->sums[work->turn], whole);
    work->before = *b;
    work->turn ^= 1;
}

void cpu_conv_filter_end(void *space)
{
    filter_work *work = space;
    for (size_t tile = 0; tile < 4; tile++)
        write_tile(&work->before, work->sums[work->turn ^ 1], tile);
    _tile_release();
}
