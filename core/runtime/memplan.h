/* memplan.h: where in a device's memory each tensor lies. Pure calculation. */
#ifndef THAW_RUNTIME_MEMPLAN_H
#define THAW_RUNTIME_MEMPLAN_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* Something that needs `bytes` (> 0) from time `first` to time `last`, both included. */
typedef struct thaw_mem_item {
    uint64_t bytes;
    size_t first, last;
    uint32_t arena;  /* result */
    uint64_t offset; /* result: bytes, a multiple of the alignment */
} thaw_mem_item;

typedef struct thaw_mem_plan {
    uint64_t *arena_bytes; /* owned */
    size_t n_arenas;
    uint64_t total_bytes; /* of all arenas */
    uint64_t naive_bytes; /* of all items, each in a place of its own */
} thaw_mem_plan;

/* Gives each item a place, such that items whose times overlap do not overlap in memory: the largest
 * first, each in the smallest gap that holds it ("greedy by size": Pisarchyk and Lee, "Efficient memory
 * management for deep neural net inference", 2020). Begins another arena where the one before would grow
 * beyond max_arena. align is a power of two. The same items give the same plan. THAW_E_DEVICE_MEMORY if an
 * item alone is larger than max_arena. The plan is freed by thaw_mem_plan_free, also after an error. */
thaw_status thaw_mem_plan_make(thaw_mem_item *items, size_t n, uint64_t align, uint64_t max_arena,
                               thaw_mem_plan *out, thaw_error *err);
void thaw_mem_plan_free(thaw_mem_plan *plan);

#endif
