#include "gemm.h"

#include <math.h>
#include <string.h>

#include "backends/cpu/call.h"
#include "geometry.h"
#include "panels.h"
#include "space.h"

/* Row pointers of one task, at most: they should stay in the second-level cache beside the rows. */
#define MAX_TASK_POINTERS ((size_t)16384)
/* Tiles of one task, at most and, where the cache is small, at least. */
#define MAX_TASK_TILES ((size_t)24)
#define MIN_TASK_TILES ((size_t)3)
/* Tasks for each thread, so that a slow core does not hold up the others. */
#define TASKS_PER_THREAD ((size_t)4)

/* Everything that follows from the op. Offsets and sizes in bytes. */
typedef struct {
    conv_geometry geo;
    const conv_kernels *kernels;
    size_t n_panels, weight_elements;
    bool const_weights, const_bias;
    size_t task_rows;             /* destination pixels of a task, at most */
    size_t chunks, groups, tasks; /* cuts of each phase's pixels, and of the panels; all tasks */
    size_t panels_at, state_weights_at, state_bias_at, state_bytes;
    size_t zeros_at, weights_at, bias_at, worker_at; /* in the workspace */
    size_t worker_bytes, pixels_at;                  /* pixels_at: in a worker's part, after its pointers */
    size_t workspace_bytes;
} gemm_plan;

typedef struct {
    gemm_plan plan;
    conv_panel *panels;
    float *weights; /* packed; NULL: each run packs them */
    float *bias;    /* likewise */
} gemm_state;

/* Pixels whose source rows fill half of the second-level cache; the other half is for weights. */
static size_t task_rows(const struct thaw_device *dev, const gemm_plan *p)
{
    const conv_geometry *g = &p->geo;
    const size_t tile = p->kernels->max_rows, taps = g->kh * g->kw;
    size_t pixel = space_mul(g->src_pitch, sizeof(float));
    if (!g->backward)
        pixel = space_mul(pixel, space_min((size_t)g->stride_h, g->kh) * (size_t)g->stride_w);
    size_t tiles = dev->l2_bytes / 2 / pixel / tile;
    tiles = space_min(space_max(tiles, MIN_TASK_TILES), MAX_TASK_TILES);
    tiles = space_min(tiles, space_max(MAX_TASK_POINTERS / space_mul(taps, tile), 1));
    return tiles * tile;
}

/* Cuts the work into tasks: pixels first, and panels too where the pixels are few. */
static void cut_tasks(gemm_plan *p, uint32_t threads)
{
    const conv_geometry *g = &p->geo;
    const size_t phases = g->phases_h * g->phases_w;
    size_t largest = 0;
    for (size_t i = 0; i < phases; i++) {
        conv_phase phase = cpu_conv_phase(g, i);
        largest = space_max(largest, g->batch * phase.rows * phase.cols);
    }
    p->chunks = space_max(space_ceil(largest, p->task_rows), 1);
    const size_t wanted = threads > 1 ? threads * TASKS_PER_THREAD : 1;
    const size_t now = p->chunks * phases;
    p->groups = space_min(p->n_panels, space_ceil(wanted, now));
    p->tasks = now * p->groups;
}

static gemm_plan make_plan(const struct thaw_device *dev, const backend_op *op)
{
    gemm_plan p = {.geo = cpu_conv_geometry(op), .kernels = cpu_conv_kernels(dev->isa)};
    const size_t lanes = p.kernels->lanes, taps = space_mul(p.geo.kh, p.geo.kw);
    const bool has_bias = op->kind == THAW_OP_CONV2D && op->n_in > 2;
    p.const_weights = op->in[1].role == THAW_ROLE_CONST;
    p.const_bias = !has_bias || op->in[2].role == THAW_ROLE_CONST;
    p.n_panels = cpu_conv_panel_count(op->out, op->n_out, lanes);
    p.weight_elements =
        cpu_conv_panel_layout(op->out, op->n_out, lanes, space_mul(taps, p.geo.tap_len), NULL);
    p.task_rows = task_rows(dev, &p);
    cut_tasks(&p, dev->threads);

    space_take(&p.state_bytes, 1, sizeof(gemm_state));
    p.panels_at = space_take(&p.state_bytes, p.n_panels, sizeof(conv_panel));
    p.state_weights_at = space_take(&p.state_bytes, p.const_weights ? p.weight_elements : 0, sizeof(float));
    p.state_bias_at = space_take(&p.state_bytes, p.const_bias ? p.n_panels * 2 * lanes : 0, sizeof(float));

    p.zeros_at = space_take(&p.workspace_bytes, p.geo.tap_len, sizeof(float));
    p.weights_at = space_take(&p.workspace_bytes, p.const_weights ? 0 : p.weight_elements, sizeof(float));
    p.bias_at = space_take(&p.workspace_bytes, p.const_bias ? 0 : p.n_panels * 2 * lanes, sizeof(float));
    space_take(&p.worker_bytes, space_mul(p.task_rows, taps), sizeof(float *));
    p.pixels_at = space_take(&p.worker_bytes, p.task_rows, sizeof(size_t));
    p.worker_at = space_take(&p.workspace_bytes, dev->threads, p.worker_bytes);
    return p;
}

size_t cpu_conv_gemm_workspace(const struct thaw_device *dev, const backend_op *op)
{
    return make_plan(dev, op).workspace_bytes;
}

static conv_weights weights_of(const backend_op *op, const conv_geometry *geo, const float *src)
{
    const thaw_tensor *w = &op->in[1];
    const size_t pitch = (size_t)w->pixel_pitch;
    conv_weights found = {.src = src, .taps = geo->kh * geo->kw, .tap_len = geo->tap_len};
    if (geo->backward) {
        found.tap_pitch = (size_t)w->w * pitch;
        found.k_pitch = 1;
        found.col_pitch = pitch;
        found.tap_at = cpu_conv_tap_at;
        found.ctx = geo;
    } else {
        found.tap_pitch = geo->tap_len * pitch;
        found.k_pitch = pitch;
        found.col_pitch = 1;
    }
    return found;
}

thaw_status cpu_conv_gemm_prepare(const struct thaw_device *dev, const backend_op *op,
                                  const void *const *const_data, void **state, thaw_error *err)
{
    gemm_plan p = make_plan(dev, op);
    char *block;
    thaw_status st = cpu_conv_panel_state(dev, p.state_bytes, &block, err);
    if (st != THAW_OK)
        return st;
    gemm_state *s = (gemm_state *)(void *)block;
    *s = (gemm_state){.plan = p};
    s->panels = (conv_panel *)(void *)(block + p.panels_at);
    cpu_conv_panel_layout(op->out, op->n_out, p.kernels->lanes, p.geo.kh * p.geo.kw * p.geo.tap_len,
                          s->panels);
    if (p.const_weights) {
        s->weights = (float *)(void *)(block + p.state_weights_at);
        conv_weights from = weights_of(op, &s->plan.geo, const_data[1]);
        for (size_t i = 0; i < p.n_panels; i++)
            cpu_conv_panel_pack(p.kernels, &s->panels[i], &from, s->weights);
    }
    if (p.const_bias) {
        s->bias = (float *)(void *)(block + p.state_bias_at);
        const float *bias = op->n_in > 2 ? const_data[2] : NULL;
        cpu_conv_panel_bias(s->panels, p.n_panels, p.kernels->lanes, bias, s->bias);
    }
    *state = s;
    return THAW_OK;
}

/* Where all pixels are in one piece, workers share the panels; otherwise each begins with the first. */
cpu_weights cpu_conv_gemm_weights(const struct thaw_device *dev, const void *state)
{
    const gemm_state *s = state;
    const gemm_plan *p = &s->plan;
    cpu_weights w = {(const char *)s->weights, 0};
    if (p->tasks == p->groups)
        w.share = cpu_conv_panel_share(s->panels, p->n_panels, p->groups, cpu_first_task(dev, p->tasks, 1),
                                       sizeof(float));
    return w;
}

void cpu_conv_gemm_destroy(const struct thaw_device *dev, void *state)
{
    dev->host->free(dev->host->ctx, state);
}

typedef struct {
    const cpu_call *call;
    const gemm_state *state;
    const float *weights, *bias, *zeros;
    conv_weights source; /* for packing */
    float *packed;
    char *worker_area;
} gemm_job;

static void pack_task(void *arg, uint32_t task, uint32_t worker)
{
    const gemm_job *job = arg;
    (void)worker;
    cpu_conv_panel_pack(job->state->plan.kernels, &job->state->panels[task], &job->source, job->packed);
}

/* The pixels of a phase that one task does, and its lists: for each tile of rows m0 … m0 + R - 1, R row
 * pointers for each tap; for each pixel its number in the destination. */
typedef struct {
    const conv_phase *phase;
    size_t first, count, tiles;
    const float **pointers;
    size_t *pixels;
} gemm_rows;

static void fill_tile(const gemm_job *job, const gemm_rows *rows, size_t m0, size_t n)
{
    const conv_geometry *g = &job->state->plan.geo;
    const conv_phase *p = rows->phase;
    const float *x = job->call->args[0];
    const float **list = rows->pointers + m0 * p->tap_h * p->tap_w;
    for (size_t m = 0; m < n; m++) {
        size_t at = rows->first + m0 + m;
        size_t tx = at % p->cols, line = at / p->cols;
        size_t ty = line % p->rows, image = line / p->rows;
        rows->pixels[m0 + m] =
            (image * g->dst_h + p->y0 + ty * p->step_y) * g->dst_w + p->x0 + tx * p->step_x;
        ptrdiff_t y = p->src_y0 + (ptrdiff_t)ty * p->src_step_y;
        const ptrdiff_t x_first = p->src_x0 + (ptrdiff_t)tx * p->src_step_x;
        const float **to = list + m;
        for (size_t i = 0; i < p->tap_h; i++, y += p->tap_step) {
            const bool inside = y >= 0 && (size_t)y < g->src_h;
            ptrdiff_t col = x_first;
            for (size_t j = 0; j < p->tap_w; j++, col += p->tap_step, to += n) {
                if (inside && col >= 0 && (size_t)col < g->src_w)
                    *to = x + ((image * g->src_h + (size_t)y) * g->src_w + (size_t)col) * g->src_pitch;
                else
                    *to = job->zeros;
            }
        }
    }
}

/* Whether source rows lie one behind the other in memory, each read by one destination pixel. */
static bool rows_follow(const conv_geometry *g)
{
    return g->kh * g->kw == 1 && g->stride_h == 1 && g->stride_w == 1 && g->src_pitch == g->tap_len &&
           g->pad_top == 0 && g->pad_left == 0;
}

/* The last tiles of a panel draw what is multiplied with next: a panel of two vectors has two lines for each
 * of a tile's steps. */
#define DRAWING_TILES ((size_t)2)

/* What tile t of a panel draws; rows_too: also the rows of the tile behind it, which has not been read yet. A
 * line for each step is enough for 16 of them. */
static const char *to_draw(const conv_tile *tile, size_t n, size_t t, size_t tiles, bool rows_too,
                           const char *next)
{
    const size_t left = tiles - 1 - t, part = tile->taps * tile->tap_len * CPU_LINE;
    if (rows_too && left > 0)
        return (const char *)(tile->rows[n - 1] + tile->tap_len);
    if (!next || left >= DRAWING_TILES)
        return NULL;
    return left == 0 && tiles > 1 && !rows_too ? next + part : next;
}

/* All tiles of the task with one panel. next: the weights behind its own, or NULL. */
static void multiply_panel(const gemm_job *job, const gemm_rows *rows, size_t index, bool first,
                           const char *next)
{
    const gemm_state *s = job->state;
    const backend_op *op = job->call->op;
    const conv_panel *panel = &s->panels[index];
    const gemm_plan *p = &s->plan;
    const size_t lanes = p->kernels->lanes, width = panel->vectors * lanes;
    const size_t taps = rows->phase->tap_h * rows->phase->tap_w, len = p->geo.tap_len;
    const size_t skip = rows->phase->first_tap * len;
    float *const *out = (float *const *)(const void *)(job->call->args + op->n_in);
    conv_tile tile = {
        .taps = taps,
        .tap_len = len,
        .weights = job->weights + panel->weights_at + skip * width,
        .bias = job->bias + index * 2 * lanes,
        .floor = op->attr.conv.relu_mask >> panel->out & 1u ? 0.0f : -INFINITY,
        .out = out[panel->out] + panel->out_first,
        .out_pitch = (size_t)op->out[panel->out].pixel_pitch,
        .cols = panel->cols,
    };
    const bool rows_too = first && rows_follow(&p->geo);
    for (size_t t = 0; t < rows->tiles; t++) {
        size_t m0 = space_cut(rows->count, rows->tiles, t);
        size_t n = space_cut(rows->count, rows->tiles, t + 1) - m0;
        tile.rows = rows->pointers + m0 * taps;
        tile.pixels = rows->pixels + m0;
        tile.prefetch = to_draw(&tile, n, t, rows->tiles, rows_too, next);
        p->kernels->tile[panel->vectors - 1][n](&tile);
    }
}

/* What is multiplied with behind panel `index` of a task whose panels end before `end`. With another piece of
 * the pixels it begins anew, with panels that are in the cache where they fit. */
static const char *weights_behind(const gemm_job *job, size_t index, size_t end, uint32_t task,
                                  uint32_t worker)
{
    const gemm_state *s = job->state;
    const char *next = cpu_next_weights(job->call, s->plan.tasks, task, worker);
    if (index + 1 < end || (!next && end < s->plan.n_panels))
        return (const char *)(job->weights + s->panels[index + 1].weights_at);
    return next;
}

static void gemm_task(void *arg, uint32_t task, uint32_t worker)
{
    const gemm_job *job = arg;
    const gemm_plan *p = &job->state->plan;
    const size_t group = task % p->groups, chunk = task / p->groups % p->chunks;
    const conv_phase phase = cpu_conv_phase(&p->geo, task / p->groups / p->chunks);
    const size_t total = p->geo.batch * phase.rows * phase.cols;
    char *area = job->worker_area + worker * p->worker_bytes;
    gemm_rows rows = {
        .phase = &phase,
        .first = space_cut(total, p->chunks, chunk),
        .pointers = (const float **)(void *)area,
        .pixels = (size_t *)(void *)(area + p->pixels_at),
    };
    rows.count = space_cut(total, p->chunks, chunk + 1) - rows.first;
    if (rows.count == 0)
        return;
    rows.tiles = space_ceil(rows.count, p->kernels->max_rows);
    for (size_t t = 0; t < rows.tiles; t++) {
        size_t m0 = space_cut(rows.count, rows.tiles, t);
        fill_tile(job, &rows, m0, space_cut(rows.count, rows.tiles, t + 1) - m0);
    }
    const size_t end = space_cut(p->n_panels, p->groups, group + 1);
    const size_t begin = space_cut(p->n_panels, p->groups, group);
    for (size_t i = begin; i < end; i++)
        multiply_panel(job, &rows, i, i == begin, weights_behind(job, i, end, task, worker));
}

void cpu_conv_gemm_run(const cpu_call *call)
{
    const thaw_host *host = call->dev->host;
    const gemm_state *s = call->state;
    const gemm_plan *p = &s->plan;
    char *space = call->workspace;
    gemm_job job = {.call = call, .state = s, .weights = s->weights, .bias = s->bias};
    float *zeros = (float *)(void *)(space + p->zeros_at);
    memset(zeros, 0, p->geo.tap_len * sizeof *zeros);
    job.zeros = zeros;
    job.worker_area = space + p->worker_at;
    if (!job.bias) {
        float *bias = (float *)(void *)(space + p->bias_at);
        cpu_conv_panel_bias(s->panels, p->n_panels, p->kernels->lanes, call->args[2], bias);
        job.bias = bias;
    }
    if (!job.weights) {
        job.packed = (float *)(void *)(space + p->weights_at);
        job.source = weights_of(call->op, &p->geo, call->args[1]);
        host->parallel_for(host->ctx, (uint32_t)p->n_panels, pack_task, &job);
        job.weights = job.packed;
    }
    host->parallel_for(host->ctx, (uint32_t)p->tasks, gemm_task, &job);
}
