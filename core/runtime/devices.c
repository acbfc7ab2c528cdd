/* devices.c: what the plugins offer, and opening one of them. */
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

#define MAX_DEVICES 256u
#define MAX_BATCH   4096u /* larger ones are no preference but a mistake */

static bool power_of_two(uint64_t v)
{
    return v != 0 && (v & (v - 1)) == 0;
}

/* ---- the list ------------------------------------------------------------------------------------ */

/* A plugin's word on its device, made safe to print and to calculate with. */
static thaw_status tidy_info(thaw_device_info *info, thaw_error *err)
{
    info->struct_size = sizeof *info;
    info->name[sizeof info->name - 1] = '\0';
    info->vendor[sizeof info->vendor - 1] = '\0';
    info->driver[sizeof info->driver - 1] = '\0';
    info->detail[sizeof info->detail - 1] = '\0';
    if (info->type < THAW_DEVICE_CPU || info->type > THAW_DEVICE_OTHER)
        info->type = THAW_DEVICE_OTHER;
    if (!isfinite(info->peak_gflops) || info->peak_gflops < 0)
        info->peak_gflops = 0;
    if (info->preferred_batch > MAX_BATCH)
        info->preferred_batch = 0;
    if (info->offset_align != 0 && !power_of_two(info->offset_align))
        return thaw_fail(err, THAW_E_ABI, "its offset_align of %u is not a power of two", info->offset_align);
    return THAW_OK;
}

static void describe(const thaw_loaded *plugin, uint32_t index, thaw_device_entry *entry)
{
    memset(entry, 0, sizeof *entry);
    snprintf(entry->name, sizeof entry->name, "%s:%u", plugin->api.id, index);
    entry->plugin_id = plugin->api.id;
    entry->plugin_version = plugin->api.version;
    entry->plugin_path = plugin->path;
    entry->info.struct_size = sizeof entry->info;
    thaw_status st = plugin->api.device_describe(index, &entry->info, &entry->error);
    if (st == THAW_OK) {
        memset(&entry->error, 0, sizeof entry->error);
        st = tidy_info(&entry->info, &entry->error);
    }
    if (st != THAW_OK) {
        thaw_plugin_failed(st, &entry->error, "%s cannot be described", entry->name);
        memset(&entry->info, 0, sizeof entry->info);
    }
}

static thaw_status grow_list(thaw_device_list *list, size_t need, thaw_error *err)
{
    void *items = list->items, *origins = list->origins;
    bool ok = thaw_grow(&items, &list->capacity, need, sizeof *list->items);
    list->items = items;
    ok = ok && thaw_grow(&origins, &list->origin_capacity, need, sizeof *list->origins);
    list->origins = origins;
    return ok ? THAW_OK : thaw_fail_memory(err, need * sizeof *list->items, "the list of devices");
}

thaw_status thaw_devices_append(thaw_runtime *runtime, size_t plugin, thaw_error *err)
{
    const thaw_loaded *loaded = &runtime->plugins[plugin];
    thaw_device_list *list = &runtime->devices;
    uint32_t count = 0;
    thaw_error why = {0};
    thaw_status st = loaded->api.device_count(&count, &why);
    if (st == THAW_OK && count > MAX_DEVICES)
        st = thaw_fail(&why, THAW_E_ABI, "it claims %u devices, more than the %u that are believed", count,
                       MAX_DEVICES);
    if (st != THAW_OK) {
        thaw_plugin_failed(st, &why, "%s: it cannot list its devices", loaded->path);
        thaw_log_at(&runtime->log, THAW_LOG_WARN, "%s", why.text);
        return THAW_OK;
    }
    if (count == 0) {
        why.text[sizeof why.text - 1] = '\0';
        thaw_log_at(&runtime->log, THAW_LOG_INFO, "plugin %s offers no device%s%s", loaded->api.id,
                    why.text[0] ? ": " : "", why.text);
        return THAW_OK;
    }
    st = grow_list(list, list->count + count, err);
    if (st != THAW_OK)
        return st;
    for (uint32_t i = 0; i < count; i++) {
        describe(loaded, i, &list->items[list->count]);
        list->origins[list->count].plugin = plugin;
        list->origins[list->count].index = i;
        list->count++;
    }
    return THAW_OK;
}

size_t thaw_runtime_device_count(const thaw_runtime *runtime)
{
    return runtime->devices.count;
}

const thaw_device_entry *thaw_runtime_device(const thaw_runtime *runtime, size_t i)
{
    return i < runtime->devices.count ? &runtime->devices.items[i] : NULL;
}

/* ---- opening ------------------------------------------------------------------------------------- */

static const thaw_device_entry *automatic(const thaw_device_list *list)
{
    const thaw_device_entry *usable = NULL;
    for (size_t i = 0; i < list->count; i++) {
        const thaw_device_entry *e = &list->items[i];
        if (e->error.status != THAW_OK)
            continue;
        if (e->info.type == THAW_DEVICE_GPU)
            return e;
        if (!usable)
            usable = e;
    }
    /* With none that works, the first one's error is the best answer. */
    return usable || list->count == 0 ? usable : &list->items[0];
}

/* name has n bytes and ends before the options. */
static const thaw_device_entry *find(const thaw_device_list *list, const char *name, size_t n)
{
    if (n == 4 && memcmp(name, "auto", 4) == 0)
        return automatic(list);
    for (size_t i = 0; i < list->count; i++) {
        const thaw_device_entry *e = &list->items[i];
        bool whole = strlen(e->name) == n && memcmp(e->name, name, n) == 0;
        bool id = strlen(e->plugin_id) == n && memcmp(e->plugin_id, name, n) == 0;
        if (whole || id)
            return e;
    }
    return NULL;
}

static size_t name_length(const char *name)
{
    return strcspn(name, ",");
}

bool thaw_devices_suffice(const thaw_runtime *runtime, const thaw_runtime_options *options, bool own_folder)
{
    for (size_t i = 0; i < options->n_wanted; i++) {
        const char *name = options->wanted[i];
        const size_t n = name_length(name);
        const bool any = n == strlen("auto") && strncmp(name, "auto", n) == 0;
        const thaw_device_entry *entry = find(&runtime->devices, name, n);
        if (!entry || entry->error.status != THAW_OK)
            return false;
        if (any && entry->info.type != THAW_DEVICE_GPU && (!own_folder || thaw_gpu_possible()))
            return false;
    }
    return options->n_wanted > 0;
}

static thaw_status fail_unknown(const thaw_device_list *list, const char *name, thaw_error *err)
{
    if (list->count == 0)
        return thaw_fail(
            err, THAW_E_NOT_FOUND,
            "no device \"%s\": no plugin offers any device (set THAW_PLUGIN_PATH to the folder of "
            "the thaw-*.so files, or name one with --plugin)",
            name);
    char names[320];
    size_t used = 0;
    names[0] = '\0';
    for (size_t i = 0; i < list->count; i++) {
        int n = snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "", list->items[i].name);
        if (n < 0 || (size_t)n >= sizeof names - used) {
            names[used] = '\0';
            break;
        }
        used += (size_t)n;
    }
    return thaw_fail(err, THAW_E_NOT_FOUND, "no device \"%.64s\"; there are: %s", name, names);
}

static const char *missing_function(const thaw_device_ops *o)
{
    return !o->close            ? "close"
           : !o->buffer_create  ? "buffer_create"
           : !o->buffer_destroy ? "buffer_destroy"
           : !o->stream_create  ? "stream_create"
           : !o->stream_destroy ? "stream_destroy"
           : !o->stream_sync    ? "stream_sync"
           : !o->upload         ? "upload"
           : !o->download       ? "download"
           : !o->copy           ? "copy"
           : !o->fill           ? "fill"
           : !o->event_create   ? "event_create"
           : !o->event_destroy  ? "event_destroy"
           : !o->event_record   ? "event_record"
           : !o->stream_wait    ? "stream_wait"
           : !o->op_query       ? "op_query"
           : !o->op_prepare     ? "op_prepare"
           : !o->kernel_destroy ? "kernel_destroy"
           : !o->op_enqueue     ? "op_enqueue"
                                : NULL;
}

static thaw_status check_ops(const thaw_device_ops *given, thaw_device_ops *own, thaw_error *err)
{
    if (!thaw_copy_struct(own, sizeof *own, given, THAW_DEVICE_OPS_V1_SIZE))
        return thaw_fail(err, THAW_E_ABI,
                         "its thaw_device_ops has a struct_size of %u bytes, but interface %u.0 has %u: the "
                         "plugin must set it to sizeof(thaw_device_ops)",
                         given->struct_size, THAW_ABI_MAJOR, THAW_DEVICE_OPS_V1_SIZE);
    const char *missing = missing_function(own);
    if (missing)
        return thaw_fail(err, THAW_E_ABI, "its thaw_device_ops.%s is NULL, which no plugin may leave out",
                         missing);
    return THAW_OK;
}

static void set_limits(thaw_dev *dev)
{
    const thaw_device_info *info = &dev->info;
    dev->align = info->offset_align > THAW_MIN_ALIGN ? info->offset_align : THAW_MIN_ALIGN;
    dev->max_alloc = info->max_alloc_bytes ? info->max_alloc_bytes : info->memory_bytes;
    if (dev->max_alloc == 0 || dev->max_alloc > (uint64_t)INT64_MAX)
        dev->max_alloc = (uint64_t)INT64_MAX;
}

static thaw_status open_entry(const thaw_runtime *runtime, const thaw_device_entry *entry,
                              const char *options, thaw_dev **out, thaw_error *err)
{
    size_t at = (size_t)(entry - runtime->devices.items);
    const thaw_loaded *plugin = &runtime->plugins[runtime->devices.origins[at].plugin];
    const thaw_device_ops *ops = NULL;
    thaw_error why = {0};
    thaw_dev *dev = thaw_calloc(1, sizeof *dev);
    if (!dev)
        return thaw_fail_memory(err, sizeof *dev, "a device");
    thaw_status st =
        plugin->api.device_open(runtime->devices.origins[at].index, options, &dev->handle, &ops, &why);
    if (st == THAW_OK && (!dev->handle || !ops))
        st = thaw_fail(&why, THAW_E_ABI, "the plugin reports success but hands out no device");
    else if (st == THAW_OK)
        st = check_ops(ops, &dev->ops, &why);
    if (st != THAW_OK) {
        st = thaw_plugin_failed(st, &why, "cannot open %s", entry->name);
        if (err)
            *err = why;
        if (dev->handle && dev->ops.close)
            dev->ops.close(dev->handle);
        free(dev);
        return st;
    }
    memcpy(dev->name, entry->name, sizeof dev->name);
    dev->info = entry->info;
    set_limits(dev);
    *out = dev;
    return THAW_OK;
}

thaw_status thaw_runtime_open(thaw_runtime *runtime, const char *name, thaw_dev **out, thaw_error *err)
{
    if (!name)
        name = "auto";
    size_t n = name_length(name);
    const char *options = name[n] == ',' && name[n + 1] ? name + n + 1 : NULL;
    const thaw_device_entry *entry = find(&runtime->devices, name, n);
    if (!entry)
        return fail_unknown(&runtime->devices, name, err);
    if (entry->error.status != THAW_OK)
        return thaw_fail(err, entry->error.status, "%s", entry->error.text);
    return open_entry(runtime, entry, options, out, err);
}

const void *thaw_runtime_extension(const thaw_runtime *runtime, const thaw_dev *dev, const char *id)
{
    const thaw_device_list *list = &runtime->devices;
    const thaw_device_entry *entry = find(list, dev->name, strlen(dev->name));
    return entry ? runtime->plugins[list->origins[entry - list->items].plugin].api.get_extension(id) : NULL;
}

thaw_status thaw_dev_stream(thaw_dev *dev, thaw_stream **out, thaw_error *err)
{
    thaw_stream *stream = NULL;
    thaw_error why = {0};
    thaw_status st = dev->ops.stream_create(dev->handle, &stream, &why);
    st = thaw_plugin_created(st, stream, &why);
    if (st == THAW_OK) {
        *out = stream;
        return THAW_OK;
    }
    st = thaw_plugin_failed(st, &why, "%s: cannot create a stream", dev->name);
    if (err)
        *err = why;
    return st;
}

void thaw_runtime_close(thaw_runtime *runtime, thaw_dev *dev)
{
    (void)runtime;
    if (!dev)
        return;
    dev->ops.close(dev->handle);
    free(dev);
}
