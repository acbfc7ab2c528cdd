/* One step of Adam on one tensor, as Keras has it. */
__kernel void adam(TENSOR(const float, hyper), TENSOR(const float, w), const ulong w_pitch,
                   TENSOR(const float, g), const ulong g_pitch, TENSOR(const float, m), const ulong m_pitch,
                   TENSOR(const float, v), const ulong v_pitch, TENSOR(float, new_w), const ulong new_w_pitch,
                   TENSOR(float, new_m), const ulong new_m_pitch, TENSOR(float, new_v),
                   const ulong new_v_pitch, SHARE)
{
    OPEN(const float, hyper);
    OPEN(const float, w);
    OPEN(const float, g);
    OPEN(const float, m);
    OPEN(const float, v);
    OPEN(float, new_w);
    OPEN(float, new_m);
    OPEN(float, new_v);
    const float alpha = hyper[0], to_mean = hyper[1], to_square = hyper[2], epsilon = hyper[3];
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const VEC(float) d = VGET(g + p * g_pitch + c);
            const VEC(float) was_m = VGET(m + p * m_pitch + c), was_v = VGET(v + p * v_pitch + c);
            const VEC(float) mean = was_m + (d - was_m) * to_mean;
            const VEC(float) square = was_v + (d * d - was_v) * to_square;
            VPUT(VGET(w + p * w_pitch + c) - mean * alpha / (sqrt(square) + epsilon),
                 new_w + p * new_w_pitch + c);
            VPUT(mean, new_m + p * new_m_pitch + c);
            VPUT(square, new_v + p * new_v_pitch + c);
        }
    }
}
