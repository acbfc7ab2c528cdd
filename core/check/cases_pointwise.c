/* cases_pointwise.c: ops that go over their tensors element by element: affine, bn_fold, relu_bwd, add, cast.
 */
#include "core/check/case.h"

/* n, h, w, c: dense, long, and with every remainder that a vector loop may leave. */
static const int32_t shapes[][4] = {
    {2, 5, 7, 64}, {1, 1, 1, 1}, {3, 2, 7, 33}, {1, 17, 17, 3}, {2, 1, 1, 2048}};
#define N_SHAPES (sizeof shapes / sizeof *shapes)

static void slice_odd(check_arg *arg, bool sliced)
{
    if (sliced)
        thaw_check_slice(arg, 3, 6);
}

/* Puts output 0 into the slice of input 0, or into one of its own. */
static void place_output(check_case *c, bool in_place, bool sliced)
{
    check_arg *out = &c->arg[c->n_in];
    if (sliced)
        thaw_check_slice(out, 5, 2);
    if (!in_place)
        return;
    out->in_place_of = 0;
    thaw_check_slice(out, c->arg[0].before, c->arg[0].behind);
}

static void add_affine(check_list *list, const int32_t *s, bool shift, bool relu, bool in_place, bool sliced)
{
    check_case *c = thaw_check_new(list, THAW_OP_AFFINE, "%dx%dx%dx%d%s%s%s%s", s[0], s[1], s[2], s[3],
                                   shift ? "_shift" : "", relu ? "_relu" : "", in_place ? "_in-place" : "",
                                   sliced ? "_slice" : "");
    slice_odd(thaw_check_in(c, "x", s[0], s[1], s[2], s[3], FILL_UNIFORM), sliced);
    thaw_check_in(c, "scale", 1, 1, 1, s[3], FILL_UNIFORM)->role =
        shift ? THAW_ROLE_CONST : THAW_ROLE_ACTIVATION;
    if (shift)
        thaw_check_in(c, "shift", 1, 1, 1, s[3], FILL_UNIFORM)->role = THAW_ROLE_CONST;
    thaw_check_out(c, "y", s[0], s[1], s[2], s[3], RULE_SUM, 2);
    place_output(c, in_place, sliced);
    c->attr.affine = (thaw_affine_attr){sizeof(thaw_affine_attr), relu};
    check_case first = *c;
    if (s[0] > 1)
        thaw_check_again_as(list, &first, CHECK_BATCH, "batch");
}

/* w [3,3,17,33] times a scale by output channel. */
static void add_affine_on_weights(check_list *list)
{
    check_case *c = thaw_check_new(list, THAW_OP_AFFINE, "weights");
    thaw_check_in(c, "x", 3, 3, 17, 33, FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
    thaw_check_in(c, "scale", 1, 1, 1, 33, FILL_UNIFORM);
    thaw_check_out(c, "y", 3, 3, 17, 33, RULE_SUM, 1);
    c->attr.affine.struct_size = sizeof(thaw_affine_attr);
}

/* What a relu lets through, with and without a shift. */
static void add_affine_relu(check_list *list, bool shift)
{
    check_case *c = thaw_check_new(list, THAW_OP_AFFINE, "3x2x7x33%s_relu_nan", shift ? "_shift" : "");
    thaw_check_in(c, "x", 3, 2, 7, 33, FILL_WITH_NAN);
    thaw_check_in(c, "scale", 1, 1, 1, 33, FILL_UNIFORM)->role = THAW_ROLE_CONST;
    if (shift)
        thaw_check_in(c, "shift", 1, 1, 1, 33, FILL_UNIFORM)->role = THAW_ROLE_CONST;
    thaw_check_out(c, "y", 3, 2, 7, 33, RULE_SUM, 2);
    c->attr.affine = (thaw_affine_attr){sizeof(thaw_affine_attr), true};
}

static void add_bn_fold(check_list *list)
{
    static const int32_t channels[] = {1, 33, 448};
    for (size_t i = 0; i < sizeof channels / sizeof *channels; i++) {
        int32_t ch = channels[i];
        check_case *c = thaw_check_new(list, THAW_OP_BN_FOLD, "%d", ch);
        thaw_check_in(c, "beta", 1, 1, 1, ch, FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
        thaw_check_in(c, "mean", 1, 1, 1, ch, FILL_UNIFORM)->role = THAW_ROLE_MUTABLE;
        thaw_check_in(c, "var", 1, 1, 1, ch, FILL_POSITIVE)->role = THAW_ROLE_MUTABLE;
        thaw_check_out(c, "scale", 1, 1, 1, ch, RULE_RELATIVE, 1);
        thaw_check_out(c, "shift", 1, 1, 1, ch, RULE_NORM, 2)->scale_floor = 1;
        c->attr.bn = (thaw_bn_attr){sizeof(thaw_bn_attr), 1e-3f, 0, 0};
    }
}

static void add_relu_bwd(check_list *list, const int32_t *s, bool in_place, bool sliced)
{
    check_case *c = thaw_check_new(list, THAW_OP_RELU_BWD, "%dx%dx%dx%d%s%s", s[0], s[1], s[2], s[3],
                                   in_place ? "_in-place" : "", sliced ? "_slice" : "");
    slice_odd(thaw_check_in(c, "dy", s[0], s[1], s[2], s[3], FILL_UNIFORM), sliced);
    check_arg *y = thaw_check_in(c, "y", s[0], s[1], s[2], s[3], FILL_RECTIFIED);
    if (sliced)
        thaw_check_slice(y, 16, 1);
    thaw_check_out(c, "dx", s[0], s[1], s[2], s[3], RULE_EXACT, 1);
    place_output(c, in_place, sliced);
}

static void add_add(check_list *list, const int32_t *s, uint32_t n, bool in_place, bool sliced)
{
    static const char *const labels[THAW_ADD_MAX_IN] = {"a0", "a1", "a2",  "a3",  "a4",  "a5",  "a6",  "a7",
                                                        "a8", "a9", "a10", "a11", "a12", "a13", "a14", "a15"};
    check_case *c = thaw_check_new(list, THAW_OP_ADD, "%u_%dx%dx%dx%d%s%s", n, s[0], s[1], s[2], s[3],
                                   in_place ? "_in-place" : "", sliced ? "_slice" : "");
    for (uint32_t i = 0; i < n; i++) {
        check_arg *a = thaw_check_in(c, labels[i], s[0], s[1], s[2], s[3], FILL_UNIFORM);
        if (sliced)
            thaw_check_slice(a, (int32_t)(i + 1) % 5, (int32_t)(i + 1) % 3);
    }
    thaw_check_out(c, "y", s[0], s[1], s[2], s[3], RULE_SUM, n);
    place_output(c, in_place, sliced);
}

static void add_cast(check_list *list, thaw_dtype from, thaw_dtype to, const int32_t *s, bool scaled,
                     bool sliced)
{
    static const char *const names[] = {
        [THAW_F32] = "f32", [THAW_F16] = "f16", [THAW_BF16] = "bf16", [THAW_U8] = "u8"};
    check_case *c = thaw_check_new(list, THAW_OP_CAST, "%s-%s_%dx%dx%dx%d%s%s", names[from], names[to], s[0],
                                   s[1], s[2], s[3], scaled ? "_scaled" : "", sliced ? "_slice" : "");
    check_fill fill = from == THAW_U8 ? FILL_INTEGER : scaled ? FILL_UNIFORM : FILL_ROUNDING;
    check_arg *x = thaw_check_in(c, "x", s[0], s[1], s[2], s[3], fill);
    x->dtype = from;
    slice_odd(x, sliced);
    check_rule rule = scaled ? RULE_SUM : from == to ? RULE_BITS : RULE_EXACT;
    check_arg *y = thaw_check_out(c, "y", s[0], s[1], s[2], s[3], rule, 2);
    y->dtype = to;
    if (sliced)
        thaw_check_slice(y, 5, 2);
    c->attr.cast =
        (thaw_cast_attr){sizeof(thaw_cast_attr), scaled ? 1 / 127.5f : 1.0f, scaled ? -1.0f : 0.0f};
}

static void add_casts(check_list *list)
{
    static const thaw_dtype from[] = {THAW_F32, THAW_F16, THAW_BF16, THAW_U8};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 3; k++)
            for (unsigned variant = 0; variant < 4; variant++)
                add_cast(list, from[i], from[k], shapes[variant ? 2 : 0], variant & 1, variant & 2);
}

void thaw_check_cases_pointwise(check_list *list)
{
    for (size_t i = 0; i < N_SHAPES; i++) {
        add_affine(list, shapes[i], true, true, false, false);
        add_affine(list, shapes[i], false, false, false, true);
        add_affine(list, shapes[i], true, true, true, true);
        add_affine(list, shapes[i], true, false, true, false);
        add_relu_bwd(list, shapes[i], false, false);
        add_relu_bwd(list, shapes[i], false, true);
        add_relu_bwd(list, shapes[i], true, i % 2 == 0);
        add_add(list, shapes[i], 2, false, i % 2 == 1);
        add_add(list, shapes[i], 3 + (uint32_t)i, true, i % 2 == 0);
        add_add(list, shapes[i], THAW_ADD_MAX_IN, false, true);
    }
    add_affine_on_weights(list);
    add_affine_relu(list, false);
    add_affine_relu(list, true);
    add_bn_fold(list);
    add_casts(list);
}
