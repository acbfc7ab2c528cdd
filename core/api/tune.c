/* tune.c: searching for the fastest algorithms through thaw.h. */
#include <stdio.h>
#include <stdlib.h>

#include "core/api/api.h"
#include "core/base/memory.h"

/* As fast as the processor goes: it computes whole layers, where the plain C would take minutes. */
#define REFERENCE "cpu:0"

void thaw_tuning_options_init(thaw_tuning_options *options, size_t struct_size)
{
    const thaw_tuning_options defaults = {.seconds = 120, .n_classes = 5};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

thaw_status thaw_blank_model(thaw_model **out, thaw_error *err)
{
    thaw_model *model = NULL;
    thaw_status st = thaw_model_create(&model, err);
    for (size_t i = 0; st == THAW_OK && i < THAW_W_HEAD_KERNEL; i++)
        st = thaw_model_alloc_weight(model, i, err);
    if (st != THAW_OK) {
        thaw_model_free(model);
        return st;
    }
    *out = model;
    return THAW_OK;
}

static thaw_status load_start(thaw_train_options *options, thaw_model **out, thaw_error *err)
{
    const char *path = options->init ? options->init : options->weights;
    if (path)
        return thaw_model_load(path, &options->import, out, err);
    /* Nobody opens it, but a recipe has to name something. Values do not matter to how long an op takes. */
    options->weights = "zeros";
    return thaw_blank_model(out, err);
}

/* Notes the ops of all programs of the recipe. */
static thaw_status gather(const thaw_recipe *recipe, thaw_train_options *options, uint32_t n_classes,
                          const thaw_session *session, thaw_tune_ops *ops, thaw_error *err)
{
    thaw_model *model = NULL;
    thaw_run_plan plan = {0};
    thaw_where where = session->where;
    where.dev = thaw_tune_ops_dev(ops);
    where.prefix_batch = recipe->prefix_batch;
    where.fallback = THAW_FALLBACK_ALLOW;
    thaw_status st = thaw_permit(recipe->precision, recipe->exact, &where, err);
    if (st == THAW_OK)
        st = load_start(options, &model, err);
    if (st == THAW_OK) {
        st = thaw_plan_run(options, model, n_classes, &where, &plan, err);
        thaw_run_plan_free(&plan);
    }
    thaw_model_free(model);
    return st;
}

/* Only what the self-test found wrong: what an earlier search found must not decide what is the default. */
static thaw_status disable_wrong(thaw_context *context, const char *device, thaw_session *session,
                                 thaw_error *err)
{
    thaw_selftest test = {0};
    bool known = false;
    thaw_status st = thaw_test_device(context, session->dev, device, session->choices, THAW_TEST_IF_NEEDED,
                                      &test, &known, err);
    if (st == THAW_OK && known)
        st = thaw_selftest_apply(&test, session->choices, err);
    thaw_selftest_free(&test);
    return st;
}

static void forward_op(void *ctx, const thaw_tune_report *r)
{
    const thaw_tuning_options *options = ctx;
    if (!options->on_op)
        return;
    const thaw_choice *c = r->choice;
    const thaw_tuning_op op = {.struct_size = sizeof op,
                               .known = r->known,
                               .index = r->index,
                               .total = r->total,
                               .signature = r->signature,
                               .algorithm = c ? c->algo : NULL,
                               .default_algorithm = c ? c->default_algo : NULL,
                               .seconds = c ? 1e-9 * (double)c->nanoseconds : 0,
                               .default_seconds = c ? 1e-9 * (double)c->default_nanoseconds : 0,
                               .rejected = r->rejected,
                               .note = r->note};
    options->on_op(options->ctx, &op);
}

static void summarise(const thaw_tune_summary *s, const char *path, thaw_tuning *out)
{
    *out = (thaw_tuning){.finished = s->finished,
                         .ops = s->ops,
                         .known = s->known,
                         .tried = s->tried,
                         .skipped = s->skipped,
                         .faster = s->faster,
                         .seconds = s->seconds,
                         .default_seconds = s->default_seconds,
                         .tuned_seconds = s->tuned_seconds};
    snprintf(out->file, sizeof out->file, "%s", path);
}

static thaw_status search(thaw_context *context, const thaw_session *session, thaw_tune_ops *ops,
                          thaw_tuning_options *options, thaw_tuning *out, thaw_error *err)
{
    const thaw_tune_id id = thaw_tune_id_of(thaw_entry_of(context->runtime, session->dev));
    thaw_dev *reference = NULL;
    thaw_tune_summary summary = {0};
    char *path = thaw_tune_path(&id);
    if (!path)
        return thaw_fail(err, THAW_E_NOT_FOUND,
                         "no place to keep what is found: set HOME or XDG_CONFIG_HOME to a folder");
    thaw_status st = thaw_runtime_open(context->runtime, REFERENCE, &reference, err);
    if (st == THAW_OK) {
        const thaw_tune_options tune = {.path = path,
                                        .id = id,
                                        .seconds = options->seconds,
                                        .again = options->again != 0,
                                        .disabled = session->choices,
                                        .cancel = options->cancel,
                                        .log = &context->log,
                                        .on_op = forward_op,
                                        .ctx = options};
        st = thaw_tune_run(session->dev, reference, ops, &tune, &summary, err);
    }
    summarise(&summary, path, out);
    thaw_runtime_close(context->runtime, reference);
    free(path);
    return st;
}

thaw_status thaw_tune_device(thaw_context *context, const thaw_recipe *recipe,
                             const thaw_tuning_options *options, thaw_tuning *out, size_t struct_size,
                             thaw_error *err)
{
    thaw_recipe given;
    thaw_tuning_options how;
    thaw_train_options train;
    thaw_tuning result = {0};
    thaw_tune_ops *ops = NULL;
    thaw_session session = {.runtime = context->runtime};
    thaw_recipe_init(&given, sizeof given);
    thaw_tuning_options_init(&how, sizeof how);
    thaw_status st = thaw_read_options(&given, sizeof given, recipe, "thaw_recipe", err);
    if (st == THAW_OK)
        st = thaw_read_options(&how, sizeof how, options, "thaw_tuning_options", err);
    if (st == THAW_OK)
        st = thaw_recipe_translate(&given, &train, err);
    if (st == THAW_OK)
        st = thaw_session_open_plain(context, given.device, given.on_decline, &session, err);
    if (st == THAW_OK)
        st = disable_wrong(context, given.device, &session, err);
    if (st == THAW_OK)
        st = thaw_tune_ops_create(session.dev, &ops, err);
    if (st == THAW_OK)
        st = gather(&given, &train, how.n_classes, &session, ops, err);
    if (st == THAW_OK)
        st = search(context, &session, ops, &how, &result, err);
    thaw_tune_ops_free(ops);
    thaw_session_close(&session);
    thaw_write_struct(out, struct_size, &result, sizeof result);
    return st;
}

thaw_status thaw_tuned_list(thaw_context *context, const char *device,
                            void (*on_op)(void *ctx, const thaw_tuning_op *op), void *ctx, thaw_error *err)
{
    thaw_dev *dev = NULL;
    const thaw_choice *choice;
    thaw_tuning_options options = {.on_op = on_op, .ctx = ctx};
    thaw_choices *choices = thaw_choices_create();
    thaw_status st = choices ? thaw_runtime_open(context->runtime, device, &dev, err)
                             : thaw_fail_memory(err, 1, "a list of choices");
    if (st == THAW_OK)
        thaw_load_tuned(context, thaw_entry_of(context->runtime, dev), choices);
    size_t total = 0;
    while (st == THAW_OK && thaw_choices_at(choices, total))
        total++;
    for (size_t i = 0; i < total && (choice = thaw_choices_at(choices, i)); i++)
        forward_op(&options, &(thaw_tune_report){.index = i,
                                                 .total = total,
                                                 .signature = choice->signature,
                                                 .choice = choice,
                                                 .known = true,
                                                 .rejected = "",
                                                 .note = ""});
    thaw_runtime_close(context->runtime, dev);
    thaw_choices_free(choices);
    return st;
}
