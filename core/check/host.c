/* host.c: the table that looks on. Rule of the ABI: thaw_host; free takes back what alloc gave and nothing
 * else; align is a power of two. */
#include "core/check/host.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"

#define MAGIC UINT64_C(0x7468617763686563)

/* Lies before each piece of memory that alloc gives out. */
typedef struct head {
    uint64_t magic;
    size_t bytes, lead; /* from the beginning of the real allocation */
} head;

static void host_log(void *ctx, int32_t level, const char *utf8)
{
    check_host *host = ctx;
    (void)level;
    (void)utf8;
    atomic_fetch_add(&host->logs, 1);
}

static bool affordable(check_host *host, size_t bytes)
{
    size_t number = atomic_fetch_add(&host->allocs, 1) + 1, budget = atomic_load(&host->budget);
    atomic_store(&host->last_bytes, bytes);
    if (number != atomic_load(&host->fail_at) &&
        (!budget || (bytes <= budget && atomic_load(&host->live_bytes) <= budget - bytes)))
        return true;
    atomic_fetch_add(&host->refusals, 1);
    return false;
}

static void *host_alloc(void *ctx, size_t bytes, size_t align)
{
    check_host *host = ctx;
    size_t lead = align, total;
    if (!affordable(host, bytes) || !align || align & (align - 1))
        return NULL;
    while (lead < sizeof(head))
        lead *= 2;
    if (!thaw_add(bytes, lead, &total))
        return NULL;
    uint8_t *memory = thaw_alloc_aligned(total, lead);
    if (!memory)
        return NULL;
    const head h = {MAGIC, bytes, lead};
    memcpy(memory + lead - sizeof h, &h, sizeof h);
    atomic_fetch_add(&host->live, 1);
    atomic_fetch_add(&host->live_bytes, bytes);
    return memory + lead;
}

static void host_free(void *ctx, void *p)
{
    check_host *host = ctx;
    head h;
    if (!p)
        return;
    atomic_fetch_add(&host->frees, 1);
    memcpy(&h, (uint8_t *)p - sizeof h, sizeof h);
    if (h.magic != MAGIC) {
        atomic_fetch_add(&host->foreign, 1);
        return;
    }
    atomic_fetch_sub(&host->live, 1);
    atomic_fetch_sub(&host->live_bytes, h.bytes);
    memset((uint8_t *)p - sizeof h, 0, sizeof h.magic);
    thaw_free_aligned((uint8_t *)p - h.lead);
}

static uint32_t host_thread_count(void *ctx)
{
    const check_host *host = ctx;
    return thaw_threads_count(host->threads);
}

static void host_parallel_for(void *ctx, uint32_t n_tasks, thaw_task_fn fn, void *arg)
{
    check_host *host = ctx;
    check_gate *gate = &host->gate;
    pthread_mutex_lock(&gate->lock);
    if (gate->state == GATE_ARMED && pthread_equal(gate->thread, pthread_self())) {
        gate->state = GATE_HOLDING;
        pthread_cond_broadcast(&gate->changed);
        while (gate->state != GATE_OPEN)
            pthread_cond_wait(&gate->changed, &gate->lock);
    }
    pthread_mutex_unlock(&gate->lock);
    thaw_threads_run(host->threads, n_tasks, fn, arg);
}

static const void *host_get_extension(void *ctx, const char *id)
{
    (void)ctx;
    (void)id;
    return NULL;
}

thaw_status thaw_check_host_create(uint32_t struct_size, uint32_t n_threads, check_host **out,
                                   thaw_error *err)
{
    check_host *host = thaw_calloc(1, sizeof *host);
    if (!host)
        return thaw_fail_memory(err, sizeof *host, "a host's table");
    thaw_status st = thaw_threads_create(n_threads, &host->threads, err);
    if (st != THAW_OK) {
        free(host);
        return st;
    }
    memset(host->behind, 0xa5, sizeof host->behind);
    host->table =
        (thaw_host){.struct_size = struct_size,
                    .abi_minor = struct_size > sizeof host->table ? THAW_ABI_MINOR + 7 : THAW_ABI_MINOR,
                    .ctx = host,
                    .log = host_log,
                    .alloc = host_alloc,
                    .free = host_free,
                    .thread_count = host_thread_count,
                    .parallel_for = host_parallel_for,
                    .get_extension = host_get_extension};
    pthread_mutex_init(&host->gate.lock, NULL);
    thaw_check_condition(&host->gate.changed);
    *out = host;
    return THAW_OK;
}

void thaw_check_host_free(check_host *host)
{
    if (!host)
        return;
    thaw_threads_destroy(host->threads);
    pthread_cond_destroy(&host->gate.changed);
    pthread_mutex_destroy(&host->gate.lock);
    free(host);
}

void thaw_check_host_refuse(check_host *host, size_t n)
{
    atomic_store(&host->refusals, 0);
    atomic_store(&host->fail_at, atomic_load(&host->allocs) + n);
}

bool thaw_check_host_relent(check_host *host)
{
    atomic_store(&host->fail_at, 0);
    return atomic_load(&host->refusals) > 0;
}

void thaw_check_gate_arm(check_host *host)
{
    pthread_mutex_lock(&host->gate.lock);
    host->gate.thread = pthread_self();
    if (host->gate.state == GATE_OFF)
        host->gate.state = GATE_ARMED;
    pthread_mutex_unlock(&host->gate.lock);
}

bool thaw_check_gate_held(check_host *host, double seconds)
{
    check_gate *gate = &host->gate;
    struct timespec deadline;
    int late = 0;
    thaw_check_deadline(seconds, &deadline);
    pthread_mutex_lock(&gate->lock);
    while (!late && gate->state != GATE_HOLDING && gate->state != GATE_OPEN)
        late = pthread_cond_timedwait(&gate->changed, &gate->lock, &deadline);
    bool held = gate->state == GATE_HOLDING;
    pthread_mutex_unlock(&gate->lock);
    return held;
}

void thaw_check_gate_open(check_host *host)
{
    pthread_mutex_lock(&host->gate.lock);
    host->gate.state = GATE_OPEN;
    pthread_cond_broadcast(&host->gate.changed);
    pthread_mutex_unlock(&host->gate.lock);
}
