/* files.c: convert and inspect through thaw.h. */
#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"
#include "core/base/memory.h"
#include "core/model/onnx.h"

/* ---- convert --------------------------------------------------------------------------------------- */

void thaw_convert_options_init(thaw_convert_options *options, size_t struct_size)
{
    const thaw_convert_options defaults = {.scale = 1};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

/* A file of thaw's own says its scaling, and import leaves it at that: here the caller has the last word. */
static void override_scaling(thaw_preprocess *pre, const thaw_import_options *import)
{
    if (!import->set_scaling || (pre->scale == import->scale && pre->shift == import->shift))
        return;
    pre->scale = import->scale;
    pre->shift = import->shift;
    pre->divide = false;
}

static thaw_status read_format(int32_t format, const char *output, bool *onnx, thaw_error *err)
{
    const char *dot = strrchr(output, '.');
    if (format < THAW_CONVERT_AUTO || format > THAW_CONVERT_ONNX)
        return thaw_fail(err, THAW_E_INVALID, "thaw_convert_options.format: %d is none of THAW_CONVERT_*",
                         format);
    *onnx = format == THAW_CONVERT_ONNX || (format == THAW_CONVERT_AUTO && dot && strcmp(dot, ".onnx") == 0);
    return THAW_OK;
}

thaw_status thaw_convert_file(const char *input, const char *output, const thaw_convert_options *options,
                              thaw_error *err)
{
    thaw_convert_options given;
    thaw_model *model = NULL;
    thaw_status st = THAW_OK;
    bool onnx = false;
    thaw_convert_options_init(&given, sizeof given);
    if (options)
        st = thaw_read_options(&given, sizeof given, options, "thaw_convert_options", err);
    if (st == THAW_OK)
        st = read_format(given.format, output, &onnx, err);
    if (st != THAW_OK)
        return st;
    if (given.set_scaling && (!isfinite(given.scale) || !isfinite(given.shift) || given.scale == 0))
        return thaw_fail(err, THAW_E_INVALID, "scaling: pixel*%g + %g: both must be finite, the factor not 0",
                         given.scale, given.shift);
    const thaw_import_options import = {
        .set_scaling = given.set_scaling != 0, .scale = (float)given.scale, .shift = (float)given.shift};
    st = thaw_model_load(input, &import, &model, err);
    if (st == THAW_OK)
        st = thaw_model_complete(model, err);
    if (st == THAW_OK) {
        override_scaling(&model->pre, &import);
        st = onnx ? thaw_model_save_onnx(model, thaw_version(), output, err)
                  : thaw_model_save(model, output, NULL, err);
    }
    thaw_model_free(model);
    return st;
}

/* ---- inspect --------------------------------------------------------------------------------------- */

/* The report with what its pointers need. */
typedef struct held_report {
    thaw_file_report report; /* first: it is what the caller has */
    thaw_model *model;
    thaw_file_tensor *tensors;
    thaw_file_epoch *epochs;
} held_report;

static thaw_status list_tensors(held_report *held, thaw_error *err)
{
    thaw_file_report *r = &held->report;
    held->tensors = thaw_calloc(THAW_N_WEIGHTS, sizeof *held->tensors);
    if (!held->tensors)
        return thaw_fail_memory(err, THAW_N_WEIGHTS * sizeof *held->tensors, "the list of tensors");
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++) {
        const thaw_weight *w = &held->model->weights[i];
        if (!w->data)
            continue;
        thaw_file_tensor *t = &held->tensors[r->n_tensors++];
        *t = (thaw_file_tensor){.name = w->name, .rank = w->rank, .parameters = w->count};
        memcpy(t->dims, w->dims, sizeof t->dims);
        r->parameters += w->count;
    }
    r->tensors = held->tensors;
    return THAW_OK;
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(item) ? item->valuedouble : NAN;
}

/* 0 where there is none. */
static uint32_t count_of(const cJSON *object, const char *key)
{
    double x = number_of(object, key);
    return x >= 0 && x < 1e9 ? (uint32_t)x : 0;
}

static uint32_t phase_of(const cJSON *object)
{
    const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "phase");
    for (uint32_t p = 0; cJSON_IsString(item) && p < THAW_N_PHASES; p++) {
        if (strcmp(item->valuestring, thaw_phase_name(p)) == 0)
            return p + 1;
    }
    return 0;
}

/* A history that cannot be read is a report without epochs: the text itself is still there. */
static thaw_status list_epochs(held_report *held, thaw_error *err)
{
    const char *text = held->model->history;
    cJSON *array = text ? cJSON_Parse(text) : NULL;
    const cJSON *item = NULL;
    int n = cJSON_IsArray(array) ? cJSON_GetArraySize(array) : 0;
    if (n > 0) {
        held->epochs = thaw_calloc((size_t)n, sizeof *held->epochs);
        if (!held->epochs) {
            cJSON_Delete(array);
            return thaw_fail_memory(err, (size_t)n * sizeof *held->epochs, "the history");
        }
        cJSON_ArrayForEach(item, array)
        {
            held->epochs[held->report.n_epochs++] =
                (thaw_file_epoch){.phase = phase_of(item),
                                  .epoch = count_of(item, "epoch"),
                                  .lr = number_of(item, "lr"),
                                  .loss = number_of(item, "loss"),
                                  .accuracy = number_of(item, "accuracy"),
                                  .val_loss = number_of(item, "val_loss"),
                                  .val_accuracy = number_of(item, "val_accuracy")};
        }
    }
    held->report.epochs = held->epochs;
    cJSON_Delete(array);
    return THAW_OK;
}

thaw_status thaw_file_inspect(const char *path, thaw_file_report **out, thaw_error *err)
{
    held_report *held = thaw_calloc(1, sizeof *held);
    if (!held)
        return thaw_fail_memory(err, sizeof *held, "a report");
    thaw_status st = thaw_model_load(path, NULL, &held->model, err);
    if (st == THAW_OK) {
        const thaw_model *m = held->model;
        held->report =
            (thaw_file_report){.struct_size = sizeof held->report,
                               .n_classes = m->n_classes,
                               .format = thaw_model_format(path),
                               .source = m->source,
                               .hash = m->hash[0] ? m->hash : NULL,
                               .class_names = (const char *const *)m->class_names,
                               .input_size = m->pre.input_size,
                               .scale = (double)m->pre.scale,
                               .shift = (double)m->pre.shift,
                               .pool_include_pad = m->pre.pool_include_pad,
                               .bn = m->bn == THAW_BN_BATCH ? THAW_RECIPE_BN_BATCH : THAW_RECIPE_BN_FROZEN,
                               .history = m->history,
                               .trainable = m->trainable};
        st = list_tensors(held, err);
    }
    if (st == THAW_OK)
        st = list_epochs(held, err);
    if (st != THAW_OK) {
        thaw_file_report_free(&held->report);
        return st;
    }
    *out = &held->report;
    return THAW_OK;
}

void thaw_file_report_free(thaw_file_report *report)
{
    held_report *held = (held_report *)report;
    if (!held)
        return;
    thaw_model_free(held->model);
    free(held->tensors);
    free(held->epochs);
    free(held);
}
