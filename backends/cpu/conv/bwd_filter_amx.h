/* bwd_filter_amx.h: how a filter gradient by AMX is cut: everything whose size follows from the op. */
#ifndef THAW_CPU_CONV_BWD_FILTER_AMX_H
#define THAW_CPU_CONV_BWD_FILTER_AMX_H

#include "bwd_filter_tiles.h"

/* Blocks that one sum goes over. */
#define FILTER_CHUNK      ((size_t)16)
#define FILTER_PACK_BYTES (FILTER_PACK * sizeof(uint16_t))

/* How x or dy lies: elements from a row of a block to the next, from position to position (of the blocks of a
 * group), and from group to group. */
typedef struct {
    size_t row, position, group;
} filter_strides;

typedef struct {
    bool flat; /* pixels that follow each other make a block; there is one group */
    size_t taps, in, out;
    size_t x_h, x_w, dy_h, dy_w; /* positions */
    size_t rows, groups;         /* images; flat: pixels */
    filter_strides x, dy;
    size_t panels_in, panels_out, groups_out; /* groups_out: cuts of the panels of dy into tasks */
    size_t pass, slots;                       /* positions of dy in a pass; of x that it reads, at most */
    size_t map_at, x_sources_at, dy_sources_at, steps_at, starts_at, dy_at, worker_at, workspace_bytes;
    size_t own_at, work_at, worker_bytes; /* in a worker's part */
} filter_plan;

/* Which panels of x a worker has packed for the pass, SIZE_MAX: none. */
typedef struct {
    size_t filled[2];
} filter_worker;

filter_plan cpu_conv_filter_plan(const struct thaw_device *dev, const backend_op *op);
/* cpu_algo.cost */
double cpu_conv_filter_cost(const struct thaw_device *dev, const backend_op *op);

#endif
