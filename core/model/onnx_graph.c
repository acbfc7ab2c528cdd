/* Field numbers and operators are those of https://github.com/onnx/onnx/blob/main/docs/IR.md, onnx.proto and
 * Operators.md there; operator set 13. */
#include "core/model/onnx_graph.h"

#include <stdio.h>
#include <string.h>

#define INPUT_NAME "image"
#define POOL_LAYER "global_average_pooling2d"
#define HEAD_LAYER "predictions"
#define LOGITS     HEAD_LAYER "/logits"

enum { GRAPH_NODE = 1, GRAPH_NAME = 2, GRAPH_INPUT = 11, GRAPH_OUTPUT = 12 };
enum { NODE_INPUT = 1, NODE_OUTPUT = 2, NODE_NAME = 3, NODE_OP_TYPE = 4, NODE_ATTRIBUTE = 5 };
enum { ATTRIBUTE_NAME = 1, ATTRIBUTE_F = 2, ATTRIBUTE_I = 3, ATTRIBUTE_INTS = 8, ATTRIBUTE_TYPE = 20 };
enum { TYPE_FLOAT = 1, TYPE_INT = 2, TYPE_INTS = 7 };
enum { VALUE_NAME = 1, VALUE_TYPE = 2, TYPE_TENSOR = 1, TENSOR_ELEM_TYPE = 1, TENSOR_SHAPE = 2 };
enum { SHAPE_DIM = 1, DIM_VALUE = 1, DIM_PARAM = 2 };

/* ---- nodes ----------------------------------------------------------------------------------------- */

/* Followed by the node's inputs and attributes and by thaw_pb_end. */
static size_t begin_node(thaw_pb *pb, const char *op, const char *name, const char *output)
{
    size_t begun = thaw_pb_begin(pb, GRAPH_NODE);
    thaw_pb_text(pb, NODE_OUTPUT, output);
    thaw_pb_text(pb, NODE_NAME, name);
    thaw_pb_text(pb, NODE_OP_TYPE, op);
    return begun;
}

static void put_int(thaw_pb *pb, const char *name, int32_t value)
{
    size_t begun = thaw_pb_begin(pb, NODE_ATTRIBUTE);
    thaw_pb_text(pb, ATTRIBUTE_NAME, name);
    thaw_pb_int(pb, ATTRIBUTE_I, (uint64_t)(int64_t)value);
    thaw_pb_int(pb, ATTRIBUTE_TYPE, TYPE_INT);
    thaw_pb_end(pb, begun, 0);
}

static void put_float(thaw_pb *pb, const char *name, float value)
{
    size_t begun = thaw_pb_begin(pb, NODE_ATTRIBUTE);
    thaw_pb_text(pb, ATTRIBUTE_NAME, name);
    thaw_pb_float(pb, ATTRIBUTE_F, value);
    thaw_pb_int(pb, ATTRIBUTE_TYPE, TYPE_FLOAT);
    thaw_pb_end(pb, begun, 0);
}

static void put_ints(thaw_pb *pb, const char *name, size_t n, const int32_t *values)
{
    size_t begun = thaw_pb_begin(pb, NODE_ATTRIBUTE);
    thaw_pb_text(pb, ATTRIBUTE_NAME, name);
    for (size_t i = 0; i < n; i++)
        thaw_pb_int(pb, ATTRIBUTE_INTS, (uint64_t)(int64_t)values[i]);
    thaw_pb_int(pb, ATTRIBUTE_TYPE, TYPE_INTS);
    thaw_pb_end(pb, begun, 0);
}

/* What convolutions and pools have in common. The pads are the same on both sides: the network pads nothing
 * that has a stride. */
static void put_window(thaw_pb *pb, const thaw_layer *l)
{
    int32_t y = l->same ? (l->kh - 1) / 2 : 0, x = l->same ? (l->kw - 1) / 2 : 0;
    put_ints(pb, "kernel_shape", 2, (const int32_t[]){l->kh, l->kw});
    put_ints(pb, "strides", 2, (const int32_t[]){l->stride, l->stride});
    put_ints(pb, "pads", 4, (const int32_t[]){y, x, y, x});
}

/* Adds a tensor to the list, and as an input to the node that is being written. */
static void read_tensor(thaw_onnx_graph *graph, const char *layer, const char *variable, const thaw_weight *w,
                        bool ones)
{
    thaw_onnx_tensor *t = &graph->tensors[graph->n_tensors++];
    snprintf(t->name, sizeof t->name, "%s/%s", layer, variable);
    t->rank = w->rank;
    t->count = w->count;
    t->values = ones ? NULL : w->data;
    t->kernel = w->rank == 4;
    for (uint32_t i = 0; i < w->rank; i++)
        t->dims[i] = t->kernel ? w->dims[(const uint32_t[]){3, 2, 0, 1}[i]] : w->dims[i];
    thaw_pb_text(&graph->message, NODE_INPUT, t->name);
}

static void add_conv(thaw_onnx_graph *graph, const thaw_layer *l, const char *input, const thaw_weight *w)
{
    size_t begun = begin_node(&graph->message, "Conv", l->name, l->name);
    thaw_pb_text(&graph->message, NODE_INPUT, input);
    read_tensor(graph, l->name, "kernel", &w[THAW_W_KERNEL], false);
    put_window(&graph->message, l);
    thaw_pb_end(&graph->message, begun, 0);
}

/* Keras' InceptionV3 has no gamma, ONNX must have one. */
static void add_bn(thaw_onnx_graph *graph, const thaw_layer *l, const char *input, const thaw_weight *w)
{
    size_t begun = begin_node(&graph->message, "BatchNormalization", l->name, l->name);
    thaw_pb_text(&graph->message, NODE_INPUT, input);
    read_tensor(graph, l->name, "gamma", &w[THAW_W_BETA], true);
    read_tensor(graph, l->name, "beta", &w[THAW_W_BETA], false);
    read_tensor(graph, l->name, "moving_mean", &w[THAW_W_MEAN], false);
    read_tensor(graph, l->name, "moving_variance", &w[THAW_W_VAR], false);
    put_float(&graph->message, "epsilon", THAW_BN_EPSILON);
    thaw_pb_end(&graph->message, begun, 0);
}

static void add_pool(thaw_pb *pb, const thaw_layer *l, const char *input, bool include_pad)
{
    bool average = l->kind == THAW_LAYER_AVGPOOL;
    size_t begun = begin_node(pb, average ? "AveragePool" : "MaxPool", l->name, l->name);
    thaw_pb_text(pb, NODE_INPUT, input);
    put_window(pb, l);
    if (average)
        put_int(pb, "count_include_pad", include_pad);
    thaw_pb_end(pb, begun, 0);
}

static const char *value_of(const thaw_layer *l)
{
    return l->kind == THAW_LAYER_INPUT ? INPUT_NAME : l->name;
}

static void add_concat(thaw_pb *pb, const thaw_net *net, const thaw_layer *l)
{
    size_t begun = begin_node(pb, "Concat", l->name, l->name);
    for (uint32_t i = 0; i < l->n_in; i++)
        thaw_pb_text(pb, NODE_INPUT, value_of(&net->layers[l->in[i]]));
    put_int(pb, "axis", 1);
    thaw_pb_end(pb, begun, 0);
}

static void add_plain(thaw_pb *pb, const char *op, const char *name, const char *input, const char *output)
{
    size_t begun = begin_node(pb, op, name, output);
    thaw_pb_text(pb, NODE_INPUT, input);
    thaw_pb_end(pb, begun, 0);
}

static void add_layer(thaw_onnx_graph *graph, const thaw_net *net, const thaw_layer *l,
                      const thaw_model *model)
{
    const char *input = value_of(&net->layers[l->in[0]]);
    const thaw_weight *w = &model->weights[THAW_W_INDEX(l->k, 0)];
    switch (l->kind) {
    case THAW_LAYER_INPUT:
        break;
    case THAW_LAYER_CONV:
        add_conv(graph, l, input, w);
        break;
    case THAW_LAYER_BN:
        add_bn(graph, l, input, w);
        break;
    case THAW_LAYER_RELU:
        add_plain(&graph->message, "Relu", l->name, input, l->name);
        break;
    case THAW_LAYER_MAXPOOL:
    case THAW_LAYER_AVGPOOL:
        add_pool(&graph->message, l, input, model->pre.pool_include_pad);
        break;
    case THAW_LAYER_CONCAT:
        add_concat(&graph->message, net, l);
        break;
    }
}

static void add_head(thaw_onnx_graph *graph, const char *features, const thaw_model *model)
{
    size_t begun = begin_node(&graph->message, "Gemm", HEAD_LAYER, LOGITS);
    thaw_pb_text(&graph->message, NODE_INPUT, features);
    read_tensor(graph, HEAD_LAYER, "kernel", &model->weights[THAW_W_HEAD_KERNEL], false);
    read_tensor(graph, HEAD_LAYER, "bias", &model->weights[THAW_W_HEAD_BIAS], false);
    thaw_pb_end(&graph->message, begun, 0);
    add_plain(&graph->message, "Softmax", HEAD_LAYER "/softmax", LOGITS, thaw_onnx_output(model));
}

/* ---- the graph ------------------------------------------------------------------------------------- */

/* Of floats; the first dimension is the batch. */
static void add_value(thaw_pb *pb, uint32_t field, const char *name, size_t n_dims, const size_t *dims)
{
    size_t value = thaw_pb_begin(pb, field);
    thaw_pb_text(pb, VALUE_NAME, name);
    size_t type = thaw_pb_begin(pb, VALUE_TYPE), tensor = thaw_pb_begin(pb, TYPE_TENSOR);
    thaw_pb_int(pb, TENSOR_ELEM_TYPE, THAW_ONNX_FLOAT);
    size_t shape = thaw_pb_begin(pb, TENSOR_SHAPE);
    size_t dim = thaw_pb_begin(pb, SHAPE_DIM);
    thaw_pb_text(pb, DIM_PARAM, "N");
    thaw_pb_end(pb, dim, 0);
    for (size_t i = 0; i < n_dims; i++) {
        dim = thaw_pb_begin(pb, SHAPE_DIM);
        thaw_pb_int(pb, DIM_VALUE, dims[i]);
        thaw_pb_end(pb, dim, 0);
    }
    thaw_pb_end(pb, shape, 0);
    thaw_pb_end(pb, tensor, 0);
    thaw_pb_end(pb, type, 0);
    thaw_pb_end(pb, value, 0);
}

const char *thaw_onnx_output(const thaw_model *model)
{
    return model->n_classes ? "probabilities" : "features";
}

void thaw_onnx_describe(const thaw_net *net, const thaw_model *model, thaw_onnx_graph *graph)
{
    thaw_pb *pb = &graph->message;
    size_t side = model->pre.input_size;
    const thaw_layer *last = &net->layers[THAW_N_LAYERS - 1];
    thaw_pb_text(pb, GRAPH_NAME, "inception_v3");
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++)
        add_layer(graph, net, &net->layers[i], model);
    add_plain(pb, "GlobalAveragePool", POOL_LAYER, last->name, POOL_LAYER);
    add_plain(pb, "Flatten", POOL_LAYER "/flatten", POOL_LAYER, "features");
    if (model->n_classes)
        add_head(graph, "features", model);
    add_value(pb, GRAPH_INPUT, INPUT_NAME, 3, (const size_t[]){3, side, side});
    add_value(pb, GRAPH_OUTPUT, thaw_onnx_output(model), 1,
              (const size_t[]){model->n_classes ? model->n_classes : THAW_N_FEATURES});
}
