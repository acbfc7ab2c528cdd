/* Dropout by Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011). */
#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

#define PURPOSE_DROPOUT 1u /* second word of the counter */

static void philox_round(uint32_t ctr[4], const uint32_t key[2])
{
    uint64_t a = (uint64_t)ctr[0] * 0xD2511F53u, b = (uint64_t)ctr[2] * 0xCD9E8D57u;
    uint32_t next[4] = {(uint32_t)(b >> 32) ^ ctr[1] ^ key[0], (uint32_t)b,
                        (uint32_t)(a >> 32) ^ ctr[3] ^ key[1], (uint32_t)a};
    for (int i = 0; i < 4; i++)
        ctr[i] = next[i];
}

static void philox(uint32_t ctr[4], uint64_t seed)
{
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (int round = 0; round < 10; round++) {
        philox_round(ctr, key);
        key[0] += 0x9E3779B9u;
        key[1] += 0xBB67AE85u;
    }
}

static float survivor_factor(const thaw_dropout_attr *a)
{
    return (float)(1.0 / (1.0 - (double)a->rate));
}

static void dropout_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_dropout_attr *a = &op->attr.dropout;
    const uint32_t *keys = call->args[1];
    uint8_t *masks = call->args[op->n_in + 1];
    uint32_t limit = (uint32_t)floor((double)a->rate * 4294967296.0);
    float factor = survivor_factor(a);
    for (size_t n = first; n < last; n++) {
        const float *x = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        const uint32_t *key = keys + cpu_at(&op->in[1], n);
        float *y = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        uint8_t *mask = masks + cpu_at(&op->out[1], n);
        uint32_t word[4];
        for (uint32_t e = 0; e < (uint32_t)op->in[0].c; e++) {
            if (e % 4 == 0) {
                word[0] = e / 4;
                word[1] = PURPOSE_DROPOUT;
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
    float factor = survivor_factor(&op->attr.dropout);
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
