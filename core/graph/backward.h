/* backward.h: reverse-mode differentiation of a graph. */
#ifndef THAW_GRAPH_BACKWARD_H
#define THAW_GRAPH_BACKWARD_H

#include "core/graph/graph.h"

/* A tensor and the tensor that holds the loss's derivative by it. */
typedef struct thaw_grad_pair {
    uint32_t tensor, grad;
} thaw_grad_pair;

/* Appends the backward ops of graph, whose ops so far are the forward pass, from the seed's gradient down
 * to every VAR with requires_grad set. Marks requires_grad on all that depends on one. *pairs (freed by
 * free()) lists those VARs that have a gradient, in the order of their tensors.
 *
 * A tensor that several ops read receives the sum of their contributions, in the reverse order of the
 * readers. The gradient of a concatenation is one tensor, and that of a slice is the same slice of it. */
thaw_status thaw_backward(thaw_graph *graph, thaw_grad_pair seed, thaw_grad_pair **pairs, size_t *n_pairs,
                          thaw_error *err);

#endif
