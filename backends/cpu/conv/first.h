/* first.h: CONV2D of an image of few channels, such as a network's first layer.
 *
 * A window's row is one piece of a few elements there, so that what the general product spends on a pixel
 * (its place, its pointers) weighs more than its multiply-adds. Here a task walks along lines of the output
 * and a pixel's place is a sum. The sums are those of gemm.h, to the bit. */
#ifndef THAW_CPU_CONV_FIRST_H
#define THAW_CPU_CONV_FIRST_H

#include "backends/cpu/cpu.h"

extern const cpu_algo cpu_conv_first;

#endif
