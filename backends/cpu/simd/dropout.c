/* Dropout: Philox for several counters at a time, each of which makes the words of four elements. */
#include "backends/common/philox.h"
#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"

#define COUNTERS 16
#define WORDS    (4 * COUNTERS)

/* philox.h's words of the counters first … first + COUNTERS - 1, one behind the other. */
static void draw_words(uint32_t first, const uint32_t image[2], uint64_t seed, uint32_t words[WORDS])
{
    uint32_t a[COUNTERS], b[COUNTERS], c[COUNTERS], d[COUNTERS];
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)};
    for (uint32_t i = 0; i < COUNTERS; i++) {
        a[i] = first + i;
        b[i] = PHILOX_PURPOSE_DROPOUT;
        c[i] = image[0];
        d[i] = image[1];
    }
    for (int round = 0; round < PHILOX_ROUNDS; round++) {
        for (int i = 0; i < COUNTERS; i++) {
            const uint64_t p = (uint64_t)a[i] * PHILOX_FACTOR_0, q = (uint64_t)c[i] * PHILOX_FACTOR_2;
            a[i] = (uint32_t)(q >> 32) ^ b[i] ^ key[0];
            b[i] = (uint32_t)q;
            c[i] = (uint32_t)(p >> 32) ^ d[i] ^ key[1];
            d[i] = (uint32_t)p;
        }
        key[0] += PHILOX_KEY_STEP_0;
        key[1] += PHILOX_KEY_STEP_1;
    }
    for (int i = 0; i < COUNTERS; i++) {
        words[4 * i] = a[i];
        words[4 * i + 1] = b[i];
        words[4 * i + 2] = c[i];
        words[4 * i + 3] = d[i];
    }
}

static void dropout_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_dropout_attr *attr = &op->attr.dropout;
    const size_t channels = (size_t)op->in[0].c;
    const uint32_t limit = cpu_dropout_limit(attr);
    const float factor = cpu_dropout_factor(attr);
    for (size_t n = first; n < last; n++) {
        const float *x = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        const uint32_t *image = (const uint32_t *)call->args[1] + cpu_at(&op->in[1], n);
        float *y = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        uint8_t *mask = (uint8_t *)call->args[op->n_in + 1] + cpu_at(&op->out[1], n);
        for (size_t e = 0; e < channels; e += WORDS) {
            const size_t count = channels - e < WORDS ? channels - e : WORDS;
            uint32_t words[WORDS];
            draw_words((uint32_t)(e / 4), image, attr->seed, words);
            CPU_INDEPENDENT
            for (size_t i = 0; i < count; i++)
                mask[e + i] = words[i] >= limit;
            CPU_INDEPENDENT
            for (size_t i = 0; i < count; i++)
                y[e + i] = words[i] >= limit ? x[e + i] * factor : 0.0f;
        }
    }
}

void CPU_NAME(cpu_simd_dropout)(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0];
    cpu_parallel(call, (size_t)x->n, cpu_grain((size_t)x->c * 8), dropout_rows);
}

static void dropout_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const float factor = cpu_dropout_factor(&op->attr.dropout);
    for (size_t n = first; n < last; n++) {
        const float *dy = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        const uint8_t *mask = (const uint8_t *)call->args[1] + cpu_at(&op->in[1], n);
        float *dx = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        CPU_INDEPENDENT
        for (int32_t e = 0; e < op->in[0].c; e++)
            dx[e] = mask[e] ? dy[e] * factor : 0.0f;
    }
}

void CPU_NAME(cpu_simd_dropout_bwd)(const cpu_call *call)
{
    const thaw_tensor *dy = &call->op->in[0];
    cpu_parallel(call, (size_t)dy->n, cpu_grain((size_t)dy->c), dropout_bwd_rows);
}
