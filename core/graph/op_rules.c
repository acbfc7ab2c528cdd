#include "core/graph/op_rules.h"

/* A check in progress: rules are written as one expression over these helpers. */
typedef struct rule {
    const thaw_graph *graph;
    const thaw_gop *op;
} rule;

static const thaw_gtensor *in(const rule *r, uint32_t i)
{
    return &r->graph->tensors[r->op->in[i]];
}

static const thaw_gtensor *out(const rule *r, uint32_t i)
{
    return &r->graph->tensors[r->op->out[i]];
}

static bool same_shape(const thaw_gtensor *a, const thaw_gtensor *b)
{
    return a->n == b->n && a->h == b->h && a->w == b->w && a->c == b->c;
}

static bool is_vector(const thaw_gtensor *t, int32_t c)
{
    return t->n == 1 && t->h == 1 && t->w == 1 && t->c == c;
}

static bool is_row(const thaw_gtensor *t)
{
    return t->h == 1 && t->w == 1;
}

static bool arity(const rule *r, uint32_t min_in, uint32_t max_in, uint32_t min_out, uint32_t max_out)
{
    return r->op->n_in >= min_in && r->op->n_in <= max_in && r->op->n_out >= min_out &&
           r->op->n_out <= max_out;
}

/* A window of k cells every s, moved by pad, lies over n_out places: the last starts inside the image. */
static bool window_fits(int32_t size, int32_t k, int32_t s, int32_t pad, int32_t n_out)
{
    return k > 0 && s > 0 && pad >= 0 && pad < k && (int64_t)(n_out - 1) * s - pad < size;
}

static bool conv_shapes(const thaw_conv_attr *a, const thaw_gtensor *x, const thaw_gtensor *w,
                        const thaw_gtensor *y)
{
    return x->n == y->n && w->w == x->c && window_fits(x->h, w->n, a->stride_h, a->pad_top, y->h) &&
           window_fits(x->w, w->h, a->stride_w, a->pad_left, y->w);
}

static bool rule_conv2d(const rule *r)
{
    if (!arity(r, 2, 3, 1, THAW_CONV_MAX_OUT))
        return false;
    int64_t channels = 0;
    for (uint32_t i = 0; i < r->op->n_out; i++) {
        if (!conv_shapes(&r->op->attr.conv, in(r, 0), in(r, 1), out(r, i)) || out(r, i)->h != out(r, 0)->h ||
            out(r, i)->w != out(r, 0)->w)
            return false;
        channels += out(r, i)->c;
    }
    return channels == in(r, 1)->c && (r->op->n_in < 3 || is_vector(in(r, 2), in(r, 1)->c));
}

static bool rule_bwd_data(const rule *r)
{
    return arity(r, 2, 2, 1, 1) && conv_shapes(&r->op->attr.conv, out(r, 0), in(r, 1), in(r, 0)) &&
           in(r, 1)->c == in(r, 0)->c;
}

static bool rule_bwd_filter(const rule *r)
{
    return arity(r, 2, 2, 1, 1) && conv_shapes(&r->op->attr.conv, in(r, 0), out(r, 0), in(r, 1)) &&
           out(r, 0)->c == in(r, 1)->c;
}

static bool rule_affine(const rule *r)
{
    return arity(r, 2, 3, 1, 1) && same_shape(in(r, 0), out(r, 0)) && is_vector(in(r, 1), in(r, 0)->c) &&
           (r->op->n_in < 3 || is_vector(in(r, 2), in(r, 0)->c));
}

static bool all_vectors(const rule *r, uint32_t first_in, uint32_t first_out, int32_t c)
{
    for (uint32_t i = first_in; i < r->op->n_in; i++)
        if (!is_vector(in(r, i), c))
            return false;
    for (uint32_t i = first_out; i < r->op->n_out; i++)
        if (!is_vector(out(r, i), c))
            return false;
    return true;
}

static bool rule_bn_fold(const rule *r)
{
    return arity(r, 3, 3, 2, 2) && all_vectors(r, 0, 0, in(r, 0)->c);
}

static bool rule_bn_train(const rule *r)
{
    return arity(r, 4, 4, 5, 5) && same_shape(in(r, 0), out(r, 0)) && all_vectors(r, 1, 1, in(r, 0)->c);
}

static bool rule_bn_train_bwd(const rule *r)
{
    return arity(r, 4, 4, 2, 2) && same_shape(in(r, 0), in(r, 1)) && same_shape(in(r, 0), out(r, 0)) &&
           all_vectors(r, 2, 1, in(r, 0)->c);
}

static bool pool_shapes(const thaw_pool_attr *a, const thaw_gtensor *x, const thaw_gtensor *y)
{
    return x->n == y->n && x->c == y->c && window_fits(x->h, a->kh, a->stride_h, a->pad_top, y->h) &&
           window_fits(x->w, a->kw, a->stride_w, a->pad_left, y->w);
}

static bool rule_maxpool(const rule *r)
{
    return arity(r, 1, 1, 1, 2) && pool_shapes(&r->op->attr.pool, in(r, 0), out(r, 0)) &&
           (r->op->n_out < 2 || (same_shape(out(r, 0), out(r, 1)) && out(r, 1)->dtype == THAW_U8));
}

static bool rule_maxpool_bwd(const rule *r)
{
    return arity(r, 2, 2, 1, 1) && same_shape(in(r, 0), in(r, 1)) && in(r, 1)->dtype == THAW_U8 &&
           pool_shapes(&r->op->attr.pool, out(r, 0), in(r, 0));
}

static bool rule_avgpool(const rule *r)
{
    return arity(r, 1, 2, 1, 1) && pool_shapes(&r->op->attr.pool, in(r, 0), out(r, 0)) &&
           (r->op->n_in < 2 || is_vector(in(r, 1), in(r, 0)->c));
}

static bool rule_avgpool_bwd(const rule *r)
{
    return arity(r, 1, 1, 1, 1) && pool_shapes(&r->op->attr.pool, out(r, 0), in(r, 0));
}

static bool rule_gap(const rule *r)
{
    return arity(r, 1, 1, 1, 1) && is_row(out(r, 0)) && in(r, 0)->n == out(r, 0)->n &&
           in(r, 0)->c == out(r, 0)->c;
}

static bool rule_gap_bwd(const rule *r)
{
    return arity(r, 1, 1, 1, 1) && is_row(in(r, 0)) && in(r, 0)->n == out(r, 0)->n &&
           in(r, 0)->c == out(r, 0)->c;
}

static bool rule_dropout(const rule *r)
{
    return arity(r, 2, 2, 2, 2) && is_row(in(r, 0)) && same_shape(in(r, 0), out(r, 0)) &&
           same_shape(in(r, 0), out(r, 1)) && out(r, 1)->dtype == THAW_U8 && in(r, 1)->dtype == THAW_U32 &&
           in(r, 1)->w == in(r, 0)->n && in(r, 1)->c == 2;
}

static bool rule_dropout_bwd(const rule *r)
{
    return arity(r, 2, 2, 1, 1) && same_shape(in(r, 0), in(r, 1)) && in(r, 1)->dtype == THAW_U8 &&
           same_shape(in(r, 0), out(r, 0));
}

static bool rule_xent(const rule *r)
{
    return arity(r, 2, 2, 2, 2) && is_row(in(r, 0)) && is_vector(in(r, 1), in(r, 0)->n) &&
           in(r, 1)->dtype == THAW_I32 && same_shape(in(r, 0), out(r, 0)) &&
           is_vector(out(r, 1), in(r, 0)->n);
}

static bool rule_xent_bwd(const rule *r)
{
    return arity(r, 2, 2, 1, 1) && is_row(in(r, 0)) && is_vector(in(r, 1), in(r, 0)->n) &&
           in(r, 1)->dtype == THAW_I32 && same_shape(in(r, 0), out(r, 0));
}

static bool rule_metrics(const rule *r)
{
    return arity(r, 3, 3, 1, 1) && is_row(in(r, 0)) && is_vector(in(r, 1), in(r, 0)->n) &&
           in(r, 1)->dtype == THAW_I32 && is_vector(in(r, 2), in(r, 0)->n) && is_vector(out(r, 0), 2);
}

static bool rule_relu_bwd(const rule *r)
{
    return arity(r, 2, 2, 1, 1) && same_shape(in(r, 0), in(r, 1)) && same_shape(in(r, 0), out(r, 0));
}

static bool rule_bias_grad(const rule *r)
{
    return arity(r, 1, 1, 1, 1) && is_vector(out(r, 0), in(r, 0)->c);
}

static bool rule_add(const rule *r)
{
    if (!arity(r, 2, THAW_ADD_MAX_IN, 1, 1))
        return false;
    for (uint32_t i = 0; i < r->op->n_in; i++)
        if (!same_shape(in(r, i), out(r, 0)))
            return false;
    return true;
}

static bool rule_cast(const rule *r)
{
    return arity(r, 1, 1, 1, 1) && same_shape(in(r, 0), out(r, 0)) && out(r, 0)->dtype <= THAW_BF16 &&
           in(r, 0)->dtype <= THAW_U8;
}

static bool rule_adam(const rule *r)
{
    uint32_t k = r->op->n_out / 3;
    if (k == 0 || r->op->n_out != 3 * k || r->op->n_in != 1 + 4 * k || !is_vector(in(r, 0), 8))
        return false;
    for (uint32_t i = 0; i < k; i++)
        for (uint32_t j = 0; j < 4; j++)
            if (!same_shape(in(r, 1 + 4 * i + j), out(r, 3 * i + (j == 3 ? 2 : 0))) ||
                !same_shape(out(r, 3 * i), out(r, 3 * i + 1)))
                return false;
    return true;
}

/* Tensors that are not f32 stand at places of their own; everywhere else f32 is meant. */
static bool types_are_f32(const rule *r)
{
    const thaw_gop *op = r->op;
    if (op->kind == THAW_OP_CAST)
        return true;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        const thaw_gtensor *t = i < op->n_in ? in(r, i) : out(r, i - op->n_in);
        bool second_in = i == 1;
        bool second_out = i == op->n_in + 1;
        bool special = (second_in && (op->kind == THAW_OP_MAXPOOL_BWD || op->kind == THAW_OP_DROPOUT ||
                                      op->kind == THAW_OP_DROPOUT_BWD || op->kind == THAW_OP_SOFTMAX_XENT ||
                                      op->kind == THAW_OP_SOFTMAX_XENT_BWD || op->kind == THAW_OP_METRICS)) ||
                       (second_out && (op->kind == THAW_OP_MAXPOOL || op->kind == THAW_OP_DROPOUT));
        if (!special && t->dtype != THAW_F32)
            return false;
    }
    return true;
}

typedef bool (*rule_fn)(const rule *r);

static const rule_fn rules[THAW_OP_KIND_END] = {
    [THAW_OP_CONV2D] = rule_conv2d,
    [THAW_OP_CONV2D_BWD_DATA] = rule_bwd_data,
    [THAW_OP_CONV2D_BWD_FILTER] = rule_bwd_filter,
    [THAW_OP_AFFINE] = rule_affine,
    [THAW_OP_BN_FOLD] = rule_bn_fold,
    [THAW_OP_BN_TRAIN] = rule_bn_train,
    [THAW_OP_BN_TRAIN_BWD] = rule_bn_train_bwd,
    [THAW_OP_MAXPOOL] = rule_maxpool,
    [THAW_OP_MAXPOOL_BWD] = rule_maxpool_bwd,
    [THAW_OP_AVGPOOL] = rule_avgpool,
    [THAW_OP_AVGPOOL_BWD] = rule_avgpool_bwd,
    [THAW_OP_GLOBAL_AVGPOOL] = rule_gap,
    [THAW_OP_GLOBAL_AVGPOOL_BWD] = rule_gap_bwd,
    [THAW_OP_DROPOUT] = rule_dropout,
    [THAW_OP_DROPOUT_BWD] = rule_dropout_bwd,
    [THAW_OP_SOFTMAX_XENT] = rule_xent,
    [THAW_OP_SOFTMAX_XENT_BWD] = rule_xent_bwd,
    [THAW_OP_METRICS] = rule_metrics,
    [THAW_OP_RELU_BWD] = rule_relu_bwd,
    [THAW_OP_BIAS_GRAD] = rule_bias_grad,
    [THAW_OP_ADD] = rule_add,
    [THAW_OP_CAST] = rule_cast,
    [THAW_OP_ADAM] = rule_adam,
};

thaw_status thaw_op_rule_check(const thaw_graph *graph, const thaw_gop *op, thaw_error *err)
{
    rule r = {graph, op};
    for (uint32_t i = 0; i < op->n_in; i++)
        if (op->in[i] >= graph->n_tensors)
            return thaw_fail(err, THAW_E_INTERNAL, "%s: input %u does not exist", op->label, i);
    for (uint32_t i = 0; i < op->n_out; i++)
        if (op->out[i] >= graph->n_tensors)
            return thaw_fail(err, THAW_E_INTERNAL, "%s: output %u does not exist", op->label, i);
    if (!rules[op->kind](&r) || !types_are_f32(&r)) {
        const thaw_gtensor *x = op->n_in ? in(&r, 0) : NULL, *y = op->n_out ? out(&r, 0) : NULL;
        return thaw_fail(err, THAW_E_INTERNAL,
                         "%s (%s): %u inputs and %u outputs break the rules of this op (first input "
                         "%dx%dx%dx%d, first output %dx%dx%dx%d)",
                         thaw_op_facts_of(op->kind)->name, op->label, op->n_in, op->n_out, x ? x->n : 0,
                         x ? x->h : 0, x ? x->w : 0, x ? x->c : 0, y ? y->n : 0, y ? y->h : 0, y ? y->w : 0,
                         y ? y->c : 0);
    }
    return THAW_OK;
}
