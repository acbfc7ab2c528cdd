/* run.c: one run of a program. Nothing here allocates. */
#include <string.h>

#include "core/runtime/loader.h"
#include "core/runtime/program_state.h"

/* ---- bindings ------------------------------------------------------------------------------------ */

static thaw_status bind_ports(thaw_port *ports, size_t n, const thaw_binding *bindings, size_t n_bindings,
                              const char *what, thaw_error *err)
{
    for (size_t i = 0; i < n; i++)
        ports[i].data = NULL;
    for (size_t k = 0; k < n_bindings; k++) {
        size_t i = 0;
        while (i < n && ports[i].tensor != bindings[k].tensor)
            i++;
        if (i == n)
            return thaw_fail(err, THAW_E_INVALID, "tensor %u is no %s of this program", bindings[k].tensor,
                             what);
        if (!bindings[k].data || ports[i].data)
            return thaw_fail(err, THAW_E_INVALID, "the %s %s is %s", what, ports[i].name,
                             bindings[k].data ? "bound twice" : "bound to no memory");
        ports[i].data = bindings[k].data;
    }
    return THAW_OK;
}

static thaw_status check_feeds(const thaw_program *p, thaw_error *err)
{
    for (size_t i = 0; i < p->n_feeds; i++)
        if (!p->feeds[i].data)
            return thaw_fail(err, THAW_E_INVALID, "the feed %s is missing", p->feeds[i].name);
    return THAW_OK;
}

/* ---- steps --------------------------------------------------------------------------------------- */

static thaw_status enqueue(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_kernel_call *call = &p->calls[step->call];
    thaw_status st = p->devs[step->dev]->ops.op_enqueue(p->streams[step->dev], call->kernel, call->args,
                                                        call->n_args, call->workspace, err);
    if (st == THAW_OK)
        return THAW_OK;
    return thaw_plugin_failed(st, err, "%s: %s (%s) failed", p->devs[step->dev]->name, p->rows[step->call].op,
                              p->rows[step->call].label);
}

static thaw_status sync_device(thaw_program *p, uint32_t d, thaw_error *err)
{
    thaw_status st = p->devs[d]->ops.stream_sync(p->streams[d], err);
    return st == THAW_OK ? st : thaw_plugin_failed(st, err, "%s failed", p->devs[d]->name);
}

/* By way of the host: devices share no memory. Both are waited for, so that the next transfer finds the
 * staging memory free. */
static thaw_status transfer(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_dev *from = p->devs[step->from_dev], *to = p->devs[step->dev];
    thaw_status st = from->ops.download(p->streams[step->from_dev], p->staging, step->from, step->bytes, err);
    if (st != THAW_OK)
        return thaw_plugin_failed(st, err, "%s: copy to the host failed", from->name);
    st = sync_device(p, step->from_dev, err);
    if (st != THAW_OK)
        return st;
    st = to->ops.upload(p->streams[step->dev], step->place, p->staging, step->bytes, err);
    if (st != THAW_OK)
        return thaw_plugin_failed(st, err, "%s: copy from the host failed", to->name);
    return sync_device(p, step->dev, err);
}

static thaw_status do_step(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_dev *dev = p->devs[step->dev];
    thaw_stream *stream = p->streams[step->dev];
    thaw_status st;
    switch (step->kind) {
    case THAW_STEP_UPLOAD:
        st = dev->ops.upload(stream, step->place, p->feeds[step->port].data, step->bytes, err);
        return st == THAW_OK ? st
                             : thaw_plugin_failed(st, err, "%s: upload of %s failed", dev->name,
                                                  p->feeds[step->port].name);
    case THAW_STEP_OP:
        return enqueue(p, step, err);
    case THAW_STEP_TRANSFER:
        return transfer(p, step, err);
    case THAW_STEP_DOWNLOAD:
        if (!p->outputs[step->port].data)
            return THAW_OK;
        st = dev->ops.download(stream, p->outputs[step->port].data, step->place, step->bytes, err);
        return st == THAW_OK ? st
                             : thaw_plugin_failed(st, err, "%s: download of %s failed", dev->name,
                                                  p->outputs[step->port].name);
    }
    return thaw_fail(err, THAW_E_INTERNAL, "a program has a step of unknown kind %d", (int)step->kind);
}

thaw_status thaw_program_run(thaw_program *p, const thaw_binding *feeds, size_t n_feeds,
                             const thaw_binding *fetches, size_t n_fetches, thaw_error *err)
{
    thaw_error_clear(err);
    thaw_status st = bind_ports(p->feeds, p->n_feeds, feeds, n_feeds, "feed", err);
    if (st == THAW_OK)
        st = check_feeds(p, err);
    if (st == THAW_OK)
        st = bind_ports(p->outputs, p->n_outputs, fetches, n_fetches, "output", err);
    if (st != THAW_OK)
        return st;
    for (size_t i = 0; st == THAW_OK && i < p->n_steps; i++)
        st = do_step(p, &p->steps[i], err);
    /* Also after an error: until then the caller's memory is in use. */
    for (uint32_t d = 0; d < p->n_devs; d++) {
        thaw_status synced = sync_device(p, d, st == THAW_OK ? err : NULL);
        if (st == THAW_OK)
            st = synced;
    }
    return st;
}
