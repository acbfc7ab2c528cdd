/* tune.c: the search: all ops, the costliest first. */
#include "core/tune/tune.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/tune/ops.h"

#define SEED 1u

bool tune_out_of_time(const tune_search *s)
{
    return tune_now() - s->start >= s->options->seconds;
}

bool tune_stopped(const tune_search *s)
{
    return s->options->cancel && *s->options->cancel;
}

thaw_status tune_fail_stopped(thaw_error *err)
{
    return thaw_fail(err, THAW_E_CANCELLED,
                     "stopped, as asked; what was found is kept, and the next search goes on from there");
}

static void count(tune_search *s, const tune_op *op, const thaw_choice *choice, bool known)
{
    thaw_tune_summary *sum = s->summary;
    if (!choice) {
        sum->skipped++;
        return;
    }
    sum->known += known;
    sum->tried += !known;
    sum->faster += strcmp(choice->algo, choice->default_algo) != 0;
    sum->default_seconds += 1e-9 * (double)choice->default_nanoseconds * (double)op->places;
    sum->tuned_seconds += 1e-9 * (double)choice->nanoseconds * (double)op->places;
}

static void report(tune_search *s, const thaw_tune_ops *ops, size_t i, const thaw_choice *choice, bool known,
                   const char *rejected, const char *note)
{
    const thaw_tune_report r = {.index = i,
                                .total = ops->count,
                                .signature = ops->items[i].signature,
                                .choice = choice,
                                .known = known,
                                .rejected = rejected,
                                .note = note};
    count(s, &ops->items[i], choice, known);
    if (s->options->on_op)
        s->options->on_op(s->options->ctx, &r);
}

/* An op that cannot be tried is left out, and tried again another time. */
static thaw_status try_op(tune_search *s, const thaw_tune_ops *ops, size_t i, thaw_error *err)
{
    char rejected[TUNE_REJECTED_MAX];
    thaw_choice choice;
    thaw_error why = {0};
    thaw_status st = tune_race(s, &ops->items[i], &choice, rejected, &why);
    if (st == THAW_OK) {
        st = thaw_tune_append(s->options->path, &choice, rejected, err);
        if (st == THAW_OK)
            report(s, ops, i, &choice, false, rejected, "");
        return st;
    }
    if (st == THAW_E_CANCELLED || st == THAW_E_DEVICE_LOST)
        return thaw_fail(err, st, "%s", why.text);
    report(s, ops, i, NULL, false, rejected, why.text);
    return THAW_OK;
}

static int by_cost(const void *a, const void *b)
{
    const tune_op *x = a, *y = b;
    double cost_x = x->cost * (double)x->places, cost_y = y->cost * (double)y->places;
    /* The signature, so that the order is the same each time. */
    return cost_x != cost_y ? (cost_x < cost_y) - (cost_x > cost_y) : strcmp(x->signature, y->signature);
}

static thaw_status try_all(tune_search *s, thaw_tune_ops *ops, thaw_error *err)
{
    thaw_status st = THAW_OK;
    s->summary->finished = true;
    for (size_t i = 0; st == THAW_OK && i < ops->count; i++) {
        const thaw_choice *choice = thaw_choices_find(s->known, ops->items[i].signature);
        if (choice)
            report(s, ops, i, choice, true, "", "");
        else if (tune_stopped(s))
            st = tune_fail_stopped(err);
        else if (tune_out_of_time(s))
            s->summary->finished = false;
        else
            st = try_op(s, ops, i, err);
    }
    return st;
}

/* A file of another driver, or none: the search starts anew. */
static thaw_status open_file(tune_search *s, thaw_error *err)
{
    const thaw_tune_options *o = s->options;
    thaw_error why = {0};
    s->known = thaw_choices_create();
    if (!s->known)
        return thaw_fail_memory(err, 1, "a list of choices");
    thaw_status st = o->again ? THAW_E_NOT_FOUND : thaw_tune_load(o->path, &o->id, o->log, s->known, &why);
    if (st == THAW_E_FORMAT)
        thaw_log_at(o->log, THAW_LOG_WARN, "%s: it is written anew", why.text);
    if (st == THAW_E_NOT_FOUND || st == THAW_E_FORMAT)
        return o->seconds > 0 ? thaw_tune_begin(o->path, &o->id, err) : THAW_OK;
    return st == THAW_OK ? st : thaw_fail(err, st, "%s", why.text);
}

thaw_status thaw_tune_run(thaw_dev *dev, thaw_dev *reference, thaw_tune_ops *ops,
                          const thaw_tune_options *options, thaw_tune_summary *out, thaw_error *err)
{
    tune_search s = {.run = {.device.dev = dev, .reference.dev = reference, .seed = SEED},
                     .options = options,
                     .summary = out,
                     .start = tune_now()};
    thaw_error own;
    memset(out, 0, sizeof *out);
    out->ops = ops->count;
    thaw_status st = ops->failed ? thaw_fail_memory(&own, sizeof *ops->items, "a list of ops") : THAW_OK;
    if (st == THAW_OK)
        st = open_file(&s, &own);
    if (st == THAW_OK)
        st = thaw_check_run_begin(&s.run, &own);
    if (st == THAW_OK && ops->count)
        qsort(ops->items, ops->count, sizeof *ops->items, by_cost);
    if (st == THAW_OK)
        st = try_all(&s, ops, &own);
    thaw_check_run_end(&s.run);
    thaw_choices_free(s.known);
    out->finished = out->finished && st == THAW_OK;
    out->seconds = tune_now() - s.start;
    if (st != THAW_OK && err)
        *err = own;
    return st;
}
