/* model.c: a network that nobody has trained. */
#include <math.h>

#include "core/base/rng.h"
#include "core/bench/room.h"

void bench_fill(uint32_t stream, float *out, size_t n, float middle, float limit)
{
    const uint32_t key[2] = {BENCH_SEED, 0};
    uint32_t words[4];
    for (size_t i = 0; i < n; i++) {
        const uint64_t block = i / 4;
        if (i % 4 == 0)
            thaw_philox((const uint32_t[4]){(uint32_t)block, (uint32_t)(block >> 32), stream, THAW_RNG_TEST},
                        key, words);
        out[i] = middle + limit * ((float)(words[i % 4] >> 8) * 0x1p-23f - 1.0f);
    }
}

/* Of a kernel, such that the variance of a layer's sums is that of its inputs where half of these are zero:
 * 2/n for n terms (He, Zhang, Ren, Sun: "Delving deep into rectifiers", 2015). */
static float kernel_limit(const thaw_weight *w)
{
    size_t terms = 1;
    for (uint32_t i = 0; i + 1 < w->rank; i++)
        terms *= w->dims[i];
    return sqrtf(6.0f / (float)terms);
}

static void fill_weight(thaw_model *model, size_t index)
{
    thaw_weight *w = &model->weights[index];
    if (index >= THAW_W_HEAD_KERNEL || w->rank > 1)
        bench_fill((uint32_t)index, w->data, w->count, 0.0f, w->rank > 1 ? kernel_limit(w) : 0.1f);
    else if (index % THAW_W_PER_CONV == THAW_W_VAR)
        bench_fill((uint32_t)index, w->data, w->count, 1.0f, 0.1f);
    else
        bench_fill((uint32_t)index, w->data, w->count, 0.0f, 0.1f);
}

thaw_status bench_model_create(uint32_t input_size, uint32_t n_classes, thaw_model **out, thaw_error *err)
{
    thaw_model *model = NULL;
    thaw_status st = thaw_model_create(&model, err);
    if (st == THAW_OK)
        st = thaw_model_set_head(model, n_classes, NULL, err);
    for (size_t i = 0; st == THAW_OK && i < THAW_N_WEIGHTS; i++) {
        st = thaw_model_alloc_weight(model, i, err);
        if (st == THAW_OK)
            fill_weight(model, i);
    }
    if (st != THAW_OK) {
        thaw_model_free(model);
        return st;
    }
    model->pre.input_size = input_size;
    *out = model;
    return THAW_OK;
}
