/* position.c: where a run stands. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/memory.h"
#include "core/train/run.h"

void thaw_position_begin_phase(thaw_position *position, uint32_t phase, const thaw_train_options *options)
{
    position->phase = phase;
    position->epoch = position->step = 0;
    position->t = 0;
    position->loss_sum = 0.0;
    position->hits = position->samples = 0;
    thaw_early_begin(&position->early, options->patience, options->min_delta);
}

static thaw_status add_record(thaw_position *p, const thaw_epoch_record *record, thaw_error *err)
{
    void *epochs = p->epochs;
    if (!thaw_grow(&epochs, &p->epoch_capacity, p->n_epochs + 1, sizeof *p->epochs))
        return thaw_fail_memory(err, (p->n_epochs + 1) * sizeof *p->epochs, "the history");
    p->epochs = epochs;
    p->epochs[p->n_epochs++] = *record;
    return THAW_OK;
}

thaw_status thaw_position_end_epoch(thaw_position *p, thaw_epoch_record *record,
                                    const thaw_train_options *options, bool *stop, thaw_error *err)
{
    double best = p->has_best ? p->best_val_loss : INFINITY;
    record->best = thaw_improves(record->val_loss, best, options->min_delta);
    if (record->best) {
        p->has_best = true;
        p->best_phase = p->phase;
        p->best_epoch = p->epoch;
        p->best_val_loss = record->val_loss;
    }
    *stop = thaw_early_epoch(&p->early, p->epoch, record->val_loss);
    p->epoch = *stop ? options->epochs[p->phase] : p->epoch + 1;
    p->step = 0;
    p->loss_sum = 0.0;
    p->hits = p->samples = 0;
    return add_record(p, record, err);
}

/* ---- as JSON ---------------------------------------------------------------------------------------- */

/* In 17 digits, which give the same double back (cJSON's own number takes 15 where it finds them close
 * enough). JSON has no infinity and no NaN: such a number is left out. */
static bool put(cJSON *o, const char *key, double value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", value);
    return !isfinite(value) || cJSON_AddRawToObject(o, key, digits);
}

static bool write_record(cJSON *array, const thaw_epoch_record *e)
{
    cJSON *o = cJSON_CreateObject();
    if (!o || !cJSON_AddItemToArray(array, o)) {
        cJSON_Delete(o);
        return false;
    }
    return put(o, "phase", e->phase) && put(o, "epoch", e->epoch) && put(o, "lr", e->lr) &&
           put(o, "loss", e->loss) && put(o, "accuracy", e->accuracy) && put(o, "val_loss", e->val_loss) &&
           put(o, "val_accuracy", e->val_accuracy) && put(o, "seconds", e->seconds) &&
           put(o, "best", e->best);
}

bool thaw_position_write(const thaw_position *p, cJSON *o)
{
    bool ok = put(o, "phase", p->phase) && put(o, "epoch", p->epoch) && put(o, "step", p->step) &&
              put(o, "t", (double)p->t) && put(o, "loss_sum", p->loss_sum) &&
              put(o, "hits", (double)p->hits) && put(o, "samples", (double)p->samples) &&
              put(o, "early_best", p->early.best) && put(o, "early_wait", p->early.wait);
    if (ok && p->has_best)
        ok = put(o, "best_phase", p->best_phase) && put(o, "best_epoch", p->best_epoch) &&
             put(o, "best_val_loss", p->best_val_loss);
    cJSON *array = ok ? cJSON_AddArrayToObject(o, "epochs") : NULL;
    for (size_t i = 0; array && i < p->n_epochs; i++)
        ok = ok && write_record(array, &p->epochs[i]);
    return ok && array;
}

static double number(const cJSON *o, const char *key, double missing)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(o, key);
    return cJSON_IsNumber(item) ? item->valuedouble : missing;
}

/* A whole number from 0 to limit. */
static thaw_status whole(const cJSON *o, const char *key, double limit, double *out, thaw_error *err)
{
    double v = number(o, key, -1.0);
    if (!(v >= 0.0 && v <= limit && v == floor(v)))
        return thaw_fail(err, THAW_E_FORMAT, "the checkpoint's \"%s\" is not a whole number from 0 to %.0f",
                         key, limit);
    *out = v;
    return THAW_OK;
}

static thaw_status read_records(const cJSON *o, const thaw_train_options *options, thaw_position *p,
                                thaw_error *err)
{
    const cJSON *array = cJSON_GetObjectItemCaseSensitive(o, "epochs"), *item;
    cJSON_ArrayForEach(item, array)
    {
        double phase = 0, epoch = 0;
        thaw_status st = whole(item, "phase", THAW_N_PHASES - 1, &phase, err);
        if (st == THAW_OK)
            st = whole(item, "epoch", options->epochs[(uint32_t)phase], &epoch, err);
        if (st != THAW_OK)
            return st;
        thaw_epoch_record e = {.phase = (uint32_t)phase,
                               .epoch = (uint32_t)epoch,
                               .lr = number(item, "lr", 0.0),
                               .loss = number(item, "loss", NAN),
                               .accuracy = number(item, "accuracy", NAN),
                               .val_loss = number(item, "val_loss", NAN),
                               .val_accuracy = number(item, "val_accuracy", NAN),
                               .seconds = number(item, "seconds", 0.0),
                               .best = number(item, "best", 0.0) != 0.0};
        st = add_record(p, &e, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status read_best(const cJSON *o, const thaw_train_options *options, thaw_position *p,
                             thaw_error *err)
{
    double phase = 0, epoch = 0;
    if (!cJSON_GetObjectItemCaseSensitive(o, "best_phase"))
        return THAW_OK;
    thaw_status st = whole(o, "best_phase", THAW_N_PHASES - 1, &phase, err);
    if (st == THAW_OK)
        st = whole(o, "best_epoch", options->epochs[(uint32_t)phase], &epoch, err);
    if (st != THAW_OK)
        return st;
    p->has_best = true;
    p->best_phase = (uint32_t)phase;
    p->best_epoch = (uint32_t)epoch;
    p->best_val_loss = number(o, "best_val_loss", INFINITY);
    return THAW_OK;
}

thaw_status thaw_position_read(const cJSON *o, const thaw_train_options *options, thaw_position *p,
                               thaw_error *err)
{
    double phase = 0, epoch = 0, step = 0, t = 0, hits = 0, samples = 0, wait = 0;
    thaw_status st = whole(o, "phase", THAW_N_PHASES - 1, &phase, err);
    if (st == THAW_OK)
        st = whole(o, "epoch", options->epochs[(uint32_t)phase], &epoch, err);
    if (st == THAW_OK)
        st = whole(o, "step", UINT32_MAX, &step, err);
    if (st == THAW_OK)
        st = whole(o, "t", 0x1p53, &t, err);
    if (st == THAW_OK)
        st = whole(o, "hits", 0x1p53, &hits, err);
    if (st == THAW_OK)
        st = whole(o, "samples", 0x1p53, &samples, err);
    if (st == THAW_OK)
        st = whole(o, "early_wait", UINT32_MAX, &wait, err);
    if (st != THAW_OK)
        return st;
    thaw_position_begin_phase(p, (uint32_t)phase, options);
    p->epoch = (uint32_t)epoch;
    p->step = (uint32_t)step;
    p->t = (uint64_t)t;
    p->loss_sum = number(o, "loss_sum", 0.0);
    p->hits = (uint64_t)hits;
    p->samples = (uint64_t)samples;
    p->early.wait = (uint32_t)wait;
    p->early.best = number(o, "early_best", INFINITY);
    st = read_best(o, options, p, err);
    return st == THAW_OK ? read_records(o, options, p, err) : st;
}
