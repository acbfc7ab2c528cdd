/* cases_conv.c: convolutions: InceptionV3's own, shrunk to what the slow reference can do in time, those that
 * share an input, odd shapes, and random ones. */
#include <stdio.h>

#include "core/base/rng.h"
#include "core/check/case.h"

/* Multiply-accumulates of one case, so that all of them take seconds. */
#define MAC_BUDGET INT64_C(3000000)

typedef struct shape {
    int32_t kh, kw, cin, cout;
    int32_t stride_h, stride_w;
    int32_t pad_top, pad_bottom, pad_left, pad_right;
    int32_t n, h, w;
} shape;

static int32_t out_h(const shape *s)
{
    return (s->h + s->pad_top + s->pad_bottom - s->kh) / s->stride_h + 1;
}

static int32_t out_w(const shape *s)
{
    return (s->w + s->pad_left + s->pad_right - s->kw) / s->stride_w + 1;
}

static int64_t macs(const shape *s)
{
    return (int64_t)s->kh * s->kw * s->cin * s->cout * s->n * out_h(s) * out_w(s);
}

/* Makes the image smaller first, down to a few windows, then the channels: these decide more about how an
 * algorithm works. */
static void shrink(shape *s)
{
    int32_t least_h = s->kh + s->stride_h, least_w = s->kw + s->stride_w;
    while (macs(s) > MAC_BUDGET && (s->h > least_h || s->w > least_w)) {
        if (s->h - least_h > s->w - least_w)
            s->h--;
        else
            s->w--;
    }
    while (macs(s) > MAC_BUDGET && (s->cin > 32 || s->cout > 32)) {
        if (s->cin > s->cout)
            s->cin /= 2;
        else
            s->cout /= 2;
    }
}

static void name_shape(const shape *s, char *text, size_t cap)
{
    snprintf(text, cap, "%dx%d_%d-%d_s%d.%d_p%d.%d.%d.%d_%dx%dx%d", s->kh, s->kw, s->cin, s->cout,
             s->stride_h, s->stride_w, s->pad_top, s->pad_bottom, s->pad_left, s->pad_right, s->n, s->h,
             s->w);
}

/* WITH_NAN: in the bias, which is there too; among the pixels a transform may spread it over a tile. */
enum { WITH_BIAS = 1, WITH_RELU = 2, WITH_CONST = 4, WITH_SLICES = 8, WITH_NAN = 16 };

/* The forward op with n_out outputs, the first of which has what the others leave. */
static check_case *add_forward(check_list *list, const shape *s, const int32_t *outputs, uint32_t n_out,
                               unsigned with, const char *prefix)
{
    char text[72];
    name_shape(s, text, sizeof text);
    check_case *c =
        thaw_check_new(list, THAW_OP_CONV2D, "%s%s%s%s%s%s%s", prefix, text, with & WITH_BIAS ? "_bias" : "",
                       with & WITH_NAN ? "_nan" : "", with & WITH_RELU ? "_relu" : "",
                       with & WITH_CONST ? "_const" : "", with & WITH_SLICES ? "_slice" : "");
    thaw_role role = with & WITH_CONST ? THAW_ROLE_CONST : THAW_ROLE_MUTABLE;
    check_arg *x = thaw_check_in(c, "x", s->n, s->h, s->w, s->cin, FILL_UNIFORM);
    if (with & WITH_SLICES)
        thaw_check_slice(x, 3, 5);
    thaw_check_in(c, "w", s->kh, s->kw, s->cin, s->cout, FILL_UNIFORM)->role = role;
    if (with & WITH_BIAS)
        thaw_check_in(c, "bias", 1, 1, 1, s->cout, with & WITH_NAN ? FILL_WITH_NAN : FILL_UNIFORM)->role =
            role;
    static const char *const labels[THAW_CONV_MAX_OUT] = {"y0", "y1", "y2", "y3", "y4", "y5", "y6", "y7"};
    for (uint32_t k = 0; k < n_out; k++) {
        check_arg *y = thaw_check_out(c, labels[k], s->n, out_h(s), out_w(s), outputs[k], RULE_SUM,
                                      (uint32_t)(s->kh * s->kw * s->cin));
        if (with & WITH_SLICES)
            thaw_check_slice(y, (int32_t)k * 16 + 8, k % 2 ? 3 : 32);
    }
    uint32_t all = (1u << n_out) - 1;
    c->attr.conv = (thaw_conv_attr){sizeof(thaw_conv_attr),
                                    s->stride_h,
                                    s->stride_w,
                                    s->pad_top,
                                    s->pad_left,
                                    with & WITH_RELU ? all & 0x77777777u : 0};
    return c;
}

/* Forward as a frozen layer has it and as a trained one has it, both backward ops, and the identity. */
static void add_all(check_list *list, const shape *s, const char *prefix)
{
    add_forward(list, s, &s->cout, 1, WITH_BIAS | WITH_RELU | WITH_CONST | WITH_SLICES, prefix);
    check_case forward = *add_forward(list, s, &s->cout, 1, 0, prefix);
    thaw_check_again_as(list, &forward, CHECK_ADJOINT, "adjoint");
    if (s->n > 1)
        thaw_check_again_as(list, &forward, CHECK_BATCH, "batch");
    thaw_check_backward(list, &forward, THAW_OP_CONV2D_BWD_DATA);
    thaw_check_backward(list, &forward, THAW_OP_CONV2D_BWD_FILTER);
}

static void add_inception(check_list *list)
{
    static const struct {
        int32_t kh, kw, cin, cout, stride, same, size;
    } table[] = {
#define CONV(kh, kw, cin, cout, stride, same, size) {kh, kw, cin, cout, stride, same, size},
#include "core/check/inception.def"
#undef CONV
    };
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        int32_t ph = table[i].same ? table[i].kh / 2 : 0, pw = table[i].same ? table[i].kw / 2 : 0;
        int32_t size = table[i].size > 17 ? 17 : table[i].size;
        shape s = {table[i].kh,
                   table[i].kw,
                   table[i].cin,
                   table[i].cout,
                   table[i].stride,
                   table[i].stride,
                   ph,
                   ph,
                   pw,
                   pw,
                   1 + (int32_t)(i % 2),
                   size,
                   size};
        shrink(&s);
        add_all(list, &s, "");
    }
}

/* The merged 1x1 convolutions of a block: one input, several outputs, the last (the pool's) without relu. */
static void add_siblings(check_list *list)
{
    static const struct {
        int32_t cin, size;
        uint32_t n;
        int32_t out[THAW_CONV_MAX_OUT];
    } table[] = {{192, 5, 4, {64, 48, 64, 32}},         {288, 5, 4, {64, 48, 64, 64}},
                 {768, 3, 4, {48, 32, 32, 48}},         {768, 3, 2, {96, 96}},
                 {1280, 2, 4, {80, 96, 112, 48}},       {7, 3, 3, {1, 5, 2}},
                 {33, 4, 8, {1, 2, 3, 4, 5, 6, 7, 17}}, {16, 4, 3, {16, 32, 16}}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        shape s = {1, 1, table[i].cin, 0, 1, 1, 0, 0, 0, 0, 2, table[i].size, table[i].size};
        for (uint32_t k = 0; k < table[i].n; k++)
            s.cout += table[i].out[k];
        add_forward(list, &s, table[i].out, table[i].n, WITH_BIAS | WITH_RELU | WITH_CONST | WITH_SLICES,
                    "siblings_");
        add_forward(list, &s, table[i].out, table[i].n, WITH_BIAS | WITH_RELU, "siblings_");
    }
    static const int32_t split[3] = {5, 16, 12};
    shape s = {3, 3, 9, 33, 1, 1, 1, 1, 1, 1, 2, 7, 6};
    add_forward(list, &s, split, 3, WITH_BIAS | WITH_RELU | WITH_CONST | WITH_SLICES, "siblings_");
}

static void add_odd(check_list *list)
{
    static const shape table[] = {
        {1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1},     {1, 1, 3, 7, 1, 1, 0, 0, 0, 0, 3, 2, 7},
        {1, 1, 5, 33, 2, 2, 0, 0, 0, 0, 2, 7, 7},    {1, 1, 2048, 2, 1, 1, 0, 0, 0, 0, 3, 1, 1},
        {1, 1, 2048, 33, 1, 1, 0, 0, 0, 0, 5, 1, 1}, {3, 3, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1},
        {3, 3, 3, 7, 1, 1, 1, 1, 1, 1, 3, 2, 2},     {3, 3, 5, 33, 1, 1, 0, 0, 0, 0, 1, 7, 7},
        {3, 3, 5, 7, 2, 2, 0, 1, 0, 1, 2, 7, 6},     {3, 3, 1, 33, 3, 3, 1, 1, 1, 1, 1, 7, 7},
        {3, 3, 8, 8, 1, 2, 1, 0, 0, 1, 1, 7, 9},     {5, 5, 3, 7, 1, 1, 2, 2, 2, 2, 3, 2, 1},
        {5, 5, 5, 33, 1, 1, 2, 2, 2, 2, 1, 7, 7},    {5, 3, 4, 6, 3, 1, 2, 1, 0, 2, 2, 8, 5},
        {7, 7, 3, 1, 1, 1, 3, 3, 3, 3, 1, 1, 1},     {7, 1, 5, 7, 1, 1, 3, 3, 0, 0, 1, 2, 7},
        {1, 7, 5, 7, 1, 1, 0, 0, 3, 3, 3, 7, 2},     {7, 7, 2, 3, 2, 2, 2, 3, 3, 2, 1, 9, 10},
        {2, 2, 3, 5, 1, 1, 0, 1, 0, 1, 1, 5, 5},     {2, 4, 17, 19, 2, 1, 1, 0, 2, 1, 2, 6, 7},
        {1, 3, 16, 16, 1, 1, 0, 0, 1, 1, 1, 3, 29},  {3, 1, 16, 48, 1, 1, 1, 1, 0, 0, 1, 29, 3},
        {3, 3, 31, 17, 1, 1, 1, 1, 1, 1, 2, 13, 11}, {3, 3, 64, 64, 1, 1, 1, 1, 1, 1, 1, 5, 6},
        {4, 4, 6, 6, 3, 3, 0, 0, 0, 0, 1, 4, 11},    {3, 3, 16, 16, 2, 2, 2, 2, 2, 2, 1, 2, 2}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        add_all(list, &table[i], "odd_");
        add_forward(list, &table[i], &table[i].cout, 1, WITH_BIAS | WITH_SLICES, "odd_");
    }
}

/* A relu without a bias, and one that has to let a NaN through. The channels are so many that one is drawn.
 */
static void add_relu(check_list *list)
{
    static const shape table[] = {{1, 1, 16, 96, 1, 1, 0, 0, 0, 0, 2, 5, 5},
                                  {3, 3, 16, 96, 1, 1, 1, 1, 1, 1, 1, 6, 7}};
    static const int32_t halves[2] = {48, 48};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        add_forward(list, &table[i], &table[i].cout, 1, WITH_RELU, "");
        add_forward(list, &table[i], &table[i].cout, 1, WITH_BIAS | WITH_NAN | WITH_RELU | WITH_CONST, "");
    }
    add_forward(list, &table[0], halves, 2, WITH_BIAS | WITH_NAN | WITH_RELU | WITH_CONST, "siblings_");
}

static int32_t pick(uint64_t seed, uint32_t i, uint32_t *draw, int32_t low, int32_t high)
{
    uint32_t word = thaw_random_u32(seed, THAW_RNG_TEST, i, UINT32_MAX, (*draw)++);
    return low + (int32_t)(word % (uint32_t)(high - low + 1));
}

static void add_random(check_list *list, uint64_t seed)
{
    for (uint32_t i = 0; i < 24; i++) {
        uint32_t d = 0;
        shape s = {.kh = pick(seed, i, &d, 1, 5), .kw = pick(seed, i, &d, 1, 5)};
        s.cin = pick(seed, i, &d, 1, 70);
        s.cout = pick(seed, i, &d, 1, 70);
        s.stride_h = pick(seed, i, &d, 1, 3);
        s.stride_w = pick(seed, i, &d, 1, 3);
        s.pad_top = pick(seed, i, &d, 0, s.kh - 1);
        s.pad_bottom = pick(seed, i, &d, 0, s.kh - 1);
        s.pad_left = pick(seed, i, &d, 0, s.kw - 1);
        s.pad_right = pick(seed, i, &d, 0, s.kw - 1);
        s.n = pick(seed, i, &d, 1, 3);
        s.h = pick(seed, i, &d, s.kh, 12);
        s.w = pick(seed, i, &d, s.kw, 12);
        char prefix[16];
        snprintf(prefix, sizeof prefix, "random%u_", i);
        shrink(&s);
        add_all(list, &s, prefix);
    }
}

/* Precisions below f32 are permissions: a device may use them, and must stay within their error. TF32 has
 * algorithms of its own on some devices, so it meets what makes an algorithm's paths: odd and even channels,
 * strides, slices, several outputs, long sums. */
static void add_precisions(check_list *list)
{
    static const struct {
        thaw_precision precision;
        const char *name;
        shape s;
    } table[] = {{THAW_PREC_TF32, "tf32_", {3, 3, 48, 64, 1, 1, 1, 1, 1, 1, 1, 8, 8}},
                 {THAW_PREC_TF32, "tf32_", {3, 3, 3, 34, 2, 2, 0, 0, 0, 0, 2, 9, 11}},
                 {THAW_PREC_TF32, "tf32_", {1, 7, 36, 20, 1, 1, 0, 0, 3, 3, 2, 5, 17}},
                 {THAW_PREC_TF32, "tf32_", {3, 2, 8, 130, 2, 1, 1, 1, 0, 1, 1, 12, 6}},
                 {THAW_PREC_TF32, "tf32_", {1, 1, 136, 5, 1, 1, 0, 0, 0, 0, 3, 17, 13}},
                 {THAW_PREC_BF16, "bf16_", {3, 3, 48, 64, 1, 1, 1, 1, 1, 1, 1, 8, 8}},
                 {THAW_PREC_BF16, "bf16_", {3, 3, 3, 34, 2, 2, 0, 0, 0, 0, 2, 9, 11}},
                 {THAW_PREC_BF16, "bf16_", {1, 7, 37, 20, 1, 1, 0, 0, 3, 3, 2, 5, 17}},
                 {THAW_PREC_BF16, "bf16_", {3, 2, 8, 130, 2, 1, 1, 1, 0, 1, 1, 12, 6}},
                 {THAW_PREC_BF16, "bf16_", {1, 1, 136, 5, 1, 1, 0, 0, 0, 0, 3, 17, 13}},
                 {THAW_PREC_F16, "f16_", {3, 3, 48, 64, 1, 1, 1, 1, 1, 1, 1, 8, 8}}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const shape *s = &table[i].s;
        unsigned with = WITH_BIAS | WITH_RELU | WITH_CONST | (i % 2 ? WITH_SLICES : 0);
        add_forward(list, s, &s->cout, 1, with, table[i].name)->precision = table[i].precision;
        check_case *last = add_forward(list, s, &s->cout, 1, 0, table[i].name);
        last->precision = table[i].precision;
        check_case forward = *last;
        if (s->n > 1)
            thaw_check_again_as(list, &forward, CHECK_BATCH, "batch");
        thaw_check_backward(list, &forward, THAW_OP_CONV2D_BWD_DATA);
        thaw_check_backward(list, &forward, THAW_OP_CONV2D_BWD_FILTER);
    }
    static const int32_t outputs[4] = {24, 7, 33, 64};
    static const shape siblings = {1, 1, 40, 128, 1, 1, 0, 0, 0, 0, 2, 5, 5};
    const unsigned with = WITH_BIAS | WITH_RELU | WITH_CONST | WITH_SLICES;
    add_forward(list, &siblings, outputs, 4, with, "tf32_siblings_")->precision = THAW_PREC_TF32;
    add_forward(list, &siblings, outputs, 4, with, "bf16_siblings_")->precision = THAW_PREC_BF16;
}

/* Few inputs are so large that what a transform spreads of their rounding over a tile shows in the others. */
static void add_exact(check_list *list)
{
    static const shape table[] = {
        {3, 3, 16, 34, 1, 1, 1, 1, 1, 1, 2, 13, 14}, {3, 3, 32, 16, 1, 1, 0, 0, 0, 0, 1, 10, 9},
        {5, 5, 12, 20, 1, 1, 2, 2, 2, 2, 1, 9, 11},  {1, 7, 24, 36, 1, 1, 0, 0, 3, 3, 2, 6, 13},
        {7, 1, 24, 36, 1, 1, 3, 3, 0, 0, 1, 13, 6},  {3, 3, 16, 24, 2, 2, 0, 0, 0, 0, 1, 13, 13},
        {1, 1, 40, 33, 1, 1, 0, 0, 0, 0, 2, 7, 7}};
    for (size_t i = 0; i < sizeof table / sizeof *table; i++) {
        const shape *s = &table[i];
        check_case *c = add_forward(list, s, &s->cout, 1, WITH_BIAS | WITH_RELU | WITH_CONST, "exact_");
        c->flags = THAW_OP_EXACT;
        c->arg[0].fill = FILL_SELDOM_HUGE;
        c = add_forward(list, s, &s->cout, 1, 0, "exact_");
        c->flags = THAW_OP_EXACT;
        c->arg[0].fill = FILL_SELDOM_HUGE;
        check_case forward = *c;
        const size_t first = list->count;
        thaw_check_backward(list, &forward, THAW_OP_CONV2D_BWD_DATA);
        thaw_check_backward(list, &forward, THAW_OP_CONV2D_BWD_FILTER);
        for (size_t k = first; k < list->count; k++)
            list->items[k].arg[0].fill = FILL_SELDOM_HUGE;
    }
}

void thaw_check_cases_conv(check_list *list, uint64_t seed)
{
    add_inception(list);
    add_siblings(list);
    add_odd(list);
    add_relu(list);
    add_random(list, seed);
    add_precisions(list);
    add_exact(list);
}
