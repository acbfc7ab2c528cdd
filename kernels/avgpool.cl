/* Mean over a window, and its way back. BIAS 1: with a bias. */

__kernel void avgpool(TENSOR(const float, x), const ulong x_pitch,
#if BIAS
                      TENSOR(const float, bias),
#endif
                      TENSOR(float, y), const ulong y_pitch, SHARE, POOL, const int include_pad,
                      const int rectify)
{
    OPEN(const float, x);
    OPEN(float, y);
#if BIAS
    OPEN(const float, bias);
#endif
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        const window w = window_of(p, POOLED);
        const __global float *first = x + w.pixel * x_pitch;
        const float count = include_pad ? kh * kw : w.rows * w.columns;
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) sum[WIDE];
            EACH sum[v] = 0.0f;
            for (int i = 0; i < w.rows; i++) {
                const __global float *cell = first + (ulong)i * in_w * x_pitch + c;
                for (int j = 0; j < w.columns; j++, cell += x_pitch)
                    EACH sum[v] += VGET(cell + v * LANES);
            }
            EACH {
                VEC(float) z = sum[v] / count;
#if BIAS
                z += VGET(bias + c + v * LANES);
#endif
                VPUT(rectify ? VRELU(z) : z, y + p * y_pitch + c + v * LANES);
            }
        }
    }
}

/* Cells of the window that begins at `start`, along one axis of an image of `size`. */
static inline int inside(int start, int length, int size)
{
    return min(start + length, size) - max(start, 0);
}

/* Gathered: each cell of the image takes its part of every window over it. */
__kernel void avgpool_bwd(TENSOR(const float, dy), const ulong dy_pitch, TENSOR(float, dx),
                          const ulong dx_pitch, SHARE, POOL, const int include_pad)
{
    OPEN(const float, dy);
    OPEN(float, dx);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        const covers k = covers_of(p, POOLED);
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) sum[WIDE];
            EACH sum[v] = 0.0f;
            for (int oy = k.y0; oy < k.y1; oy++) {
                const int rows = inside(oy * stride_h - pad_top, kh, in_h);
                for (int ox = k.x0; ox < k.x1; ox++) {
                    const int columns = inside(ox * stride_w - pad_left, kw, in_w);
                    const float part = 1.0f / (include_pad ? kh * kw : rows * columns);
                    const __global float *g = dy + (k.image + (ulong)oy * out_w + ox) * dy_pitch + c;
                    EACH sum[v] += VGET(g + v * LANES) * part;
                }
            }
            EACH VPUT(sum[v], dx + p * dx_pitch + c + v * LANES);
        }
    }
}
