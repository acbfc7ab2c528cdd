/* stages.h: which ops of a graph run on how many rows of the batch at a time.
 *
 * The rows of a batch are independent, so that neighbouring ops may all run on some rows before they run on
 * the next. What passes between them then stays in a cache, and needs room for those rows alone; but the
 * weights are read anew for each turn. thaw_gop.rows says how many rows an op takes; neighbours with equally
 * many are a stage. Pure calculation. */
#ifndef THAW_GRAPH_STAGES_H
#define THAW_GRAPH_STAGES_H

#include "core/graph/graph.h"

/* Whether row i of the op's outputs follows from row i of its inputs and from CONST data, `batch` rows being
 * those of all its other tensors. */
bool thaw_op_is_by_rows(const thaw_graph *graph, const thaw_gop *op, uint32_t batch);

/* THAW_E_INVALID names an op whose `rows` do not divide graph->batch, or that is not by rows. */
thaw_status thaw_stages_check(const thaw_graph *graph, thaw_error *err);

/* What a device has near its units; 0: unknown. */
typedef struct thaw_stage_memory {
    uint64_t near_bytes; /* of the caches that belong to one unit each; 0: no op gets `rows` */
    uint64_t far_bytes;  /* of the last cache before the memory */
    uint64_t align;      /* of the first row of each turn, bytes, at least 1 */
} thaw_stage_memory;

/* Sets graph->batch, and `rows` of the ops where it pays. Does nothing to a graph that has ops other than
 * those of a frozen network's forward pass. The same graph and memory give the same rows. THAW_E_NO_MEMORY.
 */
thaw_status thaw_stages_choose(thaw_graph *graph, const thaw_stage_memory *memory, thaw_error *err);

#endif
