/* op_case.c: a case made of an op as a program has it, rather than of a table. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"
#include "core/check/check.h"

/* Of each kind: what inputs hold and how outputs are compared; the last one of either holds for all that
 * follow. Fill and rule are those of the table (cases*.c), where the reasons stand. */
static const struct {
    check_fill in[5];
    check_rule out[5];
    float floor[5]; /* scale_floor */
} kinds[THAW_OP_KIND_END] = {
    [THAW_OP_CONV2D] = {{0}, {RULE_SUM, RULE_SUM, RULE_SUM, RULE_SUM, RULE_SUM}, {0}},
    [THAW_OP_CONV2D_BWD_DATA] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_CONV2D_BWD_FILTER] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_AFFINE] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_BN_FOLD] = {{FILL_UNIFORM, FILL_UNIFORM, FILL_POSITIVE}, {RULE_RELATIVE, RULE_NORM}, {0, 1}},
    [THAW_OP_BN_TRAIN] = {{FILL_POSITIVE, FILL_UNIFORM, FILL_UNIFORM, FILL_POSITIVE},
                          {RULE_NORM, RULE_NORM, RULE_NORM, RULE_NORM, RULE_NORM},
                          {5, 0, 8, 0, 0}},
    [THAW_OP_BN_TRAIN_BWD] = {{FILL_UNIFORM, FILL_UNIFORM, FILL_UNIFORM, FILL_POSITIVE},
                              {RULE_NORM, RULE_NORM},
                              {4, 0}},
    [THAW_OP_MAXPOOL] = {{0}, {RULE_EXACT, RULE_EXACT}, {0}},
    [THAW_OP_MAXPOOL_BWD] = {{FILL_UNIFORM, FILL_ARGMAX}, {RULE_SUM}, {0}},
    [THAW_OP_AVGPOOL] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_AVGPOOL_BWD] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_GLOBAL_AVGPOOL] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_GLOBAL_AVGPOOL_BWD] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_DROPOUT] = {{FILL_UNIFORM, FILL_INTEGER}, {RULE_RELATIVE, RULE_EXACT}, {0}},
    [THAW_OP_DROPOUT_BWD] = {{FILL_UNIFORM, FILL_BIT}, {RULE_SUM}, {0}},
    [THAW_OP_SOFTMAX_XENT] = {{FILL_LOGIT, FILL_LABEL}, {RULE_NORM, RULE_NORM}, {0, 16}},
    [THAW_OP_SOFTMAX_XENT_BWD] = {{FILL_SHARE, FILL_LABEL}, {RULE_RELATIVE}, {0}},
    [THAW_OP_METRICS] = {{FILL_SHARE, FILL_LABEL, FILL_POSITIVE}, {RULE_NORM}, {0}},
    [THAW_OP_RELU_BWD] = {{FILL_UNIFORM, FILL_RECTIFIED}, {RULE_EXACT}, {0}},
    [THAW_OP_BIAS_GRAD] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_ADD] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_CAST] = {{0}, {RULE_SUM}, {0}},
    [THAW_OP_ADAM] = {{0}, {RULE_NORM, RULE_NORM, RULE_NORM, RULE_NORM, RULE_NORM}, {1, 1, 1, 1, 1}},
};

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

static check_fill fill_of(const thaw_op *op, uint32_t i)
{
    static const check_fill adam[4] = {FILL_SQUARE, FILL_UNIFORM, FILL_UNIFORM, FILL_UNIFORM};
    if (op->kind == THAW_OP_ADAM)
        return i == 0 ? FILL_HYPER : adam[i % 4];
    if (op->kind == THAW_OP_CAST && op->in[0]->dtype == THAW_U8)
        return FILL_INTEGER;
    return kinds[op->kind].in[least(i, 4)];
}

static void add_tensors(const thaw_op *op, check_case *c)
{
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        bool input = i < op->n_in;
        uint32_t k = input ? i : i - op->n_in;
        const thaw_tensor *t = input ? op->in[k] : op->out[k];
        check_arg *arg =
            input ? thaw_check_in(c, "input", t->n, t->h, t->w, t->c, fill_of(op, k))
                  : thaw_check_out(c, "output", t->n, t->h, t->w, t->c, kinds[op->kind].out[least(k, 4)], 1);
        arg->dtype = t->dtype;
        arg->role = t->role;
        thaw_check_slice(arg, 0, (int32_t)(t->pixel_pitch - t->c));
        if (!input)
            arg->scale_floor = kinds[op->kind].floor[least(k, 4)];
    }
}

/* Whether all activations have the batch as their n, so that fewer rows make a smaller op of the same kind.
 */
static bool has_rows(const check_case *c)
{
    switch (c->kind) {
    case THAW_OP_ADAM:
    case THAW_OP_DROPOUT: /* its key has the batch elsewhere, and so have the labels below */
    case THAW_OP_SOFTMAX_XENT:
    case THAW_OP_SOFTMAX_XENT_BWD:
    case THAW_OP_METRICS:
        return false;
    default:
        break;
    }
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        const check_arg *a = &c->arg[i];
        bool vector = a->n == 1 && a->h == 1 && a->w == 1;
        if ((a->role == THAW_ROLE_ACTIVATION || a->role == THAW_ROLE_SAVED) && !vector &&
            a->n != c->arg[0].n && !(c->kind == THAW_OP_CONV2D_BWD_FILTER && i == c->n_in))
            return false;
    }
    return c->arg[0].role == THAW_ROLE_ACTIVATION;
}

static void set_rows(check_case *c, int32_t rows)
{
    int32_t n = c->arg[0].n;
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        check_arg *a = &c->arg[i];
        bool activation = a->role == THAW_ROLE_ACTIVATION || a->role == THAW_ROLE_SAVED;
        if (activation && a->n == n && !(c->kind == THAW_OP_CONV2D_BWD_FILTER && i == c->n_in))
            a->n = rows;
    }
}

/* SIZE_MAX where it overflows. */
static size_t bytes_of(const check_case *c)
{
    check_layout layout;
    return thaw_check_layout(c, THAW_MIN_ALIGN, &layout, NULL) == THAW_OK ? layout.total : SIZE_MAX;
}

static void shrink(check_case *c, size_t max_bytes)
{
    int32_t rows = c->arg[0].n;
    if (!has_rows(c))
        return;
    while (max_bytes > 0 && rows > 1 && bytes_of(c) > max_bytes) {
        rows /= 2;
        set_rows(c, rows);
    }
}

static double pixels_of(const check_arg *a)
{
    return (double)a->n * a->h * a->w;
}

/* Length of the longest sum in an output; see cases*.c and adjoint.c. */
static double terms_of(const check_case *c)
{
    const check_arg *a = c->arg;
    switch (c->kind) {
    case THAW_OP_CONV2D:
        return pixels_of(&a[1]);
    case THAW_OP_CONV2D_BWD_DATA:
        return (double)a[1].n * a[1].h * a[1].c;
    case THAW_OP_CONV2D_BWD_FILTER:
        return pixels_of(&a[1]);
    case THAW_OP_MAXPOOL_BWD:
    case THAW_OP_AVGPOOL:
    case THAW_OP_AVGPOOL_BWD:
        return (double)c->attr.pool.kh * c->attr.pool.kw;
    case THAW_OP_GLOBAL_AVGPOOL:
        return (double)a[0].h * a[0].w;
    case THAW_OP_BN_TRAIN:
    case THAW_OP_BN_TRAIN_BWD:
    case THAW_OP_BIAS_GRAD:
        return pixels_of(&a[0]);
    case THAW_OP_SOFTMAX_XENT:
        return a[0].c;
    case THAW_OP_METRICS:
        return a[0].n;
    case THAW_OP_ADD:
        return c->n_in;
    default:
        return 2;
    }
}

static void set_tolerances(check_case *c)
{
    double terms = terms_of(c);
    for (uint32_t i = c->n_in; i < c->n_in + c->n_out; i++)
        c->arg[i].terms = terms < 1e9 ? (uint32_t)terms : 1000000000u;
    if (c->kind == THAW_OP_BN_TRAIN_BWD)
        c->arg[c->n_in + 1].scale_floor = sqrtf((float)terms);
    if (c->kind == THAW_OP_CAST && c->attr.cast.scale == 1 && c->attr.cast.shift == 0)
        c->arg[c->n_in].rule = RULE_EXACT;
}

bool thaw_check_case_of(const thaw_op *op, size_t max_bytes, check_case *out)
{
    memset(out, 0, sizeof *out);
    if (op->kind == 0 || op->kind >= THAW_OP_KIND_END || op->n_in + op->n_out > CHECK_MAX_ARGS)
        return false;
    out->kind = op->kind;
    out->steps = 1;
    out->precision = op->precision;
    out->flags = op->flags;
    snprintf(out->name, sizeof out->name, "%s/op", thaw_check_op_name(op->kind));
    if (op->attr)
        memcpy(&out->attr, op->attr, least(*(const uint32_t *)op->attr, sizeof out->attr));
    add_tensors(op, out);
    shrink(out, max_bytes);
    set_tolerances(out);
    return true;
}
