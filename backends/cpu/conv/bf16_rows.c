#include "bf16_rows.h"

#include <string.h>

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

static size_t line_pixels(const bf16_rows *r)
{
    return r->along.dst + r->along.reach;
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

/* Rows that begin in n lines, without those behind the last one's end. */
static size_t rows_of(const bf16_rows *r, size_t lines)
{
    return (lines - 1) * line_pixels(r) + r->along.dst;
}

/* Of one part. An odd number of cache lines, so that the parts of a tile do not fall into the same sets. */
static size_t plane_of(size_t elements)
{
    return space_mul(space_ceil(elements, BF16_BLOCK) | 1, BF16_BLOCK);
}

/* Of a remainder: every tap of the last row, in whole blocks of rows, lies within. */
static size_t remainder_elements(const bf16_rows *r, size_t lines)
{
    const size_t rows = whole_blocks(rows_of(r, lines), BF16_ROWS);
    const size_t last = space_add(space_mul(r->across.reach, line_pixels(r)), r->along.reach);
    return space_mul(space_add(rows, last), r->pitch);
}

static size_t region_elements(const bf16_rows *r, size_t lines)
{
    return space_mul(r->across.stride * r->along.stride, remainder_elements(r, lines));
}

static void cut_region(bf16_rows *r, size_t room)
{
    const size_t line = line_pixels(r);
    r->pitch = r->joined ? r->depth : whole_blocks(r->depth, BF16_BLOCK);
    r->k = r->joined ? BF16_BLOCK : r->pitch;
    r->taps = r->joined ? r->across.taps * joined_blocks(r) : r->filter_taps;
    r->lines = space_min(space_max(MAX_REGION_ROWS / line, 1), r->across.dst);
    while (r->lines > 1 && space_mul(region_elements(r, r->lines), sizeof(uint16_t)) > room)
        r->lines--;
    r->lines = space_ceil(r->across.dst, space_ceil(r->across.dst, r->lines));
    r->rows = whole_blocks(rows_of(r, r->lines), BF16_ROWS);
    r->chunks = space_mul(r->geo.batch, space_ceil(r->across.dst, r->lines));
    r->remainder = remainder_elements(r, r->lines);
    r->plane = plane_of(region_elements(r, r->lines));
}

/* Of the matrix made whole. */
static size_t all_rows(const bf16_rows *r)
{
    return r->geo.batch * r->geo.dst_h * r->geo.dst_w;
}

/* The first row of a chunk, or behind the last. */
static size_t first_row(const bf16_rows *r, size_t chunk)
{
    const size_t all = all_rows(r);
    return space_min(space_cut(space_ceil(all, BF16_ROWS), r->chunks, chunk) * BF16_ROWS, all);
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
    const size_t blocks = space_ceil(all_rows(r), BF16_ROWS);
    r->chunks = space_ceil(blocks, most / BF16_ROWS);
    r->rows = space_mul(space_ceil(blocks, r->chunks), BF16_ROWS);
    r->plane = plane_of(space_mul(r->rows, r->pitch));
}

/* What a region computes, as a multiple of what is asked for: whole lines, and whole blocks. */
static double waste(const bf16_rows *r)
{
    const size_t blocks = r->joined ? joined_blocks(r) : r->along.taps * space_ceil(r->depth, BF16_BLOCK);
    return (double)line_pixels(r) / (double)r->along.dst * (double)(blocks * BF16_BLOCK) /
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
        return (i % s * z + j % z) * r->remainder + (i / s * line_pixels(r) + j / z) * r->pitch;
    }
    const size_t blocks = joined_blocks(r);
    return t / blocks * line_pixels(r) * r->pitch +
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

/* ---- elements ------------------------------------------------------------------------------------------ */

static void put(const bf16_rows *r, const float *from, size_t n, uint16_t *to)
{
    if (r->parts == 1)
        cpu_conv_bf16_round(from, n, to);
    else
        cpu_conv_bf16_split(from, n, to, r->plane);
}

static void put_zeros(const bf16_rows *r, uint16_t *to, size_t n)
{
    for (size_t i = 0; i < r->parts; i++)
        memset(to + i * r->plane, 0, n * sizeof *to);
}

/* ---- a region ------------------------------------------------------------------------------------------ */

/* n pixels of the source, `step` elements apart. */
static void fill_pixels(const bf16_rows *r, const float *from, size_t n, size_t step, uint16_t *to)
{
    if (step == r->depth && r->pitch == r->depth) { /* side by side here and there */
        put(r, from, n * r->depth, to);
        return;
    }
    for (size_t i = 0; i < n; i++, from += step, to += r->pitch) {
        put(r, from, r->depth, to);
        put_zeros(r, to + r->depth, r->pitch - r->depth);
    }
}

/* The pixels of a source line whose coordinate, with the padding before it, has this remainder; the padding
 * on both sides too. outside: all of it is padding. */
static void fill_line(const bf16_rows *r, const float *line, bool outside, size_t remainder, uint16_t *to)
{
    const bf16_axis *axis = &r->along;
    const size_t n = line_pixels(r), step = axis->stride * axis->step * r->geo.src_pitch;
    const ptrdiff_t s = (ptrdiff_t)axis->stride, at = (ptrdiff_t)remainder - axis->pad;
    const size_t before = outside ? n : space_min(at < 0 ? (size_t)((-at + s - 1) / s) : 0, n);
    const size_t first = (size_t)(at + (ptrdiff_t)before * s); /* its coordinate, behind the padding */
    const size_t left = !outside && first < axis->src ? space_ceil(axis->src - first, axis->stride) : 0;
    const size_t inside = space_min(n - before, left);
    put_zeros(r, to, before * r->pitch);
    if (inside > 0)
        fill_pixels(r, line + first * axis->step * r->geo.src_pitch, inside, step, to + before * r->pitch);
    put_zeros(r, to + (before + inside) * r->pitch, (n - before - inside) * r->pitch);
}

/* Source line `at`, counted with the padding before the first: all its remainders, in line i of theirs. */
static void fill_remainders(const bf16_rows *r, const float *image, size_t at, size_t i, uint16_t *a)
{
    const ptrdiff_t source = (ptrdiff_t)at - r->across.pad;
    const bool outside = source < 0 || (size_t)source >= r->across.src;
    const float *line = outside ? image : image + (size_t)source * r->across.step * r->geo.src_pitch;
    a += at % r->across.stride * r->along.stride * r->remainder + i * line_pixels(r) * r->pitch;
    for (size_t j = 0; j < r->along.stride; j++, a += r->remainder)
        fill_line(r, line, outside, j, a);
}

static size_t fill_region(const bf16_rows *r, const float *x, size_t chunk, uint16_t *a, size_t *pixels)
{
    const conv_geometry *g = &r->geo;
    const size_t blocks = space_ceil(r->across.dst, r->lines), image = chunk / blocks;
    const size_t first = chunk % blocks * r->lines, lines = space_min(r->lines, r->across.dst - first);
    const size_t n = line_pixels(r), rows = rows_of(r, lines), s = r->across.stride;
    const size_t along = r->turned ? g->dst_w : 1, across = r->turned ? 1 : g->dst_w;
    x += image * g->src_h * g->src_w * g->src_pitch;
    for (size_t i = 0; i < (lines + r->across.reach) * s; i++)
        fill_remainders(r, x, first * s + i, i / s, a);
    for (size_t i = 0; i < lines; i++)
        for (size_t j = 0; j < n && i * n + j < rows; j++)
            pixels[i * n + j] = j < r->along.dst
                                    ? image * g->dst_h * g->dst_w + (first + i) * across + j * along
                                    : BF16_NOWHERE;
    return rows;
}

/* ---- made whole ---------------------------------------------------------------------------------------- */

static void fill_row(const bf16_rows *r, const float *image, size_t ty, size_t tx, uint16_t *row)
{
    const conv_geometry *g = &r->geo;
    uint16_t *const end = row + r->k;
    ptrdiff_t y = (ptrdiff_t)ty * g->stride_h - g->pad_top;
    for (size_t i = 0; i < g->kh; i++, y++) {
        const bool inside = y >= 0 && (size_t)y < g->src_h;
        ptrdiff_t col = (ptrdiff_t)tx * g->stride_w - g->pad_left;
        for (size_t j = 0; j < g->kw; j++, col++, row += r->depth) {
            if (inside && col >= 0 && (size_t)col < g->src_w)
                put(r, image + ((size_t)y * g->src_w + (size_t)col) * g->src_pitch, r->depth, row);
            else
                put_zeros(r, row, r->depth);
        }
    }
    put_zeros(r, row, (size_t)(end - row));
}

static size_t fill_whole(const bf16_rows *r, const float *x, size_t chunk, uint16_t *a, size_t *pixels)
{
    const conv_geometry *g = &r->geo;
    const size_t image_elements = g->src_h * g->src_w * g->src_pitch;
    const size_t first = first_row(r, chunk), rows = first_row(r, chunk + 1) - first;
    size_t tx = first % g->dst_w, line = first / g->dst_w, ty = line % g->dst_h;
    x += line / g->dst_h * image_elements;
    for (size_t m = 0; m < rows; m++, a += r->pitch) {
        fill_row(r, x, ty, tx, a);
        pixels[m] = first + m;
        if (++tx < g->dst_w)
            continue;
        tx = 0;
        if (++ty < g->dst_h)
            continue;
        ty = 0;
        x += image_elements;
    }
    return rows;
}

/* Of a region whose lines are the image's: those that the chunk before it does not read. */
static const float *new_lines(const bf16_rows *r, const float *x, size_t chunk, size_t *bytes)
{
    const conv_geometry *g = &r->geo;
    const size_t blocks = space_ceil(r->across.dst, r->lines), block = chunk % blocks, s = r->across.stride;
    const size_t line = g->src_w * g->src_pitch, pad = r->across.pad > 0 ? (size_t)r->across.pad : 0;
    const size_t reads = (r->across.reach + 1) * s,
                 first = block * r->lines * s + (block > 0 ? reads - s : 0);
    const size_t begin = space_min(first > pad ? first - pad : 0, g->src_h);
    const size_t behind = (block + 1) * r->lines * s + reads - s;
    const size_t end = space_min(behind > pad ? behind - pad : 0, g->src_h);
    *bytes = end > begin ? (end - begin) * line * sizeof *x : 0;
    return x + (chunk / blocks * g->src_h + begin) * line;
}

/* Of a matrix made whole from pixels of their own. */
static const float *new_pixels(const bf16_rows *r, const float *x, size_t chunk, size_t *bytes)
{
    const size_t first = first_row(r, chunk);
    *bytes = (first_row(r, chunk + 1) - first) * r->geo.src_pitch * sizeof *x;
    return x + first * r->geo.src_pitch;
}

const float *cpu_conv_bf16_source(const bf16_rows *r, const float *x, size_t chunk, size_t *bytes)
{
    const conv_geometry *g = &r->geo;
    if (r->region && !r->turned)
        return new_lines(r, x, chunk, bytes);
    const bool follow = g->kh * g->kw == 1 && g->stride_h == 1 && g->stride_w == 1;
    if (!r->region && follow && g->pad_top == 0 && g->pad_left == 0)
        return new_pixels(r, x, chunk, bytes);
    return NULL;
}

size_t cpu_conv_bf16_fill(const bf16_rows *r, const float *x, size_t chunk, uint16_t *a, size_t *pixels)
{
    return (r->region ? fill_region : fill_whole)(r, x, chunk, a, pixels);
}
