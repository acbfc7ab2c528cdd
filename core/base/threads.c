#include "core/base/threads.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "core/base/memory.h"

typedef struct worker {
    struct thaw_threads *pool;
    pthread_t thread;
    uint32_t index;
} worker;

struct thaw_threads {
    uint32_t count; /* workers and the caller */
    uint32_t started;
    worker *workers;
    pthread_mutex_t turn; /* held by the caller whose job runs */
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t wake, done;
    uint64_t job; /* serial number of the job at hand */
    uint32_t busy;
    int stop;
    thaw_threads_fn fn;
    void *arg;
    uint32_t n_tasks;
    atomic_uint next;
};

static void run_tasks(thaw_threads *pool, uint32_t index)
{
    for (;;) {
        uint32_t task = atomic_fetch_add(&pool->next, 1);
        if (task >= pool->n_tasks)
            return;
        pool->fn(pool->arg, task, index);
    }
}

static void *worker_main(void *p)
{
    worker *self = p;
    thaw_threads *pool = self->pool;
    uint64_t seen = 0;
    pthread_mutex_lock(&pool->lock);
    for (;;) {
        while (!pool->stop && pool->job == seen)
            pthread_cond_wait(&pool->wake, &pool->lock);
        if (pool->stop)
            break;
        seen = pool->job;
        pthread_mutex_unlock(&pool->lock);
        run_tasks(pool, self->index);
        pthread_mutex_lock(&pool->lock);
        if (--pool->busy == 0)
            pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->lock);
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
    thaw_threads *pool = thaw_calloc(1, sizeof *pool);
    if (!pool)
        return thaw_fail_memory(err, sizeof *pool, "the thread pool");
    pool->count = n;
    pthread_mutex_init(&pool->turn, NULL);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_cond_init(&pool->wake, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->workers = thaw_calloc(n, sizeof *pool->workers);
    if (!pool->workers) {
        thaw_threads_destroy(pool);
        return thaw_fail_memory(err, n * sizeof(worker), "the thread pool");
    }
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
    pool->stop = 1;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);
    for (uint32_t i = 1; i <= pool->started; i++)
        pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->done);
    pthread_cond_destroy(&pool->wake);
    pthread_mutex_destroy(&pool->lock);
    pthread_mutex_destroy(&pool->turn);
    free(pool->workers);
    free(pool);
}

uint32_t thaw_threads_count(const thaw_threads *pool)
{
    return pool->count;
}

void thaw_threads_run(thaw_threads *pool, uint32_t n_tasks, thaw_threads_fn fn, void *arg)
{
    if (n_tasks == 0)
        return;
    pthread_mutex_lock(&pool->turn);
    pthread_mutex_lock(&pool->lock);
    pool->fn = fn;
    pool->arg = arg;
    pool->n_tasks = n_tasks;
    atomic_store(&pool->next, 0);
    pool->busy = pool->started;
    pool->job++;
    pthread_cond_broadcast(&pool->wake);
    pthread_mutex_unlock(&pool->lock);

    run_tasks(pool, 0);

    pthread_mutex_lock(&pool->lock);
    while (pool->busy)
        pthread_cond_wait(&pool->done, &pool->lock);
    pthread_mutex_unlock(&pool->lock);
    pthread_mutex_unlock(&pool->turn);
}
