/* zero_net.h: the network at its smallest input, with weights that are all zero. */
#ifndef TESTS_GRAPH_ZERO_NET_H
#define TESTS_GRAPH_ZERO_NET_H

#include "core/graph/lower.h"

extern thaw_net net;
extern thaw_weights_view weights;

/* Set-up and tear-down of a cmocka group. */
int zero_net_build(void **state);
int zero_net_release(void **state);

#endif
