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
    t.near = worker_at(job, worker, p->near_at);
    return t;
}

/* A group of the panels with a block of tiles: their products, set by set. */
typedef struct {
    const wino_job *job;
    const wino_tiles *tiles;
    size_t index;
    float *m;
    void *space;
    const void *next; /* the weights of the next op, or NULL */
} wino_group;

/* The weights of product i of a group; those behind its last are the next group's. */
static wino_factor factor_of(const wino_job *job, size_t group, size_t i)
{
    const wino_plan *p = job->plan;
    for (; group < p->groups; group++) {
        const size_t first = space_cut(p->n_panels, p->groups, group);
        const size_t n = space_cut(p->n_panels, p->groups, group + 1) - first;
        if (i < n * p->sets) {
            const conv_panel *c = &job->panels[first + i % n];
            const size_t before = i / n * p->geo.channels * c->vectors * p->conv->lanes;
            return (wino_factor){job->weights + c->weights_at + before, c->vectors};
        }
        i -= n * p->sets;
    }
    return (wino_factor){NULL, 0};
}

/* M[s] = V[s]*U[s] for product i, while the weights of those behind it come near. last: of this task. */
static void multiply(const wino_group *g, size_t i, size_t panels, bool last)
{
    const wino_plan *p = g->job->plan;
    const wino_tiles *t = g->tiles;
    const wino_spot spot = cpu_wino_set(p->variant, i / panels);
    const void *ahead = factor_of(g->job, g->index, i + p->products->ahead).at;
    wino_product product = {
        .v = t->v + spot.before * p->v_pitch + t->v_tile * spot.share * p->v_row,
        .v_pitch = p->v_row * sizeof(float),
        .rows = t->count * spot.share,
        .depth = p->geo.channels,
        .u = factor_of(g->job, g->index, i),
        .out = g->m + i % panels * p->m_panel + spot.before * p->m_pitch,
        .draw = ahead && !(last && g->next) ? ahead : g->next,
    };
    if (!last)
        product.next = factor_of(g->job, g->index, i + 1);
    p->products->multiply(&product, g->space);
}

/* last: of this task. */
static void do_group(const wino_group *g, bool last)
{
    const wino_plan *p = g->job->plan;
    const size_t first = space_cut(p->n_panels, p->groups, g->index);
    const size_t n = space_cut(p->n_panels, p->groups, g->index + 1) - first;
    for (size_t i = 0; i < n * p->sets; i++)
        multiply(g, i, n, last && i + 1 == n * p->sets);
    for (size_t i = 0; i < n; i++)
        cpu_wino_tiles_out(g->tiles, &g->job->panels[first + i], first + i, g->m + i * p->m_panel);
}

static wino_group group_of(const wino_job *job, const wino_tiles *t, size_t index, uint32_t worker,
                           const void *next)
{
    return (wino_group){
        job, t, index, worker_at(job, worker, job->plan->m_at), worker_at(job, worker, job->plan->space_at),
        next};
}

/* A block of tiles with all groups, whose V stays. */
static void block_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_plan *p = job->plan;
    const wino_tiles t = tiles_of(job, task, worker);
    wino_group g = group_of(job, &t, 0, worker, cpu_next_weights(job->call, cpu_wino_tasks(p), task, worker));
    cpu_wino_tiles_in(&t);
    p->products->begin(g.space);
    for (; g.index < p->groups; g.index++)
        do_group(&g, g.index + 1 == p->groups);
    p->products->end(g.space);
}

/* A block of tiles with one group, whose M takes the place of V. */
static void in_place_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_plan *p = job->plan;
    const wino_tiles t = tiles_of(job, task / p->groups, worker);
    const void *next = cpu_next_weights(job->call, cpu_wino_tasks(p), task, worker);
    const wino_group g = group_of(job, &t, task % p->groups, worker, next);
    cpu_wino_tiles_in(&t);
    p->products->begin(g.space);
    do_group(&g, true);
    p->products->end(g.space);
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
    const void *next = cpu_next_weights(job->call, cpu_wino_tasks(p), task, worker);
    const wino_group g = group_of(job, &t, task / job->chunks, worker, next);
    p->products->begin(g.space);
    do_group(&g, true);
    p->products->end(g.space);
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
    host->parallel_for(host->ctx, (uint32_t)cpu_wino_tasks(p),
                       p->shared     ? panel_task
                       : p->in_place ? in_place_task
                                     : block_task,
                       job);
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
