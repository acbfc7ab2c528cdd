#include "core/train/budget.h"

#include "core/base/memory.h"

#define MIB ((size_t)1 << 20)

static size_t limit_of(const thaw_train_options *options)
{
    size_t budget;
    if (options->cache == THAW_CACHE_DISK)
        return 0;
    if (options->cache_mb > 0)
        return thaw_mul(options->cache_mb, MIB, &budget) ? budget : SIZE_MAX;
    return options->cache == THAW_CACHE_RAM ? SIZE_MAX : thaw_available_memory() / 2;
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
