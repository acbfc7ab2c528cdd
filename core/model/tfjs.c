/* tfjs.c: layers models of TensorFlow.js (keras names, weights in shards), as a folder with model.json and
 * binary shards, or as JavaScript modules with the same in them, like those of the npm package nsfwjs.
 *
 * The manifest lists groups of tensors, each a stream of bytes cut into shards. A tensor may be quantised:
 * value = q*scale + min. Only the base is taken; Dense layers behind it are skipped.
 *
 * The pixel scaling is not in these files. It is taken to be Keras' [-1,1], as for every InceptionV3; the
 * networks of nsfwjs were trained on [0,1], which thaw_import_options can say. */
#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/model/import.h"
#include "core/model/js_text.h"
#include "core/model/tfjs_shards.h"

#define MAX_DESCRIPTION ((size_t)16 << 20)
#define CHUNK           ((size_t)65536)
#define MAX_TENSORS     8192

/* ---- finding it -------------------------------------------------------------------------------- */

static bool ends_with(const char *text, const char *ending)
{
    size_t n = strlen(text), m = strlen(ending);
    return n >= m && strcmp(text + n - m, ending) == 0;
}

/* The file with the description, allocated; NULL if there is none. */
static char *description_path(const char *path)
{
    static const char *const names[] = {"model.json", "model.min.js", "model.js"};
    if (!thaw_is_dir(path))
        return thaw_strdup(path);
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *file = thaw_path_join(path, names[i]);
        if (file && thaw_path_exists(file))
            return file;
        free(file);
    }
    return NULL;
}

bool thaw_is_tfjs(const char *path, bool *is_module)
{
    char *file = description_path(path);
    uint8_t *text = NULL;
    size_t size = 0;
    bool found = file && thaw_read_file(file, MAX_DESCRIPTION, &text, &size, NULL) == THAW_OK &&
                 memmem(text, size, "weightsManifest", strlen("weightsManifest"));
    if (found)
        *is_module = ends_with(file, ".js");
    free(text);
    free(file);
    return found;
}

/* ---- one tensor -------------------------------------------------------------------------------- */

typedef enum { STORED_F32, STORED_F16, STORED_U8, STORED_U16 } stored_type;

typedef struct tensor {
    const char *name;
    thaw_name_parts parts;
    stored_type type;
    float scale, min;
    uint32_t rank;
    size_t dims[4], count;
    size_t index; /* in the model; THAW_N_WEIGHTS: to be skipped */
} tensor;

static float from_half(uint16_t h)
{
    int exponent = h >> 10 & 31;
    float fraction = (float)(h & 1023);
    float value = exponent == 31  ? (h & 1023 ? NAN : INFINITY)
                  : exponent == 0 ? ldexpf(fraction, -24)
                                  : ldexpf(fraction + 1024.0f, exponent - 25);
    return h & 0x8000 ? -value : value;
}

static void decode(const tensor *t, const uint8_t *raw, float *out, size_t n)
{
    switch (t->type) {
    case STORED_F32:
        memcpy(out, raw, n * sizeof *out);
        break;
    case STORED_F16:
        for (size_t i = 0; i < n; i++)
            out[i] = from_half((uint16_t)(raw[2 * i] | raw[2 * i + 1] << 8));
        break;
    case STORED_U8:
        for (size_t i = 0; i < n; i++)
            out[i] = (float)raw[i] * t->scale + t->min;
        break;
    case STORED_U16:
        for (size_t i = 0; i < n; i++)
            out[i] = (float)(raw[2 * i] | raw[2 * i + 1] << 8) * t->scale + t->min;
        break;
    }
}

/* Reads a tensor's bytes; out NULL: past them. */
static thaw_status read_tensor(thaw_shards *shards, const tensor *t, float *out, thaw_error *err)
{
    static const size_t bytes[] = {[STORED_F32] = 4, [STORED_F16] = 2, [STORED_U8] = 1, [STORED_U16] = 2};
    uint8_t raw[CHUNK];
    size_t at_once = CHUNK / bytes[t->type];
    for (size_t done = 0; done < t->count;) {
        size_t n = t->count - done < at_once ? t->count - done : at_once;
        thaw_status st = thaw_shards_read(shards, raw, n * bytes[t->type], t->name, err);
        if (st != THAW_OK)
            return st;
        if (out)
            decode(t, raw, out + done, n);
        done += n;
    }
    return THAW_OK;
}

/* ---- the manifest ------------------------------------------------------------------------------ */

typedef struct importer {
    char *file, *dir;
    bool module;
    cJSON *json;
    const cJSON *groups; /* the manifest */
    uint32_t least_conv, least_bn;
    size_t n_skipped, n_tensors;
    thaw_model *model;
} importer;

static thaw_status parse_type(const importer *im, const cJSON *item, tensor *t, thaw_error *err)
{
    const char *dtype = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "dtype"));
    const cJSON *q = cJSON_GetObjectItemCaseSensitive(item, "quantization");
    const char *stored = q ? cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(q, "dtype")) : dtype;
    if (!dtype || strcmp(dtype, "float32") != 0 || !stored)
        return thaw_fail(err, THAW_E_UNSUPPORTED, "%s: %.96s is of type %.16s; only float32 is read",
                         im->file, t->name, dtype ? dtype : "(none)");
    if (strcmp(stored, "float32") == 0 && !q) {
        t->type = STORED_F32;
        return THAW_OK;
    }
    if (strcmp(stored, "float16") == 0) {
        t->type = STORED_F16;
        return THAW_OK;
    }
    const cJSON *scale = cJSON_GetObjectItemCaseSensitive(q, "scale");
    const cJSON *min = cJSON_GetObjectItemCaseSensitive(q, "min");
    bool u8 = strcmp(stored, "uint8") == 0;
    if ((!u8 && strcmp(stored, "uint16") != 0) || !cJSON_IsNumber(scale) || !cJSON_IsNumber(min) ||
        !isfinite((float)scale->valuedouble) || !isfinite((float)min->valuedouble))
        return thaw_fail(err, THAW_E_UNSUPPORTED,
                         "%s: %.96s has a quantisation other than float16, or uint8 or uint16 with min and "
                         "scale",
                         im->file, t->name);
    t->type = u8 ? STORED_U8 : STORED_U16;
    t->scale = (float)scale->valuedouble;
    t->min = (float)min->valuedouble;
    return THAW_OK;
}

static thaw_status parse_shape(const importer *im, const cJSON *item, tensor *t, thaw_error *err)
{
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape"), *d = NULL;
    bool good = cJSON_IsArray(shape);
    t->count = 1;
    cJSON_ArrayForEach(d, shape)
    {
        good = good && t->rank < 4 && cJSON_IsNumber(d) && d->valuedouble >= 1 && d->valuedouble <= 1e9 &&
               d->valuedouble == floor(d->valuedouble) &&
               thaw_mul(t->count, (size_t)d->valuedouble, &t->count) && t->count <= THAW_MAX_IMAGE;
        if (good)
            t->dims[t->rank++] = (size_t)d->valuedouble;
    }
    return good ? THAW_OK
                : thaw_fail(err, THAW_E_FORMAT, "%s: the shape of %.96s makes no sense", im->file, t->name);
}

/* Where a tensor belongs. */
static thaw_status place(const importer *im, tensor *t, thaw_error *err)
{
    const thaw_name_parts *p = &t->parts;
    uint32_t number = 0;
    int bn = thaw_bn_variable(p->var, p->var_length);
    bool kernel = thaw_span_is(p->var, p->var_length, "kernel");
    bool bias = thaw_span_is(p->var, p->var_length, "bias");
    t->index = THAW_N_WEIGHTS;
    if (thaw_span_is(p->var, p->var_length, "gamma"))
        return thaw_refuse_gamma(im->file, t->name, err);
    if (kernel && thaw_layer_number(p->layer, p->layer_length, "conv2d", &number)) {
        number -= im->least_conv;
        bn = THAW_W_KERNEL;
    } else if (bn >= 0 && thaw_layer_number(p->layer, p->layer_length, "batch_normalization", &number)) {
        number -= im->least_bn;
    } else if ((kernel && t->rank == 2) ||
               (bias && t->rank == 1 && !thaw_layer_number(p->layer, p->layer_length, "conv2d", &number))) {
        return THAW_OK;
    } else {
        return thaw_fail(
            err, THAW_E_UNSUPPORTED,
            "%s: %.96s is no tensor of InceptionV3 or of a Dense layer behind it; the file is of "
            "another network",
            im->file, t->name);
    }
    if (number >= THAW_N_CONVS)
        return thaw_fail(err, THAW_E_FORMAT, "%s: %.96s: more layers of its kind than the %u of InceptionV3",
                         im->file, t->name, THAW_N_CONVS);
    t->index = THAW_W_INDEX(number, bn);
    return THAW_OK;
}

static thaw_status import_tensor(importer *im, thaw_shards *shards, const cJSON *item, thaw_error *err)
{
    tensor t = {.name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"))};
    if (!t.name || ++im->n_tensors > MAX_TENSORS)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the weight manifest has a tensor without name, or too many",
                         im->file);
    t.parts = thaw_split_name(t.name);
    thaw_status st = parse_shape(im, item, &t, err);
    if (st == THAW_OK)
        st = parse_type(im, item, &t, err);
    if (st == THAW_OK)
        st = place(im, &t, err);
    if (st != THAW_OK)
        return st;
    if (t.index == THAW_N_WEIGHTS) {
        im->n_skipped++;
        return read_tensor(shards, &t, NULL, err);
    }
    st = thaw_claim_weight(im->model, t.index, im->file, t.name, t.rank, t.dims, err);
    return st == THAW_OK ? read_tensor(shards, &t, im->model->weights[t.index].data, err) : st;
}

static thaw_status import_group(importer *im, const cJSON *group, thaw_error *err)
{
    const cJSON *paths = cJSON_GetObjectItemCaseSensitive(group, "paths");
    const cJSON *weights = cJSON_GetObjectItemCaseSensitive(group, "weights"), *item = NULL;
    if (!cJSON_IsArray(paths) || !cJSON_IsArray(weights))
        return thaw_fail(err, THAW_E_FORMAT, "%s: a group of the weight manifest lacks paths or weights",
                         im->file);
    thaw_shards shards = {.dir = im->dir, .next = paths->child, .module = im->module};
    thaw_status st = THAW_OK;
    for (item = weights->child; st == THAW_OK && item; item = item->next)
        st = import_tensor(im, &shards, item, err);
    if (st == THAW_OK)
        st = thaw_shards_at_end(&shards, err);
    thaw_shards_close(&shards);
    return st;
}

/* Names count from 0, 1 or anything, depending on Keras and on what the process had made before. */
static void find_least(importer *im)
{
    const cJSON *group = NULL, *item = NULL;
    im->least_conv = im->least_bn = UINT32_MAX;
    cJSON_ArrayForEach(group, im->groups)
    {
        cJSON_ArrayForEach(item, cJSON_GetObjectItemCaseSensitive(group, "weights"))
        {
            const char *name = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(item, "name"));
            thaw_name_parts p = thaw_split_name(name ? name : "");
            uint32_t n = 0;
            if (thaw_layer_number(p.layer, p.layer_length, "conv2d", &n) && n < im->least_conv)
                im->least_conv = n;
            if (thaw_layer_number(p.layer, p.layer_length, "batch_normalization", &n) && n < im->least_bn)
                im->least_bn = n;
        }
    }
}

static thaw_status parse_description(importer *im, thaw_error *err)
{
    uint8_t *text = NULL;
    char *manifest = NULL;
    size_t size = 0;
    thaw_status st = thaw_read_file(im->file, MAX_DESCRIPTION, &text, &size, err);
    if (st != THAW_OK)
        return st;
    if (im->module)
        st = thaw_js_property(im->file, (const char *)text, size, "weightsManifest", &manifest, err);
    if (st == THAW_OK) {
        const char *end = NULL, *start = manifest ? manifest : (const char *)text;
        im->json = cJSON_ParseWithOpts(start, &end, 1);
        if (!im->json)
            st = thaw_fail(err, THAW_E_FORMAT, "%s: not JSON at byte %zu%s", im->file,
                           end ? (size_t)(end - start) : 0, manifest ? " of the weight manifest" : "");
    }
    im->groups = manifest ? im->json : cJSON_GetObjectItemCaseSensitive(im->json, "weightsManifest");
    if (st == THAW_OK && !cJSON_IsArray(im->groups))
        st = thaw_fail(err, THAW_E_FORMAT, "%s: there is no list weightsManifest", im->file);
    free(manifest);
    free(text);
    return st;
}

static thaw_status start(importer *im, const char *path, thaw_error *err)
{
    im->file = description_path(path);
    if (!im->file)
        return thaw_fail(err, THAW_E_NOT_FOUND, "%s has no model.json, model.min.js or model.js", path);
    im->module = ends_with(im->file, ".js");
    const char *slash = strrchr(im->file, '/');
    im->dir = slash ? thaw_strdup(im->file) : thaw_strdup(".");
    if (!im->dir)
        return thaw_fail_memory(err, strlen(im->file), "a path");
    if (slash)
        im->dir[slash == im->file ? 1 : slash - im->file] = '\0';
    thaw_status st = thaw_model_create(&im->model, err);
    return st == THAW_OK ? parse_description(im, err) : st;
}

thaw_status thaw_load_tfjs(const char *path, const thaw_import_options *options, thaw_model **out,
                           thaw_error *err)
{
    importer im = {0};
    thaw_status st = start(&im, path, err);
    if (st == THAW_OK)
        find_least(&im);
    const cJSON *group = im.groups ? im.groups->child : NULL;
    for (; st == THAW_OK && group; group = group->next)
        st = import_group(&im, group, err);
    if (st == THAW_OK)
        st = thaw_finish_import(im.model, path, "TensorFlow.js model",
                                im.n_skipped ? " (without its head)" : NULL, options, err);
    if (st == THAW_OK)
        *out = im.model;
    else
        thaw_model_free(im.model);
    cJSON_Delete(im.json);
    free(im.file);
    free(im.dir);
    return st;
}
