/* outline.c: what a recipe would run. */
#include <stdlib.h>

#include "core/api/api.h"
#include "core/base/memory.h"

/* The report with what its pointers need. */
typedef struct held_outline {
    thaw_outline report; /* first: it is what the caller has */
    thaw_session session;
    thaw_run_plan plan;
    thaw_outline_program *programs;
    const thaw_outline_program **pointers;
} held_outline;

static thaw_status copy_rows(const thaw_plan_summary *plan, thaw_outline_program *out, thaw_error *err)
{
    thaw_outline_row *rows = thaw_calloc(plan->n_rows, sizeof *rows);
    if (!rows)
        return thaw_fail_memory(err, plan->n_rows * sizeof *rows, "the table of a program");
    for (size_t i = 0; i < plan->n_rows; i++) {
        const thaw_plan_row *row = &plan->rows[i];
        rows[i] = (thaw_outline_row){.op = row->op,
                                     .layer = row->label,
                                     .device = row->device,
                                     .algorithm = row->algo,
                                     .reason = row->reason,
                                     .shape = row->shape,
                                     .macs = row->macs,
                                     .bytes = row->bytes,
                                     .workspace_bytes = row->workspace_bytes,
                                     .times = row->times};
    }
    out->rows = rows;
    out->n_rows = (uint32_t)plan->n_rows;
    return THAW_OK;
}

static thaw_status describe(const thaw_planned *planned, thaw_outline_program *out, thaw_error *err)
{
    const thaw_plan_summary *plan = thaw_program_plan(planned->program);
    *out = (thaw_outline_program){.name = planned->name,
                                  .batch = (uint32_t)planned->batch,
                                  .macs = planned->macs,
                                  .arena_bytes = plan->arena_bytes,
                                  .arena_naive_bytes = plan->arena_naive_bytes,
                                  .workspace_bytes = plan->workspace_bytes,
                                  .variable_bytes = planned->variable_bytes,
                                  .fallback_ops = plan->fallback_ops,
                                  .fallback_bytes = plan->fallback_bytes};
    return copy_rows(plan, out, err);
}

static thaw_status fill_report(held_outline *held, thaw_error *err)
{
    size_t n = held->plan.count;
    held->programs = thaw_calloc(n, sizeof *held->programs);
    held->pointers = thaw_calloc(n, sizeof *held->pointers);
    if (!held->programs || !held->pointers)
        return thaw_fail_memory(err, n * sizeof *held->programs, "the list of programs");
    held->report = (thaw_outline){.struct_size = sizeof held->report,
                                  .n_programs = (uint32_t)n,
                                  .programs = held->pointers,
                                  .feature_bytes = held->plan.feature_bytes};
    for (size_t i = 0; i < n; i++) {
        held->pointers[i] = &held->programs[i];
        thaw_status st = describe(&held->plan.items[i], &held->programs[i], err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status load_start(const thaw_train_options *options, thaw_model **out, thaw_error *err)
{
    const char *path = options->init ? options->init : options->weights;
    if (!path)
        return thaw_fail(err, THAW_E_INVALID, "a recipe needs `weights` or `init` to start from");
    return thaw_model_load(path, &options->import, out, err);
}

thaw_status thaw_recipe_outline(thaw_context *context, const thaw_recipe *recipe, uint32_t n_classes,
                                thaw_outline **out, thaw_error *err)
{
    thaw_recipe given;
    thaw_train_options options;
    thaw_model *model = NULL;
    held_outline *held = thaw_calloc(1, sizeof *held);
    if (!held)
        return thaw_fail_memory(err, sizeof *held, "an outline");
    held->session.runtime = context->runtime;
    thaw_recipe_init(&given, sizeof given);
    thaw_status st = thaw_read_options(&given, sizeof given, recipe, "thaw_recipe", err);
    if (st == THAW_OK)
        st = thaw_recipe_translate(&given, &options, err);
    if (st == THAW_OK)
        st = load_start(&options, &model, err);
    if (st == THAW_OK)
        st = thaw_session_open(context, given.device, given.on_decline, &held->session, err);
    if (st == THAW_OK) {
        held->session.where.prefix_batch = given.prefix_batch;
        st = thaw_permit(given.precision, given.exact, &held->session.where, err);
    }
    if (st == THAW_OK) {
        st = thaw_plan_run(&options, model, n_classes, &held->session.where, &held->plan, err);
    }
    if (st == THAW_OK)
        st = fill_report(held, err);
    thaw_model_free(model);
    if (st != THAW_OK) {
        thaw_outline_free(&held->report);
        return st;
    }
    *out = &held->report;
    return THAW_OK;
}

void thaw_outline_free(thaw_outline *outline)
{
    held_outline *held = (held_outline *)outline;
    if (!held)
        return;
    for (size_t i = 0; held->programs && i < held->plan.count; i++)
        free((void *)held->programs[i].rows);
    free(held->programs);
    free(held->pointers);
    thaw_run_plan_free(&held->plan);
    thaw_session_close(&held->session);
    free(held);
}
