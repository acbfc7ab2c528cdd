/* signature.c: an op's shape as a line of text (choices.h). */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "core/graph/graph.h"
#include "core/runtime/choices.h"

/* What does not fit is only hashed (FNV-1a, 64 bits) with all the rest. */
typedef struct writer {
    char *out;
    size_t length;
    uint64_t hash;
} writer;

static void put(writer *w, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void put(writer *w, const char *format, ...)
{
    char word[128];
    va_list args;
    va_start(args, format);
    vsnprintf(word, sizeof word, format, args);
    va_end(args);
    for (const char *p = word; *p; p++) {
        w->hash = (w->hash ^ (unsigned char)*p) * UINT64_C(1099511628211);
        if (w->length + 1 < THAW_SIGNATURE_MAX)
            w->out[w->length] = *p;
        w->length++;
    }
}

static const char *dtype_name(thaw_dtype dtype)
{
    static const char *const names[] = {"f32", "f16", "bf16", "u8", "i32", "u32"};
    return dtype >= 0 && dtype <= THAW_U32 ? names[dtype] : "?";
}

static const char *role_name(thaw_role role)
{
    static const char *const names[] = {"", ":const", ":mutable", ":saved"};
    return role >= 0 && role <= THAW_ROLE_SAVED ? names[role] : ":?";
}

static void put_tensors(writer *w, const char *what, const thaw_tensor *const *tensors, uint32_t n)
{
    for (uint32_t i = 0; i < n; i++) {
        const thaw_tensor *t = tensors[i];
        put(w, "%s%dx%dx%dx%d:%s%s", i ? "," : what, t->n, t->h, t->w, t->c, dtype_name(t->dtype),
            role_name(t->role));
    }
}

/* The bits, because decimal fractions look different in different places. */
static uint32_t bits_of(float value)
{
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void put_attr(writer *w, const thaw_op *op)
{
    const thaw_attr *a = op->attr;
    switch (op->kind) {
    case THAW_OP_CONV2D:
    case THAW_OP_CONV2D_BWD_DATA:
    case THAW_OP_CONV2D_BWD_FILTER:
        put(w, " stride=%d.%d pad=%d.%d relu=%x", a->conv.stride_h, a->conv.stride_w, a->conv.pad_top,
            a->conv.pad_left, a->conv.relu_mask);
        break;
    case THAW_OP_AFFINE:
        put(w, " relu=%u", a->affine.relu);
        break;
    case THAW_OP_BN_FOLD:
    case THAW_OP_BN_TRAIN:
    case THAW_OP_BN_TRAIN_BWD:
        put(w, " eps=%08x momentum=%08x relu=%u", bits_of(a->bn.eps), bits_of(a->bn.momentum), a->bn.relu);
        break;
    case THAW_OP_MAXPOOL:
    case THAW_OP_MAXPOOL_BWD:
    case THAW_OP_AVGPOOL:
    case THAW_OP_AVGPOOL_BWD:
        put(w, " window=%dx%d stride=%d.%d pad=%d.%d include=%u relu=%u", a->pool.kh, a->pool.kw,
            a->pool.stride_h, a->pool.stride_w, a->pool.pad_top, a->pool.pad_left, a->pool.include_pad,
            a->pool.relu);
        break;
    case THAW_OP_DROPOUT:
    case THAW_OP_DROPOUT_BWD:
        put(w, " rate=%08x", bits_of(a->dropout.rate));
        break;
    case THAW_OP_SOFTMAX_XENT_BWD:
        put(w, " scale=%08x", bits_of(a->xent.scale));
        break;
    case THAW_OP_CAST:
        put(w, " scale=%08x shift=%08x", bits_of(a->cast.scale), bits_of(a->cast.shift));
        break;
    default:
        break;
    }
}

void thaw_op_signature(const thaw_op *op, char out[THAW_SIGNATURE_MAX])
{
    static const char *const precisions[] = {"f32", "tf32", "bf16", "f16"};
    writer w = {out, 0, UINT64_C(14695981039346656037)};
    const thaw_op_facts *facts = thaw_op_facts_of(op->kind);
    put(&w, "%s", facts ? facts->name : "unknown");
    put_tensors(&w, " in=", op->in, op->n_in);
    put_tensors(&w, " out=", op->out, op->n_out);
    if (op->attr)
        put_attr(&w, op);
    put(&w, " %s", op->precision >= 0 && op->precision <= THAW_PREC_F16 ? precisions[op->precision] : "?");
    if (op->flags)
        put(&w, " %s", op->flags == THAW_OP_EXACT ? "exact" : "?");
    if (w.length < THAW_SIGNATURE_MAX)
        out[w.length] = '\0';
    else
        snprintf(out + THAW_SIGNATURE_MAX - 18, 18, "~%016llx", (unsigned long long)w.hash);
}
