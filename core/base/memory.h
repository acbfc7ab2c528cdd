/* memory.h: checked sizes and allocations. */
#ifndef THAW_BASE_MEMORY_H
#define THAW_BASE_MEMORY_H

#include <stdbool.h>
#include <stddef.h>

/* *out = a*b or a+b; false, and *out untouched, if that overflows. */
bool thaw_mul(size_t a, size_t b, size_t *out);
bool thaw_add(size_t a, size_t b, size_t *out);

/* Zeroed array of count items; NULL on overflow or exhaustion. count 0 gives a valid, freeable pointer.
 * Freed by free(). */
void *thaw_calloc(size_t count, size_t item_bytes);

/* Grows an array to hold at least need items, doubling; *items and *capacity change only on success.
 * New items are not initialised. */
bool thaw_grow(void **items, size_t *capacity, size_t need, size_t item_bytes);

/* Whether this build watches for accesses behind the end of a block, so that each has to be alone. */
bool thaw_memory_watched(void);

/* align is a power of two. For a block of 1.5 MiB or more the kernel is asked for huge pages, which fault
 * less often and whose addresses are found faster. Freed by thaw_free_aligned. */
void *thaw_alloc_aligned(size_t bytes, size_t align);
void thaw_free_aligned(void *p);

/* Bytes of the machine that may be taken without driving others out; what the kernel calls MemAvailable
 * counts what it holds only for speed. 0 where the system does not tell. */
size_t thaw_available_memory(void);

/* To the system what the C library keeps of freed memory, where it can do that. For the moment after much was
 * freed, before something else is allocated that does not fit into its gaps. [thread-safe] */
void thaw_give_back_memory(void);

/* Copy of a string (NULL for NULL or on exhaustion). Freed by free(). */
char *thaw_strdup(const char *s);

#endif
