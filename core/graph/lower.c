#include "core/graph/lower.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/graph/lowering.h"

static const thaw_layer *layer(const lowering *l, uint32_t i)
{
    return &l->spec->net->layers[i];
}

/* ---- which layers, and where they write ---- */

static void mark_needed(lowering *l)
{
    for (uint32_t i = THAW_N_LAYERS; i-- > 0;)
        for (uint32_t j = 0; l->needed[i] && !l->fed[i] && j < layer(l, i)->n_in; j++)
            l->needed[layer(l, i)->in[j]] = true;
}

static thaw_status mark_ends(lowering *l)
{
    const thaw_lower_spec *s = l->spec;
    for (uint32_t j = 0; s->from && j < s->from->n; j++)
        l->fed[s->from->layers[j]] = true;
    for (size_t j = 0; j < s->n_keep; j++) {
        uint32_t at = s->keep[j];
        if (at >= THAW_N_LAYERS || layer(l, at)->kind == THAW_LAYER_BN)
            return thaw_fail(l->err, THAW_E_INVALID,
                             "the output of %s cannot be kept: it is fused with the activation behind it",
                             at < THAW_N_LAYERS ? layer(l, at)->name : "a layer that does not exist");
        l->kept[at] = l->needed[at] = true;
    }
    bool pooled_fed = s->from && s->from->n == 0;
    if (!pooled_fed && (s->pooled || s->probs || s->metrics || s->train))
        l->needed[THAW_N_LAYERS - 1] = true;
    mark_needed(l);
    return THAW_OK;
}

static thaw_status give_homes(lowering *l)
{
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++)
        l->home[i] = THAW_NO_TENSOR;
    for (uint32_t i = THAW_N_LAYERS; i-- > 0;) {
        const thaw_layer *a = layer(l, i);
        if (a->kind != THAW_LAYER_CONCAT || !l->needed[i] || l->fed[i])
            continue;
        thaw_status st = thaw_lower_output(l, i, &l->tensor[i]);
        if (st != THAW_OK)
            return st;
        uint32_t channel = 0;
        for (uint32_t j = 0; j < a->n_in; j++) {
            l->home[a->in[j]] = l->tensor[i];
            l->home_channel[a->in[j]] = channel;
            channel += (uint32_t)layer(l, a->in[j])->c;
        }
    }
    return THAW_OK;
}

/* ---- the layers ---- */

static thaw_status copy_op(lowering *l, const char *label, uint32_t from, uint32_t to)
{
    thaw_attr attr = {.cast = {sizeof attr.cast, 1.0f, 0.0f}};
    return thaw_graph_op(l->graph, THAW_OP_CAST, label, &from, 1, &to, 1, &attr, l->err);
}

/* A fed layer: its feed, in f32, in its home. */
static thaw_status lower_fed(lowering *l, uint32_t at)
{
    const thaw_lower_spec *s = l->spec;
    const thaw_layer *a = layer(l, at);
    char name[64];
    uint32_t feed, slot = 0;
    while (s->from->layers[slot] != at)
        slot++;
    bool image = a->kind == THAW_LAYER_INPUT;
    snprintf(name, sizeof name, "cut:%s", a->name);
    thaw_status st =
        thaw_lower_layer_tensor(l, name, THAW_T_FEED, image ? THAW_F32 : s->feature_dtype, at, &feed);
    if (st != THAW_OK)
        return st;
    l->out->cut[slot] = feed;
    if (l->graph->tensors[feed].dtype == THAW_F32 && l->home[at] == THAW_NO_TENSOR) {
        l->tensor[at] = feed;
        return THAW_OK;
    }
    st = thaw_lower_output(l, at, &l->tensor[at]);
    return st != THAW_OK ? st : copy_op(l, a->name, feed, l->tensor[at]);
}

static thaw_status lower_pool(lowering *l, uint32_t at, uint32_t kind)
{
    const thaw_layer *a = layer(l, at);
    int32_t pad = a->same ? 1 : 0;
    thaw_attr attr = {.pool = {sizeof attr.pool, a->kh, a->kw, a->stride, a->stride, pad, pad,
                               l->spec->pool_include_pad, 0}};
    thaw_status st = thaw_lower_output(l, at, &l->tensor[at]);
    if (st != THAW_OK)
        return st;
    return thaw_graph_op(l->graph, kind, a->name, &l->tensor[a->in[0]], 1, &l->tensor[at], 1, &attr, l->err);
}

static thaw_status lower_layer(lowering *l, uint32_t at)
{
    if (l->fed[at])
        return lower_fed(l, at);
    switch (layer(l, at)->kind) {
    case THAW_LAYER_INPUT: {
        thaw_status st = thaw_lower_layer_tensor(l, "image", THAW_T_FEED, THAW_F32, at, &l->out->image);
        l->tensor[at] = l->out->image;
        return st;
    }
    case THAW_LAYER_CONV: /* waits for its batch normalisation, unless someone wants to see it */
        return l->kept[at] ? thaw_lower_raw_conv(l, at) : THAW_OK;
    case THAW_LAYER_RELU:
        return thaw_lower_conv_bn_relu(l, at);
    case THAW_LAYER_MAXPOOL:
        return lower_pool(l, at, THAW_OP_MAXPOOL);
    case THAW_LAYER_AVGPOOL: /* moves behind its convolution, unless someone wants to see it */
        return l->kept[at] ? lower_pool(l, at, THAW_OP_AVGPOOL) : THAW_OK;
    default: /* BN: with its ReLU; CONCAT: its inputs have written it */
        return THAW_OK;
    }
}

/* ---- the ends ---- */

/* An output is dense, f32 or the feature type, and no feed. */
static thaw_status keep_output(lowering *l, size_t slot)
{
    uint32_t at = l->spec->keep[slot], t = l->tensor[at];
    thaw_gtensor g = l->graph->tensors[t];
    thaw_dtype dtype = layer(l, at)->kind == THAW_LAYER_INPUT ? THAW_F32 : l->spec->feature_dtype;
    if (g.storage != THAW_T_TEMP || g.parent != THAW_NO_TENSOR || g.dtype != dtype) {
        char name[72];
        uint32_t copy;
        snprintf(name, sizeof name, "out:%s", layer(l, at)->name);
        thaw_status st = thaw_lower_layer_tensor(l, name, THAW_T_TEMP, dtype, at, &copy);
        if (st == THAW_OK)
            st = copy_op(l, layer(l, at)->name, t, copy);
        if (st != THAW_OK)
            return st;
        t = copy;
    }
    l->graph->tensors[t].output = true;
    l->out->kept[slot] = t;
    return THAW_OK;
}

static thaw_status lower_end(lowering *l)
{
    const thaw_lower_spec *s = l->spec;
    for (size_t j = 0; j < s->n_keep; j++) {
        thaw_status st = keep_output(l, j);
        if (st != THAW_OK)
            return st;
    }
    if (!s->pooled && !s->probs && !s->metrics && !s->train)
        return THAW_OK;
    if (!s->from || s->from->n > 0)
        return thaw_lower_head(l, l->tensor[THAW_N_LAYERS - 1], false);
    thaw_status st = thaw_graph_tensor(l->graph, "features", THAW_T_FEED, THAW_F32, s->batch, 1, 1,
                                       (int32_t)THAW_N_FEATURES, &l->out->pooled_in, l->err);
    return st != THAW_OK ? st : thaw_lower_head(l, l->out->pooled_in, true);
}

static thaw_status check_spec(const thaw_lower_spec *s, thaw_error *err)
{
    if (s->batch < 1)
        return thaw_fail(err, THAW_E_INVALID, "batch size %d", s->batch);
    if (!(s->dropout >= 0.0f && s->dropout < 1.0f))
        return thaw_fail(err, THAW_E_INVALID, "dropout %g: 0 <= dropout < 1", (double)s->dropout);
    if (s->feature_dtype != THAW_F32 && s->feature_dtype != THAW_F16)
        return thaw_fail(err, THAW_E_INVALID, "features are kept as f32 or f16");
    return THAW_OK;
}

static void no_ids(thaw_lowered *out)
{
    memset(out, 0, sizeof *out);
    out->image = out->pooled_in = out->label = out->dropout_key = out->hyper = THAW_NO_TENSOR;
    out->pooled = out->probs = out->metrics = THAW_NO_TENSOR;
    memset(out->cut, 0xff, sizeof out->cut);
    memset(out->kept, 0xff, sizeof out->kept);
}

thaw_status thaw_lower(const thaw_lower_spec *spec, thaw_lowered *out, thaw_error *err)
{
    no_ids(out);
    thaw_status st = check_spec(spec, err);
    lowering *l = st == THAW_OK ? thaw_calloc(1, sizeof *l) : NULL;
    if (st == THAW_OK && !l)
        st = thaw_fail_memory(err, sizeof *l, "the lowering");
    if (st != THAW_OK)
        return st;
    l->spec = spec;
    l->out = out;
    l->graph = &out->graph;
    l->err = err;
    memset(l->tensor, 0xff, sizeof l->tensor);
    st = mark_ends(l);
    if (st == THAW_OK)
        st = give_homes(l);
    for (uint32_t i = 0; st == THAW_OK && i < THAW_N_LAYERS; i++)
        if (l->needed[i])
            st = lower_layer(l, i);
    if (st == THAW_OK)
        st = lower_end(l);
    if (st == THAW_OK && !spec->train)
        st = thaw_merge_siblings(l->graph, err);
    free(l);
    if (st != THAW_OK)
        thaw_lowered_free(out);
    return st;
}

void thaw_lowered_free(thaw_lowered *lowered)
{
    if (!lowered)
        return;
    thaw_graph_free(&lowered->graph);
    free(lowered->gradients);
    no_ids(lowered);
}
