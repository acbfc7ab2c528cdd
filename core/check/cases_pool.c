/* cases_pool.c: pooling, forward and backward. */
#include <stdio.h>

#include "core/check/case.h"

typedef struct window {
    int32_t kh, kw, stride_h, stride_w;
    int32_t pad_top, pad_bottom, pad_left, pad_right;
    int32_t n, h, w, c;
} window;

/* InceptionV3's pools (3x3 stride 2 without padding, 3x3 stride 1 with) and odd ones. */
static const window windows[] = {
    {3, 3, 2, 2, 0, 0, 0, 0, 2, 17, 17, 64}, {3, 3, 2, 2, 0, 0, 0, 0, 1, 17, 17, 768 / 4},
    {3, 3, 1, 1, 1, 1, 1, 1, 2, 9, 9, 192},  {3, 3, 1, 1, 1, 1, 1, 1, 1, 8, 8, 2048 / 8},
    {3, 3, 1, 1, 1, 1, 1, 1, 3, 1, 1, 5},    {3, 3, 1, 1, 1, 1, 1, 1, 1, 2, 7, 33},
    {3, 3, 2, 2, 0, 1, 0, 1, 3, 7, 6, 7},    {2, 2, 2, 2, 0, 0, 0, 0, 1, 8, 8, 16},
    {2, 3, 1, 2, 1, 0, 0, 2, 2, 5, 7, 3},    {5, 5, 3, 3, 2, 2, 2, 2, 1, 7, 7, 9},
    {7, 7, 1, 1, 3, 3, 3, 3, 1, 2, 2, 1},    {1, 1, 2, 3, 0, 0, 0, 0, 1, 5, 7, 17},
    {3, 1, 3, 1, 0, 0, 0, 0, 2, 9, 4, 12},   {8, 8, 1, 1, 0, 0, 0, 0, 3, 8, 8, 40}};

#define N_WINDOWS (sizeof windows / sizeof *windows)

static int32_t out_h(const window *v)
{
    return (v->h + v->pad_top + v->pad_bottom - v->kh) / v->stride_h + 1;
}

static int32_t out_w(const window *v)
{
    return (v->w + v->pad_left + v->pad_right - v->kw) / v->stride_w + 1;
}

static thaw_pool_attr attr_of(const window *v)
{
    return (thaw_pool_attr){.struct_size = sizeof(thaw_pool_attr),
                            .kh = v->kh,
                            .kw = v->kw,
                            .stride_h = v->stride_h,
                            .stride_w = v->stride_w,
                            .pad_top = v->pad_top,
                            .pad_left = v->pad_left};
}

static void name_window(const window *v, char *text, size_t cap)
{
    snprintf(text, cap, "%dx%d_s%d.%d_p%d.%d.%d.%d_%dx%dx%dx%d", v->kh, v->kw, v->stride_h, v->stride_w,
             v->pad_top, v->pad_bottom, v->pad_left, v->pad_right, v->n, v->h, v->w, v->c);
}

static check_case *add_max(check_list *list, const window *v, check_fill fill, bool saved, const char *suffix)
{
    char text[72];
    name_window(v, text, sizeof text);
    check_case *c = thaw_check_new(list, THAW_OP_MAXPOOL, "%s%s", text, suffix);
    thaw_check_slice(thaw_check_in(c, "x", v->n, v->h, v->w, v->c, fill), 0, saved ? 0 : 7);
    check_arg *y = thaw_check_out(c, "y", v->n, out_h(v), out_w(v), v->c, RULE_EXACT, 1);
    thaw_check_slice(y, saved ? 5 : 0, saved ? 8 : 0);
    if (saved) {
        check_arg *argmax = thaw_check_out(c, "argmax", v->n, out_h(v), out_w(v), v->c, RULE_EXACT, 1);
        argmax->dtype = THAW_U8;
        argmax->role = THAW_ROLE_SAVED;
    }
    c->attr.pool = attr_of(v);
    return c;
}

static check_case *add_avg(check_list *list, const window *v, bool include_pad, bool epilogue)
{
    char text[72];
    name_window(v, text, sizeof text);
    check_case *c = thaw_check_new(list, THAW_OP_AVGPOOL, "%s%s%s", text, include_pad ? "_with-pad" : "",
                                   epilogue ? "_bias_relu_slice" : "");
    check_arg *x = thaw_check_in(c, "x", v->n, v->h, v->w, v->c, FILL_UNIFORM);
    if (epilogue) {
        thaw_check_slice(x, 16, 8);
        thaw_check_in(c, "bias", 1, 1, 1, v->c, FILL_UNIFORM)->role = THAW_ROLE_CONST;
    }
    check_arg *y =
        thaw_check_out(c, "y", v->n, out_h(v), out_w(v), v->c, RULE_SUM, (uint32_t)(v->kh * v->kw));
    if (epilogue)
        thaw_check_slice(y, 3, 9);
    c->attr.pool = attr_of(v);
    c->attr.pool.include_pad = include_pad;
    c->attr.pool.relu = epilogue;
    return c;
}

/* Bias and relu one without the other, and a relu that has to let a NaN through; it stands in the bias,
 * because a sum that moves along a row may carry it from one window into the next. */
static void add_avg_epilogues(check_list *list, const window *v)
{
    static const struct {
        bool bias, relu;
        check_fill fill;
        const char *suffix;
    } table[] = {{false, true, FILL_UNIFORM, "_relu"},
                 {true, false, FILL_UNIFORM, "_bias"},
                 {true, true, FILL_WITH_NAN, "_bias_nan_relu"}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        char text[72];
        name_window(v, text, sizeof text);
        check_case *c = thaw_check_new(list, THAW_OP_AVGPOOL, "%s%s", text, table[i].suffix);
        thaw_check_in(c, "x", v->n, v->h, v->w, v->c, FILL_UNIFORM);
        if (table[i].bias)
            thaw_check_in(c, "bias", 1, 1, 1, v->c, table[i].fill)->role = THAW_ROLE_CONST;
        thaw_check_out(c, "y", v->n, out_h(v), out_w(v), v->c, RULE_SUM, (uint32_t)(v->kh * v->kw));
        c->attr.pool = attr_of(v);
        c->attr.pool.relu = table[i].relu;
    }
}

static void add_window(check_list *list, const window *v)
{
    add_max(list, v, FILL_UNIFORM, false, "_plain");
    add_max(list, v, FILL_WITH_NAN, false, "_nan");
    add_max(list, v, FILL_COARSE, true, "_ties");
    check_case forward = *add_max(list, v, FILL_UNIFORM, true, "");
    thaw_check_again_as(list, &forward, CHECK_ADJOINT, "adjoint");
    if (v->n > 1)
        thaw_check_again_as(list, &forward, CHECK_BATCH, "batch");
    thaw_check_backward(list, &forward, THAW_OP_MAXPOOL_BWD);
    for (int include_pad = 0; include_pad < 2; include_pad++) {
        add_avg(list, v, include_pad, true);
        forward = *add_avg(list, v, include_pad, false);
        thaw_check_again_as(list, &forward, CHECK_ADJOINT, "adjoint");
        if (v->n > 1)
            thaw_check_again_as(list, &forward, CHECK_BATCH, "batch");
        thaw_check_backward(list, &forward, THAW_OP_AVGPOOL_BWD);
    }
}

static void add_global(check_list *list)
{
    static const int32_t table[][4] = {{2, 8, 8, 2048}, {3, 1, 1, 5}, {1, 7, 2, 33}, {5, 5, 5, 1}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const int32_t *t = table[i];
        check_case *c = thaw_check_new(list, THAW_OP_GLOBAL_AVGPOOL, "%dx%dx%dx%d", t[0], t[1], t[2], t[3]);
        check_arg *x = thaw_check_in(c, "x", t[0], t[1], t[2], t[3], FILL_UNIFORM);
        thaw_check_slice(x, i % 2 ? 3 : 0, i % 2 ? 4 : 0);
        thaw_check_out(c, "y", t[0], 1, 1, t[3], RULE_SUM, (uint32_t)(t[1] * t[2]));
        check_case forward = *c;
        thaw_check_again_as(list, &forward, CHECK_ADJOINT, "adjoint");
        thaw_check_backward(list, &forward, THAW_OP_GLOBAL_AVGPOOL_BWD);
    }
}

void thaw_check_cases_pool(check_list *list)
{
    for (size_t i = 0; i < N_WINDOWS; i++)
        add_window(list, &windows[i]);
    add_avg_epilogues(list, &(const window){3, 3, 1, 1, 1, 1, 1, 1, 2, 7, 7, 96});
    add_global(list);
}
