/* adjoint.c: the backward ops of linear ops, derived from the forward op, and the identity that ties them:
 * <A x, y> = <x, A^T y> for every x and y. It needs no reference, and a fault that two implementations share
 * does not pass it. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"
#include "core/check/check.h"

static const uint32_t backward_of[THAW_OP_KIND_END][2] = {
    [THAW_OP_CONV2D] = {THAW_OP_CONV2D_BWD_DATA, THAW_OP_CONV2D_BWD_FILTER},
    [THAW_OP_MAXPOOL] = {THAW_OP_MAXPOOL_BWD},
    [THAW_OP_AVGPOOL] = {THAW_OP_AVGPOOL_BWD},
    [THAW_OP_GLOBAL_AVGPOOL] = {THAW_OP_GLOBAL_AVGPOOL_BWD},
    [THAW_OP_DROPOUT] = {THAW_OP_DROPOUT_BWD},
};

static const check_arg *find_arg(const check_case *c, const char *label)
{
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++)
        if (strcmp(c->arg[i].label, label) == 0)
            return &c->arg[i];
    return NULL;
}

static check_arg *add_like(check_case *c, const char *label, const check_arg *like, bool output)
{
    check_arg *arg = &c->arg[c->n_in + c->n_out];
    *arg = *like;
    arg->label = label;
    arg->fill = FILL_UNIFORM;
    arg->in_place_of = -1;
    if (output)
        c->n_out++;
    else
        c->n_in++;
    return arg;
}

static void add_result(check_case *c, const char *label, const check_arg *like, check_rule rule,
                       int64_t terms)
{
    check_arg *arg = add_like(c, label, like, true);
    arg->role = THAW_ROLE_ACTIVATION;
    arg->rule = rule;
    arg->terms = (uint32_t)terms;
}

/* Inputs and output of a convolution's backward op. */
static void derive_conv(const check_case *forward, check_case *out)
{
    const check_arg *x = &forward->arg[0], *w = &forward->arg[1], *y = &forward->arg[forward->n_in];
    out->attr.conv.relu_mask = 0;
    if (out->kind == THAW_OP_CONV2D_BWD_DATA) {
        add_like(out, "dy", y, false);
        add_like(out, "w", w, false);
        add_result(out, "dx", x, RULE_SUM, (int64_t)w->n * w->h * w->c);
    } else {
        add_like(out, "x", x, false);
        add_like(out, "dy", y, false);
        add_result(out, "dw", w, RULE_SUM, (int64_t)y->n * y->h * y->w);
    }
}

bool thaw_check_adjoint_of(const check_case *forward, uint32_t kind, check_case *out)
{
    const uint32_t *kinds = backward_of[forward->kind];
    memset(out, 0, sizeof *out);
    if (!kind || (kinds[0] != kind && kinds[1] != kind))
        return false;
    out->kind = kind;
    out->steps = 1;
    out->attr = forward->attr;
    out->precision = forward->precision;
    out->flags = forward->flags;
    memcpy(out->name, forward->name, sizeof out->name);
    if (forward->kind == THAW_OP_CONV2D) {
        derive_conv(forward, out);
        return true;
    }
    const check_arg *x = &forward->arg[0], *y = &forward->arg[forward->n_in];
    add_like(out, "dy", y, false);
    if (kind == THAW_OP_MAXPOOL_BWD)
        add_like(out, "argmax", find_arg(forward, "argmax"), false)->fill = FILL_ARGMAX;
    if (kind == THAW_OP_DROPOUT_BWD)
        add_like(out, "mask", find_arg(forward, "mask"), false)->fill = FILL_BIT;
    bool windows = kind == THAW_OP_MAXPOOL_BWD || kind == THAW_OP_AVGPOOL_BWD;
    int64_t terms = windows ? (int64_t)forward->attr.pool.kh * forward->attr.pool.kw : 1;
    add_result(out, "dx", x, RULE_SUM, terms);
    out->attr.pool.relu = kind == THAW_OP_AVGPOOL_BWD ? 0 : out->attr.pool.relu;
    return true;
}

/* Sum of a[i]*b[i], or of |a[i]*b[i]|, over two arguments of one shape. */
static double dot(const check_layout *la, const uint8_t *a, uint32_t i, const check_layout *lb,
                  const uint8_t *b, uint32_t k, size_t channels, bool absolute)
{
    double sum = 0;
    for (size_t p = 0; p < la->pixels[i]; p++)
        for (size_t ch = 0; ch < channels; ch++) {
            double term = thaw_check_load(THAW_F32, a + check_at(la, i, p, ch)) *
                          thaw_check_load(THAW_F32, b + check_at(lb, k, p, ch));
            sum += absolute ? fabs(term) : term;
        }
    return sum;
}

/* The forward op has run: x in `before`, y in `after`, the op on absolute values in `sums`. */
typedef struct forward_run {
    const check_case *c;
    check_layout layout;
    uint8_t *before, *after, *sums, *memory;
} forward_run;

static thaw_status run_forward(check_run *run, forward_run *f, thaw_error *err)
{
    thaw_status st = thaw_check_layout(f->c, run->align, &f->layout, err);
    if (st != THAW_OK)
        return st;
    size_t total = f->layout.total;
    f->memory = thaw_calloc(4, total);
    if (!f->memory)
        return thaw_fail_memory(err, 4 * (unsigned long long)total, "the tensors of a case");
    f->before = f->memory;
    f->after = f->before + total;
    f->sums = f->after + total;
    uint8_t *absolute = f->sums + total;
    thaw_check_draw(f->c, &f->layout, run->seed, f->before);
    memcpy(absolute, f->before, total);
    thaw_check_absolute(f->c, &f->layout, absolute);
    uint8_t *const after[1] = {f->after}, *const sums[1] = {f->sums};
    st = thaw_check_execute(&run->device, f->c, &f->layout, THAW_ALGO_DEFAULT, f->before, after, 1, err);
    if (st == THAW_OK)
        st = thaw_check_execute(&run->device, f->c, &f->layout, THAW_ALGO_DEFAULT, absolute, sums, 1, err);
    return st;
}

/* What the backward op shares with the forward op comes from there; dy stays random. */
static uint32_t hand_over(const forward_run *f, const check_case *b, const check_layout *l, uint8_t *image)
{
    uint32_t dy = 0;
    for (uint32_t i = 0; i < b->n_in; i++) {
        const check_arg *from = find_arg(f->c, b->arg[i].label);
        if (!from) {
            dy = i;
            continue;
        }
        uint32_t k = (uint32_t)(from - f->c->arg);
        thaw_check_copy(l, image, i, 0, &f->layout, k < f->c->n_in ? f->before : f->after, k, 0, l->pixels[i],
                        (size_t)b->arg[i].c);
    }
    return dy;
}

static thaw_status compare_products(check_run *run, const forward_run *f, const check_case *b,
                                    const check_layout *l, const uint8_t *before, const uint8_t *after,
                                    uint32_t dy, thaw_error *err)
{
    const check_arg *y = &f->c->arg[f->c->n_in];
    uint32_t in = b->kind == THAW_OP_CONV2D_BWD_FILTER ? 1 : 0; /* w, else x */
    double left = dot(&f->layout, f->after, f->c->n_in, l, before, dy, (size_t)y->c, false);
    double right = dot(&f->layout, f->before, in, l, after, b->n_in, (size_t)f->c->arg[in].c, false);
    double sums = dot(&f->layout, f->sums, f->c->n_in, l, before, dy, (size_t)y->c, true);
    double terms = fmax(y->terms, b->arg[b->n_in].terms);
    /* Either side is off by what compare.c allows its op, summed over the other factor. */
    double bound = 2 * 0x1p-24 * (16 + 2 * sqrt(terms)) * sums * (1 + 1.0 / 16);
    double error = fabs(left - right);
    if (error <= bound) {
        run->worst = fmax(run->worst, bound > 0 ? error / bound : 0);
        return THAW_OK;
    }
    run->worst = INFINITY;
    return thaw_fail(err, THAW_E_CHECK,
                     "<A x, y> = %.12g but <x, A^T y> = %.12g, allowed %.3g: %s is not the "
                     "adjoint of %s",
                     left, right, bound, thaw_check_op_name(b->kind), thaw_check_op_name(f->c->kind));
}

static thaw_status check_backward(check_run *run, const forward_run *f, uint32_t kind, thaw_error *err)
{
    check_case b;
    check_layout layout;
    uint8_t *memory = NULL;
    if (!thaw_check_adjoint_of(f->c, kind, &b))
        return THAW_OK;
    thaw_status st = thaw_check_layout(&b, run->align, &layout, err);
    if (st != THAW_OK)
        return st;
    memory = thaw_calloc(2, layout.total);
    if (!memory)
        return thaw_fail_memory(err, 2 * (unsigned long long)layout.total, "the tensors of a case");
    uint8_t *before = memory, *const after[1] = {memory + layout.total};
    thaw_op_info info;
    thaw_check_draw(&b, &layout, run->seed, before);
    uint32_t dy = hand_over(f, &b, &layout, before);
    st = thaw_check_query(&run->device, &b, THAW_ALGO_DEFAULT, &info, err);
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++) {
        st = thaw_check_execute(&run->device, &b, &layout, algo, before, after, 1, err);
        if (st != THAW_OK)
            break;
        run->kernels++;
        st = compare_products(run, f, &b, &layout, before, after[0], dy, err);
        if (st == THAW_E_CHECK)
            thaw_fail_within(err, st, "algorithm %u of the backward op", algo);
    }
    free(memory);
    /* The case is named after the other op. */
    return st == THAW_E_UNSUPPORTED ? thaw_fail_within(err, st, "%s", thaw_check_op_name(kind)) : st;
}

thaw_status thaw_check_adjoint(check_run *run, const check_case *c, thaw_error *err)
{
    forward_run f = {.c = c};
    thaw_status st = run_forward(run, &f, err);
    for (size_t i = 0; st == THAW_OK && i < 2; i++)
        st = check_backward(run, &f, backward_of[c->kind][i], err);
    free(f.memory);
    return st;
}
