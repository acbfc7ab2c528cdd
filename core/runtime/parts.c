/* parts.c: fused ops taken apart, for devices that do not take them whole. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/place.h"

void thaw_parts_free(thaw_parts *parts)
{
    for (size_t i = 0; i < parts->count; i++) {
        free(parts->ops[i].in);
        free(parts->ops[i].out);
    }
    memset(parts, 0, sizeof *parts);
}

static thaw_status add_part(thaw_parts *parts, const thaw_gop *whole, uint32_t kind, const uint32_t *in,
                            uint32_t n_in, uint32_t out, const thaw_attr *attr, thaw_error *err)
{
    thaw_gop *op = &parts->ops[parts->count];
    bool product = kind == whole->kind; /* the rest of a convolution multiplies nothing that matters */
    *op = (thaw_gop){.kind = kind,
                     .n_in = n_in,
                     .n_out = 1,
                     .attr = *attr,
                     .precision = whole->precision,
                     .rows = whole->rows,
                     .flags = product ? whole->flags : 0};
    op->in = thaw_calloc(n_in, sizeof *op->in);
    op->out = thaw_calloc(1, sizeof *op->out);
    parts->count++;
    if (!op->in || !op->out)
        return thaw_fail_memory(err, n_in * sizeof *op->in, "a part of an op");
    memcpy(op->in, in, n_in * sizeof *in);
    op->out[0] = out;
    memcpy(op->label, whole->label, sizeof op->label);
    return THAW_OK;
}

/* A CONST f32 tensor whose data the graph owns; *data is for the caller to fill. */
static thaw_status add_const(thaw_graph *graph, const char *name, int32_t n, int32_t h, int32_t w, int32_t c,
                             uint32_t *id, float **data, thaw_error *err)
{
    thaw_status st = thaw_graph_tensor(graph, name, THAW_T_CONST, THAW_F32, n, h, w, c, id, err);
    if (st != THAW_OK)
        return st;
    thaw_gtensor *t = &graph->tensors[*id];
    size_t bytes = thaw_graph_bytes(graph, *id);
    *data = malloc(bytes);
    if (!*data)
        return thaw_fail_memory(err, bytes, name);
    t->data = t->owned = *data;
    return THAW_OK;
}

/* Channels [first, first + c) of a CONST tensor, as a tensor of its own. */
static thaw_status cut_const(thaw_graph *graph, uint32_t from, int32_t first, int32_t c, uint32_t *id,
                             thaw_error *err)
{
    const thaw_gtensor t = graph->tensors[from];
    float *data;
    const void *whole;
    void *computed = NULL;
    thaw_status st = add_const(graph, t.name, t.n, t.h, t.w, c, id, &data, err);
    if (st == THAW_OK)
        st = thaw_graph_values(graph, from, &whole, &computed, err);
    if (st != THAW_OK)
        return st;
    const float *src = (const float *)whole + first;
    size_t pixels = (size_t)t.n * (size_t)t.h * (size_t)t.w;
    for (size_t p = 0; p < pixels; p++)
        memcpy(data + p * (size_t)c, src + p * (size_t)t.c, (size_t)c * sizeof *data);
    free(computed);
    return THAW_OK;
}

/* y = relu?(y*1 + bias), in place; bias may be THAW_NO_TENSOR. */
static thaw_status add_epilogue(thaw_graph *graph, const thaw_gop *whole, uint32_t y, uint32_t bias,
                                bool relu, thaw_parts *parts, thaw_error *err)
{
    int32_t c = graph->tensors[y].c;
    uint32_t ones;
    float *data;
    thaw_status st = add_const(graph, "ones", 1, 1, 1, c, &ones, &data, err);
    if (st != THAW_OK)
        return st;
    for (int32_t i = 0; i < c; i++)
        data[i] = 1.0f;
    thaw_attr attr = {.affine = {.struct_size = sizeof attr.affine, .relu = relu}};
    const uint32_t in[3] = {y, ones, bias};
    return add_part(parts, whole, THAW_OP_AFFINE, in, bias == THAW_NO_TENSOR ? 2 : 3, y, &attr, err);
}

/* Weights or bias of output k alone. */
static thaw_status own_share(thaw_graph *graph, const thaw_gop *op, uint32_t whole, int32_t first, int32_t c,
                             uint32_t *id, thaw_error *err)
{
    *id = whole;
    return op->n_out == 1 || whole == THAW_NO_TENSOR ? THAW_OK : cut_const(graph, whole, first, c, id, err);
}

static thaw_status conv_parts(thaw_graph *graph, const thaw_gop *op, thaw_parts *parts, thaw_error *err)
{
    uint32_t bias = op->n_in > 2 ? op->in[2] : THAW_NO_TENSOR;
    uint32_t biases[THAW_CONV_MAX_OUT];
    thaw_attr plain = op->attr;
    plain.conv.relu_mask = 0;
    int32_t first = 0;
    for (uint32_t k = 0; k < op->n_out; k++) {
        int32_t c = graph->tensors[op->out[k]].c;
        uint32_t in[2] = {op->in[0], op->in[1]};
        thaw_status st = own_share(graph, op, op->in[1], first, c, &in[1], err);
        if (st == THAW_OK)
            st = own_share(graph, op, bias, first, c, &biases[k], err);
        if (st == THAW_OK)
            st = add_part(parts, op, THAW_OP_CONV2D, in, 2, op->out[k], &plain, err);
        if (st != THAW_OK)
            return st;
        first += c;
    }
    parts->n_main = parts->count;
    for (uint32_t k = 0; k < op->n_out; k++) {
        bool relu = (op->attr.conv.relu_mask >> k) & 1;
        if (bias == THAW_NO_TENSOR && !relu)
            continue;
        thaw_status st = add_epilogue(graph, op, op->out[k], biases[k], relu, parts, err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status avgpool_parts(thaw_graph *graph, const thaw_gop *op, thaw_parts *parts, thaw_error *err)
{
    thaw_attr plain = op->attr;
    plain.pool.relu = 0;
    thaw_status st = add_part(parts, op, THAW_OP_AVGPOOL, op->in, 1, op->out[0], &plain, err);
    if (st != THAW_OK)
        return st;
    parts->n_main = 1;
    uint32_t bias = op->n_in > 1 ? op->in[1] : THAW_NO_TENSOR;
    return add_epilogue(graph, op, op->out[0], bias, op->attr.pool.relu != 0, parts, err);
}

thaw_status thaw_parts_of(thaw_graph *graph, const thaw_gop *op, thaw_parts *parts, thaw_error *err)
{
    memset(parts, 0, sizeof *parts);
    const thaw_gtensor *t = graph->tensors;
    if (op->kind == THAW_OP_AVGPOOL && (op->n_in > 1 || op->attr.pool.relu))
        return avgpool_parts(graph, op, parts, err);
    if (op->kind != THAW_OP_CONV2D)
        return THAW_OK;
    bool fused = op->n_in > 2 || op->attr.conv.relu_mask || op->n_out > 1;
    bool divisible = op->n_out == 1 || (t[op->in[1]].storage == THAW_T_CONST &&
                                        (op->n_in < 3 || t[op->in[2]].storage == THAW_T_CONST));
    return fused && divisible ? conv_parts(graph, op, parts, err) : THAW_OK;
}
