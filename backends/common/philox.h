/* philox.h: Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC
 * 2011), as DROPOUT of thaw_ops.h draws from it. */
#ifndef THAW_BACKENDS_PHILOX_H
#define THAW_BACKENDS_PHILOX_H

#include <stdint.h>

#define PHILOX_PURPOSE_DROPOUT 1u /* second word of the counter */

#define PHILOX_ROUNDS     10
#define PHILOX_FACTOR_0   0xD2511F53u /* of the counter's first word, and of its third */
#define PHILOX_FACTOR_2   0xCD9E8D57u
#define PHILOX_KEY_STEP_0 0x9E3779B9u
#define PHILOX_KEY_STEP_1 0xBB67AE85u

static inline void philox_round(uint32_t ctr[4], const uint32_t key[2])
{
    uint64_t a = (uint64_t)ctr[0] * PHILOX_FACTOR_0, b = (uint64_t)ctr[2] * PHILOX_FACTOR_2;
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ ctr[1] ^ key[0], (uint32_t)b,
                        (uint32_t)(a >> 32) ^ ctr[3] ^ key[1], (uint32_t)a};
    for (int i = 0; i < 4; i++)
        ctr[i] = next[i];
}

/* Replaces a counter by its four random words. */
static inline void philox(uint32_t ctr[4], uint64_t seed)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        philox_round(ctr, key);
        key[0] += PHILOX_KEY_STEP_0;
        key[1] += PHILOX_KEY_STEP_1;
    }
}

#endif
