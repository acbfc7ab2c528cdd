/* fingerprint.c: telling one run from another. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/run.h"

typedef struct text {
    char *data;
    size_t size, capacity;
} text;

static bool append(text *t, const char *s)
{
    size_t n = strlen(s) + 1, need;
    void *data = t->data;
    if (!thaw_add(t->size, n, &need) || !thaw_grow(&data, &t->capacity, need, 1))
        return false;
    t->data = data;
    memcpy(t->data + t->size, s, n); /* with its zero: it parts the names */
    t->size = need;
    return true;
}

static bool append_set(text *t, const thaw_dataset *set)
{
    bool ok = true;
    char label[16];
    for (uint32_t k = 0; ok && k < set->n_classes; k++)
        ok = append(t, set->class_names[k]);
    for (size_t i = 0; ok && i < set->n; i++) {
        snprintf(label, sizeof label, "%d", (int)set->labels[i]);
        ok = append(t, set->paths[i]) && append(t, label);
    }
    return ok && append(t, "");
}

thaw_status thaw_split_hash(const thaw_dataset *train, const thaw_dataset *val, char out[33], thaw_error *err)
{
    text t = {0};
    bool ok = append_set(&t, train) && (!val || append_set(&t, val));
    if (ok)
        thaw_hash_hex(t.data, t.size, out);
    free(t.data);
    return ok ? THAW_OK : thaw_fail_memory(err, t.size, "the list of images");
}

__attribute__((format(printf, 3, 4))) static bool put(cJSON *o, const char *key, const char *format, ...)
{
    char value[512];
    va_list args;
    va_start(args, format);
    vsnprintf(value, sizeof value, format, args);
    va_end(args);
    return cJSON_AddStringToObject(o, key, value) != NULL;
}

static bool put_pipeline(cJSON *o, const thaw_run *run)
{
    const thaw_preprocess *pre = &run->model->pre;
    return put(o, "input size", "%u", pre->input_size) &&
           put(o, "pixel scaling", "%a %a %d", (double)pre->scale, (double)pre->shift, pre->divide) &&
           put(o, "average pooling", "%s", pre->pool_include_pad ? "with padding" : "without padding") &&
           put(o, "image decoder", "%s", thaw_image_decoder()) && put(o, "weights", "%s", run->base_hash) &&
           put(o, "prefix batch", "%u", run->source.prefix.batch) &&
           put(o, "precision", "%s%s", thaw_precision_name(run->where->precision),
               run->where->exact ? " exact" : "") &&
           put(o, "cache type", "%s", run->options->cache_dtype == THAW_F16 ? "f16" : "f32");
}

static void hash_layers(const thaw_run *run, char out[33])
{
    unsigned char on[THAW_N_LAYERS];
    for (size_t i = 0; i < THAW_N_LAYERS; i++)
        on[i] = run->trainable[i];
    thaw_hash_hex(on, sizeof on, out);
}

static bool put_recipe(cJSON *o, const thaw_run *run)
{
    const thaw_train_options *p = run->options;
    char layers[33], head[33];
    const thaw_weight *kernel = &run->model->weights[THAW_W_HEAD_KERNEL];
    hash_layers(run, layers);
    thaw_hash_hex(kernel->data, kernel->count * sizeof *kernel->data, head);
    return put(o, "images and split", "%s", run->split_hash) && put(o, "initial head", "%s", head) &&
           put(o, "seed", "%u", p->seed) && put(o, "batch size", "%u", p->batch_size) &&
           put(o, "dropout", "%g", (double)p->dropout) &&
           put(o, "epochs", "%u,%u", p->epochs[0], p->epochs[1]) &&
           put(o, "learning rates", "%.17g,%.17g", p->lr[0], p->lr[1]) &&
           put(o, "trainable layers", "%u layers, %s", run->finetune.layers, layers) &&
           put(o, "batch normalisation", "%s", p->bn == THAW_BN_BATCH ? "batch" : "frozen") &&
           put(o, "shuffle", "%s", p->shuffle == THAW_SHUFFLE_NONE ? "none" : "epoch") &&
           put(o, "early stopping", "%u", p->patience) && put(o, "min-delta", "%.17g", p->min_delta) &&
           put(o, "restore best", "%s", p->restore_best ? "yes" : "no");
}

thaw_status thaw_fingerprint(const thaw_run *run, cJSON **out, thaw_error *err)
{
    *out = cJSON_CreateObject();
    if (*out && put_recipe(*out, run) && put_pipeline(*out, run))
        return THAW_OK;
    cJSON_Delete(*out);
    *out = NULL;
    return thaw_fail_memory(err, 4096, "the checkpoint's description");
}

thaw_status thaw_fingerprint_compare(const cJSON *stored, const cJSON *now, thaw_error *err)
{
    const cJSON *item;
    cJSON_ArrayForEach(item, now)
    {
        const char *was = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(stored, item->string));
        if (!was || strcmp(was, item->valuestring) != 0)
            return thaw_fail(err, THAW_E_INVALID,
                             "the checkpoint is of another run: %s was %.160s and is now %.160s; resume with "
                             "the same options and images, or start anew",
                             item->string, was ? was : "not recorded", item->valuestring);
    }
    return THAW_OK;
}

/* How a program computes: another algorithm, or another number of rows, may give other bits. */
static bool hash_program(const thaw_program *program, char out[33])
{
    const thaw_plan_summary *plan = thaw_program_plan(program);
    text t = {0};
    bool ok = true;
    for (size_t i = 0; ok && i < plan->n_rows; i++) {
        const thaw_plan_row *row = &plan->rows[i];
        ok =
            append(&t, row->op) && append(&t, row->shape) && append(&t, row->device) && append(&t, row->algo);
    }
    if (ok)
        thaw_hash_hex(t.data, t.size, out);
    free(t.data);
    return ok;
}

thaw_status thaw_cache_key(const thaw_run *run, char out[48], thaw_error *err)
{
    char hash[33], layers[33], algorithms[33];
    cJSON *o = cJSON_CreateObject();
    hash_layers(run, layers);
    bool ok = o && hash_program(run->source.prefix.program, algorithms) &&
              put(o, "algorithms", "%s", algorithms) && put_pipeline(o, run) &&
              put(o, "device", "%s", run->where->dev->info.name) &&
              put(o, "driver", "%s", run->where->dev->info.driver) && put(o, "layers", "%s", layers) &&
              put(o, "phases", "%d%d", run->phase_on[0], run->phase_on[1]);
    char *json = ok ? cJSON_PrintUnformatted(o) : NULL;
    cJSON_Delete(o);
    if (!json)
        return thaw_fail_memory(err, 4096, "the name of the cache");
    thaw_hash_hex(json, strlen(json), hash);
    free(json);
    snprintf(out, 48, "prefix-%s", hash);
    return THAW_OK;
}
