#include "core/train/prefix.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

#define DEFAULT_BATCH 4u

uint32_t thaw_prefix_batch(const thaw_where *where)
{
    if (where->prefix_batch > 0)
        return where->prefix_batch;
    return where->dev->info.preferred_batch > 0 ? where->dev->info.preferred_batch : DEFAULT_BATCH;
}

void thaw_weights_of(const thaw_model *model, thaw_weights_view *view)
{
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        view->data[i] = model->weights[i].data;
    view->n_classes = model->n_classes;
}

thaw_program_options thaw_program_options_of(const thaw_where *where, uint64_t runs)
{
    return (thaw_program_options){.dev = where->dev,
                                  .fallback_dev = where->fallback_dev,
                                  .fallback = where->fallback,
                                  .runs = runs,
                                  .log = where->log};
}

uint64_t thaw_graph_macs(const thaw_graph *graph)
{
    uint64_t macs = 0;
    for (size_t i = 0; i < graph->n_ops; i++)
        macs += thaw_op_macs(graph, &graph->ops[i]);
    return macs;
}

static thaw_status take_tensor(thaw_prefix *p, const thaw_graph *graph, uint32_t tensor, thaw_error *err)
{
    size_t bytes = thaw_graph_bytes(graph, tensor);
    p->tensor[p->n] = tensor;
    p->row_bytes[p->n] = bytes / p->batch;
    p->out[p->n] = thaw_calloc(1, bytes);
    if (!p->out[p->n])
        return thaw_fail_memory(err, bytes, "a batch of features");
    p->n++;
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
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < n_kept; i++)
        st = take_tensor(p, graph, lowered->kept[i], err);
    if (st == THAW_OK && lowered->pooled != THAW_NO_TENSOR)
        st = take_tensor(p, graph, lowered->pooled, err);
    return st;
}

thaw_status thaw_prefix_create(const thaw_prefix_spec *spec, const thaw_where *where, thaw_prefix *out,
                               thaw_error *err)
{
    memset(out, 0, sizeof *out);
    out->batch = spec->batch;
    thaw_weights_view weights;
    thaw_weights_of(spec->model, &weights);
    thaw_lower_spec lower = {
        .net = spec->net,
        .weights = &weights,
        .pool_include_pad = spec->model->pre.pool_include_pad,
        .batch = (int32_t)spec->batch,
        .feature_dtype = spec->feature_dtype,
        .keep = spec->cut ? spec->cut->layers : NULL,
        .n_keep = spec->cut ? spec->cut->n : 0,
        .pooled = spec->pooled,
    };
    thaw_lowered lowered;
    thaw_status st = thaw_lower(&lower, &lowered, err);
    if (st != THAW_OK)
        return st;
    st = take_tensors(out, &lowered, lower.n_keep, err);
    if (st == THAW_OK) {
        uint64_t runs = (spec->images + spec->batch - 1) / spec->batch;
        thaw_program_options options = thaw_program_options_of(where, runs);
        st = thaw_program_create(&lowered.graph, NULL, &options, &out->program, err);
    }
    thaw_lowered_free(&lowered);
    return st;
}

void thaw_prefix_free(thaw_prefix *prefix)
{
    if (!prefix)
        return;
    thaw_program_free(prefix->program);
    free(prefix->images);
    for (size_t i = 0; i < THAW_MAX_FEATURES; i++)
        free(prefix->out[i]);
    memset(prefix, 0, sizeof *prefix);
}

thaw_status thaw_prefix_run(thaw_prefix *prefix, uint32_t rows, uint32_t mask, thaw_error *err)
{
    thaw_binding feed = {prefix->image, prefix->images}, fetches[THAW_MAX_FEATURES];
    size_t n = 0;
    for (size_t i = 0; i < prefix->n; i++)
        if (mask & (1u << i))
            fetches[n++] = (thaw_binding){prefix->tensor[i], prefix->out[i]};
    memset(prefix->images + rows * prefix->image_values, 0,
           (prefix->batch - rows) * prefix->image_values * sizeof(float));
    return thaw_program_run(prefix->program, &feed, 1, fetches, n, err);
}
