/* test_faults.c: each kind of fault is found, by the check that is there for it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "helpers.h"

static thaw_runtime *runtime;

static void must_find(const char *fault, const char *op, const char *filter, const char *text)
{
    test_must_find(runtime, fault, op, filter, text);
}

static void finds_a_wrong_value(void **state)
{
    (void)state;
    must_find("value", "conv2d", "odd_3x3_3-7", "the reference has");
    must_find("value", "maxpool", "2x2_s2.2", "the reference has");
    must_find("value", "cast", "f32-f16", "the reference has");
    must_find("value", "adam", "4-tensors_5", "the reference has");
}

static void finds_a_transform_in_what_is_to_be_exact(void **state)
{
    (void)state;
    must_find("transform", "conv2d", "exact_3x3_16-34", "the reference has");
    must_find("transform", "conv2d_bwd_data", "exact_3x3_16-34", "the reference has");
    test_must_pass(runtime, "transform", "conv2d",
                   "odd_3x3_31-17_s1.1_p1.1.1.1_2x13x11_bias_relu_const_slice");
}

static void finds_a_wrong_adjoint(void **state)
{
    (void)state;
    must_find("value", "conv2d", "odd_3x3_3-7_s1.1_p1.1.1.1_3x2x2/adjoint", "<A x, y>");
    must_find("value", "avgpool", "_3x7x6x7/adjoint", "<A x, y>");
    must_find("value", "dropout", "/adjoint", "dropout_bwd is not the adjoint of dropout");
}

static void finds_writes_outside(void **state)
{
    (void)state;
    must_find("behind", "conv2d", "odd_1x1_3-7", "behind the last element of y0");
    must_find("behind", "relu_bwd", "2x5x7x64", "behind the last element of dx");
    must_find("gap", "conv2d", "odd_1x1_3-7_s1.1_p0.0.0.0_3x2x7_bias_relu_const_slice",
              "between c and pixel_pitch");
    must_find("gap", "add", "3x2x7x33_slice", "between c and pixel_pitch");
}

static void finds_what_was_left_unwritten(void **state)
{
    (void)state;
    must_find("nan", "conv2d", "odd_3x3_3-7", "= nan, the reference has");
    must_find("nan", "bias_grad", "4x8x8x64", "= nan, the reference has");
}

static void finds_other_bits_the_second_time(void **state)
{
    (void)state;
    must_find("flicker", "conv2d", "odd_3x3_5-33", "other bits the second time");
    must_find("flicker", "global_avgpool", "2x8x8x2048", "other bits the second time");
}

static void finds_a_changed_input(void **state)
{
    (void)state;
    must_find("input", "conv2d_bwd_filter", "odd_3x3_3-7", "in the input x[n=0 y=0 x=0 c=0]");
    must_find("input", "softmax_xent", "7x33", "in the input logits[n=0 y=0 x=0 c=0]");
}

static void finds_writes_behind_the_workspace(void **state)
{
    (void)state;
    must_find("workspace", "conv2d", "17x17", "of a workspace of");
}

static void finds_rows_that_depend_on_the_batch(void **state)
{
    (void)state;
    must_find("batch", "conv2d", "/batch", "has other bits than the same row alone");
    must_find("batch", "avgpool", "/batch", "has other bits than the same row alone");
}

static void finds_what_should_have_been_refused(void **state)
{
    (void)state;
    must_find("lenient", "conv2d", "misuse", "op_query accepts an unknown kind");
    must_find("overflow", "relu_bwd", "misuse", "accepts sizes whose product overflows");
    must_find("low", "avgpool", "misuse", "accepts an output 0 that is too low");
    must_find("high", "conv2d", "misuse", "accepts an output 0 that is too high");
    must_find("huge", "device", "too-large", "instead of THAW_E_DEVICE_MEMORY");
    must_find("enqueue", "relu_bwd", "misuse", "op_enqueue accepts one argument too few");
}

static void finds_infinities_and_nan_that_are_lost(void **state)
{
    (void)state;
    static const char *const ops[] = {"conv2d",
                                      "conv2d_bwd_data",
                                      "conv2d_bwd_filter",
                                      "affine",
                                      "bn_fold",
                                      "bn_train",
                                      "bn_train_bwd",
                                      "maxpool",
                                      "maxpool_bwd",
                                      "avgpool",
                                      "avgpool_bwd",
                                      "global_avgpool",
                                      "softmax_xent",
                                      "global_avgpool_bwd",
                                      "softmax_xent_bwd",
                                      "dropout",
                                      "dropout_bwd",
                                      "metrics",
                                      "relu_bwd",
                                      "bias_grad",
                                      "add",
                                      "adam"};
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        bool any_argmax = strcmp(ops[i], "maxpool_bwd") == 0;
        bool second = strcmp(ops[i], "metrics") == 0 || strcmp(ops[i], "adam") == 0;
        if (!second)
            must_find("scrub", ops[i], any_argmax ? "/any-argmax" : "/odd", "the reference has");
    }
    must_find("scrub", "conv2d", "/odd-w", "the reference has");
    must_find("scrub", "conv2d", "/odd-bias", "the reference has");
    must_find("scrub", "metrics", "/odd-loss", "the reference has");
    must_find("scrub", "cast", "f32-f16_3x2x7x33_scaled/odd", "the reference has");
    must_find("saturate", "maxpool", "/odd", "the reference has");
    must_find("saturate", "affine", "/odd", "the reference has");
    must_find("saturate", "cast", "f32-bf16_3x2x7x33_scaled/odd", "the reference has");
}

static void finds_nan_where_there_is_none(void **state)
{
    (void)state;
    must_find("spread", "conv2d", "/odd-x", "= nan, the reference has");
    must_find("spread", "conv2d_bwd_data", "/odd-dy", "= nan, the reference has");
    must_find("spread", "conv2d_bwd_filter", "/odd-x", "= nan, the reference has");
    must_find("spread", "maxpool", "/odd", "= nan, the reference has");
    must_find("spread", "dropout", "/odd", "= nan, the reference has");
    must_find("spread", "dropout_bwd", "/odd", "= nan, the reference has");
    must_find("spread", "relu_bwd", "/odd", "= nan, the reference has");
    must_find("spread", "softmax_xent", "/odd", "= nan, the reference has");
    must_find("spread", "metrics", "32x5/odd", "= nan, the reference has");
    must_find("spread", "bn_train", "/odd", "= nan, the reference has");
}

static void finds_numbers_that_are_believed(void **state)
{
    (void)state;
    must_find("trust", "softmax_xent", "/no-label", "the reference has nan");
    must_find("trust", "softmax_xent_bwd", "/no-label", "the reference has");
    must_find("trust", "metrics", "/no-label", "the reference has");
    must_find("trust", "maxpool_bwd", "3x3_s1.1_p1.1.1.1_1x2x7x33/any-argmax", "the reference has");
    must_find("argmax", "maxpool", "/odd", "argmax");
    must_find("argmax", "maxpool", "/zeros", "argmax");
    must_find("bounds", "device", "bounds", "upload accepts 4100 bytes at offset 0");
    must_find("outside", "add", "misuse", "op_enqueue accepts an output that leaves its buffer");
}

static void finds_casts_that_change_too_much(void **state)
{
    (void)state;
    must_find("flush", "cast", "f32-f32_2x5x7x64", "what counts here are the bits");
    must_find("flush", "cast", "f32-bf16_2x5x7x64", "the reference has");
    must_find("quiet-nan", "cast", "f32-f32_2x5x7x64", "what counts here are the bits");
    must_find("quiet-nan", "cast", "f16-f16_2x5x7x64", "what counts here are the bits");
}

static void finds_updates_that_go_astray(void **state)
{
    (void)state;
    must_find("in-place", "adam", "/half", "");
    must_find("in-place", "bn_train", "/half", "");
    must_find("eight", "adam", "9-tensors", "the reference has");
}

static void finds_a_refusal_without_a_reason(void **state)
{
    (void)state;
    must_find("silent", "add", "2_2x5x7x64", "gives no reason");
}

/* The host would end the run on it, where it should go elsewhere with the op. */
static void finds_a_sound_op_that_is_called_invalid(void **state)
{
    (void)state;
    must_find("invalid", "conv2d", "odd_1x1_3-7",
              "answers a sound op with THAW_E_INVALID; what is only not yours");
}

static void finds_a_relu_that_swallows_nan(void **state)
{
    (void)state;
    must_find("relu", "conv2d", "1x1_16-96_s1.1_p0.0.0.0_2x5x5_bias_nan", "a NaN is a NaN, through relu too");
    must_find("relu", "conv2d", "3x3_16-96_s1.1_p1.1.1.1_1x6x7_bias_nan", "a NaN is a NaN, through relu too");
    must_find("relu", "affine", "3x2x7x33_relu_nan", "a NaN is a NaN, through relu too");
    must_find("relu", "affine", "3x2x7x33_shift_relu_nan", "a NaN is a NaN, through relu too");
    must_find("relu", "avgpool", "_bias_nan_relu", "a NaN is a NaN, through relu too");
}

static void finds_faults_of_streams(void **state)
{
    (void)state;
    must_find("fill", "device", NULL, "after fill byte");
    must_find("wait", "device", NULL, "stream_wait: this event was never recorded");
}

static void finds_broken_promises_of_the_interface(void **state)
{
    (void)state;
    must_find("overrun", "add", "2_2x5x7x64", "beyond the struct_size");
    must_find("nothing", "add", "2_2x5x7x64", "hands out nothing");
}

static void nothing_executed_is_a_failure(void **state)
{
    (void)state;
    finding f;
    thaw_check_summary summary;
    thaw_error err;
    assert_int_equal(test_run(runtime, "faulty:0,fault=decline", NULL, NULL, &summary, &f, &err),
                     THAW_E_CHECK);
    assert_int_equal(summary.executed, 0);
    assert_int_equal(summary.failed, 0);
    assert_true(summary.declined > 900);
    assert_non_null(strstr(err.text, "ran no kernel"));
    assert_int_equal(test_run(runtime, "cpu:0", "conv2d", "no such case", &summary, &f, &err), THAW_E_CHECK);
    assert_int_equal(summary.cases, 0);
    assert_int_equal(test_run(runtime, "cpu:0", "device", NULL, &summary, &f, &err), THAW_OK);
    assert_int_equal(test_run(runtime, "nobody:0", NULL, NULL, &summary, &f, &err), THAW_E_NOT_FOUND);
}

/* The text has the values that were computed and expected, to nine digits. */
static void name_and_seed_reproduce_a_case(void **state)
{
    (void)state;
    static const char *const filters[3] = {"odd_7x7_2-3_s2.2_p2.3.3.2_1x9x10_bias_relu",
                                           "s2.2_p2.3.3.2_1x9x10",
                                           "odd_7x7_2-3_s2.2_p2.3.3.2_1x9x10_bias_relu"};
    finding found[3];
    for (int i = 0; i < 3; i++) {
        thaw_check_summary summary;
        thaw_error err = {0};
        thaw_check_options options = {.device = "faulty:0,fault=value",
                                      .op = "conv2d",
                                      .case_filter = filters[i],
                                      .seed = i == 2 ? 8 : 7,
                                      .on_case = test_on_case,
                                      .on_case_ctx = &found[i]};
        memset(&found[i], 0, sizeof found[i]);
        assert_int_equal(thaw_check_run(runtime, &options, &summary, &err), THAW_E_CHECK);
    }
    assert_true(found[1].failed > found[0].failed);
    assert_string_equal(found[0].name, found[1].name);
    assert_string_equal(found[0].text, found[1].text);
    assert_string_equal(found[0].name, found[2].name);
    assert_string_not_equal(found[0].text, found[2].text);
}

static int start(void **state)
{
    int failed = test_start(state);
    runtime = *state;
    return failed;
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_a_wrong_value),
                                       cmocka_unit_test(finds_a_transform_in_what_is_to_be_exact),
                                       cmocka_unit_test(finds_a_wrong_adjoint),
                                       cmocka_unit_test(finds_writes_outside),
                                       cmocka_unit_test(finds_what_was_left_unwritten),
                                       cmocka_unit_test(finds_other_bits_the_second_time),
                                       cmocka_unit_test(finds_a_changed_input),
                                       cmocka_unit_test(finds_writes_behind_the_workspace),
                                       cmocka_unit_test(finds_rows_that_depend_on_the_batch),
                                       cmocka_unit_test(finds_what_should_have_been_refused),
                                       cmocka_unit_test(finds_infinities_and_nan_that_are_lost),
                                       cmocka_unit_test(finds_nan_where_there_is_none),
                                       cmocka_unit_test(finds_numbers_that_are_believed),
                                       cmocka_unit_test(finds_casts_that_change_too_much),
                                       cmocka_unit_test(finds_updates_that_go_astray),
                                       cmocka_unit_test(finds_a_refusal_without_a_reason),
                                       cmocka_unit_test(finds_a_sound_op_that_is_called_invalid),
                                       cmocka_unit_test(finds_a_relu_that_swallows_nan),
                                       cmocka_unit_test(finds_faults_of_streams),
                                       cmocka_unit_test(finds_broken_promises_of_the_interface),
                                       cmocka_unit_test(nothing_executed_is_a_failure),
                                       cmocka_unit_test(name_and_seed_reproduce_a_case)};
    return cmocka_run_group_tests(tests, start, test_stop);
}
