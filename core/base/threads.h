/* threads.h: the pool behind the host's parallel_for. */
#ifndef THAW_BASE_THREADS_H
#define THAW_BASE_THREADS_H

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

#endif
