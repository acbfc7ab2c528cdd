__kernel void relu_bwd(TENSOR(const float, dy), const ulong dy_pitch, TENSOR(const float, y),
                       const ulong y_pitch, TENSOR(float, dx), const ulong dx_pitch, SHARE)
{
    OPEN(const float, dy);
    OPEN(const float, y);
    OPEN(float, dx);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const VEC(float) g = VGET(dy + p * dy_pitch + c);
            const VEC(float) z = VGET(y + p * y_pitch + c);
            VPUT(select((VEC(float))(0.0f), g, z > 0.0f), dx + p * dx_pitch + c);
        }
    }
}
