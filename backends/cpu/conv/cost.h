/* cost.h: what the parts of a convolution cost, for cpu_algo.cost: in multiply-adds of all threads at their
 * peak.
 *
 * The figures were fitted to InceptionV3's layers on a machine with AVX-512. Between the algorithms of a
 * layer they decide right where times differ by more than a tenth; `thaw tune` measures. */
#ifndef THAW_CPU_CONV_COST_H
#define THAW_CPU_CONV_COST_H

#include "backends/cpu/cpu.h"

/* The op at the batch that costs are reckoned with. It is not the op's own: which algorithm is the default
 * may not depend on the batch, or a row of it would have other bits in another batch. */
typedef struct {
    backend_op op;
    thaw_tensor in[3], out[THAW_CONV_MAX_OUT];
} cpu_conv_typical;

void cpu_conv_typical_of(const backend_op *op, cpu_conv_typical *out);

/* Share of the peak that the micro-kernels reach on data in the second-level cache. */
#define COST_EFFICIENCY 0.85

/* To read a byte of weights that the layers before this one have pushed out of the caches. */
double cpu_conv_cost_of_byte(const struct thaw_device *dev);

/* The share of one run in preparing `elements` of weights at `each` multiply-adds an element. CONST weights
 * are prepared once, by one thread; others by each run, by all. */
double cpu_conv_cost_of_weights(const struct thaw_device *dev, const backend_op *op, double elements,
                                double each);

/* CONV2D and CONV2D_BWD_DATA by direct.c. */
double cpu_conv_direct_cost(const struct thaw_device *dev, const backend_op *op);

#endif
