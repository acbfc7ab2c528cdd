#include "helpers.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/rng.h"

#define SEED 7u

static float uniform(uint32_t stream, uint32_t i)
{
    return thaw_random_uniform(SEED, THAW_RNG_TEST, stream, 0, i);
}

/* Kernels as of He et al., 2015. */
static void fill_weight(thaw_weight *w, uint32_t index)
{
    size_t fan_in = 1;
    for (uint32_t d = 0; d + 1 < w->rank; d++)
        fan_in *= w->dims[d];
    float limit = sqrtf(6.0f / (float)fan_in);
    for (size_t i = 0; i < w->count; i++) {
        float u = uniform(index, (uint32_t)i);
        switch (index % THAW_W_PER_CONV) {
        case THAW_W_KERNEL:
            w->data[i] = (2 * u - 1) * limit;
            break;
        case THAW_W_BETA:
            w->data[i] = u - 0.3f;
            break;
        case THAW_W_MEAN:
            w->data[i] = u - 0.5f;
            break;
        default:
            w->data[i] = 0.5f + u;
        }
    }
}

thaw_status make_random_base(uint32_t side, thaw_model **out, thaw_error *err)
{
    thaw_model *m = NULL;
    thaw_status st = thaw_model_create(&m, err);
    for (uint32_t i = 0; st == THAW_OK && i < THAW_W_HEAD_KERNEL; i++) {
        st = thaw_model_alloc_weight(m, i, err);
        if (st == THAW_OK)
            fill_weight(&m->weights[i], i);
    }
    if (st == THAW_OK)
        st = thaw_model_hash(m, m->hash, err);
    if (st != THAW_OK) {
        thaw_model_free(m);
        return st;
    }
    m->pre.input_size = side;
    *out = m;
    return THAW_OK;
}

thaw_status add_random_head(thaw_model *m, thaw_error *err)
{
    static const char *const names[TEST_CLASSES] = {"cat", "dög", "\"bird\"", "fish, fried", "x"};
    thaw_status st = thaw_model_set_head(m, TEST_CLASSES, names, err);
    if (st != THAW_OK)
        return st;
    thaw_weight *kernel = &m->weights[THAW_W_HEAD_KERNEL], *bias = &m->weights[THAW_W_HEAD_BIAS];
    for (size_t i = 0; i < kernel->count; i++)
        kernel->data[i] = (uniform(1000, (uint32_t)i) - 0.5f) * 0.02f;
    for (size_t i = 0; i < bias->count; i++)
        bias->data[i] = uniform(1001, (uint32_t)i) - 0.5f;
    return THAW_OK;
}

static void put32(uint8_t *p, uint32_t x)
{
    for (int i = 0; i < 4; i++)
        p[i] = (uint8_t)(x >> 8 * i);
}

/* 24 bits, blue first, the lowest row first, rows of a multiple of 4 bytes. */
thaw_status write_bmp(const char *path, uint32_t side, const uint8_t *rgb, thaw_error *err)
{
    size_t row = ((size_t)side * 3 + 3) & ~(size_t)3, size = 54 + row * side;
    uint8_t *file = calloc(size, 1);
    if (!file)
        return THAW_E_NO_MEMORY;
    memcpy(file, "BM", 2);
    put32(file + 2, (uint32_t)size);
    put32(file + 10, 54);
    put32(file + 14, 40);
    put32(file + 18, side);
    put32(file + 22, side);
    file[26] = 1;
    file[28] = 24;
    for (uint32_t y = 0; y < side; y++)
        for (uint32_t i = 0; i < side * 3; i++)
            file[54 + (side - 1 - y) * row + i] = rgb[(size_t)y * side * 3 + i / 3 * 3 + (2 - i % 3)];
    thaw_status st = thaw_write_file(path, file, size, err);
    free(file);
    return st;
}

uint8_t *random_pixels(uint32_t side, uint32_t number)
{
    uint8_t *rgb = malloc((size_t)side * side * 3);
    for (uint32_t i = 0; rgb && i < side * side * 3; i++) {
        uint32_t x = i / 3 % side, y = i / 3 / side, tile = (y * 4 / side * 4 + x * 4 / side) * 3 + i % 3;
        float large = uniform(2000 + number, tile), fine = uniform(3000 + number, i);
        rgb[i] = (uint8_t)(200 * large + 55 * fine);
    }
    return rgb;
}
