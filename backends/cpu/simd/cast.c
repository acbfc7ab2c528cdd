/* Conversions in blocks: to float, scaled, and to the type asked for. */
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

#include "backends/common/half.h"
#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"

#define BLOCK ((size_t)256)

static void to_float(const void *p, thaw_dtype dtype, size_t first, size_t n, float *out)
{
    const uint8_t *bytes = p;
    const uint16_t *halves = p;
    size_t i = 0;
    switch (dtype) {
    case THAW_F32:
        memcpy(out, (const float *)p + first, n * sizeof *out);
        break;
    case THAW_F16:
        halves += first;
#if defined(__F16C__)
        for (; i + 8 <= n; i += 8)
            _mm256_storeu_ps(out + i, _mm256_cvtph_ps(_mm_loadu_si128((const __m128i *)(halves + i))));
#endif
        for (; i < n; i++)
            out[i] = float_of_half(halves[i]);
        break;
    case THAW_BF16:
        for (; i < n; i++)
            out[i] = float_of((uint32_t)halves[first + i] << 16);
        break;
    default:
        for (; i < n; i++)
            out[i] = (float)bytes[first + i];
        break;
    }
}

static void from_float(const float *in, size_t n, void *p, thaw_dtype dtype, size_t first)
{
    uint16_t *halves = p;
    size_t i = 0;
    switch (dtype) {
    case THAW_F32:
        memcpy((float *)p + first, in, n * sizeof *in);
        break;
    case THAW_F16:
        halves += first;
#if defined(__F16C__)
        for (; i + 8 <= n; i += 8) {
            __m128i h =
                _mm256_cvtps_ph(_mm256_loadu_ps(in + i), _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
            _mm_storeu_si128((__m128i *)(halves + i), h);
        }
#endif
        for (; i < n; i++)
            halves[i] = half_of(in[i]);
        break;
    default:
        for (; i < n; i++)
            halves[first + i] = bfloat_of(in[i]);
        break;
    }
}

static void cast_span(const cpu_call *call, size_t pixel, size_t first, size_t count)
{
    const backend_op *op = call->op;
    float scale = op->attr.cast.scale, shift = op->attr.cast.shift;
    thaw_dtype from = op->in[0].dtype, to = op->out[0].dtype;
    size_t src = cpu_at(&op->in[0], pixel) + first, dst = cpu_at(&op->out[0], pixel) + first;
    if (scale == 1.0f && shift == 0.0f && from == to) {
        size_t size = to == THAW_F32 ? 4 : 2;
        memcpy((char *)call->args[1] + dst * size, (const char *)call->args[0] + src * size, count * size);
        return;
    }
    float block[BLOCK];
    for (size_t done = 0; done < count; done += BLOCK) {
        size_t n = count - done < BLOCK ? count - done : BLOCK;
        to_float(call->args[0], from, src + done, n, block);
        for (size_t i = 0; i < n; i++)
            block[i] = block[i] * scale + shift;
        from_float(block, n, call->args[1], to, dst + done);
    }
}

void CPU_NAME(cpu_simd_cast)(const cpu_call *call)
{
    cpu_parallel_spans(call, 1, 1, cast_span);
}
