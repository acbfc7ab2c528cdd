#include "onnx_run.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a node has computed: [c, h, w] of one image, or [c] where h and w are 1. */
typedef struct value {
    const char *name;
    size_t c, h, w;
    float *data;
} value;

typedef struct run {
    const onnx_file *file;
    value values[513];
    size_t n;
    char fault[160];
} run;

static bool wrong(run *r, const onnx_node *node, const char *why)
{
    if (!r->fault[0])
        snprintf(r->fault, sizeof r->fault, "%s: %s", node ? node->name : "the graph", why);
    return false;
}

static const value *find(const run *r, const char *name)
{
    for (size_t i = 0; i < r->n; i++)
        if (strcmp(r->values[i].name, name) == 0)
            return &r->values[i];
    return NULL;
}

/* Adds a value of that shape; NULL without memory. */
static value *add(run *r, const char *name, size_t c, size_t h, size_t w)
{
    float *data = calloc(c * h * w, sizeof *data);
    if (!data)
        return NULL;
    r->values[r->n] = (value){name, c, h, w, data};
    return &r->values[r->n++];
}

/* A window that moves over an image; pads of both ends. */
typedef struct window {
    size_t kh, kw, sy, sx, top, left, h, w; /* h, w: of what comes out */
} window;

static bool pair(const onnx_node *node, const char *name, size_t n, size_t out[4])
{
    const onnx_attribute *a = onnx_find_attribute(node, name);
    for (size_t i = 0; a && i < n && i < a->n_ints; i++)
        out[i] = a->ints[i] >= 0 ? (size_t)a->ints[i] : 1000;
    return a && a->type == 7 && a->n_ints == n;
}

static bool find_window(run *r, const onnx_node *node, const value *in, window *out)
{
    size_t kernel[4], strides[4], pads[4];
    if (!pair(node, "kernel_shape", 2, kernel) || !pair(node, "strides", 2, strides) ||
        !pair(node, "pads", 4, pads) || !strides[0] || !strides[1])
        return wrong(r, node, "its window is not described");
    size_t h = in->h + pads[0] + pads[2], w = in->w + pads[1] + pads[3];
    if (h < kernel[0] || w < kernel[1])
        return wrong(r, node, "its window does not fit");
    *out = (window){kernel[0],
                    kernel[1],
                    strides[0],
                    strides[1],
                    pads[0],
                    pads[1],
                    (h - kernel[0]) / strides[0] + 1,
                    (w - kernel[1]) / strides[1] + 1};
    return true;
}

/* Channel c at row y of the window's place (oy, ox), or NULL in the padding. */
static const float *look(const value *in, const window *k, size_t c, size_t oy, size_t ox, size_t y, size_t x)
{
    size_t row = oy * k->sy + y, column = ox * k->sx + x;
    if (row < k->top || column < k->left || row - k->top >= in->h || column - k->left >= in->w)
        return NULL;
    return in->data + (c * in->h + row - k->top) * in->w + column - k->left;
}

/* One row for each value of the window, one column for each of its places: then a convolution is a product of
 * matrices. */
static double *unfold(const value *in, const window *k)
{
    double *out = calloc(in->c * k->kh * k->kw * k->h * k->w, sizeof *out), *at = out;
    for (size_t c = 0; out && c < in->c; c++)
        for (size_t y = 0; y < k->kh; y++)
            for (size_t x = 0; x < k->kw; x++)
                for (size_t oy = 0; oy < k->h; oy++)
                    for (size_t ox = 0; ox < k->w; ox++, at++) {
                        const float *p = look(in, k, c, oy, ox, y, x);
                        *at = p ? (double)*p : 0;
                    }
    return out;
}

static bool conv(run *r, const onnx_node *node, const value *in, const onnx_value *kernel)
{
    window k;
    if (!kernel || node->n_inputs != 2 || !find_window(r, node, in, &k))
        return wrong(r, node, "no kernel");
    if (kernel->rank != 4 || kernel->dims[1] != in->c || kernel->dims[2] != k.kh || kernel->dims[3] != k.kw)
        return wrong(r, node, "its kernel has another shape than its window");
    size_t places = k.h * k.w, n = in->c * k.kh * k.kw;
    value *out = add(r, node->output, kernel->dims[0], k.h, k.w);
    double *columns = unfold(in, &k), *sum = calloc(places, sizeof *sum);
    for (size_t o = 0; out && columns && sum && o < out->c; o++) {
        memset(sum, 0, places * sizeof *sum);
        for (size_t i = 0; i < n; i++) {
            double weight = (double)onnx_element(kernel, o * n + i);
            for (size_t p = 0; p < places; p++)
                sum[p] += weight * columns[i * places + p];
        }
        for (size_t p = 0; p < places; p++)
            out->data[o * places + p] = (float)sum[p];
    }
    bool good = out && columns && sum;
    free(columns);
    free(sum);
    return good || wrong(r, node, "no memory");
}

static bool batch_normalization(run *r, const onnx_node *node, const value *in)
{
    const onnx_value *p[4] = {0};
    const onnx_attribute *epsilon = onnx_find_attribute(node, "epsilon");
    for (size_t i = 0; i < 4 && node->n_inputs == 5; i++) {
        p[i] = onnx_find_constant(r->file, node->inputs[1 + i]);
        if (!p[i] || p[i]->rank != 1 || p[i]->dims[0] != in->c)
            return wrong(r, node, "its parameters do not fit");
    }
    value *out = add(r, node->output, in->c, in->h, in->w);
    if (!out || !p[0] || !epsilon)
        return wrong(r, node, "it is not a batch normalisation");
    for (size_t c = 0, i = 0; c < in->c; c++) {
        double scale = (double)onnx_element(p[0], c), bias = (double)onnx_element(p[1], c);
        double mean = (double)onnx_element(p[2], c), variance = (double)onnx_element(p[3], c);
        for (size_t end = i + in->h * in->w; i < end; i++)
            out->data[i] =
                (float)(((double)in->data[i] - mean) / sqrt(variance + (double)epsilon->f) * scale + bias);
    }
    return true;
}

static bool pool(run *r, const onnx_node *node, const value *in, bool average)
{
    window k;
    const onnx_attribute *include = onnx_find_attribute(node, "count_include_pad");
    if ((include != NULL) != average || !find_window(r, node, in, &k))
        return wrong(r, node, "it is not described as its kind of pool is");
    value *out = add(r, node->output, in->c, k.h, k.w);
    if (!out)
        return wrong(r, node, "no memory");
    for (size_t c = 0, i = 0; c < in->c; c++)
        for (size_t oy = 0; oy < k.h; oy++)
            for (size_t ox = 0; ox < k.w; ox++, i++) {
                double sum = 0, most = -HUGE_VAL;
                size_t n = 0;
                for (size_t at = 0; at < k.kh * k.kw; at++) {
                    const float *p = look(in, &k, c, oy, ox, at / k.kw, at % k.kw);
                    sum += p ? (double)*p : 0;
                    most = p ? fmax(most, (double)*p) : most;
                    n += p || (include && include->i);
                }
                out->data[i] = (float)(average ? sum / (double)n : most);
            }
    return true;
}

static bool concat(run *r, const onnx_node *node)
{
    const onnx_attribute *axis = onnx_find_attribute(node, "axis");
    const value *in[5] = {0};
    size_t channels = 0;
    for (size_t i = 0; i < node->n_inputs; i++) {
        in[i] = find(r, node->inputs[i]);
        if (!in[i] || in[i]->h != in[0]->h || in[i]->w != in[0]->w)
            return wrong(r, node, "its inputs do not fit together");
        channels += in[i]->c;
    }
    if (!in[0] || !axis || axis->i != 1)
        return wrong(r, node, "it does not go along the channels");
    value *out = add(r, node->output, channels, in[0]->h, in[0]->w);
    if (!out)
        return wrong(r, node, "no memory");
    float *to = out->data;
    for (size_t i = 0; i < node->n_inputs; i++) {
        size_t n = in[i]->c * in[i]->h * in[i]->w;
        memcpy(to, in[i]->data, n * sizeof *to);
        to += n;
    }
    return true;
}

static bool global_average_pool(run *r, const onnx_node *node, const value *in)
{
    value *out = add(r, node->output, in->c, 1, 1);
    size_t n = in->h * in->w;
    for (size_t c = 0; out && c < in->c; c++) {
        double sum = 0;
        for (size_t i = 0; i < n; i++)
            sum += (double)in->data[c * n + i];
        out->data[c] = (float)(sum / (double)n);
    }
    return out || wrong(r, node, "no memory");
}

static bool gemm(run *r, const onnx_node *node, const value *in)
{
    const onnx_value *b = onnx_find_constant(r->file, node->inputs[1]);
    const onnx_value *c = onnx_find_constant(r->file, node->inputs[2]);
    if (node->n_inputs != 3 || node->n_attributes || !b || !c || b->rank != 2 || b->dims[0] != in->c ||
        in->h * in->w != 1 || c->rank != 1 || c->dims[0] != b->dims[1])
        return wrong(r, node, "its matrices do not fit");
    size_t n = b->dims[1];
    value *out = add(r, node->output, n, 1, 1);
    for (size_t j = 0; out && j < n; j++) {
        double sum = (double)onnx_element(c, j);
        for (size_t i = 0; i < in->c; i++)
            sum += (double)in->data[i] * (double)onnx_element(b, i * n + j);
        out->data[j] = (float)sum;
    }
    return out || wrong(r, node, "no memory");
}

static bool softmax(run *r, const onnx_node *node, const value *in)
{
    value *out = add(r, node->output, in->c, in->h, in->w);
    double most = -HUGE_VAL, sum = 0;
    for (size_t i = 0; i < in->c; i++)
        most = fmax(most, (double)in->data[i]);
    for (size_t i = 0; i < in->c; i++)
        sum += exp((double)in->data[i] - most);
    for (size_t i = 0; out && i < in->c; i++)
        out->data[i] = (float)(exp((double)in->data[i] - most) / sum);
    return (out && in->h * in->w == 1) || wrong(r, node, "it is not along the classes");
}

static bool relu(run *r, const onnx_node *node, const value *in)
{
    value *out = add(r, node->output, in->c, in->h, in->w);
    for (size_t i = 0; out && i < in->c * in->h * in->w; i++)
        out->data[i] = in->data[i] > 0 ? in->data[i] : 0;
    return out || wrong(r, node, "no memory");
}

static bool flatten(run *r, const onnx_node *node, const value *in)
{
    value *out = add(r, node->output, in->c * in->h * in->w, 1, 1);
    if (out)
        memcpy(out->data, in->data, out->c * sizeof *out->data);
    return out || wrong(r, node, "no memory");
}

static bool run_node(run *r, const onnx_node *node)
{
    const value *in = find(r, node->inputs[0]);
    if (!in)
        return wrong(r, node, "its input is not there yet");
    if (strcmp(node->op, "Conv") == 0)
        return conv(r, node, in, onnx_find_constant(r->file, node->inputs[1]));
    if (strcmp(node->op, "BatchNormalization") == 0)
        return batch_normalization(r, node, in);
    if (strcmp(node->op, "Relu") == 0)
        return relu(r, node, in);
    if (strcmp(node->op, "MaxPool") == 0 || strcmp(node->op, "AveragePool") == 0)
        return pool(r, node, in, node->op[0] == 'A');
    if (strcmp(node->op, "Concat") == 0)
        return concat(r, node);
    if (strcmp(node->op, "GlobalAveragePool") == 0)
        return global_average_pool(r, node, in);
    if (strcmp(node->op, "Flatten") == 0)
        return flatten(r, node, in);
    if (strcmp(node->op, "Gemm") == 0)
        return gemm(r, node, in);
    if (strcmp(node->op, "Softmax") == 0)
        return softmax(r, node, in);
    return wrong(r, node, "an operator that is not known here");
}

const char *onnx_run(const onnx_file *f, const float *input, size_t n_wanted, const onnx_wanted *wanted)
{
    static char fault[160];
    const onnx_value *shape = &f->inputs[0];
    run *r = calloc(1, sizeof *r);
    value *image = r ? add(r, shape->name, shape->dims[1], shape->dims[2], shape->dims[3]) : NULL;
    if (!image) {
        free(r);
        return "no memory";
    }
    r->file = f;
    memcpy(image->data, input, image->c * image->h * image->w * sizeof *input);
    for (size_t i = 0; i < f->n_nodes && run_node(r, &f->nodes[i]); i++)
        ;
    for (size_t i = 0; i < n_wanted && !r->fault[0]; i++) {
        const value *v = find(r, wanted[i].name);
        if (v && v->c * v->h * v->w == wanted[i].n)
            memcpy(wanted[i].out, v->data, wanted[i].n * sizeof *v->data);
        else
            wrong(r, NULL, "what is wanted is missing or of another size");
    }
    snprintf(fault, sizeof fault, "%s", r->fault);
    for (size_t i = 0; i < r->n; i++)
        free(r->values[i].data);
    free(r);
    return fault[0] ? fault : NULL;
}
