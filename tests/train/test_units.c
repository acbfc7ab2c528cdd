/* The parts that need no device. */
#include "helpers.h"

#include <math.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/train/adam.h"
#include "core/train/early.h"
#include "core/train/head.h"
#include "core/train/run.h"

/* With g = 1 always, m = 1 - b1^t and v = 1 - b2^t: a step is lr/(1 + 1e-7/sqrt(1 - b2^t)). */
static void adam_steps_have_the_closed_form(void **state)
{
    (void)state;
    double m = 0, v = 0;
    for (uint64_t t = 1; t <= 200; t++) {
        float hyper[8];
        thaw_adam_hyper(1e-3, t, hyper);
        m += (1 - m) * (double)hyper[1];
        v += (1 - v) * (double)hyper[2];
        double step = m * (double)hyper[0] / (sqrt(v) + (double)hyper[3]);
        double expected = 1e-3 / (1 + 1e-7 / sqrt(1 - pow(0.999, (double)t)));
        assert_true(fabs(step - expected) < 6e-5 * expected);
    }
}

static void adam_hyper_is_what_keras_computes(void **state)
{
    (void)state;
    float hyper[8];
    thaw_adam_hyper(1e-5, 3, hyper);
    float expected = 1e-5f * sqrtf(1.0f - powf(0.999f, 3.0f)) / (1.0f - powf(0.9f, 3.0f));
    assert_memory_equal(&hyper[0], &expected, sizeof expected);
    assert_true(hyper[1] == 0.1f && hyper[2] == (float)(1.0 - 0.999) && hyper[3] == 1e-7f);
    for (int i = 4; i < 8; i++)
        assert_true(hyper[i] == 0.0f);
}

/* Number of epochs until it stops, or n + 1. */
static uint32_t run_early(uint32_t patience, double min_delta, const double *losses, uint32_t n)
{
    thaw_early early;
    thaw_early_begin(&early, patience, min_delta);
    for (uint32_t e = 0; e < n; e++)
        if (thaw_early_epoch(&early, e, losses[e]))
            return e + 1;
    return n + 1;
}

static void early_stopping_counts_as_keras_does(void **state)
{
    (void)state;
    const double falling[] = {5, 4, 3, 2};
    const double flat[] = {5, 5, 5, 5, 5};
    const double wave[] = {5, 6, 4, 6, 6, 3, 3, 3, 3};
    const double nans[] = {NAN, NAN, NAN};
    assert_int_equal(run_early(1, 0, falling, 4), 5);
    assert_int_equal(run_early(0, 0, flat, 5), 6); /* off */
    assert_int_equal(run_early(1, 0, flat, 5), 2); /* equal is no improvement */
    assert_int_equal(run_early(3, 0, flat, 5), 4);
    assert_int_equal(run_early(1, 0, wave, 9), 2);
    assert_int_equal(run_early(2, 0, wave, 9), 5);
    assert_int_equal(run_early(3, 0, wave, 9), 9);
    assert_int_equal(run_early(3, 1.0, wave, 9), 4); /* 4 = 5 - 1 is none either */
    assert_int_equal(run_early(1, 0, nans, 3), 2);   /* not at the first epoch */
}

static void options_that_make_no_sense_are_named(void **state)
{
    (void)state;
    thaw_error err;
    thaw_train_options o, good;
    thaw_train_defaults(&good);
    good.weights = "w";
    expect(THAW_OK, thaw_train_check(&good, &err), &err);
#define REFUSED(change, word)                                                                                \
    o = good;                                                                                                \
    change;                                                                                                  \
    expect(THAW_E_INVALID, thaw_train_check(&o, &err), &err);                                                \
    expect_text(&err, word)
    REFUSED(o.init = "i", "exactly one");
    REFUSED(o.weights = NULL, "exactly one");
    REFUSED(o.batch_size = 0, "batch size 0");
    REFUSED(o.dropout = 1.0f, "dropout 1");
    REFUSED(o.dropout = NAN, "dropout");
    REFUSED(o.lr[1] = -1, "finetune");
    REFUSED(o.unfreeze_last = 312, "312");
    REFUSED(o.input_size = 74, "74");
    REFUSED(o.val_split = 1.0, "split 1");
    REFUSED((o.val_split = 0, o.patience = 2), "no validation");
    REFUSED(o.min_delta = -1, "min-delta");
    REFUSED(o.cache_dtype = THAW_U8, "f32 or f16");
    REFUSED(o.cache_keep = true, "cache folder");
    REFUSED(o.resume = true, "checkpoint folder");
    REFUSED((o.epochs[0] = 0, o.unfreeze_last = 0), "nothing to do");
    REFUSED(o.epochs[0] = o.epochs[1] = 0, "nothing to do");
#undef REFUSED
}

static void a_position_survives_json(void **state)
{
    (void)state;
    thaw_error err;
    thaw_train_options o;
    thaw_train_defaults(&o);
    o.patience = 3;
    thaw_position p = {0}, q = {0};
    thaw_position_begin_phase(&p, 0, &o);
    thaw_epoch_record r = {.phase = 0, .loss = 0.1, .val_loss = 1.0 / 3, .val_accuracy = 0.5, .lr = 1e-3};
    bool stop;
    expect(THAW_OK, thaw_position_end_epoch(&p, &r, &o, &stop, &err), &err);
    assert_true(r.best && !stop && p.epoch == 1);
    p.step = 7;
    p.t = 12;
    p.loss_sum = 0.1 + 0.2;
    p.hits = 3;
    p.samples = 70;
    cJSON *json = cJSON_CreateObject();
    assert_true(thaw_position_write(&p, json));
    char *text = cJSON_Print(json);
    cJSON_Delete(json);
    json = cJSON_Parse(text);
    expect(THAW_OK, thaw_position_read(json, &o, &q, &err), &err);
    assert_true(q.phase == 0 && q.epoch == 1 && q.step == 7 && q.t == 12 && q.hits == 3 && q.samples == 70);
    assert_true(q.loss_sum == p.loss_sum && q.early.best == p.early.best && q.early.wait == 0);
    assert_true(q.early.patience == 3 && q.has_best && q.best_val_loss == 1.0 / 3 && q.n_epochs == 1);
    assert_true(q.epochs[0].best && q.epochs[0].val_loss == 1.0 / 3 && q.epochs[0].lr == 1e-3);

    static const char *const fields[] = {"phase", "epoch", "step", "t", "hits", "samples", "best_epoch"};
    static const double bad[] = {-1, 0.5, 1e300};
    for (size_t f = 0; f < sizeof fields / sizeof *fields; f++)
        for (size_t b = 0; b < sizeof bad / sizeof *bad; b++) {
            cJSON *broken = cJSON_Parse(text);
            thaw_position ignored = {0};
            cJSON_SetNumberValue(cJSON_GetObjectItem(broken, fields[f]), bad[b]);
            expect(THAW_E_FORMAT, thaw_position_read(broken, &o, &ignored, &err), &err);
            expect_text(&err, fields[f]);
            cJSON_free(ignored.epochs);
            cJSON_Delete(broken);
        }
    cJSON_Delete(json);
    cJSON_free(text);
    cJSON_free(p.epochs);
    cJSON_free(q.epochs);
}

static void a_new_head_is_glorot_uniform(void **state)
{
    (void)state;
    thaw_error err;
    thaw_model *a, *b;
    char *names[] = {"x", "y", "z"};
    thaw_dataset set = {.n_classes = 3, .class_names = names};
    expect(THAW_OK, thaw_model_create(&a, &err), &err);
    expect(THAW_OK, thaw_model_create(&b, &err), &err);
    expect(THAW_OK, thaw_head_new(a, &set, 1, &err), &err);
    expect(THAW_OK, thaw_head_new(b, &set, 2, &err), &err);
    const thaw_weight *k = &a->weights[THAW_W_HEAD_KERNEL];
    double limit = sqrt(6.0 / 2051), sum = 0, squares = 0, largest = 0;
    assert_int_equal(k->count, 2048 * 3);
    for (size_t i = 0; i < k->count; i++) {
        sum += (double)k->data[i];
        squares += (double)k->data[i] * (double)k->data[i];
        largest = fmax(largest, fabs((double)k->data[i]));
    }
    double n = (double)k->count;
    assert_true(largest <= limit * 1.000001 && largest > 0.99 * limit);
    assert_true(fabs(sum / n) < 0.05 * limit && fabs(squares / n * 3 / (limit * limit) - 1) < 0.05);
    assert_memory_not_equal(k->data, b->weights[THAW_W_HEAD_KERNEL].data, k->count * sizeof(float));
    for (int i = 0; i < 3; i++)
        assert_true(a->weights[THAW_W_HEAD_BIAS].data[i] == 0.0f);
    expect(THAW_OK, thaw_head_check(a, &set, &err), &err);
    names[1] = "other";
    expect(THAW_E_INVALID, thaw_head_check(a, &set, &err), &err);
    expect_text(&err, "other");
    set.n_classes = 2;
    expect(THAW_E_INVALID, thaw_head_check(a, &set, &err), &err);
    thaw_model_free(a);
    thaw_model_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adam_steps_have_the_closed_form),
        cmocka_unit_test(adam_hyper_is_what_keras_computes),
        cmocka_unit_test(early_stopping_counts_as_keras_does),
        cmocka_unit_test(options_that_make_no_sense_are_named),
        cmocka_unit_test(a_position_survives_json),
        cmocka_unit_test(a_new_head_is_glorot_uniform),
    };
    return cmocka_run_group_tests_name("units", tests, NULL, NULL);
}
