/* The gradients of the first batch of the fine-tune phase, in both batch-norm modes, against Keras. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/helpers.h"

#define BATCH  32
#define PREFIX 8

typedef struct batch {
    thaw_cut cut;
    bool trainable[THAW_N_LAYERS];
    float *rows[THAW_MAX_CUT]; /* BATCH rows of each cut tensor */
    int32_t labels[BATCH];
} batch;

/* The cut tensors of the 32 images, by the prefix in batches of 8. */
static void fill_batch(golden *g, const cJSON *json, batch *b)
{
    const cJSON *paths = cJSON_GetObjectItem(json, "images");
    thaw_lowered low;
    assert_int_equal(cJSON_GetArraySize(paths), BATCH);
    assert_int_equal(thaw_net_unfreeze_last(50, b->trainable, NULL), THAW_OK);
    assert_int_equal(thaw_net_cut(&g->net, b->trainable, &b->cut, NULL), THAW_OK);
    thaw_lower_spec spec = {
        .net = &g->net, .weights = &g->view, .batch = PREFIX, .keep = b->cut.layers, .n_keep = b->cut.n};
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    thaw_program *program = golden_program(g, &low, NULL);
    size_t bytes[THAW_MAX_CUT];
    for (uint32_t j = 0; j < b->cut.n; j++) {
        bytes[j] = thaw_graph_bytes(&low.graph, low.kept[j]);
        b->rows[j] = malloc(bytes[j] * (BATCH / PREFIX));
        assert_non_null(b->rows[j]);
    }
    for (int i = 0; i < BATCH; i += PREFIX) {
        thaw_binding fetches[THAW_MAX_CUT];
        for (uint32_t j = 0; j < b->cut.n; j++)
            fetches[j] = (thaw_binding){.tensor = low.kept[j],
                                        .data = (char *)b->rows[j] + bytes[j] * (size_t)(i / PREFIX)};
        float *images = golden_images(paths, i, PREFIX);
        golden_run(program, &(thaw_binding){.tensor = low.image, .data = images}, 1, fetches, b->cut.n);
        free(images);
    }
    for (int i = 0; i < BATCH; i++)
        b->labels[i] =
            golden_label(cJSON_GetObjectItem(json, "classes"), cJSON_GetArrayItem(paths, i)->valuestring);
    thaw_program_free(program);
    thaw_lowered_free(&low);
}

/* tolerance is that of the length. An activation within rounding of 0 may pass its ReLU on one side and not
 * on the other, which moves a beta's gradient by the share of one pixel: single values are held less
 * strictly. */
static void check_gradient(const char *name, const cJSON *want, const float *got, size_t n, double tolerance)
{
    double square = 0, sum = 0, off = 0;
    for (size_t i = 0; i < n; i++) {
        square += (double)got[i] * (double)got[i];
        sum += (double)got[i];
    }
    double l2 = golden_number(want, "l2"), rms = l2 / sqrt((double)n);
    const cJSON *at = cJSON_GetObjectItem(want, "at"), *value = cJSON_GetObjectItem(want, "value");
    const int samples = cJSON_GetArraySize(at);
    for (int i = 0; i < samples; i++) {
        size_t k = (size_t)golden_at(at, i);
        assert_true(k < n);
        off += pow((double)got[k] - golden_at(value, i), 2) / samples;
    }
    double l2_off = fabs(sqrt(square) / l2 - 1), values_off = sqrt(off) / rms;
    double sum_off = fabs(sum - golden_number(want, "sum")) / (l2 * sqrt((double)n));
    bool right = l2_off <= tolerance && values_off <= 50 * tolerance && sum_off <= 5 * tolerance;
    if (!right)
        print_message("%s: off by %.1e in length, %.1e in values, %.1e in sum\n", name, l2_off, values_off,
                      sum_off);
    assert_true(right);
}

static void check_mode(golden *g, const cJSON *json, const batch *b, thaw_bn_mode bn, const char *key,
                       double tolerance)
{
    const cJSON *mode = cJSON_GetObjectItem(cJSON_GetObjectItem(json, "modes"), key);
    const cJSON *grads = cJSON_GetObjectItem(mode, "grads");
    thaw_var_list list = {0};
    thaw_vars *vars;
    thaw_lowered low;
    thaw_lower_spec spec = {.net = &g->net,
                            .weights = &g->view,
                            .batch = BATCH,
                            .from = &b->cut,
                            .trainable = b->trainable,
                            .head_trainable = true,
                            .bn = bn,
                            .vars = &list,
                            .train = true,
                            .no_update = true};
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    assert_int_equal(thaw_vars_create(g->dev, &list, &vars, NULL), THAW_OK);
    for (size_t i = 0; i < list.count; i++)
        assert_int_equal(thaw_vars_set(vars, i,
                                       g->model->weights[thaw_model_find(g->model, list.items[i].name)].data,
                                       NULL),
                         THAW_OK);
    thaw_program *program = golden_program(g, &low, vars);
    thaw_binding feeds[THAW_MAX_CUT + 1], *fetches = calloc(low.n_gradients + 1, sizeof *fetches);
    float metrics[2];
    assert_non_null(fetches);
    for (uint32_t j = 0; j < b->cut.n; j++)
        feeds[j] = (thaw_binding){.tensor = low.cut[j], .data = b->rows[j]};
    feeds[b->cut.n] = (thaw_binding){.tensor = low.label, .data = (void *)b->labels};
    fetches[0] = (thaw_binding){.tensor = low.metrics, .data = metrics};
    for (size_t i = 0; i < low.n_gradients; i++) {
        uint32_t t = low.gradients[i].tensor;
        fetches[1 + i] = (thaw_binding){.tensor = t, .data = malloc(thaw_graph_bytes(&low.graph, t))};
        assert_non_null(fetches[1 + i].data);
    }
    golden_run(program, feeds, b->cut.n + 1, fetches, low.n_gradients + 1);
    double loss = (double)metrics[0] / BATCH, want = golden_number(mode, "loss");
    print_message("%s: loss %.9f, Keras %.9f\n", key, loss, want);
    assert_true(fabs(loss - want) <= 2e-5 * want);
    assert_int_equal(low.n_gradients, cJSON_GetArraySize(grads));
    for (size_t i = 0; i < low.n_gradients; i++) {
        char name[80];
        const char *own = list.items[low.gradients[i].var].name;
        bool head = strncmp(own, "predictions/", 12) == 0;
        snprintf(name, sizeof name, "%s%s", head ? "head/" : "", head ? own + 12 : own);
        const cJSON *golden_grad = cJSON_GetObjectItemCaseSensitive(grads, name);
        assert_non_null(golden_grad);
        check_gradient(name, golden_grad, fetches[1 + i].data,
                       thaw_graph_bytes(&low.graph, low.gradients[i].tensor) / sizeof(float), tolerance);
        free(fetches[1 + i].data);
    }
    free(fetches);
    thaw_program_free(program);
    thaw_vars_free(vars);
    thaw_lowered_free(&low);
    thaw_var_list_free(&list);
}

static void first_batch(void **state)
{
    (void)state;
    golden *g = golden_open();
    if (!g)
        skip();
    cJSON *json = golden_json("clipA_gradients.json");
    batch b;
    fill_batch(g, json, &b);
    check_mode(g, json, &b, THAW_BN_FROZEN, "frozen", 5e-4);
    check_mode(g, json, &b, THAW_BN_BATCH, "batch", 2e-3);
    for (uint32_t j = 0; j < b.cut.n; j++)
        free(b.rows[j]);
    cJSON_Delete(json);
    golden_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(first_batch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
