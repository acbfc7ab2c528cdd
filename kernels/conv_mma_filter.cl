/* conv_mma_filter.cl: CONV2D_BWD_FILTER on tensor cores, as an implicit matrix product (mma.clh): a row for
 * each tap and channel of x, a column for each channel of dy, a term for each pixel of dy. */
#define A_LINES 0
#define B_LINES 0
#include "mma.clh"

/* The pixel of x that meets a pixel of dy under a tap; *there: whether there is one. */
INLINE uint shifted(const shape *s, digits pixel, digits tap, bool *there)
{
    const int y = pixel.mid * s->stride_h - s->pad_top + tap.hi;
    const int x = pixel.lo * s->stride_w - s->pad_left + tap.mid;
    *there = (uint)y < (uint)s->image_h && (uint)x < (uint)s->image_w;
    return ((uint)pixel.hi * s->image_h + y) * s->image_w + x;
}

/* The terms of a tile for rows (tap, channel) of x, of which a thread has 4 from `tap` and m on: a line for
 * each pixel of dy from `pixel` on. `lines` are left. */
INLINE void fetch_shifted(__local float *to, __global const float *x, const shape *s, digits pixel,
                          digits line_step, int lines, digits tap, int m, int m_end, int dy_h, int dy_w)
{
    const int line = get_local_id(0) / (BM / 4);
    bool there;
    to += line * (BM + 4) + get_local_id(0) % (BM / 4) * 4;
    UNROLL
    for (int u = 0; u < BK; u += TERMS_LINES(BM)) {
        if (s->quads) {
            __global const float *src = x + shifted(s, pixel, tap, &there) * s->image_pitch + tap.lo;
            CP_ASYNC16(to + u * (BM + 4), src, there && line + u < lines && m < m_end);
        } else {
            digits each = tap;
            for (int e = 0; e < 4; e++) {
                __global const float *src = x + shifted(s, pixel, each, &there) * s->image_pitch + each.lo;
                CP_ASYNC4(to + u * (BM + 4) + e, src, there && line + u < lines && m + e < m_end);
                each = next_term(s, each);
            }
        }
        pixel = plus(pixel, line_step, dy_h, dy_w);
    }
}

/* One of the parts that the pixels of dy are cut into, `share` of them each: rows are (tap, channel of x),
 * columns channels of dy. Part i goes to y + i * part_pitch. */
__kernel __attribute__((reqd_work_group_size(THREADS, 1, 1))) void
conv_mma_filter(TENSOR(const float, x), TENSOR(const float, dy), TENSOR(float, y), const int rows,
                const int cols, const int pixels, const int share, const int dy_h, const int dy_w,
                const int image_h, const int image_w, const int image_c, const int kh, const int kw,
                const int stride_h, const int stride_w, const int pad_top, const int pad_left,
                const ulong x_pitch, const ulong dy_pitch, const ulong y_pitch, const ulong part_pitch,
                const int x_quads, const int dy_quads)
{
    OPEN(const float, x);
    OPEN(const float, dy);
    OPEN(float, y);
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
    const bool quads = dy_quads && dy_at % 4 == 0;
    const int groups_n = (cols + BN - 1) / BN;
    const int m0 = get_group_id(0) / groups_n * BM, n0 = get_group_id(0) % groups_n * BN;
    const int begin = get_group_id(1) * share, end = begin + min(share, pixels - begin);
    const int m = m0 + get_local_id(0) % (BM / 4) * 4;
    const digits tap = digits_of(m, kw, image_c);
    digits pixel = digits_of(begin + get_local_id(0) / (BM / 4), dy_h, dy_w);
    const digits step = digits_of(BK, dy_h, dy_w), line_step = digits_of(TERMS_LINES(BM), dy_h, dy_w);

#define FETCH(stage, tile)                                                                                   \
    do {                                                                                                     \
        fetch_shifted(tiles_a + (stage)*A_FLOATS, x, &s, pixel, line_step, end - begin - (tile)*BK, tap, m,  \
                      rows, dy_h, dy_w);                                                                     \
        fetch_terms(tiles_b + (stage)*B_FLOATS, dy, dy_pitch, begin + (tile)*BK, end, BN, n0, cols, quads);  \
        pixel = plus(pixel, step, dy_h, dy_w);                                                               \
    } while (0)
    PRODUCT(FETCH, (end - begin + BK - 1) / BK);

    y += get_group_id(1) * part_pitch;
    const int lane = get_local_id(0) & 31;
    UNROLL
    for (int j = 0; j < NJ; j++) {
        UNROLL
        for (int r = 0; r < 4 * MI; r++) {
            const int row = m0 + warp_m + r / 2 * 8 + (lane >> 2),
                      col = n0 + warp_n + j * 8 + (lane & 3) * 2 + r % 2;
            if (row < rows && col < cols)
                y[row * y_pitch + col] = acc[r / 4][j][r % 4];
        }
    }
}

/* The parts of each value, added in order. */
__kernel void sum_parts(TENSOR(const float, part), TENSOR(float, y), const int rows, const int cols,
                        const int parts, const ulong y_pitch)
{
    OPEN(const float, part);
    OPEN(float, y);
    const ulong i = get_global_id(0), n = (ulong)rows * cols;
    if (i >= n)
        return;
    float sum = part[i];
    for (int p = 1; p < parts; p++)
        sum += part[p * n + i];
    y[i / cols * y_pitch + i % cols] = sum;
}
