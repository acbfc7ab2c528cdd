/* What a run makes of its device: memory, slots, precision, and a second opinion. */
#include "helpers.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/train/prefix.h"

static world w;
static char logged[1024];

static void keep_log(void *ctx, int32_t level, const char *text)
{
    (void)ctx;
    if (level == THAW_LOG_INFO)
        snprintf(logged, sizeof logged, "%s", text);
}

static int setup(void **state)
{
    (void)state;
    world_create(&w, 2, 6);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_free(&w);
    return 0;
}

/* ---- the batch of the frozen part ------------------------------------------------------------------ */

static thaw_status make_prefix_for(uint64_t images, uint32_t batch, uint32_t *used, thaw_error *err)
{
    static thaw_net net;
    thaw_model *model;
    thaw_prefix prefix;
    expect(THAW_OK, thaw_net_inception_v3(75, &net, err), err);
    expect(THAW_OK, thaw_model_load(at(&w, "weights.safetensors"), NULL, &model, err), err);
    thaw_prefix_spec spec = {.model = model,
                             .net = &net,
                             .pooled = true,
                             .feature_dtype = THAW_F32,
                             .images = images,
                             .batch = batch};
    thaw_status st = thaw_prefix_create(&spec, &w.where, NULL, &prefix, err);
    *used = prefix.batch;
    thaw_prefix_free(&prefix);
    thaw_model_free(model);
    return st;
}

static thaw_status make_prefix(uint32_t batch, uint32_t *used, thaw_error *err)
{
    return make_prefix_for(0, batch, used, err);
}

/* Few images make a small batch, of a number that stages can divide. */
static void the_prefix_takes_no_more_than_there_are(void **state)
{
    (void)state;
    static const struct {
        uint64_t images;
        uint32_t asked, used;
    } cases[] = {{1, 0, 1},   {7, 0, 7},   {9, 0, 16},    {24, 0, 24},
                 {25, 0, 32}, {31, 0, 32}, {1000, 0, 32}, {3, 4, 4}};
    thaw_error err;
    uint32_t used;
    thaw_device_info saved = w.where.dev->info;
    w.where.dev->info.preferred_batch = 32;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        expect(THAW_OK, make_prefix_for(cases[i].images, cases[i].asked, &used, &err), &err);
        assert_int_equal(used, cases[i].used);
    }
    w.where.dev->info.preferred_batch = 10;
    expect(THAW_OK, make_prefix_for(9, 0, &used, &err), &err);
    assert_int_equal(used, 10);
    w.where.dev->info = saved;
}

/* Bytes that a batch needs, from what the error says when there is next to nothing. */
static uint64_t need_of(uint32_t batch)
{
    thaw_error err;
    uint32_t used;
    w.where.dev->info.memory_bytes = 1;
    expect(THAW_E_DEVICE_MEMORY, make_prefix(batch, &used, &err), &err);
    const char *number = strchr(err.text, '(');
    assert_non_null(number);
    return strtoull(number + 1, NULL, 10);
}

static void the_prefix_takes_what_fits(void **state)
{
    (void)state;
    thaw_error err;
    uint32_t used;
    const thaw_log log = {keep_log, NULL, THAW_LOG_INFO};
    thaw_device_info saved = w.where.dev->info;
    w.where.log = &log;
    uint64_t need8 = need_of(8), need16 = need_of(16);
    assert_true(need16 > need8 && need8 > 80u << 20);
    w.where.dev->info.preferred_batch = 32;
    w.where.dev->info.memory_bytes = need8;
    logged[0] = '\0';
    expect(THAW_OK, make_prefix(0, &used, &err), &err);
    assert_int_equal(used, 8);
    assert_non_null(strstr(logged, "8 images at a time pass the frozen part instead of 32"));
    w.where.dev->info.memory_bytes = need8 - 1;
    expect(THAW_OK, make_prefix(0, &used, &err), &err);
    assert_int_equal(used, 4);
    expect(THAW_E_DEVICE_MEMORY, make_prefix(8, &used, &err), &err); /* as asked for, or not at all */
    w.where.prefix_batch = 8;
    expect(THAW_E_DEVICE_MEMORY, make_prefix(0, &used, &err), &err);
    w.where.prefix_batch = 0;
    w.where.dev->info.memory_bytes = need16 / 2;
    expect(THAW_E_DEVICE_MEMORY, make_prefix(0, &used, &err), &err); /* not even one */
    logged[0] = '\0';
    w.where.dev->info.memory_bytes = saved.memory_bytes;
    expect(THAW_OK, make_prefix(0, &used, &err), &err);
    assert_int_equal(used, 32);
    assert_string_equal(logged, "");
    w.where.log = NULL;
    w.where.dev->info = saved;
}

/* ---- slots ------------------------------------------------------------------------------------------- */

/* A device that works beside the host has its feeds doubled; the CPU's plugin need not know that it is taken
 * for one. */
static void two_slots_change_no_bit(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result one, two;
    small_options(&w, NULL, &o);
    o.batch_size = 4;
    o.cache = THAW_CACHE_OFF;
    train(&w, &o, NULL, &one);
    w.where.dev->info.type = THAW_DEVICE_GPU;
    train(&w, &o, NULL, &two);
    expect_same_model(one.model, two.model);
    thaw_train_result_free(&two);
    o.cache = THAW_CACHE_RAM;
    train(&w, &o, NULL, &two);
    expect_same_model(one.model, two.model);
    thaw_train_result_free(&two);
    thaw_train_result_free(&one);
    w.where.dev->info.type = THAW_DEVICE_CPU;
}

static void on_phase(void *ctx, const thaw_train_event *e)
{
    if (e->kind == THAW_EVENT_PHASE && e->u.phase->phase == THAW_PHASE_FINETUNE)
        *(uint64_t *)ctx = e->u.phase->step_bytes;
}

/* The four programs of a phase make do with the memory of the largest. */
static void programs_of_a_phase_share_memory(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    uint64_t all = 0, largest = 0;
    thaw_listener listener = {on_phase, &all};
    small_options(&w, NULL, &o);
    o.batch_size = 7; /* 14 + 1 to train, 3 to validate */
    o.epochs[0] = 0;
    train(&w, &o, &listener, &r);
    thaw_train_result_free(&r);
    o.val_split = 0;
    o.batch_size = 9; /* 18 to train: one program */
    train(&w, &o, &listener, &r);
    largest = all;
    thaw_train_result_free(&r);
    o.val_split = 0.5;
    o.batch_size = 8; /* 9 and 9: all four */
    train(&w, &o, &listener, &r);
    thaw_train_result_free(&r);
    assert_true(all > 0 && all < largest);
}

/* ---- precision --------------------------------------------------------------------------------------- */

static int count_caches(void)
{
    int n = 0;
    DIR *d = opendir(at(&w, "kept"));
    assert_non_null(d);
    for (struct dirent *e; (e = readdir(d));)
        n += strncmp(e->d_name, "prefix-", 7) == 0;
    closedir(d);
    return n;
}

static void precision_is_part_of_what_a_run_is(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err = {0};
    small_options(&w, NULL, &o);
    o.epochs[1] = 0;
    o.checkpoint_dir = at(&w, "precise");
    o.cache = THAW_CACHE_DISK;
    o.cache_dir = at(&w, "kept");
    o.cache_keep = true;
    expect(THAW_OK, thaw_make_dirs(o.cache_dir, &err), &err);
    train(&w, &o, NULL, &r);
    thaw_train_result_free(&r);
    assert_int_equal(count_caches(), 1);
    w.where.precision = THAW_PREC_TF32;
    o.resume = true;
    expect(THAW_E_INVALID, thaw_train(&o, &w.where, NULL, &r, &err), &err);
    expect_text(&err, "precision was f32 and is now tf32");
    thaw_train_result_free(&r);
    o.resume = false;
    train(&w, &o, NULL, &r);
    thaw_train_result_free(&r);
    assert_int_equal(count_caches(), 2);
    w.where.precision = THAW_PREC_F32;
    w.where.exact = true;
    o.resume = true;
    expect(THAW_E_INVALID, thaw_train(&o, &w.where, NULL, &r, &err), &err);
    expect_text(&err, "precision was tf32 and is now f32 exact");
    thaw_train_result_free(&r);
    o.resume = false;
    train(&w, &o, NULL, &r);
    thaw_train_result_free(&r);
    assert_int_equal(count_caches(), 3);
    w.where.exact = false;
}

/* Rows of two algorithms are not for one run. */
static void a_cache_is_of_the_algorithms_that_filled_it(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err = {0};
    thaw_choices *choices = thaw_choices_create();
    assert_non_null(choices);
    small_options(&w, NULL, &o);
    o.epochs[1] = 0;
    o.cache = THAW_CACHE_DISK;
    o.cache_dir = at(&w, "kept");
    o.cache_keep = true;
    expect(THAW_OK, thaw_make_dirs(o.cache_dir, &err), &err);
    train(&w, &o, NULL, &r);
    thaw_train_result_free(&r);
    const int before = count_caches();
    expect(THAW_OK, thaw_choices_disable(choices, THAW_OP_MAXPOOL, "vector", "for this test", &err), &err);
    w.where.choices = choices;
    for (int i = 0; i < 2; i++) {
        train(&w, &o, NULL, &r);
        thaw_train_result_free(&r);
        assert_int_equal(count_caches(), before + 1);
    }
    w.where.choices = NULL;
    thaw_choices_free(choices);
}

static void precision_is_that_of_convolutions(void **state)
{
    (void)state;
    thaw_gop ops[] = {{.kind = THAW_OP_CONV2D},
                      {.kind = THAW_OP_CONV2D_BWD_DATA},
                      {.kind = THAW_OP_CONV2D_BWD_FILTER},
                      {.kind = THAW_OP_BIAS_GRAD}};
    thaw_graph g = {.ops = ops, .n_ops = 4};
    thaw_graph_set_precision(&g, THAW_PREC_TF32);
    for (int i = 0; i < 3; i++)
        assert_int_equal(ops[i].precision, THAW_PREC_TF32);
    assert_int_equal(ops[3].precision, THAW_PREC_F32);
}

static void bf16_and_orders_reach_what_they_are_for(void **state)
{
    (void)state;
    const thaw_where where = {.precision = THAW_PREC_BF16, .exact = true};
    thaw_gop ops[] = {{.kind = THAW_OP_CONV2D}, {.kind = THAW_OP_BIAS_GRAD}};
    thaw_graph g = {.ops = ops, .n_ops = 2};
    thaw_permit_frozen(&g, &where);
    assert_int_equal(ops[0].precision, THAW_PREC_BF16);
    assert_int_equal(ops[0].flags, THAW_OP_EXACT);
    assert_int_equal(ops[1].flags, 0);
    thaw_permit_trained(&g, &where);
    assert_int_equal(ops[0].precision, THAW_PREC_F32);
    assert_int_equal(ops[0].flags, THAW_OP_EXACT);
}

/* ---- a second opinion -------------------------------------------------------------------------------- */

typedef struct checked {
    int n;
    double loss, gradients;
} checked;

static void on_check(void *ctx, const thaw_train_event *e)
{
    checked *c = ctx;
    if (e->kind != THAW_EVENT_CHECKED)
        return;
    assert_int_equal(e->u.check->phase, c->n++);
    assert_non_null(e->u.check->worst_tensor);
    if (e->u.check->loss > c->loss)
        c->loss = e->u.check->loss;
    if (e->u.check->gradients > c->gradients)
        c->gradients = e->u.check->gradients;
}

static void a_first_step_is_checked(void **state)
{
    (void)state;
    thaw_train_options o;
    thaw_train_result plain, other;
    thaw_error err;
    for (int bn = 0; bn < 2; bn++) {
        checked c = {0};
        thaw_listener listener = {on_check, &c};
        small_options(&w, NULL, &o);
        o.bn = bn ? THAW_BN_BATCH : THAW_BN_FROZEN;
        train(&w, &o, NULL, &plain);
        expect(THAW_OK, thaw_runtime_open(w.runtime, "cpu:0,isa=generic", &w.where.check_dev, &err), &err);
        train(&w, &o, &listener, &other);
        thaw_runtime_close(w.runtime, w.where.check_dev);
        w.where.check_dev = NULL;
        expect_same_model(plain.model, other.model); /* looking on changes nothing */
        assert_int_equal(c.n, 2);
        assert_true(c.loss < 1e-5 && c.gradients < 1e-2);
        assert_true(c.gradients > 0);
        thaw_train_result_free(&plain);
        thaw_train_result_free(&other);
    }
}

static void copy_file(const char *from, const char *to)
{
    char buffer[65536];
    FILE *in = fopen(from, "rb"), *out = fopen(to, "wb");
    assert_true(in && out);
    for (size_t n; (n = fread(buffer, 1, sizeof buffer, in)) > 0;)
        assert_int_equal(fwrite(buffer, 1, n, out), n);
    assert_int_equal(fclose(in) | fclose(out), 0);
}

typedef struct spoiler {
    thaw_runtime *runtime;
    thaw_dev *dev;
} spoiler;

/* The features were right; from here on every kernel is wrong: faults are the plugin's, not the device's. */
static void spoil(void *ctx, const thaw_train_event *e)
{
    spoiler *s = ctx;
    if (e->kind == THAW_EVENT_PHASE)
        assert_int_equal(thaw_runtime_open(s->runtime, "faulty:0,fault=value", &s->dev, NULL), THAW_OK);
}

static void a_wrong_first_step_stops_the_run(void **state)
{
    (void)state;
    static const char *const plugins[] = {CPU_PLUGIN, FAULTY_PLUGIN};
    thaw_train_options o;
    thaw_train_result r;
    thaw_error err = {0};
    thaw_runtime *runtime;
    const char *inner = at(&w, "inner-cpu.so");
    copy_file(CPU_PLUGIN, inner);
    setenv("THAW_FAULTY_INNER", inner, 1);
    thaw_runtime_options options = {.threads = 2, .plugins = plugins, .n_plugins = 2, .no_search = true};
    expect(THAW_OK, thaw_runtime_create(&options, &runtime, &err), &err);
    thaw_where where = {.decode_threads = 2};
    expect(THAW_OK, thaw_runtime_open(runtime, "cpu:0", &where.check_dev, &err), &err);
    expect(THAW_OK, thaw_runtime_open(runtime, "faulty:0,fault=none", &where.dev, &err), &err);
    small_options(&w, at(&w, "wrong.safetensors"), &o);
    o.checkpoint_dir = at(&w, "wrong");
    spoiler s = {.runtime = runtime};
    const thaw_listener listener = {spoil, &s};
    expect(THAW_E_CHECK, thaw_train(&o, &where, &listener, &r, &err), &err);
    expect_text(&err, "step 1 of phase head is not the same on faulty:0 and on cpu:0");
    expect_text(&err, "thaw check --device faulty:0");
    thaw_train_result_free(&r);
    assert_null(fopen(at(&w, "wrong/last.safetensors"), "rb"));
    assert_null(fopen(o.output, "rb"));
    thaw_runtime_close(runtime, s.dev);
    thaw_runtime_close(runtime, where.dev);
    thaw_runtime_close(runtime, where.check_dev);
    thaw_runtime_free(runtime);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_prefix_takes_no_more_than_there_are),
        cmocka_unit_test(the_prefix_takes_what_fits),
        cmocka_unit_test(two_slots_change_no_bit),
        cmocka_unit_test(programs_of_a_phase_share_memory),
        cmocka_unit_test(precision_is_part_of_what_a_run_is),
        cmocka_unit_test(a_cache_is_of_the_algorithms_that_filled_it),
        cmocka_unit_test(precision_is_that_of_convolutions),
        cmocka_unit_test(bf16_and_orders_reach_what_they_are_for),
        cmocka_unit_test(a_first_step_is_checked),
        cmocka_unit_test(a_wrong_first_step_stops_the_run),
    };
    return cmocka_run_group_tests_name("device", tests, setup, teardown);
}
