/* From the last feature map to the loss, and from the loss back. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/graph/backward.h"
#include "core/graph/lowering.h"

static thaw_status row(lowering *l, const char *name, thaw_storage storage, thaw_dtype dtype, int32_t c,
                       uint32_t *out)
{
    return thaw_graph_tensor(l->graph, name, storage, dtype, l->spec->batch, 1, 1, c, out, l->err);
}

static thaw_status vector(lowering *l, const char *name, thaw_storage storage, thaw_dtype dtype, int32_t c,
                          uint32_t *out)
{
    return thaw_graph_tensor(l->graph, name, storage, dtype, 1, 1, 1, c, out, l->err);
}

static thaw_status pool(lowering *l, uint32_t x, uint32_t *out)
{
    thaw_status st = row(l, "pooled", THAW_T_TEMP, THAW_F32, (int32_t)THAW_N_FEATURES, out);
    if (st == THAW_OK)
        st = thaw_graph_op(l->graph, THAW_OP_GLOBAL_AVGPOOL, "global_average_pooling2d", &x, 1, out, 1, NULL,
                           l->err);
    return st;
}

static thaw_status dropout(lowering *l, uint32_t x, uint32_t *out)
{
    const thaw_lower_spec *s = l->spec;
    uint32_t y[2];
    thaw_status st = thaw_graph_tensor(l->graph, "dropout_key", THAW_T_FEED, THAW_U32, 1, 1, s->batch, 2,
                                       &l->out->dropout_key, l->err);
    if (st == THAW_OK)
        st = row(l, "dropout", THAW_T_TEMP, THAW_F32, (int32_t)THAW_N_FEATURES, &y[0]);
    if (st == THAW_OK)
        st = row(l, "dropout_mask", THAW_T_TEMP, THAW_U8, (int32_t)THAW_N_FEATURES, &y[1]);
    if (st != THAW_OK)
        return st;
    l->graph->tensors[y[1]].saved = true;
    thaw_attr attr = {.dropout = {sizeof attr.dropout, s->dropout, s->seed}};
    *out = y[0];
    return thaw_graph_op(l->graph, THAW_OP_DROPOUT, "dropout", (uint32_t[]){x, l->out->dropout_key}, 2, y, 2,
                         &attr, l->err);
}

/* A dense layer is a 1x1 convolution over a 1x1 image. */
static thaw_status dense(lowering *l, uint32_t x, uint32_t *logits)
{
    const thaw_lower_spec *s = l->spec;
    int32_t classes = (int32_t)s->weights->n_classes;
    uint32_t w, b;
    thaw_status st = thaw_lower_weight(l, THAW_W_HEAD_KERNEL, s->head_trainable, true, 1, 1,
                                       (int32_t)THAW_N_FEATURES, classes, &w);
    if (st == THAW_OK)
        st = thaw_lower_weight(l, THAW_W_HEAD_BIAS, s->head_trainable, true, 1, 1, 1, classes, &b);
    if (st == THAW_OK)
        st = row(l, "logits", THAW_T_TEMP, THAW_F32, classes, logits);
    thaw_attr attr = {.conv = {sizeof attr.conv, 1, 1, 0, 0, 0}};
    if (st == THAW_OK)
        st = thaw_graph_op(l->graph, THAW_OP_CONV2D, "predictions", (uint32_t[]){x, w, b}, 3, logits, 1,
                           &attr, l->err);
    return st;
}

/* Softmax and cross-entropy are one op: probabilities alone are asked for with labels that nobody reads. */
static thaw_status softmax(lowering *l, uint32_t logits, uint32_t *loss)
{
    const thaw_lower_spec *s = l->spec;
    bool labelled = s->metrics || s->train;
    uint32_t out[2];
    thaw_status st;
    if (labelled) {
        st = vector(l, "label", THAW_T_FEED, THAW_I32, s->batch, &l->out->label);
    } else {
        uint32_t zeros;
        float *data;
        st = thaw_lower_const(l, "no_label", 1, 1, 1, s->batch, &data, &zeros);
        if (st == THAW_OK)
            l->graph->tensors[zeros].dtype = THAW_I32; /* all bits zero, which is class 0 */
        l->out->label = zeros;
    }
    if (st == THAW_OK)
        st = row(l, "probs", THAW_T_TEMP, THAW_F32, (int32_t)s->weights->n_classes, &out[0]);
    if (st == THAW_OK)
        st = vector(l, "loss", THAW_T_TEMP, THAW_F32, s->batch, &out[1]);
    if (st == THAW_OK)
        st = thaw_graph_op(l->graph, THAW_OP_SOFTMAX_XENT, "softmax", (uint32_t[]){logits, l->out->label}, 2,
                           out, 2, NULL, l->err);
    if (st != THAW_OK)
        return st;
    if (!labelled)
        l->out->label = THAW_NO_TENSOR;
    l->graph->tensors[out[0]].output = s->probs;
    l->out->probs = out[0];
    *loss = out[1];
    return THAW_OK;
}

static thaw_status metrics(lowering *l, uint32_t loss)
{
    thaw_status st = vector(l, "metrics", THAW_T_TEMP, THAW_F32, 2, &l->out->metrics);
    if (st != THAW_OK)
        return st;
    l->graph->tensors[l->out->metrics].output = true;
    return thaw_graph_op(l->graph, THAW_OP_METRICS, "metrics",
                         (uint32_t[]){l->out->probs, l->out->label, loss}, 3, &l->out->metrics, 1, NULL,
                         l->err);
}

/* ---- training ---- */

static thaw_status optimizer_state(lowering *l, const char *moment, const thaw_gtensor *weight, uint32_t *out)
{
    char name[80];
    snprintf(name, sizeof name, "adam/%s/%s", moment, weight->name);
    thaw_gtensor w = *weight; /* adding a tensor moves the array */
    thaw_status st = thaw_graph_tensor(l->graph, name, THAW_T_VAR, THAW_F32, w.n, w.h, w.w, w.c, out, l->err);
    return st == THAW_OK ? thaw_lower_var(l, *out) : st;
}

static thaw_status adam(lowering *l, const thaw_grad_pair *pairs, size_t n)
{
    uint32_t *in = thaw_calloc(1 + 4 * n, sizeof *in), *out = thaw_calloc(3 * n, sizeof *out);
    thaw_status st = in && out ? THAW_OK : thaw_fail_memory(l->err, 28 * n, "the optimizer's arguments");
    if (st == THAW_OK)
        st = vector(l, "hyper", THAW_T_FEED, THAW_F32, 8, &l->out->hyper);
    if (st == THAW_OK)
        in[0] = l->out->hyper;
    for (size_t i = 0; st == THAW_OK && i < n; i++) {
        uint32_t *a = in + 1 + 4 * i, *b = out + 3 * i;
        a[0] = b[0] = pairs[i].tensor;
        a[1] = pairs[i].grad;
        st = optimizer_state(l, "m", &l->graph->tensors[a[0]], &a[2]);
        if (st == THAW_OK)
            st = optimizer_state(l, "v", &l->graph->tensors[a[0]], &a[3]);
        b[1] = a[2];
        b[2] = a[3];
    }
    if (st == THAW_OK)
        st = thaw_graph_op(l->graph, THAW_OP_ADAM, "adam", in, (uint32_t)(1 + 4 * n), out, (uint32_t)(3 * n),
                           NULL, l->err);
    free(in);
    free(out);
    return st;
}

static thaw_status record_gradients(lowering *l, const thaw_grad_pair *pairs, size_t n)
{
    l->out->gradients = thaw_calloc(n, sizeof *l->out->gradients);
    if (!l->out->gradients)
        return thaw_fail_memory(l->err, n * sizeof *l->out->gradients, "the list of gradients");
    l->out->n_gradients = n;
    for (size_t i = 0; i < n; i++)
        l->out->gradients[i] = (thaw_gradient){l->graph->tensors[pairs[i].tensor].var, pairs[i].grad};
    return THAW_OK;
}

static thaw_status train(lowering *l, uint32_t logits)
{
    const thaw_lower_spec *s = l->spec;
    thaw_grad_pair *pairs = NULL;
    size_t n = 0;
    uint32_t dlogits;
    if (!s->vars)
        return thaw_fail(l->err, THAW_E_INTERNAL, "training needs a list of variables");
    thaw_status st = row(l, "d:logits", THAW_T_TEMP, THAW_F32, (int32_t)s->weights->n_classes, &dlogits);
    thaw_attr attr = {.xent = {sizeof attr.xent, 1.0f / (float)s->batch}};
    if (st == THAW_OK)
        st = thaw_graph_op(l->graph, THAW_OP_SOFTMAX_XENT_BWD, "softmax",
                           (uint32_t[]){l->out->probs, l->out->label}, 2, &dlogits, 1, &attr, l->err);
    if (st == THAW_OK)
        st = thaw_backward(l->graph, (thaw_grad_pair){logits, dlogits}, &pairs, &n, l->err);
    if (st == THAW_OK)
        st = thaw_join_gradients(l->graph, l->err);
    if (st == THAW_OK && n == 0)
        st = thaw_fail(l->err, THAW_E_INVALID, "nothing to train: every layer and the head are frozen");
    if (st == THAW_OK)
        st = record_gradients(l, pairs, n);
    if (st == THAW_OK && !s->no_update)
        st = adam(l, pairs, n);
    for (size_t i = 0; st == THAW_OK && s->no_update && i < n; i++)
        l->graph->tensors[pairs[i].grad].output = true;
    free(pairs);
    return st;
}

thaw_status thaw_lower_head(lowering *l, uint32_t features, bool is_pooled)
{
    const thaw_lower_spec *s = l->spec;
    uint32_t x = features, logits, loss;
    thaw_status st = is_pooled ? THAW_OK : pool(l, features, &x);
    if (st != THAW_OK)
        return st;
    if (s->pooled) {
        if (is_pooled)
            return thaw_fail(l->err, THAW_E_INVALID, "the pooled features are fed, and asked for");
        l->graph->tensors[x].output = true;
        l->out->pooled = x;
    }
    if (!s->probs && !s->metrics && !s->train)
        return THAW_OK;
    if (s->weights->n_classes < 2)
        return thaw_fail(l->err, THAW_E_INVALID, "the model has no head: train it, or use one that has");
    if (s->train && s->dropout > 0.0f)
        st = dropout(l, x, &x);
    if (st == THAW_OK)
        st = dense(l, x, &logits);
    if (st == THAW_OK)
        st = softmax(l, logits, &loss);
    if (st == THAW_OK && (s->metrics || s->train))
        st = metrics(l, loss);
    if (st == THAW_OK && s->train)
        st = train(l, logits);
    return st;
}
