/* bf16_fill.c: makes the left matrix of a task from the image. */
#include <string.h>

#include "bf16_rows.h"
#include "space.h"

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
    const size_t n = bf16_line_pixels(r), step = axis->stride * axis->step * r->geo.src_pitch;
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
    a += at % r->across.stride * r->along.stride * r->remainder + i * bf16_line_pixels(r) * r->pitch;
    for (size_t j = 0; j < r->along.stride; j++, a += r->remainder)
        fill_line(r, line, outside, j, a);
}

static size_t fill_region(const bf16_rows *r, const float *x, size_t chunk, uint16_t *a, size_t *pixels)
{
    const conv_geometry *g = &r->geo;
    const size_t blocks = space_ceil(r->across.dst, r->lines), image = chunk / blocks;
    const size_t first = chunk % blocks * r->lines, lines = space_min(r->lines, r->across.dst - first);
    const size_t n = bf16_line_pixels(r), rows = bf16_rows_in(r, lines), s = r->across.stride;
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

/* The first row of a chunk of the matrix made whole, or behind the last. */
static size_t first_row(const bf16_rows *r, size_t chunk)
{
    const size_t all = r->geo.batch * r->geo.dst_h * r->geo.dst_w;
    return space_min(space_cut(space_ceil(all, BF16_ROWS), r->chunks, chunk) * BF16_ROWS, all);
}

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
