#include "tests/golden/helpers.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/data/data.h"

#define CHECK(call)                                                                                          \
    do {                                                                                                     \
        thaw_error err = {0};                                                                                \
        if ((call) != THAW_OK) {                                                                             \
            print_message("%s\n", err.text);                                                                 \
            fail();                                                                                          \
        }                                                                                                    \
    } while (0)

/* ---- the head: np.random.RandomState(7).uniform(-.05, .05, (2048, 5)) ---- */

/* MT19937 (Matsumoto and Nishimura, 1998), and doubles of 53 bits from two words as NumPy makes them. */
typedef struct mt {
    uint32_t key[624];
    int at;
} mt;

static void mt_seed(mt *g, uint32_t seed)
{
    g->key[0] = seed;
    for (uint32_t i = 1; i < 624; i++)
        g->key[i] = 1812433253u * (g->key[i - 1] ^ g->key[i - 1] >> 30) + i;
    g->at = 624;
}

static uint32_t mt_next(mt *g)
{
    if (g->at == 624) {
        for (int i = 0; i < 624; i++) {
            uint32_t y = (g->key[i] & 0x80000000u) | (g->key[(i + 1) % 624] & 0x7fffffffu);
            g->key[i] = g->key[(i + 397) % 624] ^ y >> 1 ^ (y & 1 ? 0x9908b0dfu : 0);
        }
        g->at = 0;
    }
    uint32_t y = g->key[g->at++];
    y ^= y >> 11;
    y ^= y << 7 & 0x9d2c5680u;
    y ^= y << 15 & 0xefc60000u;
    return y ^ y >> 18;
}

static double mt_double(mt *g)
{
    uint32_t a = mt_next(g) >> 5, b = mt_next(g) >> 6;
    return (a * 67108864.0 + b) / 9007199254740992.0;
}

static void set_head(thaw_model *model)
{
    static const char *const names[GOLDEN_CLASSES] = {"animals", "food", "people", "tools", "transportation"};
    mt g;
    CHECK(thaw_model_set_head(model, GOLDEN_CLASSES, names, &err));
    mt_seed(&g, 7);
    for (size_t i = 0; i < THAW_N_FEATURES * GOLDEN_CLASSES; i++)
        model->weights[THAW_W_HEAD_KERNEL].data[i] = (float)(-0.05 + 0.1 * mt_double(&g));
}

/* ---- opening ---- */

golden *golden_open(void)
{
    const char *dir = getenv("THAW_NSFWJS_DIR");
    if (!dir || !*dir) {
        print_message(
            "skipped: THAW_NSFWJS_DIR is not set; it names the folder dist/models/inception_v3 of the "
            "npm package nsfwjs 4.4.0 (scripts/get-nsfwjs fetches it)\n");
        return NULL;
    }
    const char *device = getenv("THAW_GOLDEN_DEVICE");
    golden *g = calloc(1, sizeof *g);
    assert_non_null(g);
    thaw_runtime_options options = {0};
    const thaw_import_options scaling = {.set_scaling = true, .scale = 1.0f / 127.5f, .shift = -1.0f};
    CHECK(thaw_runtime_create(&options, &g->runtime, &err));
    CHECK(thaw_runtime_open(g->runtime, device && *device ? device : "cpu:0", &g->dev, &err));
    CHECK(thaw_model_load(dir, &scaling, &g->model, &err));
    CHECK(thaw_net_inception_v3(GOLDEN_SIZE, &g->net, &err));
    set_head(g->model);
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        g->view.data[i] = g->model->weights[i].data;
    g->view.n_classes = GOLDEN_CLASSES;
    return g;
}

void golden_close(golden *g)
{
    thaw_model_free(g->model);
    thaw_runtime_close(g->runtime, g->dev);
    thaw_runtime_free(g->runtime);
    free(g);
}

/* ---- data ---- */

cJSON *golden_json(const char *name)
{
    char path[512];
    uint8_t *text;
    size_t size;
    snprintf(path, sizeof path, "%s/%s", GOLDEN_DIR, name);
    CHECK(thaw_read_file(path, (size_t)16 << 20, &text, &size, &err));
    cJSON *json = cJSON_Parse((const char *)text);
    free(text);
    assert_non_null(json);
    return json;
}

double golden_number(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

double golden_at(const cJSON *list, int i)
{
    const cJSON *item = cJSON_GetArrayItem(list, i);
    assert_true(cJSON_IsNumber(item));
    return item->valuedouble;
}

float *golden_images(const cJSON *paths, int first, int n)
{
    float *out = malloc((size_t)n * GOLDEN_PIXELS * sizeof *out);
    assert_non_null(out);
    const thaw_preprocess pre = {
        .input_size = GOLDEN_SIZE, .scale = 1.0f / 127.5f, .shift = -1.0f, .divide = true};
    for (int i = 0; i < n; i++) {
        char path[512];
        snprintf(path, sizeof path, "%s/%s", IMAGE_DIR, cJSON_GetArrayItem(paths, first + i)->valuestring);
        CHECK(thaw_image_prepare(path, &pre, out + (size_t)i * GOLDEN_PIXELS, NULL, &err));
    }
    return out;
}

int golden_label(const cJSON *classes, const char *path)
{
    for (int c = 0; c < cJSON_GetArraySize(classes); c++) {
        const char *name = cJSON_GetArrayItem(classes, c)->valuestring;
        if (strncmp(path, name, strlen(name)) == 0 && path[strlen(name)] == '/')
            return c;
    }
    fail_msg("%s is in no class", path);
    return -1;
}

thaw_program *golden_program(golden *g, const thaw_lowered *low, thaw_vars *vars)
{
    thaw_program *program;
    const thaw_program_options options = {.dev = g->dev};
    CHECK(thaw_program_create(&low->graph, vars, &options, &program, &err));
    return program;
}

void golden_run(thaw_program *program, const thaw_binding *feeds, size_t n_feeds, const thaw_binding *fetches,
                size_t n_fetches)
{
    CHECK(thaw_program_run(program, feeds, n_feeds, fetches, n_fetches, &err));
}

double golden_distance(const float *a, const float *b, size_t n)
{
    double difference = 0, length = 0;
    for (size_t i = 0; i < n; i++) {
        difference += ((double)a[i] - (double)b[i]) * ((double)a[i] - (double)b[i]);
        length += (double)b[i] * (double)b[i];
    }
    return sqrt(difference / length);
}
