/* full.c: a device without room for another buffer.
 *
 * thaw_plugin.h, Errors; thaw_status.h: THAW_E_DEVICE_MEMORY, or THAW_E_NO_MEMORY where the host's memory is
 * what ran out. A refusal is not the end: once buffers are destroyed the device computes as before.
 *
 * The bounds are for the machine's sake: a device that lives from the host's memory is given 64 MiB of it,
 * any other is asked for 2 GiB at most and nothing is written to them. One that has still room then was not
 * full, and passes. */
#include <string.h>

#include "core/check/player.h"
#include "core/check/plugin.h"
#include "core/check/sandbox.h"

#define MIB         ((uint64_t)1 << 20)
#define HOST_BUDGET ((size_t)64 << 20)
#define MOST        (2048 * MIB)
#define N_BUFFERS   64u

static uint64_t size_of_buffers(const thaw_dev *dev)
{
    uint64_t bytes = MOST / N_BUFFERS;
    return bytes < dev->max_alloc ? bytes : dev->max_alloc;
}

/* Takes buffers until the device refuses one, and looks at how. */
static thaw_status fill_up(check_sandbox *s, thaw_buffer **buffers, thaw_error *err)
{
    const thaw_dev *dev = s->side.dev;
    for (uint32_t i = 0; i < N_BUFFERS; i++) {
        memset(err, 0, sizeof *err);
        thaw_status st = dev->ops.buffer_create(dev->handle, size_of_buffers(dev), &buffers[i], err);
        if (st == THAW_OK)
            continue;
        buffers[i] = NULL;
        err->text[sizeof err->text - 1] = '\0';
        if (st != THAW_E_DEVICE_MEMORY && st != THAW_E_NO_MEMORY)
            return thaw_fail_within(err, THAW_E_CHECK,
                                    "buffer_create on a full device answers status %d (%s) instead of "
                                    "THAW_E_DEVICE_MEMORY",
                                    (int)st, thaw_status_name(st));
        if (!err->text[0])
            return thaw_fail(err, THAW_E_CHECK,
                             "buffer_create refuses on a full device and does not say why");
        return THAW_OK;
    }
    return THAW_OK;
}

thaw_status thaw_check_full(check_run *run, thaw_error *err)
{
    check_sandbox *s;
    check_list list = {0};
    const check_case *c = NULL;
    check_kernel kernel = {0};
    check_player player = {0};
    thaw_buffer *buffers[N_BUFFERS] = {NULL};
    uint32_t n = 0;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st != THAW_OK)
        return st;
    st = thaw_check_sample(&s->side, run->seed, 1, &list, &c, &n, err);
    if (st == THAW_OK)
        st = thaw_check_player_kernel(&s->side, c, run->align, run->seed, THAW_ALGO_DEFAULT, &kernel, err);
    if (st == THAW_OK)
        st = thaw_check_player_begin(s->side.dev, c, run->align, run->seed, &kernel, &player, err);
    if (st == THAW_OK) {
        atomic_store(&s->host->budget, atomic_load(&s->host->live_bytes) + HOST_BUDGET);
        st = fill_up(s, buffers, err);
        atomic_store(&s->host->budget, 0);
    }
    for (uint32_t i = 0; i < N_BUFFERS; i++)
        s->side.dev->ops.buffer_destroy(s->side.dev->handle, buffers[i]);
    if (st == THAW_OK && (st = thaw_check_player_play(&player, 1)) != THAW_OK) {
        *err = player.err;
        thaw_fail_within(err, st, "after the device had been full");
    }
    run->kernels += st == THAW_OK;
    thaw_check_player_end(&player);
    thaw_check_kernel_destroy(&kernel);
    thaw_check_list_free(&list);
    return st;
}
