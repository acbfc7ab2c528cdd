/* Every allocation of the lowering fails once: an error comes back, and nothing is lost (with the leak
 * sanitizer) or freed twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "core/graph/stages.h"
#include "tests/graph/zero_net.h"

static size_t fail_in; /* the allocation of that number from now fails; 0: none does */

static bool fails_now(void)
{
    return fail_in > 0 && --fail_in == 0;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t m);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t m);
void *__wrap_realloc(void *p, size_t n);

void *__wrap_malloc(size_t n)
{
    return fails_now() ? NULL : __real_malloc(n);
}
void *__wrap_calloc(size_t n, size_t m)
{
    return fails_now() ? NULL : __real_calloc(n, m);
}
void *__wrap_realloc(void *p, size_t n)
{
    return fails_now() ? NULL : __real_realloc(p, n);
}

/* Returns the number of allocations that were made to fail. */
static size_t fail_each(thaw_lower_spec spec)
{
    size_t n = 0;
    thaw_status st = THAW_E_NO_MEMORY;
    while (st != THAW_OK) {
        thaw_var_list vars = {0};
        thaw_lowered low;
        thaw_error err = {0};
        spec.vars = &vars;
        fail_in = ++n;
        st = thaw_lower(&spec, &low, &err);
        fail_in = 0;
        if (st != THAW_OK && st != THAW_E_NO_MEMORY)
            fail_msg("allocation %zu: status %d, %s", n, st, err.text);
        thaw_lowered_free(&low);
        thaw_var_list_free(&vars);
    }
    return n - 1;
}

static void any_allocation_may_fail(void **state)
{
    (void)state;
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    thaw_net_unfreeze_last(50, trainable, NULL);
    assert_int_equal(thaw_net_cut(&net, trainable, &cut, NULL), THAW_OK);
    thaw_lower_spec spec = {.net = &net,
                            .weights = &weights,
                            .batch = 2,
                            .from = &cut,
                            .trainable = trainable,
                            .head_trainable = true,
                            .train = true,
                            .dropout = 0.2f};
    assert_true(fail_each(spec) > 100);
    spec.bn = THAW_BN_BATCH;
    assert_true(fail_each(spec) > 100);
}

/* Without variables the siblings of the last block merge. */
static void any_allocation_of_the_merging_may_fail(void **state)
{
    (void)state;
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    thaw_net_unfreeze_last(30, trainable, NULL);
    assert_int_equal(thaw_net_cut(&net, trainable, &cut, NULL), THAW_OK);
    thaw_lower_spec spec = {
        .net = &net, .weights = &weights, .batch = 2, .from = &cut, .feature_dtype = THAW_F16, .probs = true};
    assert_true(fail_each(spec) > 20);
}

static void any_allocation_of_the_stages_may_fail(void **state)
{
    (void)state;
    const thaw_stage_memory memory = {1 << 20, 8 << 20, 64};
    thaw_lower_spec spec = {.net = &net, .weights = &weights, .batch = 8, .pooled = true};
    thaw_lowered low;
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    size_t n = 0;
    thaw_status st = THAW_E_NO_MEMORY;
    while (st != THAW_OK) {
        fail_in = ++n;
        st = thaw_stages_choose(&low.graph, &memory, NULL);
        fail_in = 0;
        assert_true(st == THAW_OK || st == THAW_E_NO_MEMORY);
        for (size_t i = 0; st != THAW_OK && i < low.graph.n_ops; i++)
            assert_int_equal(low.graph.ops[i].rows, 0);
    }
    assert_true(n > 1);
    thaw_lowered_free(&low);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_allocation_may_fail),
        cmocka_unit_test(any_allocation_of_the_merging_may_fail),
        cmocka_unit_test(any_allocation_of_the_stages_may_fail),
    };
    return cmocka_run_group_tests(tests, zero_net_build, zero_net_release);
}
