/* net_order.h: the order of model.layers. */
#ifndef THAW_GRAPH_NET_ORDER_H
#define THAW_GRAPH_NET_ORDER_H

#include "core/graph/net.h"

/* Sorts layers, given in creation order with inputs before their users, as Keras does: by falling depth
 * (longest way to the output), and within a depth in the order in which a depth-first walk from the output,
 * inputs in call order, first meets them. Inputs are renumbered. */
void thaw_net_order(const thaw_layer created[THAW_N_LAYERS], uint32_t output,
                    thaw_layer sorted[THAW_N_LAYERS]);

#endif
