/* plugin.c: the entry point and its one device, the CPU as oneDNN drives it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/common/memory.h"
#include "plugins/onednn/kernel.h"
#include "plugins/onednn/library.h"
#include "plugins/onednn/options.h"

/* The host's table, between init and shutdown. The entry points of a plugin have no argument to hold it. */
static const thaw_host *the_host;

static thaw_status plugin_init(const thaw_host *host, thaw_error *err)
{
    if (!host || host->struct_size < THAW_HOST_V1_SIZE)
        return backend_fail(err, THAW_E_ABI, "struct_size of the host's table is %u, must be at least %u",
                            host ? host->struct_size : 0, THAW_HOST_V1_SIZE);
    if (!host->alloc || !host->free || !host->thread_count || !host->parallel_for)
        return backend_fail(err, THAW_E_ABI,
                            "the host's table lacks alloc, free, thread_count or parallel_for");
    the_host = host;
    return THAW_OK;
}

/* The library keeps the code of primitives for the whole process; what is left of it goes with the plugin. */
static void plugin_shutdown(void)
{
    int capacity = 0;
    if (dnnl_get_primitive_cache_capacity(&capacity) == dnnl_success &&
        dnnl_set_primitive_cache_capacity(0) == dnnl_success)
        (void)dnnl_set_primitive_cache_capacity(capacity);
    the_host = NULL;
}

static thaw_status plugin_device_count(uint32_t *out, thaw_error *err)
{
    (void)err;
    *out = 1;
    return THAW_OK;
}

static thaw_status check_index(uint32_t index, thaw_error *err)
{
    if (index > 0)
        return backend_fail(err, THAW_E_NOT_FOUND, "there is no device onednn:%u, only onednn:0", index);
    return THAW_OK;
}

/* Every thread has an image at a time. */
static uint32_t preferred_batch(uint32_t threads)
{
    return threads < 4 ? 4 : threads < 64 ? threads : 64;
}

static thaw_status plugin_device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    thaw_status s = check_index(index, err);
    if (s != THAW_OK)
        return s;
    if (info->struct_size < THAW_DEVICE_INFO_V1_SIZE)
        return backend_fail(err, THAW_E_INVALID, "struct_size of thaw_device_info is %u, must be at least %u",
                            info->struct_size, THAW_DEVICE_INFO_V1_SIZE);
    const dnnl_version_t *v = dnnl_version();
    uint32_t threads = the_host->thread_count(the_host->ctx);
    thaw_device_info full = {.struct_size = info->struct_size,
                             .type = THAW_DEVICE_CPU,
                             .compute_units = threads,
                             .preferred_batch = preferred_batch(threads)};
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE),
         cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
    snprintf(full.name, sizeof full.name, "CPU, by oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    snprintf(full.vendor, sizeof full.vendor, "%s", "oneDNN project");
    snprintf(full.driver, sizeof full.driver, "oneDNN %d.%d.%d", v->major, v->minor, v->patch);
    snprintf(full.detail, sizeof full.detail, "%s",
             "convolutions and average pools by oneDNN, the rest in C");
    if (pages > 0 && page > 0)
        full.memory_bytes = (uint64_t)pages * (uint64_t)page;
    full.cache_bytes = cache > 0 ? (uint64_t)cache : 0;
    memcpy(info, &full, info->struct_size < sizeof full ? info->struct_size : sizeof full);
    return THAW_OK;
}

static void device_close(thaw_device *dev)
{
    const thaw_host *host = dev->host;
    for (uint32_t i = 0; dev->streams && i < dev->workers; i++) {
        if (dev->streams[i])
            dnnl_stream_destroy(dev->streams[i]);
    }
    if (dev->engine)
        dnnl_engine_destroy(dev->engine);
    host->free(host->ctx, dev->streams);
    host->free(host->ctx, dev);
}

static const thaw_device_ops device_ops = {
    .struct_size = sizeof(thaw_device_ops),
    .close = device_close,
    .buffer_create = backend_buffer_create,
    .buffer_destroy = backend_buffer_destroy,
    .stream_create = backend_stream_create,
    .stream_destroy = backend_stream_destroy,
    .stream_sync = backend_stream_sync,
    .upload = backend_upload,
    .download = backend_download,
    .copy = backend_copy,
    .fill = backend_fill,
    .event_create = backend_event_create,
    .event_destroy = backend_event_destroy,
    .event_record = backend_event_record,
    .stream_wait = backend_stream_wait,
    .op_query = onednn_op_query,
    .op_prepare = onednn_op_prepare,
    .kernel_destroy = onednn_kernel_destroy,
    .op_enqueue = onednn_op_enqueue,
};

static thaw_status open_library(thaw_device *dev, thaw_error *err)
{
    size_t bytes = dev->workers * sizeof(dnnl_stream_t);
    dev->streams = onednn_alloc(dev, bytes);
    if (!dev->streams)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for %u streams of oneDNN", dev->workers);
    memset(dev->streams, 0, bytes);
    int before = lib_enter();
    dnnl_status_t st = dnnl_engine_create(&dev->engine, dnnl_cpu, 0);
    for (uint32_t i = 0; i < dev->workers && !st; i++)
        st = dnnl_stream_create(&dev->streams[i], dev->engine, dnnl_stream_default_flags);
    lib_leave(before);
    if (!st)
        return THAW_OK;
    return backend_fail(err, st == dnnl_out_of_memory ? THAW_E_NO_MEMORY : THAW_E_INTERNAL,
                        "oneDNN cannot open the CPU: %s", lib_status_name(st));
}

static thaw_status plugin_device_open(uint32_t index, const char *options, thaw_device **out,
                                      const thaw_device_ops **ops, thaw_error *err)
{
    thaw_status s = check_index(index, err);
    if (s == THAW_OK)
        s = options_apply(options, err);
    if (s != THAW_OK)
        return s;
    thaw_device *dev = the_host->alloc(the_host->ctx, sizeof *dev, 64);
    if (!dev)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for the device onednn:0");
    *dev = (thaw_device){.host = the_host, .workers = the_host->thread_count(the_host->ctx)};
    s = open_library(dev, err);
    if (s != THAW_OK) {
        device_close(dev);
        return s;
    }
    *out = dev;
    *ops = &device_ops;
    return THAW_OK;
}

static const void *plugin_get_extension(const char *id)
{
    (void)id;
    return NULL;
}

static const thaw_plugin the_plugin = {
    .struct_size = sizeof(thaw_plugin),
    .abi_major = THAW_ABI_MAJOR,
    .abi_minor = THAW_ABI_MINOR,
    .id = "onednn",
    .version = "0.1.0",
    .init = plugin_init,
    .shutdown = plugin_shutdown,
    .device_count = plugin_device_count,
    .device_describe = plugin_device_describe,
    .device_open = plugin_device_open,
    .get_extension = plugin_get_extension,
};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_minor;
    return host_abi_major == THAW_ABI_MAJOR ? &the_plugin : NULL;
}
