/* Both phases of the recipe, step by step, in both batch-norm modes, against Keras. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/train/train.h"
#include "tests/golden/helpers.h"

/* What a run is compared with, and the largest relative difference of a loss so far. */
typedef struct follow {
    const cJSON *phases;
    double tolerance, accuracy_tolerance, worst;
} follow;

static void compare(follow *f, const char *what, uint32_t phase, uint32_t epoch, double value, double want)
{
    double off = fabs(value - want) / want;
    f->worst = fmax(f->worst, off);
    if (!(off <= f->tolerance))
        fail_msg("%s of phase %u, epoch %u is %.9g instead of %.9g", what, phase, epoch, value, want);
}

static const cJSON *epoch_of(const follow *f, uint32_t phase, uint32_t epoch)
{
    const cJSON *p = cJSON_GetArrayItem(f->phases, (int)phase);
    const cJSON *e = cJSON_GetArrayItem(cJSON_GetObjectItem(p, "epochs"), (int)epoch);
    assert_non_null(e);
    return e;
}

static void follow_events(void *ctx, const thaw_train_event *event)
{
    follow *f = ctx;
    if (event->kind == THAW_EVENT_STEP) {
        const thaw_step_record *s = event->u.step;
        const cJSON *losses = cJSON_GetObjectItem(epoch_of(f, s->phase, s->epoch), "loss");
        compare(f, "a step's loss", s->phase, s->epoch, s->loss, golden_at(losses, (int)s->step));
    } else if (event->kind == THAW_EVENT_EPOCH) {
        const thaw_epoch_record *r = event->u.epoch;
        const cJSON *e = epoch_of(f, r->phase, r->epoch);
        compare(f, "val_loss", r->phase, r->epoch, r->val_loss, golden_number(e, "val_loss"));
        assert_true(fabs(r->val_accuracy - golden_number(e, "val_acc")) <= f->accuracy_tolerance);
    }
}

typedef struct probabilities {
    const cJSON *want;
    double worst;
} probabilities;

static thaw_status follow_answer(void *ctx, const thaw_answer *a, thaw_error *err)
{
    probabilities *p = ctx;
    (void)err;
    assert_non_null(a->values);
    const cJSON *row = cJSON_GetArrayItem(p->want, (int)a->index);
    for (uint32_t k = 0; k < a->n; k++)
        p->worst = fmax(p->worst, fabs((double)a->values[k] - golden_at(row, (int)k)));
    return THAW_OK;
}

static void expect_list(const cJSON *names, const thaw_dataset *set)
{
    assert_int_equal(cJSON_GetArraySize(names), set->n);
    for (size_t i = 0; i < set->n; i++)
        assert_string_equal(cJSON_GetArrayItem(names, (int)i)->valuestring, set->paths[i]);
}

static void must(thaw_status st, const thaw_error *err)
{
    if (st != THAW_OK)
        fail_msg("status %d: %s", (int)st, err->text);
}

/* The split is Keras' to the file, and the model's answers to the validation images are too. */
static void expect_answers(golden *g, const cJSON *json, const thaw_model *model, double tolerance)
{
    thaw_dataset *all, *train, *val;
    thaw_error err;
    const thaw_where where = {.dev = g->dev};
    probabilities p = {cJSON_GetObjectItem(json, "val_probs"), 0};
    must(thaw_dataset_scan(IMAGE_DIR, NULL, 0, NULL, &all, &err), &err);
    must(thaw_dataset_split(all, 0.2, 123, &train, &val, &err), &err);
    expect_list(cJSON_GetObjectItem(json, "train"), train);
    expect_list(cJSON_GetObjectItem(json, "val"), val);
    must(thaw_predict(model, val, THAW_USE_PROBABILITIES, 0, &where, NULL, follow_answer, &p, &err), &err);
    print_message("probabilities after training within %.1e\n", p.worst);
    assert_true(p.worst <= tolerance);
    thaw_dataset_free(all);
    thaw_dataset_free(train);
    thaw_dataset_free(val);
}

static void follow_recipe(golden *g, const char *weights, const char *dir, const char *file, thaw_bn_mode bn,
                          double tolerance, double accuracy_tolerance)
{
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err;
    const thaw_where where = {.dev = g->dev};
    cJSON *json = golden_json(file);
    follow f = {cJSON_GetObjectItem(json, "phases"), tolerance, accuracy_tolerance, 0};
    const thaw_listener listener = {follow_events, &f};
    thaw_train_defaults(&o);
    o.dir = IMAGE_DIR;
    o.init = weights;
    o.bn = bn;
    o.dropout = 0.0f;
    o.shuffle = THAW_SHUFFLE_NONE;
    o.restore_best = false;
    o.cache_dir = dir;
    o.cache_keep = true; /* both modes share the pass */
    must(thaw_train(&o, &where, &listener, &r, &err), &err);
    assert_int_equal(r.n_epochs, 10);
    print_message("%s: losses within %.1e\n", file, f.worst);
    expect_answers(g, json, r.model, 10 * tolerance);
    thaw_train_result_free(&r);
    cJSON_Delete(json);
}

static void both_modes(void **state)
{
    (void)state;
    golden *g = golden_open();
    if (!g)
        skip();
    thaw_error err;
    char dir[] = "/tmp/thaw-golden-XXXXXX", weights[64], command[64];
    assert_non_null(mkdtemp(dir));
    snprintf(weights, sizeof weights, "%s/weights.safetensors", dir);
    g->model->pre.divide = true; /* x/127.5 - 1, in that order */
    must(thaw_model_save(g->model, weights, NULL, &err), &err);
    follow_recipe(g, weights, dir, "clipA_frozen.json", THAW_BN_FROZEN, 2e-5, 1e-9);
    /* One image's worth: the losses agree, and an argmax may still tip. */
    follow_recipe(g, weights, dir, "clipA_batch.json", THAW_BN_BATCH, 2e-4, 0.0251);
    snprintf(command, sizeof command, "rm -r '%s'", dir);
    assert_int_equal(system(command), 0);
    golden_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(both_modes)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
