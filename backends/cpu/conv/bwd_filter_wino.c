/* CONV2D_BWD_FILTER of 3x3, 3x1 and 1x3 filters by Winograd's minimal filtering, F(3x3, 4x4) or F(3, 4).
 *
 * The gradient is a correlation of x with dy. dy is cut into tiles of 4x4 pixels; with the tile of 6x6 pixels
 * of x that one meets, the 3x3 results cost 36 products instead of 144: dw = A^T [ sum over tiles of (G dy
 * G^T) * (B^T x B) ] A with the points 0, 1, -1, 1/2, -2 and infinity (A. Lavin, S. Gray, "Fast Algorithms
 * for Convolutional Neural Networks", 2015). For each of the 36 points the sum over tiles is a matrix
 * product, summed in the order of the tiles; passes of a fixed number of tiles are added in their order.
 * Along an axis where the filter has one tap, tiles are one pixel long and nothing is transformed: of filters
 * of three taps 6 products stand for 12. */
#include <stdio.h>
#include <string.h>

#include "cost.h"
#include "direct.h"
#include "kernels.h"
#include "space.h"

/* Pixels of a tile of dy, and of x, along an axis that is transformed. */
#define TILE       ((size_t)4)
#define TILE_X     ((size_t)6)
#define MAX_POINTS (TILE_X * TILE_X)
/* Below so many pixels the errors of the transforms show beside those of the sum. */
#define MIN_PIXELS ((size_t)512)
/* Narrower than that the transforms cost more than the products that they save. */
#define MIN_CHANNELS ((size_t)32)
/* Tiles of a pass. */
#define PASS ((size_t)512)
/* Tiles of pixels that one task transforms. */
#define BLOCK ((size_t)4)
/* Tiles that a kernel sums up in one go: their rows of x and dy fit the first-level cache. */
#define CHUNK ((size_t)128)
/* What a task multiplies at once, in halves of a vector of input channels and panels of output channels: its
 * sums for all points stay in the second-level cache, and so does what of x and dy belongs to a point. */
#define GROUP_ROWS   ((size_t)14)
#define GROUP_PANELS ((size_t)4)

static const float to_x[] = {
    1, -1.5f, -2,    1.5f,  1,    0, /* 0 */
    0, -1,    0.5f,  2.5f,  1,    0, /* 1 */
    0, 1,     -2.5f, 0.5f,  1,    0, /* -1 */
    0, -2,    -1,    2,     1,    0, /* 1/2 */
    0, 0.5f,  -1,    -0.5f, 1,    0, /* -2 */
    0, 1,     -1.5f, -2,    1.5f, 1, /* infinity */
};
#define THIRD     (1.0f / 3)
#define FIFTEENTH (1.0f / 15)
static const float to_dy[] = {
    1,
    0,
    0,
    0, /* 0 */
    THIRD,
    THIRD,
    THIRD,
    THIRD, /* 1 */
    -THIRD,
    THIRD,
    -THIRD,
    THIRD, /* -1 */
    -16 * FIFTEENTH,
    -8 * FIFTEENTH,
    -4 * FIFTEENTH,
    -2 * FIFTEENTH, /* 1/2 */
    FIFTEENTH,
    -2 * FIFTEENTH,
    4 * FIFTEENTH,
    -8 * FIFTEENTH, /* -2 */
    0,
    0,
    0,
    1, /* infinity */
};
static const float to_dw[] = {
    1, 1, 1,  1,     1,  0, /* first column of the taps */
    0, 1, -1, 0.5f,  -2, 0, /* second */
    0, 1, 1,  0.25f, 4,  1, /* third */
};

typedef struct {
    conv_axis x, dy, dw;
} wino_axis;

static const wino_axis three_taps = {{TILE_X, TILE_X, to_x}, {TILE, TILE_X, to_dy}, {TILE_X, 3, to_dw}};
static const float unchanged[] = {1};
static const wino_axis one_tap = {{1, 1, unchanged}, {1, 1, unchanged}, {1, 1, unchanged}};

typedef struct {
    const conv_kernels *kernels;
    const wino_axis *h, *w;
    size_t points;
    size_t lanes, in, out, in_pitch, out_pitch;
    size_t grid_h, grid_w, tiles; /* tiles of one image along each axis; of all images */
    size_t rows, groups_in, groups_out;
    size_t zeros_at, x_at, dy_at, worker_at, worker_bytes, workspace_bytes;
} wino_plan;

typedef struct {
    const cpu_call *call;
    wino_plan plan;
    const float *zeros;
    /* Transformed: [point][block of channels][tile of the pass][channel of the block], a block being one
     * vector of x and two of dy. */
    float *x, *dy;
    char *worker_area;
    size_t first, count; /* tiles of the pass */
} wino_job;

static bool accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    const thaw_conv_attr *a = &op->attr.conv;
    const thaw_tensor *dw = &op->out[0];
    if (!cpu_conv_transform_accepts(dev, op, why, cap))
        return false;
    const bool three = (dw->n == 3 && (dw->h == 3 || dw->h == 1)) || (dw->n == 1 && dw->h == 3);
    if (!three || a->stride_h != 1 || a->stride_w != 1) {
        snprintf(why, cap, "takes 3x3, 3x1 and 1x3 filters of stride 1");
        return false;
    }
    if (backend_pixels(&op->in[1]) < MIN_PIXELS || (size_t)dw->w < MIN_CHANNELS ||
        (size_t)dw->c < MIN_CHANNELS) {
        snprintf(why, cap, "takes %zu pixels and %zu channels or more", MIN_PIXELS, MIN_CHANNELS);
        return false;
    }
    const bool square = dw->n == dw->h;
    snprintf(why, cap, square ? "F(3x3, 4x4): 36 products for 144" : "F(3, 4): 6 products for 12");
    return true;
}

static wino_plan make_plan(const struct thaw_device *dev, const backend_op *op)
{
    const thaw_tensor *dy = &op->in[1], *dw = &op->out[0];
    wino_plan p = {.kernels = cpu_conv_kernels(dev->isa), .in = (size_t)dw->w, .out = (size_t)dw->c};
    p.lanes = p.kernels->lanes;
    p.h = dw->n == 3 ? &three_taps : &one_tap;
    p.w = dw->h == 3 ? &three_taps : &one_tap;
    p.points = p.h->x.to * p.w->x.to;
    p.in_pitch = space_ceil(p.in, p.lanes) * p.lanes;
    p.out_pitch = space_ceil(p.out, 2 * p.lanes) * 2 * p.lanes;
    p.grid_h = space_ceil((size_t)dy->h, p.h->dy.from);
    p.grid_w = space_ceil((size_t)dy->w, p.w->dy.from);
    p.tiles = (size_t)dy->n * p.grid_h * p.grid_w;
    p.rows = space_ceil(p.in, p.lanes / 2);
    p.groups_in = space_ceil(p.rows, GROUP_ROWS);
    p.groups_out = space_ceil(p.out, GROUP_PANELS * 2 * p.lanes);
    const size_t pass = space_mul(space_min(p.tiles, PASS), p.points);
    p.zeros_at = space_take(&p.workspace_bytes, space_max(p.in, p.out), sizeof(float));
    p.x_at = space_take(&p.workspace_bytes, space_mul(pass, p.in_pitch), sizeof(float));
    p.dy_at = space_take(&p.workspace_bytes, space_mul(pass, p.out_pitch), sizeof(float));
    space_take(&p.worker_bytes, p.points * GROUP_ROWS * (p.lanes / 2) * GROUP_PANELS * 2 * p.lanes,
               sizeof(float));
    p.worker_at = space_take(&p.workspace_bytes, dev->threads, p.worker_bytes);
    return p;
}

/* Products, in shorter tiles than the direct algorithm's and with sums that pass through memory: at about
 * half its rate; and the transforms, those of x and dy through memory. */
static double wino_cost(const struct thaw_device *dev, const backend_op *op)
{
    cpu_conv_typical typical;
    cpu_conv_typical_of(dev, op, &typical);
    const wino_plan p = make_plan(&typical.dev, &typical.op);
    const double in = (double)p.in, out = (double)p.out, tiles = (double)p.tiles;
    const double spread = 20, gather = CONV_AXIS;
    return 2 * (double)p.points * (tiles * in * out + spread * tiles * (in + out) + gather * in * out);
}

static size_t wino_workspace(const struct thaw_device *dev, const backend_op *op)
{
    return make_plan(dev, op).workspace_bytes;
}

/* cells[i*w + j] = row of pixel (y0 + i, x0 + j) of an image of t, zeros outside it, for i < h and j < w. */
static void find_cells(const thaw_tensor *t, const float *base, size_t image, ptrdiff_t y0, ptrdiff_t x0,
                       size_t h, size_t w, const float *zeros, const float **cells)
{
    for (size_t i = 0; i < h * w; i++) {
        const ptrdiff_t y = y0 + (ptrdiff_t)(i / w), x = x0 + (ptrdiff_t)(i % w);
        const bool inside = y >= 0 && y < t->h && x >= 0 && x < t->w;
        const size_t pixel = inside ? (image * (size_t)t->h + (size_t)y) * (size_t)t->w + (size_t)x : 0;
        cells[i] = inside ? base + pixel * (size_t)t->pixel_pitch : zeros;
    }
}

static void spread_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_plan *p = &job->plan;
    const backend_op *op = job->call->op;
    const thaw_conv_attr *a = &op->attr.conv;
    const conv_axis *h = &p->h->x, *w = &p->w->x, *dy_h = &p->h->dy, *dy_w = &p->w->dy;
    const float *cells[MAX_POINTS];
    (void)worker;
    for (size_t t = task * BLOCK; t < space_min((task + 1) * BLOCK, job->count); t++) {
        const size_t at = job->first + t, line = at / p->grid_w, image = line / p->grid_h;
        const ptrdiff_t y = (ptrdiff_t)(line % p->grid_h * dy_h->from);
        const ptrdiff_t x = (ptrdiff_t)(at % p->grid_w * dy_w->from);
        find_cells(&op->in[0], job->call->args[0], image, y - a->pad_top, x - a->pad_left, h->from, w->from,
                   job->zeros, cells);
        p->kernels->spread(cells, p->in, h, w, job->x + t * p->lanes, job->count * p->in_pitch, p->lanes,
                           job->count * p->lanes);
        find_cells(&op->in[1], job->call->args[1], image, y, x, dy_h->from, dy_w->from, job->zeros, cells);
        p->kernels->spread(cells, p->out, dy_h, dy_w, job->dy + t * 2 * p->lanes, job->count * p->out_pitch,
                           2 * p->lanes, job->count * 2 * p->lanes);
    }
}

/* What a task owns of dw: input channels c0 … c1 - 1, output channels o0 … o1 - 1. */
typedef struct {
    size_t c0, c1, o0, o1, width; /* width: elements of a row of sums */
} wino_part;

/* sums[c - c0][o - o0] of a point, over tiles first … first + n - 1 of the pass. */
static void multiply_chunk(const wino_job *job, const wino_part *part, size_t point, size_t first, size_t n,
                           float *sums)
{
    const wino_plan *p = &job->plan;
    const size_t lanes = p->lanes, rows = lanes / 2;
    const float *x = job->x + point * job->count * p->in_pitch + first * lanes;
    const float *dy = job->dy + point * job->count * p->out_pitch + first * 2 * lanes;
    for (size_t o = part->o0; o < part->o1; o += 2 * lanes) {
        const size_t vectors = space_ceil(space_min(2 * lanes, part->o1 - o), lanes);
        for (size_t c = part->c0; c < part->c1; c += rows) {
            const conv_filter_tile tile = {
                .x = x + c / lanes * job->count * lanes + c % lanes,
                .dy = dy + o * job->count,
                .x_pitch = lanes,
                .dy_pitch = 2 * lanes,
                .n = n,
                .out = sums + (c - part->c0) * part->width + (o - part->o0),
                .out_pitch = part->width,
                .cols = vectors * lanes,
                .add = first > 0,
                .prefetch = (const char *)job->zeros,
            };
            p->kernels->filter[vectors - 1][space_min(rows, part->c1 - c)](&tile);
        }
    }
}

static void multiply_task(void *arg, uint32_t task, uint32_t worker)
{
    const wino_job *job = arg;
    const wino_plan *p = &job->plan;
    const thaw_tensor *dw = &job->call->op->out[0];
    const size_t group_in = task / p->groups_out, panels = GROUP_PANELS * 2 * p->lanes;
    float *sums = (float *)(void *)(job->worker_area + worker * p->worker_bytes);
    const wino_part part = {
        .c0 = space_cut(p->rows, p->groups_in, group_in) * (p->lanes / 2),
        .c1 = space_min(space_cut(p->rows, p->groups_in, group_in + 1) * (p->lanes / 2), p->in),
        .o0 = task % p->groups_out * panels,
        .o1 = space_min((task % p->groups_out + 1) * panels, p->out),
        .width = panels,
    };
    const size_t stride = (part.c1 - part.c0) * part.width;
    for (size_t point = 0; point < p->points; point++) {
        for (size_t first = 0; first < job->count; first += CHUNK)
            multiply_chunk(job, &part, point, first, space_min(CHUNK, job->count - first),
                           sums + point * stride);
    }
    float *out = (float *)job->call->args[2] + part.o0;
    for (size_t c = part.c0; c < part.c1; c++)
        p->kernels->gather(sums + (c - part.c0) * part.width, stride, part.o1 - part.o0, &p->h->dw, &p->w->dw,
                           out + c * (size_t)dw->pixel_pitch, p->in * (size_t)dw->pixel_pitch,
                           job->first > 0);
}

static void wino_run(const cpu_call *call)
{
    const struct thaw_device *dev = call->dev;
    wino_job job = {.call = call, .plan = make_plan(dev, call->op)};
    const wino_plan *p = &job.plan;
    char *space = call->workspace;
    float *zeros = (float *)(void *)(space + p->zeros_at);
    memset(zeros, 0, space_max(p->in, p->out) * sizeof *zeros);
    job.zeros = zeros;
    job.x = (float *)(void *)(space + p->x_at);
    job.dy = (float *)(void *)(space + p->dy_at);
    job.worker_area = space + p->worker_at;
    for (; job.first < p->tiles; job.first += job.count) {
        job.count = space_min(PASS, p->tiles - job.first);
        dev->host->parallel_for(dev->host->ctx, (uint32_t)space_ceil(job.count, BLOCK), spread_task, &job);
        dev->host->parallel_for(dev->host->ctx, (uint32_t)(p->groups_in * p->groups_out), multiply_task,
                                &job);
    }
}

const cpu_algo cpu_conv_wino_bwd_filter = {
    .name = "winograd",
    .kind = THAW_OP_CONV2D_BWD_FILTER,
    .min_isa = CPU_ISA_GENERIC,
    .max_isa = CPU_ISA_AVX512,
    .accepts = accepts,
    .cost = wino_cost,
    .workspace = wino_workspace,
    .run = wino_run,
};
