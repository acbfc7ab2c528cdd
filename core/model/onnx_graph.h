/* onnx_graph.h: the nodes of an ONNX file, and the list of the tensors that they read. Internal to
 * core/model. */
#ifndef THAW_MODEL_ONNX_GRAPH_H
#define THAW_MODEL_ONNX_GRAPH_H

#include "core/graph/net.h"
#include "core/model/model.h"
#include "core/model/protobuf.h"

/* Kernel and four vectors of a normalisation for each convolution; kernel and bias of the head. */
#define THAW_ONNX_MAX_TENSORS (THAW_N_CONVS * 5 + 2)

/* TensorProto.DataType and ValueInfoProto's elem_type */
#define THAW_ONNX_FLOAT 1

/* GraphProto's fields that are written in two places. */
enum { THAW_ONNX_GRAPH_INITIALIZER = 5 };

/* A constant of the graph. */
typedef struct thaw_onnx_tensor {
    char name[64];
    uint32_t rank;
    size_t dims[4];      /* as ONNX orders them */
    size_t count;        /* product of dims */
    const float *values; /* the model's; NULL: all 1 */
    bool kernel;         /* values are HWIO, dims OIHW */
} thaw_onnx_tensor;

typedef struct thaw_onnx_graph {
    thaw_pb message; /* GraphProto without its initialisers */
    thaw_onnx_tensor tensors[THAW_ONNX_MAX_TENSORS];
    size_t n_tensors;
} thaw_onnx_graph;

/* Adds everything to a zeroed graph: message.failed says whether memory was exhausted. The tensors' values
 * stay the model's. */
void thaw_onnx_describe(const thaw_net *net, const thaw_model *model, thaw_onnx_graph *graph);

/* What the graph calls its output. */
const char *thaw_onnx_output(const thaw_model *model);

#endif
