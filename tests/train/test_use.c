/* Predict, features, evaluate, plan. */
#include "helpers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static world w;
static thaw_train_result trained;

static int setup(void **state)
{
    (void)state;
    thaw_train_options o;
    world_create(&w, 1, 5);
    small_options(&w, NULL, &o);
    o.epochs[0] = 4;
    o.lr[0] = 1e-2;
    train(&w, &o, NULL, &trained);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    thaw_train_result_free(&trained);
    world_free(&w);
    return 0;
}

typedef struct collected {
    float values[16 * 2048];
    size_t n, per_row, errors;
    size_t next; /* index that is expected */
} collected;

static thaw_status collect(void *ctx, const thaw_answer *a, thaw_error *err)
{
    collected *c = ctx;
    (void)err;
    assert_int_equal(a->index, c->next++);
    if (a->error) {
        assert_null(a->values);
        assert_non_null(strstr(a->path, "bad.png"));
        c->errors++;
        return THAW_OK;
    }
    c->per_row = a->n;
    memcpy(c->values + c->n++ * a->n, a->values, a->n * sizeof(float));
    return THAW_OK;
}

static thaw_dataset *files(const char *path)
{
    thaw_dataset *set;
    thaw_error err;
    expect(THAW_OK, thaw_dataset_files(&path, 1, &set, &err), &err);
    return set;
}

static void predict(thaw_use use, uint32_t batch, const thaw_dataset *set, collected *out)
{
    thaw_error err;
    memset(out, 0, sizeof *out);
    expect(THAW_OK, thaw_predict(trained.model, set, use, batch, &w.where, NULL, collect, out, &err), &err);
    assert_int_equal(out->next, set->n);
}

static void answers_do_not_depend_on_the_batch(void **state)
{
    (void)state;
    static collected a, b;
    thaw_dataset *set = files(at(&w, "photos"));
    assert_int_equal(set->n, 15);
    for (thaw_use use = THAW_USE_PROBABILITIES; use <= THAW_USE_FEATURES; use++) {
        predict(use, 1, set, &a);
        predict(use, 4, set, &b);
        assert_int_equal(a.n, 15);
        assert_int_equal(a.per_row, use == THAW_USE_FEATURES ? 2048 : 3);
        assert_memory_equal(a.values, b.values, 15 * a.per_row * sizeof(float));
    }
    predict(THAW_USE_PROBABILITIES, 0, set, &a);
    for (size_t i = 0; i < a.n; i++) {
        float sum = a.values[3 * i] + a.values[3 * i + 1] + a.values[3 * i + 2];
        assert_true(fabsf(sum - 1.0f) < 1e-5f);
    }
    thaw_dataset_free(set);
}

static void an_unreadable_image_is_answered_in_its_turn(void **state)
{
    (void)state;
    static collected a, b;
    thaw_dataset *set = files(at(&w, "photos"));
    predict(THAW_USE_PROBABILITIES, 4, set, &a);
    thaw_dataset_free(set);
    write_text(at(&w, "photos/down/00.bad.png"), "x");
    set = files(at(&w, "photos"));
    predict(THAW_USE_PROBABILITIES, 4, set, &b);
    assert_true(b.errors == 1 && b.n == 15);
    assert_memory_equal(a.values, b.values, 45 * sizeof(float));
    thaw_dataset_free(set);
    assert_int_equal(remove(at(&w, "photos/down/00.bad.png")), 0);
}

static void a_score_adds_up(void **state)
{
    (void)state;
    thaw_dataset *set;
    thaw_evaluation e;
    thaw_error err;
    static collected c;
    memset(&c, 0, sizeof c);
    write_text(at(&w, "photos/slant/bad.png"), "x");
    expect(THAW_OK, thaw_dataset_scan(at(&w, "photos"), NULL, 0, NULL, &set, &err), &err);
    expect(THAW_OK, thaw_evaluate(trained.model, set, 0, &w.where, NULL, collect, &c, &e, &err), &err);
    assert_true(e.n == 15 && e.n_bad == 1 && c.errors == 1 && e.n_misses == 15 - e.hits);
    assert_true(e.accuracy == (double)e.hits / 15);
    double loss = 0;
    size_t row = 0, total = 0, diagonal = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (strstr(set->paths[i], "bad.png"))
            continue;
        loss -= log((double)c.values[3 * row++ + (size_t)set->labels[i]]);
    }
    assert_true(fabs(e.loss - loss / 15) < 1e-5);
    for (size_t k = 0; k < 9; k++)
        total += e.confusion[k];
    for (size_t k = 0; k < 3; k++) {
        size_t of_class = e.confusion[3 * k] + e.confusion[3 * k + 1] + e.confusion[3 * k + 2];
        diagonal += e.confusion[4 * k];
        assert_int_equal(of_class, 5);
        assert_true(e.recall[k] == (double)e.confusion[4 * k] / 5);
    }
    assert_true(total == 15 && diagonal == e.hits);
    for (size_t i = 0; i < e.n_misses; i++)
        assert_int_not_equal(e.misses[i].predicted, set->labels[e.misses[i].index]);
    thaw_evaluation_free(&e);
    set->n_classes = 2;
    expect(THAW_E_INVALID, thaw_evaluate(trained.model, set, 0, &w.where, NULL, NULL, NULL, &e, &err), &err);
    thaw_evaluation_free(&e);
    set->n_classes = 3;
    thaw_dataset_free(set);
    assert_int_equal(remove(at(&w, "photos/slant/bad.png")), 0);
}

/* Training's validation and evaluate look at the same thing by two ways. */
static void evaluate_agrees_with_validation(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    thaw_dataset *set;
    thaw_evaluation e;
    thaw_error err;
    small_options(&w, NULL, &o);
    o.val_dir = o.dir;
    o.restore_best = false;
    train(&w, &o, NULL, &r);
    expect(THAW_OK, thaw_dataset_scan(o.dir, NULL, 0, NULL, &set, &err), &err);
    expect(THAW_OK, thaw_evaluate(r.model, set, 0, &w.where, NULL, NULL, NULL, &e, &err), &err);
    assert_true(fabs(e.loss - r.epochs[1].val_loss) < 1e-4);
    assert_true(fabs(e.accuracy - r.epochs[1].val_accuracy) < 1e-9);
    thaw_evaluation_free(&e);
    thaw_dataset_free(set);
    thaw_train_result_free(&r);
}

static thaw_status refuse(void *ctx, const thaw_answer *a, thaw_error *err)
{
    (void)ctx;
    (void)err;
    return a->index == 2 ? THAW_E_CHECK : THAW_OK;
}

static void a_callback_or_a_flag_stops_the_pass(void **state)
{
    (void)state;
    static volatile sig_atomic_t cancel = 1;
    static collected c;
    thaw_error err;
    thaw_dataset *set = files(at(&w, "photos"));
    expect(THAW_E_CHECK,
           thaw_predict(trained.model, set, THAW_USE_PROBABILITIES, 0, &w.where, NULL, refuse, NULL, &err),
           &err);
    w.where.cancel = &cancel;
    expect(THAW_E_CANCELLED,
           thaw_predict(trained.model, set, THAW_USE_FEATURES, 0, &w.where, NULL, collect, &c, &err), &err);
    w.where.cancel = NULL;
    thaw_dataset_free(set);
}

static void a_base_without_head_has_features_only(void **state)
{
    (void)state;
    static collected c;
    thaw_error err;
    thaw_model *base;
    thaw_dataset *set = files(at(&w, "photos/down/00.bmp"));
    expect(THAW_OK, thaw_model_load(at(&w, "weights.safetensors"), NULL, &base, &err), &err);
    expect(THAW_E_INVALID,
           thaw_predict(base, set, THAW_USE_PROBABILITIES, 0, &w.where, NULL, collect, &c, &err), &err);
    expect_text(&err, "no head");
    memset(&c, 0, sizeof c);
    expect(THAW_OK, thaw_predict(base, set, THAW_USE_FEATURES, 0, &w.where, NULL, collect, &c, &err), &err);
    assert_int_equal(c.n, 1);
    thaw_model_free(base);
    thaw_dataset_free(set);
}

static void a_plan_needs_no_images(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_error err;
    thaw_model *base;
    thaw_run_plan plan;
    expect(THAW_OK, thaw_model_load(at(&w, "weights.safetensors"), NULL, &base, &err), &err);
    small_options(&w, NULL, &o);
    o.dir = NULL;
    expect(THAW_OK, thaw_plan_run(&o, base, 7, &w.where, &plan, &err), &err);
    assert_int_equal(plan.count, 5);
    assert_string_equal(plan.items[0].name, "prefix");
    assert_string_equal(plan.items[3].name, "finetune: training step");
    assert_int_equal(plan.items[3].batch, 10);
    /* Weights, m and v of all that trains. */
    assert_int_equal(plan.items[3].variable_bytes, 3 * 4 * (7173312 + 2049 * 7));
    for (size_t i = 0; i < plan.count; i++) {
        const thaw_plan_summary *s = thaw_program_plan(plan.items[i].program);
        assert_true(s->n_rows > 0 && s->arena_bytes > 0 && plan.items[i].macs > 0);
    }
    assert_int_equal(base->n_classes, 0);
    thaw_run_plan_free(&plan);
    o.unfreeze_last = 0;
    expect(THAW_OK, thaw_plan_run(&o, base, 7, &w.where, &plan, &err), &err);
    assert_true(plan.count == 3 && plan.feature_bytes == 2048 * 4);
    thaw_run_plan_free(&plan);
    expect(THAW_E_INVALID, thaw_plan_run(&o, base, 1, &w.where, &plan, &err), &err);
    thaw_run_plan_free(&plan);
    thaw_model_free(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_do_not_depend_on_the_batch),
        cmocka_unit_test(an_unreadable_image_is_answered_in_its_turn),
        cmocka_unit_test(a_score_adds_up),
        cmocka_unit_test(evaluate_agrees_with_validation),
        cmocka_unit_test(a_callback_or_a_flag_stops_the_pass),
        cmocka_unit_test(a_base_without_head_has_features_only),
        cmocka_unit_test(a_plan_needs_no_images),
    };
    return cmocka_run_group_tests_name("use", tests, setup, teardown);
}
