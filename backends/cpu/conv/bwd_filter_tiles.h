/* bwd_filter_tiles.h: the inner loops of bwd_filter_amx.c.
 *
 * A pack holds BF16_BLOCK rows of BF16_BLOCK channels, in BF16_PARTS parts one behind the other. Rows r and
 * r + BF16_LANES are a pair, side by side. Of a left factor a line of a part is a channel, and of a right one
 * a pair of rows: row r of channel c is at c*BF16_BLOCK + place, or at r%BF16_LANES*2*BF16_BLOCK + 2*c +
 * r/BF16_LANES, place being 2*(r%BF16_LANES) + r/BF16_LANES. All functions are [thread-safe]. */
#ifndef THAW_CPU_CONV_BWD_FILTER_TILES_H
#define THAW_CPU_CONV_BWD_FILTER_TILES_H

#include "bf16.h"

/* Elements of a pack. */
#define FILTER_PACK (BF16_PARTS * BF16_BLOCK * BF16_BLOCK)

/* Where the rows of a block begin, and how many there are, 1 … BF16_BLOCK: those behind are 0. */
typedef struct {
    const float *first;
    size_t rows;
} filter_source;

/* A panel: packs of channels `channel` … channel + n - 1 of some sources, one behind the other. */
typedef struct {
    const filter_source *sources;
    size_t n_sources, pitch; /* elements from row to row */
    size_t channel, n;       /* n: 1 … BF16_BLOCK */
    uint16_t *packs;         /* aligned to 64 bytes */
} filter_panel;

/* Packs of two panels that meet. */
typedef struct {
    uint32_t left, right;
} filter_step;

/* out[c*out_pitch + o] (+)= sum over steps and rows of right[c] * left[o]   for c < right_channels and
 * o < left_channels. */
typedef struct {
    const uint16_t *left, *right; /* packs, aligned to 64 bytes */
    const filter_step *steps;
    size_t n;
    float *out;
    size_t out_pitch, left_channels, right_channels; /* 1 … BF16_BLOCK */
    bool add;                                        /* to what out holds; otherwise out is only written */
} filter_block;

void cpu_conv_filter_pack_left(const filter_panel *panel);

/* A right panel that is packed while others are multiplied. */
typedef struct {
    filter_panel panel;
    size_t done, each;   /* pairs of rows: packed, and to pack */
    size_t turn, period; /* in every so many turns of amx.h */
} filter_packing;

/* To be packed while `steps` steps pass. */
filter_packing cpu_conv_filter_packing(const filter_panel *panel, size_t steps);
/* Packs what is left. */
void cpu_conv_filter_pack_rest(filter_packing *packing);

/* begin and end run on the thread that multiplies, before its first block and behind its last; what a block
 * gives is written when end returns. space: FILTER_WORK_BYTES, aligned to 64. */
#define FILTER_WORK_BYTES ((size_t)8448)
void cpu_conv_filter_begin(void *space);
void cpu_conv_filter_multiply(const filter_block *block, filter_packing *meanwhile, void *space);
void cpu_conv_filter_end(void *space);

#endif
