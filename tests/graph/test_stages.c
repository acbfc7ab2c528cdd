/* Which rows the ops of InceptionV3 take, for caches of given sizes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/graph/stages.h"
#include "tests/graph/zero_net.h"

#define MIB ((uint64_t)1 << 20)

static thaw_net large; /* at 299 pixels; shapes alone count, so that the weights of the small one will do */

static int build(void **state)
{
    thaw_error err;
    return zero_net_build(state) || thaw_net_inception_v3(299, &large, &err) != THAW_OK;
}

/* The frozen part of the recipe. */
static void lower_prefix(int32_t batch, thaw_lowered *low)
{
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    assert_int_equal(thaw_net_unfreeze_last(50, trainable, NULL), THAW_OK);
    assert_int_equal(thaw_net_cut(&large, trainable, &cut, NULL), THAW_OK);
    thaw_lower_spec spec = {.net = &large,
                            .weights = &weights,
                            .batch = batch,
                            .keep = cut.layers,
                            .n_keep = cut.n,
                            .pooled = true};
    assert_int_equal(thaw_lower(&spec, low, NULL), THAW_OK);
}

/* "7x1 20x2": 7 ops that take one row, then 20 that take two; x0: all. */
static void describe(const thaw_graph *g, char out[256])
{
    size_t used = 0;
    for (size_t i = 0, n; i < g->n_ops; i += n) {
        for (n = 1; i + n < g->n_ops && g->ops[i + n].rows == g->ops[i].rows;)
            n++;
        used += (size_t)snprintf(out + used, 256 - used, "%s%zux%u", i ? " " : "", n, g->ops[i].rows);
    }
}

static void expect_stages(int32_t batch, uint64_t near, uint64_t far, const char *want)
{
    char got[256];
    thaw_lowered low;
    const thaw_stage_memory memory = {near, far, 64};
    lower_prefix(batch, &low);
    assert_int_equal(thaw_stages_choose(&low.graph, &memory, NULL), THAW_OK);
    assert_int_equal(low.graph.batch, batch);
    assert_int_equal(thaw_stages_check(&low.graph, NULL), THAW_OK);
    describe(&low.graph, got);
    assert_string_equal(got, want);
    thaw_lowered_free(&low);
}

static void stages_suit_the_caches(void **state)
{
    (void)state;
    expect_stages(32, 4 * MIB, 32 * MIB, "7x1 20x2 38x16 18x0");
    expect_stages(32, 2 * MIB, 16 * MIB, "7x1 20x4 38x8 18x16");
    expect_stages(32, MIB, 8 * MIB, "7x1 20x2 38x4 18x0");
    expect_stages(32, 16 * MIB, 64 * MIB, "7x2 20x4 38x8 18x0");
    expect_stages(32, 64 * MIB, 512 * MIB, "65x8 18x0");
    expect_stages(16, 4 * MIB, 32 * MIB, "7x1 20x2 56x0");
    expect_stages(16, 2 * MIB, 16 * MIB, "7x1 20x4 38x8 18x0");
    expect_stages(8, 4 * MIB, 32 * MIB, "7x1 16x2 60x0");
    expect_stages(6, 4 * MIB, 32 * MIB, "7x1 16x2 60x0");
    expect_stages(7, 4 * MIB, 32 * MIB, "7x1 76x0");
}

static void one_image_and_unknown_caches_have_one_stage(void **state)
{
    (void)state;
    expect_stages(1, 4 * MIB, 32 * MIB, "83x0");
    expect_stages(32, 0, 32 * MIB, "83x0");
}

/* Only all 32 rows of any tensor are a multiple of so many bytes. */
static void what_cannot_be_aligned_does_not_cross(void **state)
{
    (void)state;
    thaw_lowered low;
    thaw_stage_memory memory = {4 * MIB, 32 * MIB, 1 << 24};
    lower_prefix(32, &low);
    assert_int_equal(thaw_stages_choose(&low.graph, &memory, NULL), THAW_OK);
    for (size_t i = 1; i < low.graph.n_ops; i++)
        assert_int_equal(low.graph.ops[i].rows, low.graph.ops[0].rows);
    thaw_lowered_free(&low);
}

/* The end, probabilities, is for all rows at once. */
static void a_forward_pass_has_stages_before_its_end(void **state)
{
    (void)state;
    thaw_lowered low;
    const thaw_stage_memory memory = {4 * MIB, 32 * MIB, 64};
    thaw_lower_spec spec = {.net = &large, .weights = &weights, .batch = 32, .probs = true};
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    assert_int_equal(thaw_stages_choose(&low.graph, &memory, NULL), THAW_OK);
    assert_int_equal(low.graph.ops[0].rows, 1);
    assert_int_equal(low.graph.ops[low.graph.n_ops - 1].kind, THAW_OP_SOFTMAX_XENT);
    assert_int_equal(low.graph.ops[low.graph.n_ops - 1].rows, 0);
    assert_int_equal(thaw_stages_check(&low.graph, NULL), THAW_OK);
    thaw_lowered_free(&low);
}

/* A step that trains, with either batch normalisation, and one that validates with weights that change. */
static void what_trains_has_one_stage(void **state)
{
    (void)state;
    const thaw_stage_memory memory = {MIB, 8 * MIB, 64};
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    assert_int_equal(thaw_net_unfreeze_last(50, trainable, NULL), THAW_OK);
    assert_int_equal(thaw_net_cut(&large, trainable, &cut, NULL), THAW_OK);
    for (int k = 0; k < 3; k++) {
        thaw_var_list vars = {0};
        thaw_lowered low;
        thaw_lower_spec spec = {.net = &large,
                                .weights = &weights,
                                .batch = 32,
                                .from = k == 2 ? &cut : NULL,
                                .trainable = trainable,
                                .head_trainable = true,
                                .bn = k == 1 ? THAW_BN_BATCH : THAW_BN_FROZEN,
                                .vars = &vars,
                                .train = k < 2,
                                .metrics = true};
        assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
        assert_int_equal(thaw_stages_choose(&low.graph, &memory, NULL), THAW_OK);
        assert_int_equal(low.graph.batch, 0);
        for (size_t i = 0; i < low.graph.n_ops; i++)
            assert_int_equal(low.graph.ops[i].rows, 0);
        thaw_lowered_free(&low);
        thaw_var_list_free(&vars);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stages_suit_the_caches),
        cmocka_unit_test(one_image_and_unknown_caches_have_one_stage),
        cmocka_unit_test(what_cannot_be_aligned_does_not_cross),
        cmocka_unit_test(a_forward_pass_has_stages_before_its_end),
        cmocka_unit_test(what_trains_has_one_stage),
    };
    return cmocka_run_group_tests(tests, build, zero_net_release);
}
