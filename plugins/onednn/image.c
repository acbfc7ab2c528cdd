#include "plugins/onednn/image.h"

#include <stdio.h>
#include <string.h>

#define ALIGN ((size_t)64)

typedef struct {
    image_plan plan;
    primitive run[THAW_CONV_MAX_OUT];
    primitive reorder[THAW_CONV_MAX_OUT];
    unsigned char *weights; /* CONST: as the primitives want them */
} image_state;

static size_t rounded(size_t bytes)
{
    return (bytes + ALIGN - 1) / ALIGN * ALIGN;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static size_t image_pixels(const thaw_tensor *t)
{
    return (size_t)t->h * (size_t)t->w;
}

void image_pack(float *to, const float *from, const thaw_tensor *t, size_t pixels)
{
    for (size_t p = 0; p < pixels; p++)
        memcpy(to + p * (size_t)t->c, from + onednn_at(t, p), (size_t)t->c * sizeof *to);
}

void image_unpack(float *to, const float *from, const thaw_tensor *t, size_t pixels)
{
    for (size_t p = 0; p < pixels; p++)
        memcpy(to + onednn_at(t, p), from + p * (size_t)t->c, (size_t)t->c * sizeof *to);
}

static bool is_const(const backend_op *op, uint32_t i)
{
    return i < op->n_in && op->in[i].role == THAW_ROLE_CONST;
}

static void lay_out(const backend_op *op, image_plan *plan)
{
    const thaw_tensor *x = &op->in[0];
    if (!onednn_dense(x))
        plan->stage_x = rounded(image_pixels(x) * (size_t)x->c * sizeof(float));
    for (uint32_t k = 0; k < plan->n_parts; k++) {
        const thaw_tensor *y = &op->out[k];
        size_t bytes = rounded(image_pixels(y) * (size_t)y->c * sizeof(float));
        if (!onednn_dense(y))
            plan->stage_y = larger(plan->stage_y, bytes);
        plan->scratch = larger(plan->scratch, rounded(lib_bytes(plan->parts[k].pd, DNNL_ARG_SCRATCHPAD)));
        if (plan->parts[k].reorder_pd)
            plan->scratch =
                larger(plan->scratch, rounded(lib_bytes(plan->parts[k].reorder_pd, DNNL_ARG_SCRATCHPAD)));
        plan->weights[k] = plan->weights_bytes;
        if (plan->parts[k].reorder)
            plan->weights_bytes += rounded(lib_bytes(plan->parts[k].pd, plan->w));
    }
    /* A tensor has at most PTRDIFF_MAX bytes, so that the first sum cannot overflow. */
    if (__builtin_add_overflow(plan->stage_x + plan->stage_y, plan->scratch, &plan->worker_bytes))
        plan->worker_bytes = SIZE_MAX;
}

static void plan_free(image_plan *plan)
{
    for (uint32_t k = 0; k < plan->n_parts; k++) {
        image_part *part = &plan->parts[k];
        if (part->pd)
            dnnl_primitive_desc_destroy(part->pd);
        if (part->reorder_pd)
            dnnl_primitive_desc_destroy(part->reorder_pd);
        part->pd = part->reorder_pd = NULL;
    }
}

static bool plan_make(const struct thaw_device *dev, const backend_op *op, image_describe describe,
                      image_plan *plan, char *why, size_t cap)
{
    memset(plan, 0, sizeof *plan);
    int before = lib_enter();
    bool ok = describe(dev, op, plan, why, cap);
    for (uint32_t k = 0; ok && k < plan->n_parts; k++) {
        image_part *part = &plan->parts[k];
        if (part->reorder && lib_reorder_weights(dev->engine, &part->window, op->in[1].pixel_pitch, part->pd,
                                                 plan->w, true, &part->reorder_pd) != dnnl_success) {
            snprintf(why, cap, "oneDNN cannot reorder these weights");
            ok = false;
        }
    }
    lib_leave(before);
    if (ok)
        lay_out(op, plan);
    return ok;
}

bool image_accepts(const struct thaw_device *dev, const backend_op *op, image_describe describe,
                   size_t *workspace, char *why, size_t cap)
{
    image_plan plan;
    bool ok = plan_make(dev, op, describe, &plan, why, cap);
    if (ok &&
        ((uint64_t)op->in[0].n * plan.n_parts > UINT32_MAX ||
         !onednn_workspace(dev, plan.worker_bytes, is_const(op, 1) ? 0 : plan.weights_bytes, workspace))) {
        snprintf(why, cap, "more images, or more memory, than can be");
        ok = false;
    }
    plan_free(&plan);
    return ok;
}

/* ---- preparing ----------------------------------------------------------------------------------- */

/* Memory for what CONST weights become: reordered ones, or a copy. */
static thaw_status take_weights(const struct thaw_device *dev, const backend_op *op, const void *data,
                                image_state *state, thaw_error *err)
{
    const bool copied = state->plan.weights_bytes == 0;
    size_t bytes = copied ? backend_tensor_bytes(&op->in[1]) : state->plan.weights_bytes;
    state->weights = onednn_alloc(dev, bytes);
    if (!state->weights)
        return backend_fail(err, THAW_E_NO_MEMORY, "%s: no memory for %zu bytes of weights",
                            backend_op_rule_of(op->kind)->name, bytes);
    if (copied)
        memcpy(state->weights, data, bytes);
    return THAW_OK;
}

/* With memory objects and a stream of its own: on the thread that prepares there is no worker. */
static dnnl_status_t reorder_once(const struct thaw_device *dev, const image_part *part, const float *from,
                                  void *to, void *scratch)
{
    dnnl_primitive_desc_t pd = part->reorder_pd;
    dnnl_primitive_t copy = NULL;
    dnnl_memory_t memory[3] = {NULL, NULL, NULL};
    dnnl_stream_t stream = NULL;
    dnnl_status_t st = dnnl_primitive_create(&copy, pd);
    if (!st)
        st = lib_memory(dev->engine, pd, DNNL_ARG_FROM, (void *)(from + part->first), &memory[0]);
    if (!st)
        st = lib_memory(dev->engine, pd, DNNL_ARG_TO, to, &memory[1]);
    if (!st && scratch)
        st = lib_memory(dev->engine, pd, DNNL_ARG_SCRATCHPAD, scratch, &memory[2]);
    if (!st)
        st = dnnl_stream_create(&stream, dev->engine, dnnl_stream_default_flags);
    const dnnl_exec_arg_t args[3] = {
        {DNNL_ARG_FROM, memory[0]}, {DNNL_ARG_TO, memory[1]}, {DNNL_ARG_SCRATCHPAD, memory[2]}};
    if (!st)
        st = dnnl_primitive_execute(copy, stream, scratch ? 3 : 2, args);
    if (!st)
        st = dnnl_stream_wait(stream);
    for (int i = 0; i < 3; i++) {
        if (memory[i])
            dnnl_memory_destroy(memory[i]);
    }
    if (stream)
        dnnl_stream_destroy(stream);
    if (copy)
        dnnl_primitive_destroy(copy);
    return st;
}

static thaw_status reorder_const(const struct thaw_device *dev, const backend_op *op, const image_part *part,
                                 const float *from, void *to, thaw_error *err)
{
    size_t bytes = lib_bytes(part->reorder_pd, DNNL_ARG_SCRATCHPAD);
    void *scratch = bytes > 0 ? onednn_alloc(dev, bytes) : NULL;
    if (bytes > 0 && !scratch)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for %zu bytes to reorder weights with", bytes);
    int before = lib_enter();
    dnnl_status_t st = reorder_once(dev, part, from, to, scratch);
    lib_leave(before);
    onednn_free(dev, scratch);
    return primitive_status(st, "reordering weights", op, err);
}

static thaw_status prepare_part(const struct thaw_device *dev, const backend_op *op, const void *const *data,
                                image_state *state, uint32_t k, thaw_error *err)
{
    const image_plan *plan = &state->plan;
    const image_part *part = &plan->parts[k];
    thaw_status s = THAW_OK;
    if (part->reorder)
        s = is_const(op, 1) ? reorder_const(dev, op, part, data[1], state->weights + plan->weights[k], err)
                            : primitive_make(dev, part->reorder_pd, 3,
                                             (int[]){DNNL_ARG_FROM, DNNL_ARG_TO, DNNL_ARG_SCRATCHPAD}, NULL,
                                             &state->reorder[k], err);
    if (s != THAW_OK)
        return s;
    void *weights = state->weights ? state->weights + plan->weights[k] : NULL;
    return primitive_make(dev, part->pd, 5,
                          (int[]){plan->x, plan->y, plan->w, DNNL_ARG_BIAS, DNNL_ARG_SCRATCHPAD},
                          (void *[]){NULL, NULL, weights, NULL, NULL}, &state->run[k], err);
}

thaw_status image_prepare(const struct thaw_device *dev, const backend_op *op, image_describe describe,
                          const void *const *const_data, void **out, thaw_error *err)
{
    char why[128] = "";
    image_state *state = onednn_alloc(dev, sizeof *state);
    if (!state)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a kernel");
    memset(state, 0, sizeof *state);
    thaw_status s = THAW_OK;
    if (!plan_make(dev, op, describe, &state->plan, why, sizeof why))
        s = backend_fail(err, THAW_E_UNSUPPORTED, "%s: %s", backend_op_rule_of(op->kind)->name, why);
    if (s == THAW_OK && is_const(op, 1))
        s = take_weights(dev, op, const_data[1], state, err);
    for (uint32_t k = 0; s == THAW_OK && k < state->plan.n_parts; k++)
        s = prepare_part(dev, op, const_data, state, k, err);
    if (s == THAW_OK)
        *out = state;
    else
        image_destroy(dev, state);
    return s;
}

void image_destroy(const struct thaw_device *dev, void *p)
{
    image_state *state = p;
    for (uint32_t k = 0; k < THAW_CONV_MAX_OUT; k++) {
        primitive_free(dev, &state->run[k]);
        primitive_free(dev, &state->reorder[k]);
    }
    plan_free(&state->plan);
    onednn_free(dev, state->weights);
    onednn_free(dev, state);
}

/* ---- running ------------------------------------------------------------------------------------- */

typedef struct {
    const onednn_call *call;
    const image_state *state;
    unsigned char *weights; /* reordered at this run, or NULL */
    unsigned char *workers; /* worker_bytes for each */
    uint32_t images;
    atomic_int failed;
} job;

static void reorder_task(void *arg, uint32_t k, uint32_t worker)
{
    job *j = arg;
    const image_plan *plan = &j->state->plan;
    const float *w = onednn_in(j->call, 1);
    unsigned char *own = j->workers + worker * plan->worker_bytes;
    const primitive_arg args[] = {{DNNL_ARG_FROM, (void *)(w + plan->parts[k].first)},
                                  {DNNL_ARG_TO, j->weights + plan->weights[k]},
                                  {DNNL_ARG_SCRATCHPAD, own + plan->stage_x + plan->stage_y}};
    if (plan->parts[k].reorder)
        primitive_keep(&j->failed, primitive_run(j->call->dev, &j->state->reorder[k], worker, 3, args));
}

/* Where a part's weights lie, if not at a fixed place. */
static void *weights_of(const job *j, uint32_t k)
{
    const image_plan *plan = &j->state->plan;
    if (!plan->w || j->state->weights)
        return NULL;
    return plan->parts[k].reorder ? (void *)(j->weights + plan->weights[k]) : j->call->args[1];
}

static void image_task(void *arg, uint32_t task, uint32_t worker)
{
    job *j = arg;
    const backend_op *op = j->call->op;
    const image_plan *plan = &j->state->plan;
    /* Part by part, so that one part's weights stay in the caches. */
    const uint32_t k = task / j->images, n = task % j->images;
    const thaw_tensor *x = &op->in[0], *y = &op->out[k];
    unsigned char *own = j->workers + worker * plan->worker_bytes;
    float *in = (float *)j->call->args[0] + onednn_at(x, n * image_pixels(x));
    float *out = onednn_out(j->call, k) + onednn_at(y, n * image_pixels(y));
    float *const to = onednn_dense(y) ? out : (float *)(void *)(own + plan->stage_x);
    if (!onednn_dense(x)) {
        image_pack((float *)(void *)own, in, x, image_pixels(x));
        in = (float *)(void *)own;
    }
    void *bias = op->n_in == 3 ? (void *)(onednn_in(j->call, 2) + plan->parts[k].first) : NULL;
    const primitive_arg args[] = {{plan->x, in},
                                  {plan->y, to},
                                  {plan->w, weights_of(j, k)},
                                  {DNNL_ARG_BIAS, bias},
                                  {DNNL_ARG_SCRATCHPAD, own + plan->stage_x + plan->stage_y}};
    dnnl_status_t st = primitive_run(j->call->dev, &j->state->run[k], worker, 5, args);
    primitive_keep(&j->failed, st);
    if (!st && to != out)
        image_unpack(out, to, y, image_pixels(y));
}

thaw_status image_run(const onednn_call *call, thaw_error *err)
{
    const thaw_host *host = call->dev->host;
    const image_state *state = call->state;
    job j = {.call = call, .state = state, .workers = call->workspace, .images = (uint32_t)call->op->in[0].n};
    if (!is_const(call->op, 1) && state->plan.weights_bytes > 0) {
        j.weights = call->workspace;
        j.workers = call->workspace + state->plan.weights_bytes;
        host->parallel_for(host->ctx, state->plan.n_parts, reorder_task, &j);
    }
    if (!j.failed)
        host->parallel_for(host->ctx, j.images * state->plan.n_parts, image_task, &j);
    return primitive_status((dnnl_status_t)j.failed, "running a primitive", call->op, err);
}
