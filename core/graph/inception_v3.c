/* The table of InceptionV3 in the order in which Keras creates its layers (Szegedy et al., "Rethinking the
 * Inception Architecture for Computer Vision", 2015, as keras.applications has it). */
#include <stdio.h>
#include <string.h>

#include "core/graph/net.h"
#include "core/graph/net_order.h"

typedef struct builder {
    thaw_layer layers[THAW_N_LAYERS];
    uint32_t n;
    uint32_t convs, max_pools, avg_pools, concats;
    const char *block;
    bool overflow;
} builder;

/* Name as Keras gives it: the first of a class has no number. */
static void auto_name(char *out, size_t cap, const char *stem, uint32_t i)
{
    if (i == 0)
        snprintf(out, cap, "%s", stem);
    else
        snprintf(out, cap, "%s_%u", stem, i);
}

static uint32_t add_layer(builder *b, thaw_layer_kind kind, uint32_t input)
{
    if (b->n >= THAW_N_LAYERS) {
        b->overflow = true;
        return 0;
    }
    thaw_layer *l = &b->layers[b->n];
    l->kind = kind;
    snprintf(l->block, sizeof l->block, "%s", b->block);
    if (kind != THAW_LAYER_INPUT) {
        const thaw_layer *from = &b->layers[input];
        l->n_in = 1;
        l->in[0] = input;
        l->h = from->h;
        l->w = from->w;
        l->c = from->c;
    }
    return b->n++;
}

static int32_t valid_size(int32_t in, int32_t k, int32_t stride)
{
    return in < k ? 0 : (in - k) / stride + 1;
}

/* Convolution, batch normalisation, ReLU. */
static uint32_t conv(builder *b, uint32_t input, int32_t filters, int32_t kh, int32_t kw, int32_t stride,
                     bool same)
{
    uint32_t k = b->convs++;
    uint32_t at = add_layer(b, THAW_LAYER_CONV, input);
    thaw_layer *l = &b->layers[at];
    auto_name(l->name, sizeof l->name, "conv2d", k);
    l->k = k;
    l->kh = kh;
    l->kw = kw;
    l->stride = stride;
    l->same = same;
    l->c = filters;
    if (!same) {
        l->h = valid_size(l->h, kh, stride);
        l->w = valid_size(l->w, kw, stride);
    }
    at = add_layer(b, THAW_LAYER_BN, at);
    auto_name(b->layers[at].name, sizeof b->layers[at].name, "batch_normalization", k);
    b->layers[at].k = k;
    at = add_layer(b, THAW_LAYER_RELU, at);
    auto_name(b->layers[at].name, sizeof b->layers[at].name, "activation", k);
    b->layers[at].k = k;
    return at;
}

static uint32_t same(builder *b, uint32_t input, int32_t filters, int32_t kh, int32_t kw)
{
    return conv(b, input, filters, kh, kw, 1, true);
}

static uint32_t max_pool(builder *b, uint32_t input)
{
    uint32_t at = add_layer(b, THAW_LAYER_MAXPOOL, input);
    thaw_layer *l = &b->layers[at];
    auto_name(l->name, sizeof l->name, "max_pooling2d", b->max_pools++);
    l->kh = l->kw = 3;
    l->stride = 2;
    l->h = valid_size(l->h, 3, 2);
    l->w = valid_size(l->w, 3, 2);
    return at;
}

static uint32_t avg_pool(builder *b, uint32_t input)
{
    uint32_t at = add_layer(b, THAW_LAYER_AVGPOOL, input);
    thaw_layer *l = &b->layers[at];
    auto_name(l->name, sizeof l->name, "average_pooling2d", b->avg_pools++);
    l->kh = l->kw = 3;
    l->stride = 1;
    l->same = true;
    return at;
}

/* name NULL: the next "concatenate". */
static uint32_t concat(builder *b, const char *name, uint32_t n, const uint32_t *inputs)
{
    uint32_t at = add_layer(b, THAW_LAYER_CONCAT, inputs[0]);
    thaw_layer *l = &b->layers[at];
    if (name)
        snprintf(l->name, sizeof l->name, "%s", name);
    else
        auto_name(l->name, sizeof l->name, "concatenate", b->concats++);
    l->n_in = n;
    l->c = 0;
    for (uint32_t i = 0; i < n; i++) {
        l->in[i] = inputs[i];
        l->c += b->layers[inputs[i]].c;
    }
    return at;
}

static uint32_t stem(builder *b, int32_t input_size)
{
    b->block = "stem";
    uint32_t x = add_layer(b, THAW_LAYER_INPUT, 0);
    snprintf(b->layers[x].name, sizeof b->layers[x].name, "input_layer");
    b->layers[x].h = b->layers[x].w = input_size;
    b->layers[x].c = 3;
    x = conv(b, x, 32, 3, 3, 2, false);
    x = conv(b, x, 32, 3, 3, 1, false);
    x = same(b, x, 64, 3, 3);
    x = max_pool(b, x);
    x = conv(b, x, 80, 1, 1, 1, false);
    x = conv(b, x, 192, 3, 3, 1, false);
    return max_pool(b, x);
}

/* mixed0 … mixed2, 35x35 */
static uint32_t block_a(builder *b, const char *name, uint32_t x, int32_t pool_filters)
{
    uint32_t out[4];
    b->block = name;
    out[0] = same(b, x, 64, 1, 1);
    out[1] = same(b, same(b, x, 48, 1, 1), 64, 5, 5);
    out[2] = same(b, same(b, same(b, x, 64, 1, 1), 96, 3, 3), 96, 3, 3);
    out[3] = same(b, avg_pool(b, x), pool_filters, 1, 1);
    return concat(b, name, 4, out);
}

/* mixed3, to 17x17 */
static uint32_t block_b(builder *b, const char *name, uint32_t x)
{
    uint32_t out[3];
    b->block = name;
    out[0] = conv(b, x, 384, 3, 3, 2, false);
    out[1] = conv(b, same(b, same(b, x, 64, 1, 1), 96, 3, 3), 96, 3, 3, 2, false);
    out[2] = max_pool(b, x);
    return concat(b, name, 3, out);
}

/* mixed4 … mixed7, 17x17 */
static uint32_t block_c(builder *b, const char *name, uint32_t x, int32_t c)
{
    uint32_t out[4];
    b->block = name;
    out[0] = same(b, x, 192, 1, 1);
    out[1] = same(b, same(b, same(b, x, c, 1, 1), c, 1, 7), 192, 7, 1);
    uint32_t d = same(b, same(b, same(b, same(b, x, c, 1, 1), c, 7, 1), c, 1, 7), c, 7, 1);
    out[2] = same(b, d, 192, 1, 7);
    out[3] = same(b, avg_pool(b, x), 192, 1, 1);
    return concat(b, name, 4, out);
}

/* mixed8, to 8x8 */
static uint32_t block_d(builder *b, const char *name, uint32_t x)
{
    uint32_t out[3];
    b->block = name;
    out[0] = conv(b, same(b, x, 192, 1, 1), 320, 3, 3, 2, false);
    uint32_t d = same(b, same(b, same(b, x, 192, 1, 1), 192, 1, 7), 192, 7, 1);
    out[1] = conv(b, d, 192, 3, 3, 2, false);
    out[2] = max_pool(b, x);
    return concat(b, name, 3, out);
}

/* mixed9 and mixed10, 8x8 */
static uint32_t block_e(builder *b, const char *name, const char *inner, uint32_t x)
{
    uint32_t out[4], pair[2];
    b->block = name;
    out[0] = same(b, x, 320, 1, 1);
    uint32_t d = same(b, x, 384, 1, 1);
    pair[0] = same(b, d, 384, 1, 3);
    pair[1] = same(b, d, 384, 3, 1);
    out[1] = concat(b, inner, 2, pair);
    d = same(b, same(b, x, 448, 1, 1), 384, 3, 3);
    pair[0] = same(b, d, 384, 1, 3);
    pair[1] = same(b, d, 384, 3, 1);
    out[2] = concat(b, NULL, 2, pair);
    out[3] = same(b, avg_pool(b, x), 192, 1, 1);
    return concat(b, name, 4, out);
}

thaw_status thaw_net_inception_v3(int32_t input_size, thaw_net *net, thaw_error *err)
{
    if (input_size < THAW_MIN_INPUT_SIZE || input_size > 4096)
        return thaw_fail(err, THAW_E_INVALID, "input size %d: InceptionV3 takes images of %d to 4096 pixels",
                         input_size, THAW_MIN_INPUT_SIZE);
    static const int32_t widths[4] = {128, 160, 160, 192};
    char name[16];
    builder b;
    memset(&b, 0, sizeof b);
    uint32_t x = stem(&b, input_size);
    for (uint32_t i = 0; i < 3; i++) {
        snprintf(name, sizeof name, "mixed%u", i);
        x = block_a(&b, name, x, i == 0 ? 32 : 64);
    }
    x = block_b(&b, "mixed3", x);
    for (uint32_t i = 0; i < 4; i++) {
        snprintf(name, sizeof name, "mixed%u", 4 + i);
        x = block_c(&b, name, x, widths[i]);
    }
    x = block_d(&b, "mixed8", x);
    x = block_e(&b, "mixed9", "mixed9_0", x);
    x = block_e(&b, "mixed10", "mixed9_1", x);
    if (b.overflow || b.n != THAW_N_LAYERS)
        return thaw_fail(err, THAW_E_INTERNAL, "the table of InceptionV3 has %u layers", b.n);
    net->input_size = input_size;
    thaw_net_order(b.layers, x, net->layers);
    return THAW_OK;
}
