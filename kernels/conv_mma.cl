/* conv_mma.cl: CONV2D and CONV2D_BWD_DATA on tensor cores, as implicit matrix products (mma.clh).
 *
 *   BACKWARD   1: data backward; 0: forward
 *   OUTPUTS    tensors that the columns are split between, at most: 1 or 8
 *
 * The product has a row for each pixel of the destination, a column for each of its channels, and a term for
 * each tap and channel of the image that the taps move over. Nothing is packed: weights are read as they
 * lie. */
#define A_LINES 1
#define B_LINES BACKWARD
#include "mma.clh"

#define LINES_STEP (THREADS / (BK / 4))
#define A_QUADS    (BM / LINES_STEP)
#define B_QUADS    (BN / LINES_STEP)

/* A row of the product: its pixel under tap 0, which may lie outside the image, and where that pixel begins;
 * with a stride backward, the pixel before it is divided, and where the row's image begins. */
typedef struct {
    __global const float *at;
    int y, x;
} origin;

/* What a tap adds to it. */
typedef struct {
    long at;
    int y, x;
} way;

#define FAR (-(1 << 30)) /* outside any image, and still after a tap */

INLINE long pixels_to(const shape *s, int y, int x)
{
    return ((long)y * s->image_w + x) * (long)s->image_pitch;
}

INLINE origin origin_of(const shape *s, __global const float *x, int m, int rows, int dst_h, int dst_w)
{
    const digits pixel = digits_of(m, dst_h, dst_w);
    origin o = {x, FAR, FAR};
    if (m >= rows)
        return o;
    o.at += pixel.hi * pixels_to(s, s->image_h, 0);
#if BACKWARD
    o.y = pixel.mid + s->pad_top;
    o.x = pixel.lo + s->pad_left;
    if (s->strided)
        return o;
#else
    o.y = pixel.mid * s->stride_h - s->pad_top;
    o.x = pixel.lo * s->stride_w - s->pad_left;
#endif
    o.at += pixels_to(s, o.y, o.x);
    return o;
}

INLINE way way_of(const shape *s, digits tap)
{
    const int sign = BACKWARD ? -1 : 1;
    way w = {tap.lo, sign * tap.hi, sign * tap.mid};
    if (!BACKWARD || !s->strided)
        w.at += pixels_to(s, w.y, w.x);
    if (tap.hi >= s->kh)
        w.y = FAR;
    return w;
}

/* Where the image meets a row under a tap; *there: whether it does. */
INLINE __global const float *meeting(const shape *s, origin row, way w, bool *there)
{
    int y = row.y + w.y, x = row.x + w.x;
    bool divides = true;
#if BACKWARD
    if (s->strided) {
        divides = y % s->stride_h == 0 && x % s->stride_w == 0;
        y /= s->stride_h;
        x /= s->stride_w;
        w.at += pixels_to(s, y, x);
    }
#endif
    *there = divides && (uint)y < (uint)s->image_h && (uint)x < (uint)s->image_w;
    return row.at + w.at;
}

/* The terms from `tap` on of a thread's rows of the image, a quad for each. */
INLINE void fetch_gathered(__local float *to, const shape *s, const origin rows[A_QUADS], digits tap)
{
    bool there;
    to += lines_at(get_local_id(0) / (BK / 4), get_local_id(0) % (BK / 4));
    if (s->quads) {
        const way w = way_of(s, tap);
        UNROLL
        for (int u = 0; u < A_QUADS; u++) {
            __global const float *src = meeting(s, rows[u], w, &there);
            CP_ASYNC16(to + u * LINES_STEP * BK, src, there);
        }
        return;
    }
    for (int e = 0; e < 4; e++) {
        const way w = way_of(s, tap);
        UNROLL
        for (int u = 0; u < A_QUADS; u++) {
            __global const float *src = meeting(s, rows[u], w, &there);
            CP_ASYNC4(to + u * LINES_STEP * BK + e, src, there);
        }
        tap = next_term(s, tap);
    }
}

#if BACKWARD
/* The same terms of the weights, which lie as [tap][column][term]. */
INLINE void fetch_weights(__local float *to, __global const float *w, ulong pitch, const shape *s, digits tap,
                          int n0, int n_end, bool quads)
{
    const int row = get_local_id(0) / (BK / 4);
    to += lines_at(row, get_local_id(0) % (BK / 4));
    for (int e = 0; e < 4; e++) {
        __global const float *src =
            w + ((ulong)(tap.hi * s->kw + tap.mid) * n_end + n0 + row) * pitch + tap.lo;
        if (quads) {
            UNROLL
            for (int u = 0; u < B_QUADS; u++)
                CP_ASYNC16(to + u * LINES_STEP * BK, src + u * LINES_STEP * pitch,
                           tap.hi < s->kh && n0 + row + u * LINES_STEP < n_end);
            return;
        }
        UNROLL
        for (int u = 0; u < B_QUADS; u++)
            CP_ASYNC4(to + u * LINES_STEP * BK + e, src + u * LINES_STEP * pitch,
                      tap.hi < s->kh && n0 + row + u * LINES_STEP < n_end);
        tap = next_term(s, tap);
    }
}
#endif

/* The tensors of the destination. table: of each, and of an end behind the last, the first column and the
 * pitch. */
#if OUTPUTS == 1
#define DESTINATIONS TENSOR(float, y0)
#define DESTINATION_LIST                                                                                     \
    {                                                                                                        \
        y0_base + y0_at                                                                                      \
    }
#else
#define DESTINATIONS                                                                                         \
    TENSOR(float, y0), TENSOR(float, y1), TENSOR(float, y2), TENSOR(float, y3), TENSOR(float, y4),           \
        TENSOR(float, y5), TENSOR(float, y6), TENSOR(float, y7)
#define DESTINATION_LIST                                                                                     \
    {                                                                                                        \
        y0_base + y0_at, y1_base + y1_at, y2_base + y2_at, y3_base + y3_at, y4_base + y4_at,                 \
            y5_base + y5_at, y6_base + y6_at, y7_base + y7_at                                                \
    }
#endif

/* Where a column goes. */
typedef struct {
    __global float *at; /* in pixel 0 */
    ulong pitch;
    int left; /* columns of this tensor from here on */
    bool relu;
} place;

INLINE place place_of(__global float *const y[OUTPUTS], __global const int *table, int relu_mask, int col)
{
    place p = {y[0] + col, table[1], table[2] - col, relu_mask & 1};
    UNROLL
    for (int k = 1; k < OUTPUTS; k++)
        if (col >= table[2 * k]) {
            p.at = y[k] + (col - table[2 * k]);
            p.pitch = table[2 * k + 1];
            p.left = table[2 * k + 2] - col;
            p.relu = relu_mask >> k & 1;
        }
    return p;
}

/* rows x cols values: rows are the pixels of the destination, counted over the batch. */
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
conv_mma(TENSOR(const float, x), TENSOR(const float, w), TENSOR(const float, bias), TENSOR(const int, table),
         DESTINATIONS, const int rows, const int cols, const int dst_h, const int dst_w, const int image_h,
         const int image_w, const int image_c, const int kh, const int kw, const int stride_h,
         const int stride_w, const int pad_top, const int pad_left, const ulong x_pitch, const ulong w_pitch,
         const int x_quads, const int w_quads, const int with_bias, const int relu_mask)
{
    OPEN(const float, x);
    OPEN(const float, w);
    OPEN(const float, bias);
    OPEN(const int, table);
    __global float *const y[OUTPUTS] = DESTINATION_LIST;
    PRODUCT_MEMORY
    const shape s = {image_h,
                     image_w,
                     image_c,
                     kh,
                     kw,
                     stride_h,
                     stride_w,
                     pad_top,
                     pad_left,
                     x_pitch,
                     stride_h > 1 || stride_w > 1,
                     x_quads && x_at % 4 == 0};
    const bool quads = w_quads && w_at % 4 == 0;
    const int groups_n = (cols + BN - 1) / BN;
    const int m0 = get_group_id(0) / groups_n * BM, n0 = get_group_id(0) % groups_n * BN;
    const int terms = kh * kw * image_c;
    origin origins[A_QUADS];
    UNROLL
    for (int u = 0; u < A_QUADS; u++)
        origins[u] = origin_of(&s, x, m0 + get_local_id(0) / (BK / 4) + u * LINES_STEP, rows, dst_h, dst_w);
    digits tap = digits_of(get_local_id(0) % (BK / 4) * 4, kw, image_c);
    const digits step = digits_of(BK, kw, image_c);

#if !BACKWARD
#define FETCH_W(stage, tile)                                                                                 \
    fetch_terms(tiles_b + (stage)*B_FLOATS, w, w_pitch, (tile)*BK, terms, BN, n0, cols, quads)
#else
#define FETCH_W(stage, tile) fetch_weights(tiles_b + (stage)*B_FLOATS, w, w_pitch, &s, tap, n0, cols, quads)
#endif
#define FETCH(stage, tile)                                                                                   \
    do {                                                                                                     \
        fetch_gathered(tiles_a + (stage)*A_FLOATS, &s, origins, tap);                                        \
        FETCH_W(stage, tile);                                                                                \
        tap = plus(tap, step, kw, image_c);                                                                  \
    } while (0)
    PRODUCT(FETCH, (terms + BK - 1) / BK);

    const int lane = get_local_id(0) & 31;
    UNROLL
    for (int j = 0; j < NJ; j++) {
        const int col = n0 + warp_n + j * 8 + (lane & 3) * 2;
        if (col >= cols)
            continue;
        const bool two = col + 1 < cols;
        const place p = place_of(y, table, relu_mask, col);
        const place q =
            p.left > 1 ? (place){p.at + 1, p.pitch, 0, p.relu} : place_of(y, table, relu_mask, col + two);
        const float b0 = with_bias ? bias[col] : 0.0f, b1 = with_bias ? bias[col + two] : 0.0f;
        UNROLL
        for (int r = 0; r < 2 * MI; r++) {
            const int m = m0 + warp_m + r * 8 + (lane >> 2);
            float v0 = acc[r / 2][j][r % 2 * 2] + b0, v1 = acc[r / 2][j][r % 2 * 2 + 1] + b1;
            if (m >= rows)
                continue;
            v0 = p.relu ? relu(v0) : v0;
            v1 = q.relu ? relu(v1) : v1;
            __global float *to = p.at + m * p.pitch;
            if (p.left > 1 && (ulong)to % 8 == 0) {
                *(__global float2 *)to = (float2)(v0, v1);
            } else {
                *to = v0;
                if (two)
                    q.at[m * q.pitch] = v1;
            }
        }
    }
}
