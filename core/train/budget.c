#include "core/train/budget.h"

#include <stdio.h>
#include <unistd.h>

#include "core/base/memory.h"

#define MIB ((size_t)1 << 20)

/* Bytes that programs may take without driving others out; what the kernel calls MemAvailable counts what
 * it holds only for speed. */
static size_t available_memory(void)
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

static size_t limit_of(const thaw_train_options *options)
{
    size_t budget;
    if (options->cache == THAW_CACHE_DISK)
        return 0;
    if (options->cache_mb > 0)
        return thaw_mul(options->cache_mb, MIB, &budget) ? budget : SIZE_MAX;
    return options->cache == THAW_CACHE_RAM ? SIZE_MAX : available_memory() / 2;
}

thaw_status thaw_cache_for(const thaw_train_options *options, const thaw_cache_layout *layout,
                           size_t n_images, const char *key, uint64_t *bytes, thaw_cache **out,
                           thaw_error *err)
{
    size_t row = 0, total;
    for (size_t i = 0; i < layout->n_tensors; i++)
        row += layout->row_bytes[i];
    if (!thaw_mul(row, n_images, &total))
        return thaw_fail_memory(err, UINT64_MAX, "the feature cache");
    *bytes = total;
    size_t limit = limit_of(options);
    if (options->cache == THAW_CACHE_RAM && total > limit)
        return thaw_fail(err, THAW_E_NO_MEMORY,
                         "the feature cache needs %zu MiB and its budget is %zu MiB: raise it, store the "
                         "features as f16, or let them go to the disk (--cache auto)",
                         total / MIB + 1, options->cache_mb);
    thaw_cache_options cache = {
        .memory_limit = limit, .dir = options->cache_dir, .key = key, .keep = options->cache_keep};
    return thaw_cache_create(layout, n_images, &cache, out, err);
}
