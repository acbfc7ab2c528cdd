/* What a frozen batch normalisation does to a channel, as a factor and a summand. */
__kernel void bn_fold(TENSOR(const float, beta), TENSOR(const float, mean), TENSOR(const float, var),
                      TENSOR(float, scale), TENSOR(float, shift), SHARE, const float eps)
{
    OPEN(const float, beta);
    OPEN(const float, mean);
    OPEN(const float, var);
    OPEN(float, scale);
    OPEN(float, shift);
    const share my = my_share(SHARED);
    for (ulong p = my.p0; p < my.p1; p++) {
        for (uint c = my.c0; c < my.c1; c += LANES) {
            const VEC(float) s = 1.0f / sqrt(VGET(var + c) + eps);
            VPUT(s, scale + c);
            VPUT(VGET(beta + c) - VGET(mean + c) * s, shift + c);
        }
    }
}
