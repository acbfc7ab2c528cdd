/* Sum over all pixels, a value a channel. The pixels go in parts whose number and length depend on the shape
 * alone; the parts' sums are added in their order. */

/* A pixel of the share is a part: `length` pixels of dy, less in the last. */
__kernel void bias_grad_parts(TENSOR(const float, dy), const ulong dy_pitch, TENSOR(float, sums), SHARE,
                              const uint length, const uint count)
{
    OPEN(const float, dy);
    OPEN(float, sums);
    const share my = my_share(SHARED);
    for (ulong part = my.p0; part < my.p1; part++) {
        const ulong first = part * length, last = min(first + length, (ulong)count);
        for (uint c = my.c0; c < my.c1; c += WIDE * LANES) {
            VEC(float) sum[WIDE];
            EACH sum[v] = 0.0f;
            for (ulong p = first; p < last; p++)
                EACH sum[v] += VGET(dy + p * dy_pitch + c + v * LANES);
            EACH VPUT(sum[v], sums + part * channels + c + v * LANES);
        }
    }
}

__kernel void bias_grad_join(TENSOR(const float, sums), TENSOR(float, db), SHARE, const uint parts)
{
    OPEN(const float, sums);
    OPEN(float, db);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            VEC(float) sum = 0.0f;
            for (uint part = 0; part < parts; part++)
                sum += VGET(sums + (ulong)part * channels + c);
            VPUT(sum, db + c);
        }
    }
}
