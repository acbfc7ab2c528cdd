#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/graph/lowering.h"

/* The convolutions that are to become one. */
typedef struct siblings {
    size_t ops[THAW_CONV_MAX_OUT];
    uint32_t n;
    int32_t channels; /* of all */
} siblings;

/* Whether a kernel can become a part of another: what it is made of must not be freed with it. */
static bool joinable(const thaw_gtensor *w)
{
    return w->storage == THAW_T_CONST && (w->recipe ? w->recipe->n == 1 : !w->owned);
}

static bool mergeable(const thaw_graph *graph, const thaw_gop *op)
{
    if (op->kind != THAW_OP_CONV2D || op->n_out != 1)
        return false;
    const thaw_gtensor *w = &graph->tensors[op->in[1]];
    const thaw_conv_attr *a = &op->attr.conv;
    bool constant = joinable(w) && (op->n_in < 3 || graph->tensors[op->in[2]].storage == THAW_T_CONST);
    return constant && w->n == 1 && w->h == 1 && a->stride_h == 1 && a->stride_w == 1;
}

static siblings find_siblings(const thaw_graph *graph, size_t first)
{
    siblings s = {{first}, 1, graph->tensors[graph->ops[first].in[1]].c};
    for (size_t i = first + 1; i < graph->n_ops && s.n < THAW_CONV_MAX_OUT; i++) {
        const thaw_gop *op = &graph->ops[i];
        if (!mergeable(graph, op) || op->in[0] != graph->ops[first].in[0] ||
            op->precision != graph->ops[first].precision || op->flags != graph->ops[first].flags)
            continue;
        s.ops[s.n++] = i;
        s.channels += graph->tensors[op->in[1]].c;
    }
    return s;
}

/* Room for the parts' biases, one after the other. */
static thaw_status new_bias(thaw_graph *graph, const char *name, int32_t n, float **data, uint32_t *out,
                            thaw_error *err)
{
    thaw_status st = thaw_graph_tensor(graph, name, THAW_T_CONST, THAW_F32, 1, 1, 1, n, out, err);
    if (st != THAW_OK)
        return st;
    *data = thaw_calloc((size_t)n, sizeof **data);
    if (!*data)
        return thaw_fail_memory(err, (size_t)n * sizeof **data, name);
    graph->tensors[*out].data = graph->tensors[*out].owned = *data;
    return THAW_OK;
}

/* What nobody reads any more is given back. */
static void drop_const(thaw_gtensor *t)
{
    free(t->owned);
    t->owned = NULL;
    t->data = NULL;
    t->recipe = NULL;
}

static void take_bias(thaw_graph *graph, uint32_t from, float *to)
{
    thaw_gtensor *t = &graph->tensors[from];
    memcpy(to, t->data, (size_t)t->c * sizeof *to);
    drop_const(t);
}

/* The parts' kernels side by side, as a recipe: nothing is computed before it is needed. */
static thaw_status join_kernels(thaw_graph *graph, const siblings *s, const char *name, uint32_t *out,
                                thaw_error *err)
{
    thaw_weight_source source = {0};
    const int32_t rows = graph->tensors[graph->ops[s->ops[0]].in[1]].w;
    thaw_status st =
        thaw_graph_tensor(graph, name, THAW_T_CONST, THAW_F32, 1, 1, rows, s->channels, out, err);
    if (st != THAW_OK)
        return st;
    thaw_const_recipe *joined = thaw_const_recipe_create(&source, s->n);
    if (!joined)
        return thaw_fail_memory(err, s->n * sizeof(thaw_const_part), name);
    graph->tensors[*out].recipe = graph->tensors[*out].owned = joined;
    for (uint32_t i = 0; i < s->n; i++) {
        thaw_gtensor *t = &graph->tensors[graph->ops[s->ops[i]].in[1]];
        joined->parts[i] = (thaw_const_part){.kernel = t->data, .columns = (size_t)t->c};
        if (t->recipe) {
            joined->parts[i] = t->recipe->parts[0];
            joined->source = t->recipe->source;
        }
        drop_const(t);
    }
    return THAW_OK;
}

static void remove_ops(thaw_graph *graph, const siblings *s)
{
    uint32_t next = 1;
    size_t kept = s->ops[0] + 1;
    for (size_t i = kept; i < graph->n_ops; i++) {
        if (next < s->n && s->ops[next] == i) {
            free(graph->ops[i].in);
            free(graph->ops[i].out);
            next++;
        } else {
            graph->ops[kept++] = graph->ops[i];
        }
    }
    graph->n_ops = kept;
}

static thaw_status merge(thaw_graph *graph, const siblings *s, thaw_error *err)
{
    thaw_gop *first = &graph->ops[s->ops[0]];
    float *biases;
    uint32_t w, b;
    char label[64];
    snprintf(label, sizeof label, "%.40s and %u more", first->label, s->n - 1);
    thaw_status st = new_bias(graph, label, s->channels, &biases, &b, err);
    if (st == THAW_OK)
        st = join_kernels(graph, s, label, &w, err);
    uint32_t *in = thaw_calloc(3, sizeof *in), *out = thaw_calloc(s->n, sizeof *out);
    if (st == THAW_OK && (!in || !out))
        st = thaw_fail_memory(err, 12 + 4 * s->n, "an op's arguments");
    if (st != THAW_OK) {
        free(in);
        free(out);
        return st;
    }
    int32_t column = 0;
    uint32_t relu_mask = 0;
    for (uint32_t i = 0; i < s->n; i++) {
        const thaw_gop *op = &graph->ops[s->ops[i]];
        int32_t channels = graph->tensors[op->in[1]].c;
        out[i] = op->out[0];
        relu_mask |= (op->attr.conv.relu_mask & 1u) << i;
        if (op->n_in > 2)
            take_bias(graph, op->in[2], biases + column);
        column += channels;
    }
    in[0] = first->in[0];
    in[1] = w;
    in[2] = b;
    free(first->in);
    free(first->out);
    first->in = in;
    first->out = out;
    first->n_in = 3;
    first->n_out = s->n;
    first->attr.conv.relu_mask = relu_mask;
    memcpy(first->label, label, sizeof first->label);
    remove_ops(graph, s);
    return THAW_OK;
}

thaw_status thaw_merge_siblings(thaw_graph *graph, thaw_error *err)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        if (!mergeable(graph, &graph->ops[i]))
            continue;
        siblings s = find_siblings(graph, i);
        thaw_status st = s.n > 1 ? merge(graph, &s, err) : THAW_OK;
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}
