#include "plugins/onednn/parallel.h"

typedef struct {
    const onednn_call *call;
    onednn_range_fn fn;
    size_t n_items, grain;
} range_job;

static void range_task(void *arg, uint32_t task, uint32_t worker)
{
    const range_job *job = arg;
    (void)worker;
    size_t first = (size_t)task * job->grain, left = job->n_items - first;
    job->fn(job->call, first, first + (left < job->grain ? left : job->grain));
}

void onednn_parallel(const onednn_call *call, size_t n_items, size_t grain, onednn_range_fn fn)
{
    while (n_items / grain >= UINT32_MAX)
        grain *= 2;
    if (n_items <= grain) {
        fn(call, 0, n_items);
        return;
    }
    range_job job = {call, fn, n_items, grain};
    const thaw_host *host = call->dev->host;
    host->parallel_for(host->ctx, (uint32_t)((n_items - 1) / grain + 1), range_task, &job);
}

size_t onednn_grain(size_t elements)
{
    return elements < ONEDNN_TASK_ELEMENTS ? ONEDNN_TASK_ELEMENTS / elements : 1;
}
