/* program.c: a section as a program, with something to feed it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/bench/room.h"
#include "core/train/adam.h"
#include "core/train/prefix.h"

#define RECIPE_LAYERS  50u /* that the second phase trains */
#define RECIPE_DROPOUT 0.2f
#define LEARNING_RATE  1e-5

/* Streams of bench_fill that no weight has. */
enum { STREAM_IMAGE = 1000, STREAM_POOLED, STREAM_CUT };

/* What a section is lowered from. */
typedef struct plan {
    thaw_net net;
    bool trainable[THAW_N_LAYERS];
    thaw_cut cut;
    thaw_weights_view weights;
    thaw_lower_spec spec;
} plan;

/* ---- what it is ------------------------------------------------------------------------------------- */

static thaw_status find_cut(plan *p, bench_kind kind, thaw_error *err)
{
    uint32_t layers = kind == BENCH_TRAIN                              ? THAW_N_LAYERS
                      : kind == BENCH_FINETUNE || kind == BENCH_PREFIX ? RECIPE_LAYERS
                                                                       : 0;
    thaw_status st = thaw_net_unfreeze_last(layers, p->trainable, err);
    return st == THAW_OK && layers > 0 ? thaw_net_cut(&p->net, p->trainable, &p->cut, err) : st;
}

static thaw_status make_plan(const bench_run *run, bench_kind kind, uint32_t batch, thaw_var_list *list,
                             plan *p, thaw_error *err)
{
    const bool steps = bench_is_step(kind);
    thaw_status st = thaw_net_inception_v3((int32_t)run->options->input_size, &p->net, err);
    if (st == THAW_OK)
        st = find_cut(p, kind, err);
    thaw_weights_of(run->model, &p->weights);
    p->spec = (thaw_lower_spec){.net = &p->net,
                                .weights = &p->weights,
                                .batch = (int32_t)batch,
                                .from = steps ? &p->cut : NULL,
                                .feature_dtype = THAW_F32,
                                .trainable = steps && kind != BENCH_HEAD ? p->trainable : NULL,
                                .head_trainable = steps,
                                .vars = list,
                                .keep = kind == BENCH_PREFIX ? p->cut.layers : NULL,
                                .n_keep = kind == BENCH_PREFIX ? p->cut.n : 0,
                                .pooled = kind == BENCH_PREFIX,
                                .probs = kind == BENCH_FORWARD,
                                .train = steps,
                                .dropout = RECIPE_DROPOUT,
                                .seed = BENCH_SEED};
    return st;
}

/* ---- feeds and results ------------------------------------------------------------------------------ */

/* rectified: as activations behind a relu are, half of them zeros. */
static void fill_floats(float *out, size_t n, uint32_t stream, bool rectified)
{
    bench_fill(stream, out, n, 0.0f, 1.0f);
    for (size_t i = 0; rectified && i < n; i++)
        out[i] = out[i] < 0.0f ? 0.0f : out[i];
}

static void fill_feed(const bench_run *run, const plan *p, const thaw_lowered *low, uint32_t tensor,
                      uint32_t batch, void *data)
{
    const size_t n = thaw_graph_bytes(&low->graph, tensor) / 4;
    uint32_t *words = data;
    int32_t *labels = data;
    if (tensor == low->hyper)
        thaw_adam_hyper(LEARNING_RATE, 1, data);
    else if (tensor == low->image)
        fill_floats(data, n, STREAM_IMAGE, false);
    else if (tensor == low->pooled_in)
        fill_floats(data, n, STREAM_POOLED, true);
    for (size_t i = 0; tensor == low->label && i < batch; i++)
        labels[i] = (int32_t)(i % run->options->n_classes);
    for (size_t i = 0; tensor == low->dropout_key && i < batch; i++) {
        words[2 * i] = (uint32_t)i; /* the image; and the epoch, 0 */
        words[2 * i + 1] = 0;
    }
    for (uint32_t i = 0; i < p->cut.n; i++) {
        thaw_layer_kind kind = p->net.layers[p->cut.layers[i]].kind;
        if (tensor == low->cut[i])
            fill_floats(data, n, STREAM_CUT + i, kind == THAW_LAYER_RELU || kind == THAW_LAYER_CONCAT);
    }
}

static thaw_status add_port(thaw_binding *ports, size_t *n, uint32_t tensor, size_t bytes, thaw_error *err)
{
    if (*n == BENCH_MAX_PORTS)
        return thaw_fail(err, THAW_E_INTERNAL, "a program has more than %u inputs or results",
                         BENCH_MAX_PORTS);
    void *data = thaw_calloc(1, bytes);
    if (!data)
        return thaw_fail_memory(err, bytes, "a batch");
    ports[(*n)++] = (thaw_binding){.tensor = tensor, .data = data};
    return THAW_OK;
}

/* What a run of training or inference fetches: every end but the probabilities of a training step. */
static bool is_fetched(const thaw_lowered *low, uint32_t tensor)
{
    return low->graph.tensors[tensor].output && (low->metrics == THAW_NO_TENSOR || tensor == low->metrics);
}

static thaw_status make_ports(const bench_run *run, const plan *p, uint32_t batch, bench_program *out,
                              thaw_error *err)
{
    const thaw_lowered *low = &out->low;
    thaw_status st = THAW_OK;
    for (uint32_t t = 0; st == THAW_OK && t < low->graph.n_tensors; t++) {
        const thaw_gtensor *tensor = &low->graph.tensors[t];
        const size_t bytes = thaw_graph_bytes(&low->graph, t);
        if (tensor->storage == THAW_T_FEED && tensor->parent == THAW_NO_TENSOR) {
            st = add_port(out->feeds, &out->n_feeds, t, bytes, err);
            if (st == THAW_OK)
                fill_feed(run, p, low, t, batch, out->feeds[out->n_feeds - 1].data);
        }
        if (st == THAW_OK && is_fetched(low, t)) {
            st = add_port(out->fetches, &out->n_fetches, t, bytes, err);
            if (st == THAW_OK)
                out->fetch_values[out->n_fetches - 1] = bytes / sizeof(float);
        }
    }
    return st;
}

/* Those that no weight has begin at zero, as the optimizer's state does. */
static thaw_status set_variables(const bench_run *run, thaw_vars *vars, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < thaw_vars_count(vars); i++) {
        size_t at = thaw_model_find(run->model, thaw_vars_info(vars, i)->name);
        if (at < THAW_N_WEIGHTS)
            st = thaw_vars_set(vars, i, run->model->weights[at].data, err);
    }
    return st;
}

/* ---- the program ------------------------------------------------------------------------------------ */

static thaw_status compile(const bench_run *run, bench_device *device, bench_section *section, bench_ops *ops,
                           bench_program *out, thaw_error *err)
{
    const thaw_graph *graph = &out->low.graph;
    thaw_program_options options = thaw_program_options_of(&device->where, BENCH_RUNS);
    thaw_status st = THAW_OK;
    thaw_stage_memory memory = thaw_program_stage_memory(&options);
    if (!bench_is_step(section->kind))
        st = thaw_stages_choose(&out->low.graph, &memory, err);
    if (st == THAW_OK && out->list.count > 0)
        st = thaw_vars_create(device->where.dev, &out->list, &out->vars, err);
    if (st == THAW_OK && out->vars)
        st = set_variables(run, out->vars, err);
    double start = tune_now();
    if (st == THAW_OK)
        st = thaw_program_create(graph, out->vars, &options, &out->program, err);
    section->prepare_seconds = tune_now() - start;
    if (st != THAW_OK)
        return st;
    const thaw_plan_summary *summary = thaw_program_plan(out->program);
    section->macs = thaw_graph_macs(graph) / section->batch;
    section->device_bytes = summary->arena_bytes;
    section->variable_bytes = out->vars ? thaw_vars_bytes(out->vars) : 0;
    section->fallback_ops = summary->fallback_ops;
    section->fallback_bytes = summary->fallback_bytes;
    if (!ops)
        return THAW_OK;
    thaw_placement placement;
    st = thaw_place(graph, &options, &placement, err);
    if (st == THAW_OK)
        st = bench_ops_gather(&placement, device, section, ops, err);
    thaw_placement_free(&placement);
    return st;
}

thaw_status bench_program_create(const bench_run *run, bench_device *device, bench_section *section,
                                 bench_ops *ops, bench_program *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    plan *p = thaw_calloc(1, sizeof *p);
    if (!p)
        return thaw_fail_memory(err, sizeof *p, "a network");
    thaw_status st = make_plan(run, section->kind, section->batch, &out->list, p, err);
    if (st == THAW_OK)
        st = thaw_lower(&p->spec, &out->low, err);
    if (st == THAW_OK) {
        (bench_is_step(section->kind) ? thaw_permit_trained : thaw_permit_frozen)(&out->low.graph,
                                                                                  &device->where);
        st = compile(run, device, section, ops, out, err);
    }
    if (st == THAW_OK)
        st = make_ports(run, p, section->batch, out, err);
    thaw_lowered_free(&out->low);
    free(p);
    return st;
}

void bench_program_free(bench_program *program)
{
    thaw_program_free(program->program);
    thaw_vars_free(program->vars);
    thaw_var_list_free(&program->list);
    for (size_t i = 0; i < program->n_feeds; i++)
        free(program->feeds[i].data);
    for (size_t i = 0; i < program->n_fetches; i++)
        free(program->fetches[i].data);
    memset(program, 0, sizeof *program);
}

/* ---- running ---------------------------------------------------------------------------------------- */

thaw_status bench_program_start(bench_program *p, thaw_error *err)
{
    thaw_status st = thaw_program_stage(p->program, p->feeds, p->n_feeds, err);
    return st == THAW_OK ? thaw_program_wait(p->program, err) : st;
}

thaw_status bench_program_time(bench_program *p, uint32_t times, double *seconds, thaw_error *err)
{
    thaw_status st = THAW_OK;
    double start = tune_now();
    for (uint32_t i = 0; st == THAW_OK && i < times; i++) {
        st = thaw_program_begin(p->program, p->fetches, p->n_fetches, err);
        if (st == THAW_OK)
            st = thaw_program_stage(p->program, p->feeds, p->n_feeds, err);
        if (st == THAW_OK)
            st = thaw_program_wait(p->program, err);
    }
    *seconds = (tune_now() - start) / times;
    return st;
}

thaw_status bench_program_check(const bench_program *p, thaw_error *err)
{
    for (size_t i = 0; i < p->n_fetches; i++) {
        const float *values = p->fetches[i].data;
        for (size_t k = 0; k < p->fetch_values[i]; k++)
            if (!isfinite(values[k]))
                return thaw_fail(err, THAW_E_CHECK,
                                 "it computed %g where every number is finite: see `thaw check`",
                                 (double)values[k]);
    }
    return THAW_OK;
}
