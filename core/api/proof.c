/* proof.c: checking a device through thaw.h. */
#include <stddef.h>

#include "core/api/api.h"
#include "core/check/check.h"
#include "core/check/matrix.h"

/* Kinds are numbered from 0, which stands for buffers and streams, to the last op. */
const char *thaw_proof_op_name(uint32_t i)
{
    return i < THAW_OP_KIND_END ? thaw_check_op_name(i) : NULL;
}

const char *thaw_proof_kind_name(uint32_t i)
{
    return thaw_check_kind_name(i);
}

void thaw_proof_options_init(thaw_proof_options *options, size_t struct_size)
{
    const thaw_proof_options defaults = {.repeat = 1, .seed = 1};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

/* ---- cases ------------------------------------------------------------------------------------------- */

static thaw_proof_case translate(const thaw_check_case *c)
{
    static const int32_t results[] = {[THAW_CHECK_PASSED] = THAW_PROOF_PASSED,
                                      [THAW_CHECK_FAILED] = THAW_PROOF_FAILED,
                                      [THAW_CHECK_DECLINED] = THAW_PROOF_DECLINED};
    return (thaw_proof_case){.struct_size = sizeof(thaw_proof_case),
                             .result = results[c->result],
                             .op = c->op,
                             .name = c->name,
                             .seed = c->seed,
                             .kernels = c->kernels,
                             .worst = c->worst,
                             .seconds = c->seconds,
                             .text = c->text,
                             .kind = c->check,
                             .data = c->data,
                             .index = c->index,
                             .total = c->total};
}

static void forward_begin(void *ctx, const thaw_check_case *c)
{
    const thaw_proof_options *options = ctx;
    const thaw_proof_case proof = translate(c);
    options->on_begin(options->ctx, &proof);
}

static void forward_case(void *ctx, const thaw_check_case *c)
{
    const thaw_proof_options *options = ctx;
    const thaw_proof_case proof = translate(c);
    options->on_case(options->ctx, &proof);
}

/* given outlives the result. */
static thaw_check_options read_options(thaw_proof_options *given)
{
    return (thaw_check_options){.device = given->device,
                                .reference = given->reference,
                                .op = given->op,
                                .case_filter = given->name,
                                .check = given->kind,
                                .seed = given->seed,
                                .repeat = given->repeat,
                                .fail_fast = given->fail_fast != 0,
                                .on_begin = given->on_begin ? forward_begin : NULL,
                                .on_case = given->on_case ? forward_case : NULL,
                                .on_case_ctx = given,
                                .cancel = given->cancel};
}

thaw_status thaw_proof_list(const thaw_proof_options *options, thaw_error *err)
{
    thaw_proof_options given;
    thaw_proof_options_init(&given, sizeof given);
    thaw_status st = thaw_read_options(&given, sizeof given, options, "thaw_proof_options", err);
    if (st != THAW_OK)
        return st;
    if (!given.on_begin)
        return thaw_fail(err, THAW_E_INVALID, "thaw_proof_options.on_begin is NULL: nobody to list for");
    const thaw_check_options check = read_options(&given);
    return thaw_check_enumerate(&check, err);
}

/* ---- the whole --------------------------------------------------------------------------------------- */

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
    thaw_check_matrix matrix = {0};
    thaw_proof proof;
    thaw_proof_options_init(&given, sizeof given);
    thaw_status st = thaw_read_options(&given, sizeof given, options, "thaw_proof_options", err);
    thaw_check_options check = read_options(&given);
    check.log = &context->log;
    /* A caller whose thaw_proof ends before it could not free it. */
    if (given.matrix && struct_size >= offsetof(thaw_proof, matrix) + sizeof proof.matrix)
        check.matrix = &matrix;
    if (st == THAW_OK)
        st = thaw_check_run(context->runtime, &check, &summary, err);
    summarise(&summary, &proof);
    if (check.matrix) {
        thaw_error memory;
        thaw_status made = thaw_hold_matrix(&matrix, &proof.matrix, &memory);
        if (st == THAW_OK && made != THAW_OK)
            st = thaw_fail(err, made, "%s", memory.text);
    }
    thaw_write_struct(out, struct_size, &proof, sizeof proof);
    return st;
}
