#include "bf16.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/common/half.h"
#include "backends/cpu/call.h"
#include "bf16_rows.h"
#include "cost.h"
#include "direct.h"
#include "panels.h"
#include "space.h"

#if defined(THAW_CPU_BF16)

/* Packing a weight, as for direct products. */
#define PACK_EACH 24.0
/* Tasks for each thread, so that a slow core does not hold up the others. */
#define TASKS_PER_THREAD ((size_t)2)

/* What a worker keeps in its part of the workspace. */
typedef struct {
    size_t filled; /* the chunk that the matrix holds, SIZE_MAX: none */
    size_t rows;
} bf16_worker;

/* Everything whose size follows from the op: elements, and offsets in bytes. */
typedef struct {
    const conv_bf16_kernels *kernels;
    bf16_rows rows;
    size_t n_panels, weight_elements, weight_bytes; /* weight_bytes: of an element */
    size_t panels_at, weights_at, bias_at, taps_at, state_bytes;
    size_t own_at, pixels_at, work_at, worker_bytes, workspace_bytes; /* own_at …: in a worker's part */
    size_t groups; /* cuts of the panels: a task is a chunk of the rows and a group */
    bool streams;  /* few tasks read the weights: they come from far */
} bf16_plan;

typedef struct {
    bf16_plan plan;
    conv_panel *panels;
    char *weights; /* bf16 or, to be split, f32 */
    float *bias;
    size_t *tap_at;
} bf16_state;

/* Cuts the work into tasks: pixels first, and panels too where the pixels are few. */
static void cut_tasks(bf16_plan *p, const struct thaw_device *dev)
{
    const size_t wanted = dev->threads > 1 ? dev->threads * TASKS_PER_THREAD : 1;
    p->groups = space_min(p->n_panels, space_ceil(wanted, p->rows.chunks));
    p->groups = space_max(space_min(p->groups, UINT32_MAX / p->rows.chunks), 1);
    p->streams = p->rows.chunks <= wanted;
}

static bf16_plan make_plan(const struct thaw_device *dev, const backend_op *op,
                           const conv_bf16_kernels *kernels)
{
    bf16_plan p = {.kernels = kernels, .rows = cpu_conv_bf16_rows(op, kernels->parts, dev->l2_bytes)};
    const size_t k = space_mul(p.rows.taps, p.rows.k);
    p.weight_bytes = kernels->parts == 1 ? sizeof(uint16_t) : sizeof(float);
    p.n_panels = cpu_conv_panel_count(op->out, op->n_out, BF16_LANES);
    p.weight_elements = cpu_conv_panel_layout(op->out, op->n_out, BF16_LANES, k, NULL);

    cut_tasks(&p, dev);

    space_take(&p.state_bytes, 1, sizeof(bf16_state));
    p.panels_at = space_take(&p.state_bytes, p.n_panels, sizeof(conv_panel));
    p.weights_at = space_take(&p.state_bytes, p.weight_elements, p.weight_bytes);
    p.bias_at = space_take(&p.state_bytes, p.n_panels * 2 * BF16_LANES, sizeof(float));
    p.taps_at = space_take(&p.state_bytes, p.rows.taps, sizeof(size_t));

    space_take(&p.worker_bytes, p.rows.elements, sizeof(uint16_t));
    p.own_at = space_take(&p.worker_bytes, 1, sizeof(bf16_worker));
    p.pixels_at = space_take(&p.worker_bytes, p.rows.rows, sizeof(size_t));
    p.work_at = space_take(&p.worker_bytes, 1, kernels->work_bytes);
    space_take(&p.workspace_bytes, dev->threads, p.worker_bytes);
    return p;
}

/* ---- which ops ---------------------------------------------------------------------------------------- */

static bool accepts_const(const backend_op *op, bool here, const char *what, char *why, size_t cap)
{
    if (!here)
        snprintf(why, cap, "this processor, or its operating system, has no %s", what);
    else if (op->in[1].role != THAW_ROLE_CONST || (op->n_in > 2 && op->in[2].role != THAW_ROLE_CONST))
        snprintf(why, cap, "takes weights and bias of the role CONST only: they are rounded once");
    else
        return true;
    return false;
}

static bool accepts_bf16(const backend_op *op, bool here, const char *what, const struct thaw_device *dev,
                         char *why, size_t cap)
{
    if (op->precision != THAW_PREC_BF16)
        snprintf(why, cap, "rounds to bf16, which the op does not permit");
    else if (accepts_const(op, here, what, why, cap) && cpu_conv_direct_accepts(dev, op, why, cap)) {
        snprintf(why, cap, "bf16 factors, f32 sums by %s", what);
        return true;
    }
    return false;
}

static bool accepts_avx512(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    return accepts_bf16(op, dev->avx512_bf16, "AVX512_BF16", dev, why, cap);
}

static bool accepts_amx(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    return accepts_bf16(op, dev->amx_bf16, "AMX", dev, why, cap);
}

static bool accepts_split_amx(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    if (op->precision != THAW_PREC_F32)
        snprintf(why, cap, "is for f32: the op permits to round the factors, which is faster");
    else if (accepts_const(op, dev->amx_bf16, "AMX", why, cap) &&
             cpu_conv_transform_accepts(dev, op, why, cap)) {
        snprintf(why, cap, "factors in three parts of bf16, f32 sums by AMX");
        return true;
    }
    return false;
}

/* Multiply-adds at `each` of an f32 one, as many as the rows have with their padding; the making of the left
 * matrix at `fill` an element, and what it takes to begin with each of the pieces of a row; and the way of
 * the weights, which chunk after chunk reads. */
static double cost(const struct thaw_device *dev, const backend_op *op, const conv_bf16_kernels *kernels,
                   double each, double fill)
{
    const double piece = 500, again = 2.5;
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, op, &typical);
    const bf16_plan p = make_plan(&typical.dev, &typical.op, kernels);
    const bf16_rows *r = &p.rows;
    const double chunks = (double)r->chunks, bytes = (double)p.weight_elements * (double)p.weight_bytes;
    const double pixels = (double)backend_pixels(&typical.op.out[0]);
    const double anew = bytes > (double)dev->l2_bytes / 2 ? chunks - 1 : 0;
    return chunks * (double)r->rows * (double)p.weight_elements * each + chunks * (double)r->plane * fill +
           pixels * piece * (r->region ? 1 : (double)r->filter_taps) +
           bytes * (cpu_conv_cost_of_byte(dev) + anew * again) +
           cpu_conv_cost_of_weights(&typical, (double)p.weight_elements, PACK_EACH);
}

static double cost_amx(const struct thaw_device *dev, const backend_op *op)
{
    return cost(dev, op, &cpu_conv_bf16_kernels_amx, 0.15, 1.5);
}

static double cost_split_amx(const struct thaw_device *dev, const backend_op *op)
{
    return cost(dev, op, &cpu_conv_bf16_kernels_split_amx, 0.6, 24);
}

static double cost_avx512(const struct thaw_device *dev, const backend_op *op)
{
    return cost(dev, op, &cpu_conv_bf16_kernels_avx512, dev->slow_avx512_bf16 ? 2.2 : 0.55, 1.5);
}

/* ---- weights ------------------------------------------------------------------------------------------ */

/* Rows of a panel, whose elements stand two apart: those of the next row lie between them. */
static void pack_row(const float *row, size_t cols, bool rounds, char *to)
{
    uint16_t *const rounded = (uint16_t *)(void *)to;
    float *const whole = (float *)(void *)to;
    for (size_t j = 0; j < cols; j++) {
        if (rounds)
            rounded[2 * j] = bfloat_of(row[j]);
        else
            whole[2 * j] = row[j];
    }
}

/* Both rows of a pair of f32, in one go: the usual case. */
static void pack_pair(const float *restrict upper, const float *restrict lower, size_t cols,
                      float *restrict to)
{
    for (size_t j = 0; j < cols; j++) {
        to[2 * j] = upper[j];
        to[2 * j + 1] = lower[j];
    }
}

static void pack_tap(const bf16_plan *p, const conv_panel *panel, size_t tap, const float *src, size_t pitch,
                     char *dst)
{
    const size_t width = panel->vectors * BF16_LANES;
    const bool rounds = p->rows.parts == 1;
    src += cpu_conv_bf16_filter_tap(&p->rows, tap) * p->rows.depth * pitch + panel->first;
    for (size_t i = 0; i < p->rows.depth; i++, src += pitch) {
        const size_t at = cpu_conv_bf16_factor(&p->rows, tap, i);
        char *to = dst + (at / 2 * width * 2 + at % 2) * p->weight_bytes;
        if (!rounds && at % 2 == 0 && i + 1 < p->rows.depth &&
            cpu_conv_bf16_factor(&p->rows, tap, i + 1) == at + 1) {
            pack_pair(src, src + pitch, panel->cols, (float *)(void *)to);
            src += pitch;
            i++;
        } else {
            pack_row(src, panel->cols, rounds, to);
        }
    }
}

static void pack_panel(const bf16_plan *p, const conv_panel *panel, const thaw_tensor *w, const float *src,
                       char *dst)
{
    dst += panel->weights_at * p->weight_bytes;
    memset(dst, 0, p->rows.taps * p->rows.k * panel->vectors * BF16_LANES * p->weight_bytes);
    for (size_t t = 0; t < p->rows.filter_taps; t++)
        pack_tap(p, panel, t, src, (size_t)w->pixel_pitch, dst);
}

static thaw_status prepare(const struct thaw_device *dev, const backend_op *op,
                           const conv_bf16_kernels *kernels, const void *const *const_data, void **state,
                           thaw_error *err)
{
    const bf16_plan p = make_plan(dev, op, kernels);
    if (p.state_bytes == SIZE_MAX)
        return backend_fail(err, THAW_E_INVALID, "convolution: the size of its weights overflows");
    char *block = dev->host->alloc(dev->host->ctx, p.state_bytes, SPACE_ALIGN);
    if (!block)
        return backend_fail(err, THAW_E_NO_MEMORY, "convolution: no memory for %zu bytes of packed weights",
                            p.state_bytes);
    bf16_state *s = (bf16_state *)(void *)block;
    *s = (bf16_state){.plan = p,
                      .panels = (conv_panel *)(void *)(block + p.panels_at),
                      .weights = block + p.weights_at,
                      .bias = (float *)(void *)(block + p.bias_at),
                      .tap_at = (size_t *)(void *)(block + p.taps_at)};
    cpu_conv_panel_layout(op->out, op->n_out, BF16_LANES, p.rows.taps * p.rows.k, s->panels);
    for (size_t i = 0; i < p.n_panels; i++)
        pack_panel(&p, &s->panels[i], &op->in[1], const_data[1], s->weights);
    cpu_conv_panel_bias(s->panels, p.n_panels, BF16_LANES, op->n_in > 2 ? const_data[2] : NULL, s->bias);
    for (size_t t = 0; t < p.rows.taps; t++)
        s->tap_at[t] = cpu_conv_bf16_tap(&p.rows, t);
    *state = s;
    return THAW_OK;
}

/* Where all rows are in one chunk, workers share the panels; otherwise each begins with the first. */
static cpu_weights weights(const struct thaw_device *dev, const void *state)
{
    const bf16_state *s = state;
    const bf16_plan *p = &s->plan;
    cpu_weights w = {s->weights, 0};
    const size_t group = cpu_first_task(dev, p->groups, 1);
    if (p->rows.chunks == 1 && group < p->groups)
        w.share = s->panels[space_cut(p->n_panels, p->groups, group)].weights_at * p->weight_bytes;
    return w;
}

static void destroy(const struct thaw_device *dev, void *state)
{
    dev->host->free(dev->host->ctx, state);
}

/* ---- running ------------------------------------------------------------------------------------------ */

typedef struct {
    const cpu_call *call;
    const bf16_plan *plan;
} bf16_job;

static char *worker_area(const bf16_job *job, size_t worker)
{
    return (char *)job->call->workspace + worker * job->plan->worker_bytes;
}

static void describe_panel(const bf16_job *job, size_t index, conv_bf16_product *product)
{
    const bf16_state *s = job->call->state;
    const backend_op *op = job->call->op;
    const conv_panel *panel = &s->panels[index];
    float *const *out = (float *const *)(const void *)(job->call->args + op->n_in);
    product->panel = s->weights + panel->weights_at * job->plan->weight_bytes;
    product->vectors = panel->vectors;
    product->bias = s->bias + index * 2 * BF16_LANES;
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
    const bf16_state *s = job->call->state;
    const conv_panel *next = &s->panels[space_min(index + 1, p->n_panels - 1)];
    const char *weights = s->weights + next->weights_at * p->weight_bytes;
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
    const bf16_state *s = job->call->state;
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
                                 .tap_at = s->tap_at,
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

static void run(const cpu_call *call)
{
    const struct thaw_device *dev = call->dev;
    const bf16_state *s = call->state;
    const bf16_plan *p = &s->plan;
    bf16_job job = {.call = call, .plan = p};
    for (size_t i = 0; i < dev->threads; i++)
        ((bf16_worker *)(void *)(worker_area(&job, i) + p->own_at))->filled = SIZE_MAX;
    dev->host->parallel_for(dev->host->ctx, (uint32_t)(p->rows.chunks * p->groups), run_task, &job);
}

/* A cpu_algo has no place for its kernels: each gets functions that know them. */
#define FUNCTIONS(suffix)                                                                                    \
    static size_t workspace_##suffix(const struct thaw_device *dev, const backend_op *op)                    \
    {                                                                                                        \
        return make_plan(dev, op, &cpu_conv_bf16_kernels_##suffix).workspace_bytes;                          \
    }                                                                                                        \
    static thaw_status prepare_##suffix(const struct thaw_device *dev, const backend_op *op,                 \
                                        const void *const *data, void **state, thaw_error *err)              \
    {                                                                                                        \
        return prepare(dev, op, &cpu_conv_bf16_kernels_##suffix, data, state, err);                          \
    }
FUNCTIONS(amx)
FUNCTIONS(split_amx)
FUNCTIONS(avx512)

#define ALGO(title, suffix)                                                                                  \
    {                                                                                                        \
        .name = (title), .kind = THAW_OP_CONV2D, .min_isa = CPU_ISA_AVX512, .max_isa = CPU_ISA_AVX512,       \
        .accepts = accepts_##suffix, .cost = cost_##suffix, .workspace = workspace_##suffix,                 \
        .prepare = prepare_##suffix, .destroy = destroy, .weights = weights, .run = run                      \
    }

const cpu_algo cpu_conv_bf16_amx = ALGO("bf16 amx", amx);
const cpu_algo cpu_conv_bf16_split_amx = ALGO("3xbf16 amx", split_amx);
const cpu_algo cpu_conv_bf16_avx512 = ALGO("bf16 avx512", avx512);

#endif
