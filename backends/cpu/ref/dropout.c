#include "backends/common/philox.h"
#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

static void dropout_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_dropout_attr *a = &op->attr.dropout;
    const uint32_t *keys = call->args[1];
    uint8_t *masks = call->args[op->n_in + 1];
    uint32_t limit = cpu_dropout_limit(a);
    float factor = cpu_dropout_factor(a);
    for (size_t n = first; n < last; n++) {
        const float *x = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        const uint32_t *key = keys + cpu_at(&op->in[1], n);
        float *y = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        uint8_t *mask = masks + cpu_at(&op->out[1], n);
        uint32_t word[4];
        for (uint32_t e = 0; e < (uint32_t)op->in[0].c; e++) {
            if (e % 4 == 0) {
                word[0] = e / 4;
                word[1] = PHILOX_PURPOSE_DROPOUT;
                word[2] = key[0];
                word[3] = key[1];
                philox(word, a->seed);
            }
            mask[e] = word[e % 4] >= limit;
            y[e] = mask[e] ? x[e] * factor : 0.0f;
        }
    }
}

void cpu_ref_dropout(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0];
    cpu_parallel(call, (size_t)x->n, cpu_grain((size_t)x->c * 8), dropout_rows);
}

static void dropout_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const uint8_t *masks = call->args[1];
    float factor = cpu_dropout_factor(&op->attr.dropout);
    for (size_t n = first; n < last; n++) {
        const float *dy = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        const uint8_t *mask = masks + cpu_at(&op->in[1], n);
        float *dx = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        for (int32_t e = 0; e < op->in[0].c; e++)
            dx[e] = mask[e] ? dy[e] * factor : 0.0f;
    }
}

void cpu_ref_dropout_bwd(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0];
    cpu_parallel(call, (size_t)x->n, cpu_grain((size_t)x->c), dropout_bwd_rows);
}
