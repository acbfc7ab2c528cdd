#include "core/base/rng.h"

#define PHILOX_M0 0xD2511F53u
#define PHILOX_M1 0xCD9E8D57u
#define PHILOX_W0 0x9E3779B9u
#define PHILOX_W1 0xBB67AE85u

void thaw_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3];
    uint32_t k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        uint64_t p0 = (uint64_t)PHILOX_M0 * c0, p1 = (uint64_t)PHILOX_M1 * c2;
        c0 = (uint32_t)(p1 >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(p0 >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)p1;
        c3 = (uint32_t)p0;
        k0 += PHILOX_W0;
        k1 += PHILOX_W1;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

uint32_t thaw_random_u32(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b, uint32_t index)
{
    const uint32_t counter[4] = {index / 4, purpose, a, b};
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t out[4];
    thaw_philox(counter, key, out);
    return out[index % 4];
}

float thaw_random_uniform(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b, uint32_t index)
{
    return (float)(thaw_random_u32(seed, purpose, a, b, index) >> 8) * 0x1p-24f;
}

/* b counts the rejected draws of one index, so that each draw has a counter of its own. */
static uint32_t random_below(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t index, uint32_t bound)
{
    uint32_t mask = bound - 1;
    for (uint32_t shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    for (uint32_t attempt = 0;; attempt++) {
        uint32_t v = thaw_random_u32(seed, purpose, a, attempt, index) & mask;
        if (v < bound)
            return v;
    }
}

void thaw_random_permutation(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t *order, size_t n)
{
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        uint32_t j = random_below(seed, purpose, a, (uint32_t)i, (uint32_t)i + 1);
        uint32_t t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}
