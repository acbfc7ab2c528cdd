/* parallel.h: plain loops cut into tasks for the host's threads. The cut depends on the shapes alone, never
 * on the number of threads. */
#ifndef THAW_ONEDNN_PARALLEL_H
#define THAW_ONEDNN_PARALLEL_H

#include "plugins/onednn/onednn.h"

/* Elements of one task: long enough to hide the cost of handing it to a thread. */
#define ONEDNN_TASK_ELEMENTS ((size_t)16384)

/* Does items first … last - 1. */
typedef void (*onednn_range_fn)(const onednn_call *call, size_t first, size_t last);

/* Calls fn for consecutive ranges of `grain` items (the last may be shorter) that cover n_items, in any order
 * and at the same time. */
void onednn_parallel(const onednn_call *call, size_t n_items, size_t grain, onednn_range_fn fn);

/* Number of items of `elements` elements each that make a task; at least 1. */
size_t onednn_grain(size_t elements);

#endif
