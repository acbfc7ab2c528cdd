/* partial.h: sums over all pixels, a value a channel, in blocks of a fixed number of pixels that are then
 * added in their order: the same bits for any number of threads. */
#ifndef THAW_CPU_PARTIAL_H
#define THAW_CPU_PARTIAL_H

#include "backends/cpu/cpu.h"

#define PARTIAL_PIXELS ((size_t)256)

static inline size_t partial_blocks(size_t pixels)
{
    return (pixels - 1) / PARTIAL_PIXELS + 1;
}

/* The pixel behind block b. */
static inline size_t partial_end(size_t b, size_t pixels)
{
    return pixels - b * PARTIAL_PIXELS < PARTIAL_PIXELS ? pixels : (b + 1) * PARTIAL_PIXELS;
}

/* Bytes of `sums` doubles a channel for each block; SIZE_MAX when that overflows. */
static inline size_t partial_bytes(const thaw_tensor *t, size_t sums)
{
    size_t values, bytes;
    if (__builtin_mul_overflow(partial_blocks(backend_pixels(t)), (size_t)t->c * sums, &values) ||
        __builtin_mul_overflow(values, sizeof(double), &bytes))
        return SIZE_MAX;
    return bytes;
}

/* Adds the blocks of n values each onto the first. */
static inline void partial_join(double *values, size_t blocks, size_t n)
{
    for (size_t b = 1; b < blocks; b++) {
        const double *from = values + b * n;
        double *restrict to = values;
        for (size_t i = 0; i < n; i++)
            to[i] += from[i];
    }
}

#endif
