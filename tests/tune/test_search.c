/* The search finds the faster algorithm, refuses the wrong one, and goes on where it was. */
#include "core/base/file.h"
#include "core/check/case.h"
#include "helpers.h"

#define PATH WORK_DIR "/search.tune"

typedef struct outcome {
    thaw_status status;
    thaw_tune_summary summary;
    thaw_choice choice; /* of the last op */
    char rejected[512], note[512];
    size_t reports, known;
} outcome;

static void on_op(void *ctx, const thaw_tune_report *r)
{
    outcome *o = ctx;
    o->reports++;
    o->known += r->known;
    if (r->choice)
        o->choice = *r->choice;
    snprintf(o->rejected, sizeof o->rejected, "%s", r->rejected);
    snprintf(o->note, sizeof o->note, "%s", r->note);
}

/* Notes the op of n programs, of 1, 2, … rows, without the device computing anything. */
static thaw_tune_ops *gather(thaw_dev *dev, int32_t n)
{
    thaw_tune_ops *ops = NULL;
    thaw_error err = {0};
    assert_int_equal(thaw_tune_ops_create(dev, &ops, NULL), THAW_OK);
    for (int32_t rows = 1; rows <= n; rows++) {
        thaw_graph graph;
        thaw_program *program = NULL;
        const thaw_program_options options = {.dev = thaw_tune_ops_dev(ops)};
        relu_graph(&graph, rows);
        if (thaw_program_create(&graph, NULL, &options, &program, &err) != THAW_OK)
            fail_msg("%s", err.text);
        thaw_program_free(program);
        thaw_graph_free(&graph);
    }
    return ops;
}

static void search(thaw_runtime *runtime, const char *device, int32_t n, double seconds, bool again,
                   const volatile sig_atomic_t *cancel, outcome *out)
{
    thaw_dev *dev = open_dev(runtime, device), *reference = open_dev(runtime, "cpu:0");
    thaw_tune_ops *ops = gather(dev, n);
    thaw_error err = {0};
    memset(out, 0, sizeof *out);
    const thaw_tune_options options = {.path = PATH,
                                       .id = {"a", "b", "c", "d", "e"},
                                       .seconds = seconds,
                                       .again = again,
                                       .cancel = cancel,
                                       .log = &warning_log,
                                       .on_op = on_op,
                                       .ctx = out};
    warnings = 0;
    out->status = thaw_tune_run(dev, reference, ops, &options, &out->summary, &err);
    if (out->status != THAW_OK && out->status != THAW_E_CANCELLED)
        fail_msg("%s", err.text);
    thaw_tune_ops_free(ops);
    thaw_runtime_close(runtime, reference);
    thaw_runtime_close(runtime, dev);
}

static void finds_the_faster_one(void **state)
{
    outcome o;
    search(*state, "picky:0,first=slow", 1, 60, true, NULL, &o);
    assert_int_equal(o.summary.tried, 1);
    assert_int_equal(o.summary.faster, 1);
    assert_true(o.summary.finished);
    assert_string_equal(o.choice.algo, "second");
    assert_string_equal(o.choice.default_algo, "first");
    assert_true(o.choice.default_nanoseconds > 300000);
    assert_true(o.choice.nanoseconds < o.choice.default_nanoseconds);
    assert_string_equal(o.rejected, "");
    assert_true(o.summary.tuned_seconds < o.summary.default_seconds);
}

static void keeps_a_default_that_is_as_fast(void **state)
{
    outcome o;
    search(*state, "picky:0,second=slow", 1, 60, true, NULL, &o);
    assert_string_equal(o.choice.algo, "first");
    assert_int_equal(o.summary.faster, 0);
}

static void rejects_a_fast_one_that_is_wrong(void **state)
{
    outcome o;
    search(*state, "picky:0,first=slow,second=wrong", 1, 60, true, NULL, &o);
    assert_string_equal(o.choice.algo, "first");
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warned, "\"second\" is fast and wrong"));
    assert_non_null(strstr(o.rejected, "second: "));
    assert_non_null(strstr(o.rejected, "42, the reference has"));
}

static void leaves_out_what_does_not_compile(void **state)
{
    outcome o;
    search(*state, "picky:0,first=slow,second=broken", 1, 60, true, NULL, &o);
    assert_string_equal(o.choice.algo, "first");
    assert_non_null(strstr(o.rejected, "does not compile"));
    search(*state, "picky:0,first=broken", 1, 60, true, NULL, &o);
    assert_int_equal(o.summary.skipped, 1);
    assert_non_null(strstr(o.note, "does not compile"));
}

static void goes_on_where_it_was(void **state)
{
    outcome o;
    search(*state, "picky:0,first=slow", 2, 60, true, NULL, &o);
    assert_int_equal(o.summary.tried, 2);
    search(*state, "picky:0,first=slow", 3, 60, false, NULL, &o);
    assert_int_equal(o.summary.ops, 3);
    assert_int_equal(o.summary.known, 2);
    assert_int_equal(o.summary.tried, 1);
    assert_int_equal(o.summary.faster, 3);
    assert_int_equal(o.known, 2);
    /* Nothing is left to do, and the file does not grow. */
    uint8_t *before = NULL, *after = NULL;
    size_t n = 0, m = 0;
    assert_int_equal(thaw_read_file(PATH, 1 << 20, &before, &n, NULL), THAW_OK);
    search(*state, "picky:0,first=slow", 3, 60, false, NULL, &o);
    assert_int_equal(o.summary.known, 3);
    assert_int_equal(thaw_read_file(PATH, 1 << 20, &after, &m, NULL), THAW_OK);
    assert_int_equal(n, m);
    assert_memory_equal(before, after, n);
    free(before);
    free(after);
}

static void a_budget_of_nothing_tries_nothing(void **state)
{
    outcome o;
    remove(PATH);
    search(*state, "picky:0,first=slow", 2, 0, false, NULL, &o);
    assert_int_equal(o.summary.tried + o.summary.known, 0);
    assert_int_equal(o.reports, 0);
    assert_false(o.summary.finished);
    assert_false(thaw_path_exists(PATH));
}

static void stops_when_asked(void **state)
{
    outcome o;
    const volatile sig_atomic_t cancel = 1;
    search(*state, "picky:0,first=slow", 2, 60, true, &cancel, &o);
    assert_int_equal(o.status, THAW_E_CANCELLED);
    assert_int_equal(o.summary.tried, 0);
}

/* Every case of the table, seen as an op of a program, is an op that the device takes and computes right. */
static void every_kind_can_be_tried(void **state)
{
    check_list list;
    check_run run = {.seed = 1};
    size_t tried[THAW_OP_KIND_END] = {0};
    run.device.dev = open_dev(*state, "picky:0");
    run.reference.dev = open_dev(*state, "cpu:0,isa=reference");
    thaw_error begin = {0};
    assert_int_equal(thaw_check_run_begin(&run, &begin), THAW_OK);
    assert_int_equal(thaw_check_cases(1, &list, NULL), THAW_OK);
    for (size_t i = 0; i < list.count; i++) {
        check_desc desc;
        check_case c;
        thaw_error err = {0};
        uint32_t kind = list.items[i].kind;
        if (list.items[i].type != CHECK_VALUES)
            continue;
        thaw_check_describe(&list.items[i], &desc);
        if (tried[kind] >= 12 || !thaw_check_case_of(&desc.op, 20000, &c))
            continue;
        if (thaw_check_values(&run, &c, &err) != THAW_OK)
            fail_msg("%s: %s", list.items[i].name, err.text);
        tried[kind]++;
    }
    thaw_check_list_free(&list);
    thaw_check_run_end(&run);
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++)
        assert_true(tried[kind] > 0);
    thaw_runtime_close(*state, run.reference.dev);
    thaw_runtime_close(*state, run.device.dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_faster_one),
                                       cmocka_unit_test(keeps_a_default_that_is_as_fast),
                                       cmocka_unit_test(rejects_a_fast_one_that_is_wrong),
                                       cmocka_unit_test(leaves_out_what_does_not_compile),
                                       cmocka_unit_test(goes_on_where_it_was),
                                       cmocka_unit_test(a_budget_of_nothing_tries_nothing),
                                       cmocka_unit_test(stops_when_asked),
                                       cmocka_unit_test(every_kind_can_be_tried)};
    return cmocka_run_group_tests(tests, start_picky, stop_picky);
}
