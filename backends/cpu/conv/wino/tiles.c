#include "tiles.h"

#include <math.h>
#include <string.h>

#include "backends/cpu/conv/space.h"

/* Where a tile lies: its image, its first output, and what it reads first. */
typedef struct {
    size_t image, y, x;
    ptrdiff_t src_y, src_x;
} place;

static place place_of(const wino_plan *p, size_t tile)
{
    const size_t tx = tile % p->tiles_w, line = tile / p->tiles_w;
    place at = {.image = line / p->tiles_h};
    at.y = line % p->tiles_h * p->variant->mh;
    at.x = tx * p->variant->mw;
    at.src_y = (ptrdiff_t)(at.y * p->variant->stride) - p->geo.pad_top;
    at.src_x = (ptrdiff_t)(at.x * p->variant->stride) - p->geo.pad_left;
    return at;
}

static void point_at_pixels(const wino_tiles *t, place at, const float **pixels)
{
    const wino_geometry *g = &t->plan->geo;
    const float *x = t->call->args[0];
    for (size_t i = 0; i < t->plan->nh; i++) {
        const ptrdiff_t y = at.src_y + (ptrdiff_t)i;
        const bool inside = y >= 0 && (size_t)y < g->src_h;
        const float *row =
            inside ? x + (at.image * g->src_h + (size_t)y) * g->src_w * g->src_pitch : t->zeros;
        for (size_t j = 0; j < t->plan->nw; j++) {
            const ptrdiff_t col = at.src_x + (ptrdiff_t)j;
            *pixels++ =
                inside && col >= 0 && (size_t)col < g->src_w ? row + (size_t)col * g->src_pitch : t->zeros;
        }
    }
}

/* The rows of a tile's points in V, in the order of the sets, and how far it is from there to the next
 * tile's: in elements of bf16, for V in parts. */
typedef struct {
    uint16_t *row[WINO_MAX_POINTS];
    size_t step[WINO_MAX_POINTS];
} split_rows;

static void split_rows_of(const wino_tiles *t, split_rows *r)
{
    const wino_plan *p = t->plan;
    for (size_t set = 0; set < p->sets; set++) {
        const wino_spot s = cpu_wino_set(p->variant, set);
        float *v = t->v + s.before * p->v_pitch + t->v_tile * s.share * p->v_row;
        for (size_t i = 0; i < s.share; i++) {
            r->row[s.before + i] = (uint16_t *)(void *)(v + i * p->v_row);
            r->step[s.before + i] = s.share * p->v_row * sizeof *v / sizeof **r->row;
        }
    }
}

/* A few channels of all points at a time, by way of the first-level cache. */
static bool transform_in_parts(const wino_tiles *t, const float *const *pixels, const split_rows *rows)
{
    const wino_plan *p = t->plan;
    bool finite = true;
    for (size_t c = 0; c < p->geo.channels; c += WINO_NEAR) {
        const size_t n = space_min(WINO_NEAR, p->geo.channels - c);
        const wino_input in = {pixels, c, n, {t->near, WINO_NEAR, WINO_NEAR, 0}};
        const wino_split split = {t->near, WINO_NEAR, p->points, n, rows->row, c * p->products->parts};
        finite &= p->wino->input(&in);
        p->products->split(&split);
    }
    return finite;
}

static bool transform(const wino_tiles *t, size_t tile, const float *const *pixels, const split_rows *rows)
{
    const wino_plan *p = t->plan;
    if (p->products->parts)
        return transform_in_parts(t, pixels, rows);
    const wino_input in = {pixels, 0, p->geo.channels, {t->v, p->v_pitch, p->v_row, t->v_tile + tile}};
    return p->wino->input(&in);
}

/* Puts zeros in the place of what is not finite. */
static void point_at_clean(const wino_tiles *t, const float **pixels)
{
    const wino_plan *p = t->plan;
    for (size_t q = 0; q < p->points; q++) {
        float *to = t->clean + q * p->depth;
        for (size_t c = 0; c < p->geo.channels; c++)
            to[c] = isfinite(pixels[q][c]) ? pixels[q][c] : 0.0f;
        pixels[q] = to;
    }
}

void cpu_wino_tiles_in(const wino_tiles *t)
{
    const wino_plan *p = t->plan;
    const float *pixels[WINO_MAX_POINTS];
    split_rows rows;
    if (p->products->parts)
        split_rows_of(t, &rows);
    for (size_t i = 0; i < t->count; i++) {
        point_at_pixels(t, place_of(p, t->first + i), pixels);
        t->odd[i] = !transform(t, i, pixels, &rows);
        if (t->odd[i]) {
            point_at_clean(t, pixels);
            transform(t, i, pixels, &rows);
        }
        for (size_t q = 0; p->products->parts && q < p->points; q++)
            rows.row[q] += rows.step[q];
    }
}

static bool all_finite(const float *x, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (!isfinite(x[i]))
            return false;
    }
    return true;
}

/* Writes NaN over the outputs whose window holds what is not finite: what they are made of was left out. */
static void spread_odd(const wino_tiles *t, place at, const wino_output *out)
{
    const wino_plan *p = t->plan;
    const wino_variant *v = p->variant;
    const float *pixels[WINO_MAX_POINTS];
    point_at_pixels(t, at, pixels);
    for (size_t q = 0; q < p->points; q++) {
        if (all_finite(pixels[q], p->geo.channels))
            continue;
        const size_t py = q / p->nw, px = q % p->nw;
        for (size_t i = 0; i < out->rows; i++) {
            for (size_t j = 0; j < out->cols; j++) {
                const size_t y0 = i * v->stride, x0 = j * v->stride;
                if (y0 > py || py >= y0 + v->rh || x0 > px || px >= x0 + v->rw)
                    continue;
                float *y = out->out + i * out->row_pitch + j * out->pixel_pitch;
                for (size_t c = 0; c < out->channels; c++)
                    y[c] = NAN;
            }
        }
    }
}

static wino_output output_at(const wino_tiles *t, const conv_panel *panel, size_t index, float *m,
                             size_t tile)
{
    const wino_plan *p = t->plan;
    const backend_op *op = t->call->op;
    const wino_geometry *g = &p->geo;
    const size_t lanes = p->conv->lanes, pitch = (size_t)op->out[panel->out].pixel_pitch;
    const place at = place_of(p, t->first + tile);
    float *y = (float *)t->call->args[op->n_in + panel->out] + panel->out_first;
    return (wino_output){
        .products = {m, p->m_pitch, panel->vectors * lanes, tile},
        .bias = t->bias + index * 2 * lanes,
        .floor = op->attr.conv.relu_mask >> panel->out & 1u ? 0.0f : -INFINITY,
        .out = y + ((at.image * g->dst_h + at.y) * g->dst_w + at.x) * pitch,
        .row_pitch = g->dst_w * pitch,
        .pixel_pitch = pitch,
        .rows = space_min(p->variant->mh, g->dst_h - at.y),
        .cols = space_min(p->variant->mw, g->dst_w - at.x),
        .channels = panel->cols,
    };
}

/* Lines that are not in the cache are read before a part of them is written: early, while the tile before
 * this one is computed. */
static void prefetch_outputs(const wino_output *out)
{
    for (size_t i = 0; i < out->rows; i++) {
        for (size_t j = 0; j < out->cols; j++) {
            const float *y = out->out + i * out->row_pitch + j * out->pixel_pitch;
            for (size_t c = 0; c < out->channels; c += SPACE_ALIGN / sizeof *y)
                __builtin_prefetch(y + c, 1);
        }
    }
}

void cpu_wino_tiles_out(const wino_tiles *t, const conv_panel *panel, size_t index, float *m)
{
    wino_output next = output_at(t, panel, index, m, 0);
    for (size_t i = 0; i < t->count; i++) {
        const wino_output out = next;
        if (i + 1 < t->count) {
            next = output_at(t, panel, index, m, i + 1);
            prefetch_outputs(&next);
        }
        t->plan->wino->output(&out);
        if (t->odd[i])
            spread_odd(t, place_of(t->plan, t->first + i), &out);
    }
}
