#include <string.h>

#include "backends/common/half.h"
#include "plugins/onednn/parallel.h"
#include "plugins/onednn/plain/plain.h"

#define BLOCK ((size_t)256)

static void load(const void *from, thaw_dtype dtype, size_t first, size_t n, float *to)
{
    const uint16_t *halves = (const uint16_t *)from + first;
    switch (dtype) {
    case THAW_F32:
        memcpy(to, (const float *)from + first, n * sizeof *to);
        break;
    case THAW_F16:
        for (size_t i = 0; i < n; i++)
            to[i] = float_of_half(halves[i]);
        break;
    case THAW_BF16:
        for (size_t i = 0; i < n; i++)
            to[i] = float_of((uint32_t)halves[i] << 16);
        break;
    default:
        for (size_t i = 0; i < n; i++)
            to[i] = (float)((const uint8_t *)from)[first + i];
        break;
    }
}

static void store(void *to, thaw_dtype dtype, size_t first, size_t n, const float *from)
{
    uint16_t *halves = (uint16_t *)to + first;
    if (dtype == THAW_F32)
        memcpy((float *)to + first, from, n * sizeof *from);
    else if (dtype == THAW_F16)
        for (size_t i = 0; i < n; i++)
            halves[i] = half_of(from[i]);
    else
        for (size_t i = 0; i < n; i++)
            halves[i] = bfloat_of(from[i]);
}

static void cast_pixels(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_cast_attr *a = &op->attr.cast;
    const thaw_dtype from = op->in[0].dtype, to = op->out[0].dtype;
    const size_t channels = (size_t)op->in[0].c, bytes = backend_dtype_bytes(to);
    const bool exact = from == to && a->scale == 1.0f && a->shift == 0.0f;
    float values[BLOCK];
    for (size_t p = first; p < last; p++) {
        size_t src = onednn_at(&op->in[0], p), dst = onednn_at(&op->out[0], p);
        if (exact) {
            memcpy((char *)call->args[1] + dst * bytes, (const char *)call->args[0] + src * bytes,
                   channels * bytes);
            continue;
        }
        for (size_t c = 0; c < channels; c += BLOCK) {
            size_t n = channels - c < BLOCK ? channels - c : BLOCK;
            load(call->args[0], from, src + c, n, values);
            for (size_t i = 0; i < n; i++)
                values[i] = values[i] * a->scale + a->shift;
            store(call->args[1], to, dst + c, n, values);
        }
    }
}

thaw_status plain_cast(const onednn_call *call, thaw_error *err)
{
    const thaw_tensor *x = &call->op->in[0];
    (void)err;
    onednn_parallel(call, backend_pixels(x), onednn_grain((size_t)x->c), cast_pixels);
    return THAW_OK;
}
