/* Preferred and disabled algorithms, and what a program makes of them. */
#include "helpers.h"

static void signature_of(int32_t n, uint64_t runs, char out[THAW_SIGNATURE_MAX])
{
    thaw_graph graph;
    thaw_op_desc desc;
    relu_graph(&graph, n);
    assert_int_equal(thaw_op_describe(&graph, 0, runs, &desc, NULL), THAW_OK);
    thaw_op_signature(&desc.op, out);
    thaw_op_desc_free(&desc);
    thaw_graph_free(&graph);
}

static thaw_choice choice_of(int32_t n, const char *algo, uint64_t ns, uint64_t default_ns)
{
    thaw_choice choice = {.nanoseconds = ns, .default_nanoseconds = default_ns};
    signature_of(n, 0, choice.signature);
    snprintf(choice.algo, sizeof choice.algo, "%s", algo);
    snprintf(choice.default_algo, sizeof choice.default_algo, "first");
    return choice;
}

static void signatures_tell_ops_apart(void **state)
{
    (void)state;
    char a[THAW_SIGNATURE_MAX], b[THAW_SIGNATURE_MAX];
    signature_of(2, 0, a);
    assert_string_equal(a, "relu_bwd in=2x5x7x64:f32,2x5x7x64:f32 out=2x5x7x64:f32 f32");
    signature_of(2, 100, b);
    assert_string_equal(a, b);
    signature_of(3, 0, b);
    assert_string_not_equal(a, b);
}

/* Others than without the order, which old files of choices do not have. */
static void an_order_is_part_of_the_signature(void **state)
{
    (void)state;
    thaw_tensor tensor = {sizeof tensor, THAW_F32, THAW_ROLE_ACTIVATION, 1, 1, 1, 4, 4};
    const thaw_tensor *args[] = {&tensor, &tensor};
    thaw_op op = {.struct_size = sizeof op,
                  .kind = THAW_OP_ADD,
                  .n_in = 2,
                  .n_out = 1,
                  .in = args,
                  .out = args,
                  .flags = THAW_OP_EXACT};
    char text[THAW_SIGNATURE_MAX];
    thaw_op_signature(&op, text);
    assert_string_equal(text, "add in=1x1x1x4:f32,1x1x1x4:f32 out=1x1x1x4:f32 f32 exact");
}

/* Longer than a signature can be: the end is a hash of all. */
static void long_signatures_are_hashed(void **state)
{
    (void)state;
    thaw_tensor tensor = {sizeof tensor, THAW_F32, THAW_ROLE_ACTIVATION, 32, 35, 35, 288, 288};
    thaw_tensor last = tensor;
    const thaw_tensor *in[16], *out[1] = {&tensor};
    for (size_t i = 0; i < 16; i++)
        in[i] = i < 15 ? &tensor : &last;
    thaw_op op = {
        .struct_size = sizeof op, .kind = THAW_OP_ADD, .n_in = 16, .n_out = 1, .in = in, .out = out};
    char a[THAW_SIGNATURE_MAX], b[THAW_SIGNATURE_MAX];
    thaw_op_signature(&op, a);
    assert_int_equal(strlen(a), THAW_SIGNATURE_MAX - 1);
    last.role = THAW_ROLE_MUTABLE;
    thaw_op_signature(&op, b);
    assert_memory_equal(a, b, 200);
    assert_string_not_equal(a, b);
}

static void a_program_takes_what_is_preferred(void **state)
{
    thaw_dev *dev = open_dev(*state, "picky:0");
    thaw_choices *choices = thaw_choices_create();
    placed p = place_relu(dev, NULL, NULL);
    assert_string_equal(p.algo, "first");
    assert_string_equal(place_relu(dev, NULL, choices).algo, "first");

    thaw_choice other = choice_of(3, "second", 1000, 2000), nobody = choice_of(2, "third", 1000, 2000);
    assert_int_equal(thaw_choices_prefer(choices, &other, NULL), THAW_OK);
    assert_string_equal(place_relu(dev, NULL, choices).algo, "first");
    assert_int_equal(thaw_choices_prefer(choices, &nobody, NULL), THAW_OK);
    assert_string_equal(place_relu(dev, NULL, choices).algo, "first");

    thaw_choice better = choice_of(2, "second", 1000, 1834);
    assert_int_equal(thaw_choices_prefer(choices, &better, NULL), THAW_OK);
    p = place_relu(dev, NULL, choices);
    assert_string_equal(p.algo, "second");
    assert_string_equal(p.reason, "tuned: 1.83x the default's speed");
    assert_int_equal(thaw_choices_at(choices, 1)->default_nanoseconds, 1834);
    assert_null(thaw_choices_at(choices, 2));
    thaw_choices_free(choices);
    thaw_runtime_close(*state, dev);
}

/* To prepare CONST data for a single run may take longer than the run. */
static void nothing_is_preferred_for_one_run_of_constant_data(void **state)
{
    thaw_dev *dev = open_dev(*state, "picky:0");
    thaw_choices *choices = thaw_choices_create();
    thaw_choice better = choice_of(2, "second", 1000, 2000);
    thaw_graph graph;
    thaw_op_desc desc;
    relu_graph(&graph, 2);
    for (uint64_t runs = 0; runs < 3; runs++)
        for (int constant = 0; constant < 2; constant++) {
            thaw_op_info info;
            thaw_error err = {0};
            assert_int_equal(thaw_op_describe(&graph, 0, runs, &desc, NULL), THAW_OK);
            desc.tensors[1].role = constant ? THAW_ROLE_CONST : THAW_ROLE_ACTIVATION;
            thaw_op_signature(&desc.op, better.signature);
            assert_int_equal(thaw_choices_prefer(choices, &better, NULL), THAW_OK);
            assert_int_equal(thaw_choices_ask(choices, dev, &desc.op, &info, &err), THAW_OK);
            assert_string_equal(info.name, constant && runs == 1 ? "first" : "second");
            thaw_op_desc_free(&desc);
        }
    thaw_graph_free(&graph);
    thaw_choices_free(choices);
    thaw_runtime_close(*state, dev);
}

static void a_program_avoids_what_is_disabled(void **state)
{
    thaw_dev *dev = open_dev(*state, "picky:0"), *cpu = open_dev(*state, "cpu:0");
    thaw_choices *choices = thaw_choices_create();
    assert_int_equal(thaw_choices_disable(choices, THAW_OP_CONV2D, "first", "of another op", NULL), THAW_OK);
    assert_string_equal(place_relu(dev, NULL, choices).algo, "first");

    assert_int_equal(thaw_choices_disable(choices, THAW_OP_RELU_BWD, "first", "dx is 42", NULL), THAW_OK);
    placed p = place_relu(dev, NULL, choices);
    assert_string_equal(p.algo, "second");
    assert_string_equal(p.reason, "in place of first, which failed the self-test");

    /* A disabled algorithm is not taken because it is fast. */
    thaw_choice fast = choice_of(2, "first", 1000, 2000);
    assert_int_equal(thaw_choices_prefer(choices, &fast, NULL), THAW_OK);
    assert_string_equal(place_relu(dev, NULL, choices).algo, "second");

    warnings = 0;
    assert_int_equal(thaw_choices_disable(choices, THAW_OP_RELU_BWD, "second", "so is dy", NULL), THAW_OK);
    p = place_relu(dev, cpu, choices);
    assert_string_equal(p.algo, "-");
    assert_string_equal(p.reason,
                        "picky:0: the self-test found every algorithm of relu_bwd wrong: first: dx is 42");
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warned, "run on cpu:0"));
    thaw_choices_free(choices);
    thaw_runtime_close(*state, cpu);
    thaw_runtime_close(*state, dev);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(signatures_tell_ops_apart),
                                       cmocka_unit_test(an_order_is_part_of_the_signature),
                                       cmocka_unit_test(long_signatures_are_hashed),
                                       cmocka_unit_test(a_program_takes_what_is_preferred),
                                       cmocka_unit_test(nothing_is_preferred_for_one_run_of_constant_data),
                                       cmocka_unit_test(a_program_avoids_what_is_disabled)};
    return cmocka_run_group_tests(tests, start_picky, stop_picky);
}
