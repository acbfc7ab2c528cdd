#include <string.h>

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
    wino_tiles t = {
        .plan = p, .call = job->call, .panels = job->panels, .bias = job->bias, .zeros = job->zeros};
    t.first = space_cut(p->tiles, job->chunks, chunk);
    t.count = space_cut(p->tiles, job->chunks, chunk + 1) - t.first;
    t.v = p->shared ? job->shared_v + t.first * p->depth : worker_at(job, worker, p->v_at);
    t.odd = p->shared ? job->shared_odd + t.first : worker_at(job, worker, p->odd_at);
    t.clean = worker_at(job, worker, p->clean_at);
    return t;
}

/* M[p] = V[p]*U[p] for one panel and point. Each tile of the product draws its share of the weights that come
 * next towards the cache: those of the next point, which lie behind these. */
static void multiply_point(const wino_job *job, const wino_tiles *t, const conv_panel *panel, size_t point,
                           uint32_t worker, bool last)
{
    const wino_plan *p = job->plan;
    const size_t lanes = p->conv->lanes, width = panel->vectors * lanes, depth = p->geo.channels;
    const size_t blocks = space_ceil(t->count, p->conv->max_rows);
    const float *u = job->weights + panel->weights_at + point * depth * width;
    const float *v = t->v + point * p->v_pitch;
    float *m = (float *)worker_at(job, worker, p->m_at) + point * p->m_pitch;
    wino_product product = {.v_pitch = p->depth,
                            .depth = depth,
                            .u = u,
                            .prefetch_step = last ? 0 : width * sizeof(float) / blocks};
    for (size_t b = 0; b < blocks; b++) {
        const size_t first = space_cut(t->count, blocks, b), n = space_cut(t->count, blocks, b + 1) - first;
        product.v = v + first * p->depth;
        product.out = m + first * width;
        product.prefetch = (const char *)(u + depth * width) + depth * product.prefetch_step * b;
        p->products->product[panel->vectors - 1][n](&product);
    }
}

static void do_panel(const wino_job *job, const wino_tiles *t, size_t index, uint32_t worker, bool last)
{
    const wino_plan *p = job->plan;
    const conv_panel *panel = &job->panels[index];
    for (size_t point = 0; point < p->points; point++)
        multiply_point(job, t, panel, point, worker, last && point + 1 == p->points);
    cpu_wino_tiles_out(t, panel, index, worker_at(job, worker, p->m_at));
}

static void block_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_tiles t = tiles_of(job, task, worker);
    cpu_wino_tiles_in(&t);
    for (size_t i = 0; i < job->plan->n_panels; i++)
        do_panel(job, &t, i, worker, i + 1 == job->plan->n_panels);
}

static void input_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_tiles t = tiles_of(arg, task, worker);
    cpu_wino_tiles_in(&t);
}

static void panel_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_tiles t = tiles_of(job, task % job->chunks, worker);
    const size_t panel = task / job->chunks;
    do_panel(job, &t, panel, worker, panel + 1 == job->plan->n_panels);
}

static void weights_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    cpu_wino_transform_panel(job->plan, job->call->op, &job->panels[task], job->call->args[1],
                             worker_at(job, worker, job->plan->packed_at), job->transformed);
}

/* The fewest cuts of the tiles that keep all threads busy to the end. */
static size_t chunks_of(const wino_plan *p, size_t threads)
{
    const size_t most = space_ceil(p->tiles, p->conv->max_rows);
    size_t chunks = 1;
    while (chunks < most && p->n_panels * chunks % threads != 0 && p->n_panels * chunks < 8 * threads)
        chunks++;
    return chunks;
}

static void run_tiles(wino_job *job)
{
    const struct thaw_device *dev = job->call->dev;
    const thaw_host *host = dev->host;
    const wino_plan *p = job->plan;
    if (!p->shared) {
        job->chunks = space_ceil(p->tiles, p->block);
        host->parallel_for(host->ctx, (uint32_t)job->chunks, block_task, job);
        return;
    }
    job->chunks = space_min(p->tiles, space_max(dev->threads, 1) * 4);
    host->parallel_for(host->ctx, (uint32_t)job->chunks, input_task, job);
    job->chunks = chunks_of(p, space_max(dev->threads, 1));
    host->parallel_for(host->ctx, (uint32_t)(p->n_panels * job->chunks), panel_task, job);
}

void cpu_wino_run(const cpu_call *call)
{
    const wino_state *s = call->state;
    const struct thaw_device *dev = call->dev;
    const wino_plan p = cpu_wino_plan(dev, call->op, s->variant);
    char *space = call->workspace;
    float *zeros = (float *)(void *)(space + p.zeros_at);
    memset(zeros, 0, p.depth * sizeof *zeros);
    wino_job job = {
        .call = call,
        .plan = &p,
        .panels = s->panels,
        .weights = s->weights,
        .bias = s->bias,
        .zeros = zeros,
        .shared_v = (float *)(void *)(space + p.shared_v_at),
        .shared_odd = (bool *)(space + p.shared_odd_at),
        .worker_area = space + p.worker_at,
    };
    if (!job.bias) {
        float *bias = (float *)(void *)(space + p.bias_at);
        cpu_conv_panel_bias(s->panels, p.n_panels, p.conv->lanes, call->args[2], bias);
        job.bias = bias;
    }
    if (!job.weights) {
        job.transformed = (float *)(void *)(space + p.weights_at);
        job.weights = job.transformed;
        dev->host->parallel_for(dev->host->ctx, (uint32_t)p.n_panels, weights_task, &job);
    }
    run_tiles(&job);
}
