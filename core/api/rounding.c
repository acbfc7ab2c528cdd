/* rounding.c: a model's own numbers through every algorithm of a device. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"
#include "core/base/memory.h"
#include "core/base/rng.h"
#include "core/check/check.h"
#include "core/check/rounding.h"
#include "core/train/prefix.h"

void thaw_rounding_options_init(thaw_rounding_options *options, size_t struct_size)
{
    const thaw_rounding_options defaults = {.seed = 1};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

/* The folded network of one image, and what each of its convolutions reads. */
typedef struct network {
    thaw_net net;
    thaw_weights_view weights;
    thaw_lowered low;
    float *image;
    thaw_binding *reads; /* distinct tensors */
    size_t n_reads;
} network;

/* A pass over its convolutions. */
typedef struct pass {
    const thaw_rounding_options *given;
    check_run run;
    thaw_rounding_row row; /* of the convolution under way */
    size_t taken, failed;
    char first[512]; /* that failed */
} pass;

/* ---- the network's activations --------------------------------------------------------------------- */

/* NULL for what is no activation that a convolution reads. */
static const void *activation(const network *n, uint32_t tensor)
{
    if (tensor == n->low.image)
        return n->image;
    for (size_t i = 0; i < n->n_reads; i++)
        if (n->reads[i].tensor == tensor)
            return n->reads[i].data;
    return NULL;
}

static thaw_status make_image(const thaw_model *model, const thaw_rounding_options *given, float **out,
                              thaw_error *err)
{
    size_t values = (size_t)model->pre.input_size * model->pre.input_size * 3;
    *out = thaw_calloc(values, sizeof **out);
    if (!*out)
        return thaw_fail_memory(err, values * sizeof **out, "an image");
    if (given->image)
        return thaw_image_prepare(given->image, &model->pre, *out, NULL, err);
    for (size_t i = 0; i < values; i++) {
        uint32_t pixel = thaw_random_u32(given->seed, THAW_RNG_TEST, 0, 0, (uint32_t)i) >> 24;
        (*out)[i] = (float)pixel * model->pre.scale + model->pre.shift;
    }
    return THAW_OK;
}

/* Makes outputs of all that a convolution reads. */
static thaw_status want_reads(network *n, thaw_error *err)
{
    thaw_graph *graph = &n->low.graph;
    n->reads = thaw_calloc(graph->n_ops, sizeof *n->reads);
    if (!n->reads)
        return thaw_fail_memory(err, graph->n_ops * sizeof *n->reads, "a list of tensors");
    for (size_t i = 0; i < graph->n_ops; i++) {
        uint32_t tensor = graph->ops[i].in[0];
        if (graph->ops[i].kind != THAW_OP_CONV2D || activation(n, tensor))
            continue;
        void *data = thaw_calloc(1, thaw_graph_bytes(graph, tensor));
        if (!data)
            return thaw_fail_memory(err, thaw_graph_bytes(graph, tensor), "activations");
        graph->tensors[tensor].output = true;
        n->reads[n->n_reads++] = (thaw_binding){.tensor = tensor, .data = data};
    }
    return THAW_OK;
}

static thaw_status run_network(const pass *p, network *n, const thaw_log *log, thaw_error *err)
{
    thaw_program *program = NULL;
    const thaw_program_options options = {.dev = p->run.device.dev,
                                          .fallback_dev = p->run.reference.dev,
                                          .fallback = THAW_FALLBACK_ALLOW,
                                          .runs = 1,
                                          .log = log};
    const thaw_binding feed = {.tensor = n->low.image, .data = n->image};
    thaw_status st = thaw_program_create(&n->low.graph, NULL, &options, &program, err);
    if (st == THAW_OK)
        st = thaw_program_run(program, &feed, 1, n->reads, n->n_reads, err);
    thaw_program_free(program);
    return st;
}

static thaw_status make_network(const pass *p, const thaw_model *model, network *n, const thaw_log *log,
                                thaw_error *err)
{
    thaw_status st = thaw_net_inception_v3((int32_t)model->pre.input_size, &n->net, err);
    if (st != THAW_OK)
        return st;
    thaw_weights_of(model, &n->weights);
    const thaw_lower_spec spec = {.net = &n->net,
                                  .weights = &n->weights,
                                  .pool_include_pad = model->pre.pool_include_pad,
                                  .batch = 1,
                                  .pooled = true};
    st = make_image(model, p->given, &n->image, err);
    if (st == THAW_OK)
        st = thaw_lower(&spec, &n->low, err);
    if (st == THAW_OK)
        st = want_reads(n, err);
    return st == THAW_OK ? run_network(p, n, log, err) : st;
}

static void free_network(network *n)
{
    for (size_t i = 0; i < n->n_reads; i++)
        free(n->reads[i].data);
    free(n->reads);
    free(n->image);
    thaw_lowered_free(&n->low);
    free(n);
}

/* ---- its convolutions ------------------------------------------------------------------------------ */

static void report(pass *p)
{
    p->row.struct_size = sizeof p->row;
    if (p->given->on_row)
        p->given->on_row(p->given->ctx, &p->row);
    p->row.first = 0;
}

static void on_algo(void *ctx, const check_rounding *result)
{
    pass *p = ctx;
    p->row.algorithm = result->algorithm;
    p->row.l2 = result->l2;
    p->row.largest = result->largest;
    p->row.allowance = result->allowance;
    p->row.text = result->text;
    if (result->text[0] && p->failed++ == 0)
        snprintf(p->first, sizeof p->first, "%s: %s", p->row.layer, result->text);
    report(p);
}

/* desc: of op number i; its const_data become the op's inputs. */
static thaw_status try_conv(pass *p, const network *n, size_t i, thaw_op_desc *desc, thaw_error *err)
{
    char shape[96];
    const thaw_gop *gop = &n->low.graph.ops[i];
    const thaw_op *op = &desc->op;
    const thaw_tensor *x = op->in[0], *w = op->in[1], *y = op->out[0];
    int32_t channels = 0;
    thaw_status st = thaw_op_compute_consts(&n->low.graph, i, desc, err);
    if (st != THAW_OK)
        return st;
    desc->const_data[0] = activation(n, gop->in[0]);
    for (uint32_t k = 0; k < op->n_out; k++)
        channels += op->out[k]->c;
    snprintf(shape, sizeof shape, "%dx%d %dx%dx%d to %dx%dx%d", w->n, w->h, x->h, x->w, x->c, y->h, y->w,
             channels);
    p->row = (thaw_rounding_row){.first = 1, .layer = gop->label, .shape = shape, .text = ""};
    st = thaw_check_rounding(&p->run, op, desc->const_data, on_algo, p, err);
    if (st == THAW_OK)
        p->taken++;
    if (st != THAW_E_UNSUPPORTED)
        return st;
    p->row.algorithm = NULL;
    p->row.text = err->text;
    report(p);
    return THAW_OK;
}

static bool is_known(char (*known)[THAW_SIGNATURE_MAX], size_t n, const char *signature)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(known[i], signature) == 0)
            return true;
    return false;
}

static thaw_status try_convs(pass *p, const network *n, thaw_error *err)
{
    const thaw_graph *graph = &n->low.graph;
    size_t n_known = 0;
    char(*known)[THAW_SIGNATURE_MAX] = thaw_calloc(graph->n_ops, sizeof *known);
    thaw_status st =
        known ? THAW_OK : thaw_fail_memory(err, graph->n_ops * sizeof *known, "a list of shapes");
    for (size_t i = 0; st == THAW_OK && i < graph->n_ops; i++) {
        thaw_op_desc desc;
        if (graph->ops[i].kind != THAW_OP_CONV2D)
            continue;
        if (p->given->cancel && *p->given->cancel)
            st = thaw_fail(err, THAW_E_CANCELLED, "stopped between two convolutions, as asked");
        else
            st = thaw_op_describe(graph, i, 1, &desc, err);
        if (st != THAW_OK)
            break;
        thaw_op_signature(&desc.op, known[n_known]);
        if (!is_known(known, n_known, known[n_known])) {
            n_known++;
            st = try_conv(p, n, i, &desc, err);
        }
        thaw_op_desc_free(&desc);
    }
    free(known);
    return st;
}

static thaw_status verdict(const pass *p, thaw_error *err)
{
    if (p->failed)
        return thaw_fail(err, THAW_E_CHECK, "%zu algorithms are further off than is allowed; the first: %s",
                         p->failed, p->first);
    if (!p->taken)
        return thaw_fail(err, THAW_E_CHECK, "%s declines every convolution", p->run.device.dev->name);
    return THAW_OK;
}

static thaw_status measure(thaw_context *context, pass *p, const thaw_model *model, thaw_error *err)
{
    network *n = thaw_calloc(1, sizeof *n);
    if (!n)
        return thaw_fail_memory(err, sizeof *n, "a network");
    thaw_status st = thaw_runtime_open(context->runtime, p->given->device, &p->run.device.dev, err);
    if (st == THAW_OK)
        st = thaw_runtime_open(context->runtime, THAW_CHECK_REFERENCE, &p->run.reference.dev, err);
    if (st == THAW_OK)
        st = thaw_check_run_begin(&p->run, err);
    if (st == THAW_OK)
        st = make_network(p, model, n, &context->log, err);
    if (st == THAW_OK)
        st = try_convs(p, n, err);
    if (st == THAW_OK)
        st = verdict(p, err);
    thaw_check_run_end(&p->run);
    thaw_runtime_close(context->runtime, p->run.reference.dev);
    thaw_runtime_close(context->runtime, p->run.device.dev);
    free_network(n);
    return st;
}

thaw_status thaw_measure_rounding(thaw_context *context, const thaw_rounding_options *options,
                                  thaw_error *err)
{
    thaw_rounding_options given;
    thaw_error own;
    thaw_model *model = NULL;
    thaw_error *e = err ? err : &own;
    thaw_rounding_options_init(&given, sizeof given);
    thaw_status st = thaw_read_options(&given, sizeof given, options, "thaw_rounding_options", e);
    if (st == THAW_OK && !given.weights)
        st = thaw_fail(e, THAW_E_INVALID, "thaw_rounding_options.weights names no model");
    pass p = {.given = &given, .run = {.runtime = context->runtime, .seed = given.seed}};
    if (st == THAW_OK)
        st = thaw_model_load(given.weights, NULL, &model, e);
    if (st == THAW_OK)
        st = thaw_model_complete(model, e);
    if (st == THAW_OK)
        st = measure(context, &p, model, e);
    thaw_model_free(model);
    return st;
}
