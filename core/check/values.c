/* values.c: what the arguments of a case hold before it runs. */
#include <math.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/check/case.h"

/* A NaN as f32, f16 and bf16, and no valid label: whoever reads what is not his spreads it. */
#define GUARD_WORD UINT16_C(0xffa5)

static double load_f16(uint16_t bits)
{
    int exponent = bits >> 10 & 31;
    double mantissa = bits & 1023, v;
    if (exponent == 31)
        v = mantissa != 0 ? (double)NAN : (double)INFINITY;
    else
        v = exponent ? ldexp(mantissa + 1024, exponent - 25) : ldexp(mantissa, -24);
    return bits & 0x8000 ? -v : v;
}

static double load_f32_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return (double)v;
}

double thaw_check_load(thaw_dtype dtype, const void *element)
{
    uint16_t half;
    uint32_t word;
    if (dtype == THAW_U8)
        return *(const uint8_t *)element;
    if (dtype == THAW_F16 || dtype == THAW_BF16) {
        memcpy(&half, element, sizeof half);
        return dtype == THAW_F16 ? load_f16(half) : load_f32_bits((uint32_t)half << 16);
    }
    memcpy(&word, element, sizeof word);
    return dtype == THAW_F32 ? load_f32_bits(word) : dtype == THAW_I32 ? (double)(int32_t)word : (double)word;
}

/* Stores an f32 value; what f16 and bf16 cannot hold is cut off, which is as good a test value. */
static void store_float(thaw_dtype dtype, void *element, float value)
{
    uint32_t word;
    memcpy(&word, &value, sizeof word);
    if (dtype == THAW_F32) {
        memcpy(element, &word, sizeof word);
        return;
    }
    uint16_t half = (uint16_t)(word >> 16);
    if (dtype == THAW_F16) {
        int exponent = (int)(word >> 23 & 255) - 127 + 15;
        half = (uint16_t)(word >> 16 & 0x8000);
        if (exponent > 0 && exponent < 31)
            half = (uint16_t)(half | exponent << 10 | (word >> 13 & 1023));
    }
    memcpy(element, &half, sizeof half);
}

/* Any bits for the 16-bit types. For f32: exponents around those of f16, every other value exactly between
 * two f16 or two bf16 numbers; the limits of f16 (65504; 65520 rounds to infinity) and of bf16; subnormal
 * numbers of each type; a NaN that signals, with bits of its own. */
static void store_rounding(thaw_dtype dtype, void *element, uint32_t word, size_t index)
{
    static const float special[] = {0.0f,       -0.0f,           INFINITY,       -INFINITY, NAN,
                                    65504.0f,   65519.99f,       65520.0f,       0x1p-24f,  0x1p-25f,
                                    0x1.8p-25f, -0x1.fp14f,      0x1p-149f,      0x1p-133f, 0x1p-134f,
                                    -0x3p-134f, 0x1.fffffep127f, 0x1.fefffep127f};
    static const uint32_t signalling = UINT32_C(0xff812345);
    const size_t n_special = sizeof special / sizeof *special;
    if (dtype == THAW_F16 || dtype == THAW_BF16) {
        uint16_t half = (uint16_t)word;
        memcpy(element, &half, sizeof half);
        return;
    }
    uint32_t exponent = 127 - 28 + (word >> 23 & 255) % 46;
    uint32_t bits = (word & 0x807fffff) | exponent << 23;
    if (index % 4 == 1)
        bits = (bits & ~UINT32_C(0x1fff)) | 0x1000;
    if (index % 4 == 3)
        bits = (bits & ~UINT32_C(0xffff)) | 0x8000;
    if (index % 16 == 0)
        memcpy(&bits, &special[index / 16 % n_special], sizeof bits);
    if (index % 16 == 8)
        bits = signalling;
    memcpy(element, &bits, sizeof bits);
}

/* One in `one_in` is a NaN or an infinity. */
static float odd_value(uint32_t word, uint32_t one_in)
{
    static const float odd[] = {NAN, INFINITY, -INFINITY};
    float unit = (float)(word >> 8) * 0x1p-24f;
    if (word % one_in == 0)
        return odd[word / one_in % 3];
    return word & 1 ? unit + 0.25f : -unit - 0.25f;
}

static float real_value(check_fill fill, uint32_t word, size_t index)
{
    static const float hyper[8] = {0.05f, 0.1f, 0.001f, 1e-7f, 0.0f, 0.0f, 0.0f, 0.0f};
    float unit = (float)(word >> 8) * 0x1p-24f, both = 2 * unit - 1;
    switch (fill) {
    case FILL_POSITIVE:
        return unit + 0.25f;
    case FILL_COARSE:
        return (float)((int)(word % 5) - 2);
    case FILL_RECTIFIED:
        return both > 0 ? both : word & 1 ? 0.0f : -0.0f;
    case FILL_WITH_NAN:
        return word % 16 == 0 ? NAN : both;
    case FILL_ODD:
        return odd_value(word, 8);
    case FILL_SELDOM_ODD:
        return odd_value(word, 48);
    case FILL_ONCE_ODD:
        return odd_value(word, 8192);
    case FILL_SELDOM_HUGE:
        return word % 1024 == 0 ? both * 0x1p20f : both;
    case FILL_LOGIT:
        return 8 * both;
    case FILL_LOGIT_FAR:
        return 200 * both;
    case FILL_SHARE:
        return (float)(word % 8) / 8;
    case FILL_SQUARE:
        return unit * unit;
    case FILL_HYPER:
        return hyper[index % 8];
    default:
        return both;
    }
}

static uint32_t any_label(uint32_t classes, uint32_t word)
{
    const uint32_t none[] = {UINT32_MAX, classes, INT32_MAX, UINT32_C(1) << 31};
    return word % 3 == 0 ? none[word / 3 % 4] : word % classes;
}

static uint32_t integer_value(const check_case *c, const check_arg *arg, uint32_t word)
{
    if (arg->fill == FILL_LABEL)
        return word % (uint32_t)c->arg[0].c;
    if (arg->fill == FILL_ANY_LABEL)
        return any_label((uint32_t)c->arg[0].c, word);
    return arg->fill == FILL_BIT ? word & 1 : word;
}

/* A cell of the window of output pixel p that lies inside the image, from 32 random bits. */
static uint32_t argmax_value(const check_case *c, const check_arg *arg, size_t pixel, uint32_t word)
{
    const thaw_pool_attr *a = &c->attr.pool;
    const check_arg *image = &c->arg[c->n_in];
    int top = (int)(pixel / (size_t)arg->w % (size_t)arg->h) * a->stride_h - a->pad_top;
    int left = (int)(pixel % (size_t)arg->w) * a->stride_w - a->pad_left;
    uint32_t cells = (uint32_t)(a->kh * a->kw);
    for (uint32_t tried = 0; tried < cells; tried++) {
        uint32_t cell = (word + tried) % cells;
        int y = top + (int)cell / a->kw, x = left + (int)cell % a->kw;
        if (y >= 0 && y < image->h && x >= 0 && x < image->w)
            return cell;
    }
    return 0;
}

static void store_value(const check_case *c, const check_arg *arg, void *element, uint32_t word, size_t pixel,
                        size_t index)
{
    if (arg->dtype == THAW_U8) {
        uint32_t v = integer_value(c, arg, word);
        if (arg->fill == FILL_ARGMAX)
            v = argmax_value(c, arg, pixel, word);
        else if (arg->fill == FILL_ANY_ARGMAX)
            v = word % 16 == 0 ? 255 : word / 16 % (uint32_t)(2 * c->attr.pool.kh * c->attr.pool.kw);
        *(uint8_t *)element = (uint8_t)v;
    } else if (arg->dtype == THAW_I32 || arg->dtype == THAW_U32) {
        uint32_t v = integer_value(c, arg, word);
        memcpy(element, &v, sizeof v);
    } else if (arg->fill == FILL_ROUNDING) {
        store_rounding(arg->dtype, element, word, index);
    } else {
        store_float(arg->dtype, element, real_value(arg->fill, word, index));
    }
}

/* FNV-1a, 32 bits. */
static uint32_t hash_name(const char *name)
{
    uint32_t h = 2166136261u;
    for (; *name; name++)
        h = (h ^ (uint8_t)*name) * 16777619u;
    return h;
}

static void draw_input(const check_case *c, const check_layout *l, uint64_t seed, uint32_t i, uint8_t *image)
{
    const check_arg *arg = &c->arg[i];
    const uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    uint32_t counter[4] = {0, THAW_RNG_TEST, i, hash_name(c->name)}, words[4];
    size_t index = 0;
    for (size_t p = 0; p < l->pixels[i]; p++) {
        for (size_t ch = 0; ch < (size_t)arg->c; ch++, index++) {
            counter[0] = (uint32_t)(index / 4);
            if (index % 4 == 0)
                thaw_philox(counter, key, words);
            store_value(c, arg, image + check_at(l, i, p, ch), words[index % 4], p, index);
        }
    }
}

static void poison_output(const check_case *c, const check_layout *l, uint32_t i, uint8_t *image)
{
    const check_arg *arg = &c->arg[i];
    for (size_t p = 0; p < l->pixels[i]; p++)
        for (size_t ch = 0; ch < (size_t)arg->c; ch++) {
            uint8_t *element = image + check_at(l, i, p, ch);
            if (arg->dtype == THAW_U8)
                *element = 0xee;
            else if (arg->dtype == THAW_F32)
                memcpy(element, &(uint32_t){0x7fc0dead}, 4);
            else
                memcpy(element, &(uint16_t){0x7fee}, 2);
        }
}

void thaw_check_draw(const check_case *c, const check_layout *layout, uint64_t seed, uint8_t *image)
{
    const uint16_t guard = GUARD_WORD;
    for (size_t i = 0; i + 1 < layout->total; i += 2)
        memcpy(image + i, &guard, 2);
    for (uint32_t i = 0; i < c->n_in; i++)
        draw_input(c, layout, seed, i, image);
    for (uint32_t i = c->n_in; i < c->n_in + c->n_out; i++)
        if (c->arg[i].in_place_of < 0)
            poison_output(c, layout, i, image);
}

void thaw_check_absolute(const check_case *c, const check_layout *layout, uint8_t *image)
{
    for (uint32_t i = 0; i < c->n_in; i++) {
        thaw_dtype dtype = c->arg[i].dtype;
        if (dtype != THAW_F32 && dtype != THAW_F16 && dtype != THAW_BF16)
            continue;
        size_t bytes = layout->bytes_per[i];
        for (size_t p = 0; p < layout->pixels[i]; p++)
            for (size_t ch = 0; ch < (size_t)c->arg[i].c; ch++) {
                uint32_t word = 0;
                uint8_t *element = image + check_at(layout, i, p, ch);
                memcpy(&word, element, bytes);
                word &= bytes == 2 ? 0x7fffu : 0x7fffffffu;
                memcpy(element, &word, bytes);
            }
    }
}
