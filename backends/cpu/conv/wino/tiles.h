/* tiles.h: the two transforms of a run, tile by tile. */
#ifndef THAW_CPU_CONV_WINO_TILES_H
#define THAW_CPU_CONV_WINO_TILES_H

#include "state.h"

/* Consecutive tiles of a run, and where they are in V. */
typedef struct {
    const wino_plan *plan;
    const cpu_call *call;
    const float *bias;
    const float *zeros; /* plan->depth of them */
    size_t first, count;
    float *v;      /* that of the block, or of all tiles */
    size_t v_tile; /* tiles in it before these */
    bool *odd;     /* of each tile: whether it reads an infinity or a NaN */
    float *clean;  /* plan->points*plan->depth elements of scratch */
    float *near;   /* plan->points*WINO_NEAR of them where V is in parts */
} wino_tiles;

/* Fills v and odd. */
void cpu_wino_tiles_in(const wino_tiles *t);
/* From the products of one panel, which begin at m, to the outputs. */
void cpu_wino_tiles_out(const wino_tiles *t, const conv_panel *panel, size_t index, float *m);

#endif
