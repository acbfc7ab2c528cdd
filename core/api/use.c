/* use.c: evaluate, predict and features through thaw.h. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"
#include "core/base/memory.h"

void thaw_use_options_init(thaw_use_options *options, size_t struct_size)
{
    const thaw_use_options defaults = {.on_bad_image = THAW_ON_BAD_SKIP};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

/* All that one call works with. */
typedef struct use_call {
    thaw_use_options options;
    thaw_session session;
    thaw_model *model;
    thaw_dataset *set;
    thaw_use_fn on_image;
    void *ctx;
    bool features;
} use_call;

static thaw_status open_call(thaw_context *context, const thaw_use_options *options, use_call *call,
                             thaw_error *err)
{
    call->session.runtime = context->runtime;
    thaw_use_options_init(&call->options, sizeof call->options);
    thaw_status st =
        thaw_read_options(&call->options, sizeof call->options, options, "thaw_use_options", err);
    if (st != THAW_OK)
        return st;
    if (!call->options.model)
        return thaw_fail(err, THAW_E_INVALID, "no model is named: set thaw_use_options.model");
    st = thaw_model_open(call->options.model, NULL, &call->model, err);
    if (st == THAW_OK)
        st = thaw_model_complete(call->model, err);
    if (st == THAW_OK && !call->features && call->model->n_classes == 0)
        return thaw_fail(err, THAW_E_INVALID,
                         "%s: has no head, so it knows no classes: give a model that `thaw train` wrote",
                         call->options.model);
    if (st == THAW_OK)
        st = thaw_session_open(context, call->options.device, call->options.on_decline, &call->session, err);
    if (st == THAW_OK)
        st = thaw_permit(call->options.precision, call->options.exact, &call->session.where, err);
    call->session.where.cancel = call->options.cancel;
    return st;
}

static void close_call(use_call *call)
{
    thaw_dataset_free(call->set);
    thaw_model_free(call->model);
    thaw_session_close(&call->session);
}

static uint32_t first_maximum(const float *values, uint32_t n)
{
    uint32_t best = 0;
    for (uint32_t i = 1; i < n; i++) {
        if (values[i] > values[best])
            best = i;
    }
    return best;
}

static thaw_status forward_answer(void *ctx, const thaw_answer *answer, thaw_error *err)
{
    const use_call *call = ctx;
    if (answer->error && call->options.on_bad_image == THAW_ON_BAD_FAIL)
        return thaw_fail(err, THAW_E_FORMAT, "%s", answer->error);
    if (!call->on_image)
        return THAW_OK;
    bool classes = answer->values && !call->features;
    const thaw_use_image image = {.struct_size = sizeof image,
                                  .n_classes = call->model->n_classes,
                                  .index = answer->index,
                                  .total = call->set->n,
                                  .path = answer->path,
                                  .error = answer->error,
                                  .label = answer->label,
                                  .predicted = classes ? first_maximum(answer->values, answer->n) : 0,
                                  .probabilities = classes ? answer->values : NULL,
                                  .class_names = (const char *const *)call->model->class_names,
                                  .features = call->features ? answer->values : NULL};
    if (call->on_image(call->ctx, &image) != 0)
        return thaw_fail(err, THAW_E_CANCELLED, "stopped at image %zu of %zu, as asked", answer->index + 1,
                         call->set->n);
    return THAW_OK;
}

static thaw_status run_files(thaw_context *context, const thaw_use_options *options, const char *const *paths,
                             size_t n, thaw_use_fn on_image, void *ctx, thaw_use use, thaw_error *err)
{
    use_call call = {.on_image = on_image, .ctx = ctx, .features = use == THAW_USE_FEATURES};
    thaw_status st = open_call(context, options, &call, err);
    if (st == THAW_OK)
        st = thaw_dataset_files(paths, n, &call.set, err);
    if (st == THAW_OK)
        st = thaw_predict(call.model, call.set, use, call.options.batch_size, &call.session.where, NULL,
                          forward_answer, &call, err);
    close_call(&call);
    return st;
}

thaw_status thaw_use_predict(thaw_context *context, const thaw_use_options *options, const char *const *paths,
                             size_t n, thaw_use_fn on_image, void *ctx, thaw_error *err)
{
    return run_files(context, options, paths, n, on_image, ctx, THAW_USE_PROBABILITIES, err);
}

thaw_status thaw_use_features(thaw_context *context, const thaw_use_options *options,
                              const char *const *paths, size_t n, thaw_use_fn on_image, void *ctx,
                              thaw_error *err)
{
    return run_files(context, options, paths, n, on_image, ctx, THAW_USE_FEATURES, err);
}

/* ---- evaluate -------------------------------------------------------------------------------------- */

static thaw_status scan_labelled(const char *dir, const thaw_log *log, use_call *call, thaw_error *err)
{
    const thaw_model *model = call->model;
    thaw_status st = thaw_dataset_scan(dir, (const char *const *)model->class_names,
                                       model->class_names ? model->n_classes : 0, log, &call->set, err);
    if (st == THAW_OK && call->set->n_classes != model->n_classes)
        return thaw_fail(err, THAW_E_INVALID, "%s: has %u classes, but the model %s has %u", dir,
                         (unsigned)call->set->n_classes, call->options.model, (unsigned)model->n_classes);
    return st;
}

static thaw_status copy_score(const thaw_evaluation *e, const thaw_dataset *set, thaw_score *out,
                              thaw_error *err)
{
    size_t n = e->n_classes, cells;
    if (!thaw_mul(n, n, &cells))
        return thaw_fail_memory(err, SIZE_MAX, "a confusion matrix");
    out->struct_size = sizeof *out;
    out->class_names = thaw_calloc(n, sizeof *out->class_names);
    out->confusion = thaw_calloc(cells, sizeof *out->confusion);
    out->precision = thaw_calloc(n, sizeof *out->precision);
    out->recall = thaw_calloc(n, sizeof *out->recall);
    if (!out->class_names || !out->confusion || !out->precision || !out->recall)
        return thaw_fail_memory(err, cells * sizeof *out->confusion, "a confusion matrix");
    out->n_classes = e->n_classes;
    out->n_images = e->n;
    out->n_bad = e->n_bad;
    out->loss = e->loss;
    out->accuracy = e->accuracy;
    for (size_t i = 0; i < cells; i++)
        out->confusion[i] = e->confusion[i];
    memcpy(out->precision, e->precision, n * sizeof *out->precision);
    memcpy(out->recall, e->recall, n * sizeof *out->recall);
    for (size_t i = 0; i < n; i++) {
        out->class_names[i] = thaw_strdup(set->class_names[i]);
        if (!out->class_names[i])
            return thaw_fail_memory(err, strlen(set->class_names[i]) + 1, "a class name");
    }
    return THAW_OK;
}

thaw_status thaw_use_evaluate(thaw_context *context, const thaw_use_options *options, const char *dir,
                              thaw_use_fn on_image, void *ctx, thaw_score **out, thaw_error *err)
{
    use_call call = {.on_image = on_image, .ctx = ctx};
    thaw_evaluation evaluation = {0};
    thaw_score *score = thaw_calloc(1, sizeof *score);
    if (!score)
        return thaw_fail_memory(err, sizeof *score, "a score");
    thaw_status st = open_call(context, options, &call, err);
    if (st == THAW_OK)
        st = scan_labelled(dir, &context->log, &call, err);
    if (st == THAW_OK)
        st = thaw_evaluate(call.model, call.set, call.options.batch_size, &call.session.where, NULL,
                           forward_answer, &call, &evaluation, err);
    if (st == THAW_OK && evaluation.n == 0)
        st = thaw_fail(err, THAW_E_FORMAT,
                       "%s: none of its %llu images could be read, so there is nothing to measure", dir,
                       (unsigned long long)evaluation.n_bad);
    if (st == THAW_OK)
        st = copy_score(&evaluation, call.set, score, err);
    thaw_evaluation_free(&evaluation);
    close_call(&call);
    if (st != THAW_OK) {
        thaw_score_free(score);
        return st;
    }
    *out = score;
    return THAW_OK;
}

void thaw_score_free(thaw_score *score)
{
    if (!score)
        return;
    for (uint32_t i = 0; score->class_names && i < score->n_classes; i++)
        free(score->class_names[i]);
    free(score->class_names);
    free(score->confusion);
    free(score->precision);
    free(score->recall);
    free(score);
}
