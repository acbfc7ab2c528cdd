/* The split: NumPy's generator, the shares, and what the parts carry. */
#include <math.h>

#include "helpers.h"

static void check_order(uint32_t seed, const uint32_t *want, size_t n)
{
    uint32_t order[32];
    thaw_numpy_permutation(seed, order, n);
    assert_memory_equal(order, want, n * sizeof *want);
}

static void test_numpy_vectors(void **state)
{
    (void)state;
    static const uint32_t a[] = {4, 0, 7, 5, 8, 3, 1, 6, 9, 2}, b[] = {8, 1, 5, 0, 7, 2, 9, 4, 3, 6};
    static const uint32_t c[] = {5, 3, 4, 0, 15, 11, 2, 12, 13, 1, 16, 17, 10, 14, 6, 9, 19, 18, 7, 8};
    check_order(123, a, 10);
    check_order(42, b, 10);
    check_order(1337, c, 20);
    uint32_t one = 7;
    thaw_numpy_permutation(1, &one, 1);
    assert_int_equal(one, 0);
    thaw_numpy_permutation(1, NULL, 0);
}

/* Positions from NumPy 2.4.6: x = np.arange(3670); np.random.RandomState(123).shuffle(x). */
static void test_long_list(void **state)
{
    (void)state;
    enum { N = 3670 };
    uint32_t *order = calloc(N, sizeof *order);
    bool *seen = calloc(N, sizeof *seen);
    assert_non_null(order);
    assert_non_null(seen);
    thaw_numpy_permutation(123, order, N);
    for (size_t i = 0; i < N; i++) {
        assert_true(order[i] < N && !seen[order[i]]);
        seen[order[i]] = true;
    }
    static const uint32_t want[][2] = {{0, 553},     {1, 1394},    {2, 3208},    {733, 2197}, {1834, 2145},
                                       {2935, 1686}, {2936, 2250}, {3668, 3437}, {3669, 3582}};
    for (size_t i = 0; i < sizeof want / sizeof *want; i++)
        assert_int_equal(order[want[i][0]], want[i][1]);
    free(seen);
    free(order);
}

/* A list of n made-up images in three classes. */
static thaw_dataset *make_list(size_t n)
{
    char name[32];
    char *dir = temporary_folder();
    for (size_t i = 0; i < n; i++) {
        snprintf(name, sizeof name, "%c/%04zu.png", (char)('a' + i * 3 / n), i);
        put_file(dir, name, "", 0);
    }
    thaw_dataset *set = NULL;
    assert_int_equal(thaw_dataset_scan(dir, NULL, 0, NULL, &set, NULL), THAW_OK);
    temporary_remove(dir);
    return set;
}

static void test_parts(void **state)
{
    (void)state;
    thaw_dataset *all = make_list(24), *train = NULL, *val = NULL;
    uint32_t order[24];
    thaw_numpy_permutation(5, order, 24);
    assert_int_equal(thaw_dataset_split(all, 0.2, 5, &train, &val, NULL), THAW_OK);
    assert_int_equal(train->n, 20); /* int(4.8) are set aside */
    assert_int_equal(val->n, 4);
    for (size_t i = 0; i < 24; i++) {
        const thaw_dataset *part = i < 20 ? train : val;
        size_t k = i < 20 ? i : i - 20;
        assert_int_equal(part->ids[k], order[i]);
        assert_string_equal(part->paths[k], all->paths[order[i]]);
        assert_int_equal(part->labels[k], all->labels[order[i]]);
    }
    assert_int_equal(val->n_classes, 3);
    assert_string_equal(val->class_names[2], "c");
    assert_string_equal(train->dir, all->dir);
    thaw_dataset_free(train);
    thaw_dataset_free(val);
    thaw_dataset_free(all);
}

static void test_refusals(void **state)
{
    (void)state;
    static const double bad[] = {0.0, 1.0, -0.5, 2.0, 0.1}; /* 0.1 of nine is none */
    thaw_dataset *all = make_list(9), *train = NULL, *val = NULL;
    thaw_error err = {0};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(thaw_dataset_split(all, bad[i], 1, &train, &val, &err), THAW_E_INVALID);
    assert_int_equal(thaw_dataset_split(all, NAN, 1, &train, &val, &err), THAW_E_INVALID);
    assert_null(train);
    assert_null(val);
    thaw_dataset_free(all);
}

static void test_drop(void **state)
{
    (void)state;
    thaw_dataset *all = make_list(6);
    static const bool drop[6] = {true, false, false, true, false, true};
    thaw_dataset_drop(all, drop);
    assert_int_equal(all->n, 3);
    assert_int_equal(all->ids[0], 1);
    assert_int_equal(all->ids[1], 2);
    assert_int_equal(all->ids[2], 4);
    assert_string_equal(all->paths[2], "c/0004.png");
    assert_int_equal(all->labels[2], 2);
    thaw_dataset_free(all);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_numpy_vectors), cmocka_unit_test(test_long_list), cmocka_unit_test(test_parts),
        cmocka_unit_test(test_refusals),      cmocka_unit_test(test_drop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
