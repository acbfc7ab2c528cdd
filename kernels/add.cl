/* y = a + b, + c, + d: as many as INPUTS says, 2 to 4, in this order. */
__kernel void add(TENSOR(const float, a), const ulong a_pitch, TENSOR(const float, b), const ulong b_pitch,
#if INPUTS > 2
                  TENSOR(const float, c), const ulong c_pitch,
#endif
#if INPUTS > 3
                  TENSOR(const float, d), const ulong d_pitch,
#endif
                  TENSOR(float, y), const ulong y_pitch, SHARE)
{
    OPEN(const float, a);
    OPEN(const float, b);
#if INPUTS > 2
    OPEN(const float, c);
#endif
#if INPUTS > 3
    OPEN(const float, d);
#endif
    OPEN(float, y);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint i = my.c0; i < my.c1; i += LANES) {
            VEC(float) sum = VGET(a + p * a_pitch + i) + VGET(b + p * b_pitch + i);
#if INPUTS > 2
            sum += VGET(c + p * c_pitch + i);
#endif
#if INPUTS > 3
            sum += VGET(d + p * d_pitch + i);
#endif
            VPUT(sum, y + p * y_pitch + i);
        }
    }
}
