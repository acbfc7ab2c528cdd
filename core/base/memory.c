#include "core/base/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>
#ifdef __GLIBC__
#include <malloc.h>
#endif

bool thaw_mul(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_mul_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

bool thaw_add(size_t a, size_t b, size_t *out)
{
    size_t r;
    if (__builtin_add_overflow(a, b, &r))
        return false;
    *out = r;
    return true;
}

void *thaw_calloc(size_t count, size_t item_bytes)
{
    return calloc(count ? count : 1, item_bytes ? item_bytes : 1);
}

bool thaw_grow(void **items, size_t *capacity, size_t need, size_t item_bytes)
{
    if (need <= *capacity)
        return true;
    size_t cap = *capacity ? *capacity : 8;
    while (cap < need)
        if (!thaw_mul(cap, 2, &cap))
            return false;
    size_t bytes;
    if (!thaw_mul(cap, item_bytes, &bytes))
        return false;
    void *grown = realloc(*items, bytes);
    if (!grown)
        return false;
    *items = grown;
    *capacity = cap;
    return true;
}

#define HUGE_PAGE ((size_t)2 << 20)

bool thaw_memory_watched(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return true;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
    return true;
#endif
#endif
    return false;
}

/* The whole huge pages of a block: also the last, if three quarters of it are used. Where less is, it takes
 * more memory than it is worth. None where somebody watches for accesses behind the end of a block, which
 * would not be there. */
static size_t huge_part(size_t bytes)
{
    size_t nearest;
    if (thaw_memory_watched() || !thaw_add(bytes, HUGE_PAGE / 4, &nearest))
        return 0;
    return nearest & ~(HUGE_PAGE - 1);
}

void *thaw_alloc_aligned(size_t bytes, size_t align)
{
    void *p = NULL;
    const size_t huge = huge_part(bytes);
    if (huge > 0 && align < HUGE_PAGE)
        align = HUGE_PAGE;
    if (align < sizeof(void *))
        align = sizeof(void *);
    if (bytes < huge)
        bytes = huge;
    if (posix_memalign(&p, align, bytes ? bytes : align) != 0)
        return NULL;
    /* Advice only: without it the block works as well, with more page faults. */
    if (huge > 0)
        (void)madvise(p, huge, MADV_HUGEPAGE);
    return p;
}

void thaw_free_aligned(void *p)
{
    free(p);
}

void thaw_give_back_memory(void)
{
#ifdef __GLIBC__
    malloc_trim(0);
#endif
}

char *thaw_strdup(const char *s)
{
    return s ? strdup(s) : NULL;
}

size_t thaw_available_memory(void)
{
    char line[128];
    unsigned long long kib = 0;
    FILE *f = fopen("/proc/meminfo", "r");
    while (f && fgets(line, sizeof line, f))
        if (sscanf(line, "MemAvailable: %llu kB", &kib) == 1)
            break;
    if (f)
        fclose(f);
    if (kib > 0)
        return (size_t)(kib * 1024);
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    return pages > 0 && page > 0 ? (size_t)pages * (size_t)page : 0;
}
