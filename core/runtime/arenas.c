#include "core/runtime/arenas.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

void thaw_format_bytes(uint64_t bytes, char out[24])
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
    if (bytes < 1024) {
        snprintf(out, 24, "%u bytes", (unsigned)bytes);
        return;
    }
    double v = (double)bytes / 1024;
    size_t u = 0;
    for (; v >= 1024 && u < 3; u++)
        v /= 1024;
    snprintf(out, 24, "%.1f %s", v, units[u]);
}

static thaw_status fail_too_large(const thaw_dev *dev, uint64_t bytes, const char *purpose, thaw_error *err)
{
    char need[24], have[24];
    thaw_format_bytes(bytes, need);
    thaw_format_bytes(dev->info.memory_bytes, have);
    return thaw_fail(
        err, THAW_E_DEVICE_MEMORY,
        "%s of %s (%llu bytes) do not fit on %s, which has %s: use a smaller batch, or close what "
        "else uses the device",
        purpose, need, (unsigned long long)bytes, dev->name,
        dev->info.memory_bytes ? have : "an unknown amount of memory");
}

thaw_status thaw_arenas_create(thaw_dev *dev, const thaw_mem_plan *plan, const char *purpose,
                               thaw_arenas *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    out->dev = dev;
    if (dev->info.memory_bytes && plan->total_bytes > dev->info.memory_bytes)
        return fail_too_large(dev, plan->total_bytes, purpose, err);
    out->buffers = thaw_calloc(plan->n_arenas, sizeof *out->buffers);
    if (!out->buffers)
        return thaw_fail_memory(err, plan->n_arenas * sizeof *out->buffers, "the device buffers");
    for (size_t i = 0; i < plan->n_arenas; i++) {
        thaw_error why = {0};
        thaw_buffer *buffer = NULL;
        thaw_status st = dev->ops.buffer_create(dev->handle, plan->arena_bytes[i], &buffer, &why);
        st = thaw_plugin_created(st, buffer, &why);
        if (st == THAW_E_DEVICE_MEMORY)
            return fail_too_large(dev, plan->total_bytes, purpose, err);
        if (st != THAW_OK) {
            st = thaw_plugin_failed(st, &why, "%s: cannot create a buffer of %llu bytes", dev->name,
                                    (unsigned long long)plan->arena_bytes[i]);
            if (err)
                *err = why;
            return st;
        }
        out->buffers[out->count++] = buffer;
    }
    return THAW_OK;
}

void thaw_arenas_free(thaw_arenas *arenas)
{
    for (size_t i = 0; i < arenas->count; i++)
        arenas->dev->ops.buffer_destroy(arenas->dev->handle, arenas->buffers[i]);
    free(arenas->buffers);
    memset(arenas, 0, sizeof *arenas);
}

thaw_slice thaw_arenas_slice(const thaw_arenas *arenas, const thaw_mem_item *item)
{
    return (thaw_slice){arenas->buffers[item->arena], item->offset};
}
