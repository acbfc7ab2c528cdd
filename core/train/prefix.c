#include "core/train/prefix.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/base/threads.h"
#include "core/train/events.h"

#define DEFAULT_BATCH 4u
#define EVEN_BATCH    8u

static thaw_status read_weight(const void *ctx, size_t index, float *out, thaw_error *err)
{
    const thaw_model *model = ctx;
    return thaw_model_read(model, index, out, err);
}

void thaw_weights_of(const thaw_model *model, thaw_weights_view *view)
{
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        view->data[i] = model->weights[i].data;
    view->n_classes = model->n_classes;
    view->source = (thaw_weight_source){0};
    if (model->stored)
        view->source = (thaw_weight_source){model, read_weight};
}

thaw_program_options thaw_program_options_of(const thaw_where *where, uint64_t runs)
{
    return (thaw_program_options){.dev = where->dev,
                                  .fallback_dev = where->fallback_dev,
                                  .fallback = where->fallback,
                                  .choices = where->choices,
                                  .runs = runs,
                                  .log = where->log,
                                  .prepare_threads = where->decode_threads};
}

void thaw_permit_frozen(thaw_graph *graph, const thaw_where *where)
{
    thaw_graph_set_precision(graph, where->precision);
    if (where->exact)
        thaw_graph_set_exact(graph);
}

void thaw_permit_trained(thaw_graph *graph, const thaw_where *where)
{
    thaw_where trained = *where;
    if (trained.precision == THAW_PREC_BF16)
        trained.precision = THAW_PREC_F32;
    thaw_permit_frozen(graph, &trained);
}

uint64_t thaw_graph_macs(const thaw_graph *graph)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < graph->n_ops; i++)
        macs += thaw_op_macs(graph, &graph->ops[i]);
    return macs;
}

static void take_tensor(thaw_prefix *p, const thaw_graph *graph, uint32_t tensor)
{
    size_t bytes = thaw_graph_bytes(graph, tensor);
    p->tensor[p->n] = tensor;
    p->row_bytes[p->n++] = bytes / p->batch;
}

/* Room for results, where they do not go elsewhere. */
static thaw_status need_room(thaw_prefix *p, uint32_t mask, thaw_error *err)
{
    for (size_t i = 0; i < p->n; i++) {
        if (!(mask & (1u << i)) || p->next[i])
            continue;
        p->out[i] = thaw_calloc(p->batch, p->row_bytes[i]);
        p->next[i] = thaw_calloc(p->batch, p->row_bytes[i]);
        if (!p->out[i] || !p->next[i])
            return thaw_fail_memory(err, p->batch * p->row_bytes[i], "a batch of features");
    }
    return THAW_OK;
}

static thaw_status take_tensors(thaw_prefix *p, const thaw_lowered *lowered, size_t n_kept, thaw_error *err)
{
    const thaw_graph *graph = &lowered->graph;
    size_t bytes = thaw_graph_bytes(graph, lowered->image);
    p->image = lowered->image;
    p->image_values = bytes / sizeof(float) / p->batch;
    p->macs = thaw_graph_macs(graph) / p->batch;
    p->images = thaw_calloc(1, bytes);
    if (!p->images)
        return thaw_fail_memory(err, bytes, "a batch of images");
    for (size_t i = 0; i < n_kept; i++)
        take_tensor(p, graph, lowered->kept[i]);
    if (lowered->pooled != THAW_NO_TENSOR)
        take_tensor(p, graph, lowered->pooled);
    return THAW_OK;
}

/* Whether the device computes on the processors that would load photos, and has threads for more than half of
 * them. */
static bool takes_all(const thaw_where *where)
{
    const uint32_t all = thaw_processors(), threads = where->decode_threads ? where->decode_threads : all;
    return where->dev->info.type == THAW_DEVICE_CPU && threads > all / 2;
}

static thaw_status create(const thaw_prefix_spec *spec, uint32_t batch, const thaw_where *where,
                          const thaw_listener *listener, thaw_prefix *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    out->batch = batch;
    out->runtime = where->runtime;
    out->in_turns = takes_all(where);
    thaw_weights_view weights;
    thaw_weights_of(spec->model, &weights);
    thaw_lower_spec lower = {
        .net = spec->net,
        .weights = &weights,
        .pool_include_pad = spec->model->pre.pool_include_pad,
        .batch = (int32_t)batch,
        .feature_dtype = spec->feature_dtype,
        .keep = spec->cut ? spec->cut->layers : NULL,
        .n_keep = spec->cut ? spec->cut->n : 0,
        .pooled = spec->pooled,
    };
    thaw_lowered lowered;
    thaw_status st = thaw_lower(&lower, &lowered, err);
    if (st != THAW_OK)
        return st;
    thaw_permit_frozen(&lowered.graph, where);
    st = take_tensors(out, &lowered, lower.n_keep, err);
    thaw_program_options options = thaw_program_options_of(where, (spec->images + batch - 1) / batch);
    thaw_stage_memory memory = thaw_program_stage_memory(&options);
    if (st == THAW_OK)
        st = thaw_stages_choose(&lowered.graph, &memory, err);
    if (st == THAW_OK) {
        thaw_tell_prepared(&options, listener);
        st = thaw_program_create(&lowered.graph, NULL, &options, &out->program, err);
    }
    thaw_lowered_free(&lowered);
    return st;
}

/* No more than there are images, but a number that has divisors. What pads the last batch costs little: turns
 * of a stage that are about it alone are left out. */
static uint32_t batch_for(uint64_t images, uint32_t preferred)
{
    if (images == 0 || images >= preferred)
        return preferred;
    uint32_t fits = (uint32_t)images;
    if (fits > EVEN_BATCH)
        fits = (fits + EVEN_BATCH - 1) / EVEN_BATCH * EVEN_BATCH;
    return fits < preferred ? fits : preferred;
}

thaw_status thaw_prefix_create(const thaw_prefix_spec *spec, const thaw_where *where,
                               const thaw_listener *listener, thaw_prefix *out, thaw_error *err)
{
    uint32_t asked = spec->batch > 0 ? spec->batch : where->prefix_batch;
    uint32_t preferred = where->dev->info.preferred_batch;
    uint32_t wanted = asked > 0 ? asked : batch_for(spec->images, preferred > 0 ? preferred : DEFAULT_BATCH);
    uint32_t batch = wanted;
    thaw_status st = create(spec, batch, where, listener, out, err);
    while (st == THAW_E_DEVICE_MEMORY && asked == 0 && batch > 1) {
        thaw_prefix_free(out);
        batch /= 2;
        st = create(spec, batch, where, listener, out, err);
    }
    if (st == THAW_OK && batch < wanted)
        thaw_log_at(where->log, THAW_LOG_INFO,
                    "%s: %u images at a time pass the frozen part instead of %u: more do not fit into its "
                    "memory",
                    where->dev->name, batch, wanted);
    return st;
}

void thaw_prefix_free(thaw_prefix *prefix)
{
    if (!prefix)
        return;
    thaw_program_free(prefix->program);
    free(prefix->images);
    for (size_t i = 0; i < THAW_MAX_FEATURES; i++) {
        free(prefix->out[i]);
        free(prefix->next[i]);
    }
    memset(prefix, 0, sizeof *prefix);
}

static void change_places(thaw_prefix *prefix)
{
    for (size_t i = 0; i < prefix->n; i++) {
        void *ended = prefix->next[i];
        prefix->next[i] = prefix->out[i];
        prefix->out[i] = ended;
    }
}

static thaw_status begin(thaw_prefix *prefix, uint32_t rows, const thaw_binding *fetches, size_t n,
                         thaw_error *err)
{
    thaw_binding feed = {.tensor = prefix->image, .data = prefix->images};
    memset(prefix->images + rows * prefix->image_values, 0,
           (prefix->batch - rows) * prefix->image_values * sizeof(float));
    thaw_runtime_span_begin(prefix->runtime, "prefix batch %llu", (unsigned long long)++prefix->runs);
    thaw_status st = thaw_program_set_rows(prefix->program, rows, err);
    if (st == THAW_OK)
        st = thaw_program_stage(prefix->program, &feed, 1, err);
    if (st == THAW_OK)
        st = thaw_program_wait(prefix->program, err);
    if (st == THAW_OK)
        st = thaw_program_begin(prefix->program, fetches, n, err);
    thaw_runtime_span_end(prefix->runtime);
    return st;
}

thaw_status thaw_prefix_begin(thaw_prefix *prefix, uint32_t rows, uint32_t mask, thaw_error *err)
{
    thaw_binding fetches[THAW_MAX_FEATURES];
    size_t n = 0;
    thaw_status st = need_room(prefix, mask, err);
    if (st != THAW_OK)
        return st;
    change_places(prefix);
    for (size_t i = 0; i < prefix->n; i++)
        if (mask & (1u << i))
            fetches[n++] = (thaw_binding){.tensor = prefix->tensor[i], .data = prefix->next[i]};
    return begin(prefix, rows, fetches, n, err);
}

thaw_status thaw_prefix_begin_to(thaw_prefix *prefix, uint32_t rows, void *const *const *places,
                                 thaw_error *err)
{
    thaw_binding fetches[THAW_MAX_FEATURES];
    for (size_t i = 0; i < prefix->n; i++)
        fetches[i] = (thaw_binding){.tensor = prefix->tensor[i], .rows = places[i]};
    return begin(prefix, rows, fetches, prefix->n, err);
}

thaw_status thaw_prefix_wait(thaw_prefix *prefix, thaw_error *err)
{
    thaw_status st = thaw_program_wait(prefix->program, err);
    change_places(prefix);
    return st;
}

thaw_status thaw_prefix_run(thaw_prefix *prefix, uint32_t rows, uint32_t mask, thaw_error *err)
{
    thaw_status st = thaw_prefix_begin(prefix, rows, mask, err);
    return st == THAW_OK ? thaw_prefix_wait(prefix, err) : st;
}

size_t thaw_loader_ahead(const thaw_prefix *prefix)
{
    const size_t some = 8;
    return prefix->in_turns ? some : prefix->batch + some;
}

void thaw_loader_give_way(thaw_loader *loader, const thaw_prefix *prefix)
{
    if (prefix->in_turns)
        thaw_loader_pause(loader);
}

void thaw_loader_go_on(thaw_loader *loader, const thaw_prefix *prefix)
{
    if (prefix->in_turns)
        thaw_loader_resume(loader);
}
