/* skew.c: an op described by a host that is younger or broken.
 *
 * thaw_plugin.h, Growth: a reader copies the smaller of struct_size and its own sizeof, and refuses only what
 * is smaller than the struct was in ABI 1.0. Longer structs, with what nobody knows behind, mean the same op
 * and give the same bits; shorter ones are refused with a text. */
#include <stdlib.h>
#include <string.h>

#include "core/check/player.h"

#define MORE ((size_t)48) /* bytes that a later version may have appended */

typedef struct long_tensor {
    thaw_tensor v1;
    uint8_t more[MORE];
} long_tensor;

/* An op in structs of a later version; the attributes' own end lies inside the union. */
typedef struct long_desc {
    struct {
        thaw_op v1;
        uint8_t more[MORE];
    } op;
    long_tensor tensor[CHECK_MAX_ARGS];
    const thaw_tensor *pointer[CHECK_MAX_ARGS];
    struct {
        check_attr v1;
        uint8_t more[MORE];
    } attr;
} long_desc;

static void lengthen(const check_case *c, long_desc *d)
{
    check_desc plain;
    thaw_check_describe(c, &plain);
    memset(d, 0xa5, sizeof *d);
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        d->tensor[i].v1 = plain.tensor[i];
        d->tensor[i].v1.struct_size = sizeof d->tensor[i];
        d->pointer[i] = &d->tensor[i].v1;
    }
    d->op.v1 = plain.op;
    d->op.v1.struct_size = sizeof d->op;
    d->op.v1.in = d->pointer;
    d->op.v1.out = d->pointer + c->n_in;
    if (!plain.op.attr)
        return;
    memcpy(&d->attr, &plain.attr, c->attr.struct_size);
    d->attr.v1.struct_size = c->attr.struct_size + (uint32_t)MORE;
    d->op.v1.attr = &d->attr;
}

static thaw_status query_long(const check_side *side, const check_case *c, const thaw_op_info *plain,
                              thaw_error *err)
{
    long_desc d;
    struct {
        thaw_op_info v1;
        uint8_t more[MORE], behind[MORE];
    } answer = {.v1 = {.struct_size = (uint32_t)(sizeof(thaw_op_info) + MORE)}};
    lengthen(c, &d);
    memset(answer.behind, 0xa5, sizeof answer.behind);
    memset(err, 0, sizeof *err);
    thaw_status st = side->dev->ops.op_query(side->dev->handle, &d.op.v1, THAW_ALGO_DEFAULT, &answer.v1, err);
    if (st != THAW_OK)
        return thaw_check_fault(err, st, "op_query, given structs longer than those of this version");
    for (size_t i = 0; i < MORE; i++)
        if (answer.behind[i] != 0xa5)
            return thaw_fail(err, THAW_E_CHECK, "op_query writes beyond the struct_size of thaw_op_info");
    if (answer.v1.algo != plain->algo || answer.v1.n_algos != plain->n_algos ||
        answer.v1.workspace_bytes != plain->workspace_bytes)
        return thaw_fail(err, THAW_E_CHECK,
                         "op_query describes another algorithm or workspace when the structs are longer than "
                         "those of this version: what lies behind its own sizeof is not to be read");
    return THAW_OK;
}

static thaw_status prepare_long(const check_side *side, const check_case *c, const check_layout *l,
                                const uint8_t *image, thaw_kernel **kernel, thaw_error *err)
{
    const void *data[CHECK_MAX_ARGS] = {NULL};
    long_desc d;
    for (uint32_t i = 0; i < c->n_in; i++)
        if (c->arg[i].role == THAW_ROLE_CONST)
            data[i] = image + l->first[i];
    lengthen(c, &d);
    thaw_status st = thaw_check_prepare(side, &d.op.v1, THAW_ALGO_DEFAULT, data, kernel, err);
    if (st == THAW_E_CHECK)
        thaw_fail_within(err, st, "with structs longer than those of this version");
    return st;
}

static thaw_status same_bits(const check_run *run, const check_case *c, const thaw_op_info *info,
                             thaw_error *err)
{
    const check_side *side = &run->device;
    check_layout l;
    check_memory m = {0};
    thaw_kernel *kernel = NULL;
    uint8_t *before = NULL, *expected, *got = NULL;
    thaw_status st = thaw_check_layout(c, run->align, &l, err);
    if (st == THAW_OK)
        st = thaw_check_pair(c, &l, run->seed, &before, &expected, err);
    if (st == THAW_OK && !(got = malloc(l.total)))
        st = thaw_fail_memory(err, l.total, "the tensors of a case");
    if (st == THAW_OK)
        st = thaw_check_execute(side, c, &l, THAW_ALGO_DEFAULT, before, (uint8_t *[]){expected}, 1, err);
    if (st == THAW_OK)
        st = prepare_long(side, c, &l, before, &kernel, err);
    if (st == THAW_OK)
        st = thaw_check_memory_create(side, c, &l, (size_t)info->workspace_bytes, &m, err);
    if (st == THAW_OK)
        st = thaw_check_compute(&m, kernel, before, got, false, err);
    if (st == THAW_OK && info->deterministic && memcmp(expected, got, l.total) != 0)
        st = thaw_fail(
            err, THAW_E_CHECK,
            "a kernel prepared from structs that are longer than those of this version gives other "
            "bits: copy the smaller of struct_size and your own sizeof, and read nothing behind it");
    thaw_check_memory_free(&m);
    side->dev->ops.kernel_destroy(side->dev->handle, kernel);
    free(got);
    free(before);
    return st;
}

/* struct_size one word short of ABI 1.0, in turn for the op, an input, an output and the answer. */
static thaw_status refuse_short(const check_side *side, const check_case *c, thaw_error *err)
{
    static const char *const names[] = {"thaw_op", "the thaw_tensor of input 0",
                                        "the thaw_tensor of output 0", "thaw_op_info"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        check_desc d;
        thaw_op_info info = {.struct_size = sizeof info};
        thaw_check_describe(c, &d);
        uint32_t *const sizes[] = {&d.op.struct_size, &d.tensor[0].struct_size,
                                   &d.tensor[c->n_in].struct_size, &info.struct_size};
        *sizes[i] = (i == 0 ? THAW_OP_V1_SIZE : i == 3 ? THAW_OP_INFO_V1_SIZE : THAW_TENSOR_V1_SIZE) - 4;
        memset(err, 0, sizeof *err);
        thaw_status st = side->dev->ops.op_query(side->dev->handle, &d.op, THAW_ALGO_DEFAULT, &info, err);
        if (st == THAW_OK || !err->text[0])
            return thaw_fail(
                err, THAW_E_CHECK,
                "op_query %s %s whose struct_size is smaller than in ABI 1.0: it must fail, with a "
                "text",
                st == THAW_OK ? "accepts" : "refuses without a text", names[i]);
    }
    return THAW_OK;
}

thaw_status thaw_check_skew(check_run *run, const check_case *c, thaw_error *err)
{
    thaw_op_info info;
    thaw_status st = thaw_check_query(&run->device, c, THAW_ALGO_DEFAULT, &info, err);
    if (st == THAW_OK)
        st = query_long(&run->device, c, &info, err);
    if (st == THAW_OK)
        st = same_bits(run, c, &info, err);
    if (st == THAW_OK)
        st = refuse_short(&run->device, c, err);
    run->kernels += st == THAW_OK;
    return st;
}
