/* The self-test finds what is wrong, and the program goes around it. */
#include "core/check/case.h"
#include "core/check/check.h"
#include "helpers.h"

static thaw_selftest run(thaw_runtime *runtime, const char *device, const thaw_choices *preferred)
{
    thaw_selftest test;
    thaw_error err = {0};
    thaw_dev *dev = open_dev(runtime, device), *reference = open_dev(runtime, THAW_CHECK_REFERENCE);
    warnings = 0;
    if (thaw_selftest_run(dev, reference, preferred, &warning_log, &test, &err) != THAW_OK)
        fail_msg("%s", err.text);
    thaw_runtime_close(runtime, reference);
    thaw_runtime_close(runtime, dev);
    return test;
}

static const thaw_selftest_algo *find(const thaw_selftest *test, const char *name)
{
    for (size_t i = 0; i < test->n; i++)
        if (test->algos[i].kind == THAW_OP_RELU_BWD && strcmp(test->algos[i].name, name) == 0)
            return &test->algos[i];
    return NULL;
}

static placed place_with(thaw_runtime *runtime, const char *device, const thaw_selftest *test)
{
    thaw_dev *dev = open_dev(runtime, device), *cpu = open_dev(runtime, "cpu:0");
    thaw_choices *choices = thaw_choices_create();
    assert_int_equal(thaw_selftest_apply(test, choices, NULL), THAW_OK);
    placed p = place_relu(dev, cpu, choices);
    thaw_choices_free(choices);
    thaw_runtime_close(runtime, cpu);
    thaw_runtime_close(runtime, dev);
    return p;
}

static void a_right_device_passes(void **state)
{
    thaw_selftest test = run(*state, "picky:0", NULL);
    assert_int_equal(thaw_selftest_count(&test, THAW_SELFTEST_WRONG), 0);
    assert_int_equal(thaw_selftest_ops(&test), THAW_OP_KIND_END - 1);
    assert_int_equal(warnings, 0);
    assert_non_null(find(&test, "first"));
    assert_null(find(&test, "second"));
    thaw_selftest_free(&test);
}

static void must_disable_first(thaw_runtime *runtime, const char *device, const char *why)
{
    thaw_selftest test = run(runtime, device, NULL);
    assert_int_equal(find(&test, "first")->verdict, THAW_SELFTEST_WRONG);
    assert_int_equal(find(&test, "second")->verdict, THAW_SELFTEST_RIGHT);
    assert_int_equal(warnings, 1);
    if (!strstr(warned, why) || !strstr(warned, "picky:0: its relu_bwd algorithm \"first\" failed"))
        fail_msg("%s", warned);
    placed p = place_with(runtime, device, &test);
    assert_string_equal(p.algo, "second");
    assert_string_equal(p.reason, "in place of first, which failed the self-test");
    thaw_selftest_free(&test);
}

static void a_wrong_default_is_replaced(void **state)
{
    must_disable_first(*state, "picky:0,first=wrong", "= 42, the reference has");
}

static void one_that_does_not_compile_is_replaced(void **state)
{
    must_disable_first(*state, "picky:0,first=broken", "this one does not compile");
}

static void an_op_with_nothing_right_is_left_to_others(void **state)
{
    thaw_selftest test = run(*state, "picky:0,first=wrong,second=broken", NULL);
    assert_int_equal(thaw_selftest_count(&test, THAW_SELFTEST_WRONG), 2);
    assert_int_equal(thaw_selftest_ops(&test), THAW_OP_KIND_END - 2);
    assert_int_equal(warnings, 2);
    assert_string_equal(place_with(*state, "picky:0,first=wrong,second=broken", &test).algo, "-");
    thaw_selftest_free(&test);
}

static void what_is_preferred_is_tested_too(void **state)
{
    thaw_choices *choices = thaw_choices_create();
    thaw_choice choice = {.signature = "relu_bwd whatever", .algo = "second"};
    thaw_choice elsewhere = {.signature = "relu_bwd something", .algo = "third"};
    assert_int_equal(thaw_choices_prefer(choices, &choice, NULL), THAW_OK);
    assert_int_equal(thaw_choices_prefer(choices, &elsewhere, NULL), THAW_OK);
    thaw_selftest plain = run(*state, "picky:0,second=wrong", NULL);
    assert_int_equal(thaw_selftest_count(&plain, THAW_SELFTEST_WRONG), 0);
    assert_false(thaw_selftest_covers(&plain, choices));
    thaw_selftest test = run(*state, "picky:0,second=wrong", choices);
    assert_true(thaw_selftest_covers(&test, choices));
    assert_int_equal(find(&test, "first")->verdict, THAW_SELFTEST_RIGHT);
    assert_int_equal(find(&test, "second")->verdict, THAW_SELFTEST_WRONG);
    assert_int_equal(find(&test, "third")->verdict, THAW_SELFTEST_UNTRIED);
    assert_int_equal(warnings, 1);
    thaw_selftest_free(&plain);
    thaw_selftest_free(&test);
    thaw_choices_free(choices);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(a_right_device_passes),
                                       cmocka_unit_test(a_wrong_default_is_replaced),
                                       cmocka_unit_test(one_that_does_not_compile_is_replaced),
                                       cmocka_unit_test(an_op_with_nothing_right_is_left_to_others),
                                       cmocka_unit_test(what_is_preferred_is_tested_too)};
    return cmocka_run_group_tests(tests, start_picky, stop_picky);
}
