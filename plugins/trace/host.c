/* host.c: the host's table with an eye on memory. */
#include "trace.h"

/* What free needs to know, in front of each allocation. */
typedef struct header {
    size_t bytes, before; /* asked for; from what the host gave to what the plugin got */
} header;

static void host_log(void *ctx, int32_t level, const char *utf8)
{
    const trace_slot *slot = ctx;
    slot->real->log(slot->real->ctx, level, utf8);
}

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    const trace_slot *slot = ctx;
    size_t before = align > sizeof(header) ? align : sizeof(header);
    if (bytes > SIZE_MAX - before)
        return NULL;
    char *base = slot->real->alloc(slot->real->ctx, before + bytes, before);
    if (!base)
        return NULL;
    ((header *)(void *)(base + before))[-1] = (header){bytes, before};
    trace_memory(slot->process, TRACE_HOST_MEMORY, (int64_t)bytes);
    return base + before;
}

static void host_free(void *ctx, void *p)
{
    const trace_slot *slot = ctx;
    if (!p)
        return;
    const header h = ((const header *)p)[-1];
    slot->real->free(slot->real->ctx, (char *)p - h.before);
    trace_memory(slot->process, TRACE_HOST_MEMORY, -(int64_t)h.bytes);
}

static uint32_t host_thread_count(void *ctx)
{
    const trace_slot *slot = ctx;
    return slot->real->thread_count(slot->real->ctx);
}

static void host_parallel_for(void *ctx, uint32_t n_tasks, thaw_task_fn fn, void *arg)
{
    const trace_slot *slot = ctx;
    slot->real->parallel_for(slot->real->ctx, n_tasks, fn, arg);
}

/* An extension of the host would be called with a ctx that is not its own. */
static const void *host_get_extension(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return NULL;
}

_Static_assert(sizeof(header) == 2 * sizeof(size_t) && (sizeof(header) & (sizeof(header) - 1)) == 0,
               "the header keeps an allocation aligned");

void trace_host_fill(trace_slot *slot, const thaw_host *real)
{
    slot->real = real;
    slot->host = (thaw_host){
        .struct_size = sizeof slot->host,
        .abi_minor = THAW_ABI_MINOR,
        .ctx = slot,
        .log = host_log,
        .alloc = host_alloc,
        .free = host_free,
        .thread_count = host_thread_count,
        .parallel_for = host_parallel_for,
        .get_extension = host_get_extension,
    };
}
