/* rows.c: which rows of the batch a unit has room for, and where they lie. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/graph/stages.h"
#include "core/runtime/schedule.h"

const thaw_stage *thaw_schedule_stage(const thaw_schedule *s, size_t op)
{
    for (size_t k = 0; k < s->n_stages; k++)
        if (op < s->stages[k].end)
            return &s->stages[k];
    return NULL;
}

uint64_t thaw_unit_offset(const thaw_unit *unit, const thaw_stage *stage, uint32_t turn)
{
    return unit->crosses ? (uint64_t)turn * stage->rows / unit->block * unit->block_pitch +
                               (uint64_t)turn * stage->rows % unit->block * unit->row_bytes
                         : 0;
}

uint64_t thaw_unit_turn_bytes(const thaw_unit *unit, const thaw_stage *stage)
{
    return unit->crosses && stage->times > 1 ? stage->rows * unit->row_bytes : unit->bytes;
}

static thaw_status make_stages(const thaw_graph *graph, thaw_schedule *s, thaw_error *err)
{
    s->stages = thaw_calloc(graph->n_ops, sizeof *s->stages);
    if (!s->stages)
        return thaw_fail_memory(err, graph->n_ops * sizeof *s->stages, "the stages");
    for (size_t i = 0; i < graph->n_ops; i++) {
        uint32_t times = thaw_op_times(graph, &graph->ops[i]);
        thaw_stage *last = s->n_stages > 0 ? &s->stages[s->n_stages - 1] : NULL;
        if (last && last->times == times)
            last->end = i + 1;
        else
            s->stages[s->n_stages++] =
                (thaw_stage){.first = i, .end = i + 1, .rows = graph->batch / times, .times = times};
    }
    return THAW_OK;
}

/* What the stages that touch a unit have in common. */
typedef struct reach {
    bool used, several; /* stages */
    const thaw_stage *first;
    uint32_t least, most; /* rows of a turn */
} reach;

static void meet(reach *r, const thaw_stage *stage)
{
    r->several = r->several || (r->used && r->first != stage);
    if (!r->used || stage->rows < r->least)
        r->least = stage->rows;
    if (!r->used || stage->rows > r->most)
        r->most = stage->rows;
    if (!r->used)
        r->first = stage;
    r->used = true;
}

static void meet_all(const thaw_graph *graph, const thaw_schedule *s, reach *reaches)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        const thaw_gop *op = &graph->ops[i];
        const thaw_stage *stage = thaw_schedule_stage(s, i);
        for (uint32_t k = 0; k < op->n_in + op->n_out; k++) {
            uint32_t u = s->unit_of[k < op->n_in ? op->in[k] : op->out[k - op->n_in]];
            if (u != THAW_NO_UNIT)
                meet(&reaches[u], stage);
        }
    }
}

/* Rows lie one behind the other where that puts the first of each turn at a multiple of align. Elsewhere the
 * rows of a turn are a block of their own, which only serves turns of equally many rows. */
static thaw_status lay_rows(const thaw_graph *graph, const reach *r, uint64_t align, thaw_unit *unit,
                            thaw_error *err)
{
    const thaw_gtensor *t = &graph->tensors[unit->tensor];
    unit->crosses = r->several || t->storage == THAW_T_FEED || t->output;
    unit->rows = unit->crosses || !r->used ? graph->batch : r->first->rows;
    unit->row_bytes = unit->bytes / graph->batch;
    uint32_t least = unit->crosses && r->used ? r->least : unit->rows;
    bool dense = least == unit->rows || least * unit->row_bytes % align == 0;
    if (!dense && r->most != least)
        return thaw_fail(err, THAW_E_INVALID,
                         "tensor %s: turns of %u and of %u rows do not all begin at multiples of %llu bytes",
                         t->name, least, r->most, (unsigned long long)align);
    unit->block = dense ? unit->rows : least;
    unit->block_pitch = unit->block * unit->row_bytes;
    if (!dense)
        unit->block_pitch = (unit->block_pitch + align - 1) / align * align;
    unit->bytes = (unit->rows / unit->block - 1) * unit->block_pitch + unit->block * unit->row_bytes;
    return THAW_OK;
}

thaw_status thaw_schedule_rows(const thaw_placement *placement, uint64_t align, thaw_schedule *s,
                               thaw_error *err)
{
    const thaw_graph *graph = &placement->graph;
    reach *reaches = thaw_calloc(s->n_units, sizeof *reaches);
    thaw_status st = reaches ? thaw_stages_check(graph, err)
                             : thaw_fail_memory(err, s->n_units * sizeof *reaches, "the stages");
    if (st == THAW_OK)
        st = make_stages(graph, s, err);
    if (st == THAW_OK)
        meet_all(graph, s, reaches);
    for (size_t u = 0; st == THAW_OK && u < s->n_units; u++) {
        thaw_unit *unit = &s->units[u];
        unit->rows = unit->block = 1;
        unit->row_bytes = unit->block_pitch = unit->bytes;
        if (graph->batch > 0 && graph->tensors[unit->tensor].storage != THAW_T_VAR &&
            graph->tensors[unit->tensor].n == (int32_t)graph->batch)
            st = lay_rows(graph, &reaches[u], align, unit, err);
    }
    free(reaches);
    return st;
}
