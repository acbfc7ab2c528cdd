/* Dropout by Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011), and its way back. */

/* Words 4*quad … 4*quad + 3 of a row; 1 is the purpose that thaw_ops.h gives to dropout. */
static inline uint4 philox(uint quad, uint row0, uint row1, uint key0, uint key1)
{
    uint a = quad, b = 1u, c = row0, d = row1;
    for (int round = 0; round < 10; round++) {
        const uint was_a = a, was_c = c;
        a = mul_hi(was_c, 0xCD9E8D57u) ^ b ^ key0;
        b = was_c * 0xCD9E8D57u;
        c = mul_hi(was_a, 0xD2511F53u) ^ d ^ key1;
        d = was_a * 0xD2511F53u;
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    return (uint4)(a, b, c, d);
}

/* A channel of the share is four of the tensor's. An element is kept if its word is at least `limit`. */
__kernel void dropout(TENSOR(const float, x), const ulong x_pitch, TENSOR(const uint, keys),
                      const ulong key_pitch, TENSOR(float, y), const ulong y_pitch, TENSOR(uchar, mask),
                      const ulong mask_pitch, SHARE, const uint elements, const uint seed_low,
                      const uint seed_high, const uint limit, const float factor)
{
    OPEN(const float, x);
    OPEN(const uint, keys);
    OPEN(float, y);
    OPEN(uchar, mask);
    const share my = my_share(SHARED);
    for (ulong n = my.p0; n < my.p1; n++) {
        const uint row0 = keys[n * key_pitch], row1 = keys[n * key_pitch + 1];
        for (uint quad = my.c0; quad < my.c1; quad++) {
            const uint4 words = philox(quad, row0, row1, seed_low, seed_high);
            const uint word[4] = {words.x, words.y, words.z, words.w};
            for (uint i = 0; i < 4; i++) {
                const uint e = 4 * quad + i;
                if (e < elements) {
                    const bool kept = word[i] >= limit;
                    mask[n * mask_pitch + e] = kept;
                    y[n * y_pitch + e] = kept ? x[n * x_pitch + e] * factor : 0.0f;
                }
            }
        }
    }
}

__kernel void dropout_bwd(TENSOR(const float, dy), const ulong dy_pitch, TENSOR(const uchar, mask),
                          const ulong mask_pitch, TENSOR(float, dx), const ulong dx_pitch, SHARE,
                          const float factor)
{
    OPEN(const float, dy);
    OPEN(const uchar, mask);
    OPEN(float, dx);
    const share my = my_share(SHARED);
    for (ulong n = my.p0; n < my.p1; n++) {
        for (uint e = my.c0; e < my.c1; e += LANES) {
            const VEC(float) g = VGET(dy + n * dy_pitch + e) * factor;
            const VEC(int) kept = VTO(int, VGET(mask + n * mask_pitch + e)) != 0;
            VPUT(select((VEC(float))(0.0f), g, kept), dx + n * dx_pitch + e);
        }
    }
}
