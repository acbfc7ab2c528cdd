/* Features of the untrained base, and every layer on the way, against Keras. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/golden/helpers.h"

#define BATCH 4

/* float32 [40,2048] in C order; the header's length stands in bytes 8 and 9. */
static float *read_npy(const char *name, size_t count)
{
    char path[512];
    unsigned char head[10];
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    FILE *f = fopen(path, "rb");
    assert_non_null(f);
    assert_int_equal(fread(head, 1, sizeof head, f), sizeof head);
    assert_int_equal(fseek(f, 10 + head[8] + 256 * head[9], SEEK_SET), 0);
    float *values = malloc(count * sizeof *values);
    assert_non_null(values);
    assert_int_equal(fread(values, sizeof *values, count, f), count);
    fclose(f);
    return values;
}

static void pooled_features(void **state)
{
    (void)state;
    golden *g = golden_open();
    if (!g)
        skip();
    cJSON *run = golden_json("clipA_frozen.json");
    const cJSON *paths = cJSON_GetObjectItem(run, "val");
    const int n = cJSON_GetArraySize(paths);
    assert_int_equal(n, 40);
    float *want = read_npy("clipA_val_features.npy", (size_t)n * THAW_N_FEATURES);
    thaw_lowered low;
    thaw_lower_spec spec = {.net = &g->net, .weights = &g->view, .batch = BATCH, .pooled = true};
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    thaw_program *program = golden_program(g, &low, NULL);
    float got[BATCH * THAW_N_FEATURES];
    double worst = 0;
    for (int i = 0; i < n; i += BATCH) {
        float *images = golden_images(paths, i, BATCH);
        golden_run(program, &(thaw_binding){.tensor = low.image, .data = images}, 1,
                   &(thaw_binding){.tensor = low.pooled, .data = got}, 1);
        free(images);
        for (int j = 0; j < BATCH; j++) {
            double d = golden_distance(got + (size_t)j * THAW_N_FEATURES,
                                       want + (size_t)(i + j) * THAW_N_FEATURES, THAW_N_FEATURES);
            worst = d > worst ? d : worst;
        }
    }
    print_message("features: worst relative distance %.2e\n", worst);
    assert_true(worst < 1e-5);
    thaw_program_free(program);
    thaw_lowered_free(&low);
    free(want);
    cJSON_Delete(run);
    golden_close(g);
}

static void check_layer(const thaw_layer *l, const cJSON *want, int image, const float *got)
{
    size_t n = (size_t)(l->h * l->w * l->c);
    double sum = 0, square = 0;
    for (size_t i = 0; i < n; i++) {
        sum += (double)got[i];
        square += (double)got[i] * (double)got[i];
    }
    const cJSON *shape = cJSON_GetObjectItem(want, "shape");
    assert_int_equal(golden_at(shape, 0), l->h);
    assert_int_equal(golden_at(shape, 1), l->w);
    assert_int_equal(golden_at(shape, 2), l->c);
    double rms = golden_at(cJSON_GetObjectItem(want, "rms"), image);
    double mean = golden_at(cJSON_GetObjectItem(want, "mean"), image);
    /* Keras' own sums are of f32 too: what is between the two is the rounding of both, which comes to 1.03e-5
     * in one layer of few positive values. */
    bool right =
        fabs(sqrt(square / (double)n) - rms) <= 2e-5 * rms && fabs(sum / (double)n - mean) <= 1e-5 * rms;
    const cJSON *corner = cJSON_GetArrayItem(cJSON_GetObjectItem(want, "corner"), image);
    for (int c = 0; c < cJSON_GetArraySize(corner); c++)
        right = right && fabs((double)got[c] - golden_at(corner, c)) <= 1e-4 * rms;
    if (!right)
        print_message("%s differs in image %d\n", l->name, image);
    assert_true(right);
}

static void every_layer(void **state)
{
    (void)state;
    golden *g = golden_open();
    if (!g)
        skip();
    cJSON *json = golden_json("clipA_layers.json");
    const cJSON *layers = cJSON_GetObjectItem(json, "layers");
    uint32_t keep[THAW_N_LAYERS], n = 0;
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++)
        if (cJSON_GetObjectItemCaseSensitive(layers, g->net.layers[i].name))
            keep[n++] = i;
    assert_int_equal(n, cJSON_GetArraySize(layers));
    thaw_lowered low;
    thaw_lower_spec spec = {.net = &g->net, .weights = &g->view, .batch = 2, .keep = keep, .n_keep = n};
    assert_int_equal(thaw_lower(&spec, &low, NULL), THAW_OK);
    thaw_program *program = golden_program(g, &low, NULL);
    thaw_binding *fetches = calloc(n, sizeof *fetches);
    assert_non_null(fetches);
    for (uint32_t i = 0; i < n; i++) {
        fetches[i] =
            (thaw_binding){.tensor = low.kept[i], .data = malloc(thaw_graph_bytes(&low.graph, low.kept[i]))};
        assert_non_null(fetches[i].data);
    }
    float *images = golden_images(cJSON_GetObjectItem(json, "images"), 0, 2);
    golden_run(program, &(thaw_binding){.tensor = low.image, .data = images}, 1, fetches, n);
    for (uint32_t i = 0; i < n; i++) {
        const thaw_layer *l = &g->net.layers[keep[i]];
        const float *got = fetches[i].data;
        for (int image = 0; image < 2; image++)
            check_layer(l, cJSON_GetObjectItemCaseSensitive(layers, l->name), image,
                        got + (size_t)image * (size_t)(l->h * l->w * l->c));
        free(fetches[i].data);
    }
    free(fetches);
    free(images);
    thaw_program_free(program);
    thaw_lowered_free(&low);
    cJSON_Delete(json);
    golden_close(g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(pooled_features), cmocka_unit_test(every_layer)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
