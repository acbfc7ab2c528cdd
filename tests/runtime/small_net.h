/* small_net.h: little graphs for the tests of this folder. */
#ifndef THAW_TEST_SMALL_NET_H
#define THAW_TEST_SMALL_NET_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/runtime/program.h"

static inline uint32_t tensor(thaw_graph *g, const char *name, thaw_storage storage, int32_t n, int32_t h,
                              int32_t w, int32_t c)
{
    uint32_t id = 0;
    assert_int_equal(thaw_graph_tensor(g, name, storage, THAW_F32, n, h, w, c, &id, NULL), THAW_OK);
    return id;
}

static inline uint32_t constant(thaw_graph *g, const char *name, int32_t n, int32_t h, int32_t w, int32_t c,
                                const float *data)
{
    uint32_t id = tensor(g, name, THAW_T_CONST, n, h, w, c);
    g->tensors[id].data = data;
    return id;
}

static inline uint32_t slice(thaw_graph *g, const char *name, uint32_t parent, uint32_t first, int32_t c)
{
    uint32_t id = 0;
    assert_int_equal(thaw_graph_slice(g, name, parent, first, c, &id, NULL), THAW_OK);
    return id;
}

static inline uint32_t variable(thaw_graph *g, thaw_var_list *list, const char *name, int32_t c)
{
    uint32_t id = tensor(g, name, THAW_T_VAR, 1, 1, 1, c);
    g->tensors[id].var = thaw_var_get(list, name, 1, 1, 1, c);
    return id;
}

#define IDS(...)                                                                                             \
    (const uint32_t[]){__VA_ARGS__}, (uint32_t)(sizeof((const uint32_t[]){__VA_ARGS__}) / sizeof(uint32_t))

static inline void op(thaw_graph *g, uint32_t kind, const char *label, const uint32_t *in, uint32_t n_in,
                      const uint32_t *out, uint32_t n_out, const thaw_attr *attr)
{
    thaw_error err = {0};
    if (thaw_graph_op(g, kind, label, in, n_in, out, n_out, attr, &err) != THAW_OK)
        fail_msg("%s", err.text);
}

static inline thaw_attr conv_attr(int32_t pad, uint32_t relu_mask)
{
    return (thaw_attr){.conv = {sizeof(thaw_conv_attr), 1, 1, pad, pad, relu_mask}};
}

static inline thaw_attr affine_attr(uint32_t relu)
{
    return (thaw_attr){.affine = {sizeof(thaw_affine_attr), relu}};
}

/* One of everything that placement cares about: a convolution with two outputs, one of them a slice, a pool
 * with an epilogue, a concatenation that is read whole, and a variable that an op changes. */
typedef struct small_net {
    thaw_graph graph;
    thaw_var_list vars;
    uint32_t x, r, db, acc;
    float w[3 * 3 * 3 * 5], bias[5], pool_bias[3], scale[5];
} small_net;

#define NET_X (2 * 5 * 4 * 3)
#define NET_R (2 * 5 * 4 * 5)

static inline void fill_pattern(float *p, size_t n, uint32_t seed)
{
    for (size_t i = 0; i < n; i++)
        p[i] = (float)((int32_t)((i * 37 + seed * 11) % 29) - 14) / 7.0f;
}

static inline void small_net_build(small_net *net)
{
    memset(net, 0, sizeof *net);
    thaw_graph *g = &net->graph;
    fill_pattern(net->w, 135, 1);
    fill_pattern(net->bias, 5, 2);
    fill_pattern(net->pool_bias, 3, 3);
    fill_pattern(net->scale, 5, 4);
    net->x = tensor(g, "x", THAW_T_FEED, 2, 5, 4, 3);
    uint32_t w = constant(g, "w", 3, 3, 3, 5, net->w), b = constant(g, "b", 1, 1, 1, 5, net->bias);
    uint32_t pb = constant(g, "pool_b", 1, 1, 1, 3, net->pool_bias);
    uint32_t scale = constant(g, "scale", 1, 1, 1, 5, net->scale);
    uint32_t cat = tensor(g, "cat", THAW_T_TEMP, 2, 5, 4, 5), z = tensor(g, "z", THAW_T_TEMP, 2, 5, 4, 3);
    uint32_t cat0 = slice(g, "cat0", cat, 0, 2), cat1 = slice(g, "cat1", cat, 2, 3);
    uint32_t y = tensor(g, "y", THAW_T_TEMP, 2, 5, 4, 5);
    net->r = tensor(g, "r", THAW_T_TEMP, 2, 5, 4, 5);
    net->db = tensor(g, "db", THAW_T_TEMP, 1, 1, 1, 5);
    net->acc = variable(g, &net->vars, "acc", 5);
    g->tensors[net->r].output = g->tensors[net->db].output = true;
    thaw_attr conv = conv_attr(1, 1), affine = affine_attr(0);
    thaw_attr pool = {.pool = {sizeof(thaw_pool_attr), 3, 3, 1, 1, 1, 1, 0, 1}};
    op(g, THAW_OP_CONV2D, "siblings", IDS(net->x, w, b), IDS(cat0, z), &conv);
    op(g, THAW_OP_AVGPOOL, "pool", IDS(z, pb), IDS(cat1), &pool);
    op(g, THAW_OP_AFFINE, "scale", IDS(cat, scale, net->acc), IDS(y), &affine);
    op(g, THAW_OP_RELU_BWD, "mask", IDS(y, cat), IDS(net->r), NULL);
    op(g, THAW_OP_BIAS_GRAD, "sum", IDS(net->r), IDS(net->db), NULL);
    op(g, THAW_OP_ADD, "collect", IDS(net->acc, net->db), IDS(net->acc), NULL);
}

static inline void small_net_free(small_net *net)
{
    thaw_graph_free(&net->graph);
    thaw_var_list_free(&net->vars);
}

#endif
