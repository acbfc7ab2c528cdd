/* CONV2D_BWD_FILTER: dw[tap][c][o] = sum over destination pixels p of x[p moved by the tap][c] * dy[p][o].
 *
 * Pixels go in chunks of a fixed length, several of which make a pass. First dy's rows of a pass are packed
 * once for all, panel by panel. Then each task, which owns a tap, a group of input channels and mostly all
 * output channels, packs its piece of x, chunk by chunk, and adds the products to its part of dw. Packed,
 * both are read front to back (rows a power of two apart would fall on the same cache lines). Chunks are
 * added in the order of the pixels: the bits depend on the shape alone, however the tasks are cut. */
#include <string.h>

#include "cost.h"
#include "direct.h"
#include "kernels.h"
#include "space.h"

/* Pixels of a chunk: a panel of dy and a tile's rows of x fit the first-level cache. */
#define CHUNK ((size_t)256)
/* Pixels that are packed in one go: their pieces of rows stay in the first-level cache. */
#define BLOCK ((size_t)16)
/* Tiles of input channels in a group, at most: their chunk takes a small part of the second-level cache, and
 * each packed element of dy is used by all of them. */
#define GROUP_TILES ((size_t)16)
/* Bytes of dy that are packed for a pass, at most, unless one chunk needs more. */
#define PASS_BYTES ((size_t)8 << 20)
/* Tasks for each thread, so that a slow core does not hold up the others. */
#define TASKS_PER_THREAD ((size_t)4)

typedef struct {
    const conv_kernels *kernels;
    size_t taps, in, out, pixels;
    size_t tiles, panels, width; /* of all input channels; of all output channels; elements of a packed row */
    size_t groups_in, groups_out, in_max; /* in_max: channels of the largest input group */
    size_t pass;                          /* pixels of a pass, a multiple of CHUNK */
    size_t zeros_at, dy_at, worker_at, rows_at, worker_bytes, workspace_bytes;
} filter_plan;

typedef struct {
    const cpu_call *call;
    filter_plan plan;
    const float *zeros;
    float *dy_packed;
    char *worker_area;
    size_t first, end; /* pixels of the pass */
} filter_job;

static size_t common_divisor(size_t a, size_t b)
{
    while (b > 0) {
        size_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

/* Enough tasks for all threads, and as many for each, if the shape has them. */
static void cut_tasks(filter_plan *p, size_t threads)
{
    const size_t wanted = threads > 1 ? threads * TASKS_PER_THREAD : 1;
    const size_t step = threads / common_divisor(threads, p->taps);
    size_t groups = space_max(space_ceil(p->tiles, GROUP_TILES), space_ceil(wanted, p->taps));
    p->groups_in = space_min(space_ceil(groups, step) * step, p->tiles);
    p->groups_out = space_min(p->panels, space_ceil(wanted, p->taps * p->groups_in));
}

static filter_plan make_plan(const struct thaw_device *dev, const backend_op *op)
{
    const thaw_tensor *dw = &op->out[0];
    filter_plan p = {.kernels = cpu_conv_kernels(dev->isa),
                     .taps = (size_t)dw->n * (size_t)dw->h,
                     .in = (size_t)dw->w,
                     .out = (size_t)dw->c,
                     .pixels = backend_pixels(&op->in[1])};
    const size_t lanes = p.kernels->lanes;
    p.tiles = space_ceil(p.in, p.kernels->max_rows);
    p.panels = space_ceil(p.out, 2 * lanes);
    p.width = space_ceil(p.out, lanes) * lanes;
    cut_tasks(&p, dev->threads);
    p.in_max = space_min(space_ceil(p.tiles, p.groups_in) * p.kernels->max_rows, p.in);
    p.pass = space_max(PASS_BYTES / sizeof(float) / p.width / CHUNK, 1) * CHUNK;
    p.zeros_at = space_take(&p.workspace_bytes, p.in, sizeof(float));
    p.dy_at = space_take(&p.workspace_bytes, space_mul(space_min(p.pass, p.pixels), p.width), sizeof(float));
    space_take(&p.worker_bytes, space_mul(CHUNK, p.in_max), sizeof(float));
    p.rows_at = space_take(&p.worker_bytes, CHUNK, sizeof(float *));
    p.worker_at = space_take(&p.workspace_bytes, dev->threads, p.worker_bytes);
    return p;
}

static size_t filter_workspace(const struct thaw_device *dev, const backend_op *op)
{
    return make_plan(dev, op).workspace_bytes;
}

/* ---- packing ------------------------------------------------------------------------------------ */

/* Vectors of a panel. */
static size_t panel_vectors(const filter_plan *p, size_t panel)
{
    const size_t lanes = p->kernels->lanes;
    return space_min(p->width - panel * 2 * lanes, 2 * lanes) / lanes;
}

/* Where a chunk's panel lies: chunks one behind the other, and in each the panels. */
static float *packed_panel(const filter_job *job, size_t chunk, size_t n, size_t panel)
{
    return job->dy_packed + chunk * CHUNK * job->plan.width + n * panel * 2 * job->plan.kernels->lanes;
}

/* A block of pixels of dy. */
static void pack_task(void *arg, uint32_t task, uint32_t worker)
{
    const filter_job *job = arg;
    const filter_plan *p = &job->plan;
    const thaw_tensor *dy = &job->call->op->in[1];
    const size_t at = task * BLOCK, chunk = at / CHUNK, panel = 2 * p->kernels->lanes;
    const size_t n = space_min(CHUNK, job->end - job->first - chunk * CHUNK), skip = at - chunk * CHUNK;
    const size_t rows = space_min(BLOCK, n - skip);
    const float *src = (const float *)job->call->args[1] + (job->first + at) * (size_t)dy->pixel_pitch;
    (void)worker;
    for (size_t i = 0; i < p->panels; i++) {
        const size_t vectors = panel_vectors(p, i);
        p->kernels->pack_panel[vectors - 1](
            src + i * panel, (size_t)dy->pixel_pitch, rows, space_min(panel, p->out - i * panel),
            packed_panel(job, chunk, n, i) + skip * vectors * p->kernels->lanes);
    }
}

/* rows[p] = x's row under the tap for destination pixel first + p. */
static void find_rows(const filter_job *job, size_t tap, size_t first, size_t n, const float **rows)
{
    const backend_op *op = job->call->op;
    const thaw_tensor *x = &op->in[0], *dy = &op->in[1], *dw = &op->out[0];
    const thaw_conv_attr *a = &op->attr.conv;
    const float *base = job->call->args[0];
    const ptrdiff_t i = (ptrdiff_t)(tap / (size_t)dw->h), j = (ptrdiff_t)(tap % (size_t)dw->h);
    ptrdiff_t ox = (ptrdiff_t)(first % (size_t)dy->w);
    const size_t line = first / (size_t)dy->w;
    ptrdiff_t oy = (ptrdiff_t)(line % (size_t)dy->h);
    size_t image = line / (size_t)dy->h;
    for (size_t p = 0; p < n; p++) {
        ptrdiff_t sy = oy * a->stride_h - a->pad_top + i, sx = ox * a->stride_w - a->pad_left + j;
        bool inside = sy >= 0 && sy < x->h && sx >= 0 && sx < x->w;
        size_t pixel = inside ? (image * (size_t)x->h + (size_t)sy) * (size_t)x->w + (size_t)sx : 0;
        rows[p] = inside ? base + pixel * (size_t)x->pixel_pitch : job->zeros;
        if (++ox < dy->w)
            continue;
        ox = 0;
        if (++oy < dy->h)
            continue;
        oy = 0;
        image++;
    }
}

/* ---- products ----------------------------------------------------------------------------------- */

/* What a task owns of dw. */
typedef struct {
    size_t tap, tile_first, tiles, panel_first, panel_end;
} filter_part;

/* First channel of a tile; of the tile behind the last: the channels. */
static size_t tile_start(const filter_plan *p, size_t tile)
{
    return space_cut(p->in, p->tiles, tile);
}

/* Tile by tile, one behind the other; but each row's piece of all tiles is read at once. */
static void pack_chunk(const filter_plan *p, const filter_part *part, const float *const *rows, size_t n,
                       float *packed)
{
    const size_t c0 = tile_start(p, part->tile_first);
    for (size_t at = 0; at < n; at += BLOCK) {
        const size_t count = space_min(BLOCK, n - at);
        for (size_t t = 0; t < part->tiles; t++) {
            const size_t c = tile_start(p, part->tile_first + t);
            const size_t channels = tile_start(p, part->tile_first + t + 1) - c;
            p->kernels->pack_rows[channels](rows + at, c, count, packed + (c - c0) * n + at * channels);
        }
    }
}

/* Adds the products of a chunk, n pixels from `first` on. */
static void multiply_chunk(const filter_job *job, const filter_part *part, size_t first, size_t n,
                           const float *x_packed)
{
    const filter_plan *p = &job->plan;
    const thaw_tensor *dw = &job->call->op->out[0];
    const size_t dw_pitch = (size_t)dw->pixel_pitch, panel = 2 * p->kernels->lanes;
    const size_t c0 = tile_start(p, part->tile_first), chunk = (first - job->first) / CHUNK;
    const size_t step = CONV_FILTER_STRIDE * panel * sizeof(float) / part->tiles;
    float *out = (float *)job->call->args[2] + part->tap * p->in * dw_pitch;
    for (size_t i = part->panel_first; i < part->panel_end; i++) {
        const bool last = i + 1 == part->panel_end;
        conv_filter_tile tile = {
            .x = x_packed,
            .dy = packed_panel(job, chunk, n, i),
            .dy_pitch = panel_vectors(p, i) * p->kernels->lanes,
            .n = n,
            .out_pitch = dw_pitch,
            .cols = space_min(panel, p->out - i * panel),
            .add = first > 0,
            .prefetch = (const char *)packed_panel(job, chunk, n, last ? i : i + 1),
            .prefetch_step = last ? 0 : step,
        };
        size_t c = c0;
        for (size_t t = part->tile_first; t < part->tile_first + part->tiles; t++) {
            const size_t channels = tile_start(p, t + 1) - c;
            tile.x_pitch = channels;
            tile.out = out + c * dw_pitch + i * panel;
            p->kernels->filter[panel_vectors(p, i) - 1][channels](&tile);
            tile.x += channels * n;
            tile.prefetch += tile.prefetch_step * (n / CONV_FILTER_STRIDE);
            c += channels;
        }
    }
}

static void multiply_part(const filter_job *job, const filter_part *part, char *area)
{
    float *packed = (float *)(void *)area;
    const float **rows = (const float **)(void *)(area + job->plan.rows_at);
    for (size_t first = job->first; first < job->end; first += CHUNK) {
        const size_t n = space_min(CHUNK, job->end - first);
        find_rows(job, part->tap, first, n, rows);
        pack_chunk(&job->plan, part, rows, n, packed);
        multiply_chunk(job, part, first, n, packed);
    }
}

static void filter_task(void *arg, uint32_t task, uint32_t worker)
{
    const filter_job *job = arg;
    const filter_plan *p = &job->plan;
    const size_t group_out = task % p->groups_out, group_in = task / p->groups_out % p->groups_in;
    filter_part part = {.tap = task / p->groups_out / p->groups_in};
    part.tile_first = space_cut(p->tiles, p->groups_in, group_in);
    part.tiles = space_cut(p->tiles, p->groups_in, group_in + 1) - part.tile_first;
    part.panel_first = space_cut(p->panels, p->groups_out, group_out);
    part.panel_end = space_cut(p->panels, p->groups_out, group_out + 1);
    multiply_part(job, &part, job->worker_area + worker * p->worker_bytes);
}

static void filter_run(const cpu_call *call)
{
    const struct thaw_device *dev = call->dev;
    filter_job job = {.call = call, .plan = make_plan(dev, call->op)};
    const filter_plan *p = &job.plan;
    char *space = call->workspace;
    float *zeros = (float *)(void *)(space + p->zeros_at);
    memset(zeros, 0, p->in * sizeof *zeros);
    job.zeros = zeros;
    job.dy_packed = (float *)(void *)(space + p->dy_at);
    job.worker_area = space + p->worker_at;
    const uint32_t tasks = (uint32_t)(p->taps * p->groups_in * p->groups_out);
    for (; job.first < p->pixels; job.first = job.end) {
        job.end = space_min(job.first + p->pass, p->pixels);
        dev->host->parallel_for(dev->host->ctx, (uint32_t)space_ceil(job.end - job.first, BLOCK), pack_task,
                                &job);
        dev->host->parallel_for(dev->host->ctx, tasks, filter_task, &job);
    }
}

const cpu_algo cpu_conv_direct_bwd_filter = {
    .name = "direct",
    .kind = THAW_OP_CONV2D_BWD_FILTER,
    .min_isa = CPU_ISA_GENERIC,
    .max_isa = CPU_ISA_AVX512,
    .accepts = cpu_conv_direct_accepts,
    .cost = cpu_conv_direct_cost,
    .workspace = filter_workspace,
    .run = filter_run,
};
