#include "core/graph/backward.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* What has reached one tensor so far. */
typedef struct gathered {
    uint32_t parts[THAW_ADD_MAX_IN];
    uint32_t n;
    uint32_t sum;   /* THAW_NO_TENSOR until asked for */
    bool rectified; /* sum has gone through the relu that the tensor comes out of */
} gathered;

typedef struct tape {
    thaw_graph *graph;
    gathered *grads; /* one for each tensor of the forward pass */
    size_t n_forward;
    size_t n_ops; /* of the forward pass */
} tape;

static const thaw_gtensor *tensor(const tape *t, uint32_t id)
{
    return &t->graph->tensors[id];
}

/* A slice needs a gradient if whoever writes it does; a whole tensor also if any of its slices does. Of
 * BN_FOLD's outputs only the shift depends on beta. */
static void mark_requires_grad(thaw_graph *graph)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        const thaw_gop *op = &graph->ops[i];
        bool needs = false;
        for (uint32_t j = 0; j < op->n_in; j++)
            needs = needs || graph->tensors[op->in[j]].requires_grad;
        for (uint32_t j = op->kind == THAW_OP_BN_FOLD; needs && j < op->n_out; j++) {
            graph->tensors[op->out[j]].requires_grad = true;
            graph->tensors[thaw_graph_root(graph, op->out[j])].requires_grad = true;
        }
    }
}

static thaw_status new_like(tape *t, uint32_t like, const char *prefix, uint32_t *out, thaw_error *err)
{
    thaw_gtensor model = *tensor(t, like);
    char name[sizeof model.name + 8];
    snprintf(name, sizeof name, "%s:%s", prefix, model.name);
    return thaw_graph_tensor(t->graph, name, THAW_T_TEMP, THAW_F32, model.n, model.h, model.w, model.c, out,
                             err);
}

static thaw_status contribute(tape *t, uint32_t to, uint32_t grad, thaw_error *err)
{
    gathered *g = &t->grads[to];
    if (g->n == THAW_ADD_MAX_IN || g->sum != THAW_NO_TENSOR)
        return thaw_fail(err, THAW_E_INTERNAL, "gradient of %s: too many or too late contributions",
                         tensor(t, to)->name);
    g->parts[g->n++] = grad;
    return THAW_OK;
}

static thaw_status emit(tape *t, uint32_t kind, const char *label, const uint32_t *in, uint32_t n_in,
                        const uint32_t *out, uint32_t n_out, const thaw_attr *attr, thaw_error *err)
{
    return thaw_graph_op(t->graph, kind, label, in, n_in, out, n_out, attr, err);
}

static thaw_status add_up(tape *t, uint32_t like, const uint32_t *parts, uint32_t n, uint32_t *out,
                          thaw_error *err)
{
    if (n <= 1) {
        *out = n ? parts[0] : THAW_NO_TENSOR;
        return THAW_OK;
    }
    char label[64];
    snprintf(label, sizeof label, "%s", tensor(t, like)->name);
    thaw_status st = new_like(t, like, "d", out, err);
    return st != THAW_OK ? st : emit(t, THAW_OP_ADD, label, parts, n, out, 1, NULL, err);
}

static bool has_relu(const thaw_gop *op)
{
    return (op->kind == THAW_OP_CONV2D && op->attr.conv.relu_mask) ||
           (op->kind == THAW_OP_AFFINE && op->attr.affine.relu) ||
           (op->kind == THAW_OP_AVGPOOL && op->attr.pool.relu) ||
           (op->kind == THAW_OP_BN_TRAIN && op->attr.bn.relu);
}

/* Whether all that is written into a concatenation comes out of a relu. */
static bool all_rectified(const tape *t, uint32_t root)
{
    bool found = false;
    for (size_t i = 0; i < t->n_ops; i++) {
        const thaw_gop *op = &t->graph->ops[i];
        if (tensor(t, op->out[0])->parent != root)
            continue;
        if (!has_relu(op))
            return false;
        found = true;
    }
    return found;
}

static thaw_status rectify(tape *t, uint32_t y, const char *label, uint32_t *dy, thaw_error *err)
{
    uint32_t g;
    char own[64]; /* label may be the name of a tensor, which moves when another is added */
    snprintf(own, sizeof own, "%s", label);
    thaw_status st = new_like(t, y, "g", &g, err);
    if (st == THAW_OK)
        st = emit(t, THAW_OP_RELU_BWD, own, (uint32_t[]){*dy, y}, 2, &g, 1, NULL, err);
    *dy = g;
    return st;
}

/* The whole gradient of a tensor, THAW_NO_TENSOR if nothing reached it. That of a concatenation goes through
 * its parts' relu at once: neither it nor the concatenation has to wait for the last of them. */
static thaw_status total(tape *t, uint32_t id, uint32_t *out, thaw_error *err)
{
    gathered *g = &t->grads[id];
    thaw_status st = THAW_OK;
    if (g->sum == THAW_NO_TENSOR) {
        uint32_t root = thaw_graph_root(t->graph, id), whole = THAW_NO_TENSOR;
        if (root != id && (st = total(t, root, &whole, err)) != THAW_OK)
            return st;
        if (whole != THAW_NO_TENSOR) {
            uint32_t slice;
            char name[72];
            snprintf(name, sizeof name, "d:%s", tensor(t, id)->name);
            st = thaw_graph_slice(t->graph, name, whole, tensor(t, id)->channel_offset, tensor(t, id)->c,
                                  &slice, err);
            if (st == THAW_OK)
                st = contribute(t, id, slice, err);
            if (st != THAW_OK)
                return st;
        }
        g->rectified = whole != THAW_NO_TENSOR && g->n == 1 && t->grads[root].rectified;
        st = add_up(t, id, g->parts, g->n, &g->sum, err);
        if (st == THAW_OK && g->sum != THAW_NO_TENSOR && all_rectified(t, id)) {
            g->rectified = true;
            st = rectify(t, id, tensor(t, id)->name, &g->sum, err);
        }
    }
    *out = g->sum;
    return st;
}

static bool wants(const tape *t, uint32_t id)
{
    return tensor(t, id)->requires_grad;
}

static thaw_status through_relu(tape *t, const thaw_gop *op, uint32_t *dy, thaw_error *err)
{
    if (!has_relu(op) || t->grads[op->out[0]].rectified)
        return THAW_OK;
    return rectify(t, op->out[0], op->label, dy, err);
}

/* A new tensor shaped like `to`, computed by one op, contributed to `to`. */
static thaw_status derive(tape *t, uint32_t to, uint32_t kind, const thaw_gop *op, const uint32_t *in,
                          uint32_t n_in, const thaw_attr *attr, thaw_error *err)
{
    uint32_t d;
    thaw_status st = new_like(t, to, "d", &d, err);
    if (st == THAW_OK)
        st = emit(t, kind, op->label, in, n_in, &d, 1, attr, err);
    return st != THAW_OK ? st : contribute(t, to, d, err);
}

static thaw_status conv_backward(tape *t, const thaw_gop *op, uint32_t g, thaw_error *err)
{
    thaw_status st = THAW_OK;
    thaw_attr attr = op->attr;
    attr.conv.relu_mask = 0;
    if (op->n_out != 1)
        return thaw_fail(err, THAW_E_INTERNAL, "%s: a merged convolution has no gradient", op->label);
    if (op->n_in > 2 && wants(t, op->in[2]))
        st = derive(t, op->in[2], THAW_OP_BIAS_GRAD, op, &g, 1, NULL, err);
    /* The data first: its op is the last that reads the filter, whose gradient is as large. */
    if (st == THAW_OK && wants(t, op->in[0]))
        st = derive(t, op->in[0], THAW_OP_CONV2D_BWD_DATA, op, (uint32_t[]){g, op->in[1]}, 2, &attr, err);
    if (st == THAW_OK && wants(t, op->in[1]))
        st = derive(t, op->in[1], THAW_OP_CONV2D_BWD_FILTER, op, (uint32_t[]){op->in[0], g}, 2, &attr, err);
    return st;
}

static thaw_status affine_backward(tape *t, const thaw_gop *op, uint32_t g, thaw_error *err)
{
    thaw_status st = THAW_OK;
    thaw_attr attr = {.affine = {sizeof attr.affine, 0}};
    if (wants(t, op->in[1]))
        return thaw_fail(err, THAW_E_INTERNAL, "%s: a scale has no gradient", op->label);
    if (op->n_in > 2 && wants(t, op->in[2]))
        st = derive(t, op->in[2], THAW_OP_BIAS_GRAD, op, &g, 1, NULL, err);
    if (st == THAW_OK && wants(t, op->in[0]))
        st = derive(t, op->in[0], THAW_OP_AFFINE, op, (uint32_t[]){g, op->in[1]}, 2, &attr, err);
    return st;
}

static thaw_status bn_train_backward(tape *t, const thaw_gop *op, uint32_t g, thaw_error *err)
{
    uint32_t out[2];
    thaw_status st = new_like(t, op->in[0], "d", &out[0], err);
    if (st == THAW_OK)
        st = new_like(t, op->in[1], "d", &out[1], err);
    if (st == THAW_OK)
        st = emit(t, THAW_OP_BN_TRAIN_BWD, op->label, (uint32_t[]){g, op->in[0], op->out[1], op->out[2]}, 4,
                  out, 2, &op->attr, err);
    if (st == THAW_OK && wants(t, op->in[0]))
        st = contribute(t, op->in[0], out[0], err);
    if (st == THAW_OK && wants(t, op->in[1]))
        st = contribute(t, op->in[1], out[1], err);
    return st;
}

/* The forward op gets a second output: where each maximum was. */
static thaw_status maxpool_backward(tape *t, size_t at, uint32_t g, thaw_error *err)
{
    thaw_gop *op = &t->graph->ops[at];
    thaw_gtensor y = *tensor(t, op->out[0]);
    char name[sizeof y.name + 8];
    uint32_t argmax;
    snprintf(name, sizeof name, "argmax:%s", y.name);
    thaw_status st =
        thaw_graph_tensor(t->graph, name, THAW_T_TEMP, THAW_U8, y.n, y.h, y.w, y.c, &argmax, err);
    if (st != THAW_OK)
        return st;
    t->graph->tensors[argmax].saved = true;
    uint32_t *out = realloc(op->out, 2 * sizeof *out);
    if (!out)
        return thaw_fail_memory(err, 2 * sizeof *out, "an op's outputs");
    op->out = out;
    op->out[1] = argmax;
    op->n_out = 2;
    thaw_gop copy = *op;
    return derive(t, copy.in[0], THAW_OP_MAXPOOL_BWD, &copy, (uint32_t[]){g, argmax}, 2, &copy.attr, err);
}

static thaw_status avgpool_backward(tape *t, const thaw_gop *op, uint32_t g, thaw_error *err)
{
    thaw_status st = THAW_OK;
    thaw_attr attr = op->attr;
    attr.pool.relu = 0;
    if (op->n_in > 1 && wants(t, op->in[1]))
        st = derive(t, op->in[1], THAW_OP_BIAS_GRAD, op, &g, 1, NULL, err);
    if (st == THAW_OK && wants(t, op->in[0]))
        st = derive(t, op->in[0], THAW_OP_AVGPOOL_BWD, op, &g, 1, &attr, err);
    return st;
}

static thaw_status op_backward(tape *t, size_t at, thaw_error *err)
{
    /* A copy: emitting ops moves the array. */
    const thaw_gop op = t->graph->ops[at];
    bool any = false;
    for (uint32_t i = 0; i < op.n_in; i++)
        any = any || wants(t, op.in[i]);
    if (!any)
        return THAW_OK;
    uint32_t g;
    thaw_status st = total(t, op.kind == THAW_OP_BN_FOLD ? op.out[1] : op.out[0], &g, err);
    if (st != THAW_OK || g == THAW_NO_TENSOR)
        return st;
    st = through_relu(t, &op, &g, err);
    if (st != THAW_OK)
        return st;
    switch (op.kind) {
    case THAW_OP_CONV2D:
        return conv_backward(t, &op, g, err);
    case THAW_OP_AFFINE:
        return affine_backward(t, &op, g, err);
    case THAW_OP_BN_FOLD: /* shift = beta - mean*scale */
        return contribute(t, op.in[0], g, err);
    case THAW_OP_BN_TRAIN:
        return bn_train_backward(t, &op, g, err);
    case THAW_OP_MAXPOOL:
        return maxpool_backward(t, at, g, err);
    case THAW_OP_AVGPOOL:
        return avgpool_backward(t, &op, g, err);
    case THAW_OP_GLOBAL_AVGPOOL:
        return derive(t, op.in[0], THAW_OP_GLOBAL_AVGPOOL_BWD, &op, &g, 1, NULL, err);
    case THAW_OP_DROPOUT:
        return derive(t, op.in[0], THAW_OP_DROPOUT_BWD, &op, (uint32_t[]){g, op.out[1]}, 2, &op.attr, err);
    default:
        return thaw_fail(err, THAW_E_INTERNAL, "%s (%s) has no gradient", thaw_op_facts_of(op.kind)->name,
                         op.label);
    }
}

static thaw_status collect(tape *t, thaw_grad_pair **pairs, size_t *n_pairs, thaw_error *err)
{
    thaw_grad_pair *list = thaw_calloc(t->n_forward, sizeof *list);
    if (!list)
        return thaw_fail_memory(err, t->n_forward * sizeof *list, "the list of gradients");
    size_t n = 0;
    for (uint32_t i = 0; i < t->n_forward; i++) {
        uint32_t g;
        if (tensor(t, i)->storage != THAW_T_VAR || !wants(t, i))
            continue;
        thaw_status st = total(t, i, &g, err);
        if (st != THAW_OK) {
            free(list);
            return st;
        }
        if (g != THAW_NO_TENSOR)
            list[n++] = (thaw_grad_pair){i, g};
    }
    *pairs = list;
    *n_pairs = n;
    return THAW_OK;
}

thaw_status thaw_backward(thaw_graph *graph, thaw_grad_pair seed, thaw_grad_pair **pairs, size_t *n_pairs,
                          thaw_error *err)
{
    tape t = {.graph = graph, .n_forward = graph->n_tensors, .n_ops = graph->n_ops};
    t.grads = thaw_calloc(t.n_forward, sizeof *t.grads);
    if (!t.grads)
        return thaw_fail_memory(err, t.n_forward * sizeof *t.grads, "the gradients' bookkeeping");
    for (size_t i = 0; i < t.n_forward; i++)
        t.grads[i].sum = THAW_NO_TENSOR;
    mark_requires_grad(graph);
    thaw_status st = contribute(&t, seed.tensor, seed.grad, err);
    for (size_t at = t.n_ops; st == THAW_OK && at-- > 0;)
        st = op_backward(&t, at, err);
    if (st == THAW_OK)
        st = collect(&t, pairs, n_pairs, err);
    free(t.grads);
    return st;
}
