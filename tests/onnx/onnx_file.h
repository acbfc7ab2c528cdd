/* onnx_file.h: reads what thaw writes as ONNX, by itself and strictly: a field that the file need not have, a
 * wrong wire type, a field twice or a length beyond the end is an error. */
#ifndef TESTS_ONNX_ONNX_FILE_H
#define TESTS_ONNX_ONNX_FILE_H

#include <stddef.h>
#include <stdint.h>

#define ONNX_NAME 64

typedef struct onnx_attribute {
    char name[ONNX_NAME];
    int64_t type; /* 1: f; 2: i; 7: ints */
    float f;
    int64_t i, ints[4];
    size_t n_ints;
} onnx_attribute;

typedef struct onnx_node {
    char op[ONNX_NAME], name[ONNX_NAME], output[ONNX_NAME];
    char inputs[5][ONNX_NAME];
    size_t n_inputs, n_attributes;
    onnx_attribute attributes[4];
} onnx_node;

/* A constant; or an input or output of the graph, without values. */
typedef struct onnx_value {
    char name[ONNX_NAME];
    int64_t type; /* 1: float */
    size_t rank, dims[4];
    char symbol[ONNX_NAME]; /* of a dimension without size, which is 0 in dims */
    const uint8_t *bytes;   /* f32, little-endian, not aligned */
    size_t n_bytes;
} onnx_value;

typedef struct onnx_text {
    char key[ONNX_NAME];
    const char *value; /* length bytes, without a zero */
    size_t length;
} onnx_text;

typedef struct onnx_file {
    uint8_t *bytes; /* size, and one zero behind them */
    size_t size;
    int64_t ir_version, opset;
    onnx_text producer, version, doc; /* without key */
    onnx_text metadata[16];
    onnx_node nodes[512];
    onnx_value constants[512], inputs[2], outputs[2];
    size_t n_metadata, n_nodes, n_constants, n_inputs, n_outputs;
    char graph_name[ONNX_NAME];
} onnx_file;

/* NULL, or why it is not such a file. *out is freed by onnx_free in any case. */
const char *onnx_read(const char *path, onnx_file **out);
/* The same for bytes that stay the caller's. */
const char *onnx_parse(const uint8_t *bytes, size_t size, onnx_file *out);
void onnx_free(onnx_file *file);

/* NULL if there is none. */
const onnx_attribute *onnx_find_attribute(const onnx_node *node, const char *name);
const onnx_value *onnx_find_constant(const onnx_file *file, const char *name);
const onnx_text *onnx_find_metadata(const onnx_file *file, const char *key);
/* Element i of a constant. */
float onnx_element(const onnx_value *constant, size_t i);

#endif
