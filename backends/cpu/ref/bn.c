/* Batch normalisation and its folding. A channel is computed alone. */
#include <math.h>

#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/ref/ref.h"

void cpu_ref_bn_fold(const cpu_call *call)
{
    const float *beta = cpu_in(call, 0), *mean = cpu_in(call, 1), *var = cpu_in(call, 2);
    float *scale = cpu_out(call, 0), *shift = cpu_out(call, 1);
    for (int32_t c = 0; c < call->op->in[0].c; c++) {
        double s = 1.0 / sqrt((double)var[c] + call->op->attr.bn.eps);
        scale[c] = (float)s;
        shift[c] = (float)(beta[c] - mean[c] * s);
    }
}

static void train_channels(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_bn_attr *a = &op->attr.bn;
    const thaw_tensor *x = &op->in[0], *y = &op->out[0];
    size_t m = backend_pixels(x);
    for (size_t c = first; c < last; c++) {
        const float *in = cpu_in(call, 0) + c;
        float *out = cpu_out(call, 0) + c;
        double mean = 0, var = 0;
        for (size_t p = 0; p < m; p++)
            mean += in[cpu_at(x, p)];
        mean /= (double)m;
        for (size_t p = 0; p < m; p++)
            var += (in[cpu_at(x, p)] - mean) * (in[cpu_at(x, p)] - mean);
        var /= (double)m;
        double inv_std = 1.0 / sqrt(var + a->eps);
        for (size_t p = 0; p < m; p++) {
            float z = (float)((in[cpu_at(x, p)] - mean) * inv_std + cpu_in(call, 1)[c]);
            out[cpu_at(y, p)] = a->relu ? cpu_relu(z) : z;
        }
        cpu_out(call, 1)[c] = (float)mean;
        cpu_out(call, 2)[c] = (float)inv_std;
        cpu_out(call, 3)[c] = (float)(cpu_in(call, 2)[c] * (double)a->momentum + mean * (1.0 - a->momentum));
        cpu_out(call, 4)[c] = (float)(cpu_in(call, 3)[c] * (double)a->momentum + var * (1.0 - a->momentum));
    }
}

void cpu_ref_bn_train(const cpu_call *call)
{
    cpu_parallel(call, (size_t)call->op->in[0].c, 1, train_channels);
}

static void backward_channels(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_tensor *g = &op->in[0], *x = &op->in[1], *dx = &op->out[0];
    size_t m = backend_pixels(x);
    for (size_t c = first; c < last; c++) {
        const float *gs = cpu_in(call, 0) + c, *xs = cpu_in(call, 1) + c;
        double mean = cpu_in(call, 2)[c], inv_std = cpu_in(call, 3)[c];
        double sum = 0, sum_xhat = 0;
        for (size_t p = 0; p < m; p++) {
            sum += gs[cpu_at(g, p)];
            sum_xhat += gs[cpu_at(g, p)] * ((xs[cpu_at(x, p)] - mean) * inv_std);
        }
        for (size_t p = 0; p < m; p++) {
            double xhat = (xs[cpu_at(x, p)] - mean) * inv_std;
            double d = gs[cpu_at(g, p)] - sum / (double)m - xhat * (sum_xhat / (double)m);
            cpu_out(call, 0)[cpu_at(dx, p) + c] = (float)(inv_std * d);
        }
        cpu_out(call, 1)[c] = (float)sum;
    }
}

void cpu_ref_bn_train_bwd(const cpu_call *call)
{
    cpu_parallel(call, (size_t)call->op->in[0].c, 1, backward_channels);
}
