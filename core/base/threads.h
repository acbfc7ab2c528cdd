/* threads.h: the pool behind the host's parallel_for, and threads for work that may use that pool. */
#ifndef THAW_BASE_THREADS_H
#define THAW_BASE_THREADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

#define THAW_MAX_THREADS 256u

/* Processors that this process may use, at least 1. */
uint32_t thaw_processors(void);

typedef struct thaw_threads thaw_threads;
typedef void (*thaw_threads_fn)(void *arg, uint32_t task, uint32_t worker);

/* n threads in all, the caller of thaw_threads_run included; 0: one for each processor this process may
 * use, at most THAW_MAX_THREADS. */
thaw_status thaw_threads_create(uint32_t n, thaw_threads **out, thaw_error *err);
void thaw_threads_destroy(thaw_threads *threads);
uint32_t thaw_threads_count(const thaw_threads *threads);

/* Runs fn(arg, task, worker) for every task below n_tasks; returns when all are done. worker is below
 * thaw_threads_count and belongs to one thread at a time. [thread-safe]: calls from several threads queue
 * up one behind the other. Must not be called from within a task. */
void thaw_threads_run(thaw_threads *threads, uint32_t n_tasks, thaw_threads_fn fn, void *arg);

/* Does task number `task`; false: no further one is to be started. */
typedef bool (*thaw_task_run_fn)(void *arg, size_t task);

/* Runs every task below n on up to `threads` threads (0: one for each processor) that live for this call, the
 * caller's among them. Unlike a task of thaw_threads_run, one of these may use a pool. They are started in
 * ascending order, so when one has failed, all before it have been run. tick (may be NULL) is told on the
 * calling thread, now and then, how many are done. Where a thread cannot be started, fewer do the work. */
void thaw_tasks_run(uint32_t threads, size_t n, thaw_task_run_fn run, void (*tick)(void *arg, size_t done),
                    void *arg);

#endif
