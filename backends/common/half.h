/* half.h: binary16 and bfloat16 from and to f32, rounded to nearest even. A NaN stays one. */
#ifndef THAW_BACKENDS_HALF_H
#define THAW_BACKENDS_HALF_H

#include <stdint.h>
#include <string.h>

static inline uint32_t bits_of(float f)
{
    uint32_t u;
    memcpy(&u, &f, sizeof u);
    return u;
}

static inline float float_of(uint32_t u)
{
    float f;
    memcpy(&f, &u, sizeof f);
    return f;
}

/* Subnormals by the float unit: next to 1/2 a float's last bit is a half's smallest step. */
static inline uint16_t half_of(float f)
{
    uint32_t u = bits_of(f), sign = u >> 16 & 0x8000, a = u & 0x7fffffff;
    uint32_t small = bits_of(float_of(a) + 0.5f) - bits_of(0.5f);
    uint32_t normal = (a - (112u << 23) + 0xfff + (a >> 13 & 1)) >> 13;
    uint32_t h = a < 113u << 23 ? small : normal;
    h = a >= 143u << 23 ? 0x7c00 : h;
    h = a > 0x7f800000 ? 0x7e00 : h;
    return (uint16_t)(sign | h);
}

static inline float float_of_half(uint16_t h)
{
    uint32_t a = h & 0x7fffu, sign = (uint32_t)(h & 0x8000) << 16;
    uint32_t normal = (a << 13) + (112u << 23);
    uint32_t large = normal + (112u << 23); /* infinity and NaN */
    uint32_t small = bits_of((float)(int32_t)a * 0x1p-24f);
    uint32_t u = a < 0x400 ? small : normal;
    return float_of(sign | (a >= 0x7c00 ? large : u));
}

static inline uint16_t bfloat_of(float f)
{
    uint32_t u = bits_of(f);
    uint32_t rounded = (u + 0x7fff + (u >> 16 & 1)) >> 16;
    return (uint16_t)((u & 0x7fffffff) > 0x7f800000 ? u >> 16 | 0x40 : rounded);
}

#endif
