#include "bf16_rows.h"

#include "space.h"

/* Rows of a task, at most; more would not make the weights' way from memory any shorter. Of a region more
 * pay: neighbours read the same lines. */
#define MAX_TASK_ROWS   ((size_t)256)
#define MAX_REGION_ROWS ((size_t)640)
/* And at least, where half as much room again is enough for them: weights that do not stay come once for all
 * of these. */
#define MIN_TASK_ROWS ((size_t)96)
/* A region of more remainders would be of short pieces. */
#define MAX_STRIDE 2
/* Images of fewer pixels share a task where the weights do not stay in the second-level cache: each would
 * fetch them all anew. */
#define MIN_REGION_ROWS ((size_t)128)

static size_t whole_blocks(size_t n, size_t block)
{
    return space_mul(space_ceil(n, block), block);
}

/* Elements and blocks of the taps of a filter line, side by side. */
static size_t joined_elements(const bf16_rows *r)
{
    return r->along.taps * r->depth;
}

static size_t joined_blocks(const bf16_rows *r)
{
    return space_ceil(joined_elements(r), BF16_BLOCK);
}

/* Of one part. An odd number of cache lines, so that the parts of a tile do not fall into the same sets. */
static size_t plane_of(size_t elements)
{
    return space_mul(space_ceil(elements, BF16_BLOCK) | 1, BF16_BLOCK);
}

/* Of a remainder: every tap of the last row, in whole blocks of rows, lies within. */
static size_t remainder_elements(const bf16_rows *r, size_t lines)
{
    const size_t rows = whole_blocks(bf16_rows_in(r, lines), BF16_ROWS);
    const size_t last = space_add(space_mul(r->across.reach, bf16_line_pixels(r)), r->along.reach);
    return space_mul(space_add(rows, last), r->pitch);
}

static size_t region_elements(const bf16_rows *r, size_t lines)
{
    return space_mul(r->across.stride * r->along.stride, remainder_elements(r, lines));
}

static void cut_region(bf16_rows *r, size_t room)
{
    const size_t line = bf16_line_pixels(r);
    r->pitch = r->joined ? r->depth : whole_blocks(r->depth, BF16_BLOCK);
    r->k = r->joined ? BF16_BLOCK : r->pitch;
    r->taps = r->joined ? r->across.taps * joined_blocks(r) : r->filter_taps;
    r->lines = space_min(space_max(MAX_REGION_ROWS / line, 1), r->across.dst);
    while (r->lines > 1 && space_mul(region_elements(r, r->lines), sizeof(uint16_t)) > room)
        r->lines--;
    r->lines = space_ceil(r->across.dst, space_ceil(r->across.dst, r->lines));
    r->rows = whole_blocks(bf16_rows_in(r, r->lines), BF16_ROWS);
    r->chunks = space_mul(r->geo.batch, space_ceil(r->across.dst, r->lines));
    r->remainder = remainder_elements(r, r->lines);
    r->plane = plane_of(region_elements(r, r->lines));
}

static void cut_whole(bf16_rows *r, size_t room)
{
    r->taps = 1;
    r->k = whole_blocks(space_mul(r->filter_taps, r->depth), BF16_BLOCK);
    /* An odd number of cache lines, so that the rows of a tile do not fall into the same sets. */
    r->pitch = r->k / BF16_BLOCK % 2 ? r->k : space_add(r->k, BF16_BLOCK);
    const size_t fit = room / space_mul(r->pitch, sizeof(uint16_t));
    const size_t more = space_max(fit, space_min(fit + fit / 2, MIN_TASK_ROWS));
    const size_t most = space_min(space_max(more, BF16_ROWS), MAX_TASK_ROWS) / BF16_ROWS * BF16_ROWS;
    const size_t blocks = space_ceil(r->geo.batch * r->geo.dst_h * r->geo.dst_w, BF16_ROWS);
    r->chunks = space_ceil(blocks, most / BF16_ROWS);
    r->rows = space_mul(space_ceil(blocks, r->chunks), BF16_ROWS);
    r->plane = plane_of(space_mul(r->rows, r->pitch));
}

/* What a region computes, as a multiple of what is asked for: whole lines, and whole blocks. */
static double waste(const bf16_rows *r)
{
    const size_t blocks = r->joined ? joined_blocks(r) : r->along.taps * space_ceil(r->depth, BF16_BLOCK);
    return (double)bf16_line_pixels(r) / (double)r->along.dst * (double)(blocks * BF16_BLOCK) /
           (double)joined_elements(r);
}

static size_t columns_of(const backend_op *op)
{
    size_t columns = 0;
    for (uint32_t i = 0; i < op->n_out; i++)
        columns += (size_t)op->out[i].c;
    return columns;
}

/* Backward, the filter is turned by half a turn, and what was cut off is padded. */
static void turn_back(conv_geometry *g)
{
    g->pad_top = (ptrdiff_t)g->kh - 1 - g->pad_top;
    g->pad_left = (ptrdiff_t)g->kw - 1 - g->pad_left;
}

static bf16_axis axis_of(size_t src, size_t dst, size_t taps, size_t step, ptrdiff_t stride, ptrdiff_t pad)
{
    const size_t s = (size_t)stride;
    return (bf16_axis){
        .src = src, .dst = dst, .taps = taps, .step = step, .stride = s, .reach = (taps - 1) / s, .pad = pad};
}

bf16_rows cpu_conv_bf16_rows(const backend_op *op, size_t parts, size_t l2_bytes)
{
    const double most_waste = 1.5; /* making the matrix whole costs about as much */
    bf16_rows r = {.geo = cpu_conv_geometry(op), .parts = parts};
    conv_geometry *g = &r.geo;
    if (g->backward)
        turn_back(g);
    const size_t kw = (size_t)op->in[1].h;
    const bool several = g->kh > 1 || kw > 1;
    const bf16_axis v = axis_of(g->src_h, g->dst_h, g->kh, g->src_w, g->stride_h, g->pad_top);
    const bf16_axis h = axis_of(g->src_w, g->dst_w, kw, 1, g->stride_w, g->pad_left);
    r.turned = (double)v.reach / (double)v.dst < (double)h.reach / (double)h.dst;
    r.along = r.turned ? v : h;
    r.across = r.turned ? h : v;
    r.filter_taps = g->kh * kw;
    r.depth = (size_t)op->in[0].c;
    /* Pixels that stand close lie across cache lines: that costs about a tenth. */
    r.joined = g->stride_h == 1 && g->stride_w == 1 && joined_elements(&r) >= BF16_BLOCK &&
               joined_blocks(&r) * 6 <= r.along.taps * space_ceil(r.depth, BF16_BLOCK) * 5;
    const size_t room = l2_bytes / 2 / parts; /* for one part; the other half is for weights */
    const bool stay =
        space_mul(space_mul(r.filter_taps, r.depth), space_mul(columns_of(op), sizeof(uint16_t))) <= room;
    r.region = several && g->stride_h <= MAX_STRIDE && g->stride_w <= MAX_STRIDE && waste(&r) <= most_waste &&
               (stay || space_mul(g->dst_h, g->dst_w) >= MIN_REGION_ROWS);
    if (r.region) {
        cut_region(&r, stay ? room : room / 2 * 3);
    } else {
        r.filter_taps = g->kh * g->kw;
        r.depth = g->tap_len;
        cut_whole(&r, room);
    }
    r.elements = space_mul(parts, r.plane);
    return r;
}

size_t cpu_conv_bf16_tap(const bf16_rows *r, size_t t)
{
    if (!r->region)
        return t * r->depth;
    if (!r->joined) {
        const size_t i = t / r->along.taps, j = t % r->along.taps;
        const size_t s = r->across.stride, z = r->along.stride;
        return (i % s * z + j % z) * r->remainder + (i / s * bf16_line_pixels(r) + j / z) * r->pitch;
    }
    const size_t blocks = joined_blocks(r);
    return t / blocks * bf16_line_pixels(r) * r->pitch +
           space_min(t % blocks * BF16_BLOCK, joined_elements(r) - BF16_BLOCK);
}

size_t cpu_conv_bf16_factor(const bf16_rows *r, size_t t, size_t i)
{
    if (!r->region)
        return t * r->depth + i;
    if (!r->joined)
        return t * r->k + i;
    const size_t line = joined_blocks(r) * BF16_BLOCK, last = line - BF16_BLOCK;
    const size_t at = t % r->along.taps * r->depth + i;
    return t / r->along.taps * line + (at < last ? at : last + at + BF16_BLOCK - joined_elements(r));
}

size_t cpu_conv_bf16_filter_tap(const bf16_rows *r, size_t t)
{
    if (r->region && r->turned)
        t = t % r->along.taps * r->across.taps + t / r->along.taps;
    return r->geo.backward ? r->filter_taps - 1 - t : t;
}
