#include "core/graph/graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/graph/op_rules.h"

void thaw_graph_free(thaw_graph *graph)
{
    if (!graph)
        return;
    for (size_t i = 0; i < graph->n_tensors; i++)
        free(graph->tensors[i].owned);
    for (size_t i = 0; i < graph->n_ops; i++) {
        free(graph->ops[i].in);
        free(graph->ops[i].out);
    }
    free(graph->tensors);
    free(graph->ops);
    memset(graph, 0, sizeof *graph);
}

void thaw_var_list_free(thaw_var_list *list)
{
    free(list->items);
    memset(list, 0, sizeof *list);
}

uint32_t thaw_var_find(const thaw_var_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i].name, name) == 0)
            return (uint32_t)i;
    return UINT32_MAX;
}

uint32_t thaw_var_get(thaw_var_list *list, const char *name, int32_t n, int32_t h, int32_t w, int32_t c)
{
    uint32_t at = thaw_var_find(list, name);
    if (at != UINT32_MAX) {
        const thaw_var_info *v = &list->items[at];
        return v->n == n && v->h == h && v->w == w && v->c == c ? at : UINT32_MAX;
    }
    void *items = list->items;
    if (!thaw_grow(&items, &list->capacity, list->count + 1, sizeof *list->items))
        return UINT32_MAX;
    list->items = items;
    thaw_var_info *v = &list->items[list->count];
    memset(v, 0, sizeof *v);
    snprintf(v->name, sizeof v->name, "%s", name);
    v->n = n;
    v->h = h;
    v->w = w;
    v->c = c;
    return (uint32_t)list->count++;
}

size_t thaw_dtype_bytes(thaw_dtype dtype)
{
    switch (dtype) {
    case THAW_U8:
        return 1;
    case THAW_F16:
    case THAW_BF16:
        return 2;
    default:
        return 4;
    }
}

static bool dense_bytes(const thaw_gtensor *t, size_t *out)
{
    size_t bytes = thaw_dtype_bytes(t->dtype);
    return t->n > 0 && t->h > 0 && t->w > 0 && t->c > 0 && thaw_mul(bytes, (size_t)t->n, &bytes) &&
           thaw_mul(bytes, (size_t)t->h, &bytes) && thaw_mul(bytes, (size_t)t->w, &bytes) &&
           thaw_mul(bytes, (size_t)t->c, &bytes) && (*out = bytes, true);
}

static thaw_status add_tensor(thaw_graph *graph, const thaw_gtensor *t, uint32_t *out, thaw_error *err)
{
    size_t bytes;
    if (!dense_bytes(t, &bytes))
        return thaw_fail(err, THAW_E_INVALID, "tensor %s: shape %dx%dx%dx%d is empty or too large", t->name,
                         t->n, t->h, t->w, t->c);
    void *items = graph->tensors;
    if (graph->n_tensors >= UINT32_MAX - 1 ||
        !thaw_grow(&items, &graph->tensor_capacity, graph->n_tensors + 1, sizeof *graph->tensors))
        return thaw_fail_memory(err, sizeof *t, "a graph tensor");
    graph->tensors = items;
    graph->tensors[graph->n_tensors] = *t;
    *out = (uint32_t)graph->n_tensors++;
    return THAW_OK;
}

thaw_status thaw_graph_tensor(thaw_graph *graph, const char *name, thaw_storage storage, thaw_dtype dtype,
                              int32_t n, int32_t h, int32_t w, int32_t c, uint32_t *out, thaw_error *err)
{
    thaw_gtensor t = {.dtype = dtype, .storage = storage, .n = n, .h = h, .w = w, .c = c};
    snprintf(t.name, sizeof t.name, "%s", name);
    t.parent = THAW_NO_TENSOR;
    t.var = UINT32_MAX;
    return add_tensor(graph, &t, out, err);
}

thaw_status thaw_graph_slice(thaw_graph *graph, const char *name, uint32_t parent, uint32_t channel_offset,
                             int32_t c, uint32_t *out, thaw_error *err)
{
    thaw_gtensor t = graph->tensors[parent];
    if (c <= 0 || channel_offset > (uint32_t)t.c || (uint32_t)c > (uint32_t)t.c - channel_offset)
        return thaw_fail(err, THAW_E_INTERNAL, "slice %s: channels %u…%u of %d in %s", name, channel_offset,
                         channel_offset + (uint32_t)c, t.c, t.name);
    if (t.parent != THAW_NO_TENSOR) {
        channel_offset += t.channel_offset;
        parent = t.parent;
    }
    snprintf(t.name, sizeof t.name, "%s", name);
    t.parent = parent;
    t.channel_offset = channel_offset;
    t.c = c;
    t.data = t.owned = NULL;
    t.recipe = NULL;
    t.output = false;
    t.requires_grad = false;
    return add_tensor(graph, &t, out, err);
}

const char *thaw_precision_name(thaw_precision precision)
{
    static const char *const names[] = {[THAW_PREC_F32] = "f32",
                                        [THAW_PREC_TF32] = "tf32",
                                        [THAW_PREC_BF16] = "bf16",
                                        [THAW_PREC_F16] = "f16"};
    return precision >= THAW_PREC_F32 && precision <= THAW_PREC_F16 ? names[precision] : "?";
}

static bool is_convolution(const thaw_gop *op)
{
    return op->kind == THAW_OP_CONV2D || op->kind == THAW_OP_CONV2D_BWD_DATA ||
           op->kind == THAW_OP_CONV2D_BWD_FILTER;
}

void thaw_graph_set_precision(thaw_graph *graph, thaw_precision precision)
{
    for (size_t i = 0; i < graph->n_ops; i++)
        if (is_convolution(&graph->ops[i]))
            graph->ops[i].precision = precision;
}

void thaw_graph_set_exact(thaw_graph *graph)
{
    for (size_t i = 0; i < graph->n_ops; i++)
        if (is_convolution(&graph->ops[i]))
            graph->ops[i].flags |= THAW_OP_EXACT;
}

uint32_t thaw_graph_root(const thaw_graph *graph, uint32_t tensor)
{
    uint32_t parent = graph->tensors[tensor].parent;
    return parent == THAW_NO_TENSOR ? tensor : parent;
}

int64_t thaw_graph_pitch(const thaw_graph *graph, uint32_t tensor)
{
    return graph->tensors[thaw_graph_root(graph, tensor)].c;
}

size_t thaw_graph_bytes(const thaw_graph *graph, uint32_t tensor)
{
    size_t bytes = 0;
    dense_bytes(&graph->tensors[tensor], &bytes);
    return bytes;
}

thaw_status thaw_graph_values(const thaw_graph *graph, uint32_t tensor, const void **data, void **computed,
                              thaw_error *err)
{
    const thaw_gtensor *t = &graph->tensors[tensor];
    *data = t->data;
    *computed = NULL;
    if (t->data || !t->recipe)
        return THAW_OK;
    size_t bytes = thaw_graph_bytes(graph, tensor);
    float *made = malloc(bytes);
    if (!made)
        return thaw_fail_memory(err, bytes, t->name);
    thaw_status st = thaw_const_compute(t->recipe, bytes / sizeof *made / (size_t)t->c, made, err);
    if (st == THAW_OK)
        *data = *computed = made;
    else
        free(made);
    return st;
}

static uint32_t *copy_ids(const uint32_t *ids, uint32_t n)
{
    uint32_t *copy = thaw_calloc(n, sizeof *copy);
    if (copy && n)
        memcpy(copy, ids, n * sizeof *copy);
    return copy;
}

thaw_status thaw_graph_op(thaw_graph *graph, uint32_t kind, const char *label, const uint32_t *in,
                          uint32_t n_in, const uint32_t *out, uint32_t n_out, const thaw_attr *attr,
                          thaw_error *err)
{
    const thaw_op_facts *facts = thaw_op_facts_of(kind);
    if (!facts)
        return thaw_fail(err, THAW_E_INTERNAL, "op kind %u does not exist", kind);
    thaw_gop op = {.kind = kind, .n_in = n_in, .n_out = n_out};
    snprintf(op.label, sizeof op.label, "%s", label);
    if (facts->attr_bytes) {
        if (!attr)
            return thaw_fail(err, THAW_E_INTERNAL, "%s (%s) has no attributes", facts->name, label);
        op.attr = *attr;
        op.attr.struct_size = facts->attr_bytes;
    }
    op.in = copy_ids(in, n_in);
    op.out = copy_ids(out, n_out);
    thaw_status st = THAW_OK;
    void *items = graph->ops;
    if (!op.in || !op.out || !thaw_grow(&items, &graph->op_capacity, graph->n_ops + 1, sizeof *graph->ops))
        st = thaw_fail_memory(err, sizeof op, "a graph op");
    else
        st = thaw_op_rule_check(graph, &op, err);
    graph->ops = items;
    if (st != THAW_OK) {
        free(op.in);
        free(op.out);
        return st;
    }
    graph->ops[graph->n_ops++] = op;
    return THAW_OK;
}

uint64_t thaw_op_macs(const thaw_graph *graph, const thaw_gop *op)
{
    const thaw_gtensor *t = graph->tensors;
    switch (op->kind) {
    case THAW_OP_CONV2D: {
        const thaw_gtensor *w = &t[op->in[1]], *y = &t[op->out[0]];
        return (uint64_t)y->n * (uint64_t)y->h * (uint64_t)y->w * (uint64_t)w->n * (uint64_t)w->h *
               (uint64_t)w->w * (uint64_t)w->c;
    }
    case THAW_OP_CONV2D_BWD_DATA: {
        const thaw_gtensor *dy = &t[op->in[0]], *w = &t[op->in[1]];
        return (uint64_t)dy->n * (uint64_t)dy->h * (uint64_t)dy->w * (uint64_t)w->n * (uint64_t)w->h *
               (uint64_t)w->w * (uint64_t)w->c;
    }
    case THAW_OP_CONV2D_BWD_FILTER: {
        const thaw_gtensor *dy = &t[op->in[1]], *dw = &t[op->out[0]];
        return (uint64_t)dy->n * (uint64_t)dy->h * (uint64_t)dy->w * (uint64_t)dw->n * (uint64_t)dw->h *
               (uint64_t)dw->w * (uint64_t)dw->c;
    }
    default:
        return 0;
    }
}

uint32_t thaw_op_times(const thaw_graph *graph, const thaw_gop *op)
{
    return op->rows > 0 ? graph->batch / op->rows : 1;
}

static thaw_role role_of(const thaw_gtensor *t)
{
    switch (t->storage) {
    case THAW_T_CONST:
        return THAW_ROLE_CONST;
    case THAW_T_VAR:
        return THAW_ROLE_MUTABLE;
    default:
        return t->saved ? THAW_ROLE_SAVED : THAW_ROLE_ACTIVATION;
    }
}

static void describe_tensor(const thaw_graph *graph, const thaw_gop *op, uint32_t id, thaw_tensor *out)
{
    const thaw_gtensor *t = &graph->tensors[id];
    int32_t n = op->rows > 0 && t->storage != THAW_T_CONST ? (int32_t)op->rows : t->n;
    *out = (thaw_tensor){sizeof *out, t->dtype, role_of(t), n, t->h, t->w, t->c, thaw_graph_pitch(graph, id)};
}

thaw_status thaw_op_describe(const thaw_graph *graph, size_t i, uint64_t runs, thaw_op_desc *out,
                             thaw_error *err)
{
    const thaw_gop *op = &graph->ops[i];
    size_t n = (size_t)op->n_in + op->n_out;
    memset(out, 0, sizeof *out);
    out->tensors = thaw_calloc(n, sizeof *out->tensors);
    out->pointers = thaw_calloc(n, sizeof *out->pointers);
    out->const_data = thaw_calloc(op->n_in, sizeof *out->const_data);
    if (!out->tensors || !out->pointers || !out->const_data) {
        thaw_op_desc_free(out);
        return thaw_fail_memory(err, n * sizeof(thaw_tensor), "an op's description");
    }
    for (size_t k = 0; k < n; k++) {
        uint32_t id = k < op->n_in ? op->in[k] : op->out[k - op->n_in];
        describe_tensor(graph, op, id, &out->tensors[k]);
        out->pointers[k] = &out->tensors[k];
        if (k < op->n_in && graph->tensors[id].storage == THAW_T_CONST)
            out->const_data[k] = graph->tensors[id].data;
    }
    out->op = (thaw_op){.struct_size = sizeof out->op,
                        .kind = op->kind,
                        .n_in = op->n_in,
                        .n_out = op->n_out,
                        .in = out->pointers,
                        .out = out->pointers + op->n_in,
                        .attr = thaw_op_facts_of(op->kind)->attr_bytes ? &op->attr : NULL,
                        .precision = op->precision,
                        .flags = op->flags,
                        .runs = runs * thaw_op_times(graph, op)};
    return THAW_OK;
}

thaw_status thaw_op_compute_consts(const thaw_graph *graph, size_t i, thaw_op_desc *desc, thaw_error *err)
{
    const thaw_gop *op = &graph->ops[i];
    desc->computed = thaw_calloc(op->n_in, sizeof *desc->computed);
    if (!desc->computed)
        return thaw_fail_memory(err, op->n_in * sizeof *desc->computed, "an op's constants");
    thaw_status st = THAW_OK;
    for (uint32_t k = 0; st == THAW_OK && k < op->n_in; k++)
        if (graph->tensors[op->in[k]].storage == THAW_T_CONST)
            st = thaw_graph_values(graph, op->in[k], &desc->const_data[k], &desc->computed[k], err);
    return st;
}

void thaw_op_desc_free(thaw_op_desc *desc)
{
    for (uint32_t k = 0; desc->computed && k < desc->op.n_in; k++)
        free(desc->computed[k]);
    free(desc->computed);
    free(desc->tensors);
    free(desc->pointers);
    free(desc->const_data);
    memset(desc, 0, sizeof *desc);
}
