/* The gradient of the whole network, for shallow and deep cuts: along the gradient's own direction the loss
 * must change as the gradient says. Covers what no recipe's cut reaches: strided, 5x5 and 1x7 convolutions,
 * max-pools, the stem. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/base/rng.h"
#include "core/graph/lower.h"
#include "core/runtime/program.h"

#define BATCH   3
#define CLASSES 4
#define SEED    20

static thaw_net net;
static thaw_runtime *runtime;
static thaw_dev *dev;
static float *weights[THAW_N_WEIGHTS];
static size_t counts[THAW_N_WEIGHTS];
static thaw_weights_view view;

static float draw(uint32_t what, uint32_t i)
{
    return 2.0f * thaw_random_uniform(SEED, THAW_RNG_TEST, what, 0, i) - 1.0f;
}

/* Scaled so that activations keep their size (He et al. 2015). */
static void fill_weights(void)
{
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++) {
        const thaw_layer *l = &net.layers[i];
        if (l->kind != THAW_LAYER_CONV)
            continue;
        size_t fan_in = (size_t)(l->kh * l->kw * net.layers[l->in[0]].c);
        for (int what = 0; what < THAW_W_PER_CONV; what++)
            counts[THAW_W_INDEX(l->k, what)] = what == THAW_W_KERNEL ? fan_in * (size_t)l->c : (size_t)l->c;
        for (int what = 0; what < THAW_W_PER_CONV; what++) {
            size_t at = THAW_W_INDEX(l->k, what);
            weights[at] = malloc(counts[at] * sizeof(float));
            assert_non_null(weights[at]);
            float scale = what == THAW_W_KERNEL ? sqrtf(6.0f / (float)fan_in) : 0.1f;
            for (size_t j = 0; j < counts[at]; j++)
                weights[at][j] = scale * draw((uint32_t)at, (uint32_t)j) + (what == THAW_W_VAR ? 1.0f : 0.0f);
        }
    }
    counts[THAW_W_HEAD_KERNEL] = THAW_N_FEATURES * CLASSES;
    counts[THAW_W_HEAD_BIAS] = CLASSES;
    for (size_t at = THAW_W_HEAD_KERNEL; at < THAW_N_WEIGHTS; at++) {
        weights[at] = malloc(counts[at] * sizeof(float));
        assert_non_null(weights[at]);
        for (size_t j = 0; j < counts[at]; j++)
            weights[at][j] = 0.05f * draw((uint32_t)at, (uint32_t)j);
    }
    for (size_t at = 0; at < THAW_N_WEIGHTS; at++)
        view.data[at] = weights[at];
    view.n_classes = CLASSES;
}

static int build(void **state)
{
    (void)state;
    thaw_error err;
    thaw_runtime_options options = {.threads = 2};
    if (thaw_net_inception_v3(107, &net, NULL) != THAW_OK ||
        thaw_runtime_create(&options, &runtime, &err) != THAW_OK ||
        thaw_runtime_open(runtime, "cpu:0", &dev, &err) != THAW_OK) {
        print_message("%s\n", err.text);
        return -1;
    }
    fill_weights();
    return 0;
}

static int release(void **state)
{
    (void)state;
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        free(weights[i]);
    thaw_runtime_close(runtime, dev);
    thaw_runtime_free(runtime);
    return 0;
}

/* A lowered training step with inputs for its cut tensors. */
typedef struct step {
    thaw_lowered low;
    thaw_program *program;
    thaw_vars *vars;
    thaw_var_list list;
    thaw_cut cut;
    uint32_t n_feeds; /* of the cut, or the pooled features */
    uint32_t feeds[THAW_MAX_CUT];
    float *inputs[THAW_MAX_CUT];
    int32_t labels[BATCH];
} step;

static size_t weight_of(const char *name)
{
    char have[THAW_WEIGHT_NAME_BYTES];
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++) {
        thaw_weight_name(i, have);
        if (strcmp(have, name) == 0)
            return i;
    }
    return THAW_N_WEIGHTS;
}

static void prepare(step *s, uint32_t last, thaw_bn_mode bn)
{
    bool trainable[THAW_N_LAYERS];
    thaw_error err = {0};
    memset(s, 0, sizeof *s);
    thaw_net_unfreeze_last(last, trainable, NULL);
    assert_int_equal(thaw_net_cut(&net, trainable, &s->cut, NULL), THAW_OK);
    thaw_lower_spec spec = {.net = &net,
                            .weights = &view,
                            .batch = BATCH,
                            .from = &s->cut,
                            .trainable = trainable,
                            .head_trainable = true,
                            .bn = bn,
                            .vars = &s->list,
                            .train = true,
                            .no_update = true};
    assert_int_equal(thaw_lower(&spec, &s->low, &err), THAW_OK);
    assert_int_equal(thaw_vars_create(dev, &s->list, &s->vars, &err), THAW_OK);
    for (size_t i = 0; i < s->list.count; i++)
        assert_int_equal(thaw_vars_set(s->vars, i, weights[weight_of(s->list.items[i].name)], &err), THAW_OK);
    thaw_program_options options = {.dev = dev};
    assert_int_equal(thaw_program_create(&s->low.graph, s->vars, &options, &s->program, &err), THAW_OK);
    s->n_feeds = s->cut.n ? s->cut.n : 1;
    for (uint32_t j = 0; j < s->n_feeds; j++) {
        s->feeds[j] = s->cut.n ? s->low.cut[j] : s->low.pooled_in;
        size_t n = thaw_graph_bytes(&s->low.graph, s->feeds[j]) / sizeof(float);
        s->inputs[j] = malloc(n * sizeof(float));
        assert_non_null(s->inputs[j]);
        for (size_t i = 0; i < n; i++)
            s->inputs[j][i] = draw(1000 + j, (uint32_t)i);
    }
    for (int i = 0; i < BATCH; i++)
        s->labels[i] = i % CLASSES;
}

static void finish(step *s)
{
    for (uint32_t j = 0; j < s->n_feeds; j++)
        free(s->inputs[j]);
    thaw_program_free(s->program);
    thaw_vars_free(s->vars);
    thaw_lowered_free(&s->low);
    thaw_var_list_free(&s->list);
}

/* Mean loss; gradients too, if wanted. */
static double run(step *s, float *const *gradients)
{
    thaw_binding feeds[THAW_MAX_CUT + 1], *fetches = calloc(s->low.n_gradients + 1, sizeof *fetches);
    float metrics[2];
    thaw_error err = {0};
    size_t n = 0;
    assert_non_null(fetches);
    for (; n < s->n_feeds; n++)
        feeds[n] = (thaw_binding){.tensor = s->feeds[n], .data = s->inputs[n]};
    feeds[n++] = (thaw_binding){.tensor = s->low.label, .data = s->labels};
    fetches[0] = (thaw_binding){.tensor = s->low.metrics, .data = metrics};
    for (size_t i = 0; gradients && i < s->low.n_gradients; i++)
        fetches[1 + i] = (thaw_binding){.tensor = s->low.gradients[i].tensor, .data = gradients[i]};
    thaw_status st =
        thaw_program_run(s->program, feeds, n, fetches, 1 + (gradients ? s->low.n_gradients : 0), &err);
    if (st != THAW_OK)
        print_message("%s\n", err.text);
    assert_int_equal(st, THAW_OK);
    free(fetches);
    return (double)metrics[0] / BATCH;
}

/* Moves every trained variable by length along the gradient (norm: its length). */
static void move(step *s, float *const *gradients, double norm, double length)
{
    for (size_t i = 0; i < s->low.n_gradients; i++) {
        uint32_t var = s->low.gradients[i].var;
        size_t at = weight_of(s->list.items[var].name);
        float *moved = malloc(counts[at] * sizeof *moved);
        assert_non_null(moved);
        for (size_t j = 0; j < counts[at]; j++)
            moved[j] = (float)((double)weights[at][j] + length * (double)gradients[i][j] / norm);
        assert_int_equal(thaw_vars_set(s->vars, var, moved, NULL), THAW_OK);
        free(moved);
    }
}

/* change: of the loss, by one step along the gradient; tolerance: of the slope, relative. */
static void check_direction(uint32_t last, thaw_bn_mode bn, double change, double tolerance)
{
    step s;
    prepare(&s, last, bn);
    float **gradients = calloc(s.low.n_gradients, sizeof *gradients);
    assert_non_null(gradients);
    for (size_t i = 0; i < s.low.n_gradients; i++) {
        gradients[i] = malloc(thaw_graph_bytes(&s.low.graph, s.low.gradients[i].tensor));
        assert_non_null(gradients[i]);
    }
    double loss = run(&s, gradients), square = 0;
    for (size_t i = 0; i < s.low.n_gradients; i++) {
        size_t n = counts[weight_of(s.list.items[s.low.gradients[i].var].name)];
        for (size_t j = 0; j < n; j++)
            square += (double)gradients[i][j] * (double)gradients[i][j];
    }
    double norm = sqrt(square), length = change / norm;
    assert_true(isfinite(loss) && norm > 1e-3);
    move(&s, gradients, norm, length);
    double up = run(&s, NULL);
    move(&s, gradients, norm, -length);
    double down = run(&s, NULL);
    double slope = (up - down) / (2 * length);
    if (fabs(slope / norm - 1) > tolerance)
        print_message("last %u, bn %d: loss %g, |gradient| %g, measured slope %g\n", last, (int)bn, loss,
                      norm, slope);
    assert_true(fabs(slope / norm - 1) <= tolerance);
    for (size_t i = 0; i < s.low.n_gradients; i++)
        free(gradients[i]);
    free(gradients);
    finish(&s);
}

static void head_only(void **state)
{
    (void)state;
    check_direction(0, THAW_BN_FROZEN, 2e-3, 0.01);
}

static void the_recipe(void **state)
{
    (void)state;
    check_direction(50, THAW_BN_FROZEN, 2e-3, 0.01);
    check_direction(50, THAW_BN_BATCH, 2e-3, 0.01);
}

static void inside_mixed6(void **state)
{
    (void)state;
    check_direction(311 - 172, THAW_BN_FROZEN, 2e-3, 0.01);
    check_direction(311 - 172, THAW_BN_BATCH, 1e-2, 0.05);
}

static void from_mixed3_on(void **state)
{
    (void)state;
    check_direction(311 - 90, THAW_BN_FROZEN, 2e-3, 0.01);
}

static void everything(void **state)
{
    (void)state;
    check_direction(311, THAW_BN_FROZEN, 2e-3, 0.01);
    /* Statistics over a dozen values make a steep loss, whose smaller steps f32 weights cannot take. */
    check_direction(311, THAW_BN_BATCH, 2e-2, 0.1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(head_only),      cmocka_unit_test(the_recipe), cmocka_unit_test(inside_mixed6),
        cmocka_unit_test(from_mixed3_on), cmocka_unit_test(everything),
    };
    return cmocka_run_group_tests(tests, build, release);
}
