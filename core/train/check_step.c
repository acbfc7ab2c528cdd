/* check_step.c: the first step of a phase on two devices. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/events.h"
#include "core/train/run.h"

/* Sums in another order differ by far less; a kernel that is wrong differs by far more. */
#define LOSS_TOLERANCE   1e-3
#define TENSOR_TOLERANCE 2e-2
/* A gradient that is all but nothing is what rounding left of larger numbers: it is measured by the share
 * that it has in the gradient of everything. */
#define LEAST_SHARE 1e-5

struct thaw_check_step {
    thaw_vars *vars; /* after the step */
    float loss;
};

void thaw_check_step_free(thaw_check_step *check)
{
    if (!check)
        return;
    thaw_vars_free(check->vars);
    free(check);
}

static size_t count_of(const thaw_var_info *v)
{
    return (size_t)v->n * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}

/* Room for two copies of the largest variable; freed by free(). */
static float *make_room(const thaw_vars *vars, size_t *count, thaw_error *err)
{
    *count = 0;
    for (size_t i = 0; i < thaw_vars_count(vars); i++)
        if (count_of(thaw_vars_info(vars, i)) > *count)
            *count = count_of(thaw_vars_info(vars, i));
    float *room = thaw_calloc(*count, 2 * sizeof *room);
    if (!room)
        thaw_fail_memory(err, 2 * *count * sizeof *room, "a copy of a variable");
    return room;
}

static thaw_status copy_vars(thaw_vars *from, thaw_vars *to, thaw_error *err)
{
    size_t count;
    float *room = make_room(from, &count, err);
    if (!room)
        return THAW_E_NO_MEMORY;
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < thaw_vars_count(from); i++) {
        st = thaw_vars_get(from, i, room, err);
        if (st == THAW_OK)
            st = thaw_vars_set(to, i, room, err);
    }
    free(room);
    return st;
}

static thaw_status compute(const thaw_run *run, thaw_phase *phase, int32_t rows, thaw_vars *vars,
                           thaw_step_io *io, thaw_error *err)
{
    thaw_weights_view weights;
    thaw_stepper stepper;
    const thaw_program_options options = {.dev = run->where->check_dev,
                                          .runs = 1,
                                          .log = run->where->log,
                                          .prepare_threads = run->where->decode_threads};
    thaw_weights_of(run->model, &weights);
    thaw_lower_spec spec = thaw_phase_spec(run, phase->index, true, &weights, &phase->list);
    spec.batch = rows;
    thaw_status st = thaw_stepper_lower(&spec, NULL, &stepper, err);
    if (st == THAW_OK)
        st = thaw_stepper_prepare(&stepper, vars, &options, err);
    if (st == THAW_OK)
        st = thaw_stepper_run(&stepper, io, err);
    thaw_stepper_free(&stepper);
    return st;
}

thaw_status thaw_check_step_expect(const thaw_run *run, thaw_phase *phase, int32_t rows,
                                   thaw_check_step **out, thaw_error *err)
{
    thaw_step_io io = phase->io; /* with metrics of its own */
    thaw_check_step *check = thaw_calloc(1, sizeof *check);
    if (!check)
        return thaw_fail_memory(err, sizeof *check, "the check of a step");
    thaw_status st = thaw_vars_create(run->where->check_dev, &phase->list, &check->vars, err);
    if (st == THAW_OK)
        st = copy_vars(phase->vars, check->vars, err);
    if (st == THAW_OK)
        st = compute(run, phase, rows, check->vars, &io, err);
    check->loss = io.metrics[0];
    if (st == THAW_OK)
        *out = check;
    else
        thaw_check_step_free(check);
    return st;
}

/* ---- the comparison ------------------------------------------------------------------------------ */

typedef struct comparison {
    double difference; /* squares, summed */
    double size;       /* likewise, of what was expected */
} comparison;

/* After its first step m is a tenth of the gradient; the moments know more than the weights, of which that
 * step takes little but the sign. Moving statistics have no moments and are compared themselves. */
static bool is_compared(const thaw_phase *phase, const thaw_var_info *v)
{
    char moment[sizeof v->name + sizeof "adam/m/"];
    snprintf(moment, sizeof moment, "adam/m/%s", v->name);
    return thaw_var_find(&phase->list, moment) == UINT32_MAX;
}

static comparison compare(const float *got, const float *want, size_t n)
{
    comparison c = {0, 0};
    for (size_t i = 0; i < n; i++) {
        double d = (double)got[i] - (double)want[i];
        c.difference += d * d;
        c.size += (double)want[i] * (double)want[i];
    }
    return c;
}

/* Fills one comparison a variable; of those that are not compared, with zeros. */
static thaw_status compare_all(const thaw_phase *phase, const thaw_check_step *expected, comparison *all,
                               thaw_error *err)
{
    size_t room;
    float *got = make_room(phase->vars, &room, err);
    if (!got)
        return THAW_E_NO_MEMORY;
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < thaw_vars_count(phase->vars); i++) {
        const thaw_var_info *v = thaw_vars_info(phase->vars, i);
        if (!is_compared(phase, v))
            continue;
        st = thaw_vars_get(phase->vars, i, got, err);
        if (st == THAW_OK)
            st = thaw_vars_get(expected->vars, i, got + room, err);
        if (st == THAW_OK)
            all[i] = compare(got, got + room, count_of(v));
    }
    free(got);
    return st;
}

/* Gradients are compared with gradients, squares with squares. */
static size_t kind_of(const thaw_var_info *v)
{
    return strncmp(v->name, "adam/m/", 7) == 0 ? 0 : strncmp(v->name, "adam/v/", 7) == 0 ? 1 : 2;
}

/* Index of the variable that differs most, and by how much. */
static size_t find_worst(const thaw_phase *phase, const comparison *all, double *worst)
{
    double whole[3] = {0, 0, 0};
    size_t at = 0, n = thaw_vars_count(phase->vars);
    for (size_t i = 0; i < n; i++)
        whole[kind_of(thaw_vars_info(phase->vars, i))] += all[i].size;
    *worst = 0;
    for (size_t i = 0; i < n; i++) {
        double least = LEAST_SHARE * sqrt(whole[kind_of(thaw_vars_info(phase->vars, i))]);
        double size = fmax(sqrt(all[i].size), least);
        double share = all[i].difference == 0 ? 0 : sqrt(all[i].difference) / size;
        if (share <= *worst) /* NaN is worse than all */
            continue;
        *worst = share;
        at = i;
        if (isnan(share))
            break;
    }
    return at;
}

static thaw_status judge(const thaw_run *run, const thaw_check_record *r, thaw_error *err)
{
    if (r->loss <= LOSS_TOLERANCE && r->gradients <= TENSOR_TOLERANCE)
        return THAW_OK;
    const char *device = run->where->dev->name;
    return thaw_fail(err, THAW_E_CHECK,
                     "step 1 of phase %s is not the same on %s and on %s: the loss differs by %.1e (%.0e is "
                     "allowed), %s by %.1e (%.0e); see which op is wrong with `thaw check --device %s`, keep "
                     "wrong algorithms out with `thaw devices --self-test`, or train on %s",
                     thaw_phase_name(r->phase), device, r->device, r->loss, LOSS_TOLERANCE, r->worst_tensor,
                     r->gradients, TENSOR_TOLERANCE, device, r->device);
}

thaw_status thaw_check_step_compare(const thaw_run *run, const thaw_phase *phase,
                                    const thaw_check_step *expected, thaw_error *err)
{
    if (!isfinite(phase->io.metrics[0]) && !isfinite(expected->loss))
        return THAW_OK; /* they agree, and the run ends all the same */
    comparison *all = thaw_calloc(thaw_vars_count(phase->vars), sizeof *all);
    if (!all)
        return thaw_fail_memory(err, thaw_vars_count(phase->vars) * sizeof *all, "a comparison");
    thaw_check_record record = {.phase = phase->index, .device = run->where->check_dev->name};
    double got = (double)phase->io.metrics[0], want = (double)expected->loss;
    record.loss = got == want ? 0 : fabs(got - want) / fabs(want);
    thaw_status st = compare_all(phase, expected, all, err);
    if (st == THAW_OK) {
        size_t at = find_worst(phase, all, &record.gradients);
        record.worst_tensor = thaw_vars_info(phase->vars, at)->name;
        st = judge(run, &record, err);
    }
    if (st == THAW_OK)
        thaw_emit(run->listener, THAW_EVENT_CHECKED, &record);
    free(all);
    return st;
}
