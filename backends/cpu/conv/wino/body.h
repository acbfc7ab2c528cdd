/* body.h: Winograd's transforms, in terms of a vector type. Included behind kernels_body.h by the file of
 * each instruction set, with what that one is given and the names of its two tables, WINO_KERNELS and
 * WINO_PRODUCTS. */
#include "backends/cpu/conv/space.h"
#include "kernels.h"

#define WINO_T                   vec
#define WINO_INLINE              INLINE
#define WINO_FMA(num, den, x, y) vec_fma(vec_set1((float)((double)(num) / (den))), x, y)
#define WINO_MUL(num, den, x)    (vec_set1((float)((double)(num) / (den))) * (x))
#define WINO_ADD(x, y)           ((x) + (y))
#define WINO_SUB(x, y)           ((x) - (y))
#define WINO_FACTOR              double
#define WINO_Q(num, den)         ((double)(num) / (den))
#include "wino_transforms.h"

/* m and r are constants at every call: one branch is left of each of these three. */
INLINE void input_1d(size_t m, size_t r, size_t stride, const vec *d, vec *v)
{
    if (m == 1 && r == 1)
        v[0] = d[0];
#define F(M, R, S, ...) else if (m == M && r == R && stride == S) wino_input_##M##_##R##_##S(d, v);
#include "points.def"
#undef F
}

INLINE void output_1d(size_t m, size_t r, size_t stride, const vec *q, vec *y)
{
    if (m == 1 && r == 1)
        y[0] = q[0];
#define F(M, R, S, ...) else if (m == M && r == R && stride == S) wino_output_##M##_##R##_##S(q, y);
#include "points.def"
#undef F
}

INLINE const double *filter_1d(size_t m, size_t r, size_t stride)
{
    static const double identity[1] = {1};
#define F(M, R, S, ...)                                                                                      \
    if (m == M && r == R && stride == S)                                                                     \
        return wino_filter_##M##_##R##_##S[0];
#include "points.def"
#undef F
    return identity;
}

/* Pixels down a tile, and across. */
INLINE size_t tile_height(const wino_variant *f)
{
    return (f->mh - 1) * f->stride + f->rh;
}

INLINE size_t tile_width(const wino_variant *f)
{
    return (f->mw - 1) * f->stride + f->rw;
}

/* Zero, or NaN where one of the row's pixels was not finite. */
INLINE vec odd_of_row(const wino_variant *f, const vec *v)
{
    const size_t nw = tile_width(f), last = f->stride == 1 ? nw - 1 : f->mw;
    /* The first and the last of an F(m,r) have, between them, a share of all that it is made of. */
    vec odd = vec_fma(v[last], vec_zero(), v[0] * vec_zero());
    UNROLL
    for (size_t j = last + 1; j < nw; j++)
        odd = vec_fma(v[j], vec_zero(), odd);
    return odd;
}

/* n channels from channel `at` on. Returns zero, or NaN in the lanes that have met a number not finite. */
INLINE vec input_channels(const wino_input *t, size_t at, size_t n, const wino_variant *f)
{
    const size_t nh = tile_height(f), nw = tile_width(f);
    vec tmp[WINO_MAX_N * WINO_MAX_N], odd = vec_zero();
    for (size_t i = 0; i < nh; i++) {
        vec d[WINO_MAX_N], v[WINO_MAX_N];
        UNROLL
        for (size_t j = 0; j < nw; j++) {
            const float *p = t->pixels[i * nw + j] + t->first + at;
            d[j] = n == LANES ? vec_loadu(p) : vec_load_part(p, n);
        }
        input_1d(f->mw, f->rw, f->stride, d, v);
        odd = vec_add(odd, odd_of_row(f, v));
        UNROLL
        for (size_t j = 0; j < nw; j++) {
            if (nh == 1)
                vec_storeu(wino_values_at(&t->out, wino_spot_of(f, 0, j)) + at, v[j]);
            else
                tmp[i * nw + j] = v[j];
        }
    }
    for (size_t j = 0; nh > 1 && j < nw; j++) {
        vec d[WINO_MAX_N], v[WINO_MAX_N];
        UNROLL
        for (size_t i = 0; i < nh; i++)
            d[i] = tmp[i * nw + j];
        input_1d(f->mh, f->rh, f->stride, d, v);
        UNROLL
        for (size_t i = 0; i < nh; i++)
            vec_storeu(wino_values_at(&t->out, wino_spot_of(f, i, j)) + at, v[i]);
    }
    return odd;
}

INLINE bool input_body(const wino_input *t, const wino_variant *f)
{
    vec odd = vec_zero();
    size_t c = 0;
    for (; c + LANES <= t->channels; c += LANES)
        odd = vec_add(odd, input_channels(t, c, LANES, f));
    if (c < t->channels)
        odd = vec_add(odd, input_channels(t, c, t->channels - c, f));
    float lane[LANES];
    vec_storeu(lane, odd);
    bool finite = true;
    for (size_t i = 0; i < LANES; i++)
        finite &= lane[i] == 0.0f;
    return finite;
}

INLINE void store_outputs(const wino_output *t, size_t at, size_t row, const vec *y, size_t mw)
{
    float *out = t->out + row * t->row_pitch + at;
    const size_t n = t->channels - at;
    if (t->cols == mw && n >= LANES) {
        UNROLL
        for (size_t j = 0; j < mw; j++)
            vec_storeu(out + j * t->pixel_pitch, y[j]);
        return;
    }
    for (size_t j = 0; j < t->cols; j++)
        store_cols(out + j * t->pixel_pitch, y[j], 0, n);
}

INLINE void output_body(const wino_output *t, const wino_variant *f)
{
    const size_t nh = tile_height(f), nw = tile_width(f), mh = f->mh, mw = f->mw;
    const vec lo = vec_set1(t->floor);
    for (size_t at = 0; at < t->channels; at += LANES) {
        vec tmp[WINO_MAX_M * WINO_MAX_N];
        for (size_t j = 0; nh > 1 && j < nw; j++) {
            vec q[WINO_MAX_N], y[WINO_MAX_M];
            UNROLL
            for (size_t i = 0; i < nh; i++)
                q[i] = vec_load(wino_values_at(&t->products, wino_spot_of(f, i, j)) + at);
            output_1d(mh, f->rh, f->stride, q, y);
            UNROLL
            for (size_t i = 0; i < mh; i++)
                tmp[i * nw + j] = y[i];
        }
        const vec bias = vec_load(t->bias + at);
        for (size_t i = 0; i < t->rows; i++) {
            vec q[WINO_MAX_N], y[WINO_MAX_M];
            UNROLL
            for (size_t j = 0; j < nw; j++)
                q[j] = nh > 1 ? tmp[i * nw + j]
                              : vec_load(wino_values_at(&t->products, wino_spot_of(f, 0, j)) + at);
            output_1d(mw, f->rw, f->stride, q, y);
            UNROLL
            for (size_t j = 0; j < mw; j++)
                y[j] = vec_floor(vec_add(y[j], bias), lo);
            store_outputs(t, at, i, y, mw);
        }
    }
}

/* As many doubles as fill a vector, and as many floats. */
typedef double wide __attribute__((vector_size(sizeof(vec))));
typedef float narrow __attribute__((vector_size(sizeof(vec) / 2)));

/* LANES/2 columns of one k. In double, so that the rounding of U is all that is lost. */
INLINE void weights_half(const float *taps, size_t pitch, float *out, const wino_variant *f)
{
    const size_t rh = f->rh, rw = f->rw;
    const size_t sets_h = wino_set_count(f->mh, rh, f->stride), sets_w = wino_set_count(f->mw, rw, f->stride);
    const double *down = filter_1d(f->mh, rh, f->stride), *across = filter_1d(f->mw, rw, f->stride);
    wide g[WINO_MAX_TAPS];
    UNROLL
    for (size_t i = 0; i < rh * rw; i++) {
        narrow tap;
        memcpy(&tap, taps + i * pitch, sizeof tap);
        g[i] = __builtin_convertvector(tap, wide);
    }
    for (size_t a = 0; a < sets_h; a++) {
        wide row[WINO_MAX_TAPS];
        UNROLL
        for (size_t j = 0; j < rw; j++) {
            row[j] = g[j] * down[a * rh];
            UNROLL
            for (size_t i = 1; i < rh; i++)
                row[j] += g[i * rw + j] * down[a * rh + i];
        }
        for (size_t b = 0; b < sets_w; b++) {
            wide sum = row[0] * across[b * rw];
            UNROLL
            for (size_t j = 1; j < rw; j++)
                sum += row[j] * across[b * rw + j];
            const narrow u = __builtin_convertvector(sum, narrow);
            memcpy(out + (a * sets_w + b) * pitch, &u, sizeof u);
        }
    }
}

INLINE void weights_body(const wino_weights *t, const wino_variant *f)
{
    const size_t width = t->vectors * LANES, pitch = t->n * width;
    for (size_t at = 0; at < pitch; at += LANES / 2)
        weights_half(t->taps + at, pitch, t->out + at, f);
}

/* Rows of V with one panel, and what is drawn meanwhile. */
typedef struct {
    const char *v;
    size_t v_pitch, depth;
    const float *u;
    float *out;
    const char *draw; /* a line at each k, or NULL */
} product_rows;

/* One piece of the sum, in registers. Three rows share a pointer, because there are not enough of them for
 * one each: row m is at base[m/3] + m%3*pitch. draw: as sum_tile's. */
INLINE void product_piece(const product_rows *t, size_t first, size_t n, size_t rows, size_t nv, bool draw)
{
    const size_t bases = (rows + 2) / 3, pitch = t->v_pitch;
    const char *base[(ROWS + 2) / 3];
    const float *u = t->u + first * nv * LANES;
    const char *prefetch = draw ? t->draw + first * LINE * sizeof(float) : NULL;
    vec acc[ROWS][2];
    UNROLL
    for (size_t i = 0; i < bases; i++)
        base[i] = t->v + first * sizeof(float) + 3 * i * pitch;
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        UNROLL
        for (size_t v = 0; v < nv; v++)
            acc[m][v] = vec_zero();
    }
    for (size_t k = 0; k < n; k++) {
        vec b[2];
        UNROLL
        for (size_t v = 0; v < nv; v++)
            b[v] = vec_load(u + v * LANES);
        u += nv * LANES;
        if (draw) {
            __builtin_prefetch(prefetch, 0, 2);
            prefetch += LINE * sizeof(float);
        }
        UNROLL
        for (size_t m = 0; m < rows; m++) {
            const vec x = vec_set1(((const float *)(const void *)(base[m / 3] + m % 3 * pitch))[k]);
            UNROLL
            for (size_t v = 0; v < nv; v++)
                acc[m][v] = vec_fma(x, b[v], acc[m][v]);
        }
    }
    float *out = t->out;
    UNROLL
    for (size_t m = 0; m < rows; m++) {
        UNROLL
        for (size_t v = 0; v < nv; v++, out += LANES)
            vec_storeu(out, first ? vec_add(vec_load(out), acc[m][v]) : acc[m][v]);
    }
}

INLINE void product_body(const product_rows *t, size_t rows, size_t nv)
{
    const size_t pieces = (t->depth + WINO_MAX_CHAIN - 1) / WINO_MAX_CHAIN;
    for (size_t i = 0, first = 0; i < pieces; i++) {
        const size_t end = t->depth * (i + 1) / pieces;
        if (t->draw)
            product_piece(t, first, end - first, rows, nv, true);
        else
            product_piece(t, first, end - first, rows, nv, false);
        first = end;
    }
}

#define DEFINE_PRODUCTS(R)                                                                                   \
    static void product_1x##R(const product_rows *t)                                                         \
    {                                                                                                        \
        product_body(t, R, 1);                                                                               \
    }                                                                                                        \
    static void product_2x##R(const product_rows *t)                                                         \
    {                                                                                                        \
        product_body(t, R, 2);                                                                               \
    }

EACH_ROW_COUNT(DEFINE_PRODUCTS)

#define PRODUCT_1(R) [R] = product_1x##R,
#define PRODUCT_2(R) [R] = product_2x##R,

static void (*const products[2][ROWS + 1])(const product_rows *t) = {{EACH_ROW_COUNT(PRODUCT_1)},
                                                                     {EACH_ROW_COUNT(PRODUCT_2)}};

/* The first pieces draw the weights that come next: there are as many lines for each k as vectors in a panel.
 */
static void product_multiply(const wino_product *t, void *space)
{
    (void)space;
    const size_t pieces = space_ceil(t->rows, ROWS);
    for (size_t i = 0; i < pieces; i++) {
        const size_t first = space_cut(t->rows, pieces, i), n = space_cut(t->rows, pieces, i + 1) - first;
        const product_rows rows = {
            .v = (const char *)t->v + first * t->v_pitch,
            .v_pitch = t->v_pitch,
            .depth = t->depth,
            .u = t->u.at,
            .out = t->out + first * t->u.vectors * LANES,
            .draw = t->draw && i < t->u.vectors ? t->draw + i * t->depth * LINE * sizeof(float) : NULL,
        };
        products[t->u.vectors - 1][n](&rows);
    }
}

static void product_nothing(void *space)
{
    (void)space;
}

const wino_products WINO_PRODUCTS = {
    .ahead = 1, .begin = product_nothing, .multiply = product_multiply, .end = product_nothing};

#define WINO(MH, RH, MW, RW, S, terms, name)                                                                 \
    static const wino_variant variant_##MH##x##MW##_##RH##x##RW##_##S = {name, MH, RH, MW, RW, S, terms};    \
    static bool input_##MH##x##MW##_##RH##x##RW##_##S(const wino_input *t)                                   \
    {                                                                                                        \
        return input_body(t, &variant_##MH##x##MW##_##RH##x##RW##_##S);                                      \
    }                                                                                                        \
    static void output_##MH##x##MW##_##RH##x##RW##_##S(const wino_output *t)                                 \
    {                                                                                                        \
        output_body(t, &variant_##MH##x##MW##_##RH##x##RW##_##S);                                            \
    }                                                                                                        \
    static void weights_##MH##x##MW##_##RH##x##RW##_##S(const wino_weights *t)                               \
    {                                                                                                        \
        weights_body(t, &variant_##MH##x##MW##_##RH##x##RW##_##S);                                           \
    }
#include "variants.def"
#undef WINO

const wino_kernels WINO_KERNELS[WINO_VARIANTS] = {
#define WINO(MH, RH, MW, RW, S, terms, name)                                                                 \
    {input_##MH##x##MW##_##RH##x##RW##_##S, output_##MH##x##MW##_##RH##x##RW##_##S,                          \
     weights_##MH##x##MW##_##RH##x##RW##_##S},
#include "variants.def"
#undef WINO
};
