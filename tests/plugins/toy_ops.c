/* toy_ops.c: the ops of the toy plugin, as thaw_ops.h words them. */
#include "toy.h"

static float *at(float *p, const thaw_tensor *t, int32_t n, int32_t y, int32_t x)
{
    return p + (((int64_t)n * t->h + y) * t->w + x) * t->pixel_pitch;
}

static float relu_if(float v, uint32_t on)
{
    return on && v < 0 ? 0 : v;
}

static float conv_sum(const thaw_kernel *k, float *const *args, int32_t n, int32_t y, int32_t x, int32_t o)
{
    const thaw_tensor *tx = &k->in[0], *tw = &k->in[1];
    const thaw_conv_attr *a = &k->attr.conv;
    float sum = 0;
    for (int32_t i = 0; i < tw->n; i++)
        for (int32_t j = 0; j < tw->h; j++) {
            int32_t sy = y * a->stride_h - a->pad_top + i, sx = x * a->stride_w - a->pad_left + j;
            if (sy < 0 || sy >= tx->h || sx < 0 || sx >= tx->w)
                continue;
            for (int32_t c = 0; c < tx->c; c++)
                sum += at(args[0], tx, n, sy, sx)[c] * at(args[1], tw, i, j, c)[o];
        }
    return k->n_in > 2 ? sum + args[2][o] : sum;
}

static void conv(const thaw_kernel *k, float *const *args)
{
    int32_t first = 0;
    for (uint32_t q = 0; q < k->n_out; q++) {
        const thaw_tensor *ty = &k->out[q];
        uint32_t relu = (k->attr.conv.relu_mask >> q) & 1;
        for (int32_t n = 0; n < ty->n; n++)
            for (int32_t y = 0; y < ty->h; y++)
                for (int32_t x = 0; x < ty->w; x++)
                    for (int32_t c = 0; c < ty->c; c++)
                        at(args[k->n_in + q], ty, n, y, x)[c] =
                            relu_if(conv_sum(k, args, n, y, x, first + c), relu);
        first += ty->c;
    }
}

static float pool_mean(const thaw_kernel *k, float *const *args, int32_t n, int32_t y, int32_t x, int32_t c)
{
    const thaw_tensor *tx = &k->in[0];
    const thaw_pool_attr *a = &k->attr.pool;
    float sum = 0;
    int32_t cells = 0;
    for (int32_t i = 0; i < a->kh; i++)
        for (int32_t j = 0; j < a->kw; j++) {
            int32_t sy = y * a->stride_h - a->pad_top + i, sx = x * a->stride_w - a->pad_left + j;
            if (sy < 0 || sy >= tx->h || sx < 0 || sx >= tx->w)
                continue;
            sum += at(args[0], tx, n, sy, sx)[c];
            cells++;
        }
    float mean = sum / (float)(a->include_pad ? a->kh * a->kw : cells);
    return relu_if(k->n_in > 1 ? mean + args[1][c] : mean, a->relu);
}

static float element(const thaw_kernel *k, float *const *args, int32_t n, int32_t y, int32_t x, int32_t c)
{
    float v = at(args[0], &k->in[0], n, y, x)[c];
    if (k->kind == THAW_OP_AFFINE) {
        v = v * args[1][c];
        return relu_if(k->n_in > 2 ? v + args[2][c] : v, k->attr.affine.relu);
    }
    if (k->kind == THAW_OP_RELU_BWD)
        return at(args[1], &k->in[1], n, y, x)[c] > 0 ? v : 0;
    for (uint32_t i = 1; i < k->n_in; i++)
        v += at(args[i], &k->in[i], n, y, x)[c];
    return v;
}

static void each_element(const thaw_kernel *k, float *const *args)
{
    const thaw_tensor *t = &k->out[0];
    for (int32_t n = 0; n < t->n; n++)
        for (int32_t y = 0; y < t->h; y++)
            for (int32_t x = 0; x < t->w; x++)
                for (int32_t c = 0; c < t->c; c++)
                    at(args[k->n_in], t, n, y, x)[c] = k->kind == THAW_OP_AVGPOOL
                                                           ? pool_mean(k, args, n, y, x, c)
                                                           : element(k, args, n, y, x, c);
}

static void bias_grad(const thaw_kernel *k, float *const *args)
{
    const thaw_tensor *t = &k->in[0];
    for (int32_t c = 0; c < t->c; c++) {
        float sum = 0;
        for (int32_t n = 0; n < t->n; n++)
            for (int32_t y = 0; y < t->h; y++)
                for (int32_t x = 0; x < t->w; x++)
                    sum += at(args[0], t, n, y, x)[c];
        args[1][c] = sum;
    }
}

void toy_compute(const thaw_kernel *k, float *const *args)
{
    if (k->kind == THAW_OP_CONV2D)
        conv(k, args);
    else if (k->kind == THAW_OP_BIAS_GRAD)
        bias_grad(k, args);
    else
        each_element(k, args);
}

const char *toy_refusal(uint32_t index, const thaw_op *op)
{
    const thaw_conv_attr *conv_attr = op->attr;
    const thaw_pool_attr *pool_attr = op->attr;
    switch (op->kind) {
    case THAW_OP_ADD:
    case THAW_OP_BIAS_GRAD:
        return NULL;
    case THAW_OP_AFFINE:
        return index == 1 || index == 4 ? "no affine here" : NULL;
    case THAW_OP_RELU_BWD:
        return index == 1 ? "no relu here" : NULL;
    case THAW_OP_CONV2D:
        if (index == 1)
            return "no convolution here";
        return (index == 3 || index == 4) && (op->n_in > 2 || op->n_out > 1 || conv_attr->relu_mask)
                   ? "only plain convolutions"
                   : NULL;
    case THAW_OP_AVGPOOL:
        if (index == 1)
            return "no pool here";
        return (index == 3 || index == 4) && (op->n_in > 1 || pool_attr->relu) ? "only plain pools" : NULL;
    default:
        return "not among the ops of the toy";
    }
}
