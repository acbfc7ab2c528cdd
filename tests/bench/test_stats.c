/* Samples in three numbers, and when there are enough of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core/bench/room.h"

static void check(double *samples, uint32_t n, double median, double min, double max)
{
    bench_stat s = thaw_bench_stat_of(samples, n);
    assert_true(s.median == median && s.min == min && s.max == max);
    assert_int_equal(s.n, n);
}

static void statistics(void **state)
{
    (void)state;
    check((double[]){3}, 1, 3, 3, 3);
    check((double[]){5, 1}, 2, 3, 1, 5);
    check((double[]){9, 1, 2}, 3, 2, 1, 9);
    check((double[]){4, 1, 8, 2}, 4, 3, 1, 8);
    check((double[]){7, 7, 7, 7, 7}, 5, 7, 7, 7);
    bench_stat none = thaw_bench_stat_of(NULL, 0);
    assert_int_equal(none.n, 0);
    assert_true(none.median == 0);
}

static void budget(void **state)
{
    (void)state;
    const bench_options seven = {.repeat = 7}, two = {.repeat = 2};
    /* Within the budget all, without it three, and never more than were asked for. */
    assert_true(bench_again(&seven, 6, 0.9, 1));
    assert_false(bench_again(&seven, 7, 0, 1));
    assert_true(bench_again(&seven, 2, 100, 1));
    assert_false(bench_again(&seven, 3, 100, 1));
    assert_true(bench_again(&two, 1, 100, 1));
    assert_false(bench_again(&two, 2, 0, 1));
}

static void made_up_weights(void **state)
{
    (void)state;
    thaw_error err = {0};
    thaw_model *model = NULL;
    assert_int_equal(bench_model_create(75, 3, &model, &err), THAW_OK);
    assert_int_equal(thaw_model_complete(model, &err), THAW_OK);
    assert_int_equal(model->n_classes, 3);
    /* A kernel's mean square is 2/terms, a variance is near 1. */
    const thaw_weight *w = &model->weights[THAW_W_INDEX(4, THAW_W_KERNEL)];
    const double terms = (double)(w->dims[0] * w->dims[1] * w->dims[2]);
    double squares = 0;
    for (size_t i = 0; i < w->count; i++)
        squares += (double)w->data[i] * (double)w->data[i];
    assert_true(squares / (double)w->count * terms > 1.9 && squares / (double)w->count * terms < 2.1);
    const thaw_weight *v = &model->weights[THAW_W_INDEX(4, THAW_W_VAR)];
    for (size_t i = 0; i < v->count; i++)
        assert_true(v->data[i] > 0.85f && v->data[i] < 1.15f);
    thaw_model_free(model);
}

static void machine(void **state)
{
    (void)state;
    bench_host host;
    thaw_bench_host(&host);
    assert_true(host.cpu[0] && host.os[0] && host.cores > 0 && host.memory_bytes > 0);
    assert_true(thaw_bench_peak_rss() > 0);
#if defined(__x86_64__) || defined(__aarch64__)
    const double ghz = thaw_bench_clock_ghz();
    assert_true(ghz > 0.01 && ghz < 20);
#endif
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(statistics), cmocka_unit_test(budget),
                                       cmocka_unit_test(made_up_weights), cmocka_unit_test(machine)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
