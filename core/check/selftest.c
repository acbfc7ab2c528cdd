#include "core/check/selftest.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"
#include "core/base/threads.h"
#include "core/check/case.h"
#include "core/check/check.h"

#define SEED 1u
/* More than any case takes. */
#define MEMORY_BYTES ((uint64_t)64 << 20)

/* Of the table of cases: for each op a shape as InceptionV3 has it, one with channels that fit no vector,
 * and slices of concatenations, bias and relu where the op has them. Small enough to take milliseconds. */
static const char *const case_names[] = {
    "conv2d/3x3_56-96_s1.1_p1.1.1.1_2x4x4_bias_relu_const_slice",
    "conv2d/siblings_1x1_288-240_s1.1_p0.0.0.0_2x5x5_bias_relu_const_slice",
    "conv2d/odd_3x3_31-17_s1.1_p1.1.1.1_2x13x11_bias_relu_const_slice",
    "conv2d/3x3_144-192_s2.2_p0.0.0.0_2x5x5",
    "conv2d/odd_1x1_2048-33_s1.1_p0.0.0.0_5x1x1_bias_slice",
    "conv2d_bwd_data/3x3_56-96_s1.1_p1.1.1.1_2x4x4",
    "conv2d_bwd_data/odd_3x3_31-17_s1.1_p1.1.1.1_2x13x11",
    "conv2d_bwd_data/odd_3x3_5-7_s2.2_p0.1.0.1_2x7x6",
    "conv2d_bwd_filter/3x3_56-96_s1.1_p1.1.1.1_2x4x4",
    "conv2d_bwd_filter/odd_3x3_31-17_s1.1_p1.1.1.1_2x13x11",
    "conv2d_bwd_filter/odd_1x1_5-33_s2.2_p0.0.0.0_2x7x7",
    "affine/2x5x7x64_shift_relu",
    "affine/3x2x7x33_slice",
    "affine/weights",
    "bn_fold/33",
    "bn_fold/448",
    "bn_train/4x8x8x64_relu_in-place",
    "bn_train/3x2x7x33_in-place_slice",
    "bn_train_bwd/4x8x8x64",
    "bn_train_bwd/3x2x7x33_slice",
    "maxpool/3x3_s2.2_p0.0.0.0_2x17x17x64",
    "maxpool/3x3_s1.1_p1.1.1.1_1x2x7x33_plain",
    "maxpool_bwd/3x3_s2.2_p0.0.0.0_2x17x17x64",
    "maxpool_bwd/3x3_s1.1_p1.1.1.1_1x2x7x33",
    "avgpool/3x3_s1.1_p1.1.1.1_2x9x9x192_bias_relu_slice",
    "avgpool/3x3_s1.1_p1.1.1.1_1x2x7x33_with-pad",
    "avgpool_bwd/3x3_s1.1_p1.1.1.1_2x9x9x192",
    "avgpool_bwd/3x3_s1.1_p1.1.1.1_1x2x7x33_with-pad",
    "global_avgpool/2x8x8x2048",
    "global_avgpool/1x7x2x33",
    "global_avgpool_bwd/2x8x8x2048",
    "global_avgpool_bwd/1x7x2x33",
    "dropout/2x2048_rate0.2",
    "dropout/3x33_rate0.2_in-place",
    "dropout_bwd/2x2048_rate0.2",
    "dropout_bwd/3x5_rate0.5_in-place",
    "softmax_xent/32x5",
    "softmax_xent/7x33_far",
    "softmax_xent_bwd/32x5",
    "softmax_xent_bwd/7x33",
    "metrics/32x5",
    "metrics/7x33",
    "relu_bwd/2x5x7x64",
    "relu_bwd/3x2x7x33_in-place_slice",
    "bias_grad/4x8x8x64",
    "bias_grad/3x2x7x33_slice",
    "add/2_2x5x7x64",
    "add/5_3x2x7x33_in-place_slice",
    "cast/f32-f16_3x2x7x33_slice",
    "cast/f16-f32_2x5x7x64",
    "cast/u8-f32_3x2x7x33_scaled",
    "adam/4-tensors_1-steps_in-place",
    "adam/4-tensors_5-steps_in-place",
};
#define N_CASES (sizeof case_names / sizeof case_names[0])

typedef struct tester {
    check_run run;
    const thaw_log *log;
    thaw_choices *wrong; /* what has been found wrong so far */
    thaw_selftest *out;
} tester;

void thaw_selftest_free(thaw_selftest *test)
{
    free(test->algos);
    memset(test, 0, sizeof *test);
}

static thaw_selftest_algo *find(const thaw_selftest *test, uint32_t kind, const char *name)
{
    for (size_t i = 0; i < test->n; i++)
        if (test->algos[i].kind == kind && strcmp(test->algos[i].name, name) == 0)
            return &test->algos[i];
    return NULL;
}

/* A verdict gets only worse. */
static thaw_status record(thaw_selftest *test, uint32_t kind, const char *name, thaw_selftest_verdict verdict,
                          const char *why, thaw_error *err)
{
    thaw_selftest_algo *algo = find(test, kind, name);
    void *items = test->algos;
    if (!algo) {
        if (!thaw_grow(&items, &test->capacity, test->n + 1, sizeof *test->algos))
            return thaw_fail_memory(err, sizeof *algo, "the self-test's result");
        test->algos = items;
        algo = &test->algos[test->n++];
        *algo = (thaw_selftest_algo){.kind = kind};
        snprintf(algo->name, sizeof algo->name, "%s", name);
    }
    if (verdict > algo->verdict) {
        algo->verdict = verdict;
        snprintf(algo->why, sizeof algo->why, "%s", why);
    }
    return THAW_OK;
}

/* The kind that the first word of a signature names; 0 if it names none. */
static uint32_t kind_of(const char *signature)
{
    size_t n = strcspn(signature, " ");
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++) {
        const char *name = thaw_check_op_name(kind);
        if (strlen(name) == n && memcmp(name, signature, n) == 0)
            return kind;
    }
    return 0;
}

/* ---- running --------------------------------------------------------------------------------------- */

/* *right: whether this algorithm passed the case. */
static thaw_status test_algo(tester *t, const check_subject *subject, const thaw_op_info *info, bool *right,
                             thaw_error *err)
{
    uint32_t kind = subject->c->kind;
    thaw_error why = {0};
    thaw_status st = thaw_check_algo(&t->run, subject, info->algo, &why);
    *right = st == THAW_OK;
    if (st == THAW_OK)
        return record(t->out, kind, info->name, THAW_SELFTEST_RIGHT, "", err);
    if (st != THAW_E_CHECK)
        return thaw_fail(err, st, "self-test of %s, %s: %s", t->run.device.dev->name, subject->c->name,
                         why.text);
    thaw_log_at(t->log, THAW_LOG_WARN,
                "%s: its %s algorithm \"%s\" failed the self-test and is not used: %s: %s",
                t->run.device.dev->name, thaw_check_op_name(kind), info->name, subject->c->name, why.text);
    st = record(t->out, kind, info->name, THAW_SELFTEST_WRONG, why.text, err);
    return st == THAW_OK ? thaw_choices_disable(t->wrong, kind, info->name, why.text, err) : st;
}

/* What would run. info: of the device's answer so far. */
static thaw_status test_default(tester *t, const check_subject *subject, const thaw_op *op,
                                thaw_op_info *info, bool *changed, thaw_error *err)
{
    thaw_error ignored;
    bool right = false;
    thaw_status st = test_algo(t, subject, info, &right, err);
    while (st == THAW_OK && !right) {
        *changed = true;
        if (thaw_choices_ask(t->wrong, t->run.device.dev, op, info, &ignored) != THAW_OK)
            return THAW_OK;
        st = test_algo(t, subject, info, &right, err);
    }
    return st;
}

/* The others of this kind that are listed already, because a search prefers them or another shape's default
 * is one of them. */
static thaw_status test_listed(tester *t, const check_subject *subject, const thaw_op *op, const char *done,
                               thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < t->out->n; i++) {
        thaw_selftest_algo algo = t->out->algos[i];
        thaw_op_info info;
        bool right;
        if (algo.kind == op->kind && algo.verdict != THAW_SELFTEST_WRONG && strcmp(algo.name, done) != 0 &&
            thaw_choices_named(t->run.device.dev, op, algo.name, &info))
            st = test_algo(t, subject, &info, &right, err);
    }
    return st;
}

static thaw_status test_case(tester *t, const check_case *c, bool *changed, thaw_error *err)
{
    check_desc desc;
    check_subject subject;
    thaw_op_info info;
    thaw_error why;
    thaw_check_describe(c, &desc);
    /* An op that the device declines is no failure, nor one of which nothing is left. */
    if (thaw_choices_ask(t->wrong, t->run.device.dev, &desc.op, &info, &why) != THAW_OK)
        return THAW_OK;
    thaw_status st = thaw_check_begin(&t->run, c, &subject, err);
    if (st == THAW_OK)
        st = test_default(t, &subject, &desc.op, &info, changed, err);
    if (st == THAW_OK)
        st = test_listed(t, &subject, &desc.op, info.name, err);
    thaw_check_end(&subject);
    return st;
}

static bool selected(const check_case *c)
{
    for (size_t i = 0; i < N_CASES; i++)
        if (strcmp(case_names[i], c->name) == 0)
            return true;
    return false;
}

/* A case that was renamed must not silently drop out. */
static thaw_status check_names(const check_list *list, thaw_error *err)
{
    size_t n = 0;
    for (size_t i = 0; i < list->count; i++)
        n += list->items[i].type == CHECK_VALUES && selected(&list->items[i]);
    return n == N_CASES ? THAW_OK
                        : thaw_fail(err, THAW_E_INTERNAL, "the self-test names %zu cases, the table has %zu",
                                    N_CASES, n);
}

/* ---- compiling ------------------------------------------------------------------------------------- */

typedef struct compiling {
    thaw_dev *dev;
    const check_list *list;
} compiling;

/* Prepares what the case's default needs and lets it go again. Failures show again in the test. */
static bool compile_case(void *arg, size_t task)
{
    const compiling *work = arg;
    const check_case *c = &work->list->items[task];
    const check_side side = {.dev = work->dev};
    const void *data[CHECK_MAX_ARGS] = {NULL};
    check_layout layout;
    check_desc desc;
    thaw_op_info info;
    thaw_kernel *kernel = NULL;
    thaw_error ignored;
    if (c->type != CHECK_VALUES || !selected(c))
        return true;
    thaw_check_describe(c, &desc);
    if (thaw_choices_ask(NULL, work->dev, &desc.op, &info, &ignored) != THAW_OK ||
        thaw_check_layout(c, work->dev->align, &layout, &ignored) != THAW_OK)
        return true;
    uint8_t *image = malloc(layout.total);
    if (!image)
        return true;
    thaw_check_draw(c, &layout, SEED, image);
    for (uint32_t i = 0; i < c->n_in; i++)
        data[i] = c->arg[i].role == THAW_ROLE_CONST ? image + layout.first[i] : NULL;
    thaw_check_prepare(&side, &desc.op, info.algo, data, &kernel, &ignored);
    work->dev->ops.kernel_destroy(work->dev->handle, kernel);
    free(image);
    return true;
}

/* A device may take seconds to compile a kernel, and keeps what it has compiled: on all processors at once,
 * so that the test, one case after the other, need not wait for each. */
static void compile_all(thaw_dev *dev, const check_list *list)
{
    compiling work = {dev, list};
    thaw_tasks_run(0, list->count, compile_case, NULL, &work);
}

/* A device that is full for the moment has not failed: what its algorithms would fail with then must not be
 * taken for a fault of theirs. */
static thaw_status memory_works(const check_side *side, thaw_error *err)
{
    thaw_buffer *buffer = NULL;
    thaw_error why = {0};
    const thaw_dev *dev = side->dev;
    uint64_t bytes = dev->max_alloc < MEMORY_BYTES ? dev->max_alloc : MEMORY_BYTES;
    if (thaw_check_buffer(side, bytes, &buffer, &why) != THAW_OK)
        return thaw_fail(err, THAW_E_DEVICE_MEMORY, "%s has no %llu bytes free for its self-test: %s",
                         dev->name, (unsigned long long)bytes, why.text);
    dev->ops.buffer_destroy(dev->handle, buffer);
    return THAW_OK;
}

/* ---- the whole ------------------------------------------------------------------------------------- */

/* A shape may bring down the algorithm that another shape has passed with: that one then needs the next. Each
 * round disables at least one, so this ends. */
static thaw_status test_all(tester *t, const check_list *list, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (bool changed = true; st == THAW_OK && changed;) {
        changed = false;
        for (size_t i = 0; st == THAW_OK && i < list->count; i++)
            if (list->items[i].type == CHECK_VALUES && selected(&list->items[i]))
                st = test_case(t, &list->items[i], &changed, err);
    }
    return st;
}

static thaw_status list_preferred(thaw_selftest *test, const thaw_choices *preferred, thaw_error *err)
{
    const thaw_choice *choice;
    thaw_status st = THAW_OK;
    for (size_t i = 0; preferred && st == THAW_OK && (choice = thaw_choices_at(preferred, i)); i++)
        if (kind_of(choice->signature))
            st = record(test, kind_of(choice->signature), choice->algo, THAW_SELFTEST_UNTRIED, "", err);
    return st;
}

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

thaw_status thaw_selftest_run(thaw_dev *dev, thaw_dev *reference, const thaw_choices *preferred,
                              const thaw_log *log, thaw_selftest *out, thaw_error *err)
{
    check_list list = {0};
    double start = now();
    tester t = {.run = {.device.dev = dev, .reference.dev = reference, .seed = SEED}, .log = log, .out = out};
    thaw_error own;
    memset(out, 0, sizeof *out);
    t.wrong = thaw_choices_create();
    thaw_status st = t.wrong ? THAW_OK : thaw_fail_memory(&own, 1, "the self-test");
    if (st == THAW_OK)
        st = list_preferred(out, preferred, &own);
    if (st == THAW_OK)
        st = thaw_check_cases(SEED, &list, &own);
    if (st == THAW_OK)
        st = check_names(&list, &own);
    if (st == THAW_OK)
        st = thaw_check_run_begin(&t.run, &own);
    if (st == THAW_OK)
        st = memory_works(&t.run.device, &own);
    if (st == THAW_OK) {
        compile_all(dev, &list);
        st = test_all(&t, &list, &own);
    }
    thaw_check_run_end(&t.run);
    thaw_check_list_free(&list);
    thaw_choices_free(t.wrong);
    out->seconds = now() - start;
    if (st != THAW_OK && err)
        *err = own;
    return st;
}

/* ---- the result ------------------------------------------------------------------------------------ */

thaw_status thaw_selftest_apply(const thaw_selftest *test, thaw_choices *choices, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < test->n; i++)
        if (test->algos[i].verdict == THAW_SELFTEST_WRONG)
            st = thaw_choices_disable(choices, test->algos[i].kind, test->algos[i].name, test->algos[i].why,
                                      err);
    return st;
}

bool thaw_selftest_covers(const thaw_selftest *test, const thaw_choices *preferred)
{
    const thaw_choice *choice;
    for (size_t i = 0; preferred && (choice = thaw_choices_at(preferred, i)); i++)
        if (kind_of(choice->signature) && !find(test, kind_of(choice->signature), choice->algo))
            return false;
    return true;
}

size_t thaw_selftest_count(const thaw_selftest *test, thaw_selftest_verdict verdict)
{
    size_t n = 0;
    for (size_t i = 0; i < test->n; i++)
        n += test->algos[i].verdict == verdict;
    return n;
}

size_t thaw_selftest_ops(const thaw_selftest *test)
{
    bool seen[THAW_OP_KIND_END] = {false};
    size_t n = 0;
    for (size_t i = 0; i < test->n; i++) {
        const thaw_selftest_algo *algo = &test->algos[i];
        if (algo->verdict != THAW_SELFTEST_RIGHT || algo->kind >= THAW_OP_KIND_END || seen[algo->kind])
            continue;
        seen[algo->kind] = true;
        n++;
    }
    return n;
}
