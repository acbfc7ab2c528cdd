/* tiles.h: the two transforms of a run, tile by tile. */
#ifndef THAW_CPU_CONV_WINO_TILES_H
#define THAW_CPU_CONV_WINO_TILES_H

#include "state.h"

/* Consecutive tiles of a run; v[p*plan->v_pitch + t*plan->depth] is tile t's channels at point p. */
typedef struct {
    const wino_plan *plan;
    const cpu_call *call;
    const float *bias;
    const float *zeros; /* plan->depth of them */
    size_t first, count;
    float *v;
    bool *odd;    /* of each tile: whether it reads an infinity or a NaN */
    float *clean; /* plan->points*plan->depth elements of scratch */
} wino_tiles;

/* Fills v and odd. */
void cpu_wino_tiles_in(const wino_tiles *t);
/* From the products of one panel, m[p*plan->m_pitch + t*W] with W its width, to the outputs. */
void cpu_wino_tiles_out(const wino_tiles *t, const conv_panel *panel, size_t index, const float *m);

#endif
