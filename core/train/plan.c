/* plan.c: the programs of a run, without its images. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/run.h"

/* The item takes the program over. */
static void take(thaw_run_plan *plan, const char *phase, const char *what, thaw_program **program,
                 int32_t batch, uint64_t macs_of_row, uint64_t variable_bytes)
{
    thaw_planned *item = &plan->items[plan->count++];
    *item = (thaw_planned){.batch = batch,
                           .program = *program,
                           .macs = macs_of_row * (uint64_t)batch,
                           .variable_bytes = variable_bytes};
    snprintf(item->name, sizeof item->name, "%s%s%s", phase, *phase ? ": " : "", what);
    *program = NULL;
}

static thaw_status plan_phase(thaw_run *run, uint32_t index, thaw_run_plan *out, thaw_error *err)
{
    thaw_phase phase;
    uint32_t batch = run->options->batch_size;
    thaw_status st = thaw_phase_create(run, index, batch, batch, &phase, err);
    if (st == THAW_OK) {
        uint64_t bytes = thaw_vars_bytes(phase.vars);
        const char *name = thaw_phase_name(index);
        take(out, name, "training step", &phase.train[0].program, (int32_t)batch, phase.train[0].macs, bytes);
        take(out, name, "validation step", &phase.val[0].program, (int32_t)batch, phase.val[0].macs, bytes);
        out->vars[index] = phase.vars;
        out->lanes[index] = phase.lane;
        phase.vars = NULL;
        phase.lane = NULL;
    }
    thaw_phase_free(&phase);
    return st;
}

/* The model with a head of zeros for n_classes, so that nothing of the caller's changes; base weights stay
 * the caller's. */
static thaw_status with_head(const thaw_model *model, uint32_t n_classes, thaw_model *out, thaw_error *err)
{
    *out = *model;
    out->n_classes = n_classes;
    out->class_names = NULL;
    for (size_t i = THAW_W_HEAD_KERNEL; i <= THAW_W_HEAD_BIAS; i++) {
        thaw_weight *w = &out->weights[i];
        w->count = i == THAW_W_HEAD_KERNEL ? (size_t)THAW_N_FEATURES * n_classes : n_classes;
        w->data = thaw_calloc(w->count, sizeof *w->data);
        if (!w->data)
            return thaw_fail_memory(err, w->count * sizeof *w->data, w->name);
    }
    return THAW_OK;
}

static thaw_status plan_all(thaw_run *run, thaw_run_plan *out, thaw_error *err)
{
    thaw_status st = thaw_run_shape(run, err);
    if (st == THAW_OK)
        st = thaw_run_prefix(run, 0, err);
    if (st != THAW_OK)
        return st;
    for (size_t t = 0; t < run->source.n; t++)
        out->feature_bytes += run->source.row_bytes[t];
    thaw_prefix *prefix = &run->source.prefix;
    take(out, "", "prefix", &prefix->program, (int32_t)prefix->batch, prefix->macs, 0);
    for (uint32_t p = 0; st == THAW_OK && p < THAW_N_PHASES; p++)
        if (run->phase_on[p])
            st = plan_phase(run, p, out, err);
    return st;
}

thaw_status thaw_plan_run(const thaw_train_options *options, const thaw_model *model, uint32_t n_classes,
                          const thaw_where *where, thaw_run_plan *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_model view;
    thaw_run *run = thaw_calloc(1, sizeof *run);
    if (!run)
        return thaw_fail_memory(err, sizeof *run, "a run");
    thaw_status st = n_classes < 2 ? thaw_fail(err, THAW_E_INVALID, "%u classes: at least two", n_classes)
                                   : thaw_train_check(options, err);
    if (st != THAW_OK)
        goto cleanup;
    run->options = options;
    run->where = where;
    st = with_head(model, n_classes, &view, err);
    run->model = &view;
    if (options->input_size > 0)
        view.pre.input_size = options->input_size;
    if (st == THAW_OK)
        st = plan_all(run, out, err);
    run->model = NULL; /* a view: not the run's to free */
    for (size_t i = THAW_W_HEAD_KERNEL; i <= THAW_W_HEAD_BIAS; i++)
        if (view.weights[i].data != model->weights[i].data)
            free(view.weights[i].data);
cleanup:
    thaw_run_free(run);
    free(run);
    return st;
}

void thaw_run_plan_free(thaw_run_plan *plan)
{
    for (size_t i = 0; i < plan->count; i++)
        thaw_program_free(plan->items[i].program);
    for (size_t p = 0; p < THAW_N_PHASES; p++) {
        thaw_lane_free(plan->lanes[p]);
        thaw_vars_free(plan->vars[p]);
    }
    memset(plan, 0, sizeof *plan);
}
