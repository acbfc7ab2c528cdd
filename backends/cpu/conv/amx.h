/* amx.h: steps of a product on AMX's tiles, for files compiled with its instructions.
 *
 * Four tiles of sums, 0 1 above 2 3, hold BF16_ROWS rows of two vectors of columns, or fewer of either. A
 * factor is one number of bf16, or stands in three parts (bf16.h): of the nine products of their parts the
 * six largest are summed, the least of which is 2^-16 of the whole, those left out 2^-24. */
#ifndef THAW_CPU_CONV_AMX_H
#define THAW_CPU_CONV_AMX_H

#include <immintrin.h>
#include <stdbool.h>

#include "backends/cpu/call.h"
#include "bf16.h"

#define AMX_INLINE static inline __attribute__((always_inline))

/* Palette 1: eight tiles of 16 rows of 64 bytes. A constant in memory, since compilers believe that the
 * instruction reads its first bytes alone, and leave out what is written to the others before. */
static const struct {
    uint8_t palette, start_row, reserved[14];
    uint16_t bytes[16];
    uint8_t rows[16];
} amx_config = {1, 0, {0}, {64, 64, 64, 64, 64, 64, 64, 64}, {16, 16, 16, 16, 16, 16, 16, 16}};

AMX_INLINE void amx_zero(void)
{
    _tile_zero(0);
    _tile_zero(1);
    _tile_zero(2);
    _tile_zero(3);
}

/* Which tiles of sums there are: two vectors of columns or one, BF16_ROWS rows or half of them. A constant at
 * every call. */
typedef struct {
    bool wide, tall;
} amx_shape;

/* The left factor of a step: BF16_ROWS rows of BF16_BLOCK numbers. */
typedef struct {
    const uint16_t *upper, *lower; /* the first row, and the one BF16_LANES below */
    size_t pitch;                  /* bytes from row to row */
    size_t plane;                  /* elements from a part to the next, smaller one */
} amx_left;

AMX_INLINE void amx_load_left(const amx_left *a, size_t part, amx_shape shape)
{
    _tile_loadd(4, a->upper + part * a->plane, a->pitch);
    if (shape.tall)
        _tile_loadd(5, a->lower + part * a->plane, a->pitch);
}

/* b: for each part of the right factor, the largest first, BF16_BLOCK rows of the panel in pairs. */
AMX_INLINE void amx_load_right(const uint16_t *b, size_t part, amx_shape shape)
{
    const size_t width = (shape.wide ? 4 : 2) * BF16_LANES;
    b += part * (BF16_BLOCK / 2) * width;
    _tile_loadd(6, b, width * sizeof *b);
    if (shape.wide)
        _tile_loadd(7, b + 2 * BF16_LANES, width * sizeof *b);
}

AMX_INLINE void amx_multiply(amx_shape shape)
{
    _tile_dpbf16ps(0, 4, 6);
    if (shape.wide)
        _tile_dpbf16ps(1, 4, 7);
    if (shape.tall)
        _tile_dpbf16ps(2, 5, 6);
    if (shape.tall && shape.wide)
        _tile_dpbf16ps(3, 5, 7);
}

/* What is read later, a part of it drawn into the second-level cache at each turn: in one go it would wait
 * for the few misses that a core can have under way. */
typedef struct {
    const char *at, *to;
    size_t each; /* bytes, a multiple of a line */
} amx_ahead;

/* bytes is a multiple of a line. */
AMX_INLINE amx_ahead amx_ahead_of(const void *from, size_t bytes, size_t turns)
{
    const char *at = from;
    const size_t lines = bytes / CPU_LINE;
    return (amx_ahead){at, at + bytes, space_ceil(lines, turns) * CPU_LINE};
}

AMX_INLINE void amx_draw(amx_ahead *d)
{
    const char *const to = (size_t)(d->to - d->at) < d->each ? d->to : d->at + d->each;
    for (; d->at < to; d->at += CPU_LINE)
        _mm_prefetch(d->at, _MM_HINT_T1);
}

/* What the vector instructions do while the tiles multiply: a little of it behind each of a step's products.
 * A constant at every call, so that it is inlined. */
typedef void amx_turn(void *work);

AMX_INLINE size_t amx_turns(size_t parts)
{
    return parts == 1 ? 1 : 6;
}

/* sums += a*b over BF16_BLOCK terms. parts: 1 or BF16_PARTS, a constant at every call. Small products come
 * first, and of two that follow each other one factor stays in its tiles. */
AMX_INLINE void amx_step(const amx_left *a, const uint16_t *b, size_t parts, amx_shape shape, amx_turn *turn,
                         void *work)
{
    amx_load_left(a, 0, shape);
    if (parts > 1) {
        amx_load_right(b, 2, shape);
        amx_multiply(shape);
        turn(work);
        amx_load_right(b, 1, shape);
        amx_multiply(shape);
        turn(work);
        amx_load_left(a, 1, shape);
        amx_multiply(shape);
        turn(work);
    }
    amx_load_right(b, 0, shape);
    amx_multiply(shape);
    turn(work);
    if (parts > 1) {
        amx_load_left(a, 2, shape);
        amx_multiply(shape);
        turn(work);
        amx_load_left(a, 0, shape);
        amx_multiply(shape);
        turn(work);
    }
}

/* Sums of a block of rows: AMX_SUMS numbers, tile by tile, aligned to 64 bytes. */
#define AMX_TILE (BF16_LANES * BF16_LANES)
#define AMX_SUMS (4 * AMX_TILE)

AMX_INLINE void amx_load(const float *sums, amx_shape shape)
{
    const size_t row = BF16_LANES * sizeof *sums;
    _tile_loadd(0, sums, row);
    if (shape.wide)
        _tile_loadd(1, sums + AMX_TILE, row);
    if (shape.tall)
        _tile_loadd(2, sums + 2 * AMX_TILE, row);
    if (shape.tall && shape.wide)
        _tile_loadd(3, sums + 3 * AMX_TILE, row);
}

AMX_INLINE void amx_store(float *sums, amx_shape shape)
{
    const size_t row = BF16_LANES * sizeof *sums;
    _tile_stored(0, sums, row);
    if (shape.wide)
        _tile_stored(1, sums + AMX_TILE, row);
    if (shape.tall)
        _tile_stored(2, sums + 2 * AMX_TILE, row);
    if (shape.tall && shape.wide)
        _tile_stored(3, sums + 3 * AMX_TILE, row);
}

#endif
