/* blocking.c: op_enqueue of one stream while another stream's op is at work.
 *
 * thaw_plugin.h, op_enqueue: it never "waits for another stream's work", not even for that of the same
 * kernel. A gate in the host's parallel_for holds the first stream's op; the second stream's op_enqueue has
 * to return all the same. The usual fault is a lock that is held across parallel_for.
 *
 * A device with a queue of its own does not work inside op_enqueue, and the interface offers no way to hold
 * its work: there, and where an op is too small for parallel_for, nothing is held and the case passes. */
#include <stdlib.h>

#include "core/check/player.h"
#include "core/check/sandbox.h"

#define PATIENCE 5.0 /* seconds that the second stream has for its small op */

enum { HELD, SECOND, KEEPER, MEMBERS };

typedef struct scene {
    check_host *host;
    check_kernel kernel;
    check_player first, second;
    thaw_status first_st, second_st;
    thaw_error first_err, second_err;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    bool second_is_back, in_time;
} scene;

/* What is held goes on as soon as the second stream's call is back. */
static void play(void *arg, uint32_t member)
{
    scene *t = arg;
    struct timespec deadline;
    int late = 0;
    if (member == HELD) {
        thaw_check_gate_arm(t->host);
        t->first_st = thaw_check_enqueue(&t->first.memory, t->kernel.handle, &t->first_err);
        thaw_check_gate_open(t->host);
        return;
    }
    if (member == SECOND) {
        thaw_check_gate_held(t->host, PATIENCE);
        t->second_st = thaw_check_enqueue(&t->second.memory, t->kernel.handle, &t->second_err);
        pthread_mutex_lock(&t->lock);
        t->second_is_back = true;
        pthread_cond_broadcast(&t->changed);
        pthread_mutex_unlock(&t->lock);
        return;
    }
    thaw_check_gate_held(t->host, PATIENCE);
    thaw_check_deadline(PATIENCE, &deadline);
    pthread_mutex_lock(&t->lock);
    while (!t->second_is_back && !late)
        late = pthread_cond_timedwait(&t->changed, &t->lock, &deadline);
    t->in_time = t->second_is_back;
    pthread_mutex_unlock(&t->lock);
    thaw_check_gate_open(t->host);
}

static thaw_status set_up(check_run *run, check_sandbox *s, const check_case *c, scene *t, thaw_error *err)
{
    thaw_status st =
        thaw_check_player_kernel(&s->side, c, run->align, run->seed, THAW_ALGO_DEFAULT, &t->kernel, err);
    check_player *players[2] = {&t->first, &t->second};
    for (uint32_t i = 0; st == THAW_OK && i < 2; i++) {
        st = thaw_check_player_begin(s->side.dev, c, run->align, run->seed + i, &t->kernel, players[i], err);
        if (st == THAW_OK)
            st = thaw_check_memory_write(&players[i]->memory, players[i]->before, false, err);
        if (st == THAW_OK)
            st = thaw_check_sync(&players[i]->side, err);
    }
    return st;
}

static thaw_status perform(check_run *run, scene *t, thaw_error *err)
{
    thaw_status st = thaw_check_crew(MEMBERS, CHECK_PATIENCE, play, t, "op_enqueue on two streams", err);
    if (st == THAW_E_CHECK) {
        thaw_check_sandbox_give_up(run);
        return st;
    }
    t->host->gate.state = GATE_OFF;
    if (st == THAW_OK && !t->in_time)
        return thaw_fail(err, THAW_E_CHECK,
                         "op_enqueue did not return within %g s while another stream's op was inside "
                         "parallel_for: it waits for that stream's work (a lock held across parallel_for?)",
                         PATIENCE);
    if (st == THAW_OK && t->first_st != THAW_OK) {
        st = t->first_st;
        *err = t->first_err;
    }
    if (st == THAW_OK && t->second_st != THAW_OK) {
        st = t->second_st;
        *err = t->second_err;
    }
    run->kernels += st == THAW_OK;
    return st;
}

thaw_status thaw_check_blocking(check_run *run, const check_case *c, thaw_error *err)
{
    check_sandbox *s;
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox(run, &s, err);
    if (st != THAW_OK)
        return st;
    scene *t = calloc(1, sizeof *t);
    if (!t)
        return thaw_fail_memory(err, sizeof *t, "a case");
    pthread_mutex_init(&t->lock, NULL);
    thaw_check_condition(&t->changed);
    t->host = s->host;
    st = set_up(run, s, c, t, err);
    if (st == THAW_OK)
        st = perform(run, t, err);
    if (s->stuck)
        return st;
    thaw_check_player_end(&t->first);
    thaw_check_player_end(&t->second);
    thaw_check_kernel_destroy(&t->kernel);
    pthread_cond_destroy(&t->changed);
    pthread_mutex_destroy(&t->lock);
    free(t);
    return st;
}
