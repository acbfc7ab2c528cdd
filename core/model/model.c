#include "core/model/model.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "core/base/memory.h"
#include "core/model/conv_table.h"
#include "core/model/import.h"
#include "core/model/weight_file.h"
#include "core/model/utf8.h"

static void set_shape(thaw_weight *w, uint32_t rank, const size_t *dims)
{
    w->rank = rank;
    w->count = 1;
    for (uint32_t i = 0; i < rank; i++) {
        w->dims[i] = dims[i];
        w->count *= dims[i];
    }
}

static void name_weights(thaw_model *model)
{
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        thaw_weight_name(i, model->weights[i].name);
    for (uint32_t k = 0; k < THAW_N_CONVS; k++) {
        const thaw_conv_spec *c = &thaw_conv_table[k];
        thaw_weight *w = &model->weights[THAW_W_INDEX(k, 0)];
        set_shape(&w[THAW_W_KERNEL], 4, (const size_t[]){c->kh, c->kw, c->cin, c->cout});
        for (size_t v = THAW_W_BETA; v < THAW_W_PER_CONV; v++)
            set_shape(&w[v], 1, (const size_t[]){c->cout});
    }
}

thaw_status thaw_model_create(thaw_model **out, thaw_error *err)
{
    thaw_model *m = thaw_calloc(1, sizeof *m);
    if (!m)
        return thaw_fail_memory(err, sizeof *m, "a model");
    name_weights(m);
    m->pre = (thaw_preprocess){.input_size = 299, .scale = 1.0f / 127.5f, .shift = -1.0f, .divide = true};
    m->bn = THAW_BN_FROZEN;
    *out = m;
    return THAW_OK;
}

static void free_names(char **names, uint32_t n)
{
    for (uint32_t i = 0; names && i < n; i++)
        free(names[i]);
    free(names);
}

static void drop_head(thaw_model *m)
{
    free_names(m->class_names, m->n_classes);
    m->class_names = NULL;
    m->n_classes = 0;
    for (size_t i = THAW_W_HEAD_KERNEL; i <= THAW_W_HEAD_BIAS; i++) {
        thaw_weight *w = &m->weights[i];
        free(w->data);
        w->data = NULL;
        w->rank = 0;
        w->count = 0;
        memset(w->dims, 0, sizeof w->dims);
    }
}

void thaw_model_free(thaw_model *m)
{
    if (!m)
        return;
    drop_head(m);
    for (size_t i = 0; i < THAW_W_HEAD_KERNEL; i++)
        free(m->weights[i].data);
    free(m->source);
    free(m->trainable);
    free(m->history);
    thaw_weight_file_close(m->stored);
    free(m);
}

thaw_status thaw_model_alloc_weight(thaw_model *m, size_t index, thaw_error *err)
{
    if (index >= THAW_N_WEIGHTS || m->weights[index].count == 0)
        return thaw_fail(err, THAW_E_INVALID, "this model has no tensor number %zu", index);
    thaw_weight *w = &m->weights[index];
    if (!w->data)
        w->data = thaw_calloc(w->count, sizeof *w->data);
    return w->data ? THAW_OK : thaw_fail_memory(err, w->count * sizeof *w->data, w->name);
}

static thaw_status copy_names(uint32_t n, const char *const *names, char ***out, thaw_error *err)
{
    char **copy = thaw_calloc(n, sizeof *copy);
    if (!copy)
        return thaw_fail_memory(err, (unsigned long long)n * sizeof *copy, "class names");
    for (uint32_t i = 0; i < n; i++) {
        size_t length = strlen(names[i]);
        if (length == 0 || thaw_utf8_span(names[i], length) != length) {
            free_names(copy, n);
            return thaw_fail(
                err, THAW_E_INVALID,
                "class %u has a name that is %s: \"%.200s\"; rename its folder (model files are UTF-8)", i,
                length ? "not UTF-8" : "empty", names[i]);
        }
        copy[i] = thaw_strdup(names[i]);
        if (!copy[i]) {
            free_names(copy, n);
            return thaw_fail_memory(err, length + 1, "a class name");
        }
    }
    *out = copy;
    return THAW_OK;
}

thaw_status thaw_model_set_head(thaw_model *m, uint32_t n, const char *const *names, thaw_error *err)
{
    if (n == 0 || n > THAW_MAX_CLASSES)
        return thaw_fail(err, THAW_E_INVALID, "a head of %u classes: 1 to %u are possible", n,
                         THAW_MAX_CLASSES);
    char **copy = NULL;
    thaw_status st = names ? copy_names(n, names, &copy, err) : THAW_OK;
    if (st != THAW_OK)
        return st;
    drop_head(m);
    m->n_classes = n;
    m->class_names = copy;
    set_shape(&m->weights[THAW_W_HEAD_KERNEL], 2, (const size_t[]){THAW_N_FEATURES, n});
    set_shape(&m->weights[THAW_W_HEAD_BIAS], 1, (const size_t[]){n});
    st = thaw_model_alloc_weight(m, THAW_W_HEAD_KERNEL, err);
    if (st == THAW_OK)
        st = thaw_model_alloc_weight(m, THAW_W_HEAD_BIAS, err);
    if (st != THAW_OK)
        drop_head(m);
    return st;
}

thaw_status thaw_model_complete(const thaw_model *m, thaw_error *err)
{
    size_t missing = 0, first = THAW_N_WEIGHTS;
    for (size_t i = THAW_W_HEAD_KERNEL; i-- > 0;) {
        if (!m->weights[i].data && !(m->stored && m->stored->at[i])) {
            missing++;
            first = i;
        }
    }
    if (missing)
        return thaw_fail(
            err, THAW_E_FORMAT,
            "the tensor %s of InceptionV3 is missing (%zu of its %zu are); the file is incomplete "
            "or of another network",
            m->weights[first].name, missing, (size_t)THAW_W_HEAD_KERNEL);
    return THAW_OK;
}

size_t thaw_model_find(const thaw_model *m, const char *name)
{
    size_t i = 0;
    while (i < THAW_N_WEIGHTS && strcmp(m->weights[i].name, name) != 0)
        i++;
    return i;
}

static thaw_status hash_weight(const thaw_model *m, size_t index, float *room, XXH3_state_t *state,
                               thaw_error *err)
{
    const float *values;
    const size_t bytes = m->weights[index].count * sizeof *values;
    thaw_status st = thaw_model_values(m, index, room, &values, err);
    if (st != THAW_OK)
        return st;
    XXH3_128bits_update(state, values, bytes);
    if (m->stored && !m->stored->hashed)
        m->stored->sum[index] = XXH3_64bits(values, bytes);
    return THAW_OK;
}

thaw_status thaw_model_hash(const thaw_model *m, char out[33], thaw_error *err)
{
    thaw_status st = thaw_model_complete(m, err);
    if (st != THAW_OK)
        return st;
    float *room = thaw_model_room(m);
    XXH3_state_t *state = XXH3_createState();
    if (!state || !room) {
        st = thaw_fail_memory(err, 1024, "a hash");
        goto cleanup;
    }
    XXH3_128bits_reset(state);
    for (size_t i = 0; st == THAW_OK && i < THAW_W_HEAD_KERNEL; i++)
        st = hash_weight(m, i, room, state, err);
    if (st != THAW_OK)
        goto cleanup;
    if (m->stored)
        m->stored->hashed = true;
    XXH128_hash_t h = XXH3_128bits_digest(state);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
cleanup:
    XXH3_freeState(state);
    free(room);
    return st;
}
