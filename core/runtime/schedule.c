#include "core/runtime/schedule.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

typedef struct scheduler {
    const thaw_placement *placement;
    const thaw_graph *graph;
    thaw_schedule *out;
    uint8_t *valid;   /* of each unit: bit d: device d has the contents */
    uint8_t *written; /* of each unit: by an op */
} scheduler;

/* ---- units --------------------------------------------------------------------------------------- */

static uint32_t find_variable(const scheduler *s, uint32_t var)
{
    for (size_t u = 0; u < s->out->n_units; u++) {
        const thaw_gtensor *t = &s->graph->tensors[s->out->units[u].tensor];
        if (t->storage == THAW_T_VAR && t->var == var)
            return (uint32_t)u;
    }
    return THAW_NO_UNIT;
}

static void add_unit(scheduler *s, uint32_t root)
{
    const thaw_gtensor *t = &s->graph->tensors[root];
    uint32_t unit = t->storage == THAW_T_VAR ? find_variable(s, t->var) : THAW_NO_UNIT;
    if (unit == THAW_NO_UNIT) {
        unit = (uint32_t)s->out->n_units++;
        s->out->units[unit] = (thaw_unit){.tensor = root, .bytes = thaw_graph_bytes(s->graph, root)};
        if (t->storage == THAW_T_VAR)
            s->valid[unit] = 1u << THAW_HOME;
    }
    s->out->unit_of[root] = unit;
}

static thaw_status make_units(scheduler *s, thaw_error *err)
{
    size_t n = s->graph->n_tensors;
    s->out->unit_of = thaw_calloc(n, sizeof *s->out->unit_of);
    s->out->units = thaw_calloc(n, sizeof *s->out->units);
    s->valid = thaw_calloc(n, 1);
    s->written = thaw_calloc(n, 1);
    if (!s->out->unit_of || !s->out->units || !s->valid || !s->written)
        return thaw_fail_memory(err, n * sizeof *s->out->units, "the schedule");
    for (uint32_t t = 0; t < n; t++) {
        s->out->unit_of[t] = THAW_NO_UNIT;
        if (s->graph->tensors[t].parent == THAW_NO_TENSOR && s->graph->tensors[t].storage != THAW_T_CONST)
            add_unit(s, t);
    }
    for (uint32_t t = 0; t < n; t++)
        s->out->unit_of[t] = s->out->unit_of[thaw_graph_root(s->graph, t)];
    return THAW_OK;
}

/* What outlives a turn of a stage is in use during all turns of it. */
static void touch(const scheduler *s, thaw_unit *unit, uint32_t dev, size_t time)
{
    const thaw_stage *stage = thaw_schedule_stage(s->out, time);
    bool turns = unit->crosses && stage && stage->times > 1;
    if (!unit->life[dev].used)
        unit->life[dev].first = turns ? stage->first : time;
    unit->life[dev].used = true;
    unit->life[dev].last = turns ? stage->end - 1 : time;
}

/* ---- steps --------------------------------------------------------------------------------------- */

static thaw_status add_step(scheduler *s, thaw_step step, thaw_error *err)
{
    void *items = s->out->steps;
    if (!thaw_grow(&items, &s->out->step_capacity, s->out->n_steps + 1, sizeof *s->out->steps))
        return thaw_fail_memory(err, sizeof step, "the schedule");
    s->out->steps = items;
    s->out->steps[s->out->n_steps++] = step;
    return THAW_OK;
}

static uint32_t lowest_device(uint8_t mask)
{
    return (uint32_t)__builtin_ctz(mask);
}

/* Has the contents of a unit that is valid somewhere copied to dev, if they are not there. */
static thaw_status bring(scheduler *s, uint32_t u, uint32_t dev, size_t time, thaw_error *err)
{
    if (s->valid[u] & (1u << dev))
        return THAW_OK;
    thaw_unit *unit = &s->out->units[u];
    uint32_t from = lowest_device(s->valid[u]);
    const thaw_stage *stage = thaw_schedule_stage(s->out, time);
    uint64_t bytes = stage ? thaw_unit_turn_bytes(unit, stage) : unit->bytes;
    touch(s, unit, from, time);
    touch(s, unit, dev, time);
    s->valid[u] |= (uint8_t)(1u << dev);
    s->out->transfer_bytes += bytes * (stage ? stage->times : 1);
    if (bytes > s->out->transfer_max)
        s->out->transfer_max = bytes;
    return add_step(
        s, (thaw_step){.kind = THAW_STEP_TRANSFER, .dev = dev, .from_dev = from, .unit = u, .op = time}, err);
}

static thaw_status read_unit(scheduler *s, uint32_t tensor, uint32_t dev, size_t time, thaw_error *err)
{
    uint32_t u = s->out->unit_of[tensor];
    if (u == THAW_NO_UNIT)
        return THAW_OK;
    if (!s->valid[u])
        return thaw_fail(err, THAW_E_INVALID, "%s reads tensor %s, which nothing has written",
                         s->graph->ops[time].label, s->graph->tensors[tensor].name);
    thaw_status st = bring(s, u, dev, time, err);
    touch(s, &s->out->units[u], dev, time);
    return st;
}

static thaw_status write_unit(scheduler *s, uint32_t tensor, uint32_t dev, size_t time, thaw_error *err)
{
    const thaw_gtensor *t = &s->graph->tensors[tensor];
    uint32_t u = s->out->unit_of[tensor];
    if (u == THAW_NO_UNIT || t->storage == THAW_T_FEED)
        return thaw_fail(err, THAW_E_INVALID, "%s writes tensor %s, which is %s", s->graph->ops[time].label,
                         t->name, u == THAW_NO_UNIT ? "a constant" : "handed in from outside");
    bool partial = t->parent != THAW_NO_TENSOR;
    if (partial && s->valid[u]) {
        thaw_status st = bring(s, u, dev, time, err);
        if (st != THAW_OK)
            return st;
    }
    touch(s, &s->out->units[u], dev, time);
    s->valid[u] = (uint8_t)(1u << dev);
    s->written[u] = 1;
    return THAW_OK;
}

static thaw_status schedule_op(scheduler *s, size_t i, thaw_error *err)
{
    const thaw_gop *op = &s->graph->ops[i];
    uint32_t dev = s->placement->ops[i].dev;
    for (uint32_t k = 0; k < op->n_in; k++) {
        thaw_status st = read_unit(s, op->in[k], dev, i, err);
        if (st != THAW_OK)
            return st;
    }
    for (uint32_t k = 0; k < op->n_out; k++) {
        thaw_status st = write_unit(s, op->out[k], dev, i, err);
        if (st != THAW_OK)
            return st;
    }
    return add_step(s, (thaw_step){.kind = THAW_STEP_OP, .dev = dev, .op = i}, err);
}

/* A feed goes straight to each device that reads it. */
static thaw_status schedule_feeds(scheduler *s, thaw_error *err)
{
    for (size_t i = 0; i < s->graph->n_ops; i++)
        for (uint32_t k = 0; k < s->graph->ops[i].n_in; k++) {
            uint32_t root = thaw_graph_root(s->graph, s->graph->ops[i].in[k]);
            if (s->graph->tensors[root].storage == THAW_T_FEED)
                s->valid[s->out->unit_of[root]] |= (uint8_t)(1u << s->placement->ops[i].dev);
        }
    for (uint32_t t = 0; t < s->graph->n_tensors; t++) {
        const thaw_gtensor *g = &s->graph->tensors[t];
        if (g->storage != THAW_T_FEED || g->parent != THAW_NO_TENSOR)
            continue;
        uint32_t u = s->out->unit_of[t];
        if (g->output && !s->valid[u])
            s->valid[u] = 1u << THAW_HOME;
        for (uint32_t dev = 0; dev < THAW_MAX_DEVS; dev++) {
            if (!(s->valid[u] & (1u << dev)))
                continue;
            touch(s, &s->out->units[u], dev, 0);
            thaw_status st =
                add_step(s, (thaw_step){.kind = THAW_STEP_UPLOAD, .dev = dev, .unit = u, .tensor = t}, err);
            if (st != THAW_OK)
                return st;
        }
    }
    return THAW_OK;
}

static thaw_status bring_variables_home(scheduler *s, thaw_error *err)
{
    for (uint32_t u = 0; u < s->out->n_units; u++) {
        if (s->graph->tensors[s->out->units[u].tensor].storage != THAW_T_VAR || !s->written[u])
            continue;
        thaw_status st = bring(s, u, THAW_HOME, s->graph->n_ops, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status schedule_outputs(scheduler *s, thaw_error *err)
{
    for (uint32_t t = 0; t < s->graph->n_tensors; t++) {
        const thaw_gtensor *g = &s->graph->tensors[t];
        if (!g->output)
            continue;
        uint32_t u = s->out->unit_of[t];
        if (u == THAW_NO_UNIT || g->parent != THAW_NO_TENSOR)
            return thaw_fail(err, THAW_E_INVALID, "tensor %s cannot be an output: it is %s", g->name,
                             u == THAW_NO_UNIT ? "a constant" : "a slice of another tensor");
        if (!s->valid[u])
            return thaw_fail(err, THAW_E_INVALID, "tensor %s is an output, but no op writes it", g->name);
        uint32_t dev = lowest_device(s->valid[u]);
        touch(s, &s->out->units[u], dev, s->graph->n_ops);
        thaw_status st =
            add_step(s, (thaw_step){.kind = THAW_STEP_DOWNLOAD, .dev = dev, .unit = u, .tensor = t}, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

thaw_status thaw_schedule_make(const thaw_placement *placement, uint64_t align, thaw_schedule *out,
                               thaw_error *err)
{
    memset(out, 0, sizeof *out);
    scheduler s = {.placement = placement, .graph = &placement->graph, .out = out};
    thaw_status st = make_units(&s, err);
    if (st == THAW_OK)
        st = thaw_schedule_rows(placement, align, out, err);
    if (st == THAW_OK)
        st = schedule_feeds(&s, err);
    for (size_t i = 0; st == THAW_OK && i < s.graph->n_ops; i++)
        st = schedule_op(&s, i, err);
    if (st == THAW_OK)
        st = bring_variables_home(&s, err);
    if (st == THAW_OK)
        st = schedule_outputs(&s, err);
    free(s.valid);
    free(s.written);
    return st;
}

void thaw_schedule_free(thaw_schedule *schedule)
{
    free(schedule->unit_of);
    free(schedule->units);
    free(schedule->stages);
    free(schedule->steps);
    free(schedule->workspace);
    for (size_t d = 0; d < THAW_MAX_DEVS; d++)
        free(schedule->items[d]);
    memset(schedule, 0, sizeof *schedule);
}
