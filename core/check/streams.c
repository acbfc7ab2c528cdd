/* streams.c: one kernel on several streams at the same time.
 *
 * thaw_plugin.h, op_enqueue: "The same kernel may be enqueued on several streams at the same time." What a
 * run needs of its own is in the workspace, of which each stream has another. */
#include <stdlib.h>

#include "core/check/player.h"
#include "core/check/sandbox.h"

#define N_STREAMS 3u
#define ROUNDS    3u

static void play(void *arg, uint32_t member)
{
    check_player *players = arg;
    thaw_check_player_play(&players[member], ROUNDS);
}

/* The players live on the heap for the case that a thread is stuck with one of them. */
typedef struct concert {
    check_kernel kernel;
    check_player players[N_STREAMS];
} concert;

static thaw_status perform(check_run *run, check_sandbox *s, const check_case *c, uint32_t algo, concert *t,
                           thaw_error *err)
{
    thaw_status st = thaw_check_player_kernel(&s->side, c, run->align, run->seed, algo, &t->kernel, err);
    for (uint32_t i = 0; st == THAW_OK && i < N_STREAMS; i++)
        st = thaw_check_player_begin(s->side.dev, c, run->align, run->seed + i, &t->kernel, &t->players[i],
                                     err);
    if (st != THAW_OK)
        return st;
    st = thaw_check_crew(N_STREAMS, CHECK_PATIENCE, play, t->players, "one kernel on several streams at once",
                         err);
    if (st == THAW_E_CHECK) {
        thaw_check_sandbox_give_up(run);
        return st;
    }
    run->kernels++;
    for (uint32_t i = 0; st == THAW_OK && i < N_STREAMS; i++) {
        st = t->players[i].st;
        *err = t->players[i].err;
    }
    return st;
}

static thaw_status check_algo(check_run *run, check_sandbox *s, const check_case *c, uint32_t algo,
                              thaw_error *err)
{
    concert *t = calloc(1, sizeof *t);
    if (!t)
        return thaw_fail_memory(err, sizeof *t, "a case");
    thaw_status st = perform(run, s, c, algo, t, err);
    if (st == THAW_E_CHECK)
        thaw_fail_within(err, st, "algorithm %u (%.31s)", algo, t->kernel.info.name);
    if (s->stuck)
        return st;
    for (uint32_t i = 0; i < N_STREAMS; i++)
        thaw_check_player_end(&t->players[i]);
    thaw_check_kernel_destroy(&t->kernel);
    free(t);
    return st;
}

thaw_status thaw_check_streams(check_run *run, const check_case *c, thaw_error *err)
{
    check_sandbox *s;
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox(run, &s, err);
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++)
        st = check_algo(run, s, c, algo, err);
    return st;
}
