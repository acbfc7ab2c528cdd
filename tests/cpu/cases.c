#include "cases.h"

#include <math.h>

static void conv_attr(op_case *c, int stride_h, int stride_w, int pad_top, int pad_left, uint32_t relu_mask)
{
    c->attr.conv = (thaw_conv_attr){sizeof(thaw_conv_attr), stride_h, stride_w, pad_top, pad_left, relu_mask};
}

static void conv2d(op_case *c)
{
    case_init(c, THAW_OP_CONV2D);
    case_in_f32(c, 2, 7, 6, 5, 3);
    case_in_f32(c, 3, 2, 5, 24, 0);
    c->in[1].role = THAW_ROLE_CONST;
    case_in_f32(c, 1, 1, 1, 24, 0);
    c->in[2].role = THAW_ROLE_CONST;
    case_out_f32(c, 2, 4, 6, 17, 2);
    case_out_f32(c, 2, 4, 6, 7, 0);
    conv_attr(c, 2, 1, 1, 1, 2);
}

static void conv2d_bwd_data(op_case *c)
{
    case_init(c, THAW_OP_CONV2D_BWD_DATA);
    case_in_f32(c, 2, 4, 6, 19, 2);
    case_in_f32(c, 3, 2, 5, 19, 0);
    case_out_f32(c, 2, 7, 6, 5, 3);
    conv_attr(c, 2, 1, 1, 1, 0);
}

static void conv2d_bwd_filter(op_case *c)
{
    case_init(c, THAW_OP_CONV2D_BWD_FILTER);
    case_in_f32(c, 2, 7, 6, 5, 3);
    case_in_f32(c, 2, 4, 6, 19, 2);
    case_out_f32(c, 3, 2, 5, 19, 0);
    conv_attr(c, 2, 1, 1, 1, 0);
}

static void affine(op_case *c)
{
    case_init(c, THAW_OP_AFFINE);
    case_in_f32(c, 3, 3, 80, 75, 4);
    case_in_f32(c, 1, 1, 1, 75, 0);
    case_in_f32(c, 1, 1, 1, 75, 0);
    case_out_f32(c, 3, 3, 80, 75, 4);
    c->in_place[0] = 0;
    c->attr.affine = (thaw_affine_attr){sizeof(thaw_affine_attr), 1};
}

static void affine_weights(op_case *c)
{
    case_init(c, THAW_OP_AFFINE);
    case_in_f32(c, 3, 1, 7, 37, 0);
    case_in_f32(c, 1, 1, 1, 37, 0);
    case_out_f32(c, 3, 1, 7, 37, 0);
    c->attr.affine = (thaw_affine_attr){sizeof(thaw_affine_attr), 0};
}

static void bn_attr(op_case *c, uint32_t relu)
{
    c->attr.bn = (thaw_bn_attr){sizeof(thaw_bn_attr), 1e-3f, 0.99f, relu};
}

static void bn_fold(op_case *c)
{
    case_init(c, THAW_OP_BN_FOLD);
    for (int i = 0; i < 3; i++)
        case_in_f32(c, 1, 1, 1, 21, 0);
    for (int i = 0; i < 21; i++)
        ((float *)c->data[2])[i] = 0.1f + (float)i;
    case_out_f32(c, 1, 1, 1, 21, 0);
    case_out_f32(c, 1, 1, 1, 21, 0);
    bn_attr(c, 0);
}

static void bn_train(op_case *c)
{
    case_init(c, THAW_OP_BN_TRAIN);
    float *x = case_in_f32(c, 5, 11, 13, 21, 5);
    for (size_t i = 0; i < elements(&c->in[0]); i++)
        x[i] += 10; /* far from zero against its spread */
    for (int i = 0; i < 3; i++)
        case_in_f32(c, 1, 1, 1, 21, 0);
    case_out_f32(c, 5, 11, 13, 21, 1);
    for (int i = 0; i < 4; i++)
        case_out_f32(c, 1, 1, 1, 21, 0);
    c->in_place[3] = 2;
    c->in_place[4] = 3;
    bn_attr(c, 1);
}

static void bn_train_bwd(op_case *c)
{
    case_init(c, THAW_OP_BN_TRAIN_BWD);
    case_in_f32(c, 5, 11, 13, 21, 5);
    case_in_f32(c, 5, 11, 13, 21, 0);
    case_in_f32(c, 1, 1, 1, 21, 0);
    case_in_f32(c, 1, 1, 1, 21, 0);
    case_out_f32(c, 5, 11, 13, 21, 2);
    case_out_f32(c, 1, 1, 1, 21, 0);
    bn_attr(c, 0);
}

static void pool_attr(op_case *c, int stride, int pad, uint32_t include_pad, uint32_t relu)
{
    c->attr.pool =
        (thaw_pool_attr){sizeof(thaw_pool_attr), 3, 3, stride, stride, pad, pad, include_pad, relu};
}

static void maxpool(op_case *c)
{
    case_init(c, THAW_OP_MAXPOOL);
    float *x = case_in_f32(c, 2, 9, 11, 101, 3);
    for (size_t i = 0; i < elements(&c->in[0]); i += 5)
        x[i] = 0.75f; /* equal maxima */
    for (size_t i = 0; i < elements(&c->in[0]); i += 997)
        x[i] = NAN;
    case_out_f32(c, 2, 4, 5, 101, 7);
    case_out(c, THAW_U8, 2, 4, 5, 101, 1);
    pool_attr(c, 2, 0, 0, 0);
}

static void maxpool_padded(op_case *c)
{
    case_init(c, THAW_OP_MAXPOOL);
    case_in_f32(c, 2, 5, 5, 33, 0);
    case_out_f32(c, 2, 5, 5, 33, 0);
    pool_attr(c, 1, 1, 0, 0);
}

static void maxpool_bwd(op_case *c)
{
    case_init(c, THAW_OP_MAXPOOL_BWD);
    case_in_f32(c, 2, 4, 5, 35, 3);
    uint8_t *arg = case_in(c, THAW_U8, 2, 4, 5, 35, 1);
    for (size_t i = 0; i < elements(&c->in[1]); i++)
        arg[i] %= 11; /* numbers behind the window too: they name no cell */
    case_out_f32(c, 2, 9, 11, 35, 2);
    pool_attr(c, 2, 0, 0, 0);
}

static void avgpool_with(op_case *c, uint32_t include_pad)
{
    case_init(c, THAW_OP_AVGPOOL);
    case_in_f32(c, 2, 6, 7, 101, 3);
    case_in_f32(c, 1, 1, 1, 101, 0);
    case_out_f32(c, 2, 6, 7, 101, 7);
    pool_attr(c, 1, 1, include_pad, 1);
}

static void avgpool(op_case *c)
{
    avgpool_with(c, 0);
}

static void avgpool_include(op_case *c)
{
    avgpool_with(c, 1);
}

static void avgpool_bwd(op_case *c)
{
    case_init(c, THAW_OP_AVGPOOL_BWD);
    case_in_f32(c, 2, 6, 7, 35, 3);
    case_out_f32(c, 2, 6, 7, 35, 2);
    pool_attr(c, 1, 1, 0, 0);
}

static void global_avgpool(op_case *c)
{
    case_init(c, THAW_OP_GLOBAL_AVGPOOL);
    case_in_f32(c, 3, 8, 8, 517, 3);
    case_out_f32(c, 3, 1, 1, 517, 5);
}

static void global_avgpool_bwd(op_case *c)
{
    case_init(c, THAW_OP_GLOBAL_AVGPOOL_BWD);
    case_in_f32(c, 3, 1, 1, 517, 3);
    case_out_f32(c, 3, 8, 8, 517, 5);
}

static void dropout_attr(op_case *c)
{
    c->attr.dropout = (thaw_dropout_attr){sizeof(thaw_dropout_attr), 0.2f, 0x123456789abcdefull};
}

static void dropout(op_case *c)
{
    case_init(c, THAW_OP_DROPOUT);
    case_in_f32(c, 5, 1, 1, 2047, 1);
    case_in(c, THAW_U32, 1, 1, 5, 2, 1);
    case_out_f32(c, 5, 1, 1, 2047, 1);
    case_out(c, THAW_U8, 5, 1, 1, 2047, 4);
    c->in_place[0] = 0;
    dropout_attr(c);
}

static void dropout_bwd(op_case *c)
{
    case_init(c, THAW_OP_DROPOUT_BWD);
    case_in_f32(c, 5, 1, 1, 203, 1);
    uint8_t *mask = case_in(c, THAW_U8, 5, 1, 1, 203, 2);
    for (size_t i = 0; i < elements(&c->in[1]); i++)
        mask[i] &= 1;
    case_out_f32(c, 5, 1, 1, 203, 1);
    c->in_place[0] = 0;
    dropout_attr(c);
}

static void labels(op_case *c, int n, int classes)
{
    int32_t *label = case_in(c, THAW_I32, 1, 1, 1, n, 0);
    for (int i = 0; i < n; i++)
        label[i] = i * 7 % classes;
}

static void softmax_xent(op_case *c)
{
    case_init(c, THAW_OP_SOFTMAX_XENT);
    case_in_f32(c, 9, 1, 1, 13, 3);
    labels(c, 9, 13);
    case_out_f32(c, 9, 1, 1, 13, 1);
    case_out_f32(c, 1, 1, 1, 9, 0);
}

static void softmax_xent_bwd(op_case *c)
{
    case_init(c, THAW_OP_SOFTMAX_XENT_BWD);
    case_in_f32(c, 9, 1, 1, 13, 3);
    labels(c, 9, 13);
    case_out_f32(c, 9, 1, 1, 13, 1);
    c->attr.xent = (thaw_xent_attr){sizeof(thaw_xent_attr), 1.0f / 9};
}

static void metrics(op_case *c)
{
    case_init(c, THAW_OP_METRICS);
    case_in_f32(c, 9, 1, 1, 3, 3);
    labels(c, 9, 3);
    case_in_f32(c, 1, 1, 1, 9, 0);
    case_out_f32(c, 1, 1, 1, 2, 0);
}

static void relu_bwd(op_case *c)
{
    case_init(c, THAW_OP_RELU_BWD);
    case_in_f32(c, 3, 20, 31, 43, 0);
    case_in_f32(c, 3, 20, 31, 43, 0);
    case_out_f32(c, 3, 20, 31, 43, 0);
    c->in_place[0] = 0;
}

static void bias_grad(op_case *c)
{
    case_init(c, THAW_OP_BIAS_GRAD);
    case_in_f32(c, 5, 11, 13, 43, 1);
    case_out_f32(c, 1, 1, 1, 43, 0);
}

static void add(op_case *c)
{
    case_init(c, THAW_OP_ADD);
    for (int i = 0; i < 4; i++)
        case_in_f32(c, 2, 5, 7, 43, i);
    case_out_f32(c, 2, 5, 7, 43, 0);
    c->in_place[0] = 0;
}

static void cast(op_case *c, thaw_dtype from, thaw_dtype to, float scale, float shift)
{
    case_init(c, THAW_OP_CAST);
    case_in(c, from, 2, 5, 7, 543, 1);
    case_out(c, to, 2, 5, 7, 543, 3);
    c->attr.cast = (thaw_cast_attr){sizeof(thaw_cast_attr), scale, shift};
}

static void cast_u8(op_case *c)
{
    cast(c, THAW_U8, THAW_F32, 1.0f / 127.5f, -1.0f);
}

static void cast_to_half(op_case *c)
{
    cast(c, THAW_F32, THAW_F16, 1.0f, 0.0f);
    float *x = c->data[0]; /* every magnitude, ties, the largest, subnormals, infinity */
    for (size_t i = 0; i < elements(&c->in[0]); i++)
        x[i] = ldexpf(x[i], (int)(i % 48) - 28);
    const float odd[] = {65519.0f,   65520.0f, -65536.0f, INFINITY,   0x1.002p0f,
                         0x1.006p0f, 0x1p-24f, 0x1p-25f,  0x1.8p-25f, -0.0f};
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++)
        x[i] = x[543 - 1 - i] = odd[i];
}

static void cast_to_bfloat(op_case *c)
{
    cast(c, THAW_F32, THAW_BF16, 1.0f, 0.0f);
}

static void cast_from_half(op_case *c)
{
    cast(c, THAW_F16, THAW_F32, 1.0f, 0.0f);
}

static void cast_from_bfloat(op_case *c)
{
    cast(c, THAW_BF16, THAW_F32, 1.0f, 0.0f);
}

static void cast_copy(op_case *c)
{
    cast(c, THAW_F16, THAW_F16, 1.0f, 0.0f);
}

static void adam(op_case *c)
{
    const int shape[2][5] = {{3, 3, 40, 70, 0}, {1, 2, 3, 5, 2}};
    case_init(c, THAW_OP_ADAM);
    float *hyper = case_in_f32(c, 1, 1, 1, 8, 0);
    const float values[8] = {1e-3f, 0.1f, 1e-3f, 1e-7f};
    for (int i = 0; i < 8; i++)
        hyper[i] = values[i];
    for (int t = 0; t < 2; t++) {
        const int *s = shape[t];
        for (int i = 0; i < 4; i++) {
            float *x = case_in_f32(c, s[0], s[1], s[2], s[3], s[4]);
            for (size_t e = 0; i == 3 && e < elements(&c->in[c->n_in - 1]); e++)
                x[e] = fabsf(x[e]);
        }
        for (int i = 0; i < 3; i++)
            case_out_f32(c, s[0], s[1], s[2], s[3], s[4]);
        c->in_place[3 * t] = 1 + 4 * t;
        c->in_place[3 * t + 1] = 3 + 4 * t;
        c->in_place[3 * t + 2] = 4 + 4 * t;
    }
}

bool case_make(size_t i, op_case *c)
{
    static void (*const makers[])(op_case *) = {
        conv2d,
        conv2d_bwd_data,
        conv2d_bwd_filter,
        affine,
        affine_weights,
        bn_fold,
        bn_train,
        bn_train_bwd,
        maxpool,
        maxpool_padded,
        maxpool_bwd,
        avgpool,
        avgpool_include,
        avgpool_bwd,
        global_avgpool,
        global_avgpool_bwd,
        dropout,
        dropout_bwd,
        softmax_xent,
        softmax_xent_bwd,
        metrics,
        relu_bwd,
        bias_grad,
        add,
        cast_u8,
        cast_to_half,
        cast_to_bfloat,
        cast_from_half,
        cast_from_bfloat,
        cast_copy,
        adam,
    };
    if (i >= sizeof makers / sizeof makers[0])
        return false;
    makers[i](c);
    return true;
}
