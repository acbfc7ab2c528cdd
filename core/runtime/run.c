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
    const thaw_lane *lane = p->lane;
    const thaw_kernel_call *call = &p->calls[step->call];
    const thaw_dev *dev = lane->devs[step->dev];
    const thaw_slice *args = p->args[lane->running_slot] + step->first_arg;
    thaw_status st =
        dev->ops.op_enqueue(lane->streams[step->dev], call->kernel, args, call->n_args, call->workspace, err);
    if (st == THAW_OK)
        return THAW_OK;
    return thaw_plugin_failed(st, err, "%s: %s (%s) failed", dev->name, p->rows[step->call].op,
                              p->rows[step->call].label);
}

static thaw_status sync_device(const thaw_lane *lane, uint32_t d, thaw_error *err)
{
    thaw_status st = lane->devs[d]->ops.stream_sync(lane->streams[d], err);
    return st == THAW_OK ? st : thaw_plugin_failed(st, err, "%s failed", lane->devs[d]->name);
}

/* By way of the host: devices share no memory. Both are waited for, so that the next transfer finds the
 * staging memory free. */
static thaw_status transfer(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_lane *lane = p->lane;
    const thaw_dev *from = lane->devs[step->from_dev], *to = lane->devs[step->dev];
    thaw_status st =
        from->ops.download(lane->streams[step->from_dev], p->staging, step->from, step->bytes, err);
    if (st != THAW_OK)
        return thaw_plugin_failed(st, err, "%s: copy to the host failed", from->name);
    st = sync_device(lane, step->from_dev, err);
    if (st != THAW_OK)
        return st;
    st = to->ops.upload(lane->streams[step->dev], step->place, p->staging, step->bytes, err);
    if (st != THAW_OK)
        return thaw_plugin_failed(st, err, "%s: copy from the host failed", to->name);
    return sync_device(lane, step->dev, err);
}

/* Whether a step is about some of the first `rows` rows. */
static bool is_wanted(const thaw_run_step *step, uint32_t rows)
{
    return step->row == 0 || step->row < rows;
}

/* Of those rows, in a step that copies some. */
static uint64_t wanted_bytes(const thaw_program *p, const thaw_run_step *step, uint32_t rows)
{
    const uint32_t left = rows - step->row;
    return (p->by_rows && left < step->n_rows ? left : step->n_rows) * step->bytes;
}

static thaw_status download(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_dev *dev = p->lane->devs[step->dev];
    const thaw_port *port = &p->outputs[step->port];
    if (!port->data)
        return THAW_OK;
    thaw_status st =
        dev->ops.download(p->lane->streams[step->dev], (char *)port->data + step->row * step->bytes,
                          step->place, wanted_bytes(p, step, p->lane->running_rows), err);
    return st == THAW_OK ? st
                         : thaw_plugin_failed(st, err, "%s: download of %s failed", dev->name, port->name);
}

static thaw_status upload(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_lane *lane = p->lane;
    const thaw_dev *dev = lane->devs[step->dev];
    thaw_stream *stream = step->dev == THAW_HOME && lane->upload ? lane->upload : lane->streams[step->dev];
    const char *data = p->feeds[step->port].data;
    thaw_status st = dev->ops.upload(stream, step->place, data + step->row * step->bytes,
                                     wanted_bytes(p, step, lane->staged_rows), err);
    return st == THAW_OK
               ? st
               : thaw_plugin_failed(st, err, "%s: upload of %s failed", dev->name, p->feeds[step->port].name);
}

static thaw_status do_step(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    switch (step->kind) {
    case THAW_STEP_UPLOAD: /* staged before */
        return THAW_OK;
    case THAW_STEP_OP:
        return enqueue(p, step, err);
    case THAW_STEP_TRANSFER:
        return transfer(p, step, err);
    case THAW_STEP_DOWNLOAD:
        return download(p, step, err);
    }
    return thaw_fail(err, THAW_E_INTERNAL, "a program has a step of unknown kind %d", (int)step->kind);
}

/* ---- the three parts ----------------------------------------------------------------------------- */

/* Until the streams have been waited for, the caller's memory is in use. */
static thaw_status give_up(thaw_lane *lane, thaw_status st)
{
    thaw_lane_wait(lane, NULL);
    lane->staged = NULL;
    return st;
}

/* The mark that the computing stream waits for. */
static thaw_status mark_filled(const thaw_lane *lane, thaw_error *err)
{
    const thaw_dev *home = lane->devs[THAW_HOME];
    if (!lane->upload)
        return THAW_OK;
    thaw_status st = home->ops.event_record(lane->upload, lane->filled[lane->staged_slot], err);
    return st == THAW_OK ? st : thaw_plugin_failed(st, err, "%s: cannot mark an upload", home->name);
}

static thaw_status await_filled(const thaw_lane *lane, thaw_error *err)
{
    const thaw_dev *home = lane->devs[THAW_HOME];
    if (!lane->upload)
        return THAW_OK;
    thaw_status st = home->ops.stream_wait(lane->streams[THAW_HOME], lane->filled[lane->running_slot], err);
    return st == THAW_OK ? st : thaw_plugin_failed(st, err, "%s: cannot wait for an upload", home->name);
}

thaw_status thaw_program_stage(thaw_program *p, const thaw_binding *feeds, size_t n, thaw_error *err)
{
    thaw_lane *lane = p->lane;
    thaw_error_clear(err);
    thaw_status st = bind_ports(p->feeds, p->n_feeds, feeds, n, "feed", err);
    if (st == THAW_OK)
        st = check_feeds(p, err);
    if (st != THAW_OK)
        return st;
    /* With one slot the uploads queue up behind the run under way. */
    lane->staged_slot = lane->slots == 2 && lane->running ? 1 - lane->running_slot : 0;
    lane->staged = p;
    lane->staged_rows = p->wanted;
    for (size_t i = 0; st == THAW_OK && i < p->n_steps; i++) {
        const thaw_run_step *step = &p->steps[lane->staged_slot][i];
        if (step->kind == THAW_STEP_UPLOAD && is_wanted(step, lane->staged_rows))
            st = upload(p, step, err);
    }
    if (st == THAW_OK)
        st = mark_filled(lane, err);
    return st == THAW_OK ? st : give_up(lane, st);
}

thaw_status thaw_program_begin(thaw_program *p, const thaw_binding *fetches, size_t n, thaw_error *err)
{
    thaw_lane *lane = p->lane;
    thaw_error_clear(err);
    if (lane->running || lane->staged != p)
        return thaw_fail(err, THAW_E_INVALID, "a program is to begin %s",
                         lane->running ? "before the run under way has been waited for"
                                       : "that has not been staged");
    thaw_status st = bind_ports(p->outputs, p->n_outputs, fetches, n, "output", err);
    if (st != THAW_OK)
        return st;
    lane->running = p;
    lane->running_slot = lane->staged_slot;
    lane->running_rows = lane->staged_rows;
    lane->staged = NULL;
    st = await_filled(lane, err);
    for (size_t i = 0; st == THAW_OK && i < p->n_steps; i++)
        if (is_wanted(&p->steps[lane->running_slot][i], lane->running_rows))
            st = do_step(p, &p->steps[lane->running_slot][i], err);
    return st == THAW_OK ? st : give_up(lane, st);
}

thaw_status thaw_program_wait(thaw_program *p, thaw_error *err)
{
    return thaw_lane_wait(p->lane, err);
}

thaw_status thaw_program_run(thaw_program *p, const thaw_binding *feeds, size_t n_feeds,
                             const thaw_binding *fetches, size_t n_fetches, thaw_error *err)
{
    thaw_status st = thaw_program_stage(p, feeds, n_feeds, err);
    if (st == THAW_OK)
        st = thaw_program_begin(p, fetches, n_fetches, err);
    if (st == THAW_OK)
        return thaw_program_wait(p, err);
    thaw_lane_wait(p->lane, NULL);
    return st;
}
