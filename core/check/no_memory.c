/* no_memory.c: the host's memory runs out, at each place where a plugin asks for some.
 *
 * thaw_plugin.h, alloc: "NULL when memory is exhausted"; Errors: a status and a text; Ownership: whoever
 * creates frees, which goes for what was made before the failure. The first N allocations of each function
 * fail in turn; afterwards nothing may be missing and the function must work again. */
#include <stdlib.h>
#include <string.h>

#include "core/check/player.h"
#include "core/check/plugin.h"
#include "core/check/sandbox.h"

#define MAX_REFUSALS 48u

/* One function of the interface: makes something and lets it go at once. */
typedef thaw_status (*make_fn)(check_sandbox *s, void *arg, thaw_error *err);

static thaw_status judge(check_sandbox *s, thaw_status st, const char *function, size_t n, size_t live,
                         thaw_error *err)
{
    size_t left = atomic_load(&s->host->live);
    if (st != THAW_OK && st != THAW_E_NO_MEMORY && st != THAW_E_DEVICE_MEMORY)
        return thaw_fail_within(
            err, THAW_E_CHECK,
            "%s answers status %d (%s) when the host refuses its allocation %zu, instead of "
            "THAW_E_NO_MEMORY",
            function, (int)st, thaw_status_name(st), n);
    if (st != THAW_OK && !err->text[0])
        return thaw_fail(err, THAW_E_CHECK,
                         "%s fails without a text when the host refuses its allocation %zu", function, n);
    if (left != live)
        return thaw_fail(
            err, THAW_E_CHECK,
            "%s keeps %lld of the host's allocations after the host refused its allocation %zu: free "
            "what was made before the failure",
            function, (long long)left - (long long)live, n);
    return THAW_OK;
}

static thaw_status never_again(thaw_status st, const char *function, thaw_error *err)
{
    err->text[sizeof err->text - 1] = '\0';
    return thaw_fail_within(
        err, THAW_E_CHECK,
        "%s answers status %d (%s) though the host, which had refused it memory, has some "
        "again",
        function, (int)st, thaw_status_name(st));
}

/* The first call, with all the memory it wants, fills what a plugin keeps between calls. */
static thaw_status refuse_each(check_sandbox *s, make_fn make, void *arg, const char *function,
                               thaw_error *err)
{
    memset(err, 0, sizeof *err);
    thaw_status st = thaw_check_fault(err, make(s, arg, err), function);
    for (size_t n = 1; st == THAW_OK && n <= MAX_REFUSALS; n++) {
        size_t live = atomic_load(&s->host->live);
        memset(err, 0, sizeof *err);
        thaw_check_host_refuse(s->host, n);
        thaw_status made = make(s, arg, err);
        if (!thaw_check_host_relent(s->host))
            return made == THAW_OK ? THAW_OK : never_again(made, function, err);
        err->text[sizeof err->text - 1] = '\0';
        st = judge(s, made, function, n, live, err);
    }
    if (st != THAW_OK)
        return st;
    memset(err, 0, sizeof *err);
    st = make(s, arg, err);
    return st == THAW_OK ? THAW_OK : never_again(st, function, err);
}

/* ---- an op ---------------------------------------------------------------------------------------- */

typedef struct op_at_hand {
    const check_case *c;
    const void *data[CHECK_MAX_ARGS];
} op_at_hand;

static thaw_status make_query(check_sandbox *s, void *arg, thaw_error *err)
{
    const op_at_hand *o = arg;
    check_desc d;
    thaw_op_info info = {.struct_size = sizeof info};
    thaw_check_describe(o->c, &d);
    return s->side.dev->ops.op_query(s->side.dev->handle, &d.op, THAW_ALGO_DEFAULT, &info, err);
}

static thaw_status make_kernel(check_sandbox *s, void *arg, thaw_error *err)
{
    const op_at_hand *o = arg;
    check_desc d;
    thaw_kernel *kernel = NULL;
    thaw_check_describe(o->c, &d);
    thaw_status st =
        s->side.dev->ops.op_prepare(s->side.dev->handle, &d.op, THAW_ALGO_DEFAULT, o->data, &kernel, err);
    st = thaw_plugin_created(st, kernel, err);
    if (st == THAW_OK)
        s->side.dev->ops.kernel_destroy(s->side.dev->handle, kernel);
    return st;
}

thaw_status thaw_check_no_memory(check_run *run, const check_case *c, thaw_error *err)
{
    check_sandbox *s;
    op_at_hand o = {.c = c};
    check_layout l;
    uint8_t *before = NULL, *after;
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox(run, &s, err);
    if (st == THAW_OK)
        st = thaw_check_layout(c, run->align, &l, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &l, run->seed, &before, &after, err);
    for (uint32_t i = 0; st == THAW_OK && i < c->n_in; i++)
        if (c->arg[i].role == THAW_ROLE_CONST)
            o.data[i] = before + l.first[i];
    if (st == THAW_OK)
        st = refuse_each(s, make_query, &o, "op_query", err);
    if (st == THAW_OK)
        st = refuse_each(s, make_kernel, &o, "op_prepare", err);
    run->kernels += st == THAW_OK;
    free(before);
    return st;
}

/* ---- a device ------------------------------------------------------------------------------------- */

static thaw_status make_device(check_sandbox *s, void *arg, thaw_error *err)
{
    const uint32_t *index = arg;
    const char *options = strchr(s->device, ',');
    const thaw_device_ops *ops = NULL;
    thaw_device *dev = NULL;
    thaw_status st =
        thaw_check_sandbox_plugin(s)->api.device_open(*index, options ? options + 1 : NULL, &dev, &ops, err);
    st = thaw_plugin_created(st, ops ? dev : NULL, err);
    if (st == THAW_OK)
        ops->close(dev);
    return st;
}

static thaw_status make_buffer(check_sandbox *s, void *arg, thaw_error *err)
{
    thaw_buffer *buffer = NULL;
    (void)arg;
    thaw_status st = s->side.dev->ops.buffer_create(s->side.dev->handle, 4096, &buffer, err);
    st = thaw_plugin_created(st, buffer, err);
    if (st == THAW_OK)
        s->side.dev->ops.buffer_destroy(s->side.dev->handle, buffer);
    return st;
}

static thaw_status make_stream(check_sandbox *s, void *arg, thaw_error *err)
{
    thaw_stream *stream = NULL;
    (void)arg;
    thaw_status st = s->side.dev->ops.stream_create(s->side.dev->handle, &stream, err);
    st = thaw_plugin_created(st, stream, err);
    if (st == THAW_OK)
        s->side.dev->ops.stream_destroy(s->side.dev->handle, stream);
    return st;
}

static thaw_status make_event(check_sandbox *s, void *arg, thaw_error *err)
{
    thaw_event *event = NULL;
    (void)arg;
    thaw_status st = s->side.dev->ops.event_create(s->side.dev->handle, &event, err);
    st = thaw_plugin_created(st, event, err);
    if (st == THAW_OK)
        s->side.dev->ops.event_destroy(s->side.dev->handle, event);
    return st;
}

thaw_status thaw_check_device_no_memory(check_run *run, thaw_error *err)
{
    static const struct {
        make_fn make;
        const char *function;
    } functions[] = {{make_device, "device_open"},
                     {make_buffer, "buffer_create"},
                     {make_stream, "stream_create"},
                     {make_event, "event_create"}};
    check_sandbox *s;
    uint32_t index = 0;
    thaw_status st = thaw_check_sandbox(run, &s, err);
    if (st == THAW_OK)
        st = thaw_check_sandbox_index(s, &index, err);
    for (size_t i = 0; st == THAW_OK && i < sizeof functions / sizeof *functions; i++)
        st = refuse_each(s, functions[i].make, &index, functions[i].function, err);
    return st;
}
