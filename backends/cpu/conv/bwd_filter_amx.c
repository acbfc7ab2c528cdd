/* CONV2D_BWD_FILTER by AMX, in f32: factors in three parts of bf16 (bf16.h), so that nothing is rounded away.
 *
 * The sum over pixels goes in blocks of 32: the same pixel of 32 images, a group. So a tap moves whole
 * blocks, and is left out where it lies outside the image. For a 1x1 filter 32 pixels that follow each other
 * make a block. dy's blocks are the left factor and x's the right one (bwd_filter_tiles.h).
 *
 * Blocks of dy go in passes. First those of a pass are packed, once for all. Then each task, which owns some
 * input and mostly all output channels of dw, adds the products; meanwhile it packs what the next task reads
 * of x, once for all taps. A chunk of blocks is one sum, and chunks are added in their order: the bits depend
 * on the shape alone, whatever the passes and the tasks. */
#include "bwd_filter_amx.h"

#include <stdio.h>
#include <string.h>

#include "backends/cpu/call.h"
#include "direct.h"

#define NO_SLOT UINT32_MAX

typedef struct {
    const cpu_call *call;
    filter_plan plan;
    uint16_t *dy;             /* packs, [panel][position of the pass] */
    uint32_t *map;            /* the slot that a position of x has in a panel, or NO_SLOT */
    filter_source *x_sources; /* of the slots */
    filter_source *dy_sources;
    filter_step *steps;                           /* of each chunk and tap, one behind the other */
    uint32_t *starts;                             /* where those of a chunk and tap begin; and the end */
    size_t group, first, count, n_slots, n_lists; /* of the pass; count: positions of dy */
} filter_job;

static bool accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap)
{
    if (!cpu_conv_amx_accepts(dev, op, why, cap))
        return false;
    snprintf(why, cap, "factors in three parts of bf16, f32 sums by AMX");
    return true;
}

static size_t workspace(const struct thaw_device *dev, const backend_op *op)
{
    return cpu_conv_filter_plan(dev, op).workspace_bytes;
}

/* ---- a pass -------------------------------------------------------------------------------------------- */

static filter_source source_of(const filter_job *job, const filter_strides *strides, const float *base,
                               size_t position)
{
    const filter_plan *p = &job->plan;
    const size_t before = (p->flat ? position : job->group) * BF16_BLOCK;
    return (filter_source){base + job->group * strides->group + position * strides->position,
                           space_min(p->rows - before, BF16_BLOCK)};
}

/* The position of x that dy's meets at a tap; false: outside. */
static bool meets(const filter_job *job, size_t position, size_t tap, size_t *out)
{
    const filter_plan *p = &job->plan;
    const thaw_conv_attr *a = &job->call->op->attr.conv;
    const size_t kw = (size_t)job->call->op->out[0].h;
    const ptrdiff_t y = (ptrdiff_t)(position / p->dy_w) * a->stride_h - a->pad_top + (ptrdiff_t)(tap / kw);
    const ptrdiff_t x = (ptrdiff_t)(position % p->dy_w) * a->stride_w - a->pad_left + (ptrdiff_t)(tap % kw);
    if (y < 0 || (size_t)y >= p->x_h || x < 0 || (size_t)x >= p->x_w)
        return false;
    *out = (size_t)y * p->x_w + (size_t)x;
    return true;
}

static uint32_t slot_of(filter_job *job, size_t position)
{
    if (job->map[position] == NO_SLOT) {
        job->x_sources[job->n_slots] = source_of(job, &job->plan.x, job->call->args[0], position);
        job->map[position] = (uint32_t)job->n_slots++;
    }
    return job->map[position];
}

static void list_steps(filter_job *job)
{
    const filter_plan *p = &job->plan;
    size_t n = 0, lists = 0, at;
    job->n_slots = 0;
    memset(job->map, 0xff, p->x_h * p->x_w * sizeof *job->map);
    for (size_t first = 0; first < job->count; first += FILTER_CHUNK)
        for (size_t tap = 0; tap < p->taps; tap++) {
            job->starts[lists++] = (uint32_t)n;
            for (size_t i = first; i < space_min(first + FILTER_CHUNK, job->count); i++)
                if (meets(job, job->first + i, tap, &at))
                    job->steps[n++] = (filter_step){(uint32_t)i, slot_of(job, at)};
        }
    job->starts[lists] = (uint32_t)n;
    job->n_lists = lists;
    for (size_t i = 0; i < job->count; i++)
        job->dy_sources[i] = source_of(job, &p->dy, job->call->args[1], job->first + i);
}

/* A position of dy. */
static void pack_dy_task(void *arg, uint32_t task, uint32_t worker)
{
    const filter_job *job = arg;
    const filter_plan *p = &job->plan;
    filter_panel panel = {.sources = &job->dy_sources[task],
                          .n_sources = 1,
                          .pitch = p->dy.row,
                          .packs = job->dy + task * FILTER_PACK};
    (void)worker;
    for (size_t i = 0; i < p->panels_out; i++, panel.packs += p->pass * FILTER_PACK) {
        panel.channel = i * BF16_BLOCK;
        panel.n = space_min(BF16_BLOCK, p->out - panel.channel);
        cpu_conv_filter_pack_left(&panel);
    }
}

/* ---- products ------------------------------------------------------------------------------------------ */

/* All chunks and taps of a pair of panels. */
static void multiply_pair(const filter_job *job, const filter_panel *x, size_t out, filter_packing *meanwhile,
                          void *work)
{
    const filter_plan *p = &job->plan;
    const size_t pitch = (size_t)job->call->op->out[0].pixel_pitch, o = out * BF16_BLOCK;
    filter_block block = {.left = job->dy + out * p->pass * FILTER_PACK,
                          .right = x->packs,
                          .out_pitch = pitch,
                          .left_channels = space_min(BF16_BLOCK, p->out - o),
                          .right_channels = x->n};
    for (size_t i = 0; i < job->n_lists; i++) {
        block.steps = job->steps + job->starts[i];
        block.n = job->starts[i + 1] - job->starts[i];
        block.out = (float *)job->call->args[2] + (i % p->taps * p->in + x->channel) * pitch + o;
        block.add = job->group > 0 || job->first > 0 || i >= p->taps;
        cpu_conv_filter_multiply(&block, meanwhile, work);
    }
}

/* To be packed in half `side` of a worker's room. */
static filter_panel panel_of_x(const filter_job *job, size_t index, char *area, size_t side)
{
    const filter_plan *p = &job->plan;
    const size_t c = index * BF16_BLOCK;
    return (filter_panel){.sources = job->x_sources,
                          .n_sources = job->n_slots,
                          .pitch = p->x.row,
                          .channel = c,
                          .n = space_min(BF16_BLOCK, p->in - c),
                          .packs = (uint16_t *)(void *)(area + side * p->slots * FILTER_PACK_BYTES)};
}

/* The panel that a worker needs in its next task, as far as one can know. */
static size_t next_panel(const filter_job *job, size_t task, uint32_t worker)
{
    const filter_plan *p = &job->plan;
    const size_t tasks = p->panels_in * p->groups_out;
    const bool last = task + 1 == cpu_first_task(job->call->dev, tasks, worker + 1) || task + 1 == tasks;
    return (task + !last) / p->groups_out;
}

static void multiply_task(void *arg, uint32_t task, uint32_t worker)
{
    const filter_job *job = arg;
    const filter_plan *p = &job->plan;
    const size_t in = task / p->groups_out, group = task % p->groups_out;
    const size_t next = next_panel(job, task, worker);
    char *area = (char *)job->call->workspace + p->worker_at + worker * p->worker_bytes;
    filter_worker *own = (filter_worker *)(void *)(area + p->own_at);
    const size_t side = own->filled[1] == in, first = space_cut(p->panels_out, p->groups_out, group);
    const size_t end = space_cut(p->panels_out, p->groups_out, group + 1);
    const filter_panel x = panel_of_x(job, in, area, side);
    if (own->filled[side] != in) {
        filter_packing now = cpu_conv_filter_packing(&x, 1);
        cpu_conv_filter_pack_rest(&now);
        own->filled[side] = in;
    }
    filter_panel ahead = panel_of_x(job, next, area, !side);
    if (next == in || own->filled[!side] == next)
        ahead.n_sources = 0;
    else
        own->filled[!side] = next;
    filter_packing meanwhile = cpu_conv_filter_packing(&ahead, job->starts[job->n_lists] * (end - first));
    cpu_conv_filter_begin(area + p->work_at);
    for (size_t i = first; i < end; i++)
        multiply_pair(job, &x, i, &meanwhile, area + p->work_at);
    cpu_conv_filter_end(area + p->work_at);
    cpu_conv_filter_pack_rest(&meanwhile);
}

static void run_pass(filter_job *job)
{
    const struct thaw_device *dev = job->call->dev;
    const filter_plan *p = &job->plan;
    char *workers = (char *)job->call->workspace + p->worker_at;
    list_steps(job);
    for (size_t i = 0; i < dev->threads; i++)
        *(filter_worker *)(void *)(workers + i * p->worker_bytes + p->own_at) =
            (filter_worker){{SIZE_MAX, SIZE_MAX}};
    dev->host->parallel_for(dev->host->ctx, (uint32_t)job->count, pack_dy_task, job);
    dev->host->parallel_for(dev->host->ctx, (uint32_t)(p->panels_in * p->groups_out), multiply_task, job);
}

static void run(const cpu_call *call)
{
    filter_job job = {.call = call, .plan = cpu_conv_filter_plan(call->dev, call->op)};
    const filter_plan *p = &job.plan;
    const size_t positions = p->dy_h * p->dy_w;
    char *space = call->workspace;
    job.dy = (uint16_t *)(void *)(space + p->dy_at);
    job.map = (uint32_t *)(void *)(space + p->map_at);
    job.x_sources = (filter_source *)(void *)(space + p->x_sources_at);
    job.dy_sources = (filter_source *)(void *)(space + p->dy_sources_at);
    job.steps = (filter_step *)(void *)(space + p->steps_at);
    job.starts = (uint32_t *)(void *)(space + p->starts_at);
    for (; job.group < p->groups; job.group++)
        for (job.first = 0; job.first < positions; job.first += job.count) {
            job.count = space_min(p->pass, positions - job.first);
            run_pass(&job);
        }
}

const cpu_algo cpu_conv_bwd_filter_amx = {
    .name = "3xbf16 amx",
    .kind = THAW_OP_CONV2D_BWD_FILTER,
    .min_isa = CPU_ISA_AVX512,
    .max_isa = CPU_ISA_AVX512,
    .accepts = accepts,
    .cost = cpu_conv_filter_cost,
    .workspace = workspace,
    .run = run,
};
