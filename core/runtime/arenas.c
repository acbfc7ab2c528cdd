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

thaw_status thaw_fail_device_memory(const thaw_dev *dev, uint64_t bytes, const char *purpose, thaw_error *err)
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

uint64_t thaw_store_bytes(const thaw_store *store)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < store->count; i++)
        sum += store->items[i].bytes;
    return sum;
}

void thaw_store_free(thaw_store *store)
{
    for (size_t i = 0; i < store->count; i++)
        store->dev->ops.buffer_destroy(store->dev->handle, store->items[i].buffer);
    free(store->items);
    memset(store, 0, sizeof *store);
}

static bool holds(const thaw_arenas *arenas, const thaw_buffer *buffer)
{
    for (size_t i = 0; i < arenas->count; i++)
        if (arenas->buffers[i] == buffer)
            return true;
    return false;
}

static thaw_buffer *find_free(const thaw_store *store, const thaw_arenas *taken, uint64_t bytes)
{
    const struct thaw_stored *best = NULL;
    for (size_t i = 0; i < store->count; i++) {
        const struct thaw_stored *s = &store->items[i];
        if (s->bytes >= bytes && (!best || s->bytes < best->bytes) && !holds(taken, s->buffer))
            best = s;
    }
    return best ? best->buffer : NULL;
}

static thaw_status add_buffer(thaw_store *store, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    thaw_dev *dev = store->dev;
    void *items = store->items;
    if (!thaw_grow(&items, &store->capacity, store->count + 1, sizeof *store->items))
        return thaw_fail_memory(err, sizeof *store->items, "the device buffers");
    store->items = items;
    thaw_error why = {0};
    thaw_buffer *buffer = NULL;
    thaw_status st = dev->ops.buffer_create(dev->handle, bytes, &buffer, &why);
    st = thaw_plugin_created(st, buffer, &why);
    if (st != THAW_OK) {
        st = thaw_plugin_failed(st, &why, "%s: cannot create a buffer of %llu bytes", dev->name,
                                (unsigned long long)bytes);
        if (err)
            *err = why;
        return st;
    }
    store->items[store->count++] = (struct thaw_stored){buffer, bytes};
    *out = buffer;
    return THAW_OK;
}

thaw_status thaw_arenas_take(thaw_store *store, const thaw_mem_plan *plan, const char *purpose,
                             thaw_arenas *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    if (store->dev->info.memory_bytes && plan->total_bytes > store->dev->info.memory_bytes)
        return thaw_fail_device_memory(store->dev, plan->total_bytes, purpose, err);
    out->buffers = thaw_calloc(plan->n_arenas, sizeof *out->buffers);
    if (!out->buffers)
        return thaw_fail_memory(err, plan->n_arenas * sizeof *out->buffers, "the device buffers");
    for (size_t i = 0; i < plan->n_arenas; i++) {
        thaw_buffer *buffer = find_free(store, out, plan->arena_bytes[i]);
        if (!buffer) {
            thaw_status st = add_buffer(store, plan->arena_bytes[i], &buffer, err);
            if (st == THAW_E_DEVICE_MEMORY)
                return thaw_fail_device_memory(store->dev, plan->total_bytes, purpose, err);
            if (st != THAW_OK)
                return st;
        }
        out->buffers[out->count++] = buffer;
    }
    return THAW_OK;
}

void thaw_arenas_free(thaw_arenas *arenas)
{
    free(arenas->buffers);
    memset(arenas, 0, sizeof *arenas);
}

thaw_slice thaw_arenas_slice(const thaw_arenas *arenas, const thaw_mem_item *item)
{
    return (thaw_slice){arenas->buffers[item->arena], item->offset};
}
