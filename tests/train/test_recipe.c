/* Whole runs: what they reach, and that their bits depend on nothing that must not matter. */
#include "helpers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"

static world w;
static thaw_train_result reference; /* of small_options */

static int setup(void **state)
{
    (void)state;
    thaw_train_options o;
    world_create(&w, 1, 10);
    small_options(&w, NULL, &o);
    train(&w, &o, NULL, &reference);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    thaw_train_result_free(&reference);
    world_free(&w);
    return 0;
}

typedef struct seen {
    int headers, phases, steps, epochs, saved, stops;
    bool mid_block;
    size_t n_train, n_val;
    thaw_phase_info phase[2];
    uint32_t trained_convs, trained_betas;
    uint64_t cache_bytes;
} seen;

static void watch(void *ctx, const thaw_train_event *e)
{
    seen *s = ctx;
    switch (e->kind) {
    case THAW_EVENT_HEADER:
        s->headers++;
        s->mid_block = e->u.header->mid_block;
        s->n_train = e->u.header->n_train;
        s->n_val = e->u.header->n_val;
        s->trained_convs = e->u.header->finetune.convs;
        s->trained_betas = e->u.header->finetune.betas;
        s->cache_bytes = e->u.header->cache_bytes;
        break;
    case THAW_EVENT_PHASE:
        s->phase[e->u.phase->phase] = *e->u.phase;
        s->phases++;
        break;
    case THAW_EVENT_STEP:
        assert_true(isfinite(e->u.step->loss));
        s->steps++;
        break;
    case THAW_EVENT_EPOCH:
        s->epochs++;
        break;
    case THAW_EVENT_EARLY_STOP:
        s->stops++;
        break;
    case THAW_EVENT_SAVED:
        s->saved++;
        break;
    case THAW_EVENT_PROGRESS:
        assert_true(e->u.progress->done <= e->u.progress->total);
        break;
    default:
        break;
    }
}

static size_t count_lines(const char *path)
{
    FILE *f = fopen(path, "r");
    assert_non_null(f);
    size_t n = 0;
    for (int c; (c = fgetc(f)) != EOF;)
        n += c == '\n';
    fclose(f);
    return n;
}

static void an_easy_set_is_learnt(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err;
    seen s = {0};
    thaw_listener listener = {watch, &s};
    small_options(&w, at(&w, "easy.safetensors"), &o);
    o.epochs[0] = 6;
    o.epochs[1] = 2;
    o.lr[0] = 1e-2;
    o.csv = at(&w, "easy.csv");
    o.step_log = at(&w, "easy.jsonl");
    train(&w, &o, &listener, &r);
    assert_int_equal(r.n_epochs, 8);
    assert_true(r.epochs[5].loss < 0.7 * r.epochs[0].loss);
    assert_true(r.epochs[5].val_loss < r.epochs[0].val_loss);
    assert_true(r.has_best && r.best_val_loss <= r.epochs[5].val_loss);
    /* 30 images: 24 to train, 6 to validate; batches of 10, 10 and 4. */
    assert_true(s.headers == 1 && s.phases == 2 && s.steps == 24 && s.epochs == 8 && s.saved == 1);
    assert_true(s.n_train == 24 && s.n_val == 6 && s.mid_block);
    assert_true(s.trained_convs == 12 && s.trained_betas == 15);
    assert_true(s.phase[0].parameters == 2049 * 3 && s.phase[0].steps == 3);
    assert_true(s.phase[1].parameters == 2049 * 3 + 7173312 && s.phase[1].macs > s.phase[0].macs);
    assert_int_equal(count_lines(o.csv), 9);
    assert_int_equal(count_lines(o.step_log), 24);

    thaw_model *m;
    expect(THAW_OK, thaw_model_load(o.output, NULL, &m, &err), &err);
    expect_same_model(m, r.model);
    assert_int_equal(m->n_classes, 3);
    assert_string_equal(m->class_names[2], "slant");
    assert_non_null(strstr(m->history, "\"best\":true"));
    assert_int_equal(m->pre.input_size, 75);
    thaw_model_free(m);
    thaw_train_result_free(&r);
}

static void trained_again(const thaw_train_options *o)
{
    thaw_train_result r;
    train(&w, o, NULL, &r);
    expect_same_model(r.model, reference.model);
    thaw_train_result_free(&r);
}

static void the_number_of_threads_changes_no_bit(void **state)
{
    (void)state;
    thaw_train_options o;
    small_options(&w, NULL, &o);
    world_reopen(&w, 2);
    trained_again(&o);
    world_reopen(&w, 1);
}

static void the_cache_changes_no_bit(void **state)
{
    (void)state;
    thaw_train_options o;
    small_options(&w, NULL, &o);
    o.cache = THAW_CACHE_OFF;
    trained_again(&o);
    o.cache = THAW_CACHE_DISK;
    o.cache_dir = w.dir;
    trained_again(&o);
    o.cache_keep = true;
    trained_again(&o); /* fills the file */
    trained_again(&o); /* and lives on it */
}

static void f16_features_train_the_same_with_and_without_cache(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result a, b;
    small_options(&w, NULL, &o);
    o.epochs[0] = 0;
    o.cache_dtype = THAW_F16;
    train(&w, &o, NULL, &a);
    o.cache = THAW_CACHE_OFF;
    train(&w, &o, NULL, &b);
    expect_same_model(a.model, b.model);
    assert_false(same_tensors(a.model, reference.model));
    thaw_train_result_free(&a);
    thaw_train_result_free(&b);
}

static void seeds_and_shuffling_matter(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    small_options(&w, NULL, &o);
    o.epochs[1] = 0;
    o.shuffle = THAW_SHUFFLE_NONE;
    train(&w, &o, NULL, &r);
    assert_true(r.epochs[0].loss != reference.epochs[0].loss);
    thaw_train_result_free(&r);
    o.shuffle = THAW_SHUFFLE_EPOCH;
    o.seed = 124;
    train(&w, &o, NULL, &r);
    assert_true(r.epochs[0].loss != reference.epochs[0].loss);
    thaw_train_result_free(&r);
}

static size_t count_changed(const thaw_model *m, const thaw_model *base)
{
    size_t changed = 0;
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++)
        changed += !same_weight(m, base, i);
    return changed;
}

static void what_trains_is_what_was_asked_for(void **state)
{
    (void)state;
    static const struct {
        uint32_t last;
        size_t changed; /* kernels and betas of the base */
    } cases[] = {{0, 0}, {1, 0}, {50, 27}, {200, 0}, {311, 188}};
    thaw_error err;
    thaw_model *base;
    expect(THAW_OK, thaw_model_load(at(&w, "weights.safetensors"), NULL, &base, &err), &err);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        thaw_train_options o;
        thaw_train_result r;
        seen s = {0};
        thaw_listener listener = {watch, &s};
        small_options(&w, NULL, &o);
        o.unfreeze_last = cases[i].last;
        o.restore_best = false;
        train(&w, &o, &listener, &r);
        assert_int_equal(r.n_epochs, cases[i].last == 0 ? 1 : 2);
        size_t expected = s.trained_convs + s.trained_betas;
        if (cases[i].last != 200)
            assert_int_equal(expected, cases[i].changed);
        assert_int_equal(count_changed(r.model, base), expected);
        thaw_train_result_free(&r);
    }
    thaw_model_free(base);
}

static void whole_blocks_can_be_named(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    seen s = {0};
    thaw_listener listener = {watch, &s};
    small_options(&w, NULL, &o);
    o.unfreeze_from = "mixed10";
    o.epochs[0] = 0;
    train(&w, &o, &listener, &r);
    assert_true(!s.mid_block && s.trained_convs == 9 && s.trained_betas == 9);
    assert_int_equal(r.n_epochs, 1);
    assert_int_equal(r.epochs[0].phase, THAW_PHASE_FINETUNE);
    thaw_train_result_free(&r);
}

static void batch_statistics_move_when_asked(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    small_options(&w, NULL, &o);
    o.bn = THAW_BN_BATCH;
    o.restore_best = false;
    train(&w, &o, NULL, &r);
    size_t frozen = THAW_W_INDEX(80, THAW_W_MEAN), moved = THAW_W_INDEX(93, THAW_W_MEAN);
    const thaw_weight *a = r.model->weights, *b = reference.model->weights;
    assert_memory_equal(a[frozen].data, b[frozen].data, a[frozen].count * 4);
    assert_memory_not_equal(a[moved].data, b[moved].data, a[moved].count * 4);
    assert_memory_not_equal(a[moved + 1].data, b[moved + 1].data, a[moved + 1].count * 4);
    assert_int_equal(r.model->bn, THAW_BN_BATCH);
    assert_int_equal(reference.model->bn, THAW_BN_FROZEN);
    thaw_train_result_free(&r);
}

static void a_phase_without_progress_is_cut_short(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    seen s = {0};
    thaw_listener listener = {watch, &s};
    small_options(&w, NULL, &o);
    o.epochs[0] = 9;
    o.epochs[1] = 0;
    o.patience = 2;
    o.min_delta = 1e6; /* nothing but the first epoch is an improvement */
    train(&w, &o, &listener, &r);
    assert_int_equal(r.n_epochs, 3);
    assert_int_equal(s.stops, 1);
    assert_true(r.best_epoch == 0 && r.best_val_loss == r.epochs[0].val_loss);
    thaw_train_result_free(&r);
}

static void the_best_epoch_is_the_result(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result best, last, first;
    small_options(&w, NULL, &o);
    o.lr[1] = 0.5; /* ruins the second phase */
    o.checkpoint_dir = at(&w, "best");
    train(&w, &o, NULL, &best);
    assert_true(best.best_phase == 0 && best.epochs[1].val_loss > best.epochs[0].val_loss);
    o.restore_best = false;
    o.checkpoint_dir = NULL;
    train(&w, &o, NULL, &last);
    o.lr[1] = 0.0; /* leaves what the first phase made */
    train(&w, &o, NULL, &first);
    assert_true(same_tensors(best.model, first.model));
    /* What did not train is still in the file alone. */
    assert_null(best.model->weights[THAW_W_INDEX(0, THAW_W_KERNEL)].data);
    assert_false(same_tensors(best.model, last.model));
    thaw_model *m;
    thaw_error err;
    expect(THAW_OK, thaw_model_load(at(&w, "best/best.safetensors"), NULL, &m, &err), &err);
    assert_true(same_tensors(best.model, m));
    thaw_model_free(m);
    expect(THAW_OK, thaw_model_load(at(&w, "best/last.safetensors"), NULL, &m, &err), &err);
    assert_true(same_tensors(last.model, m));
    thaw_model_free(m);
    thaw_train_result_free(&best);
    thaw_train_result_free(&last);
    thaw_train_result_free(&first);
}

static void a_trained_model_is_carried_on_with(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err;
    small_options(&w, NULL, &o);
    expect(THAW_OK, thaw_model_save(reference.model, at(&w, "ref.safetensors"), NULL, &err), &err);
    o.weights = NULL;
    o.init = at(&w, "ref.safetensors");
    o.lr[0] = 0;
    o.epochs[1] = 0;
    o.restore_best = false;
    train(&w, &o, NULL, &r);
    assert_true(same_tensors(r.model, reference.model));
    thaw_train_result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_easy_set_is_learnt),
        cmocka_unit_test(the_number_of_threads_changes_no_bit),
        cmocka_unit_test(the_cache_changes_no_bit),
        cmocka_unit_test(f16_features_train_the_same_with_and_without_cache),
        cmocka_unit_test(seeds_and_shuffling_matter),
        cmocka_unit_test(what_trains_is_what_was_asked_for),
        cmocka_unit_test(whole_blocks_can_be_named),
        cmocka_unit_test(batch_statistics_move_when_asked),
        cmocka_unit_test(a_phase_without_progress_is_cut_short),
        cmocka_unit_test(the_best_epoch_is_the_result),
        cmocka_unit_test(a_trained_model_is_carried_on_with),
    };
    return cmocka_run_group_tests_name("recipe", tests, setup, teardown);
}
