#include "core/base/slabs.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "core/base/memory.h"

#define SLAB_BYTES ((size_t)8 << 20)
/* Less is looked up in few pages anyway; more fills huge pages alone. */
#define LEAST_BYTES ((size_t)32 << 10)
#define MOST_BYTES  ((size_t)3 << 19)
/* Lines of the caches: blocks share none. */
#define BLOCK_ALIGN ((size_t)64)

struct slab {
    char *memory;        /* SLAB_BYTES */
    size_t used, blocks; /* bytes that have been given out, and blocks that are still there */
    slab *next;
};

static slab *add_slab(thaw_slabs *slabs)
{
    slab *s = malloc(sizeof *s);
    if (!s)
        return NULL;
    *s = (slab){.memory = thaw_alloc_aligned(SLAB_BYTES, BLOCK_ALIGN), .next = slabs->first};
    if (!s->memory) {
        free(s);
        return NULL;
    }
    slabs->first = s;
    return s;
}

void *thaw_slabs_alloc(thaw_slabs *slabs, size_t bytes, size_t align)
{
    if (bytes < LEAST_BYTES || bytes > MOST_BYTES || align > BLOCK_ALIGN || thaw_memory_watched())
        return thaw_alloc_aligned(bytes, align);
    const size_t taken = (bytes + BLOCK_ALIGN - 1) / BLOCK_ALIGN * BLOCK_ALIGN;
    void *p = NULL;
    pthread_mutex_lock(&slabs->lock);
    slab *s = slabs->first;
    while (s && SLAB_BYTES - s->used < taken)
        s = s->next;
    if (!s)
        s = add_slab(slabs);
    if (s) {
        p = s->memory + s->used;
        s->used += taken;
        s->blocks++;
    }
    pthread_mutex_unlock(&slabs->lock);
    return p;
}

/* Whether p was in one, which is gone with its last block. */
static bool take_back(thaw_slabs *slabs, const char *p)
{
    for (slab **at = &slabs->first; *at; at = &(*at)->next) {
        slab *s = *at;
        if ((uintptr_t)p < (uintptr_t)s->memory || (uintptr_t)p >= (uintptr_t)s->memory + SLAB_BYTES)
            continue;
        if (--s->blocks == 0) {
            *at = s->next;
            thaw_free_aligned(s->memory);
            free(s);
        }
        return true;
    }
    return false;
}

void thaw_slabs_free(thaw_slabs *slabs, void *p)
{
    pthread_mutex_lock(&slabs->lock);
    const bool was_in_slab = p && take_back(slabs, p);
    pthread_mutex_unlock(&slabs->lock);
    if (!was_in_slab)
        thaw_free_aligned(p);
}
