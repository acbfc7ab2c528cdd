/* program.c: from a graph to what can be run. */
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

/* ---- ports --------------------------------------------------------------------------------------- */

static thaw_status make_ports(builder *b, thaw_error *err)
{
    thaw_program *p = b->program;
    const thaw_graph *graph = &b->placement.graph;
    p->batch = p->wanted = graph->batch;
    p->by_rows = graph->batch > 0;
    p->feeds = thaw_calloc(graph->n_tensors, sizeof *p->feeds);
    p->outputs = thaw_calloc(graph->n_tensors, sizeof *p->outputs);
    if (!p->feeds || !p->outputs)
        return thaw_fail_memory(err, graph->n_tensors * sizeof *p->feeds, "the program's inputs and outputs");
    for (uint32_t t = 0; t < graph->n_tensors; t++) {
        const thaw_gtensor *g = &graph->tensors[t];
        thaw_port port = {.tensor = t, .bytes = thaw_graph_bytes(graph, t)};
        port.row_bytes = port.bytes / (uint64_t)g->n;
        memcpy(port.name, g->name, sizeof port.name);
        if ((g->storage == THAW_T_FEED || g->output) && g->n != (int32_t)graph->batch)
            p->by_rows = false;
        if (g->storage == THAW_T_FEED && g->parent == THAW_NO_TENSOR)
            p->feeds[p->n_feeds++] = port;
        if (g->output)
            p->outputs[p->n_outputs++] = port;
    }
    return THAW_OK;
}

/* ---- stages -------------------------------------------------------------------------------------- */

/* The last cache is shared with whoever else runs on the machine, and a virtual one may be told of a host's
 * for hundreds of processors: what counts is half of it, and not more than so many times the nearer ones. */
#define FAR_OF_NEAR 8u

/* The same whether the fallback turns out to be needed or not. */
static uint64_t align_of(const thaw_program_options *o)
{
    return o->fallback_dev && o->fallback_dev->align > o->dev->align ? o->fallback_dev->align : o->dev->align;
}

thaw_stage_memory thaw_program_stage_memory(const thaw_program_options *options)
{
    const thaw_device_info *info = &options->dev->info;
    thaw_stage_memory memory = {info->near_cache_bytes, info->cache_bytes / 2, align_of(options)};
    if (memory.far_bytes / FAR_OF_NEAR > memory.near_bytes)
        memory.far_bytes = memory.near_bytes * FAR_OF_NEAR;
    return memory;
}

thaw_status thaw_program_set_rows(thaw_program *p, uint32_t rows, thaw_error *err)
{
    if (rows == 0 || (rows != p->batch && (rows > p->batch || !p->by_rows)))
        return thaw_fail(err, THAW_E_INVALID, "a program of %u rows cannot run on the first %u", p->batch,
                         rows);
    p->wanted = rows;
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
        st = thaw_schedule_make(&b->placement, align_of(b->options), &b->schedule, err);
    if (st == THAW_OK)
        st = plan_memory(b, err);
    if (st == THAW_OK)
        st = take_memory(b, err);
    if (st == THAW_OK)
        st = make_ports(b, err);
    if (st == THAW_OK)
        st = thaw_program_unroll(b->program, &b->placement, &b->schedule, b->vars, err);
    if (st == THAW_OK)
        st = thaw_program_prepare(b->program, &b->placement, &b->memory, b->options, err);
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
