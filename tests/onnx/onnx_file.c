#include "onnx_file.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { VARINT = 0, LENGTH = 2, FIXED32 = 5 };

/* A message being read, field by field. The first fault ends all messages around it. */
typedef struct cursor {
    const uint8_t *at, *end;
    const char **fault;
    uint32_t seen; /* bit i: field i, which may be there once */
    uint32_t field, wire;
    uint64_t number;      /* VARINT, FIXED32 */
    const uint8_t *bytes; /* LENGTH */
    size_t size;
} cursor;

static bool wrong(cursor *c, const char *why)
{
    if (!*c->fault)
        *c->fault = why;
    return false;
}

static bool read_varint(cursor *c, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
        if (c->at == c->end)
            return wrong(c, "a number is cut short");
        uint8_t byte = *c->at++;
        if (shift == 63 && byte > 1)
            return wrong(c, "a number has more than 64 bits");
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return byte || !shift || wrong(c, "a number has leading zeros");
    }
    return wrong(c, "a number has no end");
}

/* The next field; false at the end of the message or after a fault. */
static bool next(cursor *c)
{
    uint64_t tag, size;
    if (*c->fault || c->at == c->end || !read_varint(c, &tag))
        return false;
    c->field = (uint32_t)(tag >> 3);
    c->wire = tag & 7;
    if (c->wire == VARINT)
        return read_varint(c, &c->number);
    if (c->wire == FIXED32) {
        if (c->end - c->at < 4)
            return wrong(c, "a float is cut short");
        c->number = c->at[0] | (uint64_t)c->at[1] << 8 | (uint64_t)c->at[2] << 16 | (uint64_t)c->at[3] << 24;
        c->at += 4;
        return true;
    }
    if (c->wire != LENGTH)
        return wrong(c, "a wire type that ONNX does not use");
    if (!read_varint(c, &size))
        return false;
    if (size > (uint64_t)(c->end - c->at))
        return wrong(c, "a length beyond the end");
    c->bytes = c->at;
    c->size = (size_t)size;
    c->at += size;
    return true;
}

static bool is(cursor *c, uint32_t wire)
{
    return c->wire == wire || wrong(c, "a field has the wrong wire type");
}

/* is, of a field that is not repeated. */
static bool only(cursor *c, uint32_t wire)
{
    if (c->seen >> c->field & 1)
        return wrong(c, "a field that may be there once is there twice");
    c->seen |= 1u << c->field;
    return is(c, wire);
}

static cursor inside(cursor *c)
{
    return (cursor){.at = c->bytes, .end = c->bytes + c->size, .fault = c->fault};
}

static void copy_name(cursor *c, char out[ONNX_NAME])
{
    if (c->size == 0 || c->size >= ONNX_NAME || memchr(c->bytes, 0, c->size)) {
        wrong(c, "a name is empty, very long or has a zero in it");
        return;
    }
    memcpy(out, c->bytes, c->size);
    out[c->size] = '\0';
}

static void keep_text(cursor *c, onnx_text *out)
{
    out->value = (const char *)c->bytes;
    out->length = c->size;
}

/* Room for one more, or NULL after a fault. */
static void *one_more(cursor *c, void *items, size_t item_bytes, size_t *n, size_t most)
{
    if (*n == most) {
        wrong(c, "more of something than the network has");
        return NULL;
    }
    return (char *)items + (*n)++ * item_bytes;
}
#define ONE_MORE(c, items, n) one_more(c, items, sizeof *(items), n, sizeof(items) / sizeof *(items))

static void read_attribute(cursor c, onnx_attribute *a)
{
    while (next(&c)) {
        if (c.field == 1 && only(&c, LENGTH)) {
            copy_name(&c, a->name);
        } else if (c.field == 2 && only(&c, FIXED32)) {
            uint32_t bits = (uint32_t)c.number;
            memcpy(&a->f, &bits, sizeof bits);
        } else if (c.field == 3 && only(&c, VARINT)) {
            a->i = (int64_t)c.number;
        } else if (c.field == 8 && is(&c, VARINT)) {
            int64_t *value = ONE_MORE(&c, a->ints, &a->n_ints);
            if (value)
                *value = (int64_t)c.number;
        } else if (c.field == 20 && only(&c, VARINT)) {
            a->type = (int64_t)c.number;
        } else {
            wrong(&c, "an attribute has a field that it should not have");
        }
    }
    uint32_t value = a->type == 1 ? 1u << 2 : a->type == 2 ? 1u << 3 : 0;
    if (c.seen != (1u << 1 | 1u << 20 | value) || (a->type == 7) != (a->n_ints > 0) ||
        (!value && a->type != 7))
        wrong(&c, "an attribute's type is not that of its value");
}

static void read_node(cursor c, onnx_node *node)
{
    while (next(&c)) {
        void *item = NULL;
        if (c.field == 1 && is(&c, LENGTH)) {
            if ((item = ONE_MORE(&c, node->inputs, &node->n_inputs)) != NULL)
                copy_name(&c, item);
        } else if (c.field == 2 && only(&c, LENGTH)) {
            copy_name(&c, node->output);
        } else if (c.field == 3 && only(&c, LENGTH)) {
            copy_name(&c, node->name);
        } else if (c.field == 4 && only(&c, LENGTH)) {
            copy_name(&c, node->op);
        } else if (c.field == 5 && is(&c, LENGTH)) {
            if ((item = ONE_MORE(&c, node->attributes, &node->n_attributes)) != NULL)
                read_attribute(inside(&c), item);
        } else {
            wrong(&c, "a node has a field that it should not have");
        }
    }
    if (c.seen != (1u << 2 | 1u << 3 | 1u << 4))
        wrong(&c, "a node has no output, no name or no operator");
}

static void read_tensor(cursor c, onnx_value *t)
{
    size_t count = 1;
    while (next(&c)) {
        if (c.field == 1 && is(&c, VARINT)) {
            size_t *dim = ONE_MORE(&c, t->dims, &t->rank);
            if (!c.number || c.number > 1u << 20)
                wrong(&c, "a tensor has a size that makes no sense");
            else if (dim)
                count *= *dim = (size_t)c.number;
        } else if (c.field == 2 && only(&c, VARINT)) {
            t->type = (int64_t)c.number;
        } else if (c.field == 8 && only(&c, LENGTH)) {
            copy_name(&c, t->name);
        } else if (c.field == 9 && only(&c, LENGTH)) {
            t->bytes = c.bytes;
            t->n_bytes = c.size;
        } else {
            wrong(&c, "a tensor has a field that it should not have");
        }
    }
    if (t->type != 1 || !t->name[0] || t->n_bytes != count * sizeof(float))
        wrong(&c, "a tensor is not float, has no name, or not as many values as its shape says");
}

static void read_dim(cursor c, onnx_value *v)
{
    size_t *dim = ONE_MORE(&c, v->dims, &v->rank);
    while (dim && next(&c)) {
        if (c.field == 1 && only(&c, VARINT) && c.number)
            *dim = (size_t)c.number;
        else if (c.field == 2 && only(&c, LENGTH))
            copy_name(&c, v->symbol);
        else
            wrong(&c, "a dimension has a field that it should not have");
    }
    if (c.seen != 1u << 1 && c.seen != 1u << 2)
        wrong(&c, "a dimension has no size and no name, or both");
}

/* The one field of that number that a message consists of. */
static cursor read_only(cursor c, uint32_t field)
{
    cursor inner = {.fault = c.fault};
    if (next(&c) && (c.field == field || wrong(&c, "a type is not that of a tensor")) && is(&c, LENGTH))
        inner = inside(&c);
    if (next(&c))
        wrong(&c, "a type has more than a tensor's");
    return inner;
}

static void read_value(cursor c, onnx_value *v)
{
    while (next(&c)) {
        if (c.field == 1 && only(&c, LENGTH)) {
            copy_name(&c, v->name);
        } else if (c.field == 2 && only(&c, LENGTH)) {
            cursor tensor = read_only(inside(&c), 1);
            while (next(&tensor)) {
                if (tensor.field == 1 && only(&tensor, VARINT)) {
                    v->type = (int64_t)tensor.number;
                } else if (tensor.field == 2 && only(&tensor, LENGTH)) {
                    cursor shape = inside(&tensor);
                    while (next(&shape)) {
                        if (shape.field == 1 && is(&shape, LENGTH))
                            read_dim(inside(&shape), v);
                        else
                            wrong(&shape, "a shape has a field that it should not have");
                    }
                } else {
                    wrong(&tensor, "a tensor's type has a field that it should not have");
                }
            }
        } else {
            wrong(&c, "an input or output has a field that it should not have");
        }
    }
    if (!v->name[0] || v->type != 1)
        wrong(&c, "an input or output has no name or is not float");
}

static void read_graph(cursor c, onnx_file *f)
{
    while (next(&c)) {
        void *item = NULL;
        if (c.field == 1 && is(&c, LENGTH)) {
            if ((item = ONE_MORE(&c, f->nodes, &f->n_nodes)) != NULL)
                read_node(inside(&c), item);
        } else if (c.field == 2 && only(&c, LENGTH)) {
            copy_name(&c, f->graph_name);
        } else if (c.field == 5 && is(&c, LENGTH)) {
            if ((item = ONE_MORE(&c, f->constants, &f->n_constants)) != NULL)
                read_tensor(inside(&c), item);
        } else if (c.field == 11 && is(&c, LENGTH)) {
            if ((item = ONE_MORE(&c, f->inputs, &f->n_inputs)) != NULL)
                read_value(inside(&c), item);
        } else if (c.field == 12 && is(&c, LENGTH)) {
            if ((item = ONE_MORE(&c, f->outputs, &f->n_outputs)) != NULL)
                read_value(inside(&c), item);
        } else {
            wrong(&c, "the graph has a field that it should not have");
        }
    }
}

static void read_opset(cursor c, onnx_file *f)
{
    while (next(&c)) {
        if (c.field == 2 && only(&c, VARINT))
            f->opset = (int64_t)c.number;
        else
            wrong(&c, "the operator set is not ONNX's own");
    }
}

static void read_entry(cursor c, onnx_text *entry)
{
    while (next(&c)) {
        if (c.field == 1 && only(&c, LENGTH))
            copy_name(&c, entry->key);
        else if (c.field == 2 && only(&c, LENGTH))
            keep_text(&c, entry);
        else
            wrong(&c, "an entry of the metadata has a field that it should not have");
    }
    if (c.seen != (1u << 1 | 1u << 2))
        wrong(&c, "an entry of the metadata has no key or no value");
}

const char *onnx_parse(const uint8_t *bytes, size_t size, onnx_file *f)
{
    const char *fault = NULL;
    cursor c = {.at = bytes, .end = bytes + size, .fault = &fault};
    while (next(&c)) {
        onnx_text *entry = NULL;
        if (c.field == 1 && only(&c, VARINT))
            f->ir_version = (int64_t)c.number;
        else if (c.field == 2 && only(&c, LENGTH))
            keep_text(&c, &f->producer);
        else if (c.field == 3 && only(&c, LENGTH))
            keep_text(&c, &f->version);
        else if (c.field == 6 && only(&c, LENGTH))
            keep_text(&c, &f->doc);
        else if (c.field == 7 && only(&c, LENGTH))
            read_graph(inside(&c), f);
        else if (c.field == 8 && only(&c, LENGTH))
            read_opset(inside(&c), f);
        else if (c.field == 14 && is(&c, LENGTH) &&
                 (entry = ONE_MORE(&c, f->metadata, &f->n_metadata)) != NULL)
            read_entry(inside(&c), entry);
        else
            wrong(&c, "the model has a field that it should not have");
    }
    if (c.seen != (1u << 1 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 7 | 1u << 8))
        wrong(&c, "the model lacks one of its fields");
    return fault;
}

const char *onnx_read(const char *path, onnx_file **out)
{
    onnx_file *f = calloc(1, sizeof *f);
    FILE *stream = fopen(path, "rb");
    const char *fault = "it cannot be read";
    long size = -1;
    *out = f;
    if (f && stream && fseek(stream, 0, SEEK_END) == 0 && (size = ftell(stream)) > 0) {
        rewind(stream);
        f->bytes = calloc((size_t)size + 1, 1);
        f->size = (size_t)size;
        if (f->bytes && fread(f->bytes, 1, f->size, stream) == f->size)
            fault = onnx_parse(f->bytes, f->size, f);
    }
    if (stream)
        fclose(stream);
    return fault;
}

void onnx_free(onnx_file *f)
{
    if (f)
        free(f->bytes);
    free(f);
}

const onnx_attribute *onnx_find_attribute(const onnx_node *node, const char *name)
{
    for (size_t i = 0; i < node->n_attributes; i++)
        if (strcmp(node->attributes[i].name, name) == 0)
            return &node->attributes[i];
    return NULL;
}

const onnx_value *onnx_find_constant(const onnx_file *f, const char *name)
{
    for (size_t i = 0; i < f->n_constants; i++)
        if (strcmp(f->constants[i].name, name) == 0)
            return &f->constants[i];
    return NULL;
}

const onnx_text *onnx_find_metadata(const onnx_file *f, const char *key)
{
    for (size_t i = 0; i < f->n_metadata; i++)
        if (strcmp(f->metadata[i].key, key) == 0)
            return &f->metadata[i];
    return NULL;
}

float onnx_element(const onnx_value *constant, size_t i)
{
    float x;
    memcpy(&x, constant->bytes + i * sizeof x, sizeof x);
    return x;
}
