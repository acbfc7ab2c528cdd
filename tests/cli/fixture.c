/* fixture.c: files for the tests of the program: a base with random weights for small images, and photos of
 * three classes that differ in colour. Usage: cli_fixture DIR. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/rng.h"
#include "core/graph/net.h"
#include "core/model/model.h"

#define SEED       5u
#define IMAGE_SIDE 24u
#define N_CLASSES  3u
#define N_IMAGES   8u

static const char *const class_names[N_CLASSES] = {"blue", "green", "red"};

static int fail(const thaw_error *err)
{
    fprintf(stderr, "%s\n", err->text);
    return 1;
}

/* Kernels with the variance that keeps activations alive through ReLU (He et al., 2015). */
static thaw_status fill_model(thaw_model *model, thaw_error *err)
{
    for (uint32_t i = 0; i < THAW_W_HEAD_KERNEL; i++) {
        thaw_weight *w = &model->weights[i];
        thaw_status st = thaw_model_alloc_weight(model, i, err);
        if (st != THAW_OK)
            return st;
        uint32_t what = i % THAW_W_PER_CONV;
        double fan_in = 1;
        for (uint32_t k = 0; k + 1 < w->rank; k++)
            fan_in *= (double)w->dims[k];
        float limit = (float)sqrt(6 / fan_in);
        for (size_t j = 0; j < w->count; j++) {
            float u = thaw_random_uniform(SEED, THAW_RNG_TEST, i, 0, (uint32_t)j);
            w->data[j] = what == THAW_W_KERNEL ? (2 * u - 1) * limit : what == THAW_W_VAR ? 1 : 0;
        }
    }
    model->pre = (thaw_preprocess){.input_size = THAW_MIN_INPUT_SIZE, .scale = 1 / 127.5f, .shift = -1};
    return thaw_model_hash(model, model->hash, err);
}

static thaw_status write_base(const char *dir, thaw_error *err)
{
    char path[1024];
    thaw_model *model = NULL;
    thaw_status st = thaw_model_create(&model, err);
    if (st == THAW_OK)
        st = fill_model(model, err);
    snprintf(path, sizeof path, "%s/base.safetensors", dir);
    if (st == THAW_OK)
        st = thaw_model_save(model, path, NULL, err);
    thaw_model_free(model);
    return st;
}

static void put32(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> (8 * i));
}

/* A BMP in which one channel, the class, is brighter than the noise of the others. */
static thaw_status write_image(const char *path, uint32_t label, uint32_t number, thaw_error *err)
{
    uint8_t file[54 + IMAGE_SIDE * IMAGE_SIDE * 3] = {'B', 'M'};
    put32(file + 2, sizeof file);
    put32(file + 10, 54);
    put32(file + 14, 40);
    put32(file + 18, IMAGE_SIDE);
    put32(file + 22, IMAGE_SIDE);
    file[26] = 1;
    file[28] = 24;
    for (uint32_t i = 0; i < IMAGE_SIDE * IMAGE_SIDE * 3; i++) {
        uint32_t noise = thaw_random_u32(SEED, THAW_RNG_TEST, 1000 + label, number, i) % 90;
        file[54 + i] = (uint8_t)(i % 3 == label ? 165 + noise : noise);
    }
    return thaw_write_file(path, file, sizeof file, err);
}

static thaw_status write_photos(const char *dir, const char *folder, uint32_t first, uint32_t n,
                                thaw_error *err)
{
    char path[1024];
    for (uint32_t c = 0; c < N_CLASSES; c++) {
        snprintf(path, sizeof path, "%s/%s/%s", dir, folder, class_names[c]);
        thaw_status st = thaw_make_dirs(path, err);
        for (uint32_t i = 0; st == THAW_OK && i < n; i++) {
            snprintf(path, sizeof path, "%s/%s/%s/%02u.bmp", dir, folder, class_names[c], (unsigned)i);
            st = write_image(path, c, first + i, err);
        }
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

int main(int argc, char **argv)
{
    thaw_error err = {0};
    if (argc != 2)
        return 2;
    if (thaw_make_dirs(argv[1], &err) != THAW_OK || write_base(argv[1], &err) != THAW_OK ||
        write_photos(argv[1], "photos", 0, N_IMAGES, &err) != THAW_OK ||
        write_photos(argv[1], "new", 100, 2, &err) != THAW_OK)
        return fail(&err);
    return 0;
}
