/* CONV2D_BWD_FILTER: dw[tap][c][o] = sum over destination pixels p of x[p moved by the tap][c] * dy[p][o].
 *
 * A task owns a tap, a group of input channels and a group of output channels, and goes through all pixels
 * in chunks of a fixed length: it packs the chunk's pieces of x and dy so that tiles read them front to back
 * (rows a power of two apart would fall on the same cache lines), and adds the product to its part of dw.
 * Chunks are added in the order of the pixels: the bits depend on the shape alone. */
#include <string.h>

#include "direct.h"
#include "kernels.h"
#include "space.h"

/* Pixels of a chunk: a panel of dy and a few tiles' rows of x fit the first-level cache. */
#define CHUNK ((size_t)256)
/* A packed element of dy is used by so many input channels, one of x by so many output channels. */
#define GROUP_IN  ((size_t)112)
#define GROUP_OUT ((size_t)256)

typedef struct {
    const conv_kernels *kernels;
    size_t taps, groups_in, groups_out;
    size_t in_max; /* channels of the largest input group */
    size_t zeros_at, worker_at, dy_at, rows_at, worker_bytes, workspace_bytes;
} filter_plan;

typedef struct {
    const cpu_call *call;
    filter_plan plan;
    const float *zeros;
    char *worker_area;
} filter_job;

static filter_plan make_plan(const struct thaw_device *dev, const backend_op *op)
{
    const thaw_tensor *dw = &op->out[0];
    const size_t in = (size_t)dw->w, out = (size_t)dw->c;
    filter_plan p = {.kernels = cpu_conv_kernels(dev->isa), .taps = (size_t)dw->n * (size_t)dw->h};
    const size_t panel = 2 * p.kernels->lanes;
    p.groups_in = space_ceil(in, GROUP_IN);
    p.groups_out = space_ceil(out, GROUP_OUT);
    p.in_max = space_ceil(in, p.groups_in);
    p.zeros_at = space_take(&p.workspace_bytes, in, sizeof(float));
    space_take(&p.worker_bytes, CHUNK * p.in_max, sizeof(float));
    p.dy_at = space_take(&p.worker_bytes, CHUNK * panel, sizeof(float));
    p.rows_at = space_take(&p.worker_bytes, CHUNK, sizeof(float *));
    p.worker_at = space_take(&p.workspace_bytes, dev->threads, p.worker_bytes);
    return p;
}

static size_t filter_workspace(const struct thaw_device *dev, const backend_op *op)
{
    return make_plan(dev, op).workspace_bytes;
}

/* rows[p] = x's row under the tap for destination pixel first + p. */
static void find_rows(const filter_job *job, size_t tap, size_t first, size_t n, const float **rows)
{
    const backend_op *op = job->call->op;
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    const thaw_conv_attr *a = &op->attr.conv;
    const float *base = job->call->args[0];
    const ptrdiff_t i = (ptrdiff_t)(tap / (size_t)dw->h), j = (ptrdiff_t)(tap % (size_t)dw->h);
    for (size_t p = 0; p < n; p++) {
        size_t at = first + p;
        ptrdiff_t ox = (ptrdiff_t)(at % (size_t)dy->w);
        size_t line = at / (size_t)dy->w;
        ptrdiff_t oy = (ptrdiff_t)(line % (size_t)dy->h);
        size_t image = line / (size_t)dy->h;
        ptrdiff_t sy = oy * a->stride_h - a->pad_top + i, sx = ox * a->stride_w - a->pad_left + j;
        bool inside = sy >= 0 && sy < x->h && sx >= 0 && sx < x->w;
        size_t pixel = inside ? (image * (size_t)x->h + (size_t)sy) * (size_t)x->w + (size_t)sx : 0;
        rows[p] = inside ? base + pixel * (size_t)x->pixel_pitch : job->zeros;
    }
}

/* What a task owns of dw. */
typedef struct {
    size_t tap, in_first, in_count, out_first, out_count;
} filter_part;

static void multiply_chunk(const filter_job *job, const filter_part *part, size_t first, size_t n, char *area)
{
    const conv_kernels *k = job->plan.kernels;
    const backend_op *op = job->call->op;
    const thaw_tensor *dy = &op->in[1], *dw = &op->out[0];
    const size_t dy_pitch = (size_t)dy->pixel_pitch, dw_pitch = (size_t)dw->pixel_pitch;
    float *x_packed = (float *)(void *)area;
    float *dy_packed = (float *)(void *)(area + job->plan.dy_at);
    const float **rows = (const float **)(void *)(area + job->plan.rows_at);
    const float *dy_rows = (const float *)job->call->args[1] + first * dy_pitch + part->out_first;
    float *out = (float *)job->call->args[2] + (part->tap * (size_t)dw->w + part->in_first) * dw_pitch +
                 part->out_first;
    const size_t tiles = space_ceil(part->in_count, k->max_rows), panel = 2 * k->lanes;

    find_rows(job, part->tap, first, n, rows);
    for (size_t t = 0; t < tiles; t++) {
        size_t c = space_cut(part->in_count, tiles, t), end = space_cut(part->in_count, tiles, t + 1);
        k->pack_rows[end - c](rows, part->in_first + c, n, x_packed + c * n);
    }
    for (size_t o = 0; o < part->out_count; o += panel) {
        const size_t cols = space_min(panel, part->out_count - o), vectors = space_ceil(cols, k->lanes);
        k->pack_panel[vectors - 1](dy_rows + o, dy_pitch, n, cols, dy_packed);
        for (size_t t = 0; t < tiles; t++) {
            size_t c = space_cut(part->in_count, tiles, t), end = space_cut(part->in_count, tiles, t + 1);
            conv_filter_tile tile = {
                .x = x_packed + c * n,
                .dy = dy_packed,
                .n = n,
                .out = out + c * dw_pitch + o,
                .out_pitch = dw_pitch,
                .cols = cols,
                .add = first > 0,
            };
            k->filter[vectors - 1][end - c](&tile);
        }
    }
}

static void filter_task(void *arg, uint32_t task, uint32_t worker)
{
    const filter_job *job = arg;
    const filter_plan *p = &job->plan;
    const backend_op *op = job->call->op;
    const size_t in = (size_t)op->out[0].w, out = (size_t)op->out[0].c, panel = 2 * p->kernels->lanes;
    const size_t group_out = task % p->groups_out, group_in = task / p->groups_out % p->groups_in;
    const size_t panels = space_ceil(out, panel);
    filter_part part = {.tap = task / p->groups_out / p->groups_in};
    part.in_first = space_cut(in, p->groups_in, group_in);
    part.in_count = space_cut(in, p->groups_in, group_in + 1) - part.in_first;
    part.out_first = space_cut(panels, p->groups_out, group_out) * panel;
    part.out_count = space_min(space_cut(panels, p->groups_out, group_out + 1) * panel, out) - part.out_first;
    char *area = job->worker_area + worker * p->worker_bytes;
    const size_t pixels = backend_pixels(&op->in[1]);
    for (size_t first = 0; first < pixels; first += CHUNK)
        multiply_chunk(job, &part, first, space_min(CHUNK, pixels - first), area);
}

static void filter_run(const cpu_call *call)
{
    const struct thaw_device *dev = call->dev;
    filter_job job = {.call = call, .plan = make_plan(dev, call->op)};
    const filter_plan *p = &job.plan;
    char *space = call->workspace;
    float *zeros = (float *)(void *)(space + p->zeros_at);
    memset(zeros, 0, (size_t)call->op->out[0].w * sizeof *zeros);
    job.zeros = zeros;
    job.worker_area = space + p->worker_at;
    uint32_t tasks = (uint32_t)(p->taps * p->groups_in * p->groups_out);
    dev->host->parallel_for(dev->host->ctx, tasks, filter_task, &job);
}

const cpu_algo cpu_conv_direct_bwd_filter = {
    .name = "direct",
    .kind = THAW_OP_CONV2D_BWD_FILTER,
    .min_isa = CPU_ISA_GENERIC,
    .max_isa = CPU_ISA_AVX512,
    .accepts = cpu_conv_direct_accepts,
    .workspace = filter_workspace,
    .run = filter_run,
};
