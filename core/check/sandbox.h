/* sandbox.h: the plugin under test once more: a copy of its file, opened beside the first with a state of its
 * own, and given a host's table that looks on. What is tried here, up to a deadlock, leaves the first one
 * alone.
 *
 * A plugin that looks for files beside its own library will not find them there: where the copy cannot be
 * used, the cases that need it are declined with the reason. */
#ifndef THAW_CHECK_SANDBOX_H
#define THAW_CHECK_SANDBOX_H

#include "core/check/case.h"
#include "core/check/host.h"
#include "core/runtime/loader.h"

/* Seconds after which a thread that computes, or that prepares, is given up. */
#define CHECK_PATIENCE         60.0
#define CHECK_PREPARE_PATIENCE 600.0

struct check_sandbox {
    check_host *host;
    thaw_runtime *runtime; /* with this one plugin */
    char *device;          /* "cpu:0,isa=avx2" */
    check_side side;       /* its device, while it is open */
    bool stuck;            /* a thread never came back: nothing may be closed or freed any more */
};

/* The one that cases share, its device open. THAW_E_UNSUPPORTED, with the reason: there can be none. */
thaw_status thaw_check_sandbox(check_run *run, check_sandbox **out, thaw_error *err);
/* Gives up the shared one, if a thread of it is stuck; the next case gets another. */
void thaw_check_sandbox_give_up(check_run *run);

/* One of the caller's own, without a device. host_bytes: the struct_size of its table. THAW_E_UNSUPPORTED:
 * the file could not be copied or opened, or its init refused. */
thaw_status thaw_check_sandbox_open(const check_run *run, uint32_t host_bytes, check_sandbox **out,
                                    thaw_error *err);
/* Opens the device, with a stream. THAW_E_UNSUPPORTED. */
thaw_status thaw_check_sandbox_enter(check_sandbox *s, thaw_error *err);
/* Closes it. */
void thaw_check_sandbox_leave(check_sandbox *s);
/* Shuts the plugin down, its device closed before; the host's table can still be looked at. */
void thaw_check_sandbox_shut_down(check_sandbox *s);
/* NULL does nothing. */
void thaw_check_sandbox_close(check_sandbox *s);

/* The plugin of the sandbox, and its device's number in it. */
const thaw_loaded *thaw_check_sandbox_plugin(const check_sandbox *s);
thaw_status thaw_check_sandbox_index(const check_sandbox *s, uint32_t *index, thaw_error *err);

#endif
