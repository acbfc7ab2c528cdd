/* parallel.h: one op's work, cut into tasks for the host's threads.
 *
 * The cut depends on the shapes alone, never on the number of threads: that is what makes an op whose
 * tasks each sum something give the same bits on every machine. */
#ifndef THAW_CPU_PARALLEL_H
#define THAW_CPU_PARALLEL_H

#include "backends/cpu/cpu.h"

/* Elements of one task: long enough to hide the cost of handing it to a thread. */
#define CPU_TASK_ELEMENTS ((size_t)16384)

/* Does items first … last - 1. */
typedef void (*cpu_range_fn)(const cpu_call *call, size_t first, size_t last);

/* Calls fn for consecutive ranges of `grain` items (the last may be shorter) that cover n_items, in any
 * order and at the same time. */
void cpu_parallel(const cpu_call *call, size_t n_items, size_t grain, cpu_range_fn fn);

/* Number of items of `elements` elements each that make a task; at least 1. */
size_t cpu_grain(size_t elements);

/* Does `count` elements of one pixel, from channel `first`. Where every tensor is dense the pixels join
 * up: pixel is then 0 and `first` counts elements from the start of the tensor. */
typedef void (*cpu_span_fn)(const cpu_call *call, size_t pixel, size_t first, size_t count);

/* Covers tensors of one shape (all inputs and outputs below n_in and n_out) with spans. */
void cpu_parallel_spans(const cpu_call *call, uint32_t n_in, uint32_t n_out, cpu_span_fn fn);

#endif
