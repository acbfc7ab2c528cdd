#include "core/runtime/memplan.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

#define NOWHERE UINT64_MAX

typedef struct planner {
    thaw_mem_item *items;
    size_t *by_size; /* positions in items, largest first */
    size_t *placed;  /* positions in items, by offset; arenas mixed */
    size_t n_placed;
    uint64_t align, max_arena;
} planner;

typedef struct size_key {
    uint64_t bytes;
    size_t position;
} size_key;

static int larger_first(const void *a, const void *b)
{
    const size_key *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return x->position < y->position ? -1 : x->position > y->position;
}

static bool sort_by_size(const thaw_mem_item *items, size_t n, size_t *order)
{
    size_key *keys = thaw_calloc(n, sizeof *keys);
    if (!keys)
        return false;
    for (size_t i = 0; i < n; i++)
        keys[i] = (size_key){items[i].bytes, i};
    qsort(keys, n, sizeof *keys, larger_first);
    for (size_t i = 0; i < n; i++)
        order[i] = keys[i].position;
    free(keys);
    return true;
}

static uint64_t round_up(uint64_t v, uint64_t align)
{
    return (v + align - 1) & ~(align - 1);
}

static bool overlap_in_time(const thaw_mem_item *a, const thaw_mem_item *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* Offset of the smallest gap of the arena that holds the item for all its time, NOWHERE if there is none
 * below max_arena. */
static uint64_t find_gap(const planner *p, const thaw_mem_item *item, uint32_t arena)
{
    uint64_t best = NOWHERE, best_size = NOWHERE, end = 0;
    for (size_t i = 0; i < p->n_placed; i++) {
        const thaw_mem_item *other = &p->items[p->placed[i]];
        if (other->arena != arena || !overlap_in_time(item, other))
            continue;
        if (other->offset > end && other->offset - end >= item->bytes && other->offset - end < best_size) {
            best = end;
            best_size = other->offset - end;
        }
        uint64_t other_end = round_up(other->offset + other->bytes, p->align);
        if (other_end > end)
            end = other_end;
    }
    if (best != NOWHERE)
        return best;
    return end <= p->max_arena && item->bytes <= p->max_arena - end ? end : NOWHERE;
}

static void remember(planner *p, size_t position)
{
    uint64_t offset = p->items[position].offset;
    size_t at = p->n_placed++;
    for (; at > 0 && p->items[p->placed[at - 1]].offset > offset; at--)
        p->placed[at] = p->placed[at - 1];
    p->placed[at] = position;
}

static void place(planner *p, size_t position, thaw_mem_plan *plan)
{
    thaw_mem_item *item = &p->items[position];
    uint32_t arena = 0;
    uint64_t offset = NOWHERE;
    for (; arena < plan->n_arenas; arena++) {
        offset = find_gap(p, item, arena);
        if (offset != NOWHERE)
            break;
    }
    if (arena == plan->n_arenas) {
        plan->n_arenas++;
        offset = 0;
    }
    item->arena = arena;
    item->offset = offset;
    if (offset + item->bytes > plan->arena_bytes[arena])
        plan->arena_bytes[arena] = offset + item->bytes;
    remember(p, position);
}

static thaw_status check_items(const thaw_mem_item *items, size_t n, uint64_t max_arena, uint64_t *sum,
                               thaw_error *err)
{
    *sum = 0;
    for (size_t i = 0; i < n; i++) {
        if (items[i].bytes > max_arena)
            return thaw_fail(err, THAW_E_DEVICE_MEMORY,
                             "one piece needs %llu bytes, but the device's largest allocation is %llu bytes: "
                             "a smaller batch needs less",
                             (unsigned long long)items[i].bytes, (unsigned long long)max_arena);
        if (items[i].bytes > (uint64_t)INT64_MAX - *sum)
            return thaw_fail(err, THAW_E_DEVICE_MEMORY, "the tensors together are larger than any memory");
        *sum += items[i].bytes;
    }
    return THAW_OK;
}

thaw_status thaw_mem_plan_make(thaw_mem_item *items, size_t n, uint64_t align, uint64_t max_arena,
                               thaw_mem_plan *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_status st = check_items(items, n, max_arena, &out->naive_bytes, err);
    if (st != THAW_OK)
        return st;
    planner p = {.items = items, .align = align, .max_arena = max_arena};
    p.by_size = thaw_calloc(n, sizeof *p.by_size);
    p.placed = thaw_calloc(n, sizeof *p.placed);
    out->arena_bytes = thaw_calloc(n, sizeof *out->arena_bytes);
    if (!p.by_size || !p.placed || !out->arena_bytes || !sort_by_size(items, n, p.by_size)) {
        st = thaw_fail_memory(err, 4ull * n * sizeof(size_t), "the memory plan");
        goto cleanup;
    }
    for (size_t i = 0; i < n; i++)
        place(&p, p.by_size[i], out);
    for (size_t i = 0; i < out->n_arenas; i++)
        out->total_bytes += out->arena_bytes[i];
cleanup:
    free(p.by_size);
    free(p.placed);
    return st;
}

void thaw_mem_plan_free(thaw_mem_plan *plan)
{
    free(plan->arena_bytes);
    memset(plan, 0, sizeof *plan);
}
