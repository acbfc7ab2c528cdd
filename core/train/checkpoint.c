/* checkpoint.c: stopping and going on. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/train/events.h"
#include "core/train/run.h"

/* ---- what a model file says --------------------------------------------------------------------------- */

static bool add_name(cJSON *array, size_t index)
{
    char name[THAW_WEIGHT_NAME_BYTES];
    thaw_weight_name(index, name);
    cJSON *item = cJSON_CreateString(name);
    if (item && cJSON_AddItemToArray(array, item))
        return true;
    cJSON_Delete(item);
    return false;
}

/* Names of the tensors that trained in the run up to a phase, as a JSON array. */
static char *trained_names(const thaw_run *run, uint32_t phase)
{
    cJSON *array = cJSON_CreateArray();
    bool ok = array != NULL;
    for (uint32_t i = 0; ok && phase == THAW_PHASE_FINETUNE && i < THAW_N_LAYERS; i++) {
        const thaw_layer *l = &run->net.layers[i];
        if (run->trainable[i] && l->kind == THAW_LAYER_CONV)
            ok = add_name(array, THAW_W_INDEX(l->k, THAW_W_KERNEL));
        if (run->trainable[i] && l->kind == THAW_LAYER_BN)
            ok = add_name(array, THAW_W_INDEX(l->k, THAW_W_BETA));
    }
    ok = ok && add_name(array, THAW_W_HEAD_KERNEL) && add_name(array, THAW_W_HEAD_BIAS);
    char *text = ok ? cJSON_PrintUnformatted(array) : NULL;
    cJSON_Delete(array);
    return text;
}

thaw_status thaw_describe_training(const thaw_run *run, uint32_t phase, thaw_model *view, thaw_error *err)
{
    if (phase == THAW_PHASE_FINETUNE)
        view->bn = run->options->bn;
    view->trainable = trained_names(run, phase);
    view->history = thaw_history_text(run->position.epochs, run->position.n_epochs);
    if (view->trainable && view->history)
        return THAW_OK;
    free(view->trainable);
    free(view->history);
    view->trainable = view->history = NULL;
    return thaw_fail_memory(err, 4096, "the training history");
}

/* ---- writing --------------------------------------------------------------------------------------------
 */

/* Position and fingerprint as JSON text; freed by free(). */
static char *metadata_text(const thaw_run *run)
{
    cJSON *o = cJSON_CreateObject();
    cJSON *position = o ? cJSON_AddObjectToObject(o, "position") : NULL;
    bool ok = position && thaw_position_write(&run->position, position) &&
              cJSON_AddNumberToObject(o, "train_images", (double)run->train->n) &&
              cJSON_AddNumberToObject(o, "validation_images", run->val ? (double)run->val->n : 0.0);
    cJSON *fingerprint = ok ? cJSON_Duplicate(run->fingerprint, true) : NULL;
    if (fingerprint && !cJSON_AddItemToObject(o, "run", fingerprint)) {
        cJSON_Delete(fingerprint);
        fingerprint = NULL;
    }
    char *text = fingerprint ? cJSON_PrintUnformatted(o) : NULL;
    cJSON_Delete(o);
    return text;
}

static thaw_status write_file(const thaw_run *run, const char *name, uint32_t phase,
                              const thaw_snapshot *weights, const thaw_model_extra *extra, thaw_error *err)
{
    thaw_model view;
    thaw_status st = thaw_snapshot_overlay(weights, run->model, &view, err);
    if (st == THAW_OK)
        st = thaw_describe_training(run, phase, &view, err);
    if (st != THAW_OK)
        return st;
    char *path = thaw_path_join(run->options->checkpoint_dir, name);
    if (!path)
        st = thaw_fail_memory(err, strlen(run->options->checkpoint_dir), "a path");
    if (st == THAW_OK)
        st = thaw_make_dirs(run->options->checkpoint_dir, err);
    if (st == THAW_OK)
        st = thaw_model_save(&view, path, extra, err);
    if (st == THAW_OK)
        thaw_emit(run->listener, THAW_EVENT_SAVED, path);
    free(path);
    free(view.trainable);
    free(view.history);
    return st;
}

thaw_status thaw_checkpoint_last(thaw_run *run, thaw_phase *phase, thaw_error *err)
{
    if (!run->options->checkpoint_dir)
        return THAW_OK;
    thaw_snapshot optimizer = {0};
    char *text = metadata_text(run);
    thaw_status st = text ? thaw_snapshot_take(phase->vars, false, &run->last, err)
                          : thaw_fail_memory(err, 4096, "the checkpoint's description");
    if (st == THAW_OK)
        st = thaw_snapshot_take(phase->vars, true, &optimizer, err);
    thaw_model_extra extra = {optimizer.n, optimizer.items, text};
    if (st == THAW_OK)
        st = write_file(run, "last.safetensors", phase->index, &run->last, &extra, err);
    thaw_snapshot_free(&optimizer);
    free(text);
    return st;
}

thaw_status thaw_checkpoint_best(thaw_run *run, thaw_error *err)
{
    if (!run->options->checkpoint_dir)
        return THAW_OK;
    return write_file(run, "best.safetensors", run->position.best_phase, &run->best, NULL, err);
}

/* ---- reading --------------------------------------------------------------------------------------------
 */

static thaw_status read_metadata(thaw_run *run, const char *text, thaw_error *err)
{
    cJSON *o = text ? cJSON_Parse(text) : NULL;
    const cJSON *stored = cJSON_GetObjectItemCaseSensitive(o, "run");
    const cJSON *train = cJSON_GetObjectItemCaseSensitive(o, "train_images");
    const cJSON *val = cJSON_GetObjectItemCaseSensitive(o, "validation_images");
    thaw_status st = THAW_OK;
    if (!stored || !cJSON_IsNumber(train) || !cJSON_IsNumber(val) || !(train->valuedouble >= 0) ||
        !(val->valuedouble >= 0) || train->valuedouble > UINT32_MAX || val->valuedouble > UINT32_MAX)
        st = thaw_fail(err, THAW_E_FORMAT,
                       "it does not say of which run it is: it is no checkpoint of thaw's");
    if (st == THAW_OK)
        st = thaw_fingerprint_compare(stored, run->fingerprint, err);
    if (st == THAW_OK)
        st = thaw_position_read(cJSON_GetObjectItemCaseSensitive(o, "position"), run->options, &run->position,
                                err);
    if (st == THAW_OK) {
        run->resumed_train = (size_t)train->valuedouble;
        run->resumed_val = (size_t)val->valuedouble;
    }
    cJSON_Delete(o);
    return st;
}

static thaw_status read_best(thaw_run *run, thaw_error *err)
{
    thaw_model *model = NULL;
    if (!run->position.has_best)
        return THAW_OK;
    char *path = thaw_path_join(run->options->checkpoint_dir, "best.safetensors");
    thaw_status st = path ? thaw_model_load_checkpoint(path, &model, NULL, err)
                          : thaw_fail_memory(err, strlen(run->options->checkpoint_dir), "a path");
    if (st == THAW_OK) {
        st = thaw_snapshot_difference(model, run->model, &run->best, err);
        if (st != THAW_OK)
            thaw_fail_within(err, st, "%s", path);
    }
    free(path);
    thaw_model_free(model);
    return st;
}

thaw_status thaw_checkpoint_resume(thaw_run *run, thaw_error *err)
{
    char *path = thaw_path_join(run->options->checkpoint_dir, "last.safetensors");
    if (!path)
        return thaw_fail_memory(err, strlen(run->options->checkpoint_dir), "a path");
    thaw_status st = thaw_model_load_checkpoint(path, &run->resumed_model, &run->resumed_extra, err);
    if (st == THAW_E_NOT_FOUND)
        thaw_fail(err, st, "%s: there is no checkpoint to resume from: leave --resume out to start anew",
                  path);
    if (st == THAW_OK) {
        st = read_metadata(run, run->resumed_extra.metadata, err);
        if (st != THAW_OK)
            thaw_fail_within(err, st, "%s", path);
    }
    free(path);
    if (st == THAW_OK)
        st = read_best(run, err);
    run->resumed = st == THAW_OK;
    return st;
}
