/* together.c: different things at the same time, each of which is allowed while the others run.
 *
 * thaw_plugin.h, Threads: [thread-safe] buffer_create, buffer_destroy, op_query, op_prepare, kernel_destroy
 * "any thread at any time, also at the same time as itself"; [stream] "different streams at the same time".
 */
#include <stdlib.h>
#include <string.h>

#include "core/check/player.h"
#include "core/check/plugin.h"
#include "core/check/sandbox.h"

#define N_OPS     4u
#define N_BUILDER 3u /* threads that prepare */
#define ROUNDS    3u

/* All that threads use, on the heap for the case that one of them is stuck. */
typedef struct ensemble {
    check_sandbox *sandbox;
    check_list list;
    const check_case *sample[N_OPS];
    uint32_t n;
    check_kernel kernels[N_OPS];
    check_player players[N_OPS];
    /* what the threads made, and how it went */
    check_kernel built[N_BUILDER][N_OPS];
    thaw_status st[N_BUILDER + N_OPS];
    thaw_error err[N_BUILDER + N_OPS];
    check_side side; /* the stream of the thread that handles buffers */
} ensemble;

static thaw_status gather(check_run *run, check_sandbox *s, ensemble *e, thaw_error *err)
{
    e->sandbox = s;
    e->side.dev = s->side.dev;
    thaw_status st = thaw_check_sample(&s->side, run->seed, N_OPS, &e->list, e->sample, &e->n, err);
    if (st == THAW_OK)
        st = thaw_check_stream(&e->side, &e->side.stream, err);
    for (uint32_t i = 0; st == THAW_OK && i < e->n; i++) {
        const check_case *c = e->sample[i];
        st = thaw_check_player_kernel(&s->side, c, run->align, run->seed, THAW_ALGO_DEFAULT, &e->kernels[i],
                                      err);
        if (st == THAW_OK)
            st = thaw_check_player_begin(s->side.dev, c, run->align, run->seed, &e->kernels[i],
                                         &e->players[i], err);
    }
    return st;
}

static void dissolve(ensemble *e)
{
    for (uint32_t i = 0; i < N_OPS; i++)
        thaw_check_player_end(&e->players[i]);
    for (uint32_t i = 0; i < N_OPS; i++)
        thaw_check_kernel_destroy(&e->kernels[i]);
    for (uint32_t t = 0; t < N_BUILDER; t++)
        for (uint32_t i = 0; i < N_OPS; i++)
            thaw_check_kernel_destroy(&e->built[t][i]);
    if (e->side.stream)
        e->side.dev->ops.stream_destroy(e->side.dev->handle, e->side.stream);
    thaw_check_list_free(&e->list);
    free(e);
}

static thaw_status first_error(const ensemble *e, uint32_t n, thaw_error *err)
{
    for (uint32_t i = 0; i < n; i++)
        if (e->st[i] != THAW_OK) {
            *err = e->err[i];
            return e->st[i];
        }
    return THAW_OK;
}

/* Runs fn on `builders` threads; 0: on one for each op, and one for buffers. */
static thaw_status stage(check_run *run, void (*fn)(void *, uint32_t), uint32_t builders, double patience,
                         const char *what, thaw_status (*after)(ensemble *e, thaw_error *err),
                         thaw_error *err)
{
    check_sandbox *s;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st != THAW_OK)
        return st;
    ensemble *e = calloc(1, sizeof *e);
    if (!e)
        return thaw_fail_memory(err, sizeof *e, "a case");
    st = gather(run, s, e, err);
    if (st == THAW_OK) {
        uint32_t n = builders ? builders : e->n + 1;
        st = thaw_check_crew(n, patience, fn, e, what, err);
        if (st == THAW_E_CHECK) {
            thaw_check_sandbox_give_up(run);
            return st;
        }
        run->kernels++;
        if (st == THAW_OK)
            st = first_error(e, n, err);
        if (st == THAW_OK && after)
            st = after(e, err);
    }
    dissolve(e);
    return st;
}

/* ---- different kernels and buffers, each on a stream of its own ------------------------------------ */

static thaw_status handle_buffers(ensemble *e, thaw_error *err)
{
    const thaw_device_ops *ops = &e->side.dev->ops;
    thaw_status st = THAW_OK;
    for (uint32_t i = 0; st == THAW_OK && i < 16 * ROUNDS; i++) {
        uint32_t words[64] = {0}, pattern = UINT32_C(0x01010101) * (i + 1);
        thaw_buffer *buffer;
        st = thaw_check_buffer(&e->side, 4096 + 512 * i, &buffer, err);
        if (st != THAW_OK)
            return st;
        const thaw_slice slice = {buffer, 256};
        st = thaw_check_fault(err, ops->fill(e->side.stream, slice, pattern, sizeof words, err), "fill");
        if (st == THAW_OK)
            st = thaw_check_fault(err, ops->download(e->side.stream, words, slice, sizeof words, err),
                                  "download");
        thaw_error ignored;
        thaw_status synced = thaw_check_sync(&e->side, st == THAW_OK ? err : &ignored);
        st = st == THAW_OK ? synced : st;
        ops->buffer_destroy(e->side.dev->handle, buffer);
        for (size_t k = 0; st == THAW_OK && k < sizeof words / sizeof *words; k++)
            if (words[k] != pattern)
                st = thaw_fail(err, THAW_E_CHECK,
                               "a buffer that was created and filled beside the work of other streams holds "
                               "0x%08x instead of 0x%08x",
                               words[k], pattern);
    }
    return st;
}

static void play(void *arg, uint32_t member)
{
    ensemble *e = arg;
    if (member < e->n) {
        e->st[member] = thaw_check_player_play(&e->players[member], ROUNDS);
        e->err[member] = e->players[member].err;
    } else {
        e->st[member] = handle_buffers(e, &e->err[member]);
    }
}

thaw_status thaw_check_side_by_side(check_run *run, thaw_error *err)
{
    return stage(run, play, 0, CHECK_PATIENCE, "different kernels and buffers on several streams at once",
                 NULL, err);
}

/* ---- preparing ------------------------------------------------------------------------------------- */

/* Each thread begins with another op; what the rounds before the last prepare is destroyed at once. */
static void build(void *arg, uint32_t member)
{
    ensemble *e = arg;
    for (uint32_t round = 0; e->st[member] == THAW_OK && round < ROUNDS; round++)
        for (uint32_t i = 0; e->st[member] == THAW_OK && i < e->n; i++) {
            uint32_t at = (i + member) % e->n;
            const check_player *p = &e->players[at];
            check_kernel *k = &e->built[member][at];
            thaw_check_kernel_destroy(k);
            e->st[member] = thaw_check_kernel_create(&e->sandbox->side, &p->c, &p->layout, THAW_ALGO_DEFAULT,
                                                     p->before, k, &e->err[member]);
            if (e->st[member] == THAW_E_UNSUPPORTED || e->st[member] == THAW_E_CHECK)
                e->st[member] = thaw_fail_within(&e->err[member], THAW_E_CHECK,
                                                 "%s, prepared while other threads prepare", p->c.name);
        }
}

static thaw_status compute_with_all(ensemble *e, thaw_error *err)
{
    for (uint32_t t = 0; t < N_BUILDER; t++)
        for (uint32_t i = 0; i < e->n; i++) {
            check_player *p = &e->players[i];
            p->kernel = &e->built[t][i];
            if (thaw_check_player_play(p, 1) == THAW_OK)
                continue;
            *err = p->err;
            return p->st == THAW_E_CHECK
                       ? thaw_fail(err, THAW_E_CHECK,
                                   "%s: a kernel that was prepared while other threads prepared gives other "
                                   "bits than one that was prepared alone: op_prepare is thread-safe",
                                   p->c.name)
                       : p->st;
        }
    return THAW_OK;
}

thaw_status thaw_check_prepare_at_once(check_run *run, thaw_error *err)
{
    return stage(run, build, N_BUILDER, CHECK_PREPARE_PATIENCE, "op_prepare on several threads at once",
                 compute_with_all, err);
}
