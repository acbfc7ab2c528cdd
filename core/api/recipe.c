/* recipe.c: training through thaw.h. */
#include <math.h>
#include <string.h>

#include "core/api/api.h"

#define MIB ((uint64_t)1 << 20)

void thaw_recipe_init(thaw_recipe *recipe, size_t struct_size)
{
    thaw_train_options d;
    thaw_train_defaults(&d);
    const thaw_recipe defaults = {.seed = d.seed,
                                  .val_split = d.val_split,
                                  .epochs = {d.epochs[0], d.epochs[1]},
                                  .lr = {d.lr[0], d.lr[1]},
                                  .batch_size = d.batch_size,
                                  /* The decimal number that was meant, not its neighbour in f32. */
                                  .dropout = round((double)d.dropout * 1e6) / 1e6,
                                  .unfreeze_last = d.unfreeze_last,
                                  .patience = d.patience,
                                  .min_delta = d.min_delta};
    thaw_write_struct(recipe, struct_size, &defaults, sizeof defaults);
}

static thaw_status check_choice(const char *name, int32_t value, int32_t count, thaw_error *err)
{
    if (value >= 0 && value < count)
        return THAW_OK;
    return thaw_fail(err, THAW_E_INVALID, "the option %s is %d: it goes from 0 to %d", name, (int)value,
                     (int)count - 1);
}

static thaw_status check_choices(const thaw_recipe *r, thaw_error *err)
{
    const struct {
        const char *name;
        int32_t value, count;
    } choices[] = {{"bn", r->bn, 2},
                   {"shuffle", r->shuffle, 2},
                   {"cache", r->cache, 4},
                   {"cache_type", r->cache_type, 2},
                   {"on_bad_image", r->on_bad_image, 2},
                   {"precision", r->precision, 3}};
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++) {
        thaw_status st = check_choice(choices[i].name, choices[i].value, choices[i].count, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static const thaw_precision precisions[] = {[THAW_RECIPE_PRECISION_F32] = THAW_PREC_F32,
                                            [THAW_RECIPE_PRECISION_TF32] = THAW_PREC_TF32,
                                            [THAW_RECIPE_PRECISION_BF16] = THAW_PREC_BF16};

thaw_status thaw_permit(int32_t precision, int32_t exact, thaw_where *where, thaw_error *err)
{
    thaw_status st = check_choice("precision", precision, sizeof precisions / sizeof precisions[0], err);
    if (st != THAW_OK)
        return st;
    where->precision = precisions[precision];
    where->exact = exact != 0;
    return THAW_OK;
}

static int32_t recipe_precision(thaw_precision precision)
{
    int32_t i = sizeof precisions / sizeof precisions[0];
    while (i > 0 && precisions[--i] != precision)
        ;
    return i;
}

thaw_status thaw_recipe_translate(const thaw_recipe *r, thaw_train_options *out, thaw_error *err)
{
    static const thaw_cache_mode caches[] = {THAW_CACHE_AUTO, THAW_CACHE_RAM, THAW_CACHE_DISK,
                                             THAW_CACHE_OFF};
    thaw_status st = check_choices(r, err);
    if (st != THAW_OK)
        return st;
    thaw_train_defaults(out);
    out->dir = r->dir;
    out->val_dir = r->val_dir;
    out->val_split = r->val_split;
    out->seed = r->seed;
    out->weights = r->weights;
    out->init = r->init;
    out->output = r->output;
    out->batch_size = r->batch_size;
    out->dropout = (float)r->dropout;
    for (int i = 0; i < 2; i++) {
        out->epochs[i] = r->epochs[i];
        out->lr[i] = r->lr[i];
    }
    out->unfreeze_last = r->unfreeze_last;
    out->unfreeze_from = r->unfreeze;
    out->bn = r->bn == THAW_RECIPE_BN_BATCH ? THAW_BN_BATCH : THAW_BN_FROZEN;
    out->shuffle = r->shuffle == THAW_RECIPE_SHUFFLE_NONE ? THAW_SHUFFLE_NONE : THAW_SHUFFLE_EPOCH;
    out->patience = r->patience;
    out->min_delta = r->min_delta;
    out->cache = caches[r->cache];
    /* Rounded up, because 0 would mean another thing. */
    out->cache_mb = (size_t)(r->cache_bytes / MIB + (r->cache_bytes % MIB != 0));
    out->cache_dtype = r->cache_type == THAW_RECIPE_CACHE_F16 ? THAW_F16 : THAW_F32;
    out->cache_dir = r->cache_dir;
    out->cache_keep = r->cache_keep != 0;
    out->on_bad_image = r->on_bad_image == THAW_ON_BAD_FAIL ? THAW_BAD_IMAGE_FAIL : THAW_BAD_IMAGE_SKIP;
    out->checkpoint_dir = r->checkpoint_dir;
    out->resume = r->resume != 0;
    out->step_log = r->step_log;
    out->csv = r->epoch_csv;
    return THAW_OK;
}

/* ---- events ---------------------------------------------------------------------------------------- */

typedef struct forward {
    void (*on_event)(void *ctx, const thaw_run_event *event);
    void *ctx;
    const char *start; /* the file that training starts from */
} forward;

static void send(const forward *f, thaw_run_event event)
{
    event.struct_size = sizeof event;
    f->on_event(f->ctx, &event);
}

static void send_header(const forward *f, const thaw_train_header *h)
{
    const thaw_run_header header = {
        .struct_size = sizeof header,
        .n_classes = h->n_classes,
        .class_names = h->class_names,
        .train_counts = h->train_count,
        .val_counts = h->val_count,
        .n_train = h->n_train,
        .n_val = h->n_val,
        .dir = h->dir,
        .weights = h->source ? h->source : f->start,
        .decoder = h->decoder,
        .device = h->device,
        .device_title = h->device_text,
        .input_size = h->input_size,
        .batch_size = h->batch_size,
        .prefix_batch = h->prefix_batch,
        .epochs = {h->epochs[0], h->epochs[1]},
        .lr = {h->lr[0], h->lr[1]},
        .dropout = (double)h->dropout,
        .seed = h->seed,
        .bn = h->bn == THAW_BN_BATCH ? THAW_RECIPE_BN_BATCH : THAW_RECIPE_BN_FROZEN,
        .layers = h->finetune.layers,
        .tensors = h->finetune.convs + h->finetune.betas,
        .base_parameters = h->finetune.parameters,
        .head_parameters = h->head_parameters,
        .first_layer = h->first_layer,
        .mid_block = h->mid_block,
        .cache_bytes = h->cache_bytes,
        .cache_place = h->cache_place,
        .cache_type = h->cache_dtype == THAW_F16 ? THAW_RECIPE_CACHE_F16 : THAW_RECIPE_CACHE_F32,
        .prefix_bytes = h->prefix_bytes,
        .prefix_macs = h->prefix_macs,
        .resumed = h->resumed,
        .resume_phase = h->resume_phase + 1,
        .resume_epoch = h->resume_epoch + 1,
        .resume_step = h->resume_step,
        .precision = recipe_precision(h->precision),
        .exact = h->exact,
    };
    send(f, (thaw_run_event){.kind = THAW_RUN_HEADER, .header = &header});
}

static void send_phase(const forward *f, const thaw_phase_info *p)
{
    const thaw_run_phase phase = {.struct_size = sizeof phase,
                                  .phase = p->phase + 1,
                                  .epochs = p->epochs,
                                  .name = thaw_phase_name(p->phase),
                                  .lr = p->lr,
                                  .steps = p->steps,
                                  .parameters = p->parameters,
                                  .macs = p->macs,
                                  .step_bytes = p->step_bytes,
                                  .variable_bytes = p->variable_bytes};
    send(f, (thaw_run_event){.kind = THAW_RUN_PHASE, .phase = &phase});
}

static void send_progress(const forward *f, const thaw_progress *p)
{
    static const int32_t stages[] = {
        [THAW_PASS_CHECK] = THAW_STAGE_CHECK, [THAW_PASS_FEATURES] = THAW_STAGE_PREFIX,
        [THAW_PASS_TRAIN] = THAW_STAGE_TRAIN, [THAW_PASS_VALIDATE] = THAW_STAGE_VALIDATE,
        [THAW_PASS_USE] = THAW_STAGE_PREFIX,  [THAW_PASS_PREPARE] = THAW_STAGE_PREPARE};
    const thaw_run_progress progress = {.struct_size = sizeof progress,
                                        .stage = stages[p->pass],
                                        .phase = p->phase + 1,
                                        .epoch = p->epoch + 1,
                                        .epochs = p->epochs,
                                        .done = p->done,
                                        .total = p->total,
                                        .images_per_second = p->images_per_second,
                                        .seconds_left = p->seconds_left,
                                        .loss = p->loss,
                                        .accuracy = p->accuracy};
    send(f, (thaw_run_event){.kind = THAW_RUN_PROGRESS, .progress = &progress});
}

static void send_epoch(const forward *f, const thaw_epoch_record *e, int32_t kind)
{
    const thaw_run_epoch epoch = {.struct_size = sizeof epoch,
                                  .phase = e->phase + 1,
                                  .epoch = e->epoch + 1,
                                  .lr = e->lr,
                                  .loss = e->loss,
                                  .accuracy = e->accuracy,
                                  .val_loss = e->val_loss,
                                  .val_accuracy = e->val_accuracy,
                                  .seconds = e->seconds,
                                  .best = e->best};
    send(f, (thaw_run_event){.kind = kind, .epoch = &epoch});
}

static void send_check(const forward *f, const thaw_check_record *c)
{
    const thaw_run_check check = {.struct_size = sizeof check,
                                  .phase = c->phase + 1,
                                  .device = c->device,
                                  .loss = c->loss,
                                  .gradients = c->gradients,
                                  .worst_tensor = c->worst_tensor};
    send(f, (thaw_run_event){.kind = THAW_RUN_CHECKED, .check = &check});
}

static void translate_event(void *ctx, const thaw_train_event *event)
{
    const forward *f = ctx;
    switch (event->kind) {
    case THAW_EVENT_HEADER:
        send_header(f, event->u.header);
        break;
    case THAW_EVENT_PHASE:
        send_phase(f, event->u.phase);
        break;
    case THAW_EVENT_PROGRESS:
        send_progress(f, event->u.progress);
        break;
    case THAW_EVENT_EPOCH:
        send_epoch(f, event->u.epoch, THAW_RUN_EPOCH);
        break;
    case THAW_EVENT_EARLY_STOP:
        send_epoch(f, event->u.epoch, THAW_RUN_EARLY_STOP);
        break;
    case THAW_EVENT_BAD_IMAGE:
        send(f, (thaw_run_event){.kind = THAW_RUN_BAD_IMAGE,
                                 .path = event->u.bad_image->path,
                                 .text = event->u.bad_image->reason});
        break;
    case THAW_EVENT_SAVED:
        send(f, (thaw_run_event){.kind = THAW_RUN_SAVED, .path = event->u.path});
        break;
    case THAW_EVENT_CHECKED:
        send_check(f, event->u.check);
        break;
    case THAW_EVENT_STEP: /* the step log has them */
        break;
    }
}

thaw_status thaw_run_recipe(thaw_context *context, const thaw_recipe *recipe,
                            void (*on_event)(void *ctx, const thaw_run_event *event), void *ctx,
                            thaw_error *err)
{
    thaw_recipe given;
    thaw_train_options options;
    thaw_session session = {.runtime = context->runtime};
    thaw_train_result result = {0};
    thaw_dev *check_dev = NULL;
    forward f = {.on_event = on_event, .ctx = ctx};
    const thaw_listener listener = {translate_event, &f};

    thaw_recipe_init(&given, sizeof given);
    thaw_status st = thaw_read_options(&given, sizeof given, recipe, "thaw_recipe", err);
    if (st == THAW_OK)
        st = thaw_recipe_translate(&given, &options, err);
    if (st == THAW_OK)
        st = thaw_train_check(&options, err);
    if (st == THAW_OK)
        st = thaw_session_open(context, given.device, given.on_decline, &session, err);
    if (st == THAW_OK) {
        f.start = options.init ? options.init : options.weights;
        session.where.cancel = given.cancel;
        session.where.prefix_batch = given.prefix_batch;
        st = thaw_permit(given.precision, given.exact, &session.where, err);
        if (st == THAW_OK && given.check_step)
            st = thaw_runtime_open(context->runtime, "cpu:0", &check_dev, err);
        session.where.check_dev = check_dev;
    }
    if (st == THAW_OK) {
        st = thaw_train(&options, &session.where, on_event ? &listener : NULL, &result, err);
    }
    thaw_train_result_free(&result);
    thaw_runtime_close(context->runtime, check_dev);
    thaw_session_close(&session);
    return st;
}
