/* rng.h: the counter-based generator behind every random choice of a run.
 *
 * Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011). A
 * value depends on (seed, purpose, a, b, index) and on nothing else, so that it is the same whatever was
 * drawn before it, and whichever thread or device draws it. */
#ifndef THAW_BASE_RNG_H
#define THAW_BASE_RNG_H

#include <stddef.h>
#include <stdint.h>

/* What a number is for; the second counter word. Never renumbered: files depend on it. */
enum {
    THAW_RNG_DROPOUT = 1, /* see THAW_OP_DROPOUT */
    THAW_RNG_SHUFFLE = 2,
    THAW_RNG_HEAD_INIT = 3,
    THAW_RNG_TEST = 4
};

/* One block: four words from a 128-bit counter and a 64-bit key. */
void thaw_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4]);

/* Word number `index` of the stream (seed, purpose, a, b). */
uint32_t thaw_random_u32(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b, uint32_t index);

/* [0,1) with 24 bits. */
float thaw_random_uniform(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t b, uint32_t index);

/* Fills order with a permutation of 0 … n-1 (n < 2^32): Fisher-Yates from the end, the index drawn by
 * rejection so that every permutation is equally likely. */
void thaw_random_permutation(uint64_t seed, uint32_t purpose, uint32_t a, uint32_t *order, size_t n);

#endif
