/* phase.c: one phase: its programs, its variables, its epochs. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/events.h"
#include "core/train/run.h"

static const char moment[] = "adam/m/";

thaw_lower_spec thaw_phase_spec(const thaw_run *run, uint32_t index, bool train,
                                const thaw_weights_view *weights, thaw_var_list *list)
{
    return (thaw_lower_spec){
        .net = &run->net,
        .weights = weights,
        .pool_include_pad = run->model->pre.pool_include_pad,
        .batch = (int32_t)run->options->batch_size,
        .from = &run->cut[index],
        .feature_dtype = run->options->cache_dtype,
        .trainable = index == THAW_PHASE_FINETUNE ? run->trainable : NULL,
        .head_trainable = true,
        .bn = run->options->bn,
        .vars = list,
        .train = train,
        .metrics = !train,
        .dropout = run->options->dropout,
        .seed = run->options->seed,
    };
}

/* Lowers for n images: a stepper for full batches and one for the rest, as far as there are such. */
static thaw_status lower_pair(const thaw_run *run, thaw_lower_spec spec, size_t n, thaw_stepper pair[2],
                              thaw_error *err)
{
    thaw_status st = THAW_OK;
    size_t batch = run->options->batch_size;
    if (n >= batch)
        st = thaw_stepper_lower(&spec, run->where, &pair[0], err);
    spec.batch = (int32_t)(n % batch);
    if (st == THAW_OK && spec.batch > 0)
        st = thaw_stepper_lower(&spec, run->where, &pair[1], err);
    return st;
}

static thaw_status prepare_pair(thaw_run *run, thaw_phase *phase, thaw_stepper pair[2], size_t n,
                                thaw_error *err)
{
    thaw_status st = THAW_OK;
    uint64_t epochs = run->options->epochs[phase->index];
    uint64_t runs[2] = {epochs * (n / run->options->batch_size), epochs};
    for (size_t i = 0; st == THAW_OK && i < 2; i++) {
        thaw_program_options options = thaw_program_options_of(run->where, runs[i]);
        options.lane = phase->lane;
        thaw_tell_prepared(&options, run->listener);
        if (pair[i].rows > 0)
            st = thaw_stepper_prepare(&pair[i], phase->vars, &options, err);
    }
    return st;
}

static thaw_status make_io(const thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    uint32_t n = run->cut[phase->index].n;
    const size_t *row_bytes = n > 0 ? run->source.row_bytes : run->source.row_bytes + run->pooled_at;
    return thaw_step_io_create(run->options->batch_size, n > 0 ? n : 1,
                               thaw_source_in_memory(&run->source) ? NULL : row_bytes, &phase->io, err);
}

static uint64_t count_parameters(const thaw_var_list *list)
{
    uint64_t n = 0;
    for (size_t i = 0; i < list->count; i++) {
        const thaw_var_info *v = &list->items[i];
        if (strncmp(v->name, moment, sizeof moment - 1) == 0)
            n += (uint64_t)v->n * (uint64_t)v->h * (uint64_t)v->w * (uint64_t)v->c;
    }
    return n;
}

thaw_status thaw_phase_create(thaw_run *run, uint32_t index, size_t n_train, size_t n_val, thaw_phase *out,
                              thaw_error *err)
{
    thaw_weights_view weights;
    memset(out, 0, sizeof *out);
    out->index = index;
    thaw_weights_of(run->model, &weights);
    thaw_status st =
        lower_pair(run, thaw_phase_spec(run, index, true, &weights, &out->list), n_train, out->train, err);
    if (st == THAW_OK)
        st = lower_pair(run, thaw_phase_spec(run, index, false, &weights, &out->list), n_val, out->val, err);
    if (st == THAW_OK)
        st = thaw_vars_create(run->where->dev, &out->list, &out->vars, err);
    if (st == THAW_OK)
        st = thaw_lane_create(run->where->dev, &out->lane, err);
    /* Training first: it needs most, and the others make do with what it has. */
    if (st == THAW_OK)
        st = prepare_pair(run, out, out->train, n_train, err);
    if (st == THAW_OK)
        st = prepare_pair(run, out, out->val, n_val, err);
    if (st == THAW_OK)
        st = make_io(run, out, err);
    out->parameters = count_parameters(&out->list);
    return st;
}

/* All but the variables. */
static void free_programs(thaw_phase *phase)
{
    for (size_t i = 0; i < 2; i++) {
        thaw_stepper_free(&phase->train[i]);
        thaw_stepper_free(&phase->val[i]);
    }
    thaw_lane_free(phase->lane);
    phase->lane = NULL;
    thaw_step_io_free(&phase->io);
}

void thaw_phase_free(thaw_phase *phase)
{
    free_programs(phase);
    thaw_vars_free(phase->vars);
    thaw_var_list_free(&phase->list);
    memset(phase, 0, sizeof *phase);
}

/* ---- the variables at the start --------------------------------------------------------------------- */

/* Values of a variable: of the checkpoint, or of the model, then maybe in room; NULL: zeros, with which it
 * was created. */
static thaw_status initial_values(const thaw_run *run, const thaw_var_info *v, float *room, const float **out,
                                  thaw_error *err)
{
    const thaw_model *model = run->resumed_model ? run->resumed_model : run->model;
    const thaw_weight *w = NULL;
    size_t at = thaw_model_find(model, v->name);
    *out = NULL;
    if (at < THAW_N_WEIGHTS) {
        w = &model->weights[at];
    } else if (!run->resumed_model) {
        return THAW_OK;
    } else {
        for (size_t i = 0; i < run->resumed_extra.n_tensors && !w; i++)
            if (strcmp(run->resumed_extra.tensors[i].name, v->name) == 0)
                w = &run->resumed_extra.tensors[i];
    }
    size_t count = (size_t)v->n * (size_t)v->h * (size_t)v->w * (size_t)v->c;
    if (!w || w->count != count)
        return thaw_fail(err, THAW_E_FORMAT, "there is no tensor %s of %zu values", v->name, count);
    *out = w->data;
    return w->data ? THAW_OK : thaw_model_values(model, at, room, out, err);
}

static thaw_status set_variables(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    float *room = thaw_model_room(run->model);
    thaw_status st = room ? THAW_OK : thaw_fail_memory(err, sizeof *room, "a tensor");
    for (size_t i = 0; st == THAW_OK && i < thaw_vars_count(phase->vars); i++) {
        const float *values;
        st = initial_values(run, thaw_vars_info(phase->vars, i), room, &values, err);
        if (st == THAW_OK && values)
            st = thaw_vars_set(phase->vars, i, values, err);
    }
    free(room);
    thaw_model_free(run->resumed_model);
    thaw_extra_free(&run->resumed_extra);
    run->resumed_model = NULL;
    run->resumed_extra = (thaw_loaded_extra){0};
    return st;
}

/* ---- epochs ------------------------------------------------------------------------------------------- */

static thaw_status cancelled(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    const thaw_position *p = &run->position;
    thaw_status st = thaw_checkpoint_last(run, phase, err);
    if (st != THAW_OK)
        return st;
    return thaw_fail(err, THAW_E_CANCELLED, "stopped in phase %s, epoch %u, after step %u, as asked: %s",
                     thaw_phase_name(p->phase), p->epoch + 1, p->step,
                     run->options->checkpoint_dir
                         ? "the same command with --resume goes on from there"
                         : "nothing is kept, because no checkpoint folder was named (--checkpoint-dir)");
}

static thaw_status end_epoch(thaw_run *run, thaw_phase *phase, thaw_epoch_record *record, thaw_error *err)
{
    bool stop;
    thaw_status st = thaw_position_end_epoch(&run->position, record, run->options, &stop, err);
    if (st == THAW_OK && record->best)
        st = thaw_snapshot_take(phase->vars, false, &run->best, err);
    if (st != THAW_OK)
        return st;
    thaw_emit(run->listener, THAW_EVENT_EPOCH, record);
    st = thaw_journal_epoch(&run->journal, record, err);
    /* The best before the last: a checkpoint that names a best epoch finds it. */
    if (st == THAW_OK && record->best)
        st = thaw_checkpoint_best(run, err);
    if (st == THAW_OK)
        st = thaw_checkpoint_last(run, phase, err);
    if (st == THAW_OK && stop)
        thaw_emit(run->listener, THAW_EVENT_EARLY_STOP, record);
    return st;
}

static thaw_status one_epoch(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    const thaw_position *p = &run->position;
    thaw_epoch_record record = {.phase = p->phase, .epoch = p->epoch, .lr = run->options->lr[p->phase]};
    double started = thaw_seconds();
    thaw_runtime_span_begin(run->where->runtime, "epoch %u", p->epoch + 1);
    thaw_status st = thaw_epoch_train(run, phase, err);
    if (st == THAW_OK)
        st = thaw_epoch_validate(run, phase, &record.val_loss, &record.val_accuracy, err);
    thaw_runtime_span_end(run->where->runtime);
    if (st == THAW_E_CANCELLED)
        return cancelled(run, phase, err);
    if (st != THAW_OK)
        return st;
    record.loss = p->loss_sum / (double)p->samples;
    record.accuracy = (double)p->hits / (double)p->samples;
    record.seconds = thaw_seconds() - started;
    return end_epoch(run, phase, &record, err);
}

static void announce(const thaw_run *run, const thaw_phase *phase)
{
    const thaw_stepper *stepper = &phase->train[phase->train[0].rows > 0 ? 0 : 1];
    thaw_phase_info info = {.phase = phase->index,
                            .epochs = run->options->epochs[phase->index],
                            .lr = run->options->lr[phase->index],
                            .steps = thaw_steps_of(run->train->n, run->options->batch_size),
                            .parameters = phase->parameters,
                            .macs = stepper->macs,
                            .step_bytes = thaw_lane_bytes(phase->lane),
                            .variable_bytes = thaw_vars_bytes(phase->vars)};
    thaw_emit(run->listener, THAW_EVENT_PHASE, &info);
}

thaw_status thaw_phase_run(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    thaw_status st = set_variables(run, phase, err);
    if (st != THAW_OK)
        return st;
    /* What preparing left behind; from here on a step adds to what is held. */
    thaw_give_back_memory();
    announce(run, phase);
    while (st == THAW_OK && run->position.epoch < run->options->epochs[phase->index])
        st = one_epoch(run, phase, err);
    /* Before the copy, which would otherwise be on top of the most that a run needs. */
    free_programs(phase);
    return st == THAW_OK ? thaw_snapshot_take(phase->vars, false, &run->last, err) : st;
}
