/* leaks.c: what a plugin took from the host is back when it goes.
 *
 * thaw_plugin.h, Ownership: "whoever creates frees"; close: everything of the device is destroyed before;
 * shutdown: "releases all that is left". What a plugin keeps for its next device after the first one was
 * closed is its own affair until then; a second device must not add to it. */
#include <stdlib.h>
#include <string.h>

#include "core/check/player.h"
#include "core/check/plugin.h"
#include "core/check/sandbox.h"

#define N_OPS 6u

typedef struct account {
    size_t live, bytes;
} account;

static account balance(const check_sandbox *s)
{
    return (account){atomic_load(&s->host->live), atomic_load(&s->host->live_bytes)};
}

static thaw_status use_event(check_sandbox *s, thaw_error *err)
{
    thaw_event *event = NULL;
    const thaw_device_ops *ops = &s->side.dev->ops;
    memset(err, 0, sizeof *err);
    thaw_status st = ops->event_create(s->side.dev->handle, &event, err);
    st = thaw_check_fault(err, thaw_plugin_created(st, event, err), "event_create");
    if (st != THAW_OK)
        return st;
    st = thaw_check_fault(err, ops->event_record(s->side.stream, event, err), "event_record");
    thaw_error ignored;
    ops->stream_sync(s->side.stream, &ignored);
    ops->event_destroy(s->side.dev->handle, event);
    return st;
}

static thaw_status use_op(const check_run *run, check_sandbox *s, const check_case *c, thaw_error *err)
{
    check_layout l;
    uint8_t *before = NULL, *after;
    thaw_status st = thaw_check_layout(c, run->align, &l, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &l, run->seed, &before, &after, err);
    if (st == THAW_OK)
        st = thaw_check_execute(&s->side, c, &l, THAW_ALGO_DEFAULT, before, (uint8_t *[]){after}, 1, err);
    free(before);
    return st;
}

/* Opens the device, does a little of everything, destroys it all and closes the device. */
static thaw_status live_once(check_run *run, check_sandbox *s, thaw_error *err)
{
    check_list list = {0};
    const check_case *sample[N_OPS];
    uint32_t n = 0;
    thaw_status st = thaw_check_sandbox_enter(s, err);
    if (st != THAW_OK)
        return st;
    st = thaw_check_sample(&s->side, run->seed, N_OPS, &list, sample, &n, err);
    if (st == THAW_E_UNSUPPORTED)
        st = THAW_OK; /* buffers and events can leak all the same */
    for (uint32_t i = 0; st == THAW_OK && i < n; i++)
        st = use_op(run, s, sample[i], err);
    if (st == THAW_OK)
        st = use_event(s, err);
    thaw_check_list_free(&list);
    thaw_check_sandbox_leave(s);
    return st;
}

static thaw_status compare(account was, account is, const char *what, const char *where, thaw_error *err)
{
    if (was.live == is.live && was.bytes == is.bytes)
        return THAW_OK;
    return thaw_fail(
        err, THAW_E_CHECK, "%s keeps %lld of the host's allocations, %lld bytes: free them in %s", what,
        (long long)is.live - (long long)was.live, (long long)is.bytes - (long long)was.bytes, where);
}

thaw_status thaw_check_leaks(check_run *run, thaw_error *err)
{
    check_sandbox *s;
    thaw_status st = thaw_check_sandbox_open(run, sizeof(thaw_host), &s, err);
    if (st != THAW_OK)
        return st;
    st = live_once(run, s, err);
    const account first = balance(s);
    if (st == THAW_OK)
        st = live_once(run, s, err);
    if (st == THAW_OK)
        st = compare(first, balance(s), "a device that was used and closed",
                     "close, buffer_destroy, stream_destroy, event_destroy and kernel_destroy", err);
    thaw_check_sandbox_shut_down(s);
    if (st == THAW_OK)
        st = compare((account){0, 0}, balance(s), "the plugin after its shutdown", "shutdown", err);
    if (st == THAW_OK && atomic_load(&s->host->foreign))
        st = thaw_fail(err, THAW_E_CHECK, "the plugin gave the host's free what its alloc had not given out");
    thaw_check_sandbox_close(s);
    return st;
}
