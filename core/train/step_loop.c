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

/* Fills the io with the next rows of the source's pass and runs. */
static thaw_status run_rows(thaw_run *run, thaw_phase *phase, const thaw_dataset *set, const uint32_t *order,
                            thaw_stepper *stepper, thaw_error *err)
{
    thaw_step_io *io = &phase->io;
    void *out[THAW_MAX_FEATURES] = {NULL};
    uint32_t epoch = epoch_of_run(run), n_cut = run->cut[phase->index].n;
    for (uint32_t t = 0; t < n_cut; t++)
        out[t] = io->features[t];
    if (n_cut == 0)
        out[run->pooled_at] = io->features[0];
    for (int32_t i = 0; i < stepper->rows; i++) {
        io->label[i] = set->labels[order[i]];
        io->key[2 * i] = set->ids[order[i]];
        io->key[2 * i + 1] = epoch;
    }
    thaw_status st = thaw_source_next(&run->source, (size_t)stepper->rows, out, err);
    return st == THAW_OK ? thaw_stepper_run(stepper, io, err) : st;
}

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

static thaw_status one_step(thaw_run *run, thaw_phase *phase, const uint32_t *order, thaw_meter *meter,
                            thaw_error *err)
{
    const thaw_position *p = &run->position;
    size_t at = (size_t)p->step * run->options->batch_size;
    thaw_stepper *stepper = &phase->train[run->train->n - at < run->options->batch_size];
    double started = thaw_seconds();
    thaw_adam_hyper(run->options->lr[p->phase], p->t + 1, phase->io.hyper);
    thaw_status st = run_rows(run, phase, run->train, order + at, stepper, err);
    if (st == THAW_OK)
        st = check_loss(run, phase, phase->io.metrics[0], "training", err);
    return st == THAW_OK ? account(run, phase, stepper->rows, thaw_seconds() - started, meter, err) : st;
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

thaw_status thaw_epoch_train(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    const thaw_position *p = &run->position;
    size_t steps = thaw_steps_of(run->train->n, run->options->batch_size);
    size_t done = (size_t)p->step * run->options->batch_size;
    if (p->step >= steps)
        return THAW_OK;
    uint32_t *order = order_of(run, run->train, run->options->shuffle == THAW_SHUFFLE_EPOCH);
    if (!order)
        return thaw_fail_memory(err, run->train->n * sizeof *order, "the order of the images");
    thaw_meter meter;
    begin_meter(run, &meter, THAW_PASS_TRAIN, done, run->train->n);
    thaw_status st = thaw_source_begin(&run->source, run->train, order + done, run->train->n - done,
                                       mask_of(run, phase), err);
    while (st == THAW_OK && p->step < steps) {
        st = one_step(run, phase, order, &meter, err);
        if (st == THAW_OK && thaw_cancelled(run->where))
            st = THAW_E_CANCELLED;
    }
    thaw_source_end(&run->source);
    free(order);
    return st;
}

thaw_status thaw_epoch_validate(thaw_run *run, thaw_phase *phase, double *loss, double *accuracy,
                                thaw_error *err)
{
    *loss = *accuracy = NAN;
    if (!run->val)
        return THAW_OK;
    size_t n = run->val->n, batch = run->options->batch_size;
    uint32_t *order = order_of(run, run->val, false);
    if (!order)
        return thaw_fail_memory(err, n * sizeof *order, "the order of the images");
    thaw_meter meter;
    begin_meter(run, &meter, THAW_PASS_VALIDATE, 0, n);
    double sum = 0.0, hits = 0.0;
    thaw_status st = thaw_source_begin(&run->source, run->val, order, n, mask_of(run, phase), err);
    for (size_t at = 0; st == THAW_OK && at < n; at += batch) {
        thaw_stepper *stepper = &phase->val[n - at < batch];
        st = run_rows(run, phase, run->val, order + at, stepper, err);
        if (st == THAW_OK)
            st = check_loss(run, phase, phase->io.metrics[0], "validation", err);
        if (st == THAW_OK && thaw_cancelled(run->where))
            st = THAW_E_CANCELLED;
        sum += (double)phase->io.metrics[0];
        hits += (double)phase->io.metrics[1];
        thaw_meter_add(&meter, (size_t)stepper->rows);
    }
    thaw_source_end(&run->source);
    free(order);
    *loss = sum / (double)n;
    *accuracy = hits / (double)n;
    return st;
}
