/* Maximum over a window, and its way back. SAVED 1: with argmax, the number of the first maximum. */

__kernel void maxpool(TENSOR(const float, x), const ulong x_pitch, TENSOR(float, y), const ulong y_pitch,
#if SAVED
                      TENSOR(uchar, argmax), const ulong argmax_pitch,
#endif
                      SHARE, POOL)
{
    OPEN(const float, x);
    OPEN(float, y);
#if SAVED
    OPEN(uchar, argmax);
#endif
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        const window w = window_of(p, POOLED);
        const __global float *first = x + w.pixel * x_pitch;
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) best[WIDE];
            VEC(int) at[WIDE];
            EACH best[v] = VGET(first + c + v * LANES);
            EACH at[v] = w.number;
            for (int i = 0; i < w.rows; i++) {
                const __global float *cell = first + (ulong)i * in_w * x_pitch + c;
                for (int j = 0; j < w.columns; j++, cell += x_pitch) {
                    EACH {
                        const VEC(float) z = VGET(cell + v * LANES);
                        const VEC(int) better = !(z <= best[v]) & (best[v] == best[v]); /* or the first NaN */
                        best[v] = select(best[v], z, better);
                        at[v] = select(at[v], (VEC(int))(w.number + i * kw + j), better);
                    }
                }
            }
            EACH VPUT(best[v], y + p * y_pitch + c + v * LANES);
#if SAVED
            EACH VPUT(VTO(uchar, at[v]), argmax + p * argmax_pitch + c + v * LANES);
#endif
        }
    }
}

/* Gathered: each cell of the image asks the windows over it whether it was their maximum. */
__kernel void maxpool_bwd(TENSOR(const float, dy), const ulong dy_pitch, TENSOR(const uchar, argmax),
                          const ulong argmax_pitch, TENSOR(float, dx), const ulong dx_pitch, SHARE, POOL)
{
    OPEN(const float, dy);
    OPEN(const uchar, argmax);
    OPEN(float, dx);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        const covers k = covers_of(p, POOLED);
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) sum[WIDE];
            EACH sum[v] = 0.0f;
            for (int oy = k.y0; oy < k.y1; oy++) {
                for (int ox = k.x0; ox < k.x1; ox++) {
                    const ulong from = k.image + (ulong)oy * out_w + ox;
                    const int number = (k.y - oy * stride_h) * kw + (k.x - ox * stride_w);
                    EACH {
                        const VEC(int) at = VTO(int, VGET(argmax + from * argmax_pitch + c + v * LANES));
                        const VEC(float) g = VGET(dy + from * dy_pitch + c + v * LANES);
                        sum[v] += select((VEC(float))(0.0f), g, at == number);
                    }
                }
            }
            EACH VPUT(sum[v], dx + p * dx_pitch + c + v * LANES);
        }
    }
}
