#include "first.h"

#include <math.h>
#include <stdio.h>

#include "cost.h"
#include "direct.h"
#include "geometry.h"
#include "panels.h"
#include "space.h"

/* Elements of a window's row, at most: longer ones hide what the general product spends on a pixel. */
#define MAX_ROW ((size_t)16)
/* Multiply-adds of a task: long enough to hide the cost of handing it to a thread. */
#define TASK_PRODUCTS ((size_t)1 << 19)
/* Share of the general product's time that is saved, about. */
#define TIME_SHARE 0.7

/* What follows from the op; offsets are bytes of the state, or of the workspace where the data may change
 * between runs. */
typedef struct {
    conv_geometry geo;
    const conv_kernels *kernels;
    size_t n_panels;
    bool const_weights, const_bias;
    size_t panels_at, state_weights_at, state_bias_at, state_bytes;
    size_t weights_at, bias_at, workspace_bytes;
} first_plan;

typedef struct {
    first_plan plan;
    conv_panel *panels;
    float *weights, *bias; /* packed; NULL: each run packs them */
} first_state;

static first_plan make_plan(const struct thaw_device *dev, const backend_op *op)
{
    first_plan p = {.geo = cpu_conv_geometry(op), .kernels = cpu_conv_kernels(dev->isa)};
    const size_t lanes = p.kernels->lanes, k = space_mul(p.geo.kh, p.geo.tap_len);
    p.const_weights = op->in[1].role == THAW_ROLE_CONST;
    p.const_bias = op->n_in < 3 || op->in[2].role == THAW_ROLE_CONST;
    p.n_panels = cpu_conv_panel_count(op->out, op->n_out, lanes);
    const size_t weights = cpu_conv_panel_layout(op->out, op->n_out, lanes, k, NULL);
    const size_t bias = space_mul(p.n_panels, 2 * lanes);
    space_take(&p.state_bytes, 1, sizeof(first_state));
    p.panels_at = space_take(&p.state_bytes, p.n_panels, sizeof(conv_panel));
    p.state_weights_at = space_take(&p.state_bytes, p.const_weights ? weights : 0, sizeof(float));
    p.state_bias_at = space_take(&p.state_bytes, p.const_bias ? bias : 0, sizeof(float));
    p.weights_at = space_take(&p.workspace_bytes, p.const_weights ? 0 : weights, sizeof(float));
    p.bias_at = space_take(&p.workspace_bytes, p.const_bias ? 0 : bias, sizeof(float));
    return p;
}

static size_t workspace(const struct thaw_device *dev, const backend_op *op)
{
    return make_plan(dev, op).workspace_bytes;
}

static bool within_lines(const conv_geometry *g)
{
    const size_t end = (g->dst_h - 1) * (size_t)g->stride_h + g->kh;
    return g->kw == 1 && g->pad_left == 0 && g->pad_top == 0 && end <= g->src_h;
}

static bool accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    if (!cpu_conv_direct_accepts(dev, op, why, cap))
        return false;
    const conv_geometry g = cpu_conv_geometry(op);
    if (!within_lines(&g)) {
        snprintf(why, cap, "takes dense images without padding only");
        return false;
    }
    if (g.tap_len > MAX_ROW) {
        snprintf(why, cap, "a window's row has %zu elements; more than %zu suit the general product",
                 g.tap_len, MAX_ROW);
        return false;
    }
    snprintf(why, cap, "few channels: walks along lines, without row pointers");
    return true;
}

static double cost(const struct thaw_device *dev, const backend_op *op)
{
    return TIME_SHARE * cpu_conv_direct_cost(dev, op);
}

static void pack_weights(const backend_op *op, const first_state *s, const float *src, float *dst)
{
    const conv_geometry *g = &s->plan.geo;
    const size_t pitch = (size_t)op->in[1].pixel_pitch;
    const conv_weights from = {.src = src,
                               .taps = g->kh,
                               .tap_len = g->tap_len,
                               .tap_pitch = g->tap_len * pitch,
                               .k_pitch = pitch,
                               .col_pitch = 1};
    for (size_t i = 0; i < s->plan.n_panels; i++)
        cpu_conv_panel_pack(s->plan.kernels, &s->panels[i], &from, dst);
}

static thaw_status prepare(const struct thaw_device *dev, const backend_op *op, const void *const *const_data,
                           void **state, thaw_error *err)
{
    const first_plan p = make_plan(dev, op);
    const size_t lanes = p.kernels->lanes;
    char *block;
    thaw_status st = cpu_conv_panel_state(dev, p.state_bytes, &block, err);
    if (st != THAW_OK)
        return st;
    first_state *s = (first_state *)(void *)block;
    *s = (first_state){.plan = p, .panels = (conv_panel *)(void *)(block + p.panels_at)};
    cpu_conv_panel_layout(op->out, op->n_out, lanes, p.geo.kh * p.geo.tap_len, s->panels);
    if (p.const_weights) {
        s->weights = (float *)(void *)(block + p.state_weights_at);
        pack_weights(op, s, const_data[1], s->weights);
    }
    if (p.const_bias) {
        s->bias = (float *)(void *)(block + p.state_bias_at);
        cpu_conv_panel_bias(s->panels, p.n_panels, lanes, op->n_in > 2 ? const_data[2] : NULL, s->bias);
    }
    *state = s;
    return THAW_OK;
}

static void destroy(const struct thaw_device *dev, void *state)
{
    dev->host->free(dev->host->ctx, state);
}

typedef struct {
    const cpu_call *call;
    const first_state *state;
    const float *weights, *bias;
    size_t lines, tasks;
} first_job;

/* Line number `line` of the outputs, all images' lines together, with one panel. */
static void multiply_line(const first_job *job, size_t line, size_t index)
{
    const first_plan *p = &job->state->plan;
    const conv_geometry *g = &p->geo;
    const backend_op *op = job->call->op;
    const conv_panel *panel = &job->state->panels[index];
    const size_t cuts = space_ceil(g->dst_w, p->kernels->max_rows);
    const size_t source = line / g->dst_h * g->src_h + line % g->dst_h * (size_t)g->stride_h;
    const size_t out_pitch = (size_t)op->out[panel->out].pixel_pitch;
    const float *x = (const float *)job->call->args[0] + source * g->src_w * g->src_pitch;
    float *out = (float *)job->call->args[op->n_in + panel->out] + line * g->dst_w * out_pitch;
    conv_line tile = {
        .step = (size_t)g->stride_w * g->src_pitch,
        .tap_pitch = g->src_w * g->src_pitch,
        .taps = g->kh,
        .tap_len = g->tap_len,
        .weights = job->weights + panel->weights_at,
        .bias = job->bias + index * 2 * p->kernels->lanes,
        .floor = op->attr.conv.relu_mask >> panel->out & 1u ? 0.0f : -INFINITY,
        .out_pitch = out_pitch,
        .cols = panel->cols,
    };
    for (size_t c = 0; c < cuts; c++) {
        const size_t m0 = space_cut(g->dst_w, cuts, c), n = space_cut(g->dst_w, cuts, c + 1) - m0;
        tile.x = x + m0 * tile.step;
        tile.out = out + m0 * out_pitch + panel->out_first;
        p->kernels->line[panel->vectors - 1][n](&tile);
    }
}

static void line_task(void *arg, uint32_t task, uint32_t worker)
{
    const first_job *job = arg;
    const size_t end = space_cut(job->lines, job->tasks, (size_t)task + 1);
    (void)worker;
    for (size_t line = space_cut(job->lines, job->tasks, task); line < end; line++) {
        for (size_t i = 0; i < job->state->plan.n_panels; i++)
            multiply_line(job, line, i);
    }
}

static void run(const cpu_call *call)
{
    const struct thaw_device *dev = call->dev;
    const first_state *s = call->state;
    const first_plan *p = &s->plan;
    const conv_geometry *g = &p->geo;
    char *space = call->workspace;
    first_job job = {.call = call, .state = s, .weights = s->weights, .bias = s->bias};
    if (!job.weights) {
        float *weights = (float *)(void *)(space + p->weights_at);
        pack_weights(call->op, s, call->args[1], weights);
        job.weights = weights;
    }
    if (!job.bias) {
        float *bias = (float *)(void *)(space + p->bias_at);
        cpu_conv_panel_bias(s->panels, p->n_panels, p->kernels->lanes, call->args[2], bias);
        job.bias = bias;
    }
    const size_t row = space_mul(g->dst_w, g->kh * g->tap_len);
    const size_t products = space_mul(row, (size_t)call->op->in[1].c);
    job.lines = g->batch * g->dst_h;
    job.tasks = space_ceil(job.lines, space_max(TASK_PRODUCTS / products, 1));
    job.tasks = space_min(job.tasks, UINT32_MAX);
    dev->host->parallel_for(dev->host->ctx, (uint32_t)job.tasks, line_task, &job);
}

const cpu_algo cpu_conv_first = {
    .name = "lines",
    .kind = THAW_OP_CONV2D,
    .min_isa = CPU_ISA_GENERIC,
    .max_isa = CPU_ISA_AVX512,
    .accepts = accepts,
    .cost = cost,
    .workspace = workspace,
    .prepare = prepare,
    .destroy = destroy,
    .run = run,
};
