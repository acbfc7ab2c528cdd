/* Convolution, batch normalisation and ReLU as one unit, folded as far as nothing in it trains.
 *
 * In inference y = relu(s*conv(x, W) + (beta - mean*s)) with s = 1/sqrt(var + eps), so that W' = W*s and
 * b' = beta - mean*s give relu(conv(x, W') + b'). If all of it is constant, W' and b' are computed here. If
 * W or the statistics are variables, W' and b' are computed by ops before each run, and W stays the
 * master: Adam's steps are not invariant under the folding. An average pool in front of a 1x1 convolution
 * moves behind it, where it has fewer channels: both are linear, and the pool does not mix channels. */
#include <math.h>
#include <stdio.h>

#include "core/graph/lowering.h"

typedef struct unit {
    lowering *l;
    uint32_t conv, bn, relu; /* layers */
    uint32_t k;
    bool pooled;      /* an average pool has moved behind the convolution */
    bool conv_var;    /* the kernel is a variable */
    bool beta_var;    /* beta is a variable */
    bool stats_var;   /* the moving statistics are variables */
    bool batch_stats; /* normalise by the batch's statistics */
} unit;

static const thaw_layer *layer(const unit *u, uint32_t i)
{
    return &u->l->spec->net->layers[i];
}

static unit unit_of(lowering *l, uint32_t conv)
{
    const thaw_lower_spec *s = l->spec;
    const thaw_layer *layers = s->net->layers;
    unit u = {.l = l, .conv = conv, .k = layers[conv].k};
    /* The users of a layer have higher positions, and each of these three has one user. */
    u.bn = conv + 1;
    while (layers[u.bn].kind != THAW_LAYER_BN || layers[u.bn].in[0] != conv)
        u.bn++;
    u.relu = u.bn + 1;
    while (layers[u.relu].kind != THAW_LAYER_RELU || layers[u.relu].in[0] != u.bn)
        u.relu++;
    uint32_t in = layers[conv].in[0];
    u.pooled = layers[in].kind == THAW_LAYER_AVGPOOL && l->tensor[in] == THAW_NO_TENSOR;
    u.conv_var = s->trainable && s->trainable[conv];
    u.beta_var = s->trainable && s->trainable[u.bn];
    u.stats_var = u.beta_var && s->bn == THAW_BN_BATCH;
    u.batch_stats = u.stats_var && s->train;
    return u;
}

static int32_t channels_in(const unit *u)
{
    return layer(u, layer(u, u->conv)->in[0])->c;
}

static uint32_t input_of(const unit *u)
{
    uint32_t in = layer(u, u->conv)->in[0];
    return u->l->tensor[u->pooled ? layer(u, in)->in[0] : in];
}

/* ---- emitting ---- */

static thaw_attr pool_attr(const unit *u, bool relu)
{
    return (thaw_attr){
        .pool = {sizeof(thaw_pool_attr), 3, 3, 1, 1, 1, 1, u->l->spec->pool_include_pad, relu}};
}

static thaw_status temp(const unit *u, const char *prefix, uint32_t *out)
{
    const thaw_layer *c = layer(u, u->conv);
    char name[64];
    snprintf(name, sizeof name, "%s:%s", prefix, c->name);
    return thaw_graph_tensor(u->l->graph, name, THAW_T_TEMP, THAW_F32, u->l->spec->batch, c->h, c->w, c->c,
                             out, u->l->err);
}

/* y = relu?(pool?(conv(x, w)) + bias?); bias may be THAW_NO_TENSOR. */
static thaw_status emit_conv(const unit *u, uint32_t w, uint32_t bias, bool relu, uint32_t y)
{
    const thaw_layer *c = layer(u, u->conv);
    thaw_graph *graph = u->l->graph;
    uint32_t n_bias = bias == THAW_NO_TENSOR ? 0 : 1, z = y;
    thaw_status st = u->pooled ? temp(u, "unpooled", &z) : THAW_OK;
    thaw_attr attr = {.conv = {sizeof attr.conv, c->stride, c->stride, c->same ? (c->kh - 1) / 2 : 0,
                               c->same ? (c->kw - 1) / 2 : 0, !u->pooled && relu}};
    if (st == THAW_OK)
        st = thaw_graph_op(graph, THAW_OP_CONV2D, c->name, (uint32_t[]){input_of(u), w, bias},
                           2 + (u->pooled ? 0 : n_bias), &z, 1, &attr, u->l->err);
    if (st != THAW_OK || !u->pooled)
        return st;
    thaw_attr pool = pool_attr(u, relu);
    return thaw_graph_op(graph, THAW_OP_AVGPOOL, layer(u, c->in[0])->name, (uint32_t[]){z, bias}, 1 + n_bias,
                         &y, 1, &pool, u->l->err);
}

static thaw_status kernel(const unit *u, uint32_t *out)
{
    const thaw_layer *c = layer(u, u->conv);
    return thaw_lower_weight(u->l, THAW_W_INDEX(u->k, THAW_W_KERNEL), u->conv_var, true, c->kh, c->kw,
                             channels_in(u), c->c, out);
}

static thaw_status vector(const unit *u, int what, bool variable, bool trained, uint32_t *out)
{
    return thaw_lower_weight(u->l, THAW_W_INDEX(u->k, what), variable, trained, 1, 1, 1, layer(u, u->conv)->c,
                             out);
}

/* ---- folding ---- */

/* Folded on the host, in double, rounded once. */
static float inverse_deviation(float variance)
{
    return (float)(1.0 / sqrt((double)variance + (double)THAW_BN_EPSILON));
}

static thaw_status statistics_present(const unit *u)
{
    const float *const *w = u->l->spec->weights->data;
    for (int what = THAW_W_KERNEL; what <= THAW_W_VAR; what++)
        if (what == THAW_W_KERNEL ? !thaw_lower_has(u->l, THAW_W_INDEX(u->k, what))
                                  : !w[THAW_W_INDEX(u->k, what)])
            return thaw_fail(u->l->err, THAW_E_INVALID, "the model lacks a tensor of %s",
                             layer(u, u->conv)->name);
    return THAW_OK;
}

static thaw_status folded_kernel(const unit *u, uint32_t *out)
{
    const thaw_layer *c = layer(u, u->conv);
    const float *const *w = u->l->spec->weights->data;
    const thaw_const_part part = {.kernel = w[THAW_W_INDEX(u->k, THAW_W_KERNEL)],
                                  .weight = THAW_W_INDEX(u->k, THAW_W_KERNEL),
                                  .variance = w[THAW_W_INDEX(u->k, THAW_W_VAR)],
                                  .columns = (size_t)c->c};
    char name[64];
    thaw_status st = statistics_present(u);
    snprintf(name, sizeof name, "folded:%s/kernel", c->name);
    return st != THAW_OK ? st : thaw_lower_recipe(u->l, name, c->kh, c->kw, channels_in(u), c->c, &part, out);
}

static thaw_status folded_scale_and_shift(const unit *u, uint32_t *scale, uint32_t *shift)
{
    const thaw_layer *c = layer(u, u->conv);
    const float *const *w = u->l->spec->weights->data;
    float *s, *b;
    char name[64];
    thaw_status st = statistics_present(u);
    snprintf(name, sizeof name, "folded:%s/scale", c->name);
    if (st == THAW_OK && scale)
        st = thaw_lower_const(u->l, name, 1, 1, 1, c->c, &s, scale);
    snprintf(name, sizeof name, "folded:%s/shift", c->name);
    if (st == THAW_OK)
        st = thaw_lower_const(u->l, name, 1, 1, 1, c->c, &b, shift);
    if (st != THAW_OK)
        return st;
    const float *beta = w[THAW_W_INDEX(u->k, THAW_W_BETA)], *mean = w[THAW_W_INDEX(u->k, THAW_W_MEAN)];
    const float *var = w[THAW_W_INDEX(u->k, THAW_W_VAR)];
    for (int32_t j = 0; j < c->c; j++) {
        if (scale)
            s[j] = inverse_deviation(var[j]);
        b[j] = (float)((double)beta[j] - (double)mean[j] / sqrt((double)var[j] + (double)THAW_BN_EPSILON));
    }
    return THAW_OK;
}

/* scale and shift as tensors that an op computes before each run. */
static thaw_status computed_scale_and_shift(const unit *u, uint32_t *scale, uint32_t *shift)
{
    const thaw_layer *c = layer(u, u->conv);
    thaw_graph *graph = u->l->graph;
    uint32_t in[3], out[2];
    char name[64];
    thaw_status st = vector(u, THAW_W_BETA, u->beta_var, true, &in[0]);
    if (st == THAW_OK)
        st = vector(u, THAW_W_MEAN, u->stats_var, false, &in[1]);
    if (st == THAW_OK)
        st = vector(u, THAW_W_VAR, u->stats_var, false, &in[2]);
    for (int i = 0; st == THAW_OK && i < 2; i++) {
        snprintf(name, sizeof name, "%s:%s", i == 0 ? "scale" : "shift", c->name);
        st = thaw_graph_tensor(graph, name, THAW_T_TEMP, THAW_F32, 1, 1, 1, c->c, &out[i], u->l->err);
    }
    thaw_attr attr = {.bn = {sizeof attr.bn, THAW_BN_EPSILON, THAW_BN_MOMENTUM, 0}};
    if (st == THAW_OK)
        st = thaw_graph_op(graph, THAW_OP_BN_FOLD, layer(u, u->bn)->name, in, 3, out, 2, &attr, u->l->err);
    *scale = out[0];
    *shift = out[1];
    return st;
}

static thaw_status scale_and_shift(const unit *u, uint32_t *scale, uint32_t *shift)
{
    return u->beta_var ? computed_scale_and_shift(u, scale, shift) : folded_scale_and_shift(u, scale, shift);
}

/* W' = W*scale as an op, for a kernel or statistics that change. */
static thaw_status computed_kernel(const unit *u, uint32_t scale, uint32_t *out)
{
    const thaw_layer *c = layer(u, u->conv);
    uint32_t w;
    char name[64];
    snprintf(name, sizeof name, "scaled:%s/kernel", c->name);
    thaw_status st = kernel(u, &w);
    if (st == THAW_OK)
        st = thaw_graph_tensor(u->l->graph, name, THAW_T_TEMP, THAW_F32, c->kh, c->kw, channels_in(u), c->c,
                               out, u->l->err);
    thaw_attr attr = {.affine = {sizeof attr.affine, 0}};
    if (st == THAW_OK)
        st = thaw_graph_op(u->l->graph, THAW_OP_AFFINE, c->name, (uint32_t[]){w, scale}, 2, out, 1, &attr,
                           u->l->err);
    return st;
}

/* ---- the three forms ---- */

static thaw_status fused(const unit *u, uint32_t y)
{
    uint32_t w, scale, shift;
    thaw_status st;
    if (u->conv_var || u->stats_var) {
        st = scale_and_shift(u, &scale, &shift);
        if (st == THAW_OK)
            st = computed_kernel(u, scale, &w);
    } else {
        st = u->beta_var ? computed_scale_and_shift(u, &scale, &shift)
                         : folded_scale_and_shift(u, NULL, &shift);
        if (st == THAW_OK)
            st = folded_kernel(u, &w);
    }
    return st != THAW_OK ? st : emit_conv(u, w, shift, true, y);
}

static thaw_status normalise_raw(const unit *u, uint32_t z, uint32_t y)
{
    uint32_t scale, shift;
    thaw_status st = scale_and_shift(u, &scale, &shift);
    thaw_attr attr = {.affine = {sizeof attr.affine, 1}};
    if (st == THAW_OK)
        st = thaw_graph_op(u->l->graph, THAW_OP_AFFINE, layer(u, u->bn)->name, (uint32_t[]){z, scale, shift},
                           3, &y, 1, &attr, u->l->err);
    return st;
}

static thaw_status normalise_by_batch(const unit *u, uint32_t z, uint32_t y)
{
    const thaw_layer *c = layer(u, u->conv);
    thaw_graph *graph = u->l->graph;
    uint32_t in[4] = {z}, out[5] = {y};
    char name[64];
    thaw_status st = vector(u, THAW_W_BETA, true, true, &in[1]);
    if (st == THAW_OK)
        st = vector(u, THAW_W_MEAN, true, false, &in[2]);
    if (st == THAW_OK)
        st = vector(u, THAW_W_VAR, true, false, &in[3]);
    for (int i = 1; st == THAW_OK && i < 3; i++) {
        snprintf(name, sizeof name, "%s:%s", i == 1 ? "batch_mean" : "batch_inv_std", c->name);
        st = thaw_graph_tensor(graph, name, THAW_T_TEMP, THAW_F32, 1, 1, 1, c->c, &out[i], u->l->err);
        if (st == THAW_OK)
            graph->tensors[out[i]].saved = true;
    }
    out[3] = in[2];
    out[4] = in[3];
    thaw_attr attr = {.bn = {sizeof attr.bn, THAW_BN_EPSILON, THAW_BN_MOMENTUM, 1}};
    if (st == THAW_OK)
        st = thaw_graph_op(graph, THAW_OP_BN_TRAIN, layer(u, u->bn)->name, in, 4, out, 5, &attr, u->l->err);
    return st;
}

thaw_status thaw_lower_raw_conv(lowering *l, uint32_t conv)
{
    unit u = unit_of(l, conv);
    uint32_t w, z = THAW_NO_TENSOR;
    thaw_status st = kernel(&u, &w);
    if (st == THAW_OK)
        st = temp(&u, "raw", &z);
    if (st == THAW_OK)
        st = emit_conv(&u, w, THAW_NO_TENSOR, false, z);
    l->tensor[conv] = z;
    return st;
}

thaw_status thaw_lower_conv_bn_relu(lowering *l, uint32_t relu)
{
    const thaw_layer *layers = l->spec->net->layers;
    uint32_t conv = layers[layers[relu].in[0]].in[0];
    unit u = unit_of(l, conv);
    thaw_status st = THAW_OK;
    if (u.batch_stats && l->tensor[conv] == THAW_NO_TENSOR)
        st = thaw_lower_raw_conv(l, conv);
    uint32_t y;
    if (st == THAW_OK)
        st = thaw_lower_output(l, relu, &y);
    if (st != THAW_OK)
        return st;
    l->tensor[relu] = y;
    if (l->tensor[conv] == THAW_NO_TENSOR)
        return fused(&u, y);
    return u.batch_stats ? normalise_by_batch(&u, l->tensor[conv], y) : normalise_raw(&u, l->tensor[conv], y);
}
