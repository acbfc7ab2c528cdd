/* The graphs that the lowering makes, for every cut: op counts, folding, merging, gradients' coverage. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/graph/zero_net.h"

static thaw_lower_spec spec_for(int32_t batch)
{
    return (thaw_lower_spec){.net = &net, .weights = &weights, .batch = batch};
}

static size_t count_ops(const thaw_graph *g, uint32_t kind)
{
    size_t n = 0;
    for (size_t i = 0; i < g->n_ops; i++)
        n += g->ops[i].kind == kind;
    return n;
}

static void inference_is_folded_and_merged(void **state)
{
    (void)state;
    thaw_lowered low;
    thaw_lower_spec spec = spec_for(2);
    spec.probs = true;
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    /* 94 convolutions and the dense layer. Four 1x1 siblings merge in each of the 9 blocks with an average
     * pool except mixed9 and mixed10, which have four, too: 3 fewer each; mixed8 has two: 1 fewer. */
    assert_int_equal(count_ops(&low.graph, THAW_OP_CONV2D), 95 - 9 * 3 - 1);
    assert_int_equal(count_ops(&low.graph, THAW_OP_AVGPOOL), 9);
    assert_int_equal(count_ops(&low.graph, THAW_OP_MAXPOOL), 4);
    assert_int_equal(count_ops(&low.graph, THAW_OP_AFFINE), 0);
    assert_int_equal(count_ops(&low.graph, THAW_OP_CAST), 0);
    uint64_t macs = 0;
    for (size_t i = 0; i < low.graph.n_ops; i++)
        macs += thaw_op_macs(&low.graph, &low.graph.ops[i]);
    thaw_lowered_free(&low);
    assert_true(macs > 0);
}

static void full_size_macs(void **state)
{
    (void)state;
    static thaw_net full;
    thaw_lowered low;
    assert_int_equal(thaw_net_inception_v3(299, &full, NULL), THAW_OK);
    thaw_lower_spec spec = spec_for(1);
    spec.net = &full;
    spec.pooled = true;
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    uint64_t macs = 0;
    for (size_t i = 0; i < low.graph.n_ops; i++)
        macs += thaw_op_macs(&low.graph, &low.graph.ops[i]);
    thaw_lowered_free(&low);
    assert_int_equal(macs, 5711168096);
}

/* Each op reads only what was written before, or comes from outside. */
static void check_order(const thaw_graph *g)
{
    bool *written = calloc(g->n_tensors, sizeof *written);
    assert_non_null(written);
    for (size_t i = 0; i < g->n_ops; i++) {
        for (uint32_t j = 0; j < g->ops[i].n_in; j++) {
            uint32_t id = g->ops[i].in[j];
            uint32_t root = thaw_graph_root(g, id);
            bool outside = g->tensors[root].storage != THAW_T_TEMP;
            assert_true(outside || written[id] || written[root]);
        }
        for (uint32_t j = 0; j < g->ops[i].n_out; j++)
            written[g->ops[i].out[j]] = written[thaw_graph_root(g, g->ops[i].out[j])] = true;
    }
    free(written);
}

static void every_cut_can_be_trained(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= THAW_N_LAYERS; n++) {
        for (int mode = THAW_BN_FROZEN; mode <= THAW_BN_BATCH; mode++) {
            bool trainable[THAW_N_LAYERS];
            thaw_cut cut;
            thaw_train_summary sum;
            thaw_var_list vars = {0};
            thaw_lowered low;
            thaw_error err;
            thaw_net_unfreeze_last(n, trainable, NULL);
            thaw_net_summarise(&net, trainable, &sum);
            assert_int_equal(thaw_net_cut(&net, trainable, &cut, NULL), THAW_OK);
            thaw_lower_spec spec = spec_for(3);
            spec.from = &cut;
            spec.trainable = trainable;
            spec.head_trainable = true;
            spec.bn = (thaw_bn_mode)mode;
            spec.vars = &vars;
            spec.train = true;
            spec.dropout = 0.2f;
            thaw_status st = thaw_lower(&spec, &low, &err);
            if (st != THAW_OK)
                print_message("last %u: %s\n", n, err.text);
            assert_int_equal(st, THAW_OK);
            assert_int_equal(low.n_gradients, sum.convs + sum.betas + 2);
            for (uint32_t j = 0; j < cut.n; j++)
                assert_int_not_equal(low.cut[j], THAW_NO_TENSOR);
            check_order(&low.graph);
            thaw_lowered_free(&low);
            /* The same variables serve the evaluation. */
            size_t n_vars = vars.count;
            spec.train = false;
            spec.metrics = true;
            assert_int_equal(thaw_lower(&spec, &low, &err), THAW_OK);
            assert_int_equal(vars.count, n_vars);
            check_order(&low.graph);
            thaw_lowered_free(&low);
            thaw_var_list_free(&vars);
        }
    }
}

static void last_50_needs_few_input_gradients(void **state)
{
    (void)state;
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    thaw_var_list vars = {0};
    thaw_lowered low;
    thaw_net_unfreeze_last(50, trainable, NULL);
    thaw_net_cut(&net, trainable, &cut, NULL);
    thaw_lower_spec spec = spec_for(2);
    spec.from = &cut;
    spec.trainable = trainable;
    spec.head_trainable = spec.train = true;
    spec.vars = &vars;
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    /* 12 kernels and the head's; mixed10's nine convolutions and the head pass a gradient on, four of them
     * as one. What mixed10's branches read is added up, what its 1x1 convolutions read is not. */
    assert_int_equal(count_ops(&low.graph, THAW_OP_CONV2D_BWD_FILTER), 13);
    assert_int_equal(count_ops(&low.graph, THAW_OP_CONV2D_BWD_DATA), 7);
    assert_int_equal(count_ops(&low.graph, THAW_OP_ADD), 2);
    /* One each for mixed10 and mixed9, and for the three convolutions between them that read no 1x1's. */
    assert_int_equal(count_ops(&low.graph, THAW_OP_RELU_BWD), 5);
    assert_int_equal(count_ops(&low.graph, THAW_OP_ADAM), 1);
    assert_int_equal(low.n_gradients, 29);
    thaw_lowered_free(&low);
    thaw_var_list_free(&vars);
}

/* The gradient in x of 1x1 convolutions that read x; NULL if there is none. */
static const thaw_gop *joined(const thaw_graph *g, const char *label)
{
    for (size_t i = 0; i < g->n_ops; i++)
        if (g->ops[i].kind == THAW_OP_CONV2D_BWD_DATA && strcmp(g->ops[i].label, label) == 0)
            return &g->ops[i];
    return NULL;
}

/* Channels of a tensor that ops write before op `end`, each once. */
static int32_t channels_written(const thaw_graph *g, uint32_t tensor, const thaw_gop *end)
{
    int32_t n = 0;
    for (const thaw_gop *op = g->ops; op < end; op++)
        for (uint32_t k = 0; k < op->n_out; k++)
            if (g->tensors[op->out[k]].parent == tensor)
                n += g->tensors[op->out[k]].c;
    return n;
}

static void gradients_of_siblings_are_one_product(void **state)
{
    (void)state;
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    thaw_var_list vars = {0};
    thaw_lowered low;
    /* mixed8's 1x1 convolutions read what its pool reads, too: their gradient is one part of a sum. */
    assert_int_equal(thaw_net_unfreeze_from(&net, "mixed7", trainable, NULL), THAW_OK);
    thaw_net_cut(&net, trainable, &cut, NULL);
    thaw_lower_spec spec = spec_for(2);
    spec.from = &cut;
    spec.trainable = trainable;
    spec.head_trainable = spec.train = true;
    spec.vars = &vars;
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    const thaw_graph *g = &low.graph;
    const thaw_gop *two = joined(g, "conv2d_70 and 1 more"), *four = joined(g, "conv2d_93 and 3 more");
    assert_non_null(two);
    assert_non_null(four);
    assert_int_equal(g->tensors[four->in[0]].c, 192 + 320 + 384 + 448);
    const thaw_gop *ops[] = {two, four};
    for (size_t i = 0; i < 2; i++) {
        const thaw_gtensor *dy = &g->tensors[ops[i]->in[0]], *w = &g->tensors[ops[i]->in[1]];
        assert_true(dy->parent == THAW_NO_TENSOR && w->parent == THAW_NO_TENSOR);
        assert_int_equal(w->c, dy->c);
        assert_int_equal(channels_written(g, ops[i]->in[0], ops[i]), dy->c);
        assert_int_equal(channels_written(g, ops[i]->in[1], ops[i]), w->c);
    }
    const thaw_gop *sum = two;
    while (sum < g->ops + g->n_ops && (sum->kind != THAW_OP_ADD || sum->in[1] != two->out[0]))
        sum++;
    assert_true(sum < g->ops + g->n_ops);
    assert_int_equal(sum->n_in, 2);
    thaw_lowered_free(&low);
    thaw_var_list_free(&vars);
}

static void every_prefix_can_be_kept(void **state)
{
    (void)state;
    for (uint32_t n = 0; n <= THAW_N_LAYERS; n += 7) {
        bool trainable[THAW_N_LAYERS];
        thaw_cut cut;
        thaw_lowered low;
        thaw_error err;
        thaw_net_unfreeze_last(n, trainable, NULL);
        thaw_net_cut(&net, trainable, &cut, NULL);
        thaw_lower_spec spec = spec_for(2);
        spec.keep = cut.layers;
        spec.n_keep = cut.n;
        spec.pooled = true;
        spec.feature_dtype = n % 2 ? THAW_F16 : THAW_F32;
        assert_int_equal(thaw_lower(&spec, &low, &err), THAW_OK);
        for (uint32_t j = 0; j < cut.n; j++) {
            const thaw_gtensor *t = &low.graph.tensors[low.kept[j]];
            assert_true(t->output && t->parent == THAW_NO_TENSOR && t->storage == THAW_T_TEMP);
        }
        assert_true(low.graph.tensors[low.pooled].output);
        check_order(&low.graph);
        thaw_lowered_free(&low);
    }
}

static void bad_specs_are_refused(void **state)
{
    (void)state;
    thaw_lowered low;
    thaw_error err;
    thaw_lower_spec spec = spec_for(0);
    spec.pooled = true;
    assert_int_equal(thaw_lower(&spec, &low, &err), THAW_E_INVALID);
    spec.batch = 1;
    spec.dropout = 1.0f;
    assert_int_equal(thaw_lower(&spec, &low, &err), THAW_E_INVALID);
    spec.dropout = 0.0f;
    uint32_t bn = thaw_net_find(&net, "batch_normalization_3");
    spec.keep = &bn;
    spec.n_keep = 1;
    assert_int_equal(thaw_lower(&spec, &low, &err), THAW_E_INVALID);
    spec.n_keep = 0;
    spec.probs = true;
    thaw_weights_view headless = weights;
    headless.n_classes = 0;
    spec.weights = &headless;
    assert_int_equal(thaw_lower(&spec, &low, &err), THAW_E_INVALID);
    assert_non_null(strstr(err.text, "head"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(inference_is_folded_and_merged),
        cmocka_unit_test(full_size_macs),
        cmocka_unit_test(every_cut_can_be_trained),
        cmocka_unit_test(last_50_needs_few_input_gradients),
        cmocka_unit_test(gradients_of_siblings_are_one_product),
        cmocka_unit_test(every_prefix_can_be_kept),
        cmocka_unit_test(bad_specs_are_refused),
    };
    return cmocka_run_group_tests(tests, zero_net_build, zero_net_release);
}
