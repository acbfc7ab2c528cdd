/* plan.h: how one convolution is cut into tiles, blocks and tasks, and what memory that takes.
 *
 * V holds the transformed tiles, U the transformed weights, M their products: M[s] = V[s]*U[s] for each set s
 * of points (kernels.h). A block of tiles is transformed, multiplied with the weights of a group of panels,
 * and transformed back, while V and M are in the second-level cache. Where there are few tiles, all of them
 * make one V that the threads share, and each takes some of the panels.
 *
 * Where weights are split on their way (AMX), a block should be large, so that this is done seldom: M[s] then
 * takes the place of V[s - 1], of which nothing is read any more. Where tiles are few, each thread makes all
 * of V for itself, and takes some of the panels. */
#ifndef THAW_CPU_CONV_WINO_PLAN_H
#define THAW_CPU_CONV_WINO_PLAN_H

#include "backends/cpu/conv/panels.h"
#include "kernels.h"

/* The convolution as one of what is read (x, or backward dy) into what is written. */
typedef struct {
    bool backward; /* the filter is rotated and its channels change places */
    size_t batch;
    size_t src_h, src_w, src_pitch, channels;
    size_t dst_h, dst_w;
    ptrdiff_t pad_top, pad_left;
} wino_geometry;

typedef struct {
    const wino_variant *variant;
    const wino_kernels *wino;
    const wino_products *products;
    const conv_kernels *conv;
    wino_geometry geo;
    size_t nh, nw, points, taps;
    size_t sets;                    /* of points that share their weights */
    size_t tiles_h, tiles_w, tiles; /* down, across, and of the whole batch */
    size_t n_panels, panel_width;   /* panel_width: of the widest */
    size_t depth;                   /* channels, up to a whole vector or WINO_BLOCK */
    size_t v_row;                   /* elements of f32 that a row of V takes the place of */
    bool shared;                    /* one V for all threads */
    bool in_place;                  /* M takes the place of V */
    size_t blocks, block;           /* cuts of the tiles; tiles of a block, at most */
    size_t groups, group;           /* cuts of the panels; panels of a group, at most */
    size_t whole_block;             /* rows of a block, with those that pad it */
    size_t traffic;                 /* bytes of U and V that come from behind the second-level cache */
    size_t v_pitch, m_pitch;        /* elements for each point */
    size_t m_panel;                 /* elements from panel to panel of a group in M */
    bool const_weights, const_bias;
    size_t weight_elements, packed_elements; /* of U; of the packed filter of one panel, at most */
    /* Offsets in bytes: in the state, in the workspace, in a worker's part of it. */
    size_t panels_at, state_weights_at, state_bias_at, state_bytes;
    size_t zeros_at, weights_at, bias_at, shared_v_at, shared_odd_at, worker_at, workspace_bytes;
    size_t v_at, odd_at, m_at, clean_at, near_at, packed_at, space_at, worker_bytes;
} wino_plan;

/* Channels of a tile that are transformed in one go where V is in parts: they are split while they are in the
 * first-level cache. */
#define WINO_NEAR ((size_t)64)

/* A way of computing a convolution: a variant, and whether it is AMX that multiplies, numbers in parts. */
typedef struct {
    size_t variant;
    bool amx;
} wino_way;

wino_geometry cpu_wino_geometry(const backend_op *op);
/* The points of set `index`: behind how many others, and how many. */
wino_spot cpu_wino_set(const wino_variant *v, size_t index);
/* Of a run, behind the transforms of all tiles where V is shared. */
static inline size_t cpu_wino_tasks(const wino_plan *p)
{
    return p->shared || p->in_place ? p->blocks * p->groups : p->blocks;
}

/* Sizes are SIZE_MAX where they overflow. */
wino_plan cpu_wino_plan(const struct thaw_device *dev, const backend_op *op, wino_way way);

#endif
