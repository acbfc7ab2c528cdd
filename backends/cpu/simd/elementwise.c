#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"

static void affine_pixels(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    size_t channels = (size_t)op->in[0].c;
    const float *scale = cpu_in(call, 1), *shift = op->n_in == 3 ? cpu_in(call, 2) : NULL;
    for (size_t p = first; p < last; p++) {
        const float *x = cpu_in(call, 0) + cpu_at(&op->in[0], p);
        float *y = cpu_out(call, 0) + cpu_at(&op->out[0], p);
        if (shift) {
            CPU_INDEPENDENT
            for (size_t c = 0; c < channels; c++)
                y[c] = x[c] * scale[c] + shift[c];
        } else {
            CPU_INDEPENDENT
            for (size_t c = 0; c < channels; c++)
                y[c] = x[c] * scale[c];
        }
        if (op->attr.affine.relu) {
            for (size_t c = 0; c < channels; c++)
                y[c] = cpu_relu(y[c]);
        }
    }
}

void CPU_NAME(cpu_simd_affine)(const cpu_call *call)
{
    const thaw_tensor *x = &call->op->in[0];
    cpu_parallel(call, backend_pixels(x), cpu_grain((size_t)x->c), affine_pixels);
}

static void relu_bwd_span(const cpu_call *call, size_t pixel, size_t first, size_t count)
{
    const backend_op *op = call->op;
    const float *dy = cpu_in(call, 0) + cpu_at(&op->in[0], pixel) + first;
    const float *y = cpu_in(call, 1) + cpu_at(&op->in[1], pixel) + first;
    float *dx = cpu_out(call, 0) + cpu_at(&op->out[0], pixel) + first;
    size_t i = 0;
    for (; i + CPU_LANES <= count; i += CPU_LANES)
        store(dx + i, choose(load(y + i) > 0.0f, load(dy + i), (vec){0}));
    for (; i < count; i++)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

void CPU_NAME(cpu_simd_relu_bwd)(const cpu_call *call)
{
    cpu_parallel_spans(call, 2, 1, relu_bwd_span);
}

static void add_span(const cpu_call *call, size_t pixel, size_t first, size_t count)
{
    const backend_op *op = call->op;
    const float *a[THAW_ADD_MAX_IN];
    float *y = cpu_out(call, 0) + cpu_at(&op->out[0], pixel) + first;
    for (uint32_t k = 0; k < op->n_in; k++)
        a[k] = cpu_in(call, k) + cpu_at(&op->in[k], pixel) + first;
    size_t i = 0;
    for (; i + CPU_LANES <= count; i += CPU_LANES) {
        vec sum = load(a[0] + i) + load(a[1] + i);
        for (uint32_t k = 2; k < op->n_in; k++)
            sum += load(a[k] + i);
        store(y + i, sum);
    }
    for (; i < count; i++) {
        float sum = a[0][i] + a[1][i];
        for (uint32_t k = 2; k < op->n_in; k++)
            sum += a[k][i];
        y[i] = sum;
    }
}

void CPU_NAME(cpu_simd_add)(const cpu_call *call)
{
    cpu_parallel_spans(call, call->op->n_in, 1, add_span);
}
