/* Mean over an image, and its way back. */

/* A pixel of the share is an image. Rows are summed first, so that the error grows with the image's side. */
__kernel void global_avgpool(TENSOR(const float, x), const ulong x_pitch, TENSOR(float, y),
                             const ulong y_pitch, SHARE, const int in_h, const int in_w)
{
    OPEN(const float, x);
    OPEN(float, y);
    const share my = my_share(SHARED);
    const float area = (float)in_h * in_w;
    for (ulong n = my.p0; n < my.p1; n++) {
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            const __global float *from = x + n * in_h * in_w * x_pitch + c;
            VEC(float) sum[WIDE], row[WIDE];
            EACH sum[v] = 0.0f;
            for (int i = 0; i < in_h; i++) {
                EACH row[v] = 0.0f;
                for (int j = 0; j < in_w; j++, from += x_pitch)
                    EACH row[v] += VGET(from + v * LANES);
                EACH sum[v] += row[v];
            }
            EACH VPUT(sum[v] / area, y + n * y_pitch + c + v * LANES);
        }
    }
}

__kernel void global_avgpool_bwd(TENSOR(const float, dy), const ulong dy_pitch, TENSOR(float, dx),
                                 const ulong dx_pitch, SHARE, const uint area)
{
    OPEN(const float, dy);
    OPEN(float, dx);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        const ulong n = (uint)p / area;
        for (uint c = my.c0; c < my.c1; c += LANES)
            VPUT(VGET(dy + n * dy_pitch + c) / (float)area, dx + p * dx_pitch + c);
    }
}
