/* The shape rules of thaw_ops.h, one function a family of ops. Each returns true, or writes the error. */
#include <math.h>

#include "backends/common/op.h"

/* Largest window, stride and padding: far beyond use, and small enough for 32-bit coordinates. */
#define MAX_WINDOW 4096

typedef struct {
    const backend_op *op;
    const backend_op_rule *rule;
    thaw_error *err;
} checker;

/* A tensor of the op, with what an error calls it. */
typedef struct {
    const thaw_tensor *t;
    const char *way, *name;
    uint32_t index;
} operand;

static operand input(const checker *k, uint32_t i)
{
    return (operand){&k->op->in[i], "input", k->rule->in[i < 3 ? i : 3], i};
}

static operand output(const checker *k, uint32_t i)
{
    const char *name = i < 5 && k->rule->out[i] ? k->rule->out[i] : k->rule->out[0];
    return (operand){&k->op->out[i], "output", name, i};
}

static bool fail(const checker *k, operand a, const char *dim, int64_t is, int64_t must)
{
    backend_fail(k->err, THAW_E_INVALID, "%s: %s %u (%s): %s is %lld, must be %lld", k->rule->name, a.way,
                 a.index, a.name, dim, (long long)is, (long long)must);
    return false;
}

static bool fail_attr(const checker *k, const char *field, double is, const char *must)
{
    backend_fail(k->err, THAW_E_INVALID, "%s: attribute %s is %g, must be %s", k->rule->name, field, is,
                 must);
    return false;
}

static bool shape(const checker *k, operand a, int32_t n, int32_t h, int32_t w, int32_t c)
{
    if (a.t->n != n)
        return fail(k, a, "n", a.t->n, n);
    if (a.t->h != h)
        return fail(k, a, "h", a.t->h, h);
    if (a.t->w != w)
        return fail(k, a, "w", a.t->w, w);
    return a.t->c == c || fail(k, a, "c", a.t->c, c);
}

static bool vector(const checker *k, operand a, int32_t c)
{
    return shape(k, a, 1, 1, 1, c);
}

static bool same(const checker *k, operand a, operand b)
{
    return shape(k, a, b.t->n, b.t->h, b.t->w, b.t->c);
}

static bool dense(const checker *k, operand a)
{
    return a.t->pixel_pitch == a.t->c || fail(k, a, "pixel_pitch", a.t->pixel_pitch, a.t->c);
}

static bool in_range(const checker *k, const char *field, int32_t is, int32_t min, int32_t max)
{
    if (is >= min && is <= max)
        return true;
    backend_fail(k->err, THAW_E_INVALID, "%s: attribute %s is %d, must be %d to %d", k->rule->name, field, is,
                 min, max);
    return false;
}

/* One axis of a sliding window: every window must touch the image, and the last one must reach its end
 * or come within a stride of it. */
static bool axis(const checker *k, operand out, const char *dim, int32_t n_in, int32_t n_out, int32_t window,
                 int32_t stride, int32_t pad)
{
    int64_t start = (int64_t)(n_out - 1) * stride - pad; /* of the last window */
    if (start < n_in && start + window - n_in > -(int64_t)stride)
        return true;
    int64_t most = (n_in + pad - 1) / stride + 1;
    int64_t least = n_in + pad >= window ? (n_in + pad - window) / stride + 1 : 1;
    backend_fail(k->err, THAW_E_INVALID,
                 "%s: %s %u (%s): %s is %d, must be %lld to %lld for %d in, window %d, stride %d, padding %d",
                 k->rule->name, out.way, out.index, out.name, dim, n_out, (long long)least, (long long)most,
                 n_in, window, stride, pad);
    return false;
}

/* Does image x, seen through the window, give an image of the size of y? */
static bool windows(const checker *k, operand x, operand y, int32_t kh, int32_t kw, const int32_t stride[2],
                    const int32_t pad[2])
{
    if (!in_range(k, "kh", kh, 1, MAX_WINDOW) || !in_range(k, "kw", kw, 1, MAX_WINDOW) ||
        !in_range(k, "stride_h", stride[0], 1, MAX_WINDOW) ||
        !in_range(k, "stride_w", stride[1], 1, MAX_WINDOW) || !in_range(k, "pad_top", pad[0], 0, kh - 1) ||
        !in_range(k, "pad_left", pad[1], 0, kw - 1))
        return false;
    operand small = y.way[0] == 'o' ? y : x; /* blame the op's output, whichever of the two it is */
    return axis(k, small, "h", x.t->h, y.t->h, kh, stride[0], pad[0]) &&
           axis(k, small, "w", x.t->w, y.t->w, kw, stride[1], pad[1]);
}

static bool conv_windows(const checker *k, operand x, operand y, operand w)
{
    const thaw_conv_attr *a = &k->op->attr.conv;
    return dense(k, w) && (x.t->n == y.t->n || fail(k, y, "n", y.t->n, x.t->n)) &&
           windows(k, x, y, w.t->n, w.t->h, (int32_t[]){a->stride_h, a->stride_w},
                   (int32_t[]){a->pad_top, a->pad_left});
}

static bool conv2d(const checker *k)
{
    const backend_op *op = k->op;
    operand x = input(k, 0), w = input(k, 1), y = output(k, 0);
    if (w.t->w != x.t->c)
        return fail(k, w, "w (input channels)", w.t->w, x.t->c);
    int64_t channels = 0;
    for (uint32_t i = 0; i < op->n_out; i++) {
        operand o = output(k, i);
        if (!shape(k, o, x.t->n, y.t->h, y.t->w, o.t->c))
            return false;
        channels += o.t->c;
    }
    if (channels != w.t->c)
        return fail(k, w, "c (sum of the outputs' channels)", w.t->c, channels);
    if (op->n_in == 3 && !vector(k, input(k, 2), w.t->c))
        return false;
    if (op->attr.conv.relu_mask >> op->n_out)
        return fail_attr(k, "relu_mask", op->attr.conv.relu_mask, "one bit for each output at most");
    return conv_windows(k, x, y, w);
}

static bool conv_backward(const checker *k, operand x, operand dy, operand w)
{
    if (w.t->w != x.t->c)
        return fail(k, w, "w (input channels)", w.t->w, x.t->c);
    if (w.t->c != dy.t->c)
        return fail(k, w, "c (output channels)", w.t->c, dy.t->c);
    if (k->op->attr.conv.relu_mask)
        return fail_attr(k, "relu_mask", k->op->attr.conv.relu_mask, "0");
    return conv_windows(k, x, dy, w);
}

static bool affine(const checker *k)
{
    operand x = input(k, 0);
    return same(k, output(k, 0), x) && vector(k, input(k, 1), x.t->c) &&
           (k->op->n_in < 3 || vector(k, input(k, 2), x.t->c));
}

static bool bn(const checker *k, uint32_t full_in, uint32_t full_out)
{
    const thaw_bn_attr *a = &k->op->attr.bn;
    if (!(a->eps >= 0.0f) || isinf(a->eps))
        return fail_attr(k, "eps", a->eps, "finite and not negative");
    if (k->op->kind == THAW_OP_BN_TRAIN && !(a->momentum >= 0.0f && a->momentum <= 1.0f))
        return fail_attr(k, "momentum", a->momentum, "0 to 1");
    operand x = input(k, 0);
    for (uint32_t i = 0; i < k->op->n_in; i++) {
        if (i < full_in ? !same(k, input(k, i), x) : !vector(k, input(k, i), x.t->c))
            return false;
    }
    for (uint32_t i = 0; i < k->op->n_out; i++) {
        if (i < full_out ? !same(k, output(k, i), x) : !vector(k, output(k, i), x.t->c))
            return false;
    }
    return true;
}

static bool pool(const checker *k, operand x, operand y)
{
    const thaw_pool_attr *a = &k->op->attr.pool;
    return (x.t->n == y.t->n || fail(k, y, "n", y.t->n, x.t->n)) &&
           (x.t->c == y.t->c || fail(k, y, "c", y.t->c, x.t->c)) &&
           windows(k, x, y, a->kh, a->kw, (int32_t[]){a->stride_h, a->stride_w},
                   (int32_t[]){a->pad_top, a->pad_left});
}

static bool maxpool(const checker *k, operand x, operand y)
{
    const thaw_pool_attr *a = &k->op->attr.pool;
    if (!pool(k, x, y))
        return false;
    bool numbered = k->op->kind == THAW_OP_MAXPOOL_BWD || k->op->n_out == 2;
    if (numbered && (int64_t)a->kh * a->kw > 256)
        return fail_attr(k, "kh*kw", (double)a->kh * a->kw, "at most 256, for argmax to fit a byte");
    if (k->op->kind == THAW_OP_MAXPOOL_BWD)
        return same(k, input(k, 1), y);
    return k->op->n_out == 1 || same(k, output(k, 1), y);
}

static bool avgpool(const checker *k)
{
    return pool(k, input(k, 0), output(k, 0)) && (k->op->n_in == 1 || vector(k, input(k, 1), k->op->in[0].c));
}

static bool global_pool(const checker *k, operand x, operand y)
{
    return shape(k, y, x.t->n, 1, 1, x.t->c);
}

/* [N,1,1,C]: a row of scores for each image. */
static bool rows(const checker *k, operand a)
{
    return shape(k, a, a.t->n, 1, 1, a.t->c);
}

static bool dropout(const checker *k)
{
    operand x = input(k, 0), second = input(k, 1);
    float rate = k->op->attr.dropout.rate;
    if (!(rate >= 0.0f && rate < 1.0f))
        return fail_attr(k, "rate", rate, "at least 0 and below 1");
    if (!rows(k, x) || !same(k, output(k, 0), x))
        return false;
    if (k->op->kind == THAW_OP_DROPOUT_BWD)
        return same(k, second, x);
    return shape(k, second, 1, 1, x.t->n, 2) && same(k, output(k, 1), x);
}

static bool xent(const checker *k)
{
    operand z = input(k, 0);
    if (!rows(k, z) || !vector(k, input(k, 1), z.t->n))
        return false;
    switch (k->op->kind) {
    case THAW_OP_SOFTMAX_XENT:
        return same(k, output(k, 0), z) && vector(k, output(k, 1), z.t->n);
    case THAW_OP_SOFTMAX_XENT_BWD:
        return same(k, output(k, 0), z);
    default:
        return vector(k, input(k, 2), z.t->n) && vector(k, output(k, 0), 2);
    }
}

static bool all_same(const checker *k)
{
    for (uint32_t i = 1; i < k->op->n_in; i++) {
        if (!same(k, input(k, i), input(k, 0)))
            return false;
    }
    return same(k, output(k, 0), input(k, 0));
}

static bool cast(const checker *k)
{
    operand x = input(k, 0), y = output(k, 0);
    if (x.t->dtype > THAW_U8)
        return fail(k, x, "dtype (f32 0, f16 1, bf16 2 or u8 3)", x.t->dtype, THAW_F32);
    if (y.t->dtype > THAW_BF16)
        return fail(k, y, "dtype (f32 0, f16 1 or bf16 2)", y.t->dtype, THAW_F32);
    return same(k, y, x);
}

static bool adam(const checker *k)
{
    const backend_op *op = k->op;
    if ((op->n_in - 1) % 4 != 0 || (op->n_in - 1) / 4 * 3 != op->n_out) {
        backend_fail(k->err, THAW_E_INVALID,
                     "adam: %u inputs and %u outputs, must be 1 + 4k inputs and 3k outputs", op->n_in,
                     op->n_out);
        return false;
    }
    if (!vector(k, input(k, 0), 8))
        return false;
    for (uint32_t t = 0; t < op->n_out / 3; t++) {
        operand w = input(k, 1 + 4 * t);
        for (uint32_t i = 1; i < 4; i++) {
            if (!same(k, input(k, 1 + 4 * t + i), w))
                return false;
        }
        for (uint32_t i = 0; i < 3; i++) {
            if (!same(k, output(k, 3 * t + i), w))
                return false;
        }
    }
    return true;
}

static bool check(const checker *k)
{
    switch (k->op->kind) {
    case THAW_OP_CONV2D:
        return conv2d(k);
    case THAW_OP_CONV2D_BWD_DATA:
        return conv_backward(k, output(k, 0), input(k, 0), input(k, 1));
    case THAW_OP_CONV2D_BWD_FILTER:
        return conv_backward(k, input(k, 0), input(k, 1), output(k, 0));
    case THAW_OP_AFFINE:
        return affine(k);
    case THAW_OP_BN_FOLD:
        return vector(k, input(k, 0), k->op->in[0].c) && bn(k, 0, 0);
    case THAW_OP_BN_TRAIN:
        return bn(k, 1, 1);
    case THAW_OP_BN_TRAIN_BWD:
        return bn(k, 2, 1);
    case THAW_OP_MAXPOOL:
        return maxpool(k, input(k, 0), output(k, 0));
    case THAW_OP_MAXPOOL_BWD:
        return maxpool(k, output(k, 0), input(k, 0));
    case THAW_OP_AVGPOOL:
        return avgpool(k);
    case THAW_OP_AVGPOOL_BWD:
        return pool(k, output(k, 0), input(k, 0));
    case THAW_OP_GLOBAL_AVGPOOL:
        return global_pool(k, input(k, 0), output(k, 0));
    case THAW_OP_GLOBAL_AVGPOOL_BWD:
        return global_pool(k, output(k, 0), input(k, 0));
    case THAW_OP_DROPOUT:
    case THAW_OP_DROPOUT_BWD:
        return dropout(k);
    case THAW_OP_SOFTMAX_XENT:
    case THAW_OP_SOFTMAX_XENT_BWD:
    case THAW_OP_METRICS:
        return xent(k);
    case THAW_OP_BIAS_GRAD:
        return vector(k, output(k, 0), k->op->in[0].c);
    case THAW_OP_RELU_BWD:
    case THAW_OP_ADD:
        return all_same(k);
    case THAW_OP_CAST:
        return cast(k);
    default:
        return adam(k);
    }
}

thaw_status backend_op_check_shapes(const backend_op *op, const backend_op_rule *rule, thaw_error *err)
{
    checker k = {op, rule, err};
    return check(&k) ? THAW_OK : THAW_E_INVALID;
}
