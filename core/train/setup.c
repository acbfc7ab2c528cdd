/* setup.c: from options to a run that is ready for its first step. */
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "core/base/memory.h"
#include "core/train/bad.h"
#include "core/train/budget.h"
#include "core/train/events.h"
#include "core/train/features.h"
#include "core/train/head.h"
#include "core/train/run.h"

/* ---- what trains ----------------------------------------------------------------------------------------
 */

thaw_status thaw_run_shape(thaw_run *run, thaw_error *err)
{
    const thaw_train_options *o = run->options;
    thaw_status st = thaw_net_inception_v3((int32_t)run->model->pre.input_size, &run->net, err);
    if (st != THAW_OK)
        return st;
    run->phase_on[THAW_PHASE_HEAD] = o->epochs[THAW_PHASE_HEAD] > 0;
    run->phase_on[THAW_PHASE_FINETUNE] =
        o->epochs[THAW_PHASE_FINETUNE] > 0 && (o->unfreeze_from || o->unfreeze_last > 0);
    if (run->phase_on[THAW_PHASE_FINETUNE]) {
        st = o->unfreeze_from ? thaw_net_unfreeze_from(&run->net, o->unfreeze_from, run->trainable, err)
                              : thaw_net_unfreeze_last(o->unfreeze_last, run->trainable, err);
        if (st == THAW_OK)
            st = thaw_net_cut(&run->net, run->trainable, &run->cut[THAW_PHASE_FINETUNE], err);
    }
    thaw_net_summarise(&run->net, run->trainable, &run->finetune);
    return st;
}

/* ---- weights and images ---------------------------------------------------------------------------------
 */

static thaw_status load_model(thaw_run *run, thaw_error *err)
{
    const thaw_train_options *o = run->options;
    const char *path = o->init ? o->init : o->weights;
    thaw_status st = thaw_model_open(path, &o->import, &run->model, err);
    if (st == THAW_OK)
        st = thaw_model_complete(run->model, err);
    if (st == THAW_OK)
        st = thaw_model_hash(run->model, run->base_hash, err);
    if (st == THAW_OK && o->input_size > 0)
        run->model->pre.input_size = o->input_size;
    return st;
}

static thaw_status load_validation_dir(thaw_run *run, thaw_error *err)
{
    thaw_dataset *train = run->train;
    thaw_status st = thaw_dataset_scan(run->options->val_dir, (const char *const *)train->class_names,
                                       train->n_classes, run->where->log, &run->val, err);
    if (st != THAW_OK)
        return st;
    if (run->val->n > UINT32_MAX - train->n)
        return thaw_fail(err, THAW_E_UNSUPPORTED, "more than %u images", UINT32_MAX);
    for (size_t i = 0; i < run->val->n; i++)
        run->val->ids[i] += (uint32_t)train->n;
    return THAW_OK;
}

static thaw_status load_images(thaw_run *run, thaw_error *err)
{
    const thaw_train_options *o = run->options;
    thaw_dataset *all = NULL;
    if (!o->dir)
        return thaw_fail(err, THAW_E_INVALID, "no folder of images is named");
    thaw_status st = thaw_dataset_scan(o->dir, NULL, 0, run->where->log, &all, err);
    if (st != THAW_OK)
        return st;
    if (!o->val_dir && o->val_split > 0.0) {
        st = thaw_dataset_split(all, o->val_split, o->seed, &run->train, &run->val, err);
        thaw_dataset_free(all);
        return st;
    }
    run->train = all;
    return o->val_dir ? load_validation_dir(run, err) : THAW_OK;
}

thaw_status thaw_run_load(thaw_run *run, thaw_error *err)
{
    thaw_status st = load_images(run, err);
    if (st == THAW_OK)
        st = load_model(run, err);
    if (st == THAW_OK)
        st = thaw_split_hash(run->train, run->val, run->split_hash, err);
    if (st != THAW_OK)
        return st;
    return run->options->init ? thaw_head_check(run->model, run->train, err)
                              : thaw_head_new(run->model, run->train, run->options->seed, err);
}

/* ---- the prefix and its rows ----------------------------------------------------------------------------
 */

thaw_status thaw_run_prefix(thaw_run *run, uint64_t images, thaw_error *err)
{
    const thaw_cut *cut = &run->cut[THAW_PHASE_FINETUNE];
    bool second = run->phase_on[THAW_PHASE_FINETUNE];
    thaw_prefix_spec spec = {
        .model = run->model,
        .net = &run->net,
        .cut = second && cut->n > 0 ? cut : NULL,
        .pooled = run->phase_on[THAW_PHASE_HEAD] || (second && cut->n == 0),
        .feature_dtype = run->options->cache_dtype,
        .images = images,
    };
    thaw_source *source = &run->source;
    thaw_status st = thaw_prefix_create(&spec, run->where, run->listener, &source->prefix, err);
    if (st != THAW_OK)
        return st;
    source->pre = &run->model->pre;
    source->decode_threads = run->where->decode_threads;
    source->n = source->prefix.n;
    memcpy(source->row_bytes, source->prefix.row_bytes, sizeof source->row_bytes);
    run->pooled_at = source->n - 1;
    return THAW_OK;
}

static size_t id_limit(const thaw_run *run)
{
    size_t limit = 0;
    const thaw_dataset *sets[2] = {run->train, run->val};
    for (size_t k = 0; k < 2; k++)
        for (size_t i = 0; sets[k] && i < sets[k]->n; i++)
            if (sets[k]->ids[i] >= limit)
                limit = (size_t)sets[k]->ids[i] + 1;
    return limit;
}

static thaw_status make_cache(thaw_run *run, uint64_t *bytes, thaw_error *err)
{
    char key[48];
    thaw_source *source = &run->source;
    thaw_cache_layout layout = {.n_tensors = source->n};
    *bytes = 0;
    if (run->options->cache == THAW_CACHE_OFF)
        return THAW_OK;
    for (size_t t = 0; t < source->n; t++)
        layout.row_bytes[t] = source->row_bytes[t];
    thaw_status st = thaw_cache_key(run, key, err);
    return st == THAW_OK
               ? thaw_cache_for(run->options, &layout, id_limit(run), key, bytes, &source->cache, err)
               : st;
}

static void count_classes(const thaw_dataset *set, size_t *counts)
{
    for (size_t i = 0; set && i < set->n; i++)
        counts[set->labels[i]]++;
}

static void fill_header(const thaw_run *run, uint64_t cache_bytes, thaw_train_header *h)
{
    const thaw_train_options *o = run->options;
    const thaw_source *source = &run->source;
    bool second = run->phase_on[THAW_PHASE_FINETUNE];
    *h = (thaw_train_header){
        .dir = o->dir,
        .source = run->model->source,
        .n_classes = run->train->n_classes,
        .class_names = (const char *const *)run->train->class_names,
        .n_train = run->train->n,
        .n_val = run->val ? run->val->n : 0,
        .input_size = run->model->pre.input_size,
        .batch_size = o->batch_size,
        .prefix_batch = source->prefix.batch,
        .epochs = {o->epochs[0], second ? o->epochs[1] : 0},
        .lr = {o->lr[0], o->lr[1]},
        .dropout = o->dropout,
        .seed = o->seed,
        .split_hash = run->split_hash,
        .bn = o->bn,
        .finetune = run->finetune,
        .first_layer =
            second && run->finetune.first < THAW_N_LAYERS ? run->net.layers[run->finetune.first].name : NULL,
        .head_parameters = ((uint64_t)THAW_N_FEATURES + 1) * run->train->n_classes,
        .mid_block = second && !run->finetune.clean,
        .prefix_macs = source->prefix.macs,
        .prefix_bytes = thaw_program_plan(source->prefix.program)->arena_bytes,
        .cache_bytes = cache_bytes,
        .cache_place = source->cache ? thaw_cache_place(source->cache) : "off",
        .cache_dtype = o->cache_dtype,
        .device = run->where->dev->name,
        .device_text = run->where->dev->info.name,
        .decoder = thaw_image_decoder(),
        .resumed = run->resumed,
        .resume_phase = run->position.phase,
        .resume_epoch = run->position.epoch,
        .resume_step = run->position.step,
        .precision = run->where->precision,
        .exact = run->where->exact,
    };
}

static thaw_status announce(const thaw_run *run, uint64_t cache_bytes, thaw_error *err)
{
    size_t n = run->train->n_classes;
    size_t *counts = thaw_calloc(2 * n, sizeof *counts);
    if (!counts)
        return thaw_fail_memory(err, 2 * n * sizeof *counts, "the classes");
    thaw_train_header header;
    fill_header(run, cache_bytes, &header);
    count_classes(run->train, counts);
    count_classes(run->val, counts + n);
    header.train_count = counts;
    header.val_count = counts + n;
    thaw_emit(run->listener, THAW_EVENT_HEADER, &header);
    free(counts);
    return THAW_OK;
}

/* ---- the pass --------------------------------------------------------------------------------------------
 */

static thaw_status pass(thaw_run *run, bool *const drop[2], thaw_error *err)
{
    thaw_pass_sets sets = {.set = {run->train, run->val},
                           .drop = {drop[0], drop[1]},
                           .bad = &run->result->bad,
                           .n_bad = &run->result->n_bad};
    thaw_runtime_span_begin(run->where->runtime, run->source.cache ? "features" : "check of the photos");
    thaw_status st = thaw_features_pass(&run->source, &sets, run->where, run->listener, err);
    thaw_runtime_span_end(run->where->runtime);
    if (st == THAW_OK && run->result->n_bad > 0 && run->options->on_bad_image == THAW_BAD_IMAGE_FAIL)
        st = thaw_bad_fail(run->result->bad, run->result->n_bad, err);
    return st;
}

/* What is left after the bad images are gone. */
/* A class that lost all its photos could never be predicted. */
static thaw_status check_classes_left(const thaw_run *run, thaw_error *err)
{
    const thaw_dataset *set = run->train;
    for (uint32_t c = 0; run->result->n_bad > 0 && c < set->n_classes; c++) {
        size_t i = 0;
        while (i < set->n && set->labels[i] != (int32_t)c)
            i++;
        if (i == set->n)
            return thaw_fail(
                err, THAW_E_FORMAT,
                "the class %s has no usable photo to train on: repair some, or remove its folder",
                set->class_names[c]);
    }
    return THAW_OK;
}

static thaw_status check_left(thaw_run *run, thaw_error *err)
{
    if (run->train->n == 0 || (run->val && run->val->n == 0))
        return thaw_fail(err, THAW_E_FORMAT, "no %s image can be used: %s",
                         run->train->n == 0 ? "training" : "validation", run->result->bad[0].reason);
    size_t n_val = run->val ? run->val->n : 0;
    if (run->resumed && (run->train->n != run->resumed_train || n_val != run->resumed_val))
        return thaw_fail(
            err, THAW_E_INVALID,
            "the stopped run used %zu images to train and %zu to validate, and now %zu and %zu can "
            "be read: restore them, or start anew",
            run->resumed_train, run->resumed_val, run->train->n, n_val);
    return check_classes_left(run, err);
}

thaw_status thaw_run_features(thaw_run *run, thaw_error *err)
{
    uint64_t cache_bytes;
    bool *drop[2] = {NULL, NULL};
    thaw_status st = make_cache(run, &cache_bytes, err);
    if (st == THAW_OK)
        st = announce(run, cache_bytes, err);
    if (st != THAW_OK)
        return st;
    drop[0] = thaw_calloc(run->train->n, sizeof *drop[0]);
    drop[1] = thaw_calloc(run->val ? run->val->n : 0, sizeof *drop[1]);
    st = drop[0] && drop[1] ? pass(run, drop, err) : thaw_fail_memory(err, run->train->n, "a list of images");
    if (st == THAW_OK) {
        thaw_dataset_drop(run->train, drop[0]);
        if (run->val)
            thaw_dataset_drop(run->val, drop[1]);
        st = check_left(run, err);
    }
    if (run->source.cache) {
        thaw_prefix_free(&run->source.prefix);
        thaw_give_back_memory();
    }
    free(drop[0]);
    free(drop[1]);
    return st;
}

void thaw_run_free(thaw_run *run)
{
    thaw_source_free(&run->source);
    thaw_journal_close(&run->journal);
    thaw_snapshot_free(&run->best);
    thaw_snapshot_free(&run->last);
    thaw_model_free(run->resumed_model);
    thaw_extra_free(&run->resumed_extra);
    cJSON_Delete(run->fingerprint);
    thaw_dataset_free(run->train);
    thaw_dataset_free(run->val);
    thaw_model_free(run->model);
    free(run->position.epochs);
}
