/* The pool: every task once, no worker in two places, callers one behind the other. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "core/base/threads.h"

#define N_TASKS 2000u

typedef struct job {
    atomic_uint done[N_TASKS];
    atomic_uint inside[256]; /* threads that call themselves this worker right now */
    atomic_uint faults;
    uint32_t workers;
} job;

static void count_task(void *arg, uint32_t task, uint32_t worker)
{
    job *j = arg;
    if (worker >= j->workers || atomic_fetch_add(&j->inside[worker], 1) != 0)
        atomic_fetch_add(&j->faults, 1);
    atomic_fetch_add(&j->done[task], 1);
    if (worker < j->workers)
        atomic_fetch_sub(&j->inside[worker], 1);
}

static void every_task_runs_once(void **state)
{
    (void)state;
    for (uint32_t n = 1; n <= 5; n++) {
        thaw_threads *pool;
        assert_int_equal(thaw_threads_create(n, &pool, NULL), THAW_OK);
        assert_int_equal(thaw_threads_count(pool), n);
        const uint32_t sizes[] = {0, 1, 2, n, n + 1, 97, N_TASKS};
        for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
            job *j = calloc(1, sizeof *j);
            assert_non_null(j);
            j->workers = n;
            thaw_threads_run(pool, sizes[s], count_task, j);
            assert_int_equal(j->faults, 0);
            for (uint32_t i = 0; i < N_TASKS; i++)
                assert_int_equal(j->done[i], i < sizes[s]);
            free(j);
        }
        thaw_threads_destroy(pool);
    }
}

#define WORKERS 4u

typedef struct first_tasks {
    atomic_uint begun;
    uint32_t of[WORKERS]; /* each worker's first task */
} first_tasks;

/* Nobody takes another's task before all have begun one. */
static void note_first(void *arg, uint32_t task, uint32_t worker)
{
    first_tasks *f = arg;
    if (f->of[worker] == UINT32_MAX) {
        f->of[worker] = task;
        atomic_fetch_add(&f->begun, 1);
        while (atomic_load(&f->begun) < WORKERS)
            usleep(100);
    }
}

static void a_workers_tasks_follow_each_other(void **state)
{
    (void)state;
    thaw_threads *pool;
    assert_int_equal(thaw_threads_create(WORKERS, &pool, NULL), THAW_OK);
    first_tasks f = {.of = {UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX}};
    thaw_threads_run(pool, 22, note_first, &f);
    const uint32_t expected[WORKERS] = {0, 6, 12, 17};
    for (uint32_t i = 0; i < WORKERS; i++)
        assert_int_equal(f.of[i], expected[i]);
    thaw_threads_destroy(pool);
}

typedef struct caller {
    thaw_threads *pool;
    job *shared;
} caller;

static void *call_often(void *arg)
{
    caller *c = arg;
    for (int i = 0; i < 50; i++)
        thaw_threads_run(c->pool, 40, count_task, c->shared);
    return NULL;
}

static void callers_queue_up(void **state)
{
    (void)state;
    caller c;
    pthread_t threads[3];
    assert_int_equal(thaw_threads_create(2, &c.pool, NULL), THAW_OK);
    c.shared = calloc(1, sizeof *c.shared);
    assert_non_null(c.shared);
    c.shared->workers = 2;
    for (int i = 0; i < 3; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, call_often, &c), 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    /* Two callers at a time would both be worker 0. */
    assert_int_equal(c.shared->faults, 0);
    for (uint32_t i = 0; i < 40; i++)
        assert_int_equal(c.shared->done[i], 150);
    thaw_threads_destroy(c.pool);
    free(c.shared);
}

/* Longer than anybody looks on without sleeping. */
#define LONG_US 500

static void dawdle(void *arg, uint32_t task, uint32_t worker)
{
    count_task(arg, task, worker);
    if (worker > 0)
        usleep(LONG_US);
}

/* Workers fall asleep between two calls, and the caller while workers are still at their tasks. */
static void sleepers_are_woken(void **state)
{
    (void)state;
    enum { CALLS = 30, TASKS = 6 };
    thaw_threads *pool;
    job *j = calloc(1, sizeof *j);
    assert_non_null(j);
    j->workers = 3;
    assert_int_equal(thaw_threads_create(3, &pool, NULL), THAW_OK);
    for (int i = 0; i < CALLS; i++) {
        usleep(LONG_US);
        thaw_threads_run(pool, TASKS, i % 2 ? dawdle : count_task, j);
        for (uint32_t t = 0; t < TASKS; t++)
            assert_int_equal(j->done[t], i + 1);
    }
    assert_int_equal(j->faults, 0);
    thaw_threads_destroy(pool);
    free(j);
}

static void counts_have_bounds(void **state)
{
    (void)state;
    thaw_threads *pool;
    assert_int_equal(thaw_threads_create(0, &pool, NULL), THAW_OK);
    assert_true(thaw_threads_count(pool) >= 1 && thaw_threads_count(pool) <= 256);
    thaw_threads_destroy(pool);
    thaw_threads_destroy(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_task_runs_once), cmocka_unit_test(a_workers_tasks_follow_each_other),
        cmocka_unit_test(callers_queue_up),     cmocka_unit_test(sleepers_are_woken),
        cmocka_unit_test(counts_have_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
