/* slabs.h: blocks of middle size that share huge pages.
 *
 * What a program holds for its ops, packed weights above all, is many blocks of some hundred KiB, each read
 * from end to end once in a run. On small pages the processor looks up an address for every 4 KiB of them,
 * and finds it in none of its tables; in a virtual machine that takes longer than to fetch the page itself. A
 * block alone is too small for a huge page: here they lie side by side. */
#ifndef THAW_BASE_SLABS_H
#define THAW_BASE_SLABS_H

#include <pthread.h>
#include <stddef.h>

typedef struct slab slab;

/* Starts as THAW_SLABS_EMPTY. Memory of a slab is released with the last of its blocks, so that nothing is
 * left to do at the end. */
typedef struct {
    pthread_mutex_t lock;
    slab *first;
} thaw_slabs;

#define THAW_SLABS_EMPTY                                                                                     \
    {                                                                                                        \
        PTHREAD_MUTEX_INITIALIZER, NULL                                                                      \
    }

/* [thread-safe] align is a power of two. Blocks of another size are allocated alone, by thaw_alloc_aligned.
 * NULL without memory. */
void *thaw_slabs_alloc(thaw_slabs *slabs, size_t bytes, size_t align);
/* [thread-safe] NULL does nothing. */
void thaw_slabs_free(thaw_slabs *slabs, void *p);

#endif
