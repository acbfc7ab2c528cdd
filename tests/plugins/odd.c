/* odd.c: a plugin that breaks one rule of the interface, or stretches it; the build says which. */
#include <stdio.h>
#include <string.h>

#include "thaw_plugin.h"

/* What a later version of the interface might append. */
typedef struct longer_plugin {
    thaw_plugin v1;
    void (*later)(void);
    uint64_t more[7];
} longer_plugin;

#if defined(ODD_DEVICES)
typedef struct longer_ops {
    thaw_device_ops v1;
    uint64_t more[5];
} longer_ops;

static int opened; /* only its address matters */

static void close_device(thaw_device *dev)
{
    (void)dev;
}

static thaw_status no_buffer(thaw_device *d, uint64_t n, thaw_buffer **o, thaw_error *e)
{
    (void)d, (void)n, (void)o, (void)e;
    return THAW_E_INTERNAL;
}
static void drop_buffer(thaw_device *d, thaw_buffer *b)
{
    (void)d, (void)b;
}
static thaw_status no_stream(thaw_device *d, thaw_stream **o, thaw_error *e)
{
    (void)d, (void)o, (void)e;
    return THAW_E_INTERNAL;
}
static void drop_stream(thaw_device *d, thaw_stream *s)
{
    (void)d, (void)s;
}
static thaw_status no_sync(thaw_stream *s, thaw_error *e)
{
    (void)s, (void)e;
    return THAW_E_INTERNAL;
}
static thaw_status no_upload(thaw_stream *s, thaw_slice t, const void *p, uint64_t n, thaw_error *e)
{
    (void)s, (void)t, (void)p, (void)n, (void)e;
    return THAW_E_INTERNAL;
}
static thaw_status no_download(thaw_stream *s, void *p, thaw_slice t, uint64_t n, thaw_error *e)
{
    (void)s, (void)t, (void)p, (void)n, (void)e;
    return THAW_E_INTERNAL;
}
static thaw_status no_copy(thaw_stream *s, thaw_slice t, thaw_slice f, uint64_t n, thaw_error *e)
{
    (void)s, (void)t, (void)f, (void)n, (void)e;
    return THAW_E_INTERNAL;
}
static thaw_status no_fill(thaw_stream *s, thaw_slice t, uint32_t v, uint64_t n, thaw_error *e)
{
    (void)s, (void)t, (void)v, (void)n, (void)e;
    return THAW_E_INTERNAL;
}
static thaw_status no_event(thaw_device *d, thaw_event **o, thaw_error *e)
{
    (void)d, (void)o, (void)e;
    return THAW_E_INTERNAL;
}
static void drop_event(thaw_device *d, thaw_event *v)
{
    (void)d, (void)v;
}
static thaw_status no_mark(thaw_stream *s, thaw_event *v, thaw_error *e)
{
    (void)s, (void)v, (void)e;
    return THAW_E_INTERNAL;
}
static thaw_status no_query(thaw_device *d, const thaw_op *o, uint32_t a, thaw_op_info *i, thaw_error *e)
{
    (void)d, (void)o, (void)a, (void)i, (void)e;
    return THAW_E_UNSUPPORTED;
}
static thaw_status no_prepare(thaw_device *d, const thaw_op *o, uint32_t a, const void *const *c,
                              thaw_kernel **k, thaw_error *e)
{
    (void)d, (void)o, (void)a, (void)c, (void)k, (void)e;
    return THAW_E_INTERNAL;
}
static void drop_kernel(thaw_device *d, thaw_kernel *k)
{
    (void)d, (void)k;
}
static thaw_status no_enqueue(thaw_stream *s, thaw_kernel *k, const thaw_slice *a, uint32_t n, thaw_slice w,
                              thaw_error *e)
{
    (void)s, (void)k, (void)a, (void)n, (void)w, (void)e;
    return THAW_E_INTERNAL;
}

#define OPS(size, query_fn)                                                                                  \
    {                                                                                                        \
        .struct_size = (size), .close = close_device, .buffer_create = no_buffer,                            \
        .buffer_destroy = drop_buffer, .stream_create = no_stream, .stream_destroy = drop_stream,            \
        .stream_sync = no_sync, .upload = no_upload, .download = no_download, .copy = no_copy,               \
        .fill = no_fill, .event_create = no_event, .event_destroy = drop_event, .event_record = no_mark,     \
        .stream_wait = no_mark, .op_query = (query_fn), .op_prepare = no_prepare,                            \
        .kernel_destroy = drop_kernel, .op_enqueue = no_enqueue                                              \
    }

static const longer_ops long_ops = {.v1 = OPS(sizeof(longer_ops), no_query), .more = {1, 2, 3, 4, 5}};
static const thaw_device_ops short_ops = OPS(THAW_DEVICE_OPS_V1_SIZE - 8, no_query);
static const thaw_device_ops gap_ops = OPS(sizeof(thaw_device_ops), NULL);
#endif

static thaw_status init(const thaw_host *host, thaw_error *err)
{
    (void)host;
#if defined(ODD_INIT_FAILS)
    err->native = -7;
    memset(err->text, 'x', sizeof err->text); /* and no zero at the end */
    return 4711;
#else
    (void)err;
    return THAW_OK;
#endif
}

static void shutdown(void)
{
}

static thaw_status device_count(uint32_t *out, thaw_error *err)
{
#if defined(ODD_DEVICES)
    (void)err;
    *out = 7;
#elif defined(ODD_NO_DEVICES)
    *out = 0;
    snprintf(err->text, sizeof err->text, "the vendor's driver is not installed");
#else
    (void)err;
    *out = 1;
#endif
    return THAW_OK;
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    (void)err;
    info->type = THAW_DEVICE_OTHER;
    snprintf(info->name, sizeof info->name, "odd %u", index);
#if defined(ODD_DEVICES)
    if (index == 0) {
        memset(info->name, 'n', sizeof info->name);
        memset(info->vendor, 'v', sizeof info->vendor);
        memset(info->driver, 'd', sizeof info->driver);
        memset(info->detail, 'e', sizeof info->detail);
        info->type = 99;
        info->peak_gflops = -1.0 / 0.0;
        info->offset_align = 16;
        info->preferred_batch = UINT32_MAX;
    }
    if (index == 1)
        info->offset_align = 48;
    if (index == 2)
        return THAW_E_DEVICE_LOST; /* without a word */
    if (index == 3)
        info->offset_align = 256;
#endif
    return THAW_OK;
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    (void)options;
    (void)err;
#if defined(ODD_DEVICES)
    *out = index == 6 ? NULL : (thaw_device *)&opened;
    *ops = index == 4 ? &short_ops : index == 5 ? &gap_ops : &long_ops.v1;
    return THAW_OK;
#else
    (void)index;
    (void)out;
    (void)ops;
    return THAW_E_DEVICE_LOST;
#endif
}

static const void *get_extension(const char *id)
{
    (void)id;
    return NULL;
}

static const longer_plugin plugin = {
    .v1 =
        {
#if defined(ODD_LONG)
            .struct_size = sizeof(longer_plugin),
            .abi_minor = 9,
            .id = "odd-long",
#elif defined(ODD_SHORT)
            .struct_size = THAW_PLUGIN_V1_SIZE - 8,
            .id = "odd-short",
#elif defined(ODD_BAD_ID)
            .struct_size = sizeof(thaw_plugin),
            .id = "Odd:0",
#elif defined(ODD_NO_DEVICES)
            .struct_size = sizeof(thaw_plugin),
            .id = "odd-none",
#elif defined(ODD_DEVICES)
            .struct_size = sizeof(thaw_plugin),
            .id = "odd",
#else
            .struct_size = sizeof(thaw_plugin),
            .id = "odd-refused",
#endif
#if defined(ODD_MAJOR)
            .abi_major = THAW_ABI_MAJOR + 1,
#else
            .abi_major = THAW_ABI_MAJOR,
#endif
            .version = "1",
            .init = init,
            .shutdown = shutdown,
            .device_count = device_count,
            .device_describe = device_describe,
#if !defined(ODD_NULL_FUNCTION)
            .device_open = device_open,
#endif
            .get_extension = get_extension,
        },
    .more = {~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull, ~0ull},
};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_major;
    (void)host_abi_minor;
#if defined(ODD_NULL_FUNCTION)
    (void)device_open;
#endif
#if defined(ODD_NULL_ENTRY)
    (void)plugin;
    return NULL;
#else
    return &plugin.v1;
#endif
}
