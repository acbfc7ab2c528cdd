/* host.c: what thaw offers to a plugin. */
#include <string.h>

#include "core/runtime/loader.h"

static void host_log(void *ctx, int32_t level, const char *utf8)
{
    const thaw_host_services *services = ctx;
    thaw_log_at(services->log, level < THAW_LOG_ERROR ? THAW_LOG_ERROR : level, "%s", utf8 ? utf8 : "");
}

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    thaw_host_services *services = ctx;
    return thaw_slabs_alloc(&services->slabs, bytes, align);
}

static void host_free(void *ctx, void *p)
{
    thaw_host_services *services = ctx;
    thaw_slabs_free(&services->slabs, p);
}

static uint32_t host_thread_count(void *ctx)
{
    const thaw_host_services *services = ctx;
    return thaw_threads_count(services->threads);
}

static void host_parallel_for(void *ctx, uint32_t n_tasks, thaw_task_fn fn, void *arg)
{
    const thaw_host_services *services = ctx;
    thaw_threads_run(services->threads, n_tasks, fn, arg);
}

static const void *host_get_extension(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return NULL;
}

void thaw_host_fill(thaw_host_services *services, const thaw_log *log, thaw_threads *threads)
{
    services->log = log;
    services->threads = threads;
    services->slabs = (thaw_slabs)THAW_SLABS_EMPTY;
    services->table = (thaw_host){
        .struct_size = sizeof services->table,
        .abi_minor = THAW_ABI_MINOR,
        .ctx = services,
        .log = host_log,
        .alloc = host_alloc,
        .free = host_free,
        .thread_count = host_thread_count,
        .parallel_for = host_parallel_for,
        .get_extension = host_get_extension,
    };
}
