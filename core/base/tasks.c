/* tasks.c: threads that live for one list of tasks. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/base/threads.h"

typedef struct task_list {
    thaw_task_run_fn run;
    void *arg;
    size_t n;
    atomic_size_t next, done;
} task_list;

/* False when there is none left. */
static bool run_next(task_list *list)
{
    size_t task = atomic_fetch_add(&list->next, 1);
    if (task >= list->n)
        return false;
    if (!list->run(list->arg, task))
        atomic_store(&list->next, list->n);
    atomic_fetch_add(&list->done, 1);
    return true;
}

static void *thread_main(void *p)
{
    while (run_next(p))
        ;
    return NULL;
}

void thaw_tasks_run(uint32_t threads, size_t n, thaw_task_run_fn run, void (*tick)(void *arg, size_t done),
                    void *arg)
{
    task_list list = {.run = run, .arg = arg, .n = n};
    pthread_t others[THAW_MAX_THREADS];
    uint32_t wanted = threads > 0 ? threads : thaw_processors(), started = 0;
    if (wanted > THAW_MAX_THREADS)
        wanted = THAW_MAX_THREADS;
    while (started + 1 < wanted && started + 1 < n &&
           pthread_create(&others[started], NULL, thread_main, &list) == 0)
        started++;
    while (run_next(&list))
        if (tick)
            tick(arg, atomic_load(&list.done));
    for (uint32_t i = 0; i < started; i++)
        pthread_join(others[i], NULL);
}
