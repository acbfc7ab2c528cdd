/* space.h: sizes that cannot wrap round, and a scratch area cut into pieces. */
#ifndef THAW_CPU_CONV_SPACE_H
#define THAW_CPU_CONV_SPACE_H

#include <stddef.h>
#include <stdint.h>

#define SPACE_ALIGN ((size_t)64)

/* a*b and a+b, SIZE_MAX where they overflow or an operand is SIZE_MAX (0 times SIZE_MAX is 0). */
static inline size_t space_mul(size_t a, size_t b)
{
    size_t r;
    return __builtin_mul_overflow(a, b, &r) ? SIZE_MAX : r;
}

static inline size_t space_add(size_t a, size_t b)
{
    size_t r;
    return __builtin_add_overflow(a, b, &r) ? SIZE_MAX : r;
}

/* Reserves count elements of `size` bytes at the end of an area of *bytes so far, and returns their offset,
 * aligned to SPACE_ALIGN. *bytes becomes SIZE_MAX for good when it overflows. */
static inline size_t space_take(size_t *bytes, size_t count, size_t size)
{
    size_t at = *bytes;
    size_t grown = space_add(at, space_mul(count, size));
    grown = space_add(grown, SPACE_ALIGN - 1);
    *bytes = grown == SIZE_MAX ? SIZE_MAX : grown / SPACE_ALIGN * SPACE_ALIGN;
    return at;
}

static inline size_t space_min(size_t a, size_t b)
{
    return a < b ? a : b;
}

static inline size_t space_max(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* a/b rounded up; b > 0. */
static inline size_t space_ceil(size_t a, size_t b)
{
    return a / b + (a % b != 0);
}

/* First item of part i when n items are cut into `parts` parts whose sizes differ by at most one. */
static inline size_t space_cut(size_t n, size_t parts, size_t i)
{
    size_t rest = n % parts;
    return n / parts * i + (i < rest ? i : rest);
}

#endif
