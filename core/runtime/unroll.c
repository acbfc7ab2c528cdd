/* unroll.c: from the schedule to the list of what a run does, with every slice and byte count looked up. */
#include "core/base/memory.h"
#include "core/runtime/program_state.h"
#include "core/runtime/vars.h"

typedef struct unroller {
    thaw_program *program;
    const thaw_placement *placement;
    const thaw_schedule *schedule;
    const thaw_vars *vars;
    uint32_t slot;
} unroller;

/* ---- places -------------------------------------------------------------------------------------- */

static thaw_slice unit_slice(const unroller *u, const thaw_unit *unit, uint32_t dev)
{
    const thaw_program *p = u->program;
    const thaw_schedule *s = u->schedule;
    size_t item = unit->item[dev];
    if (item == THAW_NO_ITEM)
        return thaw_vars_slice(u->vars, u->placement->graph.tensors[unit->tensor].var);
    bool feed = dev == THAW_HOME && item < s->n_feed_items;
    return thaw_arenas_slice(feed ? &p->feed_arenas[u->slot] : &p->arenas[dev], &s->items[dev][item]);
}

/* Of the rows of a turn. */
static thaw_slice turn_slice(const unroller *u, const thaw_unit *unit, uint32_t dev, const thaw_stage *stage,
                             uint32_t turn)
{
    thaw_slice slice = unit_slice(u, unit, dev);
    if (stage)
        slice.offset += thaw_unit_offset(unit, stage, turn);
    return slice;
}

static thaw_slice tensor_slice(const unroller *u, uint32_t tensor, uint32_t dev, const thaw_stage *stage,
                               uint32_t turn)
{
    const thaw_gtensor *t = &u->placement->graph.tensors[tensor];
    uint32_t unit = u->schedule->unit_of[tensor];
    if (unit == THAW_NO_UNIT)
        return (thaw_slice){NULL, 0};
    thaw_slice slice = turn_slice(u, &u->schedule->units[unit], dev, stage, turn);
    if (t->parent != THAW_NO_TENSOR)
        slice.offset += (uint64_t)t->channel_offset * thaw_dtype_bytes(t->dtype);
    return slice;
}

/* ---- calls --------------------------------------------------------------------------------------- */

static void describe_call(const unroller *u, size_t i, size_t first_arg)
{
    const thaw_program *p = u->program;
    const thaw_gop *op = &u->placement->graph.ops[i];
    thaw_kernel_call *call = &p->calls[i];
    uint32_t dev = p->call_devs[i] = u->placement->ops[i].dev;
    call->first_arg = first_arg;
    call->n_args = op->n_in + op->n_out;
    if (u->placement->ops[i].info.workspace_bytes)
        call->workspace =
            thaw_arenas_slice(&p->arenas[dev], &u->schedule->items[dev][u->schedule->workspace[i]]);
}

static void fill_args(const unroller *u, size_t i)
{
    const thaw_program *p = u->program;
    const thaw_gop *op = &u->placement->graph.ops[i];
    const thaw_stage *stage = thaw_schedule_stage(u->schedule, i);
    thaw_slice *arg = p->args[u->slot] + p->calls[i].first_arg;
    for (uint32_t turn = 0; turn < stage->times; turn++)
        for (uint32_t k = 0; k < op->n_in + op->n_out; k++)
            *arg++ = tensor_slice(u, k < op->n_in ? op->in[k] : op->out[k - op->n_in], p->call_devs[i], stage,
                                  turn);
}

static thaw_status make_calls(unroller *u, thaw_error *err)
{
    thaw_program *p = u->program;
    const thaw_graph *graph = &u->placement->graph;
    size_t n_args = 0;
    p->calls = thaw_calloc(graph->n_ops, sizeof *p->calls);
    p->call_devs = thaw_calloc(graph->n_ops, sizeof *p->call_devs);
    if (!p->calls || !p->call_devs)
        return thaw_fail_memory(err, graph->n_ops * sizeof *p->calls, "the program's steps");
    for (size_t i = 0; i < graph->n_ops; i++) {
        describe_call(u, i, n_args);
        n_args += (size_t)p->calls[i].n_args * thaw_op_times(graph, &graph->ops[i]);
    }
    for (u->slot = 0; u->slot < p->lane->slots; u->slot++) {
        p->args[u->slot] = thaw_calloc(n_args, sizeof *p->args[u->slot]);
        if (!p->args[u->slot])
            return thaw_fail_memory(err, n_args * sizeof *p->args[0], "the program's steps");
        for (size_t i = 0; i < graph->n_ops; i++)
            fill_args(u, i);
    }
    p->n_calls = graph->n_ops;
    return THAW_OK;
}

/* ---- steps --------------------------------------------------------------------------------------- */

static size_t port_of(const thaw_port *ports, size_t n, uint32_t tensor)
{
    size_t i = 0;
    while (i < n && ports[i].tensor != tensor)
        i++;
    return i;
}

static void add_op(const unroller *u, const thaw_step *from, const thaw_stage *stage, uint32_t turn,
                   thaw_run_step *to)
{
    const thaw_kernel_call *call = &u->program->calls[from->op];
    *to = (thaw_run_step){.kind = from->kind,
                          .dev = from->dev,
                          .row = turn * stage->rows,
                          .call = from->op,
                          .first_arg = call->first_arg + (size_t)turn * call->n_args};
}

static void add_transfer(const unroller *u, const thaw_step *from, const thaw_stage *stage, uint32_t turn,
                         thaw_run_step *to)
{
    const thaw_unit *unit = &u->schedule->units[from->unit];
    *to = (thaw_run_step){.kind = from->kind,
                          .dev = from->dev,
                          .from_dev = from->from_dev,
                          .row = stage ? turn * stage->rows : 0,
                          .place = turn_slice(u, unit, from->dev, stage, turn),
                          .from = turn_slice(u, unit, from->from_dev, stage, turn),
                          .bytes = stage ? thaw_unit_turn_bytes(unit, stage) : unit->bytes};
}

/* An upload or a download, of one block of rows. */
static void add_copy(const unroller *u, const thaw_step *from, uint32_t block, thaw_run_step *to)
{
    const thaw_program *p = u->program;
    const thaw_unit *unit = &u->schedule->units[from->unit];
    *to = (thaw_run_step){.kind = from->kind,
                          .dev = from->dev,
                          .row = block * unit->block,
                          .place = unit_slice(u, unit, from->dev),
                          .bytes = unit->row_bytes,
                          .n_rows = unit->block};
    to->place.offset += block * unit->block_pitch;
    to->port = from->kind == THAW_STEP_UPLOAD ? port_of(p->feeds, p->n_feeds, from->tensor)
                                              : port_of(p->outputs, p->n_outputs, from->tensor);
}

static uint32_t blocks_of(const unroller *u, const thaw_step *step)
{
    const thaw_unit *unit = &u->schedule->units[step->unit];
    return unit->rows / unit->block;
}

static bool is_copy(const thaw_step *step)
{
    return step->kind == THAW_STEP_UPLOAD || step->kind == THAW_STEP_DOWNLOAD;
}

/* The stage a step belongs to; NULL for copies from and to the host, and for what comes after the last op. */
static const thaw_stage *stage_of(const unroller *u, const thaw_step *step)
{
    return is_copy(step) ? NULL : thaw_schedule_stage(u->schedule, step->op);
}

/* Steps from `first` on that are of the same stage, or the one alone that is of none. */
static size_t steps_together(const unroller *u, size_t first)
{
    const thaw_schedule *s = u->schedule;
    const thaw_stage *stage = stage_of(u, &s->steps[first]);
    size_t n = 1;
    while (stage && first + n < s->n_steps && stage_of(u, &s->steps[first + n]) == stage)
        n++;
    return n;
}

/* Steps of the turns of some, which are written to `to` if it is not NULL. */
static size_t unroll(const unroller *u, size_t first, size_t n, thaw_run_step *to)
{
    const thaw_step *step = &u->schedule->steps[first];
    const thaw_stage *stage = stage_of(u, step);
    const uint32_t times = is_copy(step) ? blocks_of(u, step) : stage ? stage->times : 1;
    for (uint32_t turn = 0; to && turn < times; turn++)
        for (size_t i = 0; i < n; i++, to++)
            if (is_copy(&step[i]))
                add_copy(u, &step[i], turn, to);
            else if (step[i].kind == THAW_STEP_TRANSFER)
                add_transfer(u, &step[i], stage, turn, to);
            else
                add_op(u, &step[i], stage, turn, to);
    return times * n;
}

static size_t unroll_all(const unroller *u, thaw_run_step *to)
{
    size_t done = 0;
    for (size_t i = 0, n; i < u->schedule->n_steps; i += n) {
        n = steps_together(u, i);
        done += unroll(u, i, n, to ? to + done : NULL);
    }
    return done;
}

static thaw_status make_steps(unroller *u, thaw_error *err)
{
    thaw_program *p = u->program;
    p->n_steps = unroll_all(u, NULL);
    for (u->slot = 0; u->slot < p->lane->slots; u->slot++) {
        p->steps[u->slot] = thaw_calloc(p->n_steps, sizeof *p->steps[u->slot]);
        if (!p->steps[u->slot])
            return thaw_fail_memory(err, p->n_steps * sizeof *p->steps[u->slot], "the program's steps");
        unroll_all(u, p->steps[u->slot]);
    }
    return THAW_OK;
}

thaw_status thaw_program_unroll(thaw_program *program, const thaw_placement *placement,
                                const thaw_schedule *schedule, const thaw_vars *vars, thaw_error *err)
{
    unroller u = {.program = program, .placement = placement, .schedule = schedule, .vars = vars};
    thaw_status st = make_calls(&u, err);
    return st == THAW_OK ? make_steps(&u, err) : st;
}
