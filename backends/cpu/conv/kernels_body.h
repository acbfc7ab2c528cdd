/* kernels_body.h: the kernels, in terms of a vector type. Included once by the file of each instruction
 * set, which defines before it:
 *   LANES                    elements of a vector
 *   ROWS, EACH_ROW_COUNT(X)  the tallest tile, and X(1) … X(ROWS)
 *   KERNELS                  name of the table
 *   vec, vec_zero(), vec_set1(f), vec_fma(a, b, c) = a*b + c, vec_add(a, b),
 *   vec_floor(z, lo)         max(z, lo) that lets a NaN of z through
 *   vec_load(p)              from an aligned address
 *   vec_loadu(p), vec_storeu(p, v), and for the first n < LANES elements alone:
 *   vec_load_part(p, n) with 0 in the others, vec_store_part(p, v, n) */
#include "kernels.h"

#include <string.h>

#define LINE ((size_t)16) /* elements of a line of the caches */

#define INLINE static inline __attribute__((always_inline))
#if defined(__clang__)
#define UNROLL _Pragma("clang loop unroll(full)")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif

INLINE void store_cols(float *p, vec v, size_t first, size_t cols)
{
    if (first + LANES <= cols)
        vec_storeu(p + first, v);
    else if (first < cols)
        vec_store_part(p + first, v, cols - first);
}

INLINE vec load_cols(const float *p, size_t first, size_t cols)
{
    if (first + LANES <= cols)
        return vec_loadu(p + first);
    return first < cols ? vec_load_part(p + first, cols - first) : vec_zero();
}

/* Steps of k by which weights are drawn towards the first-level cache before they are due. Behind the end
 * of a panel lies the next one, which the last tile of this one so begins to draw. */
#define AHEAD ((size_t)16)

/* Sums begin with the bias. rows and nv are constants here and below: all loops over them unroll, acc becomes
 * registers. */
INLINE void start_sums(const float *bias, vec (*acc)[2], size_t rows, size_t nv)
{
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        UNROLL
        for (size_t v = 0; v < nv; v++)
            acc[m][v] = vec_load(bias + v * LANES);
    }
}

INLINE void store_row(float *out, const vec *sums, vec lo, size_t nv, size_t cols)
{
    UNROLL
    for (size_t v = 0; v < nv; v++)
        store_cols(out, vec_floor(sums[v], lo), v * LANES, cols);
}

INLINE void store_tile(const conv_tile *t, vec (*acc)[2], size_t rows, size_t nv, size_t cols)
{
    const vec lo = vec_set1(t->floor);
    UNROLL
    for (size_t m = 0; m < rows; m++)
        store_row(t->out + t->pixels[m] * t->out_pitch, acc[m], lo, nv, cols);
}

/* draw: whether there is anything to draw, a constant: without, the loop has less to do, and on processors
 * whose clock follows their load it runs at a higher one. */
INLINE void sum_tile(const conv_tile *t, vec (*acc)[2], size_t rows, size_t nv, bool draw)
{
    const float *w = t->weights;
    const float *const *row = t->rows;
    const char *ahead = t->prefetch;
    const size_t len = t->tap_len;
    for (size_t tap = 0; tap < t->taps; tap++, row += rows) {
        const float *a[ROWS];
        UNROLL
        for (size_t m = 0; m < rows; m++)
            a[m] = row[m];
        for (size_t k = 0; k < len; k++) {
            vec b[2];
            UNROLL
            for (size_t v = 0; v < nv; v++)
                b[v] = vec_load(w + v * LANES);
            UNROLL
            for (size_t at = 0; at < nv * LANES; at += LINE)
                __builtin_prefetch(w + AHEAD * nv * LANES + at, 0, 3);
            w += nv * LANES;
            if (draw) {
                __builtin_prefetch(ahead, 0, 2);
                ahead += LINE * sizeof(float);
            }
            UNROLL
            for (size_t m = 0; m < rows; m++) {
                vec x = vec_set1(a[m][k]);
                UNROLL
                for (size_t v = 0; v < nv; v++)
                    acc[m][v] = vec_fma(x, b[v], acc[m][v]);
            }
        }
    }
}

INLINE void tile_body(const conv_tile *t, size_t rows, size_t nv)
{
    vec acc[ROWS][2];
    start_sums(t->bias, acc, rows, nv);
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        const float *out = t->out + t->pixels[m] * t->out_pitch;
        UNROLL
        for (size_t at = 0; at < nv * LANES; at += LINE)
            __builtin_prefetch(out + at, 1, 3);
    }
    if (t->prefetch)
        sum_tile(t, acc, rows, nv, true);
    else
        sum_tile(t, acc, rows, nv, false);
    if (t->cols < nv * LANES)
        store_tile(t, acc, rows, nv, t->cols);
    else
        store_tile(t, acc, rows, nv, nv * LANES);
}

#include "line_body.h"

INLINE void store_sums(const conv_filter_tile *t, size_t m, const vec *sums, size_t nv, size_t cols)
{
    float *out = t->out + m * t->out_pitch;
    UNROLL
    for (size_t v = 0; v < nv; v++) {
        vec sum = sums[v];
        if (t->add)
            sum = vec_add(load_cols(out, v * LANES, cols), sum);
        store_cols(out, sum, v * LANES, cols);
    }
}

/* Pixels first … first + n - 1. */
INLINE void filter_pixels(const conv_filter_tile *t, size_t first, size_t n, size_t rows, size_t nv,
                          vec (*acc)[2])
{
    const size_t x_pitch = t->x_pitch, dy_pitch = t->dy_pitch;
    const float *x = t->x + first * x_pitch, *dy = t->dy + first * dy_pitch;
    for (size_t p = n; p > 0; p--, x += x_pitch, dy += dy_pitch) {
        vec b[2];
        UNROLL
        for (size_t v = 0; v < nv; v++)
            b[v] = vec_load(dy + v * LANES);
        UNROLL
        for (size_t m = 0; m < rows; m++) {
            vec a = vec_set1(x[m]);
            UNROLL
            for (size_t v = 0; v < nv; v++)
                acc[m][v] = vec_fma(a, b[v], acc[m][v]);
        }
    }
}

INLINE void filter_body(const conv_filter_tile *t, size_t rows, size_t nv)
{
    vec acc[ROWS][2];
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        UNROLL
        for (size_t v = 0; v < nv; v++) {
            acc[m][v] = vec_zero();
            __builtin_prefetch(t->out + m * t->out_pitch + v * LANES, 1, 2);
        }
    }
    const char *ahead = t->prefetch;
    size_t p = 0;
    for (; p + CONV_FILTER_STRIDE <= t->n; p += CONV_FILTER_STRIDE, ahead += t->prefetch_step) {
        __builtin_prefetch(ahead, 0, 2);
        filter_pixels(t, p, CONV_FILTER_STRIDE, rows, nv, acc);
    }
    filter_pixels(t, p, t->n - p, rows, nv, acc);
    if (t->cols < nv * LANES) {
        UNROLL
        for (size_t m = 0; m < rows; m++)
            store_sums(t, m, acc[m], nv, t->cols);
    } else {
        UNROLL
        for (size_t m = 0; m < rows; m++)
            store_sums(t, m, acc[m], nv, nv * LANES);
    }
}

/* out[i*w->to + j] = sum of h->m[i][p] * w->m[j][q] * in[p*w->from + q]. */
INLINE void transform(const vec *in, const conv_axis *h, const conv_axis *w, vec *out)
{
    for (size_t i = 0; i < h->to; i++) {
        vec line[CONV_AXIS];
        for (size_t q = 0; q < w->from; q++) {
            vec sum = vec_zero();
            for (size_t p = 0; p < h->from; p++)
                sum = vec_fma(vec_set1(h->m[i * h->from + p]), in[p * w->from + q], sum);
            line[q] = sum;
        }
        for (size_t j = 0; j < w->to; j++) {
            vec sum = vec_zero();
            for (size_t q = 0; q < w->from; q++)
                sum = vec_fma(vec_set1(w->m[j * w->from + q]), line[q], sum);
            out[i * w->to + j] = sum;
        }
    }
}

static void spread(const float *const *cells, size_t channels, const conv_axis *h, const conv_axis *w,
                   float *out, size_t stride, size_t width, size_t block)
{
    for (size_t first = 0; first < channels; first += width, out += block) {
        for (size_t c = 0; c < width; c += LANES) {
            vec from[CONV_AXIS * CONV_AXIS], to[CONV_AXIS * CONV_AXIS];
            for (size_t i = 0; i < h->from * w->from; i++)
                from[i] = load_cols(cells[i], first + c, channels);
            transform(from, h, w, to);
            for (size_t i = 0; i < h->to * w->to; i++)
                vec_storeu(out + i * stride + c, to[i]);
        }
    }
}

static void gather(const float *in, size_t in_stride, size_t channels, const conv_axis *h, const conv_axis *w,
                   float *out, size_t stride, bool add)
{
    for (size_t c = 0; c < channels; c += LANES) {
        vec from[CONV_AXIS * CONV_AXIS], to[CONV_AXIS * CONV_AXIS];
        for (size_t i = 0; i < h->from * w->from; i++)
            from[i] = vec_load(in + i * in_stride + c);
        transform(from, h, w, to);
        for (size_t i = 0; i < h->to * w->to; i++) {
            float *at = out + i * stride;
            store_cols(at, add ? vec_add(load_cols(at, c, channels), to[i]) : to[i], c, channels);
        }
    }
}

INLINE void pack_panel_body(const float *src, size_t pitch, size_t n, size_t cols, float *dst, size_t nv)
{
    for (size_t p = 0; p < n; p++, src += pitch, dst += nv * LANES) {
        UNROLL
        for (size_t v = 0; v < nv; v++)
            vec_storeu(dst + v * LANES, load_cols(src, v * LANES, cols));
    }
}

static void pack_panel_1(const float *src, size_t pitch, size_t n, size_t cols, float *dst)
{
    pack_panel_body(src, pitch, n, cols, dst, 1);
}

static void pack_panel_2(const float *src, size_t pitch, size_t n, size_t cols, float *dst)
{
    pack_panel_body(src, pitch, n, cols, dst, 2);
}

#define DEFINE_ROW_COUNT(R)                                                                                  \
    static void tile_1x##R(const conv_tile *t)                                                               \
    {                                                                                                        \
        tile_body(t, R, 1);                                                                                  \
    }                                                                                                        \
    static void tile_2x##R(const conv_tile *t)                                                               \
    {                                                                                                        \
        tile_body(t, R, 2);                                                                                  \
    }                                                                                                        \
    static void line_1x##R(const conv_line *t)                                                               \
    {                                                                                                        \
        line_body(t, R, 1);                                                                                  \
    }                                                                                                        \
    static void line_2x##R(const conv_line *t)                                                               \
    {                                                                                                        \
        line_body(t, R, 2);                                                                                  \
    }                                                                                                        \
    static void filter_1x##R(const conv_filter_tile *t)                                                      \
    {                                                                                                        \
        filter_body(t, R, 1);                                                                                \
    }                                                                                                        \
    static void filter_2x##R(const conv_filter_tile *t)                                                      \
    {                                                                                                        \
        filter_body(t, R, 2);                                                                                \
    }                                                                                                        \
    static void pack_rows_##R(const float *const *rows, size_t first, size_t n, float *dst)                  \
    {                                                                                                        \
        for (size_t p = 0; p < n; p++, dst += R)                                                             \
            memcpy(dst, rows[p] + first, R * sizeof *dst);                                                   \
    }

EACH_ROW_COUNT(DEFINE_ROW_COUNT)

#define TILE_1(R)    [R] = tile_1x##R,
#define TILE_2(R)    [R] = tile_2x##R,
#define LINE_1(R)    [R] = line_1x##R,
#define LINE_2(R)    [R] = line_2x##R,
#define FILTER_1(R)  [R] = filter_1x##R,
#define FILTER_2(R)  [R] = filter_2x##R,
#define PACK_ROWS(R) [R] = pack_rows_##R,

const conv_kernels KERNELS = {
    .lanes = LANES,
    .max_rows = ROWS,
    .tile = {{EACH_ROW_COUNT(TILE_1)}, {EACH_ROW_COUNT(TILE_2)}},
    .line = {{EACH_ROW_COUNT(LINE_1)}, {EACH_ROW_COUNT(LINE_2)}},
    .filter = {{EACH_ROW_COUNT(FILTER_1)}, {EACH_ROW_COUNT(FILTER_2)}},
    .pack_rows = {EACH_ROW_COUNT(PACK_ROWS)},
    .pack_panel = {pack_panel_1, pack_panel_2},
    .spread = spread,
    .gather = gather,
};
