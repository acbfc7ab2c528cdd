/* y = x*scale[c] + shift[c], SHIFT 0: without a shift. */
__kernel void affine(TENSOR(const float, x), const ulong x_pitch, TENSOR(const float, scale),
#if SHIFT
                     TENSOR(const float, shift),
#endif
                     TENSOR(float, y), const ulong y_pitch, SHARE, const int rectify)
{
    OPEN(const float, x);
    OPEN(const float, scale);
    OPEN(float, y);
#if SHIFT
    OPEN(const float, shift);
#endif
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            VEC(float) z = VGET(x + p * x_pitch + c) * VGET(scale + c);
#if SHIFT
            z += VGET(shift + c);
#endif
            VPUT(rectify ? VRELU(z) : z, y + p * y_pitch + c);
        }
    }
}
