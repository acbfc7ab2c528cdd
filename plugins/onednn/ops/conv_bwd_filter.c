/* CONV2D_BWD_FILTER. The batch is cut into groups of images, each of which gives a part of the sum; the parts
 * are added in the groups' order. The cut depends on the batch alone. */
#include <stdio.h>
#include <string.h>

#include "plugins/onednn/image.h"
#include "plugins/onednn/ops/ops.h"
#include "plugins/onednn/ops/weights.h"
#include "plugins/onednn/parallel.h"

#define MAX_GROUPS 8
#define ALIGN      ((size_t)64)

/* The primitive for one size of group. */
typedef struct {
    dnnl_primitive_desc_t pd; /* owned */
    primitive run;            /* made by prepare */
    int32_t images;
} filter_size;

typedef struct {
    filter_size size[2]; /* all groups but the last; the last, if it has fewer images */
    uint32_t n_sizes, n_groups;
    dnnl_primitive_desc_t reorder_pd; /* owned */
    primitive reorder;
    size_t stage_x, stage_dy, scratch; /* bytes for each worker */
    size_t worker_bytes;               /* of all three */
    size_t part_bytes;                 /* of one group's sum */
} filter_plan;

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static void plan_free(const struct thaw_device *dev, filter_plan *plan)
{
    for (uint32_t i = 0; i < plan->n_sizes; i++) {
        primitive_free(dev, &plan->size[i].run);
        if (plan->size[i].pd)
            dnnl_primitive_desc_destroy(plan->size[i].pd);
        plan->size[i].pd = NULL;
    }
    primitive_free(dev, &plan->reorder);
    if (plan->reorder_pd)
        dnnl_primitive_desc_destroy(plan->reorder_pd);
    plan->reorder_pd = NULL;
}

static dnnl_status_t describe_sizes(const struct thaw_device *dev, const lib_window *image, lib_weights form,
                                    filter_plan *plan)
{
    dnnl_status_t st = dnnl_success;
    lib_window g = *image;
    plan_free(dev, plan);
    for (uint32_t i = 0; i < plan->n_sizes && !st; i++) {
        g.n = plan->size[i].images;
        st = lib_conv(dev->engine, LIB_BWD_FILTER, &g, form, false, false, &plan->size[i].pd);
    }
    return st;
}

/* Parts can be added if they have one form. */
static bool suits(const filter_plan *plan)
{
    if (lib_is_slow(plan->size[0].pd))
        return false;
    return plan->n_sizes == 1 || (!lib_is_slow(plan->size[1].pd) &&
                                  lib_same_form(plan->size[0].pd, plan->size[1].pd, DNNL_ARG_DIFF_WEIGHTS));
}

static dnnl_status_t describe(const struct thaw_device *dev, const backend_op *op, filter_plan *plan)
{
    const thaw_tensor *dw = &op->out[0];
    const lib_window g = conv_window(&op->in[0], &op->in[1], dw, &op->attr.conv);
    dnnl_status_t st = describe_sizes(dev, &g, LIB_BLOCKED, plan);
    if (!st && !suits(plan))
        st = describe_sizes(dev, &g, LIB_HWIO, plan);
    if (st)
        return st;
    return lib_reorder_weights(dev->engine, &g, dw->pixel_pitch, plan->size[0].pd, DNNL_ARG_DIFF_WEIGHTS,
                               false, &plan->reorder_pd);
}

static void lay_out(const backend_op *op, filter_plan *plan)
{
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1];
    const size_t images = (size_t)plan->size[0].images;
    if (!onednn_dense(x))
        plan->stage_x = rounded(images * (size_t)x->h * (size_t)x->w * (size_t)x->c * sizeof(float));
    if (!onednn_dense(dy))
        plan->stage_dy = rounded(images * (size_t)dy->h * (size_t)dy->w * (size_t)dy->c * sizeof(float));
    plan->scratch = lib_bytes(plan->reorder_pd, DNNL_ARG_SCRATCHPAD);
    for (uint32_t i = 0; i < plan->n_sizes; i++)
        plan->scratch = larger(plan->scratch, lib_bytes(plan->size[i].pd, DNNL_ARG_SCRATCHPAD));
    plan->scratch = rounded(plan->scratch);
    /* A tensor has at most PTRDIFF_MAX bytes, so that the first sum cannot overflow. */
    if (__builtin_add_overflow(plan->stage_x + plan->stage_dy, plan->scratch, &plan->worker_bytes))
        plan->worker_bytes = SIZE_MAX;
    plan->part_bytes = rounded(lib_bytes(plan->size[0].pd, DNNL_ARG_DIFF_WEIGHTS));
}

static bool plan_make(const struct thaw_device *dev, const backend_op *op, filter_plan *plan, char *why,
                      size_t cap)
{
    const int32_t n = op->in[0].n, images = (n + MAX_GROUPS - 1) / MAX_GROUPS;
    memset(plan, 0, sizeof *plan);
    plan->n_groups = (uint32_t)((n + images - 1) / images);
    plan->size[0].images = images;
    plan->size[1].images = n - images * (int32_t)(plan->n_groups - 1);
    plan->n_sizes = plan->size[1].images == images ? 1 : 2;
    int before = lib_enter();
    dnnl_status_t st = describe(dev, op, plan);
    lib_leave(before);
    if (st) {
        snprintf(why, cap, "oneDNN has no adjoint of this shape: %s", lib_status_name(st));
        return false;
    }
    lay_out(op, plan);
    snprintf(why, cap, "%.60s, %u parts", lib_name(plan->size[0].pd), plan->n_groups);
    return true;
}

static bool accepts(const struct thaw_device *dev, const backend_op *op, size_t *workspace, char *why,
                    size_t cap)
{
    filter_plan plan;
    bool ok = plan_make(dev, op, &plan, why, cap);
    size_t parts;
    if (ok && (__builtin_mul_overflow(plan.part_bytes, (size_t)plan.n_groups, &parts) ||
               !onednn_workspace(dev, plan.worker_bytes, parts, workspace))) {
        snprintf(why, cap, "more memory than can be");
        ok = false;
    }
    plan_free(dev, &plan);
    return ok;
}

static void destroy(const struct thaw_device *dev, void *state)
{
    plan_free(dev, state);
    onednn_free(dev, state);
}

static thaw_status prepare(const struct thaw_device *dev, const backend_op *op, const void *const *const_data,
                           void **out, thaw_error *err)
{
    char why[128] = "";
    (void)const_data;
    filter_plan *plan = onednn_alloc(dev, sizeof *plan);
    if (!plan)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a kernel");
    thaw_status s = THAW_OK;
    if (!plan_make(dev, op, plan, why, sizeof why))
        s = backend_fail(err, THAW_E_UNSUPPORTED, "conv2d_bwd_filter: %s", why);
    for (uint32_t i = 0; s == THAW_OK && i < plan->n_sizes; i++)
        s = primitive_make(
            dev, plan->size[i].pd, 4,
            (int[]){DNNL_ARG_SRC, DNNL_ARG_DIFF_DST, DNNL_ARG_DIFF_WEIGHTS, DNNL_ARG_SCRATCHPAD}, NULL,
            &plan->size[i].run, err);
    if (s == THAW_OK)
        s = primitive_make(dev, plan->reorder_pd, 3, (int[]){DNNL_ARG_FROM, DNNL_ARG_TO, DNNL_ARG_SCRATCHPAD},
                           NULL, &plan->reorder, err);
    if (s == THAW_OK)
        *out = plan;
    else
        destroy(dev, plan);
    return s;
}

typedef struct {
    const onednn_call *call;
    const filter_plan *plan;
    unsigned char *workers, *groups;
    atomic_int failed;
} job;

/* Images of a group, without gaps between pixels. */
static float *images_of(const thaw_tensor *t, void *data, size_t first, size_t n, unsigned char *stage)
{
    const size_t pixels = (size_t)t->h * (size_t)t->w;
    float *from = (float *)data + onednn_at(t, first * pixels);
    if (onednn_dense(t))
        return from;
    image_pack((float *)(void *)stage, from, t, n * pixels);
    return (float *)(void *)stage;
}

static void group_task(void *arg, uint32_t g, uint32_t worker)
{
    job *j = arg;
    const filter_plan *plan = j->plan;
    const backend_op *op = j->call->op;
    const filter_size *size = &plan->size[g + 1 == plan->n_groups ? plan->n_sizes - 1 : 0];
    const size_t first = (size_t)g * (size_t)plan->size[0].images, n = (size_t)size->images;
    unsigned char *own = j->workers + worker * plan->worker_bytes;
    const primitive_arg run[] = {
        {DNNL_ARG_SRC, images_of(&op->in[0], j->call->args[0], first, n, own)},
        {DNNL_ARG_DIFF_DST, images_of(&op->in[1], j->call->args[1], first, n, own + plan->stage_x)},
        {DNNL_ARG_DIFF_WEIGHTS, j->groups + g * plan->part_bytes},
        {DNNL_ARG_SCRATCHPAD, own + plan->stage_x + plan->stage_dy}};
    primitive_keep(&j->failed, primitive_run(j->call->dev, &size->run, worker, 4, run));
}

static void reorder_task(void *arg, uint32_t task, uint32_t worker)
{
    job *j = arg;
    unsigned char *own = j->workers + worker * j->plan->worker_bytes;
    const primitive_arg reorder[] = {{DNNL_ARG_FROM, j->groups},
                                     {DNNL_ARG_TO, j->call->args[2]},
                                     {DNNL_ARG_SCRATCHPAD, own + j->plan->stage_x + j->plan->stage_dy}};
    (void)task;
    primitive_keep(&j->failed, primitive_run(j->call->dev, &j->plan->reorder, worker, 3, reorder));
}

static unsigned char *groups_of(const onednn_call *call)
{
    const filter_plan *plan = call->state;
    return call->workspace + plan->worker_bytes * call->dev->workers;
}

/* Into the first group's. */
static void add_groups(const onednn_call *call, size_t first, size_t last)
{
    const filter_plan *plan = call->state;
    float *restrict sum = (float *)(void *)groups_of(call);
    for (uint32_t g = 1; g < plan->n_groups; g++) {
        const float *restrict part = (const float *)(void *)(groups_of(call) + g * plan->part_bytes);
        for (size_t i = first; i < last; i++)
            sum[i] += part[i];
    }
}

static thaw_status run(const onednn_call *call, thaw_error *err)
{
    const thaw_host *host = call->dev->host;
    const filter_plan *plan = call->state;
    const size_t elements = lib_bytes(plan->size[0].pd, DNNL_ARG_DIFF_WEIGHTS) / sizeof(float);
    job j = {.call = call, .plan = plan, .workers = call->workspace, .groups = groups_of(call)};
    host->parallel_for(host->ctx, plan->n_groups, group_task, &j);
    if (!j.failed && plan->n_groups > 1)
        onednn_parallel(call, elements, ONEDNN_TASK_ELEMENTS, add_groups);
    if (!j.failed)
        host->parallel_for(host->ctx, 1, reorder_task, &j);
    return primitive_status((dnnl_status_t)j.failed, "running a primitive", call->op, err);
}

const onednn_algo onednn_conv_bwd_filter = {.name = "dnnl",
                                            .kind = THAW_OP_CONV2D_BWD_FILTER,
                                            .accepts = accepts,
                                            .prepare = prepare,
                                            .destroy = destroy,
                                            .run = run};
