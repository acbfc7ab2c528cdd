/* place.h: which device runs which op. */
#ifndef THAW_RUNTIME_PLACE_H
#define THAW_RUNTIME_PLACE_H

#include "core/graph/graph.h"
#include "core/runtime/program.h"

#define THAW_MAX_DEVS 2u
#define THAW_HOME     0u /* the device that was asked for; the other is the fallback */

typedef struct thaw_placed_op {
    uint32_t dev;      /* 0: the program's device, 1: the fallback */
    thaw_op_info info; /* of the algorithm that dev chose */
    char reason[160];  /* for people: of the algorithm, or why it is not on the device that was asked for */
} thaw_placed_op;

/* The graph with ops in the form in which some device takes them. */
typedef struct thaw_placement {
    thaw_graph graph;    /* the caller's tensors come first, with their ids; CONST data stays the caller's */
    thaw_placed_op *ops; /* of graph.ops of the same position */
    size_t op_capacity;
    size_t fallback_ops; /* ops with dev 1 */
} thaw_placement;

/* Asks options->dev for each op, whole and then in parts, then the fallback in the same way.
 * THAW_E_UNSUPPORTED names the op, layer, shape and reason. Freed by thaw_placement_free, also after an
 * error. */
thaw_status thaw_place(const thaw_graph *graph, const thaw_program_options *options, thaw_placement *out,
                       thaw_error *err);
void thaw_placement_free(thaw_placement *placement);

/* ---- parts (parts.c) ----------------------------------------------------------------------------- */

/* An op as several plainer ones. The first n_main do the work; those behind them are the epilogue. The ops
 * own their id lists; the tensors they need have been added to the graph. */
typedef struct thaw_parts {
    thaw_gop ops[2 * THAW_CONV_MAX_OUT];
    size_t count, n_main;
} thaw_parts;

/* parts->count is 0 if the op has no plainer form: only CONV2D and AVGPOOL with an epilogue, and CONV2D
 * with several outputs and CONST weights, have one. Freed by thaw_parts_free, also after an error. */
thaw_status thaw_parts_of(thaw_graph *graph, const thaw_gop *op, thaw_parts *parts, thaw_error *err);
void thaw_parts_free(thaw_parts *parts);

#endif
