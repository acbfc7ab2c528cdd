/* cases_train.c: ops of training: batch norm, dropout, loss, metrics, bias gradient, Adam. */
#include <math.h>

#include "core/check/case.h"

static void share(check_case *c, uint32_t out, uint32_t in)
{
    c->arg[c->n_in + out].in_place_of = (int32_t)in;
}

/* The same where every other output has a place of its own. */
static void add_half_in_place(check_list *list, const check_case *whole)
{
    check_case half = *whole;
    for (uint32_t i = half.n_in; i < half.n_in + half.n_out; i += 2)
        half.arg[i].in_place_of = -1;
    thaw_check_again_as(list, &half, CHECK_VALUES, "half");
}

static void add_bn_train(check_list *list, const int32_t *s, bool relu, bool in_place, bool sliced)
{
    uint32_t m = (uint32_t)(s[0] * s[1] * s[2]);
    check_case *c = thaw_check_new(list, THAW_OP_BN_TRAIN, "%dx%dx%dx%d%s%s%s", s[0], s[1], s[2], s[3],
                                   relu ? "_relu" : "", in_place ? "_in-place" : "", sliced ? "_slice" : "");
    check_arg *x = thaw_check_in(c, "x", s[0], s[1], s[2], s[3], FILL_POSITIVE);
    thaw_check_in(c, "beta", 1, 1, 1, s[3], FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
    thaw_check_in(c, "moving_mean", 1, 1, 1, s[3], FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
    thaw_check_in(c, "moving_var", 1, 1, 1, s[3], FILL_POSITIVE)->role = THAW_ROLE_MUTABLE;
    if (sliced)
        thaw_check_slice(x, 3, 6);
    check_arg *y = thaw_check_out(c, "y", s[0], s[1], s[2], s[3], RULE_NORM, m);
    /* x is up to 1.25 and its deviation 0.29: an error of x grows by their ratio. */
    y->scale_floor = 5;
    if (sliced)
        thaw_check_slice(y, 16, 1);
    thaw_check_out(c, "save_mean", 1, 1, 1, s[3], RULE_NORM, m)->role = THAW_ROLE_SAVED;
    check_arg *inv_std = thaw_check_out(c, "save_inv_std", 1, 1, 1, s[3], RULE_NORM, m);
    inv_std->role = THAW_ROLE_SAVED;
    inv_std->scale_floor = m == 1 ? 32 : 8;
    thaw_check_out(c, "new_moving_mean", 1, 1, 1, s[3], RULE_NORM, m)->role = THAW_ROLE_MUTABLE;
    thaw_check_out(c, "new_moving_var", 1, 1, 1, s[3], RULE_NORM, m)->role = THAW_ROLE_MUTABLE;
    if (in_place) {
        share(c, 3, 2);
        share(c, 4, 3);
    }
    c->attr.bn = (thaw_bn_attr){sizeof(thaw_bn_attr), 1e-3f, 0.9f, relu};
    if (in_place)
        add_half_in_place(list, c);
}

static void add_bn_train_bwd(check_list *list, const int32_t *s, bool sliced)
{
    uint32_t m = (uint32_t)(s[0] * s[1] * s[2]);
    check_case *c = thaw_check_new(list, THAW_OP_BN_TRAIN_BWD, "%dx%dx%dx%d%s", s[0], s[1], s[2], s[3],
                                   sliced ? "_slice" : "");
    check_arg *g = thaw_check_in(c, "g", s[0], s[1], s[2], s[3], FILL_UNIFORM);
    if (sliced)
        thaw_check_slice(g, 1, 2);
    check_arg *x = thaw_check_in(c, "x", s[0], s[1], s[2], s[3], FILL_UNIFORM);
    if (sliced)
        thaw_check_slice(x, 3, 6);
    thaw_check_in(c, "save_mean", 1, 1, 1, s[3], FILL_UNIFORM)->role = THAW_ROLE_SAVED;
    thaw_check_in(c, "save_inv_std", 1, 1, 1, s[3], FILL_POSITIVE)->role = THAW_ROLE_SAVED;
    check_arg *dx = thaw_check_out(c, "dx", s[0], s[1], s[2], s[3], RULE_NORM, m);
    dx->scale_floor = 4;
    if (sliced)
        thaw_check_slice(dx, 16, 1);
    thaw_check_out(c, "dbeta", 1, 1, 1, s[3], RULE_NORM, m)->scale_floor = sqrtf((float)m);
    c->attr.bn = (thaw_bn_attr){sizeof(thaw_bn_attr), 1e-3f, 0, 0};
}

static void add_bias_grad(check_list *list, const int32_t *s, bool sliced)
{
    uint32_t m = (uint32_t)(s[0] * s[1] * s[2]);
    check_case *c = thaw_check_new(list, THAW_OP_BIAS_GRAD, "%dx%dx%dx%d%s", s[0], s[1], s[2], s[3],
                                   sliced ? "_slice" : "");
    check_arg *dy = thaw_check_in(c, "dy", s[0], s[1], s[2], s[3], FILL_UNIFORM);
    if (sliced)
        thaw_check_slice(dy, 3, 6);
    thaw_check_out(c, "db", 1, 1, 1, s[3], RULE_SUM, m);
}

static void add_dropout(check_list *list, int32_t n, int32_t ch, float rate, bool in_place)
{
    check_case *c = thaw_check_new(list, THAW_OP_DROPOUT, "%dx%d_rate%g%s", n, ch, (double)rate,
                                   in_place ? "_in-place" : "");
    thaw_check_in(c, "x", n, 1, 1, ch, FILL_UNIFORM);
    thaw_check_in(c, "key", 1, 1, n, 2, FILL_INTEGER)->dtype = THAW_U32;
    thaw_check_out(c, "y", n, 1, 1, ch, RULE_RELATIVE, 1);
    check_arg *mask = thaw_check_out(c, "mask", n, 1, 1, ch, RULE_EXACT, 1);
    mask->dtype = THAW_U8;
    mask->role = THAW_ROLE_SAVED;
    c->attr.dropout = (thaw_dropout_attr){sizeof(thaw_dropout_attr), rate, UINT64_C(0x123456789abcdef)};
    if (in_place) {
        share(c, 0, 0);
        return;
    }
    check_case forward = *c;
    thaw_check_again_as(list, &forward, CHECK_ADJOINT, "adjoint");
    thaw_check_backward(list, &forward, THAW_OP_DROPOUT_BWD);
    check_case backward;
    thaw_check_adjoint_of(&forward, THAW_OP_DROPOUT_BWD, &backward);
    c = thaw_check_new(list, THAW_OP_DROPOUT_BWD, "%dx%d_rate%g_in-place", n, ch, (double)rate);
    for (size_t i = 0; i < sizeof backward.name; i++)
        backward.name[i] = c->name[i];
    *c = backward;
    share(c, 0, 0);
}

static void add_loss(check_list *list, int32_t n, int32_t classes)
{
    for (int far = 0; far < 2; far++) {
        check_case *c = thaw_check_new(list, THAW_OP_SOFTMAX_XENT, "%dx%d%s", n, classes, far ? "_far" : "");
        thaw_check_in(c, "logits", n, 1, 1, classes, far ? FILL_LOGIT_FAR : FILL_LOGIT);
        check_arg *label = thaw_check_in(c, "label", 1, 1, 1, n, FILL_LABEL);
        label->dtype = THAW_I32;
        thaw_check_out(c, "prob", n, 1, 1, classes, RULE_NORM, (uint32_t)classes);
        thaw_check_out(c, "loss", 1, 1, 1, n, RULE_NORM, (uint32_t)classes)->scale_floor = far ? 400 : 16;
    }
    check_case *c = thaw_check_new(list, THAW_OP_SOFTMAX_XENT_BWD, "%dx%d", n, classes);
    thaw_check_in(c, "prob", n, 1, 1, classes, FILL_SHARE);
    thaw_check_in(c, "label", 1, 1, 1, n, FILL_LABEL)->dtype = THAW_I32;
    thaw_check_out(c, "dlogits", n, 1, 1, classes, RULE_RELATIVE, 1);
    c->attr.xent = (thaw_xent_attr){sizeof(thaw_xent_attr), 1.0f / (float)n};

    c = thaw_check_new(list, THAW_OP_METRICS, "%dx%d", n, classes);
    thaw_check_in(c, "prob", n, 1, 1, classes, FILL_SHARE);
    thaw_check_in(c, "label", 1, 1, 1, n, FILL_LABEL)->dtype = THAW_I32;
    thaw_check_in(c, "loss", 1, 1, 1, n, FILL_POSITIVE);
    thaw_check_out(c, "metrics", 1, 1, 1, 2, RULE_NORM, (uint32_t)n);
}

#define ADAM_TENSORS 9
_Static_assert(1 + 7 * ADAM_TENSORS <= CHECK_MAX_ARGS, "a case has room for them");

/* Several tensors at once, and several steps, as training has them. */
static void add_adam(check_list *list, uint32_t tensors, uint32_t steps, bool in_place)
{
#define NAMES(t)                                                                                             \
    {                                                                                                        \
        "w" t, "g" t, "m" t, "v" t                                                                           \
    }
    static const int32_t shapes[ADAM_TENSORS][4] = {{1, 1, 1, 33},  {3, 3, 17, 64}, {1, 1, 1, 1},
                                                    {1, 1, 448, 7}, {1, 1, 1, 16},  {1, 7, 5, 6},
                                                    {1, 1, 1, 2},   {1, 1, 33, 2},  {3, 1, 4, 5}};
    static const char *const in[ADAM_TENSORS][4] = {NAMES("0"), NAMES("1"), NAMES("2"),
                                                    NAMES("3"), NAMES("4"), NAMES("5"),
                                                    NAMES("6"), NAMES("7"), NAMES("8")};
#undef NAMES
    static const check_fill fill[4] = {FILL_UNIFORM, FILL_UNIFORM, FILL_UNIFORM, FILL_SQUARE};
    static const uint32_t of_out[3] = {0, 2, 3};
    check_case *c = thaw_check_new(list, THAW_OP_ADAM, "%u-tensors_%u-steps%s", tensors, steps,
                                   in_place ? "_in-place" : "");
    thaw_check_in(c, "hyper", 1, 1, 1, 8, FILL_HYPER);
    for (uint32_t t = 0; t < tensors; t++)
        for (uint32_t i = 0; i < 4; i++)
            thaw_check_in(c, in[t][i], shapes[t][0], shapes[t][1], shapes[t][2], shapes[t][3], fill[i])
                ->role = i == 1 ? THAW_ROLE_ACTIVATION : THAW_ROLE_MUTABLE;
    for (uint32_t t = 0; t < tensors; t++)
        for (uint32_t i = 0; i < 3; i++) {
            check_arg *out = thaw_check_out(c, in[t][of_out[i]], shapes[t][0], shapes[t][1], shapes[t][2],
                                            shapes[t][3], RULE_NORM, steps * steps);
            out->role = THAW_ROLE_MUTABLE;
            out->scale_floor = 1;
            if (in_place)
                out->in_place_of = (int32_t)(1 + 4 * t + of_out[i]);
        }
    if (in_place && tensors > 1)
        add_half_in_place(list, c);
}

void thaw_check_cases_train(check_list *list)
{
    static const int32_t shapes[][4] = {{4, 8, 8, 64}, {3, 2, 7, 33}, {1, 17, 17, 3}, {2, 1, 1, 5}};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++) {
        const int32_t *s = shapes[i];
        /* Two values for a channel may lie so close that eps decides: left to more of them. */
        if (s[0] * s[1] * s[2] > 2) {
            add_bn_train(list, s, true, true, false);
            add_bn_train(list, s, false, true, true);
            add_bn_train(list, s, true, false, true);
        }
        add_bn_train_bwd(list, s, false);
        add_bn_train_bwd(list, s, true);
        add_bias_grad(list, s, i % 2 == 1);
    }
    add_bias_grad(list, (const int32_t[]){1, 1, 1, 2}, false);
    add_bias_grad(list, (const int32_t[]){32, 8, 8, 20}, true);
    add_dropout(list, 2, 2048, 0.2f, false);
    add_dropout(list, 3, 5, 0.5f, false);
    add_dropout(list, 3, 33, 0.2f, true);
    add_dropout(list, 1, 7, 0.0f, false);
    add_loss(list, 32, 5);
    add_loss(list, 1, 2);
    add_loss(list, 3, 1000);
    add_loss(list, 7, 33);
    add_adam(list, 1, 1, true);
    add_adam(list, 4, 1, true);
    add_adam(list, 4, 5, true);
    add_adam(list, 3, 1, false);
    add_adam(list, ADAM_TENSORS, 1, true);
    add_adam(list, ADAM_TENSORS, 2, false);
}
