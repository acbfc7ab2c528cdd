/* counting.c: the toy, counting each call that reaches it. Whoever opens the library finds the numbers. */
#include "thaw_plugin.h"

const thaw_plugin *toy_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor);
#define thaw_plugin_entry toy_plugin_entry
#include "../plugins/toy.c"
#undef thaw_plugin_entry

#include <stdatomic.h>

#include "counting.h"

static atomic_uint_fast64_t calls[COUNTED_END];

__attribute__((visibility("default"))) uint64_t counting_calls(int what)
{
    return atomic_load(&calls[what]);
}

#define COUNTING(name, parameters, arguments)                                                                \
    static thaw_status counted_##name parameters                                                             \
    {                                                                                                        \
        atomic_fetch_add(&calls[COUNTED_##name], 1);                                                         \
        return name arguments;                                                                               \
    }
#define COUNTING_VOID(name, parameters, arguments)                                                           \
    static void counted_##name parameters                                                                    \
    {                                                                                                        \
        atomic_fetch_add(&calls[COUNTED_##name], 1);                                                         \
        name arguments;                                                                                      \
    }

COUNTING(buffer_create, (thaw_device * d, uint64_t n, thaw_buffer **o, thaw_error *e), (d, n, o, e))
COUNTING_VOID(buffer_destroy, (thaw_device * d, thaw_buffer *b), (d, b))
COUNTING(stream_create, (thaw_device * d, thaw_stream **o, thaw_error *e), (d, o, e))
COUNTING_VOID(stream_destroy, (thaw_device * d, thaw_stream *s), (d, s))
COUNTING(stream_sync, (thaw_stream * s, thaw_error *e), (s, e))
COUNTING(upload, (thaw_stream * s, thaw_slice d, const void *p, uint64_t n, thaw_error *e), (s, d, p, n, e))
COUNTING(download, (thaw_stream * s, void *p, thaw_slice d, uint64_t n, thaw_error *e), (s, p, d, n, e))
COUNTING(copy, (thaw_stream * s, thaw_slice d, thaw_slice p, uint64_t n, thaw_error *e), (s, d, p, n, e))
COUNTING(fill, (thaw_stream * s, thaw_slice d, uint32_t p, uint64_t n, thaw_error *e), (s, d, p, n, e))
COUNTING(event_create, (thaw_device * d, thaw_event **o, thaw_error *e), (d, o, e))
COUNTING_VOID(event_destroy, (thaw_device * d, thaw_event *v), (d, v))
COUNTING(event_record, (thaw_stream * s, thaw_event *v, thaw_error *e), (s, v, e))
COUNTING(stream_wait, (thaw_stream * s, thaw_event *v, thaw_error *e), (s, v, e))
COUNTING(op_query, (thaw_device * d, const thaw_op *op, uint32_t a, thaw_op_info *i, thaw_error *e),
         (d, op, a, i, e))
COUNTING(op_prepare,
         (thaw_device * d, const thaw_op *op, uint32_t a, const void *const *c, thaw_kernel **o,
          thaw_error *e),
         (d, op, a, c, o, e))
COUNTING_VOID(kernel_destroy, (thaw_device * d, thaw_kernel *k), (d, k))
COUNTING(op_enqueue,
         (thaw_stream * s, thaw_kernel *k, const thaw_slice *a, uint32_t n, thaw_slice w, thaw_error *e),
         (s, k, a, n, w, e))
COUNTING_VOID(close_device, (thaw_device * d), (d))

static const thaw_device_ops counted_ops = {
    .struct_size = sizeof(thaw_device_ops),
    .close = counted_close_device,
    .buffer_create = counted_buffer_create,
    .buffer_destroy = counted_buffer_destroy,
    .stream_create = counted_stream_create,
    .stream_destroy = counted_stream_destroy,
    .stream_sync = counted_stream_sync,
    .upload = counted_upload,
    .download = counted_download,
    .copy = counted_copy,
    .fill = counted_fill,
    .event_create = counted_event_create,
    .event_destroy = counted_event_destroy,
    .event_record = counted_event_record,
    .stream_wait = counted_stream_wait,
    .op_query = counted_op_query,
    .op_prepare = counted_op_prepare,
    .kernel_destroy = counted_kernel_destroy,
    .op_enqueue = counted_op_enqueue,
};

static thaw_status counted_open(uint32_t index, const char *options, thaw_device **out,
                                const thaw_device_ops **table, thaw_error *err)
{
    atomic_fetch_add(&calls[COUNTED_device_open], 1);
    thaw_status st = device_open(index, options, out, table, err);
    *table = &counted_ops;
    return st;
}

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    static thaw_plugin counted;
    counted = *toy_plugin_entry(host_abi_major, host_abi_minor);
    counted.device_open = counted_open;
    return &counted;
}
