/* plugin.c: the entry point, the one device, and its options. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backends/common/memory.h"
#include "backends/cpu/ahead.h"
#include "backends/cpu/isa.h"
#include "backends/cpu/kernel.h"
#include "backends/cpu/peak.h"

#define DEFAULT_L2_BYTES ((size_t)512 << 10)
#define DEFAULT_L3_BYTES ((size_t)8 << 20)

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

static void plugin_shutdown(void)
{
    the_host = NULL;
}

static thaw_status plugin_device_count(uint32_t *out, thaw_error *err)
{
    (void)err;
    *out = 1;
    return THAW_OK;
}

static size_t near_bytes(void)
{
    size_t l2 = cpu_cache_bytes(2);
    return l2 ? l2 : DEFAULT_L2_BYTES;
}

static thaw_status check_index(uint32_t index, thaw_error *err)
{
    if (index > 0)
        return backend_fail(err, THAW_E_NOT_FOUND, "there is no device cpu:%u, only cpu:0", index);
    return THAW_OK;
}

static thaw_status plugin_device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    thaw_status s = check_index(index, err);
    if (s != THAW_OK)
        return s;
    if (info->struct_size < THAW_DEVICE_INFO_V1_SIZE)
        return backend_fail(err, THAW_E_INVALID, "struct_size of thaw_device_info is %u, must be at least %u",
                            info->struct_size, THAW_DEVICE_INFO_V1_SIZE);
    thaw_device_info full = {
        .struct_size = info->struct_size, .type = THAW_DEVICE_CPU, .preferred_batch = 16};
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    cpu_model_name(full.name, sizeof full.name);
    snprintf(full.vendor, sizeof full.vendor, "%s", "thaw");
    snprintf(full.driver, sizeof full.driver, "%s", "thaw-cpu 0.1.0");
    int used = snprintf(full.detail, sizeof full.detail, "isa:");
    for (int isa = CPU_ISA_REFERENCE; isa <= (int)cpu_isa_best(); isa++)
        used += snprintf(full.detail + used, sizeof full.detail - (size_t)used, " %s",
                         cpu_isa_name((cpu_isa)isa));
    if (pages > 0 && page > 0)
        full.memory_bytes = (uint64_t)pages * (uint64_t)page;
    full.cache_bytes = cpu_cache_bytes(3);
    full.near_cache_bytes = (uint64_t)near_bytes() * cpu_cache_count(2);
    full.compute_units = the_host->thread_count(the_host->ctx);
    memcpy(info, &full, info->struct_size < sizeof full ? info->struct_size : sizeof full);
    return THAW_OK;
}

typedef struct {
    cpu_isa isa;
    bool amx; /* may be used, where it is there */
} device_options;

static bool is(const char *text, size_t length, const char *word)
{
    return strlen(word) == length && memcmp(text, word, length) == 0;
}

static thaw_status set_isa(const char *value, size_t length, cpu_isa *isa, thaw_error *err)
{
    cpu_isa best = cpu_isa_best();
    if (is(value, length, "auto")) {
        *isa = best;
        return THAW_OK;
    }
    if (!cpu_isa_by_name(value, length, isa))
        return backend_fail(err, THAW_E_INVALID,
                            "cpu: isa=%.*s is not known; it is one of reference, generic, avx2, avx512, auto",
                            (int)(length < 64 ? length : 64), value);
    if (*isa > best)
        return backend_fail(err, THAW_E_UNSUPPORTED,
                            "cpu: isa=%s was asked for, but this processor or its operating system does not "
                            "offer it; the best here is isa=%s",
                            cpu_isa_name(*isa), cpu_isa_name(best));
    return THAW_OK;
}

/* "key=value,key=value" */
static thaw_status read_options(const char *text, device_options *o, thaw_error *err)
{
    while (text && *text) {
        size_t length = strcspn(text, ",");
        if (length >= 4 && memcmp(text, "isa=", 4) == 0) {
            thaw_status s = set_isa(text + 4, length - 4, &o->isa, err);
            if (s != THAW_OK)
                return s;
        } else if (is(text, length, "amx=off") || is(text, length, "amx=auto")) {
            o->amx = is(text, length, "amx=auto");
        } else {
            return backend_fail(err, THAW_E_INVALID,
                                "cpu: option \"%.*s\" is not known; the known ones are "
                                "isa=reference|generic|avx2|avx512|auto and amx=off|auto",
                                (int)(length < 64 ? length : 64), text);
        }
        text += length;
        text += *text == ',';
    }
    return THAW_OK;
}

static void device_close(thaw_device *dev)
{
    const thaw_host *host = dev->host;
    cpu_order_destroy(host, dev->order);
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
    .op_query = cpu_op_query,
    .op_prepare = cpu_op_prepare,
    .kernel_destroy = cpu_kernel_destroy,
    .op_enqueue = cpu_op_enqueue,
};

static thaw_status plugin_device_open(uint32_t index, const char *options, thaw_device **out,
                                      const thaw_device_ops **ops, thaw_error *err)
{
    device_options o = {.isa = cpu_isa_best(), .amx = true};
    thaw_status s = check_index(index, err);
    if (s == THAW_OK)
        s = read_options(options, &o, err);
    if (s != THAW_OK)
        return s;
    thaw_device *dev = the_host->alloc(the_host->ctx, sizeof *dev, 64);
    cpu_order *order = cpu_order_create(the_host);
    if (!dev || !order) {
        if (order)
            cpu_order_destroy(the_host, order);
        the_host->free(the_host->ctx, dev);
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for the device cpu:0");
    }
    size_t l3 = cpu_cache_bytes(3);
    *dev = (thaw_device){.host = the_host,
                         .order = order,
                         .isa = o.isa,
                         .threads = the_host->thread_count(the_host->ctx),
                         .l2_bytes = near_bytes(),
                         .l3_bytes = l3 ? l3 : DEFAULT_L3_BYTES,
                         .avx512_bf16 = o.isa == CPU_ISA_AVX512 && cpu_has_avx512_bf16(),
                         .slow_avx512_bf16 = cpu_has_slow_avx512_bf16(),
                         .amx_bf16 = o.amx && o.isa == CPU_ISA_AVX512 && cpu_take_amx_bf16()};
    *out = dev;
    *ops = &device_ops;
    return THAW_OK;
}

static const void *plugin_get_extension(const char *id)
{
    return id && strcmp(id, THAW_EXT_PEAK) == 0 ? cpu_peak_extension() : NULL;
}

static const thaw_plugin the_plugin = {
    .struct_size = sizeof(thaw_plugin),
    .abi_major = THAW_ABI_MAJOR,
    .abi_minor = THAW_ABI_MINOR,
    .id = "cpu",
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
