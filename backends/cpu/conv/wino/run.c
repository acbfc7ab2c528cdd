#include <string.h>

#include "backends/cpu/call.h"
#include "backends/cpu/conv/space.h"
#include "tiles.h"
#include "wino.h"

typedef struct {
    const cpu_call *call;
    const wino_plan *plan;
    const conv_panel *panels;
    const float *weights, *bias, *zeros;
    float *transformed; /* where a run puts U */
    float *shared_v;
    bool *shared_odd;
    char *worker_area;
    size_t chunks; /* cuts of the tiles */
} wino_job;

static void *worker_at(const wino_job *job, uint32_t worker, size_t offset)
{
    return job->worker_area + worker * job->plan->worker_bytes + offset;
}

static wino_tiles tiles_of(const wino_job *job, size_t chunk, uint32_t worker)
{
    const wino_plan *p = job->plan;
    wino_tiles t = {.plan = p, .call = job->call, .bias = job->bias, .zeros = job->zeros};
    t.first = space_cut(p->tiles, job->chunks, chunk);
    t.count = space_cut(p->tiles, job->chunks, chunk + 1) - t.first;
    t.v = p->shared ? job->shared_v : worker_at(job, worker, p->v_at);
    t.v_tile = p->shared ? t.first : 0;
    t.odd = p->shared ? job->shared_odd + t.first : worker_at(job, worker, p->odd_at);
    t.clean = worker_at(job, worker, p->clean_at);
    return t;
}

/* The weights of a panel for a set of points. */
static const float *weights_at(const wino_job *job, size_t panel, size_t set)
{
    const conv_panel *c = &job->panels[panel];
    return job->weights + c->weights_at + set * job->plan->geo.channels * c->vectors * job->plan->conv->lanes;
}

/* M[s] = V[s]*U[s] for one panel and set. The first pieces of the product draw the weights that come next
 * towards the cache: there are as many lines for each k as vectors in a panel. */
static void multiply(const wino_job *job, const wino_tiles *t, size_t index, size_t set, float *m,
                     const void *next)
{
    const wino_plan *p = job->plan;
    const conv_panel *panel = &job->panels[index];
    const size_t width = panel->vectors * p->conv->lanes, depth = p->geo.channels;
    const wino_spot spot = cpu_wino_set(p->variant, set);
    const size_t rows = t->count * spot.share, pieces = space_ceil(rows, p->conv->max_rows);
    const float *v = t->v + spot.before * p->v_pitch + t->v_tile * spot.share * p->depth;
    wino_product product = {
        .v_pitch = p->depth,
        .depth = depth,
        .u = weights_at(job, index, set),
    };
    for (size_t i = 0; i < pieces; i++) {
        const size_t first = space_cut(rows, pieces, i), n = space_cut(rows, pieces, i + 1) - first;
        product.v = v + first * p->depth;
        product.out = m + spot.before * p->m_pitch + first * width;
        product.prefetch = next && i < panel->vectors ? (const char *)next + i * depth * CPU_LINE : NULL;
        p->products->product[panel->vectors - 1][n](&product);
    }
}

/* Group `index` of the panels. next: the weights of the next op, or NULL. */
static void do_group(const wino_job *job, const wino_tiles *t, size_t index, uint32_t worker,
                     const void *next)
{
    const wino_plan *p = job->plan;
    const size_t first = space_cut(p->n_panels, p->groups, index);
    const size_t end = space_cut(p->n_panels, p->groups, index + 1);
    float *m = worker_at(job, worker, p->m_at);
    if (!next && end < p->n_panels)
        next = weights_at(job, end, 0);
    for (size_t set = 0; set < p->sets; set++) {
        for (size_t i = first; i < end; i++) {
            const void *behind = i + 1 < end         ? weights_at(job, i + 1, set)
                                 : set + 1 < p->sets ? weights_at(job, first, set + 1)
                                                     : next;
            multiply(job, t, i, set, m + (i - first) * p->m_panel, behind);
        }
    }
    for (size_t i = first; i < end; i++)
        cpu_wino_tiles_out(t, &job->panels[i], i, m + (i - first) * p->m_panel);
}

static void block_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_plan *p = job->plan;
    const wino_tiles t = tiles_of(job, task, worker);
    const void *next = cpu_next_weights(job->call, p->blocks, task, worker);
    cpu_wino_tiles_in(&t);
    for (size_t i = 0; i < p->groups; i++)
        do_group(job, &t, i, worker, i + 1 == p->groups ? next : NULL);
}

static void input_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_tiles t = tiles_of(arg, task, worker);
    cpu_wino_tiles_in(&t);
}

static void panel_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_plan *p = job->plan;
    const wino_tiles t = tiles_of(job, task % job->chunks, worker);
    do_group(job, &t, task / job->chunks, worker,
             cpu_next_weights(job->call, p->groups * p->blocks, task, worker));
}

static void weights_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    cpu_wino_transform_panel(job->plan, job->call->op, &job->panels[task], job->call->args[1],
                             worker_at(job, worker, job->plan->packed_at), job->transformed);
}

static void run_tiles(wino_job *job)
{
    const struct thaw_device *dev = job->call->dev;
    const thaw_host *host = dev->host;
    const wino_plan *p = job->plan;
    if (p->shared) {
        job->chunks = space_min(p->tiles, space_max(dev->threads, 1) * 4);
        host->parallel_for(host->ctx, (uint32_t)job->chunks, input_task, job);
    }
    job->chunks = p->blocks;
    host->parallel_for(host->ctx, (uint32_t)(p->shared ? p->groups * p->blocks : p->blocks),
                       p->shared ? panel_task : block_task, job);
}

void cpu_wino_run(const cpu_call *call)
{
    const wino_state *s = call->state;
    const struct thaw_device *dev = call->dev;
    const wino_plan *p = &s->plan;
    char *space = call->workspace;
    float *zeros = (float *)(void *)(space + p->zeros_at);
    memset(zeros, 0, p->depth * sizeof *zeros);
    wino_job job = {
        .call = call,
        .plan = p,
        .panels = s->panels,
        .weights = s->weights,
        .bias = s->bias,
        .zeros = zeros,
        .shared_v = (float *)(void *)(space + p->shared_v_at),
        .shared_odd = (bool *)(space + p->shared_odd_at),
        .worker_area = space + p->worker_at,
    };
    if (!job.bias) {
        float *bias = (float *)(void *)(space + p->bias_at);
        cpu_conv_panel_bias(s->panels, p->n_panels, p->conv->lanes, call->args[2], bias);
        job.bias = bias;
    }
    if (!job.weights) {
        job.transformed = (float *)(void *)(space + p->weights_at);
        job.weights = job.transformed;
        dev->host->parallel_for(dev->host->ctx, (uint32_t)p->n_panels, weights_task, &job);
    }
    run_tiles(&job);
}
