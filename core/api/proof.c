/* proof.c: checking a device through thaw.h. */
#include "core/api/api.h"
#include "core/check/check.h"

/* Kinds are numbered from 0, which stands for buffers and streams, to the last op. */
const char *thaw_proof_op_name(uint32_t i)
{
    return i < THAW_OP_KIND_END ? thaw_check_op_name(i) : NULL;
}

void thaw_proof_options_init(thaw_proof_options *options, size_t struct_size)
{
    const thaw_proof_options defaults = {.repeat = 1, .seed = 1};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

static void forward_case(void *ctx, const thaw_check_case *c)
{
    static const int32_t results[] = {[THAW_CHECK_PASSED] = THAW_PROOF_PASSED,
                                      [THAW_CHECK_FAILED] = THAW_PROOF_FAILED,
                                      [THAW_CHECK_DECLINED] = THAW_PROOF_DECLINED};
    const thaw_proof_options *options = ctx;
    const thaw_proof_case proof = {.struct_size = sizeof proof,
                                   .result = results[c->result],
                                   .op = c->op,
                                   .name = c->name,
                                   .seed = c->seed,
                                   .kernels = c->kernels,
                                   .worst = c->worst,
                                   .seconds = c->seconds,
                                   .text = c->text};
    options->on_case(options->ctx, &proof);
}

static void summarise(const thaw_check_summary *s, thaw_proof *out)
{
    *out = (thaw_proof){.cases = s->cases,
                        .passed = s->passed,
                        .failed = s->failed,
                        .declined = s->declined,
                        .executed = s->executed,
                        .seed = s->seed,
                        .seconds = s->seconds};
    _Static_assert(THAW_OP_KIND_END <= sizeof out->ops / sizeof out->ops[0], "every kind has a row");
    for (uint32_t k = 0; k < THAW_OP_KIND_END; k++) {
        const thaw_check_op_summary *op = &s->ops[k];
        if (op->cases > 0)
            out->ops[out->n_ops++] =
                (thaw_proof_op){op->op, op->cases, op->passed, op->failed, op->declined, op->worst};
    }
}

thaw_status thaw_prove_device(thaw_context *context, const thaw_proof_options *options, thaw_proof *out,
                              size_t struct_size, thaw_error *err)
{
    thaw_proof_options given;
    thaw_check_summary summary = {0};
    thaw_proof proof;
    thaw_proof_options_init(&given, sizeof given);
    thaw_status st = thaw_read_options(&given, sizeof given, options, "thaw_proof_options", err);
    const thaw_check_options check = {.device = given.device,
                                      .reference = given.reference,
                                      .op = given.op,
                                      .case_filter = given.name,
                                      .seed = given.seed,
                                      .repeat = given.repeat,
                                      .log = &context->log,
                                      .on_case = given.on_case ? forward_case : NULL,
                                      .on_case_ctx = &given};
    if (st == THAW_OK)
        st = thaw_check_run(context->runtime, &check, &summary, err);
    summarise(&summary, &proof);
    thaw_write_struct(out, struct_size, &proof, sizeof proof);
    return st;
}
