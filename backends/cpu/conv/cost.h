/* cost.h: what the parts of a convolution cost, for cpu_algo.cost: in multiply-adds of all threads at their
 * peak.
 *
 * The figures were fitted to InceptionV3's layers on a machine with AVX-512. Between the algorithms of a
 * layer they decide right where times differ by more than a tenth; `thaw tune` measures. */
#ifndef THAW_CPU_CONV_COST_H
#define THAW_CPU_CONV_COST_H

#include "backends/cpu/cpu.h"

/* What costs are reckoned with in the place of the op and the device: a usual batch and a usual number of
 * threads. Which algorithm is the default may depend on neither, or the same image would have other bits in
 * another batch, or on other threads. */
typedef struct {
    backend_op op;
    struct thaw_device dev;
    thaw_tensor in[3], out[THAW_CONV_MAX_OUT];
    bool once; /* a single image will pass */
} cpu_conv_typical;

void cpu_conv_typical_of(const struct thaw_device *dev, const backend_op *op, cpu_conv_typical *out);

/* Share of the peak that the micro-kernels reach on data in the second-level cache. */
#define COST_EFFICIENCY 0.85

/* To read a byte of weights that the layers before this one have pushed out of the caches. */
double cpu_conv_cost_of_byte(const struct thaw_device *dev);

/* Of preparing `elements` of weights at `each` multiply-adds an element, as far as it counts: CONST weights
 * are prepared once, which is nothing beside more than one image; others by each run. */
double cpu_conv_cost_of_weights(const cpu_conv_typical *typical, double elements, double each);

/* Of direct.c and bwd_filter.c. */
double cpu_conv_direct_cost(const struct thaw_device *dev, const backend_op *op);

#endif
