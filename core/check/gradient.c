/* gradient.c: backward ops that are not the adjoint of a linear one, against what their forward ops really do
 * on the device. Needs no reference: a fault that two implementations share does not pass it.
 *
 * bn_train_bwd, softmax_xent_bwd: for a function L of the forward op's inputs x, the central difference
 * (L(x + h d) - L(x - h d)) / 2h along a random direction d is <gradient, d> but for terms of h^2
 * (truncation) and u/h (rounding). With h = 2^-7 and inputs of size 1 both stay below a thousandth; allowed
 * is a hundredth of the root of the sum of squares of the terms of <gradient, d>, which wrong formulas miss
 * by about that root.
 *
 * relu_bwd: relu is positively homogeneous, so <relu_bwd(dy, y), x> = <dy, y> (Euler). bias_grad: the adjoint
 * of adding a bias, which AFFINE does on x = 0. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"

#define STEP 0x1p-7

/* An op with its tensors in memory: what it is given and what it made. */
typedef struct stage {
    check_case c;
    check_layout layout;
    uint8_t *before, *after;
} stage;

static thaw_status prepare_stage(const check_run *run, stage *s, thaw_error *err)
{
    thaw_status st = thaw_check_layout(&s->c, run->align, &s->layout, err);
    if (st != THAW_OK)
        return st;
    s->before = thaw_calloc(2, s->layout.total);
    if (!s->before)
        return thaw_fail_memory(err, 2 * (unsigned long long)s->layout.total, "the tensors of a case");
    s->after = s->before + s->layout.total;
    thaw_check_draw(&s->c, &s->layout, run->seed, s->before);
    return THAW_OK;
}

static thaw_status run_stage(check_run *run, stage *s, uint32_t algo, thaw_error *err)
{
    return thaw_check_execute(&run->device, &s->c, &s->layout, algo, s->before, (uint8_t *[]){s->after}, 1,
                              err);
}

/* An argument's elements, one after another. */
typedef struct view {
    const stage *s;
    const uint8_t *image;
    uint32_t arg;
} view;

static size_t count_of(const view *v)
{
    return v->s->layout.pixels[v->arg] * (size_t)v->s->c.arg[v->arg].c;
}

static double value_at(const view *v, size_t i)
{
    size_t channels = (size_t)v->s->c.arg[v->arg].c;
    size_t at = check_at(&v->s->layout, v->arg, i / channels, i % channels);
    return thaw_check_load(v->s->c.arg[v->arg].dtype, v->image + at);
}

static void set_f32(const stage *s, uint8_t *image, uint32_t arg, size_t i, float value)
{
    size_t channels = (size_t)s->c.arg[arg].c;
    memcpy(image + check_at(&s->layout, arg, i / channels, i % channels), &value, sizeof value);
}

static view input(const stage *s, uint32_t i)
{
    return (view){s, s->before, i};
}

static view output(const stage *s, uint32_t i)
{
    return (view){s, s->after, s->c.n_in + i};
}

/* Sum of a*b, or the root of the sum of squares of its terms. */
static double dot(view a, view b, bool root)
{
    double sum = 0;
    for (size_t i = 0; i < count_of(&a); i++) {
        double term = value_at(&a, i) * value_at(&b, i);
        sum += root ? term * term : term;
    }
    return root ? sqrt(sum) : sum;
}

static void hand_over(const stage *to, uint32_t in, view from)
{
    thaw_check_copy(&to->layout, to->before, in, 0, &from.s->layout, from.image, from.arg, 0,
                    to->layout.pixels[in], (size_t)to->c.arg[in].c);
}

static thaw_status judge(check_run *run, double left, double right, double bound, const char *identity,
                         thaw_error *err)
{
    double error = fabs(left - right);
    if (error <= bound) {
        run->worst = fmax(run->worst, bound > 0 ? error / bound : 0);
        return THAW_OK;
    }
    run->worst = INFINITY;
    return thaw_fail(err, THAW_E_CHECK, "%s: %.9g against %.9g, allowed %.3g: the gradient is wrong",
                     identity, left, right, bound);
}

/* ---- forward ops ---------------------------------------------------------------------------------- */

static void forward_bn(const check_case *b, check_case *f)
{
    const check_arg *x = &b->arg[1];
    f->kind = THAW_OP_BN_TRAIN;
    thaw_check_in(f, "x", x->n, x->h, x->w, x->c, FILL_UNIFORM);
    thaw_check_in(f, "beta", 1, 1, 1, x->c, FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
    thaw_check_in(f, "moving_mean", 1, 1, 1, x->c, FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
    thaw_check_in(f, "moving_var", 1, 1, 1, x->c, FILL_POSITIVE)->role = THAW_ROLE_MUTABLE;
    thaw_check_out(f, "y", x->n, x->h, x->w, x->c, RULE_NORM, 1);
    thaw_check_out(f, "save_mean", 1, 1, 1, x->c, RULE_NORM, 1)->role = THAW_ROLE_SAVED;
    thaw_check_out(f, "save_inv_std", 1, 1, 1, x->c, RULE_NORM, 1)->role = THAW_ROLE_SAVED;
    thaw_check_out(f, "new_moving_mean", 1, 1, 1, x->c, RULE_NORM, 1)->role = THAW_ROLE_MUTABLE;
    thaw_check_out(f, "new_moving_var", 1, 1, 1, x->c, RULE_NORM, 1)->role = THAW_ROLE_MUTABLE;
    f->attr.bn = (thaw_bn_attr){sizeof(thaw_bn_attr), b->attr.bn.eps, 0.9f, 0};
}

static void forward_loss(const check_case *b, check_case *f)
{
    const check_arg *prob = &b->arg[0];
    f->kind = THAW_OP_SOFTMAX_XENT;
    thaw_check_in(f, "logits", prob->n, 1, 1, prob->c, FILL_LOGIT);
    check_arg *label = thaw_check_in(f, "label", 1, 1, 1, prob->n, FILL_LABEL);
    label->dtype = THAW_I32;
    thaw_check_out(f, "prob", prob->n, 1, 1, prob->c, RULE_NORM, 1);
    thaw_check_out(f, "loss", 1, 1, 1, prob->n, RULE_NORM, 1);
}

static void forward_affine(const check_case *b, check_case *f, bool relu)
{
    const check_arg *x = &b->arg[0];
    f->kind = THAW_OP_AFFINE;
    thaw_check_in(f, "x", x->n, x->h, x->w, x->c, FILL_UNIFORM);
    thaw_check_in(f, "scale", 1, 1, 1, x->c, FILL_UNIFORM);
    if (!relu)
        thaw_check_in(f, "shift", 1, 1, 1, x->c, FILL_UNIFORM);
    thaw_check_out(f, "y", x->n, x->h, x->w, x->c, RULE_SUM, 2);
    f->attr.affine = (thaw_affine_attr){sizeof(thaw_affine_attr), relu};
}

static void describe_forward(const check_case *b, check_case *f)
{
    memset(f, 0, sizeof *f);
    memcpy(f->name, b->name, sizeof f->name);
    f->steps = 1;
    if (b->kind == THAW_OP_BN_TRAIN_BWD)
        forward_bn(b, f);
    else if (b->kind == THAW_OP_SOFTMAX_XENT_BWD)
        forward_loss(b, f);
    else
        forward_affine(b, f, b->kind == THAW_OP_RELU_BWD);
}

/* What the forward op is given beyond random numbers. */
static void set_forward(const stage *f, uint32_t backward)
{
    if (backward == THAW_OP_RELU_BWD)
        for (size_t i = 0; i < (size_t)f->c.arg[1].c; i++)
            set_f32(f, f->before, 1, i, 1);
    if (backward == THAW_OP_BIAS_GRAD) {
        const view x = input(f, 0);
        for (size_t i = 0; i < count_of(&x); i++)
            set_f32(f, f->before, 0, i, 0);
    }
}

/* What the backward op takes from the forward op's run. */
static void set_backward(const stage *f, const stage *b)
{
    switch (b->c.kind) {
    case THAW_OP_BN_TRAIN_BWD:
        hand_over(b, 1, input(f, 0));
        hand_over(b, 2, output(f, 1));
        hand_over(b, 3, output(f, 2));
        break;
    case THAW_OP_SOFTMAX_XENT_BWD:
        hand_over(b, 0, output(f, 0));
        hand_over(b, 1, input(f, 1));
        break;
    case THAW_OP_RELU_BWD:
        hand_over(b, 1, output(f, 0));
        break;
    default:
        break;
    }
}

/* ---- differences ---------------------------------------------------------------------------------- */

/* The function whose gradient the backward op gives, of the forward op's outputs. */
static double loss_of(const stage *f, const stage *b)
{
    double sum = 0;
    if (b->c.kind == THAW_OP_BN_TRAIN_BWD)
        return dot(output(f, 0), input(b, 0), false);
    const view loss = output(f, 1);
    for (size_t i = 0; i < count_of(&loss); i++)
        sum += value_at(&loss, i);
    return sum * (double)b->c.attr.xent.scale;
}

/* Moves the inputs by STEP along the direction, which lies in the inputs' places of `direction`; only the
 * first n_inputs are moved. */
static void move(const stage *f, const uint8_t *origin, const uint8_t *direction, uint32_t n_inputs,
                 double step)
{
    memcpy(f->before, origin, f->layout.total);
    for (uint32_t i = 0; i < n_inputs; i++) {
        const view x = {f, origin, i}, d = {f, direction, i};
        for (size_t k = 0; k < count_of(&x); k++)
            set_f32(f, f->before, i, k, (float)(value_at(&x, k) + step * value_at(&d, k)));
    }
}

static thaw_status differences(check_run *run, stage *f, const stage *b, thaw_error *err)
{
    bool bn = b->c.kind == THAW_OP_BN_TRAIN_BWD;
    uint32_t moved = bn ? 2 : 1; /* x and beta; logits */
    uint8_t *origin = thaw_calloc(2, f->layout.total);
    if (!origin)
        return thaw_fail_memory(err, 2 * (unsigned long long)f->layout.total, "the tensors of a case");
    uint8_t *direction = origin + f->layout.total;
    check_case uniform = f->c;
    uniform.arg[0].fill = uniform.arg[1].fill = FILL_UNIFORM;
    thaw_check_draw(&uniform, &f->layout, run->seed + UINT64_C(0x20000), direction);
    memcpy(origin, f->before, f->layout.total);
    double loss[2] = {0, 0};
    thaw_status st = THAW_OK;
    for (int side = 0; st == THAW_OK && side < 2; side++) {
        move(f, origin, direction, moved, side ? STEP : -STEP);
        st = run_stage(run, f, THAW_ALGO_DEFAULT, err);
        loss[side] = loss_of(f, b);
    }
    const view d0 = {f, direction, 0}, d1 = {f, direction, 1};
    double gradient = dot(output(b, 0), d0, false), size = dot(output(b, 0), d0, true);
    if (bn) {
        gradient += dot(output(b, 1), d1, false);
        size += dot(output(b, 1), d1, true);
    }
    if (st == THAW_OK)
        st = judge(run, (loss[1] - loss[0]) / (2 * STEP), gradient, size / 100,
                   "difference quotient of the forward op against <gradient, direction>", err);
    memcpy(f->before, origin, f->layout.total);
    free(origin);
    return st;
}

static thaw_status identities(check_run *run, stage *f, const stage *b, thaw_error *err)
{
    if (b->c.kind == THAW_OP_RELU_BWD) {
        double left = dot(output(b, 0), input(f, 0), false), right = dot(input(b, 0), output(f, 0), false);
        return judge(run, left, right, 1e-12 * dot(input(b, 0), output(f, 0), true),
                     "<relu_bwd(dy, y), x> against <dy, y>", err);
    }
    double left = dot(output(b, 0), input(f, 2), false), right = dot(input(b, 0), output(f, 0), false);
    double terms = (double)b->layout.pixels[0];
    double bound = 0x1p-24 * (16 + 2 * sqrt(terms)) * sqrt(terms) * dot(input(b, 0), output(f, 0), true);
    return judge(run, left, right, bound, "<bias_grad(dy), b> against <dy, 0 + b>", err);
}

static thaw_status each_algo(check_run *run, stage *f, stage *b, uint32_t n_algos, thaw_error *err)
{
    bool by_differences = b->c.kind == THAW_OP_BN_TRAIN_BWD || b->c.kind == THAW_OP_SOFTMAX_XENT_BWD;
    thaw_status st = run_stage(run, f, THAW_ALGO_DEFAULT, err);
    if (st != THAW_OK)
        return st;
    set_backward(f, b);
    for (uint32_t algo = 0; st == THAW_OK && algo < n_algos; algo++) {
        st = run_stage(run, b, algo, err);
        if (st != THAW_OK)
            return st;
        run->kernels++;
        st = by_differences ? differences(run, f, b, err) : identities(run, f, b, err);
        if (st == THAW_E_CHECK)
            thaw_fail_within(err, st, "algorithm %u", algo);
    }
    return st;
}

thaw_status thaw_check_gradient(check_run *run, const check_case *c, thaw_error *err)
{
    stage f = {0}, b = {.c = *c};
    thaw_op_info info;
    b.c.arg[0].fill = c->kind == THAW_OP_BN_TRAIN_BWD ? FILL_POSITIVE : c->arg[0].fill; /* its mean matters */
    describe_forward(&b.c, &f.c);
    thaw_status st = thaw_check_query(&run->device, &b.c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = prepare_stage(run, &f, err);
    if (st == THAW_OK)
        st = prepare_stage(run, &b, err);
    if (st == THAW_OK) {
        set_forward(&f, c->kind);
        st = each_algo(run, &f, &b, info.n_algos, err);
    }
    free(f.before);
    free(b.before);
    return st;
}
