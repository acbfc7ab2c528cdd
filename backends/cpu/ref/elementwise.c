#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

static void affine_pixels(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const float *scale = cpu_in(call, 1), *shift = op->n_in == 3 ? cpu_in(call, 2) : NULL;
    for (size_t p = first; p < last; p++) {
        const float *x = cpu_in(call, 0) + cpu_at(&op->in[0], p);
        float *y = cpu_out(call, 0) + cpu_at(&op->out[0], p);
        for (int32_t c = 0; c < op->in[0].c; c++) {
            float z = (float)((double)x[c] * scale[c] + (shift ? shift[c] : 0.0f));
            y[c] = op->attr.affine.relu ? cpu_relu(z) : z;
        }
    }
}

void cpu_ref_affine(const cpu_call *call)
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
    for (size_t i = 0; i < count; i++)
        dx[i] = y[i] > 0.0f ? dy[i] : 0.0f;
}

void cpu_ref_relu_bwd(const cpu_call *call)
{
    cpu_parallel_spans(call, 2, 1, relu_bwd_span);
}

static void add_span(const cpu_call *call, size_t pixel, size_t first, size_t count)
{
    const backend_op *op = call->op;
    float *y = cpu_out(call, 0) + cpu_at(&op->out[0], pixel) + first;
    for (size_t i = 0; i < count; i++) {
        /* Written as rounded sums, because that is how the op is defined. */
        float sum = 0;
        for (uint32_t k = 0; k < op->n_in; k++) {
            float a = cpu_in(call, k)[cpu_at(&op->in[k], pixel) + first + i];
            sum = k == 0 ? a : sum + a;
        }
        y[i] = sum;
    }
}

void cpu_ref_add(const cpu_call *call)
{
    cpu_parallel_spans(call, call->op->n_in, 1, add_span);
}

void cpu_ref_bias_grad(const cpu_call *call)
{
    const thaw_tensor *dy = &call->op->in[0];
    for (size_t c = 0; c < (size_t)dy->c; c++) {
        double sum = 0;
        for (size_t p = 0; p < backend_pixels(dy); p++)
            sum += cpu_in(call, 0)[cpu_at(dy, p) + c];
        cpu_out(call, 0)[c] = (float)sum;
    }
}
