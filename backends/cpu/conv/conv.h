/* conv.h: the fast convolutions of the CPU backend.
 *
 * Direct ones are matrix products whose rows are read where they lie, through lists of row pointers; see
 * gemm.h (forward and backward-data) and bwd_filter.c. Those of wino/ trade multiplications for transforms;
 * cost.h says what either costs. */
#ifndef THAW_CPU_CONV_H
#define THAW_CPU_CONV_H

#include "backends/cpu/cpu.h"

/* Algorithms for CONV2D, CONV2D_BWD_DATA and CONV2D_BWD_FILTER; of equal cost the first is the default. Ends
 * with NULL. None of them takes CPU_ISA_REFERENCE. */
extern const cpu_algo *const cpu_conv_algos[];

#endif
