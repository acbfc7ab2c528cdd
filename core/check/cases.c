/* cases.c: the table of cases, and the pieces from which its parts are built. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"
#include "core/check/check.h"

static const char *const op_names[THAW_OP_KIND_END] = {
    [0] = "device",
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

const char *thaw_check_op_name(uint32_t kind)
{
    return kind < THAW_OP_KIND_END ? op_names[kind] : "unknown";
}

static check_case *append(check_list *list)
{
    void *items = list->items;
    bool grown = thaw_grow(&items, &list->capacity, list->count + 1, sizeof *list->items);
    list->items = items;
    list->failed = list->failed || !grown;
    return grown ? &list->items[list->count++] : &list->spare;
}

check_case *thaw_check_new(check_list *list, uint32_t kind, const char *format, ...)
{
    check_case *c = append(list);
    memset(c, 0, sizeof *c);
    c->kind = kind;
    c->steps = 1;
    int n = snprintf(c->name, sizeof c->name, "%s/", thaw_check_op_name(kind));
    va_list args;
    va_start(args, format);
    vsnprintf(c->name + n, sizeof c->name - (size_t)n, format, args);
    va_end(args);
    return c;
}

void thaw_check_again_as(check_list *list, const check_case *of, check_type type, const char *suffix)
{
    check_case copy = *of;
    check_case *c = append(list);
    *c = copy;
    c->type = type;
    size_t n = strlen(c->name);
    snprintf(c->name + n, sizeof c->name - n, "/%s", suffix);
}

void thaw_check_backward(check_list *list, const check_case *forward, uint32_t kind)
{
    check_case source = *forward, backward;
    if (!thaw_check_adjoint_of(&source, kind, &backward))
        return;
    check_case *c = thaw_check_new(list, kind, "%s", strchr(source.name, '/') + 1);
    memcpy(backward.name, c->name, sizeof backward.name);
    *c = backward;
    if (backward.arg[0].n > 1 && kind != THAW_OP_CONV2D_BWD_FILTER)
        thaw_check_again_as(list, &backward, CHECK_BATCH, "batch");
}

static check_arg *add_arg(check_case *c, const char *label, int32_t n, int32_t h, int32_t w, int32_t ch)
{
    check_arg *arg = &c->arg[c->n_in + c->n_out];
    *arg = (check_arg){.label = label, .n = n, .h = h, .w = w, .c = ch, .in_place_of = -1};
    return arg;
}

check_arg *thaw_check_in(check_case *c, const char *label, int32_t n, int32_t h, int32_t w, int32_t ch,
                         check_fill fill)
{
    check_arg *arg = add_arg(c, label, n, h, w, ch);
    arg->fill = fill;
    c->n_in++;
    return arg;
}

check_arg *thaw_check_out(check_case *c, const char *label, int32_t n, int32_t h, int32_t w, int32_t ch,
                          check_rule rule, uint32_t terms)
{
    check_arg *arg = add_arg(c, label, n, h, w, ch);
    arg->rule = rule;
    arg->terms = terms;
    c->n_out++;
    return arg;
}

void thaw_check_slice(check_arg *arg, int32_t before, int32_t behind)
{
    arg->before = before;
    arg->behind = behind;
}

/* One case of misuse for each kind, made of the first sound case of it. */
static void add_misuse(check_list *list)
{
    size_t sound = list->count;
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++)
        for (size_t i = 0; i < sound && !list->failed; i++) {
            if (list->items[i].kind != kind || list->items[i].type != CHECK_VALUES)
                continue;
            check_case copy = list->items[i];
            check_case *c = append(list);
            *c = copy;
            c->type = CHECK_MISUSE;
            snprintf(c->name, sizeof c->name, "%s/misuse", thaw_check_op_name(kind));
            break;
        }
}

static void add_device(check_list *list)
{
    static const char *const names[] = {"transfer", "copy", "fill", "order", "events", "too-large", "bounds"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        thaw_check_new(list, 0, "%s", names[i])->type = CHECK_DEVICE;
}

thaw_status thaw_check_cases(uint64_t seed, check_list *list, thaw_error *err)
{
    memset(list, 0, sizeof *list);
    add_device(list);
    thaw_check_cases_conv(list, seed);
    thaw_check_cases_pool(list);
    thaw_check_cases_pointwise(list);
    thaw_check_cases_train(list);
    thaw_check_cases_odd(list);
    add_misuse(list);
    thaw_check_cases_rules(list);
    if (!list->failed)
        return THAW_OK;
    thaw_check_list_free(list);
    return thaw_fail_memory(err, sizeof *list->items, "the table of cases");
}

void thaw_check_list_free(check_list *list)
{
    free(list->items);
    list->items = NULL;
    list->count = list->capacity = 0;
}
