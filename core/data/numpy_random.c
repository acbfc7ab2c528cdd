/* MT19937 (Matsumoto and Nishimura, "Mersenne Twister", ACM TOMACS 8, 1998), seeded and used the way NumPy's
 * RandomState(seed).shuffle does. The split of a folder must be the one that Keras makes. */
#include "core/data/data.h"

#define MT_WORDS  624u
#define MT_MIDDLE 397u

typedef struct mt19937 {
    uint32_t key[MT_WORDS];
    uint32_t pos;
} mt19937;

static void mt_seed(mt19937 *mt, uint32_t seed)
{
    mt->key[0] = seed;
    for (uint32_t i = 1; i < MT_WORDS; i++) {
        uint32_t last = mt->key[i - 1];
        mt->key[i] = 1812433253u * (last ^ (last >> 30)) + i;
    }
    mt->pos = MT_WORDS;
}

static void mt_refill(mt19937 *mt)
{
    for (uint32_t i = 0; i < MT_WORDS; i++) {
        uint32_t y = (mt->key[i] & 0x80000000u) | (mt->key[(i + 1) % MT_WORDS] & 0x7fffffffu);
        mt->key[i] = mt->key[(i + MT_MIDDLE) % MT_WORDS] ^ (y >> 1) ^ (y & 1 ? 0x9908b0dfu : 0u);
    }
    mt->pos = 0;
}

static uint32_t mt_next(mt19937 *mt)
{
    if (mt->pos == MT_WORDS)
        mt_refill(mt);
    uint32_t y = mt->key[mt->pos++];
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
}

/* 0 … max, by rejection under the smallest mask of ones that covers max. */
static uint32_t mt_interval(mt19937 *mt, uint32_t max)
{
    uint32_t mask = max, v;
    for (uint32_t shift = 1; shift < 32; shift *= 2)
        mask |= mask >> shift;
    do
        v = mt_next(mt) & mask;
    while (v > max);
    return v;
}

void thaw_numpy_permutation(uint32_t seed, uint32_t *order, size_t n)
{
    mt19937 mt;
    mt_seed(&mt, seed);
    for (size_t i = 0; i < n; i++)
        order[i] = (uint32_t)i;
    for (size_t i = n; i-- > 1;) {
        uint32_t j = mt_interval(&mt, (uint32_t)i), t = order[i];
        order[i] = order[j];
        order[j] = t;
    }
}
