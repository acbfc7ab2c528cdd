#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/ref/ref.h"

static void update(const cpu_call *call, uint32_t t, size_t pixel)
{
    const backend_op *op = call->op;
    const float *hyper = cpu_in(call, 0);
    const thaw_tensor *in = &op->in[1 + 4 * t], *out = &op->out[3 * t];
    const float *w = cpu_in(call, 1 + 4 * t) + cpu_at(&in[0], pixel);
    const float *g = cpu_in(call, 2 + 4 * t) + cpu_at(&in[1], pixel);
    const float *m = cpu_in(call, 3 + 4 * t) + cpu_at(&in[2], pixel);
    const float *v = cpu_in(call, 4 + 4 * t) + cpu_at(&in[3], pixel);
    float *new_w = cpu_out(call, 3 * t) + cpu_at(&out[0], pixel);
    float *new_m = cpu_out(call, 3 * t + 1) + cpu_at(&out[1], pixel);
    float *new_v = cpu_out(call, 3 * t + 2) + cpu_at(&out[2], pixel);
    for (int32_t c = 0; c < in->c; c++) {
        double gc = g[c];
        double mean = m[c] + (gc - m[c]) * hyper[1];
        double square = v[c] + (gc * gc - v[c]) * hyper[2];
        new_w[c] = (float)(w[c] - mean * hyper[0] / (sqrt(square) + hyper[3]));
        new_m[c] = (float)mean;
        new_v[c] = (float)square;
    }
}

void cpu_ref_adam(const cpu_call *call)
{
    for (uint32_t t = 0; t < call->op->n_out / 3; t++) {
        for (size_t p = 0; p < backend_pixels(&call->op->in[1 + 4 * t]); p++)
            update(call, t, p);
    }
}
