/* compare.c: the values of a device against those of the reference.
 *
 * Rounding errors are bounded in units of u = 2^-24, half the distance of neighbouring f32 numbers near 1.
 * A sum of K products computed in any order is off by at most K*u*sum|terms| (N. Higham, "Accuracy and
 * Stability of Numerical Algorithms", 2nd ed., SIAM 2002, eq. 3.5 and 4.4). That is never reached: the
 * errors of single additions have random signs, and the bound that holds in practice replaces K by a small
 * multiple of sqrt(K) (Higham and Mary, "A new approach to probabilistic rounding error analysis", SIAM J.
 * Sci. Comput. 41(5), 2019). Allowed here, for an output whose sums have K terms:
 *
 *   f = 16 + 2*sqrt(K)
 *   RELATIVE  u * f * |reference|
 *   NORM      u * f * max(largest |reference| of the tensor, scale_floor)
 *   SUM       u * f * (S + largest S of the tensor / 16),
 *             S = the op on the absolute values of its inputs = sum of |terms|, from the reference device
 *
 * Under NORM and SUM a NaN will do in the place of an infinity, and under SUM where S is infinite: what
 * computes with differences of its inputs subtracts infinities.
 *
 * The sixteenth is for transforms such as Winograd's, whose errors spread over a tile; what is ordered to be
 * exact (THAW_OP_EXACT) does without it. Products of lower precision, where the op permits them, add 2*p*S
 * with p = 2^-11 (tf32, f16) or 2^-8 (bf16); outputs of f16 and bf16 add one unit of their last place. */
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"

typedef check_images images;

static thaw_status make_images(images *m, size_t bytes, thaw_error *err)
{
    memset(m, 0, sizeof *m);
    m->memory = thaw_calloc(6, bytes);
    if (!m->memory)
        return thaw_fail_memory(err, 6 * (unsigned long long)bytes, "the tensors of a case");
    m->before = m->memory;
    m->reference = m->before + bytes;
    m->sums = m->reference + bytes;
    m->first = m->sums + bytes;
    m->second = m->first + bytes;
    m->scratch = m->second + bytes;
    return THAW_OK;
}

static double largest(const check_case *c, const check_layout *l, uint32_t i, const uint8_t *image)
{
    double max = 0;
    for (size_t p = 0; p < l->pixels[i]; p++)
        for (size_t ch = 0; ch < (size_t)c->arg[i].c; ch++) {
            double v = fabs(thaw_check_load(c->arg[i].dtype, image + check_at(l, i, p, ch)));
            if (v > max && v <= DBL_MAX)
                max = v;
        }
    return max;
}

/* What depends on the output as a whole. */
typedef struct tolerance {
    check_rule rule;
    double factor;  /* u * f */
    double scale;   /* NORM: of the tensor; SUM: a sixteenth of the largest S */
    double product; /* 2*p */
    double result;  /* one unit in the last place of the output's type, relative */
    double least;   /* what a device that flushes subnormal numbers to zero may lose */
} tolerance;

static tolerance tolerance_of(const check_case *c, const check_layout *l, uint32_t i, const images *m)
{
    const check_arg *arg = &c->arg[i];
    tolerance t = {.rule = arg->rule, .least = FLT_MIN};
    t.factor = 0x1p-24 * (16 + 2 * sqrt((double)arg->terms));
    if (arg->rule == RULE_NORM)
        t.scale = fmax(largest(c, l, i, m->reference), (double)arg->scale_floor);
    if (arg->rule == RULE_SUM && !(c->flags & THAW_OP_EXACT))
        t.scale = largest(c, l, i, m->sums) / 16;
    if (c->precision == THAW_PREC_TF32 || c->precision == THAW_PREC_F16)
        t.product = 2 * 0x1p-11;
    if (c->precision == THAW_PREC_BF16)
        t.product = 2 * 0x1p-8;
    if (arg->dtype == THAW_F16) {
        t.result = 0x1p-10;
        t.least = 0x1p-24;
    }
    if (arg->dtype == THAW_BF16)
        t.result = 0x1p-7;
    return t;
}

static double allowed(const tolerance *t, double reference, double sum)
{
    switch (t->rule) {
    case RULE_RELATIVE:
        return (t->factor + t->result) * fabs(reference) + t->least;
    case RULE_NORM:
        return t->factor * t->scale + t->result * fabs(reference) + t->least;
    case RULE_SUM:
        return t->factor * (sum + t->scale) + t->product * sum + t->result * fabs(reference) + t->least;
    default:
        return 0;
    }
}

static bool may_be_nan(const tolerance *t, double reference, double sum)
{
    return isnan(reference) ||
           ((t->rule == RULE_NORM || t->rule == RULE_SUM) && (isinf(reference) || isinf(sum)));
}

/* relu of minus infinity may stay what it is: thaw_ops.h, "Odd values". */
static bool may_stay_infinite(const tolerance *t, double value, double reference, double sum)
{
    return t->rule == RULE_SUM && isinf(value) && value < 0 && reference == 0 && !isfinite(sum);
}

/* Error as a share of what is allowed; infinite where no tolerance helps. */
static double share_of(double value, double reference, double bound)
{
    if (value == reference)
        return 0;
    double error = fabs(value - reference);
    return bound > 0 && error <= DBL_MAX ? error / bound : (double)INFINITY;
}

static thaw_status compare_output(check_run *run, const check_case *c, const check_layout *l, uint32_t i,
                                  const images *m, thaw_error *err)
{
    const check_arg *arg = &c->arg[i];
    tolerance t = tolerance_of(c, l, i, m);
    double worst = 0, worst_value = 0, worst_reference = 0, worst_bound = 0;
    size_t at_pixel = 0, at_channel = 0, wrong = 0;
    for (size_t p = 0; p < l->pixels[i]; p++)
        for (size_t ch = 0; ch < (size_t)arg->c; ch++) {
            size_t at = check_at(l, i, p, ch);
            double value = thaw_check_load(arg->dtype, m->first + at);
            double reference = thaw_check_load(arg->dtype, m->reference + at);
            double sum = t.rule == RULE_SUM ? thaw_check_load(arg->dtype, m->sums + at) : 0;
            double bound = allowed(&t, reference, sum), share = share_of(value, reference, bound);
            if ((isnan(value) && may_be_nan(&t, reference, sum)) ||
                may_stay_infinite(&t, value, reference, sum))
                share = 0;
            if (arg->rule == RULE_BITS && memcmp(m->first + at, m->reference + at, l->bytes_per[i]) != 0)
                share = (double)INFINITY;
            wrong += share > 1;
            if (share > worst) {
                worst = share;
                worst_value = value;
                worst_reference = reference;
                worst_bound = bound;
                at_pixel = p;
                at_channel = ch;
            }
        }
    if (worst > run->worst)
        run->worst = worst;
    if (!wrong)
        return THAW_OK;
    const char *hint = "";
    if (arg->rule == RULE_BITS)
        hint = " (what counts here are the bits)";
    else if (isnan(worst_value))
        hint = " (a NaN stands in outputs and workspace before the op runs)";
    else if (isnan(worst_reference))
        hint = " (what is made of a NaN is a NaN, through relu too)";
    char place[96];
    thaw_check_place(arg, at_pixel, at_channel, place, sizeof place);
    return thaw_fail(err, THAW_E_CHECK,
                     "%s = %.9g, the reference has %.9g, allowed %.3g; wrong: %zu of %zu%s", place,
                     worst_value, worst_reference, worst_bound, wrong, l->pixels[i] * (size_t)arg->c, hint);
}

thaw_status thaw_check_compare(check_run *run, const check_subject *s, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (uint32_t i = s->c->n_in; st == THAW_OK && i < s->c->n_in + s->c->n_out; i++)
        st = compare_output(run, s->c, &s->layout, i, &s->images, err);
    return st;
}

static thaw_status compare_algo(check_run *run, const check_case *c, const check_layout *l, uint32_t algo,
                                const images *m, thaw_error *err)
{
    thaw_op_info info;
    uint8_t *const after[2] = {m->first, m->second};
    thaw_status st = thaw_check_query(&run->device, c, algo, &info, err);
    if (st == THAW_OK)
        st = thaw_check_execute(&run->device, c, l, algo, m->before, after, 2, err);
    if (st == THAW_OK) {
        run->kernels++;
        st = thaw_check_untouched(c, l, m->before, m->first, m->scratch, err);
    }
    for (uint32_t i = c->n_in; st == THAW_OK && i < c->n_in + c->n_out; i++)
        st = compare_output(run, c, l, i, m, err);
    if (st == THAW_OK && info.deterministic && memcmp(m->first, m->second, l->total) != 0)
        st =
            thaw_fail(err, THAW_E_CHECK, "the same kernel on the same input gave other bits the second time");
    return st == THAW_E_CHECK ? thaw_fail_within(err, st, "algorithm %u (%.31s)", algo, info.name) : st;
}

static thaw_status run_reference(check_run *run, const check_case *c, const check_layout *l, const images *m,
                                 thaw_error *err)
{
    bool sums = false;
    uint8_t *const reference[1] = {m->reference};
    uint8_t *const absolute[1] = {m->sums};
    thaw_status st =
        thaw_check_execute(&run->reference, c, l, THAW_ALGO_DEFAULT, m->before, reference, 1, err);
    for (uint32_t i = c->n_in; i < c->n_in + c->n_out; i++)
        sums = sums || c->arg[i].rule == RULE_SUM;
    if (st == THAW_OK && sums) {
        check_case positive = *c;
        if (c->kind == THAW_OP_CAST) {
            positive.attr.cast.scale = fabsf(c->attr.cast.scale);
            positive.attr.cast.shift = fabsf(c->attr.cast.shift);
        }
        memcpy(m->scratch, m->before, l->total);
        thaw_check_absolute(c, l, m->scratch);
        st = thaw_check_execute(&run->reference, &positive, l, THAW_ALGO_DEFAULT, m->scratch, absolute, 1,
                                err);
    }
    if (st == THAW_E_UNSUPPORTED || st == THAW_E_CHECK)
        st = thaw_fail_within(err, THAW_E_CHECK, "the reference device");
    return st;
}

thaw_status thaw_check_draw_subject(check_run *run, const check_case *c, check_subject *subject,
                                    thaw_error *err)
{
    memset(subject, 0, sizeof *subject);
    subject->c = c;
    thaw_status st = thaw_check_layout(c, run->align, &subject->layout, err);
    if (st == THAW_OK)
        st = make_images(&subject->images, subject->layout.total, err);
    if (st != THAW_OK)
        return st;
    thaw_check_draw(c, &subject->layout, run->seed, subject->images.before);
    return THAW_OK;
}

thaw_status thaw_check_refer(check_run *run, const check_subject *subject, thaw_error *err)
{
    return run_reference(run, subject->c, &subject->layout, &subject->images, err);
}

thaw_status thaw_check_begin(check_run *run, const check_case *c, check_subject *subject, thaw_error *err)
{
    thaw_status st = thaw_check_draw_subject(run, c, subject, err);
    return st == THAW_OK ? thaw_check_refer(run, subject, err) : st;
}

thaw_status thaw_check_algo(check_run *run, const check_subject *subject, uint32_t algo, thaw_error *err)
{
    return compare_algo(run, subject->c, &subject->layout, algo, &subject->images, err);
}

void thaw_check_end(check_subject *subject)
{
    free(subject->images.memory);
    memset(subject, 0, sizeof *subject);
}

thaw_status thaw_check_values(check_run *run, const check_case *c, thaw_error *err)
{
    thaw_op_info info;
    check_subject subject;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st != THAW_OK)
        return st;
    st = thaw_check_begin(run, c, &subject, err);
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++)
        st = thaw_check_algo(run, &subject, algo, err);
    thaw_check_end(&subject);
    return st;
}
