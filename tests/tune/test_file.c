/* Files of choices and of self-tests: there and back, and what does not belong into them. */
#include "core/base/file.h"
#include "helpers.h"

#define PATH WORK_DIR "/a/b/file.tune"

static const thaw_tune_id id = {"a device", "a\tvendor", "1.0", "picky", "1"};

static thaw_choice choice(const char *signature, const char *algo, uint64_t ns)
{
    thaw_choice c = {.nanoseconds = ns, .default_nanoseconds = 2 * ns};
    snprintf(c.signature, sizeof c.signature, "%s", signature);
    snprintf(c.algo, sizeof c.algo, "%s", algo);
    snprintf(c.default_algo, sizeof c.default_algo, "first");
    return c;
}

static size_t load(const thaw_tune_id *of, thaw_choices **out)
{
    thaw_error err = {0};
    size_t n = 0;
    warnings = 0;
    *out = thaw_choices_create();
    if (thaw_tune_load(PATH, of, &warning_log, *out, &err) != THAW_OK)
        fail_msg("%s", err.text);
    while (thaw_choices_at(*out, n))
        n++;
    return n;
}

static void there_and_back(void **state)
{
    (void)state;
    thaw_choices *choices;
    thaw_choice a = choice("conv2d in=1 out=2 f32", "tile 64x64", 412345), b = choice("add x", "two", 999);
    assert_int_equal(thaw_tune_begin(PATH, &id, NULL), THAW_OK);
    assert_int_equal(load(&id, &choices), 0);
    thaw_choices_free(choices);
    assert_int_equal(thaw_tune_append(PATH, &a, "", NULL), THAW_OK);
    assert_int_equal(thaw_tune_append(PATH, &b, "three: it is\twrong\n", NULL), THAW_OK);
    b.nanoseconds = 1;
    assert_int_equal(thaw_tune_append(PATH, &b, "", NULL), THAW_OK);
    assert_int_equal(load(&id, &choices), 2);
    assert_int_equal(warnings, 0);
    const thaw_choice *found = thaw_choices_find(choices, a.signature);
    assert_memory_equal(found, &a, sizeof a);
    assert_int_equal(thaw_choices_find(choices, "add x")->nanoseconds, 1);
    assert_null(thaw_choices_find(choices, "add"));
    thaw_choices_free(choices);
}

static void of_another_device(void **state)
{
    (void)state;
    thaw_tune_id others[4] = {id, id, id, id};
    others[0].device = "another device";
    others[1].driver = "1.1";
    others[2].plugin_version = "2";
    others[3].vendor = "somebody";
    for (size_t i = 0; i < 4; i++) {
        thaw_error err = {0};
        thaw_choices *choices = thaw_choices_create();
        assert_int_equal(thaw_tune_load(PATH, &others[i], NULL, choices, &err), THAW_E_FORMAT);
        assert_null(thaw_choices_at(choices, 0));
        thaw_choices_free(choices);
    }
}

static void corrupt_lines_are_ignored(void **state)
{
    (void)state;
    static const char *const lines[] = {"no tabs at all",
                                        "s\ta\t1.000",
                                        "s\ta\t1.000\tfirst\t-1.000\t",
                                        "s\ta\t0.000\tfirst\t1.000\t",
                                        "s\ta\t1.0\tfirst\t1.000\t",
                                        "s\ta\tnan\tfirst\t1.000\t",
                                        "s\ta\t99999999999999999999.000\tfirst\t1.000\t",
                                        "s\ta-name-of-an-algorithm-that-is-too-long\t1.000\tfirst\t1.000\t",
                                        "\ta\t1.000\tfirst\t1.000\t",
                                        "good one\tsecond\t1.500\tfirst\t3.000\t",
                                        "s\ta\t1.000\tfirst\t1.00"};
    uint8_t *data = NULL;
    size_t size = 0;
    thaw_choices *choices;
    assert_int_equal(thaw_tune_begin(PATH, &id, NULL), THAW_OK);
    assert_int_equal(thaw_read_file(PATH, 4096, &data, &size, NULL), THAW_OK);
    FILE *file = fopen(PATH, "w");
    assert_non_null(file);
    fwrite(data, 1, size, file);
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++)
        fprintf(file, "%s\n", lines[i]);
    for (size_t i = 0; i < 300; i++)
        fputc('x', file);
    fputs("\ta\t1.000\tfirst\t1.000\t\ncut sho", file);
    fclose(file);
    assert_int_equal(load(&id, &choices), 1);
    assert_int_equal(warnings, 1);
    assert_non_null(strstr(warned, "line 6 makes no sense"));
    assert_int_equal(thaw_choices_at(choices, 0)->nanoseconds, 1500);
    thaw_choices_free(choices);
    /* The next line does not become part of the one that was cut. */
    thaw_choice next = choice("next", "second", 5);
    assert_int_equal(thaw_tune_append(PATH, &next, "", NULL), THAW_OK);
    assert_int_equal(load(&id, &choices), 2);
    thaw_choices_free(choices);
    free(data);
}

static void what_is_no_file_of_choices(void **state)
{
    (void)state;
    thaw_error err = {0};
    thaw_choices *choices = thaw_choices_create();
    assert_int_equal(thaw_write_file(PATH, "something else\n", 15, NULL), THAW_OK);
    assert_int_equal(thaw_tune_load(PATH, &id, NULL, choices, &err), THAW_E_FORMAT);
    assert_non_null(strstr(err.text, "no result of `thaw tune`"));
    assert_int_equal(thaw_tune_load(WORK_DIR "/none", &id, NULL, choices, &err), THAW_E_NOT_FOUND);
    assert_int_equal(thaw_tune_load(WORK_DIR, &id, NULL, choices, &err), THAW_E_FORMAT);
    thaw_choices_free(choices);
}

static void a_self_test_there_and_back(void **state)
{
    (void)state;
    static const char path[] = WORK_DIR "/c/test.txt";
    thaw_selftest_algo algos[] = {{THAW_OP_CONV2D, "tile 64", THAW_SELFTEST_RIGHT, ""},
                                  {THAW_OP_ADD, "two", THAW_SELFTEST_WRONG, "y is\t1, not 2"},
                                  {THAW_OP_ADAM, "three", THAW_SELFTEST_UNTRIED, ""}};
    const thaw_selftest test = {algos, 3, 3, 1.5};
    thaw_selftest found;
    thaw_error err = {0};
    uint8_t *data = NULL;
    size_t size = 0;
    assert_int_equal(thaw_selftest_store(path, "a key", &test, &err), THAW_OK);
    assert_int_equal(thaw_selftest_load(path, "a key", &found, &err), THAW_OK);
    assert_int_equal(found.n, 3);
    assert_string_equal(found.algos[0].name, "tile 64");
    assert_int_equal(found.algos[1].verdict, THAW_SELFTEST_WRONG);
    assert_string_equal(found.algos[1].why, "y is?1, not 2");
    assert_int_equal(found.algos[2].kind, THAW_OP_ADAM);
    assert_int_equal(found.seconds * 1000, 1500);
    thaw_selftest_free(&found);
    assert_int_equal(thaw_selftest_load(path, "another key", &found, &err), THAW_E_NOT_FOUND);
    thaw_selftest_free(&found);

    /* Every file that is cut short is refused. */
    assert_int_equal(thaw_read_file(path, 4096, &data, &size, NULL), THAW_OK);
    for (size_t n = 0; n < size; n++) {
        assert_int_equal(thaw_write_file(path, data, n, NULL), THAW_OK);
        assert_int_not_equal(thaw_selftest_load(path, "a key", &found, &err), THAW_OK);
        thaw_selftest_free(&found);
    }
    free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(there_and_back), cmocka_unit_test(of_another_device),
                                       cmocka_unit_test(corrupt_lines_are_ignored),
                                       cmocka_unit_test(what_is_no_file_of_choices),
                                       cmocka_unit_test(a_self_test_there_and_back)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
