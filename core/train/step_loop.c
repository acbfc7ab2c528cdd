/* step_loop.c: the steps of an epoch. */
#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/train/adam.h"
#include "core/train/events.h"
#include "core/train/run.h"

size_t thaw_steps_of(size_t n, uint32_t batch)
{
    return n / batch + (n % batch != 0);
}

/* Epochs are counted over both phases, so that no two have the same order or the same dropout. */
static uint32_t epoch_of_run(const thaw_run *run)
{
    const thaw_position *p = &run->position;
    return (p->phase == THAW_PHASE_FINETUNE ? run->options->epochs[THAW_PHASE_HEAD] : 0) + p->epoch;
}

/* The images of the epoch in the order of training; freed by free(). */
static uint32_t *order_of(const thaw_run *run, const thaw_dataset *set, bool shuffled)
{
    uint32_t *order = thaw_calloc(set->n, sizeof *order);
    if (!order)
        return NULL;
    if (shuffled) {
        thaw_random_permutation(run->options->seed, THAW_RNG_SHUFFLE, epoch_of_run(run), order, set->n);
        return order;
    }
    for (size_t i = 0; i < set->n; i++)
        order[i] = (uint32_t)i;
    return order;
}

/* Which of the prefix's tensors the phase reads. */
static uint32_t mask_of(const thaw_run *run, const thaw_phase *phase)
{
    uint32_t n = run->cut[phase->index].n;
    return n > 0 ? (1u << n) - 1 : 1u << run->pooled_at;
}

/* ---- batches ------------------------------------------------------------------------------------- */

/* A pass over images in mini-batches. While the device works on one, the next is gathered and uploaded, but
 * it begins only when the one before is finished and counted: what a checkpoint holds has been counted. */
typedef struct batches {
    thaw_run *run;
    thaw_phase *phase;
    const thaw_dataset *set;
    thaw_stepper *pair;   /* for full batches, and for the last one */
    uint32_t *order;      /* owned */
    size_t at;            /* images that lie in batches gathered so far */
    uint32_t begun;       /* of the pass, for the trace */
    uint64_t t;           /* number of Adam's next step; 0: no training */
    thaw_stepper *staged; /* ready to begin; NULL: none is left */
} batches;

static bool all_gathered(const batches *b)
{
    return b->at >= b->set->n;
}

/* The next rows of the source's pass into the phase's io. */
static thaw_status gather(batches *b, thaw_error *err)
{
    const thaw_run *run = b->run;
    thaw_step_io *io = &b->phase->io;
    void **places[THAW_MAX_FEATURES] = {NULL};
    uint32_t epoch = epoch_of_run(run), n_cut = run->cut[b->phase->index].n;
    thaw_stepper *stepper = &b->pair[b->set->n - b->at < run->options->batch_size];
    for (uint32_t t = 0; t < n_cut; t++)
        places[t] = io->rows[t];
    if (n_cut == 0)
        places[run->pooled_at] = io->rows[0];
    for (int32_t i = 0; i < stepper->rows; i++) {
        uint32_t image = b->order[b->at + (size_t)i];
        io->label[i] = b->set->labels[image];
        io->key[2 * i] = b->set->ids[image];
        io->key[2 * i + 1] = epoch;
    }
    if (b->t > 0)
        thaw_adam_hyper(run->options->lr[b->phase->index], b->t++, io->hyper);
    b->at += (size_t)stepper->rows;
    b->staged = stepper;
    return thaw_source_next(&b->run->source, (size_t)stepper->rows, places, err);
}

/* From image `first` of the set's order on; the first batch is staged. Ended by end_batches, also after an
 * error. */
static thaw_status begin_batches(batches *b, size_t first, bool shuffled, thaw_error *err)
{
    thaw_run *run = b->run;
    size_t n = b->set->n;
    b->at = first;
    b->order = order_of(run, b->set, shuffled);
    if (!b->order)
        return thaw_fail_memory(err, n * sizeof *b->order, "the order of the images");
    thaw_status st =
        thaw_source_begin(&run->source, b->set, b->order + first, n - first, mask_of(run, b->phase), err);
    if (st == THAW_OK)
        st = gather(b, err);
    if (st == THAW_OK)
        st = thaw_stepper_stage(b->staged, &b->phase->io, err);
    return st == THAW_OK ? thaw_stepper_wait(b->staged, err) : st;
}

static void end_batches(batches *b)
{
    thaw_source_end(&b->run->source);
    free(b->order);
}

static thaw_status run_staged(batches *b, thaw_status *later, thaw_error *err)
{
    thaw_stepper *running = b->staged;
    thaw_step_io *io = &b->phase->io;
    thaw_status st = thaw_stepper_begin(running, io, err);
    if (st != THAW_OK)
        return st;
    b->staged = NULL;
    if (!all_gathered(b))
        *later = gather(b, err);
    if (b->staged && *later == THAW_OK)
        st = thaw_stepper_stage(b->staged, io, err);
    return st == THAW_OK ? thaw_stepper_wait(running, *later == THAW_OK ? err : NULL) : st;
}

/* One run, to its end; *rows: of it. A failure to gather the batch behind it is *later, to be looked at once
 * this one is counted. */
static thaw_status run_batch(batches *b, int32_t *rows, thaw_status *later, thaw_error *err)
{
    const thaw_runtime *runtime = b->run->where->runtime;
    bool training = b->t > 0;
    *later = THAW_OK;
    *rows = b->staged->rows;
    thaw_runtime_span_begin(runtime, "%s %u", training ? "step" : "batch", ++b->begun);
    thaw_status st = run_staged(b, later, err);
    thaw_runtime_span_end(runtime);
    return st;
}

/* ---- what comes out ------------------------------------------------------------------------------ */

static thaw_status check_loss(const thaw_run *run, const thaw_phase *phase, float loss, const char *when,
                              thaw_error *err)
{
    const thaw_position *p = &run->position;
    if (isfinite(loss))
        return THAW_OK;
    return thaw_fail(err, THAW_E_CHECK,
                     "the loss is %g in %s of phase %s, epoch %u, step %u: try a learning rate below %g; if "
                     "that does not help, check the device %s with `thaw check`",
                     (double)loss, when, thaw_phase_name(phase->index), p->epoch + 1, p->step + 1,
                     run->options->lr[phase->index], run->where->dev->name);
}

/* Counts a step that has been made, and tells of it. */
static thaw_status account(thaw_run *run, const thaw_phase *phase, int32_t rows, double seconds,
                           thaw_meter *meter, thaw_error *err)
{
    thaw_position *p = &run->position;
    const float *metrics = phase->io.metrics;
    thaw_step_record record = {.phase = p->phase,
                               .epoch = p->epoch,
                               .step = p->step,
                               .lr = run->options->lr[p->phase],
                               .loss = (double)metrics[0] / rows,
                               .accuracy = (double)metrics[1] / rows,
                               .images_per_second = seconds > 0 ? rows / seconds : 0.0};
    p->loss_sum += (double)metrics[0];
    p->hits += (uint64_t)metrics[1];
    p->samples += (uint64_t)rows;
    p->step++;
    p->t++;
    meter->progress.loss = p->loss_sum / (double)p->samples;
    meter->progress.accuracy = (double)p->hits / (double)p->samples;
    thaw_emit(run->listener, THAW_EVENT_STEP, &record);
    thaw_meter_add(meter, (size_t)rows);
    return thaw_journal_step(&run->journal, &record, err);
}

static void begin_meter(const thaw_run *run, thaw_meter *meter, thaw_pass pass, size_t done, size_t total)
{
    const thaw_position *p = &run->position;
    thaw_meter_begin(meter, run->listener,
                     (thaw_progress){.pass = pass,
                                     .done = done,
                                     .total = total,
                                     .phase = p->phase,
                                     .epoch = p->epoch,
                                     .epochs = run->options->epochs[p->phase]});
}

/* The first step of a phase, if somebody is to compute it too; else *out is NULL. */
static thaw_status expect_step(const batches *b, thaw_check_step **out, thaw_error *err)
{
    *out = NULL;
    if (!b->run->where->check_dev || b->run->position.t > 0)
        return THAW_OK;
    return thaw_check_step_expect(b->run, b->phase, b->staged->rows, out, err);
}

static thaw_status train_batches(batches *b, thaw_meter *meter, thaw_check_step *expected, thaw_error *err)
{
    thaw_status st = THAW_OK, later;
    double started = thaw_seconds();
    while (st == THAW_OK && b->staged) {
        int32_t rows;
        st = run_batch(b, &rows, &later, err);
        /* The comparison first: where only one device has no finite loss, it knows more. */
        if (st == THAW_OK && expected && b->run->position.t == 0)
            st = thaw_check_step_compare(b->run, b->phase, expected, err);
        if (st == THAW_OK)
            st = check_loss(b->run, b->phase, b->phase->io.metrics[0], "training", err);
        double now = thaw_seconds();
        if (st == THAW_OK)
            st = account(b->run, b->phase, rows, now - started, meter, err);
        started = now;
        if (st == THAW_OK)
            st = later;
        if (st == THAW_OK && thaw_cancelled(b->run->where))
            st = THAW_E_CANCELLED;
    }
    return st;
}

thaw_status thaw_epoch_train(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    const thaw_position *p = &run->position;
    size_t done = (size_t)p->step * run->options->batch_size;
    if (p->step >= thaw_steps_of(run->train->n, run->options->batch_size))
        return THAW_OK;
    thaw_meter meter;
    thaw_check_step *expected = NULL;
    batches b = {
        .run = run, .phase = phase, .set = run->train, .pair = phase->train, .begun = p->step, .t = p->t + 1};
    begin_meter(run, &meter, THAW_PASS_TRAIN, done, run->train->n);
    thaw_status st = begin_batches(&b, done, run->options->shuffle == THAW_SHUFFLE_EPOCH, err);
    if (st == THAW_OK)
        st = expect_step(&b, &expected, err);
    if (st == THAW_OK)
        st = train_batches(&b, &meter, expected, err);
    thaw_check_step_free(expected);
    end_batches(&b);
    return st;
}

thaw_status thaw_epoch_validate(thaw_run *run, thaw_phase *phase, double *loss, double *accuracy,
                                thaw_error *err)
{
    *loss = *accuracy = NAN;
    if (!run->val)
        return THAW_OK;
    thaw_meter meter;
    thaw_status later;
    double sum = 0.0, hits = 0.0;
    batches b = {.run = run, .phase = phase, .set = run->val, .pair = phase->val};
    begin_meter(run, &meter, THAW_PASS_VALIDATE, 0, run->val->n);
    thaw_runtime_span_begin(run->where->runtime, "validate");
    thaw_status st = begin_batches(&b, 0, false, err);
    while (st == THAW_OK && b.staged) {
        int32_t rows;
        st = run_batch(&b, &rows, &later, err);
        if (st == THAW_OK)
            st = check_loss(run, phase, phase->io.metrics[0], "validation", err);
        if (st == THAW_OK)
            st = later;
        if (st == THAW_OK && thaw_cancelled(run->where))
            st = THAW_E_CANCELLED;
        sum += (double)phase->io.metrics[0];
        hits += (double)phase->io.metrics[1];
        thaw_meter_add(&meter, (size_t)rows);
    }
    end_batches(&b);
    thaw_runtime_span_end(run->where->runtime);
    *loss = sum / (double)run->val->n;
    *accuracy = hits / (double)run->val->n;
    return st;
}
