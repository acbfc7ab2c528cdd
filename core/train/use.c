/* use.c: images through a model: probabilities, features. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/bad.h"
#include "core/train/events.h"
#include "core/train/source.h"
#include "core/train/use.h"

/* Prefix to the pooled features, then the head image by image: it costs next to nothing, and no image's loss
 * is mixed with another's. */
typedef struct use_call {
    const thaw_model *model;
    const thaw_dataset *set;
    const thaw_use_spec *spec;
    const thaw_where *where;
    thaw_net net;
    thaw_prefix prefix;
    thaw_stepper head;
    thaw_step_io io;
    float *probs;
    thaw_loader *loader;
    thaw_error *reasons; /* of the prefix's rows; status THAW_OK: the row is good */
    thaw_meter meter;
} use_call;

static thaw_status make_prefix(use_call *c, uint32_t batch, thaw_error *err)
{
    thaw_prefix_spec spec = {
        .model = c->model,
        .net = &c->net,
        .pooled = true,
        .feature_dtype = THAW_F32,
        .images = c->set->n,
        .batch = batch,
    };
    thaw_status st = thaw_net_inception_v3((int32_t)c->model->pre.input_size, &c->net, err);
    if (st == THAW_OK)
        st = thaw_prefix_create(&spec, c->where, c->meter.listener, &c->prefix, err);
    if (st != THAW_OK)
        return st;
    c->reasons = thaw_calloc(c->prefix.batch, sizeof *c->reasons);
    return c->reasons ? THAW_OK : thaw_fail_memory(err, c->prefix.batch * sizeof *c->reasons, "a batch");
}

static thaw_status make_head(use_call *c, thaw_error *err)
{
    static const thaw_cut pooled; /* n = 0 */
    thaw_weights_view weights;
    if (c->model->n_classes == 0)
        return thaw_fail(err, THAW_E_INVALID, "the model has no head: train it, or use one that has");
    thaw_weights_of(c->model, &weights);
    thaw_lower_spec spec = {.net = &c->net,
                            .weights = &weights,
                            .batch = 1,
                            .from = &pooled,
                            .feature_dtype = THAW_F32,
                            .probs = true,
                            .metrics = c->spec->labelled};
    thaw_status st = thaw_step_io_create(1, 1, NULL, &c->io, err);
    thaw_program_options options = thaw_program_options_of(c->where, c->set->n);
    if (st == THAW_OK)
        st = thaw_stepper_lower(&spec, c->where, &c->head, err);
    if (st == THAW_OK)
        st = thaw_stepper_prepare(&c->head, NULL, &options, err);
    c->io.probs = c->probs = thaw_calloc(c->model->n_classes, sizeof *c->probs);
    if (st == THAW_OK && !c->probs)
        st = thaw_fail_memory(err, c->model->n_classes * sizeof *c->probs, "the probabilities");
    return st;
}

static thaw_status make_loader(use_call *c, thaw_error *err)
{
    uint32_t *order = thaw_calloc(c->set->n, sizeof *order);
    if (!order)
        return thaw_fail_memory(err, c->set->n * sizeof *order, "the order of the images");
    for (size_t i = 0; i < c->set->n; i++)
        order[i] = (uint32_t)i;
    thaw_status st = thaw_loader_create(c->set, &c->model->pre, order, c->set->n, c->where->decode_threads,
                                        thaw_loader_ahead(&c->prefix), &c->loader, err);
    free(order);
    return st;
}

/* Images at … at + rows - 1 into the prefix's rows, and through it. */
static thaw_status load_rows(use_call *c, uint32_t rows, thaw_error *err)
{
    thaw_prefix *p = &c->prefix;
    bool any = false;
    for (uint32_t r = 0; r < rows; r++) {
        float *image = p->images + r * p->image_values;
        c->reasons[r] = (thaw_error){0};
        thaw_status st = thaw_loader_next(c->loader, image, NULL, &c->reasons[r]);
        if (st != THAW_OK && !thaw_bad_is(st)) {
            if (err)
                *err = c->reasons[r];
            return st;
        }
        any = any || st == THAW_OK;
        if (st != THAW_OK)
            memset(image, 0, p->image_values * sizeof *image);
    }
    if (!any)
        return THAW_OK;
    thaw_loader_give_way(c->loader, p);
    thaw_status st = thaw_prefix_run(p, rows, 1u, err);
    thaw_loader_go_on(c->loader, p);
    return st;
}

/* Of an image that could be read: without any in a batch there are none. */
static float *features_of(const use_call *c, uint32_t row)
{
    return (float *)c->prefix.out[0] + (size_t)row * THAW_N_FEATURES;
}

static thaw_status answer_row(use_call *c, size_t i, uint32_t row, thaw_error *err)
{
    char *path = thaw_dataset_path(c->set, i);
    if (!path)
        return thaw_fail_memory(err, strlen(c->set->paths[i]), "a path");
    thaw_used used = {.answer = {.index = i, .path = path, .label = c->set->labels[i]}};
    thaw_status st = THAW_OK;
    if (c->reasons[row].status != THAW_OK) {
        used.answer.error = c->reasons[row].text;
    } else if (c->spec->use == THAW_USE_FEATURES) {
        used.answer.n = THAW_N_FEATURES;
        used.answer.values = features_of(c, row);
    } else {
        c->io.rows[0][0] = features_of(c, row);
        c->io.label[0] = c->set->labels[i];
        st = thaw_stepper_run(&c->head, &c->io, err);
        used.answer.n = c->model->n_classes;
        used.answer.values = c->probs;
        used.loss = (double)c->io.metrics[0];
        used.hit = c->io.metrics[1] > 0.0f;
    }
    if (st == THAW_OK)
        st = c->spec->fn(c->spec->ctx, &used, err);
    free(path);
    return st;
}

static thaw_status use_all(use_call *c, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t at = 0; st == THAW_OK && at < c->set->n; at += c->prefix.batch) {
        size_t left = c->set->n - at;
        uint32_t rows = left < c->prefix.batch ? (uint32_t)left : c->prefix.batch;
        if (thaw_cancelled(c->where))
            return thaw_fail(err, THAW_E_CANCELLED, "stopped after %zu of %zu images, as asked", at,
                             c->set->n);
        thaw_runtime_span_begin(c->where->runtime, "images %zu to %zu", at + 1, at + rows);
        st = load_rows(c, rows, err);
        for (uint32_t r = 0; st == THAW_OK && r < rows; r++)
            st = answer_row(c, at + r, r, err);
        thaw_runtime_span_end(c->where->runtime);
        thaw_meter_add(&c->meter, rows);
    }
    return st;
}

thaw_status thaw_use_model(const thaw_model *model, const thaw_dataset *set, const thaw_use_spec *spec,
                           const thaw_where *where, const thaw_listener *listener, thaw_error *err)
{
    use_call *c = thaw_calloc(1, sizeof *c);
    if (!c)
        return thaw_fail_memory(err, sizeof *c, "a pass");
    c->model = model;
    c->set = set;
    c->spec = spec;
    c->where = where;
    thaw_meter_begin(&c->meter, listener, (thaw_progress){.pass = THAW_PASS_USE, .total = set->n});
    thaw_status st = make_prefix(c, spec->batch_size, err);
    if (st == THAW_OK && spec->use == THAW_USE_PROBABILITIES)
        st = make_head(c, err);
    if (st == THAW_OK)
        st = make_loader(c, err);
    if (st == THAW_OK)
        st = use_all(c, err);
    thaw_loader_free(c->loader);
    thaw_stepper_free(&c->head);
    thaw_step_io_free(&c->io);
    thaw_prefix_free(&c->prefix);
    free(c->probs);
    free(c->reasons);
    free(c);
    return st;
}

/* ---- predict ------------------------------------------------------------------------------------------- */

typedef struct forward {
    thaw_answer_fn answer;
    void *ctx;
} forward;

static thaw_status forward_answer(void *ctx, const thaw_used *used, thaw_error *err)
{
    const forward *f = ctx;
    return f->answer(f->ctx, &used->answer, err);
}

thaw_status thaw_predict(const thaw_model *model, const thaw_dataset *set, thaw_use use, uint32_t batch_size,
                         const thaw_where *where, const thaw_listener *listener, thaw_answer_fn answer,
                         void *ctx, thaw_error *err)
{
    forward f = {answer, ctx};
    thaw_use_spec spec = {.use = use, .batch_size = batch_size, .fn = forward_answer, .ctx = &f};
    return thaw_use_model(model, set, &spec, where, listener, err);
}
