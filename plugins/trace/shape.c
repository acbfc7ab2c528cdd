/* shape.c: an op in a few words. */
#include <stdarg.h>
#include <string.h>

#include "trace.h"

#define SHOWN  3u /* tensors of a side that are written out */
#define LOOKED 8u /* tensors of a side that are looked at: an op may be nonsense */

/* What is wanted of an op's attributes. */
typedef struct shape_attr {
    int32_t kh, kw, stride_h, stride_w; /* 0: it has none */
    bool relu;
} shape_attr;

typedef struct writer {
    char *out;
    size_t bytes, used;
} writer;

static void put(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void put(writer *w, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int n = vsnprintf(w->out + w->used, w->bytes - w->used, format, args);
    va_end(args);
    if (n > 0)
        w->used += (size_t)n < w->bytes - w->used ? (size_t)n : w->bytes - w->used - 1;
}

const char *trace_kind_name(uint32_t kind)
{
    static const char *const names[THAW_OP_KIND_END] = {
        [THAW_OP_CONV2D] = "conv2d",
        [THAW_OP_CONV2D_BWD_DATA] = "conv2d_bwd_data",
        [THAW_OP_CONV2D_BWD_FILTER] = "conv2d_bwd_filter",
        [THAW_OP_AFFINE] = "affine",
        [THAW_OP_BN_FOLD] = "bn_fold",
        [THAW_OP_BN_TRAIN] = "bn_train",
        [THAW_OP_BN_TRAIN_BWD] = "bn_train_bwd",
        [THAW_OP_MAXPOOL] = "maxpool",
        [THAW_OP_MAXPOOL_BWD] = "maxpool_bwd",
        [THAW_OP_AVGPOOL] = "avgpool",
        [THAW_OP_AVGPOOL_BWD] = "avgpool_bwd",
        [THAW_OP_GLOBAL_AVGPOOL] = "global_avgpool",
        [THAW_OP_GLOBAL_AVGPOOL_BWD] = "global_avgpool_bwd",
        [THAW_OP_DROPOUT] = "dropout",
        [THAW_OP_DROPOUT_BWD] = "dropout_bwd",
        [THAW_OP_SOFTMAX_XENT] = "softmax_xent",
        [THAW_OP_SOFTMAX_XENT_BWD] = "softmax_xent_bwd",
        [THAW_OP_METRICS] = "metrics",
        [THAW_OP_RELU_BWD] = "relu_bwd",
        [THAW_OP_BIAS_GRAD] = "bias_grad",
        [THAW_OP_ADD] = "add",
        [THAW_OP_CAST] = "cast",
        [THAW_OP_ADAM] = "adam",
    };
    return kind < THAW_OP_KIND_END ? names[kind] : NULL;
}

static bool is_conv(const thaw_op *op)
{
    return op->kind >= THAW_OP_CONV2D && op->kind <= THAW_OP_CONV2D_BWD_FILTER;
}

static shape_attr read_attr(const thaw_op *op)
{
    shape_attr a = {0};
    if (!op->attr)
        return a;
    if (is_conv(op)) {
        thaw_conv_attr c;
        trace_copy_struct(&c, sizeof c, op->attr, sizeof c);
        a = (shape_attr){.stride_h = c.stride_h, .stride_w = c.stride_w, .relu = c.relu_mask != 0};
    } else if (op->kind >= THAW_OP_MAXPOOL && op->kind <= THAW_OP_AVGPOOL_BWD) {
        thaw_pool_attr p;
        trace_copy_struct(&p, sizeof p, op->attr, sizeof p);
        a = (shape_attr){p.kh, p.kw, p.stride_h, p.stride_w, p.relu != 0};
    } else if (op->kind == THAW_OP_AFFINE) {
        thaw_affine_attr f;
        trace_copy_struct(&f, sizeof f, op->attr, sizeof f);
        a.relu = f.relu != 0;
    } else if (op->kind == THAW_OP_BN_TRAIN) {
        thaw_bn_attr b;
        trace_copy_struct(&b, sizeof b, op->attr, sizeof b);
        a.relu = b.relu != 0;
    }
    return a;
}

/* False where there is none. */
static bool read_tensor(const thaw_tensor *const *list, uint32_t n, uint32_t i, thaw_tensor *out)
{
    if (i >= n || !list || !list[i])
        return false;
    trace_copy_struct(out, sizeof *out, list[i], THAW_TENSOR_V1_SIZE);
    return true;
}

static bool is_vector(const thaw_tensor *t)
{
    return t->n == 1 && t->h == 1 && t->w == 1;
}

/* Beside images, what is a vector (a bias, statistics, labels) goes without saying, and so does the tensor
 * `skip` (n: none). */
static void put_tensors(writer *w, const thaw_tensor *const *list, uint32_t n, uint32_t skip)
{
    uint32_t shown = 0, i = 0;
    thaw_tensor first, t;
    bool images = read_tensor(list, n, 0, &first) && !is_vector(&first);
    for (; i < n && i < LOOKED && shown < SHOWN; i++) {
        if (i == skip || !read_tensor(list, n, i, &t) || (images && is_vector(&t)))
            continue;
        put(w, "%s%dx%dx%dx%d", shown ? ", " : "", t.n, t.h, t.w, t.c);
        shown++;
    }
    if (i < n)
        put(w, "%s%u more", shown ? ", " : "", n - i);
}

/* A forward or data convolution says its kernel behind the images; the filter's gradient is a tensor. */
void trace_shape(const thaw_op *op, char *out, size_t bytes)
{
    writer w = {out, bytes, 0};
    shape_attr a = read_attr(op);
    thaw_tensor kernel;
    out[0] = '\0';
    uint32_t weights = is_conv(op) && op->kind != THAW_OP_CONV2D_BWD_FILTER ? 1 : op->n_in;
    if (weights < op->n_in && read_tensor(op->in, op->n_in, weights, &kernel)) {
        a.kh = kernel.n;
        a.kw = kernel.h;
    }
    put_tensors(&w, op->in, op->n_in, weights);
    put(&w, " → ");
    put_tensors(&w, op->out, op->n_out, op->n_out);
    if (a.kh)
        put(&w, " %dx%d", a.kh, a.kw);
    if (a.stride_h)
        put(&w, a.stride_h == a.stride_w ? " s%d" : " s%dx%d", a.stride_h, a.stride_w);
    if (a.relu)
        put(&w, " relu");
    if (op->precision != THAW_PREC_F32)
        put(&w, " %s",
            op->precision == THAW_PREC_TF32   ? "tf32"
            : op->precision == THAW_PREC_BF16 ? "bf16"
                                              : "f16");
    if (op->flags & THAW_OP_EXACT)
        put(&w, " exact");
}
