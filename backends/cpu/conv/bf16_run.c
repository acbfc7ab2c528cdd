#include "bf16_run.h"

#include <math.h>

#include "backends/cpu/call.h"
#include "bf16_pack.h"
#include "space.h"

thaw_status cpu_conv_bf16_prepare(const struct thaw_device *dev, const backend_op *op,
                                  const conv_bf16_kernels *kernels, const void *const *const_data,
                                  void **state, thaw_error *err)
{
    const bf16_plan p = cpu_conv_bf16_plan(dev, op, kernels);
    char *block;
    thaw_status st = cpu_conv_panel_state(dev, p.state_bytes, &block, err);
    if (st != THAW_OK)
        return st;
    bf16_state *s = (bf16_state *)(void *)block;
    *s = (bf16_state){.plan = p,
                      .panels = (conv_panel *)(void *)(block + p.panels_at),
                      .weights = p.const_weights ? block + p.state_weights_at : NULL,
                      .bias = p.const_bias ? (float *)(void *)(block + p.state_bias_at) : NULL,
                      .tap_at = (size_t *)(void *)(block + p.taps_at)};
    cpu_conv_panel_layout(op->out, op->n_out, BF16_LANES, p.rows.taps * p.rows.k, s->panels);
    for (size_t i = 0; s->weights && i < p.n_panels; i++)
        cpu_conv_bf16_pack(&p, op, &s->panels[i], const_data[1], s->weights);
    if (s->bias)
        cpu_conv_panel_bias(s->panels, p.n_panels, BF16_LANES, op->n_in > 2 ? const_data[2] : NULL, s->bias);
    for (size_t t = 0; t < p.rows.taps; t++)
        s->tap_at[t] = cpu_conv_bf16_tap(&p.rows, t);
    *state = s;
    return THAW_OK;
}

/* Where all rows are in one chunk, workers share the panels; otherwise each begins with the first. */
cpu_weights cpu_conv_bf16_weights(const struct thaw_device *dev, const void *state)
{
    const bf16_state *s = state;
    const bf16_plan *p = &s->plan;
    cpu_weights w = {s->weights, 0};
    if (p->rows.chunks == 1)
        w.share = cpu_conv_panel_share(s->panels, p->n_panels, p->groups, cpu_first_task(dev, p->groups, 1),
                                       p->weight_bytes);
    return w;
}

void cpu_conv_bf16_destroy(const struct thaw_device *dev, void *state)
{
    dev->host->free(dev->host->ctx, state);
}

/* ---- running ------------------------------------------------------------------------------------------ */

typedef struct {
    const cpu_call *call;
    const bf16_plan *plan;
    const conv_panel *panels;
    char *weights;
    const float *bias;
    const size_t *tap_at;
} bf16_job;

static char *worker_area(const bf16_job *job, size_t worker)
{
    return (char *)job->call->workspace + job->plan->worker_at + worker * job->plan->worker_bytes;
}

static void describe_panel(const bf16_job *job, size_t index, conv_bf16_product *product)
{
    const backend_op *op = job->call->op;
    const conv_panel *panel = &job->panels[index];
    float *const *out = (float *const *)(const void *)(job->call->args + op->n_in);
    product->panel = job->weights + panel->weights_at * job->plan->weight_bytes;
    product->vectors = panel->vectors;
    product->bias = job->bias + index * 2 * BF16_LANES;
    product->floor = op->attr.conv.relu_mask >> panel->out & 1u ? 0.0f : -INFINITY;
    product->out = out[panel->out] + panel->out_first;
    product->out_pitch = (size_t)op->out[panel->out].pixel_pitch;
    product->cols = panel->cols;
}

/* The panels of a task, and where its worker goes on behind them. */
typedef struct {
    size_t first, end;
    const char *next;  /* weights of the next op, or NULL */
    const char *image; /* what the next chunk reads */
    size_t image_bytes;
} bf16_task;

static bf16_task task_of(const bf16_job *job, uint32_t task, uint32_t worker)
{
    const bf16_plan *p = job->plan;
    const size_t group = task % p->groups, chunk = task / p->groups;
    bf16_task t = {.first = space_cut(p->n_panels, p->groups, group),
                   .end = space_cut(p->n_panels, p->groups, group + 1),
                   .next = cpu_next_weights(job->call, p->rows.chunks * p->groups, task, worker)};
    if (!t.next && chunk + 1 < p->rows.chunks)
        t.image = (const char *)cpu_conv_bf16_source(&p->rows, job->call->args[0], chunk + 1, &t.image_bytes);
    return t;
}

/* What a panel's product draws meanwhile: the next panel where that comes from far, else its share of the
 * next chunk's image; behind the last panel, the next op's weights. */
static void describe_ahead(const bf16_job *job, const bf16_task *t, size_t index, conv_bf16_product *product)
{
    const bf16_plan *p = job->plan;
    const conv_panel *next = &job->panels[space_min(index + 1, p->n_panels - 1)];
    const char *weights = job->weights + next->weights_at * p->weight_bytes;
    const size_t bytes = p->rows.taps * p->rows.k * next->vectors * BF16_LANES * p->weight_bytes;
    const bool last = index + 1 == t->end;
    product->next = !last && next->vectors == product->vectors ? weights : NULL;
    product->ahead = weights;
    product->ahead_bytes = 0;
    if (last && t->next) {
        product->ahead = t->next;
        product->ahead_bytes = bytes;
    } else if (p->streams && index + 1 < p->n_panels) {
        product->ahead_bytes = bytes;
    } else if (t->image) {
        const size_t lines = t->image_bytes / CPU_LINE, n = t->end - t->first;
        const size_t from = space_cut(lines, n, index - t->first),
                     to = space_cut(lines, n, index - t->first + 1);
        product->ahead = t->image + from * CPU_LINE;
        product->ahead_bytes = (to - from) * CPU_LINE;
    }
}

static void run_task(void *arg, uint32_t task, uint32_t worker)
{
    const bf16_job *job = arg;
    const bf16_plan *p = job->plan;
    const size_t chunk = task / p->groups;
    char *area = worker_area(job, worker);
    bf16_worker *own = (bf16_worker *)(void *)(area + p->own_at);
    uint16_t *a = (uint16_t *)(void *)area;
    size_t *pixels = (size_t *)(void *)(area + p->pixels_at);
    if (own->filled != chunk)
        own->rows = cpu_conv_bf16_fill(&p->rows, job->call->args[0], chunk, a, pixels);
    own->filled = chunk;
    conv_bf16_product product = {.a = a,
                                 .a_pitch = p->rows.pitch,
                                 .a_plane = p->rows.plane,
                                 .rows = own->rows,
                                 .taps = p->rows.taps,
                                 .k = p->rows.k,
                                 .tap_at = job->tap_at,
                                 .pixels = pixels};
    const bf16_task t = task_of(job, task, worker);
    p->kernels->begin(area + p->work_at);
    for (size_t i = t.first; i < t.end; i++) {
        describe_panel(job, i, &product);
        describe_ahead(job, &t, i, &product);
        p->kernels->multiply(&product, area + p->work_at);
    }
    p->kernels->end(area + p->work_at);
}

static void pack_task(void *arg, uint32_t task, uint32_t worker)
{
    const bf16_job *job = arg;
    (void)worker;
    cpu_conv_bf16_pack(job->plan, job->call->op, &job->panels[task], job->call->args[1], job->weights);
}

void cpu_conv_bf16_run(const cpu_call *call)
{
    const struct thaw_device *dev = call->dev;
    const thaw_host *host = dev->host;
    const bf16_state *s = call->state;
    const bf16_plan *p = &s->plan;
    char *space = call->workspace;
    bf16_job job = {.call = call,
                    .plan = p,
                    .panels = s->panels,
                    .weights = s->weights,
                    .bias = s->bias,
                    .tap_at = s->tap_at};
    if (!job.bias) {
        float *bias = (float *)(void *)(space + p->bias_at);
        cpu_conv_panel_bias(s->panels, p->n_panels, BF16_LANES, call->args[2], bias);
        job.bias = bias;
    }
    if (!job.weights) {
        job.weights = space + p->weights_at;
        host->parallel_for(host->ctx, (uint32_t)p->n_panels, pack_task, &job);
    }
    for (size_t i = 0; i < dev->threads; i++)
        ((bf16_worker *)(void *)(worker_area(&job, i) + p->own_at))->filled = SIZE_MAX;
    host->parallel_for(host->ctx, (uint32_t)(p->rows.chunks * p->groups), run_task, &job);
}
