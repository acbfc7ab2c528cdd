/* plan_rows.c: the plan in the words of `thaw plan`. */
#include <stdio.h>

#include "core/base/memory.h"
#include "core/runtime/program_state.h"

/* Of the rows that there is room for. */
static uint64_t temp_bytes(const thaw_graph *graph, const thaw_schedule *schedule, const thaw_gop *op)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k < op->n_out; k++) {
        const thaw_unit *unit = &schedule->units[schedule->unit_of[op->out[k]]];
        uint32_t times = unit->crosses ? 1 : thaw_op_times(graph, op);
        if (graph->tensors[op->out[k]].storage == THAW_T_TEMP)
            sum += thaw_graph_bytes(graph, op->out[k]) / times;
    }
    return sum;
}

static void describe_row(const thaw_program *program, const thaw_placement *placement,
                         const thaw_schedule *schedule, size_t i, thaw_row_text *text, thaw_plan_row *row)
{
    const thaw_gop *op = &placement->graph.ops[i];
    const thaw_placed_op *placed = &placement->ops[i];
    const thaw_gtensor *y = &placement->graph.tensors[op->out[0]];
    snprintf(text->label, sizeof text->label, "%s", op->label);
    snprintf(text->algo, sizeof text->algo, "%s", placed->info.name);
    snprintf(text->reason, sizeof text->reason, "%s", placed->reason);
    *row = (thaw_plan_row){
        .op = thaw_op_facts_of(op->kind)->name,
        .label = text->label,
        .device = program->devs[placed->dev]->name,
        .algo = text->algo,
        .reason = text->reason,
        .times = thaw_op_times(&placement->graph, op),
        .macs = thaw_op_macs(&placement->graph, op),
        .bytes = temp_bytes(&placement->graph, schedule, op),
        .workspace_bytes = placed->info.workspace_bytes,
    };
    int32_t n = op->rows > 0 ? (int32_t)op->rows : y->n;
    snprintf(row->shape, sizeof row->shape, "%dx%dx%dx%d", n, y->h, y->w, y->c);
}

thaw_status thaw_program_describe(thaw_program *program, const thaw_placement *placement,
                                  const thaw_schedule *schedule, const thaw_program_memory *memory,
                                  thaw_error *err)
{
    size_t n = placement->graph.n_ops;
    program->rows = thaw_calloc(n, sizeof *program->rows);
    program->row_texts = thaw_calloc(n, sizeof *program->row_texts);
    if (!program->rows || !program->row_texts)
        return thaw_fail_memory(err, n * sizeof *program->row_texts, "the plan");
    for (size_t i = 0; i < n; i++)
        describe_row(program, placement, schedule, i, &program->row_texts[i], &program->rows[i]);
    program->plan = (thaw_plan_summary){
        .n_rows = n,
        .rows = program->rows,
        .fallback_ops = placement->fallback_ops,
        .fallback_bytes = schedule->transfer_bytes,
        .arena_bytes = thaw_program_feed_bytes(memory),
        .arena_naive_bytes = memory->feeds.total_bytes,
        .n_arenas = THAW_MAX_SLOTS * memory->feeds.n_arenas,
    };
    for (size_t d = 0; d < program->n_devs; d++) {
        program->plan.arena_bytes += memory->arenas[d].total_bytes;
        program->plan.n_arenas += memory->arenas[d].n_arenas;
        program->plan.workspace_bytes += schedule->workspace_bytes[d];
        program->plan.arena_naive_bytes += schedule->workspace_bytes[d];
        for (size_t u = 0; u < schedule->n_units; u++)
            if (schedule->units[u].item[d] != THAW_NO_ITEM)
                program->plan.arena_naive_bytes += schedule->units[u].bytes;
    }
    return THAW_OK;
}

const thaw_plan_summary *thaw_program_plan(const thaw_program *program)
{
    return &program->plan;
}
