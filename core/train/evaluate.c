/* evaluate.c: how good a model is. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/bad.h"
#include "core/train/head.h"
#include "core/train/use.h"

typedef struct score_call {
    const thaw_dataset *set;
    const thaw_listener *listener;
    thaw_answer_fn answer;
    void *ctx;
    thaw_evaluation *out;
} score_call;

static uint32_t first_maximum(const float *values, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++)
        if (values[i] > values[best])
            best = i;
    return best;
}

static thaw_status count(thaw_evaluation *e, const thaw_used *used, thaw_error *err)
{
    const thaw_answer *a = &used->answer;
    uint32_t predicted = first_maximum(a->values, a->n);
    e->n++;
    e->loss += used->loss;
    e->hits += used->hit;
    e->confusion[(size_t)a->label * e->n_classes + predicted]++;
    if (predicted == (uint32_t)a->label)
        return THAW_OK;
    void *misses = e->misses;
    if (!thaw_grow(&misses, &e->miss_capacity, e->n_misses + 1, sizeof *e->misses))
        return thaw_fail_memory(err, (e->n_misses + 1) * sizeof *e->misses, "the misclassified images");
    e->misses = misses;
    e->misses[e->n_misses++] = (thaw_miss){a->index, predicted, a->values[predicted]};
    return THAW_OK;
}

static thaw_status score(void *ctx, const thaw_used *used, thaw_error *err)
{
    score_call *c = ctx;
    thaw_evaluation *e = c->out;
    thaw_status st = used->answer.error ? thaw_bad_add(&e->bad, &e->n_bad, c->set, used->answer.index,
                                                       used->answer.error, c->listener, err)
                                        : count(e, used, err);
    return st == THAW_OK && c->answer ? c->answer(c->ctx, &used->answer, err) : st;
}

static void conclude(thaw_evaluation *e)
{
    size_t n = e->n_classes;
    e->accuracy = (double)e->hits / (double)e->n; /* NaN without images */
    e->loss /= (double)e->n;
    for (size_t k = 0; k < n; k++) {
        size_t of_class = 0, as_class = 0;
        for (size_t j = 0; j < n; j++) {
            of_class += e->confusion[k * n + j];
            as_class += e->confusion[j * n + k];
        }
        double right = (double)e->confusion[k * n + k];
        e->recall[k] = of_class > 0 ? right / (double)of_class : NAN;
        e->precision[k] = as_class > 0 ? right / (double)as_class : NAN;
    }
}

static thaw_status make_tables(thaw_evaluation *e, uint32_t n, thaw_error *err)
{
    size_t cells;
    e->n_classes = n;
    if (!thaw_mul(n, n, &cells))
        return thaw_fail_memory(err, UINT64_MAX, "the confusion matrix");
    e->confusion = thaw_calloc(cells, sizeof *e->confusion);
    e->precision = thaw_calloc(n, sizeof *e->precision);
    e->recall = thaw_calloc(n, sizeof *e->recall);
    return e->confusion && e->precision && e->recall
               ? THAW_OK
               : thaw_fail_memory(err, cells * sizeof *e->confusion, "the confusion matrix");
}

thaw_status thaw_evaluate(const thaw_model *model, const thaw_dataset *set, uint32_t batch_size,
                          const thaw_where *where, const thaw_listener *listener, thaw_answer_fn answer,
                          void *ctx, thaw_evaluation *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_status st = thaw_head_check(model, set, err);
    if (st == THAW_OK)
        st = make_tables(out, model->n_classes, err);
    if (st != THAW_OK)
        return st;
    score_call call = {set, listener, answer, ctx, out};
    thaw_use_spec spec = {
        .use = THAW_USE_PROBABILITIES, .labelled = true, .batch_size = batch_size, .fn = score, .ctx = &call};
    st = thaw_use_model(model, set, &spec, where, listener, err);
    conclude(out);
    return st;
}

void thaw_evaluation_free(thaw_evaluation *evaluation)
{
    free(evaluation->confusion);
    free(evaluation->precision);
    free(evaluation->recall);
    free(evaluation->misses);
    thaw_bad_free(evaluation->bad, evaluation->n_bad);
    memset(evaluation, 0, sizeof *evaluation);
}
