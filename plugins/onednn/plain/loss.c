/* Dropout, softmax with its cross-entropy, and the figures that a training run reports. A label outside the
 * classes gives a loss of NaN and no gradient of its own; it never reads outside the row. */
#include <math.h>

#include "backends/common/philox.h"
#include "plugins/onednn/parallel.h"
#include "plugins/onednn/plain/plain.h"

/* Items are rows of the batch; cost: of one element, relative to that of a sum. */
static thaw_status by_rows(const onednn_call *call, size_t cost, onednn_range_fn fn)
{
    const thaw_tensor *x = &call->op->in[0];
    onednn_parallel(call, (size_t)x->n, onednn_grain((size_t)x->c * cost), fn);
    return THAW_OK;
}

static float survivor_factor(const thaw_dropout_attr *a)
{
    return (float)(1.0 / (1.0 - (double)a->rate));
}

static void dropout_rows(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_dropout_attr *a = &op->attr.dropout;
    const uint32_t limit = (uint32_t)floor((double)a->rate * 4294967296.0);
    const float factor = survivor_factor(a);
    for (size_t n = first; n < last; n++) {
        const float *x = onednn_in(call, 0) + onednn_at(&op->in[0], n);
        const uint32_t *key = (const uint32_t *)call->args[1] + onednn_at(&op->in[1], n);
        float *y = onednn_out(call, 0) + onednn_at(&op->out[0], n);
        uint8_t *mask = (uint8_t *)call->args[op->n_in + 1] + onednn_at(&op->out[1], n);
        uint32_t word[4] = {0};
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

thaw_status plain_dropout(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, 8, dropout_rows);
}

static void dropout_bwd_rows(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const float factor = survivor_factor(&op->attr.dropout);
    for (size_t n = first; n < last; n++) {
        const float *dy = onednn_in(call, 0) + onednn_at(&op->in[0], n);
        const uint8_t *mask = (const uint8_t *)call->args[1] + onednn_at(&op->in[1], n);
        float *dx = onednn_out(call, 0) + onednn_at(&op->out[0], n);
        for (int32_t e = 0; e < op->in[0].c; e++)
            dx[e] = mask[e] ? dy[e] * factor : 0.0f;
    }
}

thaw_status plain_dropout_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, 1, dropout_bwd_rows);
}

static void xent_rows(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const int32_t *label = call->args[1];
    const int32_t classes = op->in[0].c;
    for (size_t n = first; n < last; n++) {
        const float *z = onednn_in(call, 0) + onednn_at(&op->in[0], n);
        float *prob = onednn_out(call, 0) + onednn_at(&op->out[0], n);
        double max = (double)z[0], sum = 0;
        for (int32_t c = 1; c < classes; c++)
            max = (double)z[c] > max ? (double)z[c] : max;
        for (int32_t c = 0; c < classes; c++)
            sum += exp((double)z[c] - max);
        for (int32_t c = 0; c < classes; c++)
            prob[c] = (float)(exp((double)z[c] - max) / sum);
        bool known = label[n] >= 0 && label[n] < classes;
        onednn_out(call, 1)[n] = known ? (float)(log(sum) - ((double)z[label[n]] - max)) : NAN;
    }
}

thaw_status plain_softmax_xent(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, 32, xent_rows);
}

static void xent_bwd_rows(const onednn_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const int32_t *label = call->args[1];
    const double scale = (double)op->attr.xent.scale;
    for (size_t n = first; n < last; n++) {
        const float *prob = onednn_in(call, 0) + onednn_at(&op->in[0], n);
        float *dz = onednn_out(call, 0) + onednn_at(&op->out[0], n);
        for (int32_t c = 0; c < op->in[0].c; c++)
            dz[c] = (float)(((double)prob[c] - (c == label[n] ? 1.0 : 0.0)) * scale);
    }
}

thaw_status plain_softmax_xent_bwd(const onednn_call *call, thaw_error *err)
{
    (void)err;
    return by_rows(call, 1, xent_bwd_rows);
}

thaw_status plain_metrics(const onednn_call *call, thaw_error *err)
{
    const thaw_tensor *prob = &call->op->in[0];
    const int32_t *label = call->args[1];
    double loss = 0, right = 0;
    (void)err;
    for (size_t n = 0; n < (size_t)prob->n; n++) {
        const float *p = onednn_in(call, 0) + onednn_at(prob, n);
        int32_t best = 0;
        for (int32_t c = 1; c < prob->c; c++)
            best = p[c] > p[best] ? c : best;
        loss += (double)onednn_in(call, 2)[n];
        right += best == label[n];
    }
    onednn_out(call, 0)[0] = (float)loss;
    onednn_out(call, 0)[1] = (float)right;
    return THAW_OK;
}
