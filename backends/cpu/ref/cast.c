#include <math.h>
#include <string.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

/* The number format with `mantissa` bits behind the point and exponents from `least` on: bits of v rounded
 * to nearest even. With the exponent e of v, v = q * 2^(e - mantissa) for an integer q after rounding, and
 * adding q to the field of the exponent below e carries by itself; q < 2^mantissa is a subnormal. */
static uint16_t encode(double v, int mantissa, int least, uint16_t infinity)
{
    uint16_t sign = signbit(v) ? 0x8000 : 0;
    double a = fabs(v);
    if (isnan(v))
        return (uint16_t)(sign | infinity | 1u << (mantissa - 1));
    if (a == 0)
        return sign;
    if (a >= ldexp(1, 2 - least))
        return sign | infinity;
    int e = ilogb(a) < least ? least : ilogb(a);
    uint32_t q = (uint32_t)nearbyint(ldexp(a, mantissa - e));
    return (uint16_t)(sign | (((uint32_t)(e - least) << mantissa) + q));
}

static double decode(uint16_t bits, int mantissa, int least, uint16_t infinity)
{
    int magnitude = bits & 0x7fff, field = magnitude >> mantissa;
    int q = magnitude - (field > 1 ? (field - 1) << mantissa : 0);
    double a = ldexp(q, (field > 1 ? field - 1 : 0) + least - mantissa);
    if (magnitude >= infinity)
        a = magnitude == infinity ? INFINITY : NAN;
    return bits & 0x8000 ? -a : a;
}

static double load(const void *p, thaw_dtype dtype, size_t i)
{
    switch (dtype) {
    case THAW_F32:
        return ((const float *)p)[i];
    case THAW_F16:
        return decode(((const uint16_t *)p)[i], 10, -14, 0x7c00);
    case THAW_BF16:
        return decode(((const uint16_t *)p)[i], 7, -126, 0x7f80);
    default:
        return ((const uint8_t *)p)[i];
    }
}

static void store(void *p, thaw_dtype dtype, size_t i, double v)
{
    switch (dtype) {
    case THAW_F32:
        ((float *)p)[i] = (float)v;
        break;
    case THAW_F16:
        ((uint16_t *)p)[i] = encode(v, 10, -14, 0x7c00);
        break;
    default:
        ((uint16_t *)p)[i] = encode(v, 7, -126, 0x7f80);
        break;
    }
}

static void cast_span(const cpu_call *call, size_t pixel, size_t first, size_t count)
{
    const backend_op *op = call->op;
    const thaw_cast_attr *a = &op->attr.cast;
    thaw_dtype from = op->in[0].dtype, to = op->out[0].dtype;
    size_t src = cpu_at(&op->in[0], pixel) + first, dst = cpu_at(&op->out[0], pixel) + first;
    bool exact = from == to && a->scale == 1.0f && a->shift == 0.0f;
    size_t size = to == THAW_F32 ? 4 : 2;
    if (exact) {
        memcpy((char *)call->args[1] + dst * size, (const char *)call->args[0] + src * size, count * size);
        return;
    }
    for (size_t i = 0; i < count; i++)
        store(call->args[1], to, dst + i, load(call->args[0], from, src + i) * a->scale + a->shift);
}

void cpu_ref_cast(const cpu_call *call)
{
    cpu_parallel_spans(call, 1, 1, cast_span);
}
