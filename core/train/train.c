/* train.c: the whole run. */
#include "core/train/train.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/bad.h"
#include "core/train/events.h"
#include "core/train/run.h"

/* Before the work, not after it: whether its result can be written. */
static thaw_status check_places(const thaw_train_options *o, thaw_error *err)
{
    thaw_status st = o->checkpoint_dir ? thaw_make_dirs(o->checkpoint_dir, err) : THAW_OK;
    if (st != THAW_OK || !o->output)
        return st;
    thaw_atomic_file probe = {0};
    st = thaw_atomic_open(o->output, &probe, err);
    thaw_atomic_abandon(&probe);
    return st;
}

/* A disk that is full at the end would cost the whole run. */
static thaw_status check_room(const thaw_run *run, thaw_error *err)
{
    uint64_t bytes = 1u << 20;
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        bytes += (uint64_t)run->model->weights[i].count * sizeof(float);
    const char *output = run->options->output;
    return output ? thaw_room_for(output, bytes, "the model", err) : THAW_OK;
}

static thaw_status prepare(thaw_run *run, thaw_error *err)
{
    thaw_status st = check_places(run->options, err);
    if (st == THAW_OK)
        st = thaw_run_load(run, err);
    if (st == THAW_OK)
        st = check_room(run, err);
    if (st == THAW_OK)
        st = thaw_run_shape(run, err);
    if (st == THAW_OK)
        st = thaw_run_prefix(run, run->train->n + (run->val ? run->val->n : 0), err);
    if (st == THAW_OK)
        st = thaw_fingerprint(run, &run->fingerprint, err);
    if (st != THAW_OK)
        return st;
    thaw_position_begin_phase(&run->position, THAW_PHASE_HEAD, run->options);
    if (run->options->resume)
        st = thaw_checkpoint_resume(run, err);
    return st == THAW_OK ? thaw_journal_open(&run->journal, run->options, run->resumed, err) : st;
}

static thaw_status run_phase(thaw_run *run, uint32_t index, thaw_error *err)
{
    thaw_phase phase;
    thaw_runtime_span_begin(run->where->runtime, "phase %u (%s)", index + 1, thaw_phase_name(index));
    thaw_status st = thaw_phase_create(run, index, run->train->n, run->val ? run->val->n : 0, &phase, err);
    if (st == THAW_OK)
        st = thaw_phase_run(run, &phase, err);
    thaw_phase_free(&phase);
    thaw_runtime_span_end(run->where->runtime);
    return st;
}

/* The second phase starts from where the first ended; with early stopping, as Keras' callback has it, from
 * the best epoch. */
static thaw_status hand_over(thaw_run *run, thaw_error *err)
{
    const thaw_train_options *o = run->options;
    bool best = o->patience > 0 && o->restore_best && run->position.has_best;
    return thaw_snapshot_apply(best ? &run->best : &run->last, run->model, err);
}

static thaw_status run_phases(thaw_run *run, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (uint32_t p = run->position.phase; st == THAW_OK && p < THAW_N_PHASES; p++) {
        if (!run->phase_on[p])
            continue;
        if (p != run->position.phase)
            thaw_position_begin_phase(&run->position, p, run->options);
        st = run_phase(run, p, err);
        if (st == THAW_OK && p == THAW_PHASE_HEAD)
            st = hand_over(run, err);
    }
    return st;
}

/* Puts the weights that are the result into the model, with what is to be said about them. */
static thaw_status finish(thaw_run *run, thaw_error *err)
{
    const thaw_position *p = &run->position;
    bool best = run->options->restore_best && p->has_best;
    thaw_model *model = run->model;
    thaw_status st = thaw_snapshot_apply(best ? &run->best : &run->last, model, err);
    if (st != THAW_OK)
        return st;
    free(model->trainable);
    free(model->history);
    st = thaw_describe_training(run, best ? p->best_phase : p->phase, model, err);
    if (st != THAW_OK || !run->options->output)
        return st;
    st = thaw_model_save(model, run->options->output, NULL, err);
    if (st == THAW_OK)
        thaw_emit(run->listener, THAW_EVENT_SAVED, run->options->output);
    return st;
}

static void hand_out(thaw_run *run, bool model, thaw_train_result *out)
{
    thaw_position *p = &run->position;
    out->epochs = p->epochs;
    out->n_epochs = p->n_epochs;
    out->has_best = p->has_best;
    out->best_phase = p->best_phase;
    out->best_epoch = p->best_epoch;
    out->best_val_loss = p->best_val_loss;
    p->epochs = NULL;
    if (model) {
        out->model = run->model;
        run->model = NULL;
    }
}

thaw_status thaw_train(const thaw_train_options *options, const thaw_where *where,
                       const thaw_listener *listener, thaw_train_result *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_status st = thaw_train_check(options, err);
    if (st != THAW_OK)
        return st;
    thaw_run *run = thaw_calloc(1, sizeof *run);
    if (!run)
        return thaw_fail_memory(err, sizeof *run, "a run");
    run->options = options;
    run->where = where;
    run->listener = listener;
    run->result = out;
    thaw_runtime_span_begin(where->runtime, "set-up");
    st = prepare(run, err);
    thaw_runtime_span_end(where->runtime);
    if (st == THAW_OK)
        st = thaw_run_features(run, err);
    if (st == THAW_OK)
        st = run_phases(run, err);
    if (st == THAW_OK)
        st = finish(run, err);
    hand_out(run, st == THAW_OK, out);
    thaw_run_free(run);
    free(run);
    return st;
}

void thaw_train_result_free(thaw_train_result *result)
{
    free(result->epochs);
    thaw_bad_free(result->bad, result->n_bad);
    thaw_model_free(result->model);
    memset(result, 0, sizeof *result);
}
