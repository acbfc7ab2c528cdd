/* model.c: a network that nobody has trained. */
#include <math.h>

#include "core/base/rng.h"
#include "core/bench/room.h"

float bench_random(uint32_t stream, size_t i)
{
    return 2.0f * thaw_random_uniform(BENCH_SEED, THAW_RNG_TEST, stream, (uint32_t)((uint64_t)i >> 32),
                                      (uint32_t)i) -
           1.0f;
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

static void fill(thaw_weight *w, uint32_t stream, float limit, float middle)
{
    for (size_t i = 0; i < w->count; i++)
        w->data[i] = middle + limit * bench_random(stream, i);
}

static void fill_weight(thaw_model *model, size_t index)
{
    thaw_weight *w = &model->weights[index];
    if (index >= THAW_W_HEAD_KERNEL || w->rank > 1)
        fill(w, (uint32_t)index, w->rank > 1 ? kernel_limit(w) : 0.1f, 0.0f);
    else if (index % THAW_W_PER_CONV == THAW_W_VAR)
        fill(w, (uint32_t)index, 0.1f, 1.0f);
    else
        fill(w, (uint32_t)index, 0.1f, 0.0f);
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
