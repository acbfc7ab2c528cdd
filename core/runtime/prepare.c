/* prepare.c: the kernels of a program, several at a time: a device may take a second to compile one. */
#include <pthread.h>
#include <time.h>

#include "core/runtime/loader.h"
#include "core/runtime/program_state.h"

#define PATIENCE 1.0 /* seconds before the caller hears of progress */

typedef struct preparation {
    thaw_program *program;
    const thaw_placement *placement;
    const thaw_program_memory *memory;
    const thaw_program_options *options;
    double started;
    pthread_mutex_t lock; /* guards what follows */
    size_t failed;        /* the first op that did; n_calls: none */
    thaw_error error;
} preparation;

static double seconds_now(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static thaw_status fail_prepare(thaw_status st, const preparation *p, size_t i, thaw_error *why)
{
    const thaw_gop *op = &p->placement->graph.ops[i];
    uint32_t d = p->placement->ops[i].dev;
    const thaw_dev *dev = p->program->devs[d];
    const char *name = thaw_op_facts_of(op->kind)->name;
    if (st != THAW_E_DEVICE_MEMORY)
        return thaw_plugin_failed(st, why, "%s cannot prepare %s (%s)", dev->name, name, op->label);
    char arenas[24], vars[24], have[24];
    thaw_format_bytes(
        p->memory->arenas[d].total_bytes + (d == THAW_HOME ? thaw_program_feed_bytes(p->memory) : 0), arenas);
    thaw_format_bytes(p->memory->vars, vars);
    thaw_format_bytes(dev->info.memory_bytes, have);
    return thaw_plugin_failed(st, why,
                              "%s is full while preparing %s (%s): activations and workspace take %s, "
                              "weights and optimizer state %s, of %s; use a smaller batch",
                              dev->name, name, op->label, arenas, vars,
                              dev->info.memory_bytes ? have : "an unknown amount");
}

static thaw_status prepare_kernel(const preparation *p, size_t i, thaw_error *why)
{
    const thaw_placed_op *placed = &p->placement->ops[i];
    thaw_dev *dev = p->program->devs[placed->dev];
    thaw_op_desc desc;
    thaw_status st = thaw_op_describe(&p->placement->graph, i, p->options->runs, &desc, why);
    if (st != THAW_OK)
        return st;
    thaw_kernel *kernel = NULL;
    st = thaw_op_compute_consts(&p->placement->graph, i, &desc, why);
    if (st != THAW_OK) {
        thaw_op_desc_free(&desc);
        return st;
    }
    st = dev->ops.op_prepare(dev->handle, &desc.op, placed->info.algo, desc.const_data, &kernel, why);
    thaw_op_desc_free(&desc);
    st = thaw_plugin_created(st, kernel, why);
    if (st != THAW_OK)
        return fail_prepare(st, p, i, why);
    p->program->calls[i].kernel = kernel;
    return THAW_OK;
}

static bool prepare_task(void *arg, size_t i)
{
    preparation *p = arg;
    thaw_error why = {0};
    if (prepare_kernel(p, i, &why) == THAW_OK)
        return true;
    pthread_mutex_lock(&p->lock);
    if (i < p->failed) {
        p->failed = i;
        p->error = why;
    }
    pthread_mutex_unlock(&p->lock);
    return false;
}

static void tell(void *arg, size_t done)
{
    const preparation *p = arg;
    if (p->options->progress && seconds_now() - p->started > PATIENCE)
        p->options->progress(p->options->progress_ctx, done, p->program->n_calls);
}

thaw_status thaw_program_prepare(thaw_program *program, const thaw_placement *placement,
                                 const thaw_program_memory *memory, const thaw_program_options *options,
                                 thaw_error *err)
{
    preparation p = {.program = program,
                     .placement = placement,
                     .memory = memory,
                     .options = options,
                     .started = seconds_now(),
                     .failed = program->n_calls};
    pthread_mutex_init(&p.lock, NULL);
    thaw_tasks_run(options->prepare_threads, program->n_calls, prepare_task, tell, &p);
    pthread_mutex_destroy(&p.lock);
    if (p.failed == program->n_calls)
        return THAW_OK;
    if (err)
        *err = p.error;
    return p.error.status;
}
