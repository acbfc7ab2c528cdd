/* Stopping anywhere and going on gives the bits of never having stopped. */
#include "helpers.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"

static world w;
static thaw_train_result whole; /* of resume_options, never stopped */
static volatile sig_atomic_t cancel;

static void resume_options(thaw_train_options *o)
{
    small_options(&w, NULL, o);
    o->epochs[0] = o->epochs[1] = 2;
    o->lr[0] = 1e-2;
    o->lr[1] = 1e-4;
    o->patience = 5;
}

static int setup(void **state)
{
    (void)state;
    thaw_train_options o;
    world_create(&w, 1, 10);
    w.where.cancel = &cancel;
    resume_options(&o);
    train(&w, &o, NULL, &whole);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    thaw_train_result_free(&whole);
    world_free(&w);
    return 0;
}

typedef struct place {
    thaw_event_kind kind;
    uint32_t phase, epoch, step;
} place;

static void stop_at(void *ctx, const thaw_train_event *e)
{
    const place *p = ctx;
    if (e->kind != p->kind)
        return;
    if (e->kind == THAW_EVENT_STEP &&
        (e->u.step->phase != p->phase || e->u.step->epoch != p->epoch || e->u.step->step != p->step))
        return;
    if (e->kind == THAW_EVENT_EPOCH && (e->u.epoch->phase != p->phase || e->u.epoch->epoch != p->epoch))
        return;
    if (e->kind == THAW_EVENT_PROGRESS &&
        (e->u.progress->pass != THAW_PASS_VALIDATE || e->u.progress->epoch != p->epoch ||
         e->u.progress->phase != p->phase))
        return;
    cancel = 1;
}

static void stop_and_go_on(const thaw_train_options *base, const place *where, thaw_train_result *out)
{
    thaw_train_options o = *base;
    thaw_train_result r;
    thaw_error err;
    thaw_listener listener = {stop_at, (void *)where};
    expect(THAW_E_CANCELLED, thaw_train(&o, &w.where, &listener, &r, &err), &err);
    expect_text(&err, "--resume");
    assert_null(r.model);
    thaw_train_result_free(&r);
    cancel = 0;
    o.resume = true;
    train(&w, &o, NULL, out);
}

/* Three steps an epoch. */
static void any_step_is_a_place_to_stop(void **state)
{
    (void)state;
    static const place places[] = {
        {THAW_EVENT_STEP, 0, 0, 0},
        {THAW_EVENT_STEP, 0, 1, 2},
        {THAW_EVENT_STEP, 1, 1, 1},
        {THAW_EVENT_PROGRESS, 1, 0, 0},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        thaw_train_options o;
        thaw_train_result r;
        resume_options(&o);
        o.checkpoint_dir = at(&w, "steps");
        stop_and_go_on(&o, &places[i], &r);
        expect_same_model(r.model, whole.model);
        assert_int_equal(r.n_epochs, whole.n_epochs);
        assert_true(r.best_val_loss == whole.best_val_loss && r.best_epoch == whole.best_epoch);
        thaw_train_result_free(&r);
    }
}

static void batch_statistics_go_on_too(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result a, b;
    resume_options(&o);
    o.bn = THAW_BN_BATCH;
    o.restore_best = false;
    o.cache = THAW_CACHE_OFF;
    train(&w, &o, NULL, &a);
    o.checkpoint_dir = at(&w, "batch");
    stop_and_go_on(&o, &(place){THAW_EVENT_STEP, 1, 0, 1}, &b);
    expect_same_model(a.model, b.model);
    thaw_train_result_free(&a);
    thaw_train_result_free(&b);
}

/* What a kill at the end of each epoch would have left: the files are replaced and never overwritten, so a
 * second name keeps them. */
static void keep_checkpoint(void *ctx, const thaw_train_event *e)
{
    int *epoch = ctx;
    char to[64];
    thaw_error err;
    if (e->kind != THAW_EVENT_SAVED || !strstr(e->u.path, "last"))
        return;
    ++*epoch;
    snprintf(to, sizeof to, "killed%d", *epoch);
    expect(THAW_OK, thaw_make_dirs(at(&w, to), &err), &err);
    snprintf(to, sizeof to, "killed%d/last.safetensors", *epoch);
    assert_int_equal(link(at(&w, "kill/last.safetensors"), at(&w, to)), 0);
    snprintf(to, sizeof to, "killed%d/best.safetensors", *epoch);
    assert_int_equal(link(at(&w, "kill/best.safetensors"), at(&w, to)), 0);
}

static void the_end_of_any_epoch_is_a_place_to_be_killed(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    int epochs = 0;
    thaw_listener listener = {keep_checkpoint, &epochs};
    resume_options(&o);
    o.checkpoint_dir = at(&w, "kill");
    train(&w, &o, &listener, &r);
    expect_same_model(r.model, whole.model);
    thaw_train_result_free(&r);
    assert_int_equal(epochs, 4);
    o.resume = true;
    for (int epoch = 1; epoch <= 4; epoch++) {
        char from[16];
        snprintf(from, sizeof from, "killed%d", epoch);
        o.checkpoint_dir = at(&w, from);
        train(&w, &o, NULL, &r);
        expect_same_model(r.model, whole.model);
        thaw_train_result_free(&r);
    }
}

static void another_run_is_refused_and_the_difference_named(void **state)
{
    (void)state;
    thaw_train_options good, o;
    thaw_train_result r;
    thaw_error err;
    resume_options(&good);
    good.checkpoint_dir = at(&w, "killed1");
    good.resume = true;
#define REFUSED(change, word)                                                                                \
    o = good;                                                                                                \
    change;                                                                                                  \
    expect(THAW_E_INVALID, thaw_train(&o, &w.where, NULL, &r, &err), &err);                                  \
    expect_text(&err, word);                                                                                 \
    thaw_train_result_free(&r)
    REFUSED(o.batch_size = 8, "batch size was 10 and is now 8");
    REFUSED(o.seed = 9, "images and split");
    REFUSED(o.lr[1] = 1e-3, "learning rates");
    REFUSED(o.epochs[1] = 3, "epochs was 2,2 and is now 2,3");
    REFUSED(o.dropout = 0.5f, "dropout");
    REFUSED(o.unfreeze_last = 51, "trainable layers");
    REFUSED(o.bn = THAW_BN_BATCH, "batch normalisation");
    REFUSED(o.cache_dtype = THAW_F16, "cache type");
    REFUSED(o.shuffle = THAW_SHUFFLE_NONE, "shuffle");
    REFUSED(o.input_size = 96, "input size");
#undef REFUSED
    w.where.prefix_batch = 3;
    expect(THAW_E_INVALID, thaw_train(&good, &w.where, NULL, &r, &err), &err);
    expect_text(&err, "prefix batch");
    thaw_train_result_free(&r);
    w.where.prefix_batch = 0;

    o = good;
    o.checkpoint_dir = at(&w, "nothing-here");
    expect(THAW_E_NOT_FOUND, thaw_train(&o, &w.where, NULL, &r, &err), &err);
    expect_text(&err, "nothing-here/last.safetensors");
    thaw_train_result_free(&r);

    assert_int_equal(link(at(&w, "weights.safetensors"), at(&w, "nothing-here/last.safetensors")), 0);
    expect(THAW_E_FORMAT, thaw_train(&o, &w.where, NULL, &r, &err), &err);
    expect_text(&err, "no checkpoint");
    thaw_train_result_free(&r);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_step_is_a_place_to_stop),
        cmocka_unit_test(batch_statistics_go_on_too),
        cmocka_unit_test(the_end_of_any_epoch_is_a_place_to_be_killed),
        cmocka_unit_test(another_run_is_refused_and_the_difference_named),
    };
    return cmocka_run_group_tests_name("resume", tests, setup, teardown);
}
