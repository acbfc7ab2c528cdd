/* program.c: from a graph to steps with every kernel, slice and byte count looked up. */
#include "core/runtime/program.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"
#include "core/runtime/program_state.h"
#include "core/runtime/vars.h"

/* What is needed while a program is made, and not any more afterwards. */
typedef struct builder {
    thaw_program *program;
    thaw_vars *vars;
    const thaw_program_options *options;
    thaw_placement placement;
    thaw_schedule schedule;
    thaw_program_memory memory;
} builder;

/* ---- checks -------------------------------------------------------------------------------------- */

static thaw_status check_variable(const thaw_gtensor *t, const thaw_vars *vars, thaw_error *err)
{
    const thaw_var_info *info = vars ? thaw_vars_info(vars, t->var) : NULL;
    if (!info)
        return thaw_fail(err, THAW_E_INVALID, "tensor %s is variable %u, but there are %zu variables",
                         t->name, t->var, vars ? thaw_vars_count(vars) : 0);
    if (t->parent == THAW_NO_TENSOR &&
        (t->dtype != THAW_F32 || t->n != info->n || t->h != info->h || t->w != info->w || t->c != info->c))
        return thaw_fail(err, THAW_E_INVALID,
                         "tensor %s is %dx%dx%dx%d, but variable %s is %dx%dx%dx%d of f32", t->name, t->n,
                         t->h, t->w, t->c, info->name, info->n, info->h, info->w, info->c);
    return THAW_OK;
}

static thaw_status check_graph(const thaw_graph *graph, const thaw_vars *vars, const thaw_dev *dev,
                               thaw_error *err)
{
    if (vars && thaw_vars_dev(vars) != dev)
        return thaw_fail(err, THAW_E_INVALID, "the variables are on %s, but the program is for %s",
                         thaw_vars_dev(vars)->name, dev->name);
    for (size_t t = 0; t < graph->n_tensors; t++) {
        if (graph->tensors[t].storage != THAW_T_VAR)
            continue;
        thaw_status st = check_variable(&graph->tensors[t], vars, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* Name of the tensor that is too large for one allocation, or of the workspace. */
static const char *too_large(const builder *b, size_t d)
{
    const thaw_schedule *s = &b->schedule;
    for (size_t u = 0; u < s->n_units; u++)
        if (s->units[u].item[d] != THAW_NO_ITEM && s->units[u].bytes > b->program->devs[d]->max_alloc)
            return b->placement.graph.tensors[s->units[u].tensor].name;
    return "workspace";
}

static thaw_status plan_device(builder *b, size_t d, thaw_error *err)
{
    thaw_schedule *s = &b->schedule;
    const thaw_dev *dev = b->program->devs[d];
    size_t n_feeds = d == THAW_HOME ? s->n_feed_items : 0;
    thaw_status st = THAW_OK;
    if (n_feeds > 0)
        st = thaw_mem_plan_make(s->items[d], n_feeds, dev->align, dev->max_alloc, &b->memory.feeds, err);
    if (st == THAW_OK)
        st = thaw_mem_plan_make(s->items[d] + n_feeds, s->n_items[d] - n_feeds, dev->align, dev->max_alloc,
                                &b->memory.arenas[d], err);
    if (st == THAW_E_DEVICE_MEMORY)
        return thaw_fail_within(err, st, "%s: %s", dev->name, too_large(b, d));
    return st;
}

/* Many drivers hand out memory only when it is first used, which is too late for a clear word. */
static thaw_status check_room(builder *b, thaw_error *err)
{
    thaw_program_memory *m = &b->memory;
    const thaw_dev *dev = b->program->devs[THAW_HOME];
    const thaw_graph *graph = &b->placement.graph;
    m->vars = b->vars ? thaw_vars_bytes(b->vars) : 0;
    for (uint32_t t = 0; t < graph->n_tensors; t++)
        if (graph->tensors[t].storage == THAW_T_CONST && graph->tensors[t].parent == THAW_NO_TENSOR)
            m->consts += thaw_graph_bytes(graph, t);
    uint64_t bytes = m->arenas[THAW_HOME].total_bytes + thaw_program_feed_bytes(m) + m->vars + m->consts;
    if (dev->info.memory_bytes == 0 || bytes <= dev->info.memory_bytes)
        return THAW_OK;
    return thaw_fail_device_memory(dev, bytes, "activations, workspace, weights and optimizer state", err);
}

static thaw_status plan_memory(builder *b, thaw_error *err)
{
    thaw_status st = thaw_schedule_items(&b->placement, &b->schedule, b->program->lane->slots > 1, err);
    for (size_t d = 0; st == THAW_OK && d < b->program->n_devs; d++)
        st = plan_device(b, d, err);
    return st == THAW_OK ? check_room(b, err) : st;
}

static thaw_status take_memory(builder *b, thaw_error *err)
{
    thaw_program *p = b->program;
    thaw_status st = THAW_OK;
    for (size_t d = 0; st == THAW_OK && d < p->n_devs; d++)
        st = thaw_arenas_take(&p->lane->stores[d], &b->memory.arenas[d], "activations and workspace",
                              &p->arenas[d], err);
    for (size_t i = 0; st == THAW_OK && b->schedule.n_feed_items > 0 && i < THAW_MAX_SLOTS; i++)
        st = thaw_arenas_take(&p->lane->feeds[i], &b->memory.feeds, "inputs", &p->feed_arenas[i], err);
    if (st != THAW_OK)
        return st;
    if (b->schedule.transfer_max > SIZE_MAX)
        return thaw_fail_memory(err, b->schedule.transfer_max, "copies between devices");
    p->staging = thaw_alloc_aligned((size_t)b->schedule.transfer_max, THAW_MIN_ALIGN);
    return p->staging ? THAW_OK : thaw_fail_memory(err, b->schedule.transfer_max, "copies between devices");
}

static thaw_slice unit_slice(const builder *b, const thaw_unit *unit, uint32_t dev, uint32_t slot)
{
    size_t item = unit->item[dev];
    if (item == THAW_NO_ITEM)
        return thaw_vars_slice(b->vars, b->placement.graph.tensors[unit->tensor].var);
    bool feed = dev == THAW_HOME && item < b->schedule.n_feed_items;
    return thaw_arenas_slice(feed ? &b->program->feed_arenas[slot] : &b->program->arenas[dev],
                             &b->schedule.items[dev][item]);
}

static thaw_slice tensor_slice(const builder *b, uint32_t tensor, uint32_t dev, uint32_t slot)
{
    const thaw_gtensor *t = &b->placement.graph.tensors[tensor];
    uint32_t unit = b->schedule.unit_of[tensor];
    if (unit == THAW_NO_UNIT)
        return (thaw_slice){NULL, 0};
    thaw_slice slice = unit_slice(b, &b->schedule.units[unit], dev, slot);
    if (t->parent != THAW_NO_TENSOR)
        slice.offset += (uint64_t)t->channel_offset * thaw_dtype_bytes(t->dtype);
    return slice;
}

/* ---- calls --------------------------------------------------------------------------------------- */

static void resolve_call(const builder *b, size_t i, size_t first_arg)
{
    const thaw_program *p = b->program;
    const thaw_gop *op = &b->placement.graph.ops[i];
    thaw_kernel_call *call = &p->calls[i];
    uint32_t dev = p->call_devs[i] = b->placement.ops[i].dev;
    call->first_arg = first_arg;
    call->n_args = op->n_in + op->n_out;
    for (uint32_t slot = 0; slot < p->lane->slots; slot++)
        for (uint32_t k = 0; k < call->n_args; k++)
            p->args[slot][first_arg + k] =
                tensor_slice(b, k < op->n_in ? op->in[k] : op->out[k - op->n_in], dev, slot);
    if (b->placement.ops[i].info.workspace_bytes)
        call->workspace =
            thaw_arenas_slice(&p->arenas[dev], &b->schedule.items[dev][b->schedule.workspace[dev]]);
}

static thaw_status make_calls(builder *b, thaw_error *err)
{
    thaw_program *p = b->program;
    const thaw_graph *graph = &b->placement.graph;
    size_t n_args = 0;
    for (size_t i = 0; i < graph->n_ops; i++)
        n_args += (size_t)graph->ops[i].n_in + graph->ops[i].n_out;
    p->calls = thaw_calloc(graph->n_ops, sizeof *p->calls);
    p->call_devs = thaw_calloc(graph->n_ops, sizeof *p->call_devs);
    bool all = p->calls && p->call_devs;
    for (uint32_t slot = 0; slot < p->lane->slots; slot++) {
        p->args[slot] = thaw_calloc(n_args, sizeof *p->args[slot]);
        all = all && p->args[slot];
    }
    if (!all)
        return thaw_fail_memory(err, n_args * sizeof *p->args[0], "the program's steps");
    p->n_calls = graph->n_ops;
    for (size_t i = 0, first = 0; i < graph->n_ops; first += p->calls[i++].n_args)
        resolve_call(b, i, first);
    return thaw_program_prepare(p, &b->placement, &b->memory, b->options, err);
}

/* ---- steps --------------------------------------------------------------------------------------- */

static thaw_status make_ports(builder *b, thaw_error *err)
{
    thaw_program *p = b->program;
    const thaw_graph *graph = &b->placement.graph;
    p->feeds = thaw_calloc(graph->n_tensors, sizeof *p->feeds);
    p->outputs = thaw_calloc(graph->n_tensors, sizeof *p->outputs);
    if (!p->feeds || !p->outputs)
        return thaw_fail_memory(err, graph->n_tensors * sizeof *p->feeds, "the program's inputs and outputs");
    for (uint32_t t = 0; t < graph->n_tensors; t++) {
        const thaw_gtensor *g = &graph->tensors[t];
        thaw_port port = {.tensor = t, .bytes = thaw_graph_bytes(graph, t)};
        memcpy(port.name, g->name, sizeof port.name);
        if (g->storage == THAW_T_FEED && g->parent == THAW_NO_TENSOR)
            p->feeds[p->n_feeds++] = port;
        if (g->output)
            p->outputs[p->n_outputs++] = port;
    }
    return THAW_OK;
}

static size_t port_of(const thaw_port *ports, size_t n, uint32_t tensor)
{
    size_t i = 0;
    while (i < n && ports[i].tensor != tensor)
        i++;
    return i;
}

static void resolve_step(const builder *b, const thaw_step *from, uint32_t slot, thaw_run_step *to)
{
    const thaw_program *p = b->program;
    *to = (thaw_run_step){.kind = from->kind, .dev = from->dev, .from_dev = from->from_dev};
    if (from->kind == THAW_STEP_OP) {
        to->call = from->op;
        return;
    }
    const thaw_unit *unit = &b->schedule.units[from->unit];
    to->bytes = unit->bytes;
    to->place = unit_slice(b, unit, from->dev, slot);
    if (from->kind == THAW_STEP_TRANSFER)
        to->from = unit_slice(b, unit, from->from_dev, slot);
    else if (from->kind == THAW_STEP_UPLOAD)
        to->port = port_of(p->feeds, p->n_feeds, from->tensor);
    else
        to->port = port_of(p->outputs, p->n_outputs, from->tensor);
}

static thaw_status make_steps(builder *b, thaw_error *err)
{
    thaw_program *p = b->program;
    p->n_steps = b->schedule.n_steps;
    for (uint32_t slot = 0; slot < p->lane->slots; slot++) {
        p->steps[slot] = thaw_calloc(p->n_steps, sizeof *p->steps[slot]);
        if (!p->steps[slot])
            return thaw_fail_memory(err, p->n_steps * sizeof *p->steps[slot], "the program's steps");
        for (size_t i = 0; i < p->n_steps; i++)
            resolve_step(b, &b->schedule.steps[i], slot, &p->steps[slot][i]);
    }
    return THAW_OK;
}

/* ---- the whole ----------------------------------------------------------------------------------- */

static void warn_of_fallback(const builder *b)
{
    const thaw_plan_summary *plan = &b->program->plan;
    if (plan->fallback_ops == 0 || b->options->fallback != THAW_FALLBACK_WARN)
        return;
    size_t i = 0;
    while (b->placement.ops[i].dev == 0)
        i++;
    char bytes[24];
    thaw_format_bytes(plan->fallback_bytes, bytes);
    thaw_log_at(
        b->options->log, THAW_LOG_WARN,
        "%zu of %zu ops run on %s, and %s are copied between the devices in each run; the first is %s "
        "(%s): %s",
        plan->fallback_ops, plan->n_rows, b->program->devs[1]->name, bytes, plan->rows[i].op,
        plan->rows[i].label, plan->rows[i].reason);
}

static thaw_status enter_lane(builder *b, thaw_error *err)
{
    thaw_program *p = b->program;
    thaw_lane *given = b->options->lane;
    if (given && given->devs[THAW_HOME] != p->devs[THAW_HOME])
        return thaw_fail(err, THAW_E_INVALID, "a lane of %s is no place for a program for %s",
                         given->devs[THAW_HOME]->name, p->devs[THAW_HOME]->name);
    thaw_status st = given ? THAW_OK : thaw_lane_create(p->devs[THAW_HOME], &p->lane, err);
    if (given)
        p->lane = given;
    p->own_lane = !given;
    return st == THAW_OK && p->n_devs > 1 ? thaw_lane_join(p->lane, p->devs[1], err) : st;
}

static thaw_status build(builder *b, const thaw_graph *graph, thaw_error *err)
{
    thaw_status st = check_graph(graph, b->vars, b->options->dev, err);
    if (st == THAW_OK)
        st = thaw_place(graph, b->options, &b->placement, err);
    if (st != THAW_OK)
        return st;
    b->program->devs[b->program->n_devs++] = b->options->dev;
    if (b->placement.fallback_ops)
        b->program->devs[b->program->n_devs++] = b->options->fallback_dev;
    st = enter_lane(b, err);
    if (st == THAW_OK)
        st = thaw_schedule_make(&b->placement, &b->schedule, err);
    if (st == THAW_OK)
        st = plan_memory(b, err);
    if (st == THAW_OK)
        st = take_memory(b, err);
    if (st == THAW_OK)
        st = make_calls(b, err);
    if (st == THAW_OK)
        st = make_ports(b, err);
    if (st == THAW_OK)
        st = make_steps(b, err);
    if (st == THAW_OK)
        st = thaw_program_describe(b->program, &b->placement, &b->schedule, &b->memory, err);
    if (st == THAW_OK)
        warn_of_fallback(b);
    return st;
}

thaw_status thaw_program_create(const thaw_graph *graph, thaw_vars *vars, const thaw_program_options *options,
                                thaw_program **out, thaw_error *err)
{
    builder b = {.vars = vars, .options = options};
    b.program = thaw_calloc(1, sizeof *b.program);
    if (!b.program)
        return thaw_fail_memory(err, sizeof *b.program, "a program");
    thaw_status st = build(&b, graph, err);
    for (size_t d = 0; d < THAW_MAX_DEVS; d++)
        thaw_mem_plan_free(&b.memory.arenas[d]);
    thaw_mem_plan_free(&b.memory.feeds);
    thaw_schedule_free(&b.schedule);
    thaw_placement_free(&b.placement);
    if (st == THAW_OK)
        *out = b.program;
    else
        thaw_program_free(b.program);
    return st;
}

void thaw_program_free(thaw_program *p)
{
    if (!p)
        return;
    thaw_lane *lane = p->lane;
    if (lane && (lane->running == p || lane->staged == p)) {
        thaw_lane_wait(lane, NULL);
        lane->staged = NULL;
    }
    for (size_t i = 0; i < p->n_calls; i++) {
        thaw_dev *dev = p->devs[p->call_devs[i]];
        dev->ops.kernel_destroy(dev->handle, p->calls[i].kernel);
    }
    if (p->own_lane)
        thaw_lane_free(lane);
    for (size_t d = 0; d < THAW_MAX_DEVS; d++)
        thaw_arenas_free(&p->arenas[d]);
    for (size_t i = 0; i < THAW_MAX_SLOTS; i++) {
        thaw_arenas_free(&p->feed_arenas[i]);
        free(p->args[i]);
        free(p->steps[i]);
    }
    thaw_free_aligned(p->staging);
    free(p->feeds);
    free(p->outputs);
    free(p->calls);
    free(p->call_devs);
    free(p->rows);
    free(p->row_texts);
    free(p);
}
