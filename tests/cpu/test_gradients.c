/* The reference's backward ops against its forward ops. A linear op A and its adjoint B satisfy
 * <A x, y> = <x, B y>; the others are held against finite differences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cases.h"

static double dot(const float *a, const float *b, size_t n)
{
    double sum = 0;
    for (size_t i = 0; i < n; i++)
        sum += (double)a[i] * b[i];
    return sum;
}

static void assert_close(double a, double b, double tolerance)
{
    if (!(fabs(a - b) <= tolerance * (1 + fabs(a))))
        fail_msg("%.9g and %.9g differ", a, b);
}

static void run(const op_case *c, void *results[MAX_OUT])
{
    assert_true(case_run_on(&serial_host, "isa=reference", c, false, results));
}

/* Gives input i of c a copy of the data. */
static void set_in(op_case *c, uint32_t i, const void *data)
{
    memcpy(c->data[i], data, elements(&c->in[i]) * dtype_bytes(c->in[i].dtype));
}

/* Stride, padding, and a window that leaves rows of the image unread. */
static void convolution(void **state)
{
    (void)state;
    op_case f, d, w;
    void *y[MAX_OUT], *dx[MAX_OUT], *dw[MAX_OUT];
    const thaw_conv_attr attr = {sizeof attr, 2, 3, 1, 2, 0};
    case_init(&f, THAW_OP_CONV2D);
    float *x = case_in_f32(&f, 2, 8, 9, 3, 1), *k = case_in_f32(&f, 3, 4, 3, 5, 0);
    case_out_f32(&f, 2, 4, 4, 5, 1);
    case_init(&d, THAW_OP_CONV2D_BWD_DATA);
    float *dy = case_in_f32(&d, 2, 4, 4, 5, 1);
    case_in_f32(&d, 3, 4, 3, 5, 0);
    case_out_f32(&d, 2, 8, 9, 3, 1);
    case_init(&w, THAW_OP_CONV2D_BWD_FILTER);
    case_in_f32(&w, 2, 8, 9, 3, 1);
    case_in_f32(&w, 2, 4, 4, 5, 1);
    case_out_f32(&w, 3, 4, 3, 5, 0);
    f.attr.conv = d.attr.conv = w.attr.conv = attr;
    set_in(&d, 1, k);
    set_in(&w, 0, x);
    set_in(&w, 1, dy);
    run(&f, y);
    run(&d, dx);
    run(&w, dw);
    double value = dot(y[0], dy, elements(&f.out[0]));
    assert_true(fabs(value) > 1e-3);
    assert_close(value, dot(dx[0], x, elements(&f.in[0])), 1e-6);
    assert_close(value, dot(dw[0], k, elements(&f.in[1])), 1e-6);
    results_free(&f, y);
    results_free(&d, dx);
    results_free(&w, dw);
    case_free(&f);
    case_free(&d);
    case_free(&w);
}

/* One image op and its adjoint; `saved` is the output of the forward op that the backward one reads. */
static void adjoint(op_case *f, op_case *b, int saved)
{
    void *y[MAX_OUT], *dx[MAX_OUT];
    run(f, y);
    if (saved >= 0)
        set_in(b, 1, y[saved]);
    run(b, dx);
    double value = dot(y[0], b->data[0], elements(&f->out[0]));
    assert_true(fabs(value) > 1e-3);
    assert_close(value, dot(dx[0], f->data[0], elements(&f->in[0])), 1e-6);
    results_free(f, y);
    results_free(b, dx);
    case_free(f);
    case_free(b);
}

static void pools(void **state)
{
    (void)state;
    for (int variant = 0; variant < 4; variant++) {
        bool max = variant >= 2;
        op_case f, b;
        thaw_pool_attr attr = {sizeof attr, 3, 2, 2, 1, 1, 1, variant & 1, 0};
        case_init(&f, max ? THAW_OP_MAXPOOL : THAW_OP_AVGPOOL);
        case_in_f32(&f, 2, 7, 5, 6, 1);
        case_out_f32(&f, 2, 4, 6, 6, 1);
        if (max)
            case_out(&f, THAW_U8, 2, 4, 6, 6, 1);
        case_init(&b, max ? THAW_OP_MAXPOOL_BWD : THAW_OP_AVGPOOL_BWD);
        case_in_f32(&b, 2, 4, 6, 6, 1);
        if (max)
            case_in(&b, THAW_U8, 2, 4, 6, 6, 1);
        case_out_f32(&b, 2, 7, 5, 6, 1);
        f.attr.pool = b.attr.pool = attr;
        adjoint(&f, &b, max ? 1 : -1);
    }
}

static void global_pool(void **state)
{
    (void)state;
    op_case f, b;
    case_init(&f, THAW_OP_GLOBAL_AVGPOOL);
    case_in_f32(&f, 2, 3, 5, 40, 1);
    case_out_f32(&f, 2, 1, 1, 40, 1);
    case_init(&b, THAW_OP_GLOBAL_AVGPOOL_BWD);
    case_in_f32(&b, 2, 1, 1, 40, 1);
    case_out_f32(&b, 2, 3, 5, 40, 1);
    adjoint(&f, &b, -1);
}

static void dropout(void **state)
{
    (void)state;
    op_case f, b;
    case_init(&f, THAW_OP_DROPOUT);
    case_in_f32(&f, 3, 1, 1, 50, 1);
    case_in(&f, THAW_U32, 1, 1, 3, 2, 0);
    case_out_f32(&f, 3, 1, 1, 50, 1);
    case_out(&f, THAW_U8, 3, 1, 1, 50, 1);
    case_init(&b, THAW_OP_DROPOUT_BWD);
    case_in_f32(&b, 3, 1, 1, 50, 1);
    case_in(&b, THAW_U8, 3, 1, 1, 50, 1);
    case_out_f32(&b, 3, 1, 1, 50, 1);
    f.attr.dropout = b.attr.dropout = (thaw_dropout_attr){sizeof(thaw_dropout_attr), 0.4f, 77};
    adjoint(&f, &b, 1);
}

/* (L(x + h) - L(x - h)) / 2h for element e of input i, L = <output k, weight>. */
static double slope(op_case *f, uint32_t i, size_t e, uint32_t k, const float *weight, float h)
{
    float *x = f->data[i], keep = x[e];
    double value[2];
    for (int side = 0; side < 2; side++) {
        void *y[MAX_OUT];
        x[e] = keep + (side ? -h : h);
        run(f, y);
        value[side] = dot(y[k], weight, elements(&f->out[k]));
        results_free(f, y);
    }
    x[e] = keep;
    return (value[0] - value[1]) / (2.0 * h);
}

static void batch_norm(void **state)
{
    (void)state;
    op_case f, b;
    void *y[MAX_OUT], *dx[MAX_OUT];
    case_init(&f, THAW_OP_BN_TRAIN);
    case_in_f32(&f, 2, 3, 3, 2, 1);
    for (int i = 0; i < 3; i++)
        case_in_f32(&f, 1, 1, 1, 2, 0);
    case_out_f32(&f, 2, 3, 3, 2, 1);
    for (int i = 0; i < 4; i++)
        case_out_f32(&f, 1, 1, 1, 2, 0);
    case_init(&b, THAW_OP_BN_TRAIN_BWD);
    float *g = case_in_f32(&b, 2, 3, 3, 2, 1);
    case_in_f32(&b, 2, 3, 3, 2, 1);
    case_in_f32(&b, 1, 1, 1, 2, 0);
    case_in_f32(&b, 1, 1, 1, 2, 0);
    case_out_f32(&b, 2, 3, 3, 2, 1);
    case_out_f32(&b, 1, 1, 1, 2, 0);
    f.attr.bn = b.attr.bn = (thaw_bn_attr){sizeof(thaw_bn_attr), 1e-3f, 0.9f, 0};
    run(&f, y);
    set_in(&b, 1, f.data[0]);
    set_in(&b, 2, y[1]);
    set_in(&b, 3, y[2]);
    run(&b, dx);
    for (size_t e = 0; e < elements(&f.in[0]); e++)
        assert_close(((float *)dx[0])[e], slope(&f, 0, e, 0, g, 4e-3f), 5e-4);
    for (size_t c = 0; c < 2; c++)
        assert_close(((float *)dx[1])[c], slope(&f, 1, c, 0, g, 0.1f), 1e-5);
    results_free(&f, y);
    results_free(&b, dx);
    case_free(&f);
    case_free(&b);
}

static void cross_entropy(void **state)
{
    (void)state;
    op_case f, b;
    void *y[MAX_OUT], *dz[MAX_OUT];
    const float weight[3] = {0.5f, 0.5f, 0.5f};
    case_init(&f, THAW_OP_SOFTMAX_XENT);
    case_in_f32(&f, 3, 1, 1, 4, 1);
    int32_t *label = case_in(&f, THAW_I32, 1, 1, 1, 3, 0);
    for (int i = 0; i < 3; i++)
        label[i] = i;
    case_out_f32(&f, 3, 1, 1, 4, 1);
    case_out_f32(&f, 1, 1, 1, 3, 0);
    case_init(&b, THAW_OP_SOFTMAX_XENT_BWD);
    case_in_f32(&b, 3, 1, 1, 4, 1);
    case_in(&b, THAW_I32, 1, 1, 1, 3, 0);
    case_out_f32(&b, 3, 1, 1, 4, 1);
    b.attr.xent = (thaw_xent_attr){sizeof(thaw_xent_attr), 0.5f};
    run(&f, y);
    set_in(&b, 0, y[0]);
    set_in(&b, 1, label);
    run(&b, dz);
    for (size_t e = 0; e < elements(&f.in[0]); e++)
        assert_close(((float *)dz[0])[e], slope(&f, 0, e, 1, weight, 1e-2f), 1e-4);
    results_free(&f, y);
    results_free(&b, dz);
    case_free(&f);
    case_free(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution), cmocka_unit_test(pools),      cmocka_unit_test(global_pool),
        cmocka_unit_test(dropout),     cmocka_unit_test(batch_norm), cmocka_unit_test(cross_entropy),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
