/* Softmax, its cross-entropy loss, and the figures that a training run reports. A label outside the classes
 * gives a loss of NaN and no gradient of its own; it never reads outside the row. */
#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

static void xent_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const int32_t *label = call->args[1];
    int32_t classes = op->in[0].c;
    for (size_t n = first; n < last; n++) {
        const float *z = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        float *prob = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        double max = z[0], sum = 0;
        for (int32_t c = 1; c < classes; c++)
            max = z[c] > max ? z[c] : max;
        for (int32_t c = 0; c < classes; c++)
            sum += exp(z[c] - max);
        for (int32_t c = 0; c < classes; c++)
            prob[c] = (float)(exp(z[c] - max) / sum);
        bool known = label[n] >= 0 && label[n] < classes;
        cpu_out(call, 1)[n] = known ? (float)(log(sum) - (z[label[n]] - max)) : NAN;
    }
}

void cpu_ref_softmax_xent(const cpu_call *call)
{
    const thaw_tensor *z = &call->op->in[0];
    cpu_parallel(call, (size_t)z->n, cpu_grain((size_t)z->c * 32), xent_rows);
}

static void xent_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const int32_t *label = call->args[1];
    double scale = op->attr.xent.scale;
    for (size_t n = first; n < last; n++) {
        const float *prob = cpu_in(call, 0) + cpu_at(&op->in[0], n);
        float *dz = cpu_out(call, 0) + cpu_at(&op->out[0], n);
        for (int32_t c = 0; c < op->in[0].c; c++)
            dz[c] = (float)(((double)prob[c] - (c == label[n] ? 1.0 : 0.0)) * scale);
    }
}

void cpu_ref_softmax_xent_bwd(const cpu_call *call)
{
    const thaw_tensor *z = &call->op->in[0];
    cpu_parallel(call, (size_t)z->n, cpu_grain((size_t)z->c), xent_bwd_rows);
}

void cpu_ref_metrics(const cpu_call *call)
{
    const thaw_tensor *prob = &call->op->in[0];
    const int32_t *label = call->args[1];
    double loss = 0, right = 0;
    for (size_t n = 0; n < (size_t)prob->n; n++) {
        const float *p = cpu_in(call, 0) + cpu_at(prob, n);
        int32_t best = 0;
        for (int32_t c = 1; c < prob->c; c++)
            best = p[c] > p[best] ? c : best;
        loss += cpu_in(call, 2)[n];
        right += best == label[n];
    }
    cpu_out(call, 0)[0] = (float)loss;
    cpu_out(call, 0)[1] = (float)right;
}
