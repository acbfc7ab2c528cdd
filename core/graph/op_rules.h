/* op_rules.h: what thaw_ops.h demands of each op's arity, types and shapes. */
#ifndef THAW_GRAPH_OP_RULES_H
#define THAW_GRAPH_OP_RULES_H

#include "core/graph/graph.h"

/* THAW_E_INTERNAL with op, label and the tensor that breaks the rule: core builds its own graphs, so a
 * breach is a defect of thaw. */
thaw_status thaw_op_rule_check(const thaw_graph *graph, const thaw_gop *op, thaw_error *err);

#endif
