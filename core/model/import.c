#include "core/model/import.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

bool thaw_span_is(const char *span, size_t length, const char *text)
{
    return strlen(text) == length && memcmp(span, text, length) == 0;
}

bool thaw_layer_number(const char *name, size_t length, const char *stem, uint32_t *number)
{
    size_t n = strlen(stem);
    if (length < n || memcmp(name, stem, n) != 0)
        return false;
    if (length == n) {
        *number = 0;
        return true;
    }
    /* A leading zero would let two names mean one layer. */
    if (name[n] != '_' || length < n + 2 || length > n + 7 || name[n + 1] == '0')
        return false;
    uint32_t value = 0;
    for (size_t i = n + 1; i < length; i++) {
        if (name[i] < '0' || name[i] > '9')
            return false;
        value = value * 10 + (uint32_t)(name[i] - '0');
    }
    *number = value;
    return true;
}

thaw_name_parts thaw_split_name(const char *name)
{
    thaw_name_parts p;
    const char *slash = strrchr(name, '/');
    p.var = slash ? slash + 1 : name;
    p.var_length = strcspn(p.var, ":");
    p.layer = name;
    p.layer_length = 0;
    if (slash) {
        const char *start = slash;
        while (start > name && start[-1] != '/')
            start--;
        p.layer = start;
        p.layer_length = (size_t)(slash - start);
    }
    return p;
}

int thaw_bn_variable(const char *var, size_t length)
{
    if (thaw_span_is(var, length, "beta"))
        return THAW_W_BETA;
    if (thaw_span_is(var, length, "moving_mean"))
        return THAW_W_MEAN;
    if (thaw_span_is(var, length, "moving_variance"))
        return THAW_W_VAR;
    return -1;
}

thaw_status thaw_refuse_gamma(const char *path, const char *name, thaw_error *err)
{
    return thaw_fail(
        err, THAW_E_UNSUPPORTED,
        "%s: %s belongs to a batch normalisation with a gamma, which Keras' InceptionV3 has not "
        "had since Keras 2. This is a file of Keras 1 or of another network; use the file of the "
        "Keras 2 release of the same name",
        path, name);
}

static void shape_text(char *out, size_t cap, uint32_t rank, const size_t *dims)
{
    size_t n = (size_t)snprintf(out, cap, "[");
    for (uint32_t i = 0; i < rank && n < cap; i++)
        n += (size_t)snprintf(out + n, cap - n, i ? ", %zu" : "%zu", dims[i]);
    if (n < cap)
        snprintf(out + n, cap - n, "]");
}

thaw_status thaw_expect_weight(const thaw_model *model, size_t index, const char *path, const char *name,
                               uint32_t rank, const size_t *dims, thaw_error *err)
{
    const thaw_weight *w = &model->weights[index];
    if (w->data)
        return thaw_fail(err, THAW_E_FORMAT, "%s: %s is the second tensor for %s", path, name, w->name);
    if (w->rank != rank || memcmp(w->dims, dims, rank * sizeof *dims) != 0) {
        char have[112], want[112];
        shape_text(have, sizeof have, rank, dims);
        shape_text(want, sizeof want, w->rank, w->dims);
        return thaw_fail(err, THAW_E_FORMAT, "%s: %s has the shape %s, InceptionV3 needs %s (as %s)", path,
                         name, have, want, w->name);
    }
    return THAW_OK;
}

thaw_status thaw_claim_weight(thaw_model *model, size_t index, const char *path, const char *name,
                              uint32_t rank, const size_t *dims, thaw_error *err)
{
    thaw_status st = thaw_expect_weight(model, index, path, name, rank, dims, err);
    return st == THAW_OK ? thaw_model_alloc_weight(model, index, err) : st;
}

/* Bits of a float that is neither NaN nor infinite are below these, without its sign. */
#define INFINITY_BITS 0x7f800000u

/* Largest bits without sign, and whether any has one. Without a branch, so that it runs at the speed of
 * memory. */
static void scan_bits(const float *values, size_t n, uint32_t *largest, uint32_t *signs)
{
    uint32_t most = 0, any = 0;
    for (size_t j = 0; j < n; j++) {
        uint32_t bits;
        memcpy(&bits, &values[j], sizeof bits);
        uint32_t size = bits & 0x7fffffffu;
        any |= bits;
        most = size > most ? size : most;
    }
    *largest = most;
    *signs = any >> 31;
}

thaw_status thaw_import_check_weight(const thaw_model *model, size_t index, const float *values,
                                     const char *path, thaw_error *err)
{
    const thaw_weight *w = &model->weights[index];
    bool variance = index < THAW_W_HEAD_KERNEL && index % THAW_W_PER_CONV == THAW_W_VAR;
    uint32_t largest, signs;
    scan_bits(values, w->count, &largest, &signs);
    if (largest < INFINITY_BITS && !(variance && signs))
        return THAW_OK;
    for (size_t j = 0; j < w->count; j++) {
        float v = values[j];
        if (!isfinite(v))
            return thaw_fail(err, THAW_E_FORMAT,
                             "%s: %s has %s at position %zu: the training that wrote this file diverged, "
                             "or the file is damaged",
                             path, w->name, isnan(v) ? "NaN" : "infinity", j);
        if (variance && v < 0.0f)
            return thaw_fail(err, THAW_E_FORMAT, "%s: %s has the negative variance %g at position %zu", path,
                             w->name, (double)v, j);
    }
    return THAW_OK; /* a variance of -0 */
}

thaw_status thaw_import_check_values(const thaw_model *model, const char *path, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < THAW_N_WEIGHTS; i++)
        if (model->weights[i].data)
            st = thaw_import_check_weight(model, i, model->weights[i].data, path, err);
    return st;
}

static char *source_text(const char *path, const char *kind, const char *note)
{
    size_t length = strlen(path);
    while (length > 1 && path[length - 1] == '/')
        length--;
    size_t start = length;
    while (start > 0 && path[start - 1] != '/')
        start--;
    size_t cap = strlen(kind) + (length - start) + (note ? strlen(note) : 0) + 2;
    char *text = malloc(cap);
    if (text)
        snprintf(text, cap, "%s %.*s%s", kind, (int)(length - start), path + start, note ? note : "");
    return text;
}

thaw_status thaw_finish_import(thaw_model *model, const char *path, const char *kind, const char *note,
                               const thaw_import_options *options, thaw_error *err)
{
    thaw_status st = thaw_model_complete(model, err);
    if (st != THAW_OK)
        return thaw_fail_within(err, st, "%s", path);
    st = thaw_import_check_values(model, path, err);
    if (st == THAW_OK)
        st = thaw_model_hash(model, model->hash, err);
    if (st != THAW_OK)
        return st;
    if (options && options->set_scaling) {
        if (!isfinite(options->scale) || !isfinite(options->shift) || options->scale == 0.0f)
            return thaw_fail(err, THAW_E_INVALID, "a pixel scaling of *%g %+g makes no sense",
                             (double)options->scale, (double)options->shift);
        /* Asking for what is the case anyway must not change a bit of it. */
        if (model->pre.scale != options->scale || model->pre.shift != options->shift)
            model->pre.divide = false;
        model->pre.scale = options->scale;
        model->pre.shift = options->shift;
    }
    free(model->source);
    model->source = source_text(path, kind, note);
    if (!model->source)
        return thaw_fail_memory(err, strlen(path), "the name of the source");
    return THAW_OK;
}
