/* run.c: one run of a program. Nothing here allocates. */
#include <string.h>

#include "core/runtime/loader.h"
#include "core/runtime/program_state.h"

/* ---- bindings ------------------------------------------------------------------------------------ */

static bool is_bound(const thaw_port *port)
{
    return port->data || port->rows;
}

static thaw_status bind_ports(thaw_port *ports, size_t n, const thaw_binding *bindings, size_t n_bindings,
                              const char *what, thaw_error *err)
{
    for (size_t i = 0; i < n; i++) {
        ports[i].data = NULL;
        ports[i].rows = NULL;
    }
    for (size_t k = 0; k < n_bindings; k++) {
        size_t i = 0;
        while (i < n && ports[i].tensor != bindings[k].tensor)
            i++;
        if (i == n)
            return thaw_fail(err, THAW_E_INVALID, "tensor %u is no %s of this program", bindings[k].tensor,
                             what);
        const bool bound = is_bound(&ports[i]);
        ports[i].data = bindings[k].data;
        ports[i].rows = bindings[k].rows;
        if (bound || !is_bound(&ports[i]))
            return thaw_fail(err, THAW_E_INVALID, "the %s %s is %s", what, ports[i].name,
                             bound ? "bound twice" : "bound to no memory");
    }
    return THAW_OK;
}

static thaw_status check_feeds(const thaw_program *p, thaw_error *err)
{
    for (size_t i = 0; i < p->n_feeds; i++)
        if (!is_bound(&p->feeds[i]))
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

/* A copy from or to the host goes in pieces where the host's rows lie apart. */
static uint64_t piece_of(const thaw_port *port, uint64_t bytes)
{
    return port->rows ? port->row_bytes : bytes;
}

/* Where the host has what lies `at` bytes behind the beginning of a step. */
static void *host_place(const thaw_port *port, const thaw_run_step *step, uint64_t at)
{
    if (port->rows)
        return port->rows[step->row + at / port->row_bytes];
    return (char *)port->data + step->row * step->bytes + at;
}

static thaw_slice behind(thaw_slice place, uint64_t bytes)
{
    return (thaw_slice){place.buffer, place.offset + bytes};
}

static thaw_status download(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_dev *dev = p->lane->devs[step->dev];
    const thaw_port *port = &p->outputs[step->port];
    if (!is_bound(port))
        return THAW_OK;
    const uint64_t bytes = wanted_bytes(p, step, p->lane->running_rows), piece = piece_of(port, bytes);
    thaw_status st = THAW_OK;
    for (uint64_t at = 0; st == THAW_OK && at < bytes; at += piece)
        st = dev->ops.download(p->lane->streams[step->dev], host_place(port, step, at),
                               behind(step->place, at), piece, err);
    return st == THAW_OK ? st
                         : thaw_plugin_failed(st, err, "%s: download of %s failed", dev->name, port->name);
}

static thaw_status upload(thaw_program *p, const thaw_run_step *step, thaw_error *err)
{
    const thaw_lane *lane = p->lane;
    const thaw_dev *dev = lane->devs[step->dev];
    thaw_stream *stream = step->dev == THAW_HOME && lane->upload ? lane->upload : lane->streams[step->dev];
    const thaw_port *port = &p->feeds[step->port];
    const uint64_t bytes = wanted_bytes(p, step, lane->staged_rows), piece = piece_of(port, bytes);
    thaw_status st = THAW_OK;
    for (uint64_t at = 0; st == THAW_OK && at < bytes; at += piece)
        st = dev->ops.upload(stream, behind(step->place, at), host_place(port, step, at), piece, err);
    return st == THAW_OK ? st : thaw_plugin_failed(st, err, "%s: upload of %s failed", dev->name, port->name);
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
