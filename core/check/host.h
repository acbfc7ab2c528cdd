/* host.h: a host's table that looks on: what a plugin takes and gives back, and whether it can be refused.
 *
 * A sandbox (sandbox.h) gives it to a copy of the plugin that nobody else uses, so that whatever it counts
 * was done by that plugin. On which thread does not matter: while a case looks, nothing of the plugin runs
 * but the call that is looked at. */
#ifndef THAW_CHECK_HOST_H
#define THAW_CHECK_HOST_H

#include <pthread.h>
#include <stdatomic.h>

#include "core/base/status.h"
#include "core/base/threads.h"
#include "thaw_plugin.h"

/* Holds one thread at its next parallel_for, before any task of it runs. */
typedef struct check_gate {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    enum { GATE_OFF, GATE_ARMED, GATE_HOLDING, GATE_OPEN } state;
    pthread_t thread; /* whom it waits for or holds */
} check_gate;

typedef struct check_host {
    thaw_host table;
    uint8_t behind[64]; /* what a later version of thaw_host might append */
    thaw_threads *threads;
    atomic_size_t live, live_bytes;  /* given out and not back */
    atomic_size_t allocs, frees;     /* calls; free(NULL) does not count */
    atomic_size_t last_bytes;        /* of the last alloc */
    atomic_size_t logs, foreign;     /* frees of what alloc has not given out */
    atomic_size_t fail_at, refusals; /* the alloc that is refused, counted by allocs; 0: none */
    atomic_size_t budget;            /* bytes beyond which alloc refuses; 0: none */
    check_gate gate;
} check_host;

/* struct_size: what the table says of itself: sizeof(thaw_host), or another. n_threads of its own for
 * parallel_for. Freed by thaw_check_host_free. */
thaw_status thaw_check_host_create(uint32_t struct_size, uint32_t n_threads, check_host **out,
                                   thaw_error *err);
/* NULL does nothing. No plugin uses the table any more. */
void thaw_check_host_free(check_host *host);

/* Refuses the n-th alloc from now on (n > 0), once. */
void thaw_check_host_refuse(check_host *host, size_t n);
/* Ends that. True if an alloc was refused. */
bool thaw_check_host_relent(check_host *host);

/* The calling thread is to be held at its next parallel_for. */
void thaw_check_gate_arm(check_host *host);
/* True as soon as it is held; false after `seconds`, or when the gate was opened before. */
bool thaw_check_gate_held(check_host *host, double seconds);
/* Lets it go, or never holds it. */
void thaw_check_gate_open(check_host *host);

/* ---- waiting with a limit (crew.c) --------------------------------------------------------------- */

/* A condition that a wait with a deadline can use, and that wait: false when `seconds` are over. */
void thaw_check_condition(pthread_cond_t *condition);
void thaw_check_deadline(double seconds, struct timespec *deadline);

/* Runs fn(arg, 0 … n - 1) on n threads that begin at the same time, n <= 8. THAW_E_CHECK: they are not all
 * back within `seconds`, which then goes for `what` in the text; they may still run, so nothing that arg
 * leads to may be freed or closed any more. */
thaw_status thaw_check_crew(uint32_t n, double seconds, void (*fn)(void *arg, uint32_t member), void *arg,
                            const char *what, thaw_error *err);

#endif
