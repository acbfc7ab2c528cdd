#include "backends/cpu/parallel.h"

typedef struct {
    const cpu_call *call;
    cpu_range_fn fn;
    size_t n_items, grain;
} range_job;

static void range_task(void *arg, uint32_t task, uint32_t worker)
{
    const range_job *job = arg;
    (void)worker;
    size_t first = (size_t)task * job->grain;
    size_t left = job->n_items - first;
    job->fn(job->call, first, first + (left < job->grain ? left : job->grain));
}

void cpu_parallel(const cpu_call *call, size_t n_items, size_t grain, cpu_range_fn fn)
{
    if (n_items / grain >= UINT32_MAX)
        grain = n_items / (UINT32_MAX / 2);
    if (n_items <= grain) {
        fn(call, 0, n_items);
        return;
    }
    range_job job = {call, fn, n_items, grain};
    uint32_t n_tasks = (uint32_t)((n_items - 1) / grain + 1);
    const thaw_host *host = call->dev->host;
    host->parallel_for(host->ctx, n_tasks, range_task, &job);
}

size_t cpu_grain(size_t elements)
{
    return elements < CPU_TASK_ELEMENTS ? CPU_TASK_ELEMENTS / elements : 1;
}

typedef struct {
    const cpu_call *call;
    cpu_span_fn fn;
    size_t pixels, channels, grain;
    bool dense;
} span_job;

static void span_task(void *arg, uint32_t task, uint32_t worker)
{
    const span_job *job = arg;
    (void)worker;
    size_t items = job->dense ? job->pixels * job->channels : job->pixels;
    size_t first = (size_t)task * job->grain;
    size_t last = items - first < job->grain ? items : first + job->grain;
    if (job->dense) {
        job->fn(job->call, 0, first, last - first);
        return;
    }
    for (size_t p = first; p < last; p++)
        job->fn(job->call, p, 0, job->channels);
}

static bool all_dense(const thaw_tensor *t, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        if (t[i].pixel_pitch != t[i].c)
            return false;
    }
    return true;
}

void cpu_parallel_spans(const cpu_call *call, uint32_t n_in, uint32_t n_out, cpu_span_fn fn)
{
    const backend_op *op = call->op;
    span_job job = {.call = call, .fn = fn, .pixels = backend_pixels(&op->out[0])};
    job.channels = (size_t)op->out[0].c;
    job.dense = all_dense(op->in, n_in) && all_dense(op->out, n_out);
    job.grain = job.dense ? CPU_TASK_ELEMENTS : cpu_grain(job.channels);
    size_t items = job.dense ? job.pixels * job.channels : job.pixels;
    while ((items - 1) / job.grain >= UINT32_MAX)
        job.grain *= 2;
    uint32_t n_tasks = (uint32_t)((items - 1) / job.grain + 1);
    const thaw_host *host = call->dev->host;
    if (n_tasks == 1)
        span_task(&job, 0, 0);
    else
        host->parallel_for(host->ctx, n_tasks, span_task, &job);
}
