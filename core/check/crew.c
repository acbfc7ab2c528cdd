/* crew.c: threads that begin together and are not waited for without end, because a plugin may deadlock. */
#include <stdlib.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/check/host.h"

#define MAX_CREW 8u

typedef struct member {
    struct crew *crew;
    pthread_t thread;
    uint32_t number;
} member;

typedef struct crew {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool begun, cancelled;
    bool abandoned; /* nobody waits any more: the last member frees it */
    uint32_t away;  /* members that have not come back */
    void (*fn)(void *arg, uint32_t member);
    void *arg;
    member members[MAX_CREW];
} crew;

void thaw_check_condition(pthread_cond_t *condition)
{
    pthread_condattr_t attr;
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(condition, &attr);
    pthread_condattr_destroy(&attr);
}

void thaw_check_deadline(double seconds, struct timespec *deadline)
{
    clock_gettime(CLOCK_MONOTONIC, deadline);
    long nanoseconds = deadline->tv_nsec + (long)((seconds - (double)(long)seconds) * 1e9);
    deadline->tv_sec += (time_t)seconds + nanoseconds / 1000000000;
    deadline->tv_nsec = nanoseconds % 1000000000;
}

static void disband(crew *c)
{
    pthread_cond_destroy(&c->changed);
    pthread_mutex_destroy(&c->lock);
    free(c);
}

static void *member_main(void *p)
{
    const member *self = p;
    crew *c = self->crew;
    pthread_mutex_lock(&c->lock);
    while (!c->begun)
        pthread_cond_wait(&c->changed, &c->lock);
    bool cancelled = c->cancelled;
    pthread_mutex_unlock(&c->lock);
    if (!cancelled)
        c->fn(c->arg, self->number);
    pthread_mutex_lock(&c->lock);
    c->away--;
    bool last = c->abandoned && c->away == 0;
    pthread_cond_broadcast(&c->changed);
    pthread_mutex_unlock(&c->lock);
    if (last)
        disband(c);
    return NULL;
}

/* Starts up to n members, which wait; returns how many there are. */
static uint32_t assemble(crew *c, uint32_t n, int *error)
{
    for (uint32_t i = 0; i < n; i++) {
        c->members[i].crew = c;
        c->members[i].number = i;
        *error = pthread_create(&c->members[i].thread, NULL, member_main, &c->members[i]);
        if (*error)
            return i;
    }
    return n;
}

/* False when they are not all back in time: the crew is then theirs. */
static bool begin_and_wait(crew *c, uint32_t n, double seconds, bool cancelled)
{
    struct timespec deadline;
    int late = 0;
    thaw_check_deadline(seconds, &deadline);
    pthread_mutex_lock(&c->lock);
    c->begun = true;
    c->cancelled = cancelled;
    pthread_cond_broadcast(&c->changed);
    while (c->away > 0 && !late)
        late = pthread_cond_timedwait(&c->changed, &c->lock, &deadline);
    bool back = c->away == 0;
    for (uint32_t i = 0; !back && i < n; i++)
        pthread_detach(c->members[i].thread);
    c->abandoned = !back;
    pthread_mutex_unlock(&c->lock);
    return back;
}

thaw_status thaw_check_crew(uint32_t n, double seconds, void (*fn)(void *arg, uint32_t member), void *arg,
                            const char *what, thaw_error *err)
{
    crew *c = thaw_calloc(1, sizeof *c);
    int error = 0;
    if (!c)
        return thaw_fail_memory(err, sizeof *c, "threads");
    pthread_mutex_init(&c->lock, NULL);
    thaw_check_condition(&c->changed);
    c->fn = fn;
    c->arg = arg;
    uint32_t started = assemble(c, n, &error);
    c->away = started;
    if (!begin_and_wait(c, started, seconds, started < n))
        return thaw_fail(err, THAW_E_CHECK, "%s: not all of %u threads came back within %g s: a deadlock?",
                         what, n, seconds);
    for (uint32_t i = 0; i < started; i++)
        pthread_join(c->members[i].thread, NULL);
    disband(c);
    return started < n ? thaw_fail_errno(err, error, "%s: cannot start thread %u of %u", what, started + 1, n)
                       : THAW_OK;
}
