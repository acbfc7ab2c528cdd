/* own.c: thaw's own model file: a safetensors file under canonical names whose metadata say how to use it.
 *
 * Metadata, all of them text as safetensors demands:
 *   format            "thaw"
 *   format_version    "major.minor"; a reader refuses a greater major and ignores keys that it does not know
 *   class_names       JSON array, absent when the model has none
 *   input_size        pixels
 *   scale, shift      numbers that read back to the same float
 *   divide            "true": divide by 1/scale instead of multiplying
 *   pipeline          how a file becomes pixels, for other programs' authors
 *   pool              "exclude_pad" or "include_pad"
 *   batch_norm        "frozen" or "batch"
 *   trainable, history   JSON arrays, may be absent
 *   source, hash      where the base came from and its XXH3-128, may be absent
 *   thaw.checkpoint   JSON object of whoever wrote the checkpoint, may be absent */
#include <cJSON.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/model/import.h"
#include "core/model/metadata.h"
#include "core/model/model.h"
#include "core/model/safetensors.h"
#include "core/model/weight_file.h"
#include "core/model/utf8.h"

#define FORMAT_MAJOR 1

/* ---- writing ----------------------------------------------------------------------------------- */

static cJSON *make_metadata(const thaw_model *m, const thaw_model_extra *extra)
{
    cJSON *meta = cJSON_CreateObject();
    char version[16];
    snprintf(version, sizeof version, "%d.0", FORMAT_MAJOR);
    bool good = thaw_put_text(meta, "format", "thaw") && thaw_put_text(meta, "format_version", version) &&
                thaw_put_usage(meta, m) &&
                thaw_put_text(meta, "pool", m->pre.pool_include_pad ? "include_pad" : "exclude_pad") &&
                thaw_put_text(meta, "batch_norm", m->bn == THAW_BN_BATCH ? "batch" : "frozen") &&
                thaw_put_text(meta, "trainable", m->trainable) &&
                thaw_put_text(meta, "history", m->history) &&
                thaw_put_text(meta, "thaw.checkpoint", extra ? extra->metadata : NULL);
    if (good)
        return meta;
    cJSON_Delete(meta);
    return NULL;
}

static thaw_status check_json(const char *text, const char *what, bool array, thaw_error *err)
{
    if (!text)
        return THAW_OK;
    cJSON *json = cJSON_ParseWithOpts(text, NULL, 1);
    bool good = array ? cJSON_IsArray(json) : cJSON_IsObject(json);
    cJSON_Delete(json);
    return good ? THAW_OK
                : thaw_fail(err, THAW_E_INVALID, "the model's %s is not a JSON %s", what,
                            array ? "array" : "object");
}

/* What would make a file that cannot be read back is refused before anything is written. */
static thaw_status check_model(const thaw_model *m, const thaw_model_extra *extra, thaw_error *err)
{
    thaw_status st = thaw_check_usage(m, err);
    if (st == THAW_OK)
        st = check_json(m->trainable, "list of trainable tensors", true, err);
    if (st == THAW_OK)
        st = check_json(m->history, "history", true, err);
    if (st == THAW_OK && extra)
        st = check_json(extra->metadata, "checkpoint metadata", false, err);
    if (st != THAW_OK)
        return st;
    const char *texts[] = {m->trainable, m->history, extra ? extra->metadata : NULL};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (texts[i] && thaw_utf8_span(texts[i], strlen(texts[i])) != strlen(texts[i]))
            return thaw_fail(err, THAW_E_INVALID, "a text of the model is not UTF-8: %.64s", texts[i]);
    for (size_t i = 0; extra && i < extra->n_tensors; i++) {
        const thaw_weight *w = &extra->tensors[i];
        size_t count = 1;
        bool good = w->data && w->rank <= 4;
        for (uint32_t d = 0; good && d < w->rank; d++)
            good = thaw_mul(count, w->dims[d], &count);
        if (!good || count != w->count)
            return thaw_fail(err, THAW_E_INVALID, "the extra tensor %.48s has no data or no shape", w->name);
        if (thaw_model_find(m, w->name) < THAW_N_WEIGHTS || strcmp(w->name, "__metadata__") == 0)
            return thaw_fail(err, THAW_E_INVALID, "an extra tensor may not be called %.48s", w->name);
    }
    return THAW_OK;
}

static thaw_status read_kernel(const void *ctx, const thaw_weight *tensor, float *out, thaw_error *err)
{
    const thaw_model *m = ctx;
    return thaw_model_read(m, (size_t)(tensor - m->weights), out, err);
}

thaw_status thaw_model_save(const thaw_model *m, const char *path, const thaw_model_extra *extra,
                            thaw_error *err)
{
    thaw_status st = check_model(m, extra, err);
    if (st != THAW_OK)
        return thaw_fail_within(err, st, "cannot save %s", path);
    size_t n = 0, most = THAW_N_WEIGHTS + (extra ? extra->n_tensors : 0);
    const thaw_weight **tensors = thaw_calloc(most, sizeof *tensors);
    cJSON *meta = make_metadata(m, extra);
    if (!tensors || !meta) {
        st = thaw_fail_memory(err, most * sizeof *tensors, "a model file's header");
        goto cleanup;
    }
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        if (m->weights[i].count > 0)
            tensors[n++] = &m->weights[i];
    for (size_t i = 0; extra && i < extra->n_tensors; i++)
        tensors[n++] = &extra->tensors[i];
    const thaw_st_source source = {m, read_kernel};
    st = thaw_st_write(path, meta, tensors, n, &source, err);
cleanup:
    cJSON_Delete(meta);
    free(tensors);
    return st;
}

/* ---- reading ----------------------------------------------------------------------------------- */

static thaw_status check_version(const thaw_st_file *f, thaw_error *err)
{
    const char *format = thaw_st_text(f, "format"), *version = thaw_st_text(f, "format_version");
    if (!format || strcmp(format, "thaw") != 0)
        return thaw_fail(err, THAW_E_UNSUPPORTED,
                         "%s is a safetensors file, but not one of thaw's (its metadata do not say format "
                         "\"thaw\"); start from a Keras or TensorFlow.js file of InceptionV3",
                         f->path);
    char *end = NULL;
    long major = version ? strtol(version, &end, 10) : 0;
    if (major < 1 || (*end != '.' && *end != '\0'))
        return thaw_fail(err, THAW_E_FORMAT, "%s: the metadata format_version is missing or no version",
                         f->path);
    if (major > FORMAT_MAJOR)
        return thaw_fail(err, THAW_E_UNSUPPORTED,
                         "%s has format version %.16s, this thaw reads up to %d; use a newer thaw", f->path,
                         version, FORMAT_MAJOR);
    return THAW_OK;
}

static thaw_status bad_metadata(const thaw_st_file *f, const char *key, thaw_error *err)
{
    const char *text = thaw_st_text(f, key);
    return thaw_fail(err, THAW_E_FORMAT, "%s: the metadata %s is %s%.64s", f->path, key,
                     text ? "not understood: " : "missing", text ? text : "");
}

static bool get_number(const thaw_st_file *f, const char *key, double *out)
{
    const char *text = thaw_st_text(f, key);
    cJSON *number = text ? cJSON_ParseWithOpts(text, NULL, 1) : NULL;
    bool good = cJSON_IsNumber(number) && isfinite(number->valuedouble);
    if (good)
        *out = number->valuedouble;
    cJSON_Delete(number);
    return good;
}

/* 0 for `no`, 1 for `yes`, -1 for anything else. */
static int get_choice(const thaw_st_file *f, const char *key, const char *no, const char *yes)
{
    const char *text = thaw_st_text(f, key);
    if (!text)
        return -1;
    return strcmp(text, yes) == 0 ? 1 : strcmp(text, no) == 0 ? 0 : -1;
}

static thaw_status get_usage(const thaw_st_file *f, thaw_model *m, thaw_error *err)
{
    double size = 0, scale = 0, shift = 0;
    if (!get_number(f, "input_size", &size) || !(size >= 75 && size <= 65535) || size != floor(size))
        return bad_metadata(f, "input_size", err); /* below 75 px the network has no output */
    if (!get_number(f, "scale", &scale) || !isfinite((float)scale) || (float)scale == 0.0f)
        return bad_metadata(f, "scale", err);
    if (!get_number(f, "shift", &shift) || !isfinite((float)shift))
        return bad_metadata(f, "shift", err);
    int divide = get_choice(f, "divide", "false", "true");
    int pool = get_choice(f, "pool", "exclude_pad", "include_pad");
    int bn = get_choice(f, "batch_norm", "frozen", "batch");
    if (divide < 0 || pool < 0 || bn < 0)
        return bad_metadata(f, divide < 0 ? "divide" : pool < 0 ? "pool" : "batch_norm", err);
    m->pre = (thaw_preprocess){.input_size = (uint32_t)size,
                               .scale = (float)scale,
                               .shift = (float)shift,
                               .divide = divide == 1,
                               .pool_include_pad = pool == 1};
    m->bn = bn == 1 ? THAW_BN_BATCH : THAW_BN_FROZEN;
    return THAW_OK;
}

static thaw_status get_text(const thaw_st_file *f, const char *key, bool json_array, char **out,
                            thaw_error *err)
{
    const char *text = thaw_st_text(f, key);
    if (!text)
        return THAW_OK;
    if (json_array && check_json(text, key, true, NULL) != THAW_OK)
        return bad_metadata(f, key, err);
    *out = thaw_strdup(text);
    return *out ? THAW_OK : thaw_fail_memory(err, strlen(text) + 1, key);
}

static thaw_status get_texts(const thaw_st_file *f, thaw_model *m, thaw_error *err)
{
    thaw_status st = get_text(f, "trainable", true, &m->trainable, err);
    if (st == THAW_OK)
        st = get_text(f, "history", true, &m->history, err);
    if (st == THAW_OK)
        st = get_text(f, "source", false, &m->source, err);
    const char *hash = thaw_st_text(f, "hash");
    if (st == THAW_OK && hash) {
        if (strlen(hash) != 32 || strspn(hash, "0123456789abcdef") != 32)
            return bad_metadata(f, "hash", err);
        memcpy(m->hash, hash, sizeof m->hash);
    }
    return st;
}

/* Gives the model a head with the names in the metadata, if the file has one. */
static thaw_status get_head(const thaw_st_file *f, thaw_model *m, thaw_error *err)
{
    const thaw_st_entry *kernel = NULL;
    for (size_t i = 0; i < f->n_entries; i++)
        if (strcmp(f->entries[i].name, m->weights[THAW_W_HEAD_KERNEL].name) == 0)
            kernel = &f->entries[i];
    if (!kernel)
        return THAW_OK;
    if (kernel->rank != 2 || kernel->dims[1] == 0 || kernel->dims[1] > THAW_MAX_CLASSES)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %s is not a kernel of [2048, classes]", f->path,
                         kernel->name);
    uint32_t n = (uint32_t)kernel->dims[1];
    const char *text = thaw_st_text(f, "class_names");
    if (!text)
        return thaw_model_set_head(m, n, NULL, err);
    cJSON *json = cJSON_ParseWithOpts(text, NULL, 1);
    const char **names = thaw_calloc(n, sizeof *names);
    thaw_status st = names ? THAW_OK : thaw_fail_memory(err, n * sizeof *names, "class names");
    if (st == THAW_OK && (!cJSON_IsArray(json) || (uint32_t)cJSON_GetArraySize(json) != n))
        st = thaw_fail(err, THAW_E_FORMAT,
                       "%s: the metadata class_names is not a list of the head's %u names", f->path, n);
    uint32_t i = 0;
    const cJSON *item = NULL;
    for (item = json ? json->child : NULL; st == THAW_OK && item; item = item->next) {
        names[i++] = item->valuestring;
        if (!cJSON_IsString(item))
            st = thaw_fail(err, THAW_E_FORMAT, "%s: class name %u is not a text", f->path, i - 1);
    }
    if (st == THAW_OK)
        st = thaw_model_set_head(m, n, names, err);
    free(names);
    cJSON_Delete(json);
    return st;
}

static thaw_status read_canonical(const thaw_st_file *f, thaw_model *m, const thaw_st_entry *e, size_t index,
                                  bool *seen, thaw_error *err)
{
    thaw_weight *w = &m->weights[index];
    if (m->stored && index < THAW_W_HEAD_KERNEL && index % THAW_W_PER_CONV == THAW_W_KERNEL) {
        thaw_status st = thaw_expect_weight(m, index, f->path, e->name, e->rank, e->dims, err);
        return st == THAW_OK ? thaw_st_place(f, e, w->count, &m->stored->at[index], err) : st;
    }
    if (index < THAW_W_HEAD_KERNEL) {
        thaw_status st = thaw_claim_weight(m, index, f->path, e->name, e->rank, e->dims, err);
        if (st != THAW_OK)
            return st;
    } else if (e->rank != w->rank || memcmp(e->dims, w->dims, e->rank * sizeof *e->dims) != 0) {
        return thaw_fail(err, THAW_E_FORMAT, "%s: %s does not have the shape of a head of %u classes",
                         f->path, e->name, m->n_classes);
    }
    seen[index] = true;
    return thaw_st_read(f, e, w->data, w->count, err);
}

static thaw_status read_extra(const thaw_st_file *f, const thaw_st_entry *e, thaw_loaded_extra *extra,
                              thaw_error *err)
{
    thaw_weight *w = &extra->tensors[extra->n_tensors];
    size_t count = 1;
    for (uint32_t i = 0; i < e->rank; i++)
        count *= e->dims[i]; /* the reader has checked the product */
    if (e->rank > 4 || strlen(e->name) >= sizeof w->name)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s is not of a checkpoint of thaw's", f->path,
                         e->name);
    snprintf(w->name, sizeof w->name, "%s", e->name);
    w->rank = e->rank;
    memcpy(w->dims, e->dims, e->rank * sizeof *e->dims);
    w->count = count;
    w->data = thaw_calloc(count, sizeof *w->data);
    if (!w->data)
        return thaw_fail_memory(err, count * sizeof *w->data, w->name);
    extra->n_tensors++;
    return thaw_st_read(f, e, w->data, count, err);
}

static thaw_status read_tensors(const thaw_st_file *f, thaw_model *m, thaw_loaded_extra *extra,
                                thaw_error *err)
{
    bool seen[THAW_N_WEIGHTS] = {false};
    for (size_t i = 0; i < f->n_entries; i++) {
        const thaw_st_entry *e = &f->entries[i];
        size_t index = thaw_model_find(m, e->name);
        thaw_status st = THAW_OK;
        if (index < THAW_N_WEIGHTS)
            st = read_canonical(f, m, e, index, seen, err);
        else if (extra)
            st = read_extra(f, e, extra, err);
        if (st != THAW_OK)
            return st;
    }
    if (seen[THAW_W_HEAD_KERNEL] != seen[THAW_W_HEAD_BIAS])
        return thaw_fail(err, THAW_E_FORMAT, "%s: the head has no bias", f->path);
    thaw_status st = thaw_model_complete(m, err);
    return st == THAW_OK ? st : thaw_fail_within(err, st, "%s", f->path);
}

static thaw_status start_extra(const thaw_st_file *f, thaw_loaded_extra *extra, thaw_error *err)
{
    const char *text = thaw_st_text(f, "thaw.checkpoint");
    if (text && check_json(text, "", false, NULL) != THAW_OK)
        return bad_metadata(f, "thaw.checkpoint", err);
    extra->tensors = thaw_calloc(f->n_entries, sizeof *extra->tensors);
    extra->metadata = thaw_strdup(text);
    if (!extra->tensors || (text && !extra->metadata))
        return thaw_fail_memory(err, f->n_entries * sizeof *extra->tensors, "a checkpoint");
    return THAW_OK;
}

/* kernels: read those of the convolutions too. */
static thaw_status load(const char *path, bool kernels, thaw_model **out, thaw_loaded_extra *extra,
                        thaw_error *err)
{
    thaw_st_file f;
    thaw_model *m = NULL;
    if (extra)
        memset(extra, 0, sizeof *extra);
    thaw_status st = thaw_st_open(path, &f, err);
    if (st != THAW_OK)
        return st;
    st = check_version(&f, err);
    if (st == THAW_OK)
        st = thaw_model_create(&m, err);
    if (st == THAW_OK && !kernels)
        st = thaw_weight_file_open(&f, &m->stored, err);
    if (st == THAW_OK)
        st = get_usage(&f, m, err);
    if (st == THAW_OK)
        st = get_texts(&f, m, err);
    if (st == THAW_OK)
        st = get_head(&f, m, err);
    if (st == THAW_OK && extra)
        st = start_extra(&f, extra, err);
    if (st == THAW_OK)
        st = read_tensors(&f, m, extra, err);
    if (st == THAW_OK)
        st = thaw_import_check_values(m, path, err);
    thaw_st_close(&f);
    if (st == THAW_OK) {
        *out = m;
        return st;
    }
    thaw_model_free(m);
    if (extra)
        thaw_extra_free(extra);
    return st;
}

thaw_status thaw_load_own(const char *path, thaw_model **out, thaw_loaded_extra *extra, thaw_error *err)
{
    return load(path, true, out, extra, err);
}

thaw_status thaw_open_own(const char *path, thaw_model **out, thaw_error *err)
{
    return load(path, false, out, NULL, err);
}

thaw_status thaw_model_load_checkpoint(const char *path, thaw_model **out, thaw_loaded_extra *extra,
                                       thaw_error *err)
{
    return thaw_load_own(path, out, extra, err);
}

void thaw_extra_free(thaw_loaded_extra *extra)
{
    for (size_t i = 0; i < extra->n_tensors; i++)
        free(extra->tensors[i].data);
    free(extra->tensors);
    free(extra->metadata);
    memset(extra, 0, sizeof *extra);
}
