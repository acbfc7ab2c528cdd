/* quiet.c: what op_enqueue must leave alone while it runs: memory and the log.
 *
 * thaw_plugin.h, op_enqueue: "Never allocates, compiles, or waits for another stream's work." A program
 * enqueues a few hundred kernels a batch; what each of them allocates or prints is paid every time. Seen is
 * what goes through the host's table: malloc in a plugin is beyond this check. */
#include <stdlib.h>

#include "core/check/player.h"
#include "core/check/sandbox.h"

#define CALLS 3u

typedef struct books {
    size_t allocs, frees, logs;
} books;

static books look(const check_host *host)
{
    return (books){atomic_load(&host->allocs), atomic_load(&host->frees), atomic_load(&host->logs)};
}

/* The kernel's first calls of op_enqueue with nothing else at work, counted one by one. */
static thaw_status watch(const check_host *host, const check_memory *m, const check_kernel *kernel,
                         const uint8_t *image, thaw_error *err)
{
    size_t logged = 0;
    for (uint32_t i = 0; i < CALLS; i++) {
        thaw_status st = thaw_check_memory_write(m, image, false, err);
        if (st == THAW_OK)
            st = thaw_check_sync(m->side, err);
        if (st != THAW_OK)
            return st;
        const books before = look(host);
        st = thaw_check_enqueue(m, kernel->handle, err);
        const books after = look(host);
        if (st == THAW_OK)
            st = thaw_check_sync(m->side, err);
        if (st != THAW_OK)
            return st;
        if (after.allocs != before.allocs)
            return thaw_fail(
                err, THAW_E_CHECK,
                "op_enqueue allocated %zu times from the host, %zu bytes the last time: allocate in "
                "op_prepare, or ask for a workspace in op_query",
                after.allocs - before.allocs, atomic_load(&host->last_bytes));
        if (after.frees != before.frees)
            return thaw_fail(err, THAW_E_CHECK,
                             "op_enqueue gave memory back to the host, which belongs in kernel_destroy");
        logged += after.logs != before.logs;
    }
    return logged < CALLS
               ? THAW_OK
               : thaw_fail(err, THAW_E_CHECK,
                           "op_enqueue writes to the host's log at each call: a person would read it "
                           "hundreds of times a batch; log in op_prepare");
}

thaw_status thaw_check_quiet(check_run *run, const check_case *c, thaw_error *err)
{
    check_sandbox *s;
    check_kernel kernel;
    check_memory memory = {0};
    check_layout layout;
    uint8_t *before = NULL, *after;
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox(run, &s, err);
    if (st == THAW_OK)
        st = thaw_check_layout(c, run->align, &layout, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &layout, run->seed, &before, &after, err);
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++) {
        st = thaw_check_kernel_create(&s->side, c, &layout, algo, before, &kernel, err);
        if (st == THAW_OK)
            st = thaw_check_memory_create(&s->side, c, &layout, (size_t)kernel.info.workspace_bytes, &memory,
                                          err);
        if (st == THAW_OK)
            st = watch(s->host, &memory, &kernel, before, err);
        run->kernels += st == THAW_OK;
        thaw_check_memory_free(&memory);
        if (st == THAW_E_CHECK)
            thaw_fail_within(err, st, "algorithm %u (%.31s)", algo, kernel.info.name);
        thaw_check_kernel_destroy(&kernel);
    }
    free(before);
    return st;
}
