/* onnx.c: the ONNX file around its graph. Few hundred kilobytes describe the network; its weights go from the
 * model to the file one by one. */
#include "core/model/onnx.h"

#include <cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/model/metadata.h"
#include "core/model/onnx_graph.h"

/* Operator set 13 came with IR version 7. */
#define IR_VERSION   7
#define OPERATOR_SET 13
#define MAX_BYTES    ((uint64_t)INT32_MAX)

enum {
    MODEL_IR_VERSION = 1,
    MODEL_PRODUCER_NAME = 2,
    MODEL_PRODUCER_VERSION = 3,
    MODEL_DOC_STRING = 6,
    MODEL_GRAPH = 7,
    MODEL_OPSET_IMPORT = 8,
    MODEL_METADATA_PROPS = 14
};
enum { OPSET_VERSION = 2 };
enum { ENTRY_KEY = 1, ENTRY_VALUE = 2 };
enum { TENSOR_DIMS = 1, TENSOR_DATA_TYPE = 2, TENSOR_NAME = 8, TENSOR_RAW_DATA = 9 };

/* ---- the model's own fields ------------------------------------------------------------------------ */

static bool near_to(double a, double b)
{
    return fabs(a - b) <= 1e-6 * fabs(b);
}

/* The names that ONNX has for the usual intervals (docs/MetadataProps.md of ONNX); NULL for another. */
static const char *pixel_range(const thaw_preprocess *pre)
{
    if (near_to((double)pre->scale, 1 / 127.5) && pre->shift == -1.0f)
        return "Normalized_1_1";
    if (near_to((double)pre->scale, 1 / 255.0) && pre->shift == 0.0f)
        return "Normalized_0_1";
    if (pre->scale == 1.0f && pre->shift == 0.0f)
        return "NominalRange_0_255";
    return NULL;
}

static cJSON *make_metadata(const thaw_model *m)
{
    cJSON *meta = cJSON_CreateObject();
    if (thaw_put_usage(meta, m) && thaw_put_text(meta, "Image.BitmapPixelFormat", "Rgb8") &&
        thaw_put_text(meta, "Image.NominalPixelRange", pixel_range(&m->pre)))
        return meta;
    cJSON_Delete(meta);
    return NULL;
}

static void put_metadata(thaw_pb *pb, const cJSON *meta)
{
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, meta)
    {
        size_t begun = thaw_pb_begin(pb, MODEL_METADATA_PROPS);
        thaw_pb_text(pb, ENTRY_KEY, item->string);
        thaw_pb_text(pb, ENTRY_VALUE, item->valuestring);
        thaw_pb_end(pb, begun, 0);
    }
}

static void put_doc(thaw_pb *pb, const thaw_model *m)
{
    char text[512];
    snprintf(
        text, sizeof text,
        "InceptionV3. Input \"image\": float32, N x 3 x %u x %u, RGB, each value pixel * scale + shift of a "
        "pixel 0 to 255, with scale and shift from the metadata. Output \"%s\": %s.",
        m->pre.input_size, m->pre.input_size, thaw_onnx_output(m),
        m->n_classes ? "of each class, in the order of class_names in the metadata where that is there"
                     : "2048 numbers an image");
    thaw_pb_text(pb, MODEL_DOC_STRING, text);
}

static void put_front(thaw_pb *pb, const thaw_model *m, const char *version, const cJSON *meta)
{
    thaw_pb_int(pb, MODEL_IR_VERSION, IR_VERSION);
    thaw_pb_text(pb, MODEL_PRODUCER_NAME, "thaw");
    thaw_pb_text(pb, MODEL_PRODUCER_VERSION, version);
    put_doc(pb, m);
    size_t begun = thaw_pb_begin(pb, MODEL_OPSET_IMPORT);
    thaw_pb_int(pb, OPSET_VERSION, OPERATOR_SET);
    thaw_pb_end(pb, begun, 0);
    put_metadata(pb, meta);
}

/* ---- tensors --------------------------------------------------------------------------------------- */

/* All of a TensorProto but its values, which stand at its end. */
static void put_tensor(thaw_pb *pb, const thaw_onnx_tensor *t)
{
    uint64_t bytes = (uint64_t)t->count * sizeof(float);
    size_t begun = thaw_pb_begin(pb, THAW_ONNX_GRAPH_INITIALIZER);
    for (uint32_t i = 0; i < t->rank; i++)
        thaw_pb_int(pb, TENSOR_DIMS, t->dims[i]);
    thaw_pb_int(pb, TENSOR_DATA_TYPE, THAW_ONNX_FLOAT);
    thaw_pb_text(pb, TENSOR_NAME, t->name);
    thaw_pb_announce(pb, TENSOR_RAW_DATA, bytes);
    thaw_pb_end(pb, begun, bytes);
}

/* Bytes of the graph with all of its tensors. */
static uint64_t graph_bytes(const thaw_onnx_graph *graph, thaw_pb *scratch)
{
    uint64_t bytes = graph->message.size;
    for (size_t i = 0; i < graph->n_tensors; i++) {
        thaw_pb_clear(scratch);
        put_tensor(scratch, &graph->tensors[i]);
        bytes += scratch->size + (uint64_t)graph->tensors[i].count * sizeof(float);
    }
    return bytes;
}

/* HWIO to OIHW. */
static void reorder(const thaw_onnx_tensor *t, float *out)
{
    size_t n_out = t->dims[0], n_in = t->dims[1], window = t->dims[2] * t->dims[3];
    const float *in = t->values;
    for (size_t place = 0; place < window; place++)
        for (size_t i = 0; i < n_in; i++)
            for (size_t o = 0; o < n_out; o++)
                out[(o * n_in + i) * window + place] = *in++;
}

static const float *values_of(const thaw_onnx_tensor *t, float *scratch)
{
    if (t->kernel)
        reorder(t, scratch);
    else if (t->values)
        return t->values;
    else
        for (size_t i = 0; i < t->count; i++)
            scratch[i] = 1;
    return scratch;
}

static size_t largest_kernel(const thaw_onnx_graph *graph)
{
    size_t most = 0;
    for (size_t i = 0; i < graph->n_tensors; i++)
        if ((graph->tensors[i].kernel || !graph->tensors[i].values) && graph->tensors[i].count > most)
            most = graph->tensors[i].count;
    return most;
}

/* ---- writing --------------------------------------------------------------------------------------- */

static bool put_bytes(FILE *stream, const thaw_pb *pb)
{
    return fwrite(pb->bytes, 1, pb->size, stream) == pb->size;
}

/* False with errno where the stream says so; head and scratch are work memory. */
static bool put_tensors(FILE *stream, const thaw_onnx_graph *graph, thaw_pb *head, float *scratch)
{
    for (size_t i = 0; i < graph->n_tensors; i++) {
        const thaw_onnx_tensor *t = &graph->tensors[i];
        thaw_pb_clear(head);
        put_tensor(head, t);
        if (head->failed || !put_bytes(stream, head) ||
            fwrite(values_of(t, scratch), sizeof(float), t->count, stream) != t->count)
            return false;
    }
    return true;
}

static thaw_status write_parts(const char *path, const thaw_pb *front, const thaw_onnx_graph *graph,
                               thaw_pb *head, float *scratch, thaw_error *err)
{
    thaw_atomic_file file;
    thaw_status st = thaw_atomic_open(path, &file, err);
    if (st != THAW_OK)
        return st;
    errno = 0;
    if (put_bytes(file.stream, front) && put_bytes(file.stream, &graph->message) &&
        put_tensors(file.stream, graph, head, scratch))
        return thaw_atomic_commit(&file, err);
    st = thaw_fail_errno(err, errno ? errno : EIO, "cannot write %s (what was there before is unchanged)",
                         path);
    thaw_atomic_abandon(&file);
    return st;
}

thaw_status thaw_model_save_onnx(const thaw_model *m, const char *version, const char *path, thaw_error *err)
{
    thaw_pb front = {0}, head = {0};
    float *scratch = NULL;
    cJSON *meta = NULL;
    thaw_net *net = thaw_calloc(1, sizeof *net);
    thaw_onnx_graph *graph = thaw_calloc(1, sizeof *graph);
    thaw_status st =
        net && graph ? thaw_check_usage(m, err) : thaw_fail_memory(err, sizeof *graph, "a graph");
    if (st == THAW_OK && m->stored)
        st = thaw_fail(err, THAW_E_INTERNAL, "a model that was opened and not loaded lacks its kernels");
    if (st == THAW_OK)
        st = thaw_net_inception_v3((int32_t)m->pre.input_size, net, err);
    if (st != THAW_OK)
        goto cleanup;
    thaw_onnx_describe(net, m, graph);
    uint64_t bytes = graph_bytes(graph, &head);
    meta = make_metadata(m);
    scratch = thaw_calloc(largest_kernel(graph), sizeof *scratch);
    put_front(&front, m, version, meta);
    thaw_pb_announce(&front, MODEL_GRAPH, bytes);
    if (!meta || !scratch || front.failed || head.failed || graph->message.failed)
        st = thaw_fail_memory(err, largest_kernel(graph) * sizeof *scratch, "an ONNX file");
    else if (front.size + bytes > MAX_BYTES)
        st = thaw_fail(err, THAW_E_UNSUPPORTED,
                       "%s would have %llu MiB, and an ONNX file has less than 2048: %u classes are too many",
                       path, (unsigned long long)(front.size + bytes) >> 20, m->n_classes);
    else
        st = write_parts(path, &front, graph, &head, scratch, err);
cleanup:
    thaw_pb_free(&front);
    thaw_pb_free(&head);
    if (graph)
        thaw_pb_free(&graph->message);
    cJSON_Delete(meta);
    free(scratch);
    free(graph);
    free(net);
    return st;
}
