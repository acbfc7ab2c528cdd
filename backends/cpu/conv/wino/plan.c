#include "plan.h"

#include "backends/cpu/conv/space.h"

/* Elements of a cache line. */
#define LINE ((size_t)16)

wino_geometry cpu_wino_geometry(const backend_op *op)
{
    const thaw_tensor *src = &op->in[0], *dst = &op->out[0], *w = &op->in[1];
    const thaw_conv_attr *a = &op->attr.conv;
    wino_geometry g = {
        .backward = op->kind == THAW_OP_CONV2D_BWD_DATA,
        .batch = (size_t)src->n,
        .src_h = (size_t)src->h,
        .src_w = (size_t)src->w,
        .src_pitch = (size_t)src->pixel_pitch,
        .channels = (size_t)src->c,
        .dst_h = (size_t)dst->h,
        .dst_w = (size_t)dst->w,
        .pad_top = a->pad_top,
        .pad_left = a->pad_left,
    };
    if (g.backward) {
        g.pad_top = w->n - 1 - a->pad_top;
        g.pad_left = w->h - 1 - a->pad_left;
    }
    return g;
}

wino_spot cpu_wino_set(const wino_variant *v, size_t index)
{
    const size_t across = wino_set_count(v->mw, v->rw, v->stride);
    return wino_spot_of(v, index / across, index % across);
}

/* An odd number of cache lines, so that the streams of the points fall into different sets. */
static size_t odd_lines(size_t elements)
{
    size_t lines = space_ceil(elements, LINE);
    return space_mul(lines | 1, LINE);
}

/* What V and M have room for. */
static size_t whole_rows(const wino_plan *p, size_t rows)
{
    return p->products->parts ? space_mul(space_ceil(rows, WINO_BLOCK_ROWS), WINO_BLOCK_ROWS) : rows;
}

/* The largest block, in halves of the micro-kernel's height. */
#define MAX_BLOCK_HALVES ((size_t)24)
/* What it costs to wait for all threads between the two transforms, as bytes of traffic. */
#define BARRIER_BYTES ((size_t)4 << 20)
/* Bytes from the second-level cache that cost as much as one from behind it. */
#define NEAR_BYTES ((size_t)8)
/* The same of bytes of U, where points share weights: the next ones are drawn near while all points of a set
 * are multiplied with these. */
#define AHEAD_BYTES ((size_t)4)
/* Multiply-adds of numbers in parts that take as long as a byte. */
#define EACH_BYTE ((size_t)7)

/* One way of cutting the work, and the bytes that come from behind the second-level cache for it. */
typedef struct {
    bool shared;
    size_t blocks, groups, bytes;
} cutting;

typedef struct {
    const wino_plan *plan;
    size_t threads, room;
    size_t v_tile, m_tile, u_panel; /* bytes of V a tile, of M a tile and panel, of U a panel */
    bool parts, in_place;           /* of bf16; M takes the place of V, where there is no shared V */
    bool shares;                    /* points share weights, and those are read in f32 at each of them */
    size_t m_room;                  /* what M may take of the second-level cache before it leaves it */
} cutter;

/* U being read so many times, and V once for each group. Where points share weights it is V that the
 * first-level cache cannot hold for long, and that larger groups read less often from the second. */
static size_t bytes_of_factors(const cutter *c, size_t reads, size_t groups)
{
    const wino_plan *p = c->plan;
    const size_t u = space_mul(space_mul(c->u_panel, p->n_panels), reads);
    if (!c->shares)
        return u;
    return space_add(u / AHEAD_BYTES, space_mul(space_mul(p->tiles, c->v_tile), groups) / NEAR_BYTES);
}

static size_t bytes_of_products(const cutter *c, size_t m)
{
    const wino_plan *p = c->plan;
    const size_t times = c->parts ? 5 : 2;
    return m > c->m_room ? times * space_mul(space_mul(p->tiles, c->m_tile), p->n_panels) : 0;
}

/* Products of rows that pad a block. */
static size_t bytes_of_waste(const cutter *c, size_t blocks)
{
    const wino_plan *p = c->plan;
    const size_t rows = space_mul(blocks, whole_rows(p, space_ceil(p->tiles, blocks)));
    const size_t each = space_mul(p->points, space_mul(p->depth, space_mul(p->n_panels, p->panel_width)));
    return rows > p->tiles && c->parts ? space_mul(rows - p->tiles, each / EACH_BYTE) : 0;
}

/* Each block reads all of U. V is read again for each group: from the cache only if nothing that was read
 * since, a group's U among it, has pushed it out. */
static size_t bytes_by_blocks(const cutter *c, size_t blocks, size_t groups)
{
    const wino_plan *p = c->plan;
    const size_t block = whole_rows(p, space_ceil(p->tiles, blocks)), group = space_ceil(p->n_panels, groups);
    const size_t v = space_mul(block, c->v_tile), m = space_mul(space_mul(block, group), c->m_tile);
    const size_t all_u = space_mul(c->u_panel, p->n_panels);
    const size_t rest = space_add(v, m);
    const size_t reads = space_add(rest, all_u) <= c->room ? space_min(c->threads, blocks) : blocks;
    size_t bytes = space_add(bytes_of_factors(c, reads, groups), bytes_of_waste(c, blocks));
    bytes = space_add(bytes, space_mul(all_u, blocks) / (c->parts ? 1 : NEAR_BYTES));
    if (space_add(rest, space_mul(c->u_panel, group)) > c->room)
        bytes = space_add(bytes, space_mul(space_mul(p->tiles, c->v_tile), groups + (c->parts ? 3 : 1)));
    return space_add(bytes, bytes_of_products(c, m));
}

/* The same with M in the place of V: each group makes a V of its own. What does not fit goes out and comes
 * back twice, with misses that nothing hides where it is most of the block. */
static size_t bytes_in_place(const cutter *c, size_t blocks, size_t groups)
{
    const wino_plan *p = c->plan;
    const size_t rows = whole_rows(p, space_ceil(p->tiles, blocks)), group = space_ceil(p->n_panels, groups);
    const size_t all_u = space_mul(c->u_panel, p->n_panels), tasks = space_mul(blocks, groups);
    const size_t panel = space_mul(p->points, space_mul(p->depth, p->panel_width));
    const size_t idle = space_mul(space_mul(blocks, rows), space_mul(group * groups - p->n_panels, panel));
    size_t bytes = space_add(space_mul(all_u, 2 * blocks), bytes_of_waste(c, blocks));
    bytes = space_add(bytes, space_mul(space_mul(p->tiles, c->v_tile), groups - 1));
    bytes = space_add(bytes, idle / EACH_BYTE);
    const size_t block = space_mul(rows, space_max(c->v_tile, space_mul(c->m_tile, group)));
    const size_t each = block / 2 > c->room ? 10 : 4;
    return block > c->room ? space_add(bytes, space_mul(each * tasks, block - c->room)) : bytes;
}

/* Each block of a group reads the group's U, and every thread reads all of V, a part of which it has written.
 */
static size_t bytes_shared(const cutter *c, size_t blocks, size_t groups)
{
    const wino_plan *p = c->plan;
    const size_t block = whole_rows(p, space_ceil(p->tiles, blocks)), group = space_ceil(p->n_panels, groups);
    const size_t all_u = space_mul(c->u_panel, p->n_panels);
    const size_t v = space_mul(p->tiles, c->v_tile), m = space_mul(space_mul(block, group), c->m_tile);
    const bool stays = space_add(space_add(v, m), space_mul(c->u_panel, group)) <= c->room;
    size_t bytes = space_add(bytes_of_factors(c, blocks, space_mul(groups, c->threads)), BARRIER_BYTES);
    bytes = space_add(bytes, bytes_of_waste(c, blocks));
    bytes = space_add(bytes, c->parts ? space_mul(all_u, blocks) : 0);
    bytes = space_add(bytes, space_mul(v, stays ? c->threads - 1 : groups + (c->parts ? 3 : 1)));
    return space_add(bytes, bytes_of_products(c, m));
}

static void keep_better(cutting *best, cutting other)
{
    if (other.bytes < best->bytes || best->blocks == 0)
        *best = other;
}

/* The cheapest that keeps all threads busy; of equal ones that with the smallest groups, whose M is the
 * smallest, and the largest blocks, which read each weight the fewest times. */
static void cut(const struct thaw_device *dev, wino_plan *p)
{
    cutter c = {.plan = p, .threads = space_max(dev->threads, 1), .room = dev->l2_bytes / 8 * 7};
    c.parts = p->products->parts > 0;
    c.in_place = c.parts && p->sets == p->points;
    if (c.parts)
        c.room = dev->l2_bytes / 5 * 4;
    c.shares = !c.parts && p->sets < p->points;
    c.m_room = p->sets < p->points ? c.room : c.room / 2;
    c.v_tile = space_mul(p->points, space_mul(p->v_row, sizeof(float)));
    c.m_tile = space_mul(p->points, space_mul(p->panel_width, sizeof(float)));
    c.u_panel = space_mul(p->sets, space_mul(p->geo.channels, p->panel_width * sizeof(float)));
    const size_t half = (c.parts ? WINO_BLOCK_ROWS : p->conv->max_rows) / 2;
    cutting best = {0};
    for (size_t groups = p->n_panels; groups > 0; groups--) {
        for (size_t halves = MAX_BLOCK_HALVES; halves > 0; halves--) {
            size_t blocks = space_ceil(p->tiles, space_max(halves * half, 1));
            blocks = space_min(space_mul(space_ceil(blocks, c.threads), c.threads), p->tiles);
            if (!c.in_place)
                keep_better(&best, (cutting){false, blocks, groups, bytes_by_blocks(&c, blocks, groups)});
            else if (groups == 1)
                keep_better(&best, (cutting){false, blocks, groups, bytes_in_place(&c, blocks, groups)});
        }
        for (size_t blocks = 1; blocks <= 2 * c.threads && blocks <= p->tiles; blocks++) {
            const size_t tasks = groups * blocks;
            if (tasks % c.threads != 0 && tasks <= 8 * c.threads)
                continue;
            keep_better(&best, (cutting){true, blocks, groups, bytes_shared(&c, blocks, groups)});
            if (c.in_place)
                keep_better(&best, (cutting){false, blocks, groups, bytes_in_place(&c, blocks, groups)});
        }
    }
    p->shared = best.shared;
    p->in_place = c.in_place && !best.shared;
    p->blocks = best.blocks;
    p->block = space_ceil(p->tiles, p->blocks);
    p->groups = best.groups;
    p->group = space_ceil(p->n_panels, p->groups);
    p->traffic = best.bytes == SIZE_MAX ? SIZE_MAX : best.bytes - bytes_of_waste(&c, best.blocks);
}

static void set_pitches(wino_plan *p)
{
    p->whole_block = whole_rows(p, p->block);
    p->v_pitch = odd_lines(space_mul(p->shared ? whole_rows(p, p->tiles) : p->whole_block, p->v_row));
    p->m_pitch = odd_lines(space_mul(p->whole_block, p->panel_width));
    p->m_panel = space_mul(p->points, p->m_pitch);
    if (!p->in_place)
        return;
    p->m_panel = space_mul(p->whole_block, p->panel_width);
    p->v_pitch = p->m_pitch = space_max(p->v_pitch, odd_lines(space_mul(p->group, p->m_panel)));
}

static void reserve_state(wino_plan *p)
{
    const size_t lanes = p->conv->lanes;
    p->panels_at = space_take(&p->state_bytes, p->n_panels, sizeof(conv_panel));
    p->state_weights_at =
        space_take(&p->state_bytes, p->const_weights ? p->weight_elements : 0, sizeof(float));
    p->state_bias_at =
        space_take(&p->state_bytes, p->const_bias ? p->n_panels * 2 * lanes : 0, sizeof(float));
}

static void reserve_workspace(wino_plan *p, size_t workers)
{
    const size_t lanes = p->conv->lanes;
    const size_t v = space_mul(p->points, p->v_pitch), m = space_mul(p->group, p->m_panel);
    const wino_products *k = p->products;
    p->zeros_at = space_take(&p->workspace_bytes, p->depth, sizeof(float));
    p->weights_at = space_take(&p->workspace_bytes, p->const_weights ? 0 : p->weight_elements, sizeof(float));
    p->bias_at = space_take(&p->workspace_bytes, p->const_bias ? 0 : p->n_panels * 2 * lanes, sizeof(float));
    p->shared_v_at = space_take(&p->workspace_bytes, p->shared ? v : 0, sizeof(float));
    p->shared_odd_at = space_take(&p->workspace_bytes, p->shared ? p->tiles : 0, sizeof(bool));
    p->v_at = space_take(&p->worker_bytes, p->shared || p->in_place ? 0 : v, sizeof(float));
    p->odd_at = space_take(&p->worker_bytes, p->shared ? 0 : p->block, sizeof(bool));
    if (p->in_place) {
        p->m_at = space_take(&p->worker_bytes, space_mul(p->points + 1, p->v_pitch), sizeof(float));
        p->v_at = space_add(p->m_at, space_mul(p->m_pitch, sizeof(float)));
    } else {
        p->m_at = space_take(&p->worker_bytes, m, sizeof(float));
    }
    p->clean_at = space_take(&p->worker_bytes, space_mul(p->points, p->depth), sizeof(float));
    p->near_at = space_take(&p->worker_bytes, k->parts ? p->points * WINO_NEAR : 0, sizeof(float));
    p->space_at = space_take(&p->worker_bytes, k->space_bytes ? k->space_bytes(p->depth) : 0, 1);
    p->packed_at = space_take(&p->worker_bytes, p->const_weights ? 0 : p->packed_elements, sizeof(float));
    p->worker_at = space_take(&p->workspace_bytes, workers, p->worker_bytes);
}

static const wino_products *products_of(const struct thaw_device *dev, wino_way way)
{
#if defined(THAW_CPU_BF16)
    if (way.amx)
        return &cpu_wino_products_amx;
#endif
    (void)way;
    return cpu_wino_products(dev->isa);
}

wino_plan cpu_wino_plan(const struct thaw_device *dev, const backend_op *op, wino_way way)
{
    const wino_variant *v = &cpu_wino_variants[way.variant];
    wino_plan p = {.variant = v, .geo = cpu_wino_geometry(op), .conv = cpu_conv_kernels(dev->isa)};
    const size_t lanes = p.conv->lanes;
    p.wino = cpu_wino_kernels(dev->isa, way.variant);
    p.products = products_of(dev, way);
    p.nh = (v->mh - 1) * v->stride + v->rh;
    p.nw = (v->mw - 1) * v->stride + v->rw;
    p.points = p.nh * p.nw;
    p.sets = wino_set_count(v->mh, v->rh, v->stride) * wino_set_count(v->mw, v->rw, v->stride);
    p.taps = v->rh * v->rw;
    p.tiles_h = space_ceil(p.geo.dst_h, v->mh);
    p.tiles_w = space_ceil(p.geo.dst_w, v->mw);
    p.tiles = space_mul(p.geo.batch, space_mul(p.tiles_h, p.tiles_w));
    const size_t parts = p.products->parts, block = parts ? WINO_BLOCK : lanes;
    p.depth = space_mul(space_ceil(p.geo.channels, block), block);
    p.v_row = parts ? space_mul(p.depth, parts) / 2 : p.depth;
    p.n_panels = cpu_conv_panel_count(op->out, op->n_out, lanes);
    p.panel_width = 2 * lanes;
    p.weight_elements =
        cpu_conv_panel_layout(op->out, op->n_out, lanes, space_mul(p.sets, p.geo.channels), NULL);
    p.packed_elements = space_mul(space_mul(p.taps, p.geo.channels), p.panel_width);
    p.const_weights = op->in[1].role == THAW_ROLE_CONST;
    const bool has_bias = op->kind == THAW_OP_CONV2D && op->n_in > 2;
    p.const_bias = !has_bias || op->in[2].role == THAW_ROLE_CONST;
    cut(dev, &p);
    set_pitches(&p);
    reserve_state(&p);
    reserve_workspace(&p, space_max(dev->threads, 1));
    return p;
}
