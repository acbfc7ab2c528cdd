#include "core/check/rounding.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static void give_inputs(const check_subject *s, const void *const *inputs)
{
    const check_layout *l = &s->layout;
    for (uint32_t i = 0; i < s->c->n_in; i++) {
        size_t bytes = (size_t)s->c->arg[i].c * l->bytes_per[i];
        for (size_t p = 0; inputs[i] && p < l->pixels[i]; p++)
            memcpy(s->images.before + check_at(l, i, p, 0), (const char *)inputs[i] + p * bytes, bytes);
    }
}

/* Over all outputs of images.first. */
static void measure(const check_subject *s, check_rounding *out)
{
    double difference = 0, size = 0, worst = 0, most = 0;
    for (uint32_t i = s->c->n_in; i < s->c->n_in + s->c->n_out; i++)
        for (size_t p = 0; p < s->layout.pixels[i]; p++)
            for (size_t ch = 0; ch < (size_t)s->c->arg[i].c; ch++) {
                size_t at = check_at(&s->layout, i, p, ch);
                double reference = thaw_check_load(s->c->arg[i].dtype, s->images.reference + at);
                double error = thaw_check_load(s->c->arg[i].dtype, s->images.first + at) - reference;
                difference += error * error;
                size += reference * reference;
                worst = fmax(worst, fabs(error));
                most = fmax(most, fabs(reference));
            }
    out->l2 = size > 0 ? sqrt(difference / size) : sqrt(difference);
    out->largest = most > 0 ? worst / most : worst;
}

static thaw_status try_algo(check_run *run, const check_subject *s, uint32_t algo, check_rounding *out,
                            thaw_error *err)
{
    thaw_op_info info;
    run->worst = 0;
    thaw_status st = thaw_check_query(&run->device, s->c, algo, &info, err);
    if (st != THAW_OK)
        return st;
    memcpy(out->algorithm, info.name, sizeof out->algorithm);
    st = thaw_check_algo(run, s, algo, err);
    out->text = st == THAW_E_CHECK ? err->text : "";
    out->allowance = run->worst;
    measure(s, out);
    return st == THAW_E_CHECK ? THAW_OK : st;
}

thaw_status thaw_check_rounding(check_run *run, const thaw_op *op, const void *const *inputs,
                                void (*on_algo)(void *ctx, const check_rounding *result), void *ctx,
                                thaw_error *err)
{
    thaw_op_info info;
    check_subject subject = {0};
    check_case *c = thaw_calloc(1, sizeof *c);
    if (!c)
        return thaw_fail_memory(err, sizeof *c, "a case");
    thaw_status st = thaw_check_case_of(op, 0, c)
                         ? thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err)
                         : thaw_fail(err, THAW_E_UNSUPPORTED, "it has too many tensors to be tried alone");
    if (st == THAW_OK)
        st = thaw_check_draw_subject(run, c, &subject, err);
    if (st == THAW_OK) {
        give_inputs(&subject, inputs);
        st = thaw_check_refer(run, &subject, err);
    }
    for (uint32_t algo = 0; st == THAW_OK && algo < info.n_algos; algo++) {
        check_rounding result = {.text = ""};
        st = try_algo(run, &subject, algo, &result, err);
        if (st == THAW_OK)
            on_algo(ctx, &result);
    }
    thaw_check_end(&subject);
    free(c);
    return st;
}
