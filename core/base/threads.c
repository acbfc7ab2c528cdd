/* threads.c: the pool.
 *
 * A job is short, often some ten microseconds, and the next follows at once: to put a thread to sleep and
 * wake it again would take longer. So a worker looks for the next job for a while before it sleeps, and a
 * caller waits likewise for what others are still at. A worker that comes too late for a job is not waited
 * for.
 *
 * gate is all that the two sides share beside the job itself: the job's serial number, whether workers may
 * still go in, and how many are in. A caller writes the job, opens the gate, works, closes the gate when no
 * task is left, and waits until nobody is in. What is slept on is guarded twice over: who goes to sleep says
 * so and then looks at the gate again; who changes the gate looks afterwards whether anybody sleeps. */
#include "core/base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "core/base/memory.h"

#define CACHE_LINE 64
/* Longer than most pauses between two ops of a program, shorter than anybody would notice of an idle one. */
#define SPIN_NS 100000
/* Looks at the gate between two looks at the clock. */
#define LOOKS 32

#define GATE_OPEN   ((uint64_t)1 << 16)
#define GATE_INSIDE (GATE_OPEN - 1) /* workers that are in */
#define GATE_SERIAL ((uint64_t)1 << 17)

typedef struct worker {
    struct thaw_threads *pool;
    pthread_t thread;
    uint32_t index;
} worker;

/* The tasks of a job that are a worker's own: those that follow each other run one after the other on one
 * processor, which so finds in its caches what the task before has left there, and in the next job of the same
 * shape what its own tasks of this one have. Who has done his own takes from others. */
typedef struct {
    alignas(CACHE_LINE) atomic_uint next;
    uint32_t end;
} task_range;

struct thaw_threads {
    uint32_t count; /* workers and the caller */
    uint32_t started;
    bool spins;
    worker *workers;
    task_range *ranges; /* one for each worker and the caller */
    pthread_mutex_t turn; /* held by the caller whose job runs */
    pthread_mutex_t lock; /* to sleep by */
    pthread_cond_t wake, done;
    atomic_uint sleepers; /* workers; changed under lock */
    atomic_bool waiting;  /* the caller sleeps; changed under lock */
    atomic_bool stop;
    /* The job: written while the gate is closed and nobody is in. */
    thaw_threads_fn fn;
    void *arg;
    uint32_t n_tasks;
    alignas(CACHE_LINE) atomic_uint_least64_t gate;
};

static void pause_briefly(void)
{
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#endif
}

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

typedef bool (*ready_fn)(thaw_threads *pool, uint64_t seen);

/* Looks for a while; false: in vain. */
static bool spin(thaw_threads *pool, ready_fn ready, uint64_t seen)
{
    int64_t until = 0;
    while (pool->spins) {
        for (int i = 0; i < LOOKS; i++) {
            if (ready(pool, seen))
                return true;
            pause_briefly();
        }
        int64_t now = now_ns();
        if (until == 0)
            until = now + SPIN_NS;
        if (now > until)
            break;
    }
    return ready(pool, seen);
}

static void share_tasks(thaw_threads *pool)
{
    const uint32_t each = pool->n_tasks / pool->count, rest = pool->n_tasks % pool->count;
    uint32_t first = 0;
    for (uint32_t i = 0; i < pool->count; i++) {
        task_range *r = &pool->ranges[i];
        atomic_store_explicit(&r->next, first, memory_order_relaxed);
        first += each + (i < rest);
        r->end = first;
    }
}

static void run_range(thaw_threads *pool, task_range *r, uint32_t index)
{
    /* Looked at before it is written, so that ranges that are done stay in all caches. */
    while (atomic_load_explicit(&r->next, memory_order_relaxed) < r->end) {
        uint32_t task = atomic_fetch_add_explicit(&r->next, 1, memory_order_relaxed);
        if (task >= r->end)
            return;
        pool->fn(pool->arg, task, index);
    }
}

static void run_tasks(thaw_threads *pool, uint32_t index)
{
    for (uint32_t i = index; i < pool->count; i++)
        run_range(pool, &pool->ranges[i], index);
    for (uint32_t i = 0; i < index; i++)
        run_range(pool, &pool->ranges[i], index);
}

static bool has_work(thaw_threads *pool, uint64_t seen)
{
    uint64_t gate = atomic_load(&pool->gate);
    return atomic_load(&pool->stop) || ((gate & GATE_OPEN) && gate / GATE_SERIAL != seen);
}

static bool is_empty(thaw_threads *pool, uint64_t seen)
{
    (void)seen;
    return (atomic_load(&pool->gate) & GATE_INSIDE) == 0;
}

static void sleep_until_work(thaw_threads *pool, uint64_t seen)
{
    pthread_mutex_lock(&pool->lock);
    atomic_fetch_add(&pool->sleepers, 1);
    while (!has_work(pool, seen))
        pthread_cond_wait(&pool->wake, &pool->lock);
    atomic_fetch_sub(&pool->sleepers, 1);
    pthread_mutex_unlock(&pool->lock);
}

/* Into the job at hand, unless it is closed or has been seen. */
static bool enter(thaw_threads *pool, uint64_t *seen)
{
    uint64_t gate = atomic_load(&pool->gate);
    while ((gate & GATE_OPEN) && gate / GATE_SERIAL != *seen) {
        if (atomic_compare_exchange_weak(&pool->gate, &gate, gate + 1)) {
            *seen = gate / GATE_SERIAL;
            return true;
        }
    }
    return false;
}

static void leave(thaw_threads *pool)
{
    uint64_t before = atomic_fetch_sub(&pool->gate, 1);
    if ((before & GATE_INSIDE) != 1 || !atomic_load(&pool->waiting))
        return;
    pthread_mutex_lock(&pool->lock);
    pthread_cond_signal(&pool->done);
    pthread_mutex_unlock(&pool->lock);
}

static void *worker_main(void *p)
{
    worker *self = p;
    thaw_threads *pool = self->pool;
    uint64_t seen = 0;
    while (!atomic_load(&pool->stop)) {
        if (enter(pool, &seen)) {
            run_tasks(pool, self->index);
            leave(pool);
        } else if (!spin(pool, has_work, seen)) {
            sleep_until_work(pool, seen);
        }
    }
    return NULL;
}

uint32_t thaw_processors(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_COUNT(&set) > 0)
        return (uint32_t)CPU_COUNT(&set);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    return n > 0 ? (uint32_t)n : 1;
}

thaw_status thaw_threads_create(uint32_t n, thaw_threads **out, thaw_error *err)
{
    if (n == 0)
        n = thaw_processors();
    if (n > THAW_MAX_THREADS)
        n = THAW_MAX_THREADS;
    thaw_threads *pool = thaw_alloc_aligned(sizeof *pool, alignof(thaw_threads));
    if (!pool)
        return thaw_fail_memory(err, sizeof *pool, "the thread pool");
    *pool = (thaw_threads){.count = n};
    /* Where threads share a processor, who looks on keeps another from its work. */
    pool->spins = n <= thaw_processors();
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->workers = thaw_calloc(n, sizeof *pool->workers);
    pool->ranges = thaw_alloc_aligned(n * sizeof *pool->ranges, alignof(task_range));
    if (!pool->workers || !pool->ranges) {
        thaw_threads_destroy(pool);
        return thaw_fail_memory(err, n * (sizeof(worker) + sizeof(task_range)), "the thread pool");
    }
    memset(pool->ranges, 0, n * sizeof *pool->ranges);
    for (uint32_t i = 1; i < n; i++) {
        worker *w = &pool->workers[i];
        w->pool = pool;
        w->index = i;
        int e = pthread_create(&w->thread, NULL, worker_main, w);
        if (e) {
            thaw_threads_destroy(pool);
            return thaw_fail_errno(err, e, "cannot start thread %u of %u (try fewer threads)", i, n);
        }
        pool->started = i;
    }
    *out = pool;
    return THAW_OK;
}

void thaw_threads_destroy(thaw_threads *pool)
{
    if (!pool)
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->stop, true);
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->turn);
    thaw_free_aligned(pool->ranges);
    free(pool->workers);
    thaw_free_aligned(pool);
}

uint32_t thaw_threads_count(const thaw_threads *pool)
{
    return pool->count;
}

static void open_gate(thaw_threads *pool)
{
    uint64_t serial = atomic_load(&pool->gate) / GATE_SERIAL + 1;
    atomic_store(&pool->gate, serial * GATE_SERIAL | GATE_OPEN);
    if (atomic_load(&pool->sleepers) == 0)
        return;
    pthread_mutex_lock(&pool->lock);
    for (uint32_t i = 1; i < pool->n_tasks && i <= pool->started; i++)
        pthread_cond_signal(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
}

/* After it the job's memory is the caller's again. */
static void close_gate(thaw_threads *pool)
{
    atomic_fetch_and(&pool->gate, ~GATE_OPEN);
    if (spin(pool, is_empty, 0))
        return;
    pthread_mutex_lock(&pool->lock);
    atomic_store(&pool->waiting, true);
    while (!is_empty(pool, 0))
        pthread_cond_wait(&pool->done, &pool->lock);
    atomic_store(&pool->waiting, false);
    pthread_mutex_unlock(&pool->lock);
}

void thaw_threads_run(thaw_threads *pool, uint32_t n_tasks, thaw_threads_fn fn, void *arg)
{
    if (n_tasks == 0)
        return;
    pthread_mutex_lock(&pool->turn);
    pool->fn = fn;
    pool->arg = arg;
    pool->n_tasks = n_tasks;
    share_tasks(pool);
    bool alone = pool->started == 0 || n_tasks == 1;
    if (!alone)
        open_gate(pool);
    run_tasks(pool, 0);
    if (!alone)
        close_gate(pool);
    pthread_mutex_unlock(&pool->turn);
}
