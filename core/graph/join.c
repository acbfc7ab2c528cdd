/* Gradients in data of 1x1 convolutions that read the same tensor, as one product.
 *
 * Their sum is [dy0 dy1 …] times the kernels side by side: one longer sum for each result, where several ops
 * would each write a tensor as large as the input, all of which would live until they are added up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/graph/lowering.h"

typedef struct join {
    thaw_graph *graph;
    size_t add;                  /* the op that sums them up */
    size_t ops[THAW_ADD_MAX_IN]; /* that compute them, ascending */
    uint32_t n;
    int32_t channels;
    uint32_t dy, w; /* of all, side by side */
} join;

/* The op before `end` that writes a tensor, or `end`. */
static size_t writer_of(const thaw_graph *graph, uint32_t tensor, size_t end)
{
    for (size_t i = 0; i < end; i++)
        for (uint32_t k = 0; k < graph->ops[i].n_out; k++)
            if (graph->ops[i].out[k] == tensor)
                return i;
    return end;
}

static uint32_t count_readings(const thaw_graph *graph, uint32_t tensor)
{
    uint32_t n = 0;
    for (size_t i = 0; i < graph->n_ops; i++)
        for (uint32_t k = 0; k < graph->ops[i].n_in; k++)
            n += graph->ops[i].in[k] == tensor;
    return n;
}

static bool joinable(const thaw_graph *graph, const thaw_gop *op)
{
    if (op->kind != THAW_OP_CONV2D_BWD_DATA)
        return false;
    const thaw_gtensor *w = &graph->tensors[op->in[1]];
    const thaw_conv_attr *a = &op->attr.conv;
    return w->storage != THAW_T_CONST && w->n == 1 && w->h == 1 && a->stride_h == 1 && a->stride_w == 1 &&
           !graph->tensors[op->out[0]].output && count_readings(graph, op->out[0]) == 1;
}

static join find(thaw_graph *graph, size_t add)
{
    join j = {.graph = graph, .add = add};
    const thaw_gop *sum = &graph->ops[add];
    for (uint32_t k = 0; k < sum->n_in; k++) {
        size_t i = writer_of(graph, sum->in[k], add);
        if (i == add || !joinable(graph, &graph->ops[i]) || (j.n > 0 && i < j.ops[j.n - 1]))
            continue;
        j.ops[j.n++] = i;
        j.channels += graph->tensors[graph->ops[i].in[0]].c;
    }
    return j;
}

/* ---- ops in the middle of the list --------------------------------------------------------------- */

/* Moves the op that was appended last to place `at`. */
static void move_last_to(thaw_graph *graph, size_t at)
{
    thaw_gop last = graph->ops[graph->n_ops - 1];
    memmove(&graph->ops[at + 1], &graph->ops[at], (graph->n_ops - 1 - at) * sizeof last);
    graph->ops[at] = last;
}

static void remove_op(thaw_graph *graph, size_t at)
{
    free(graph->ops[at].in);
    free(graph->ops[at].out);
    graph->n_ops--;
    memmove(&graph->ops[at], &graph->ops[at + 1], (graph->n_ops - at) * sizeof graph->ops[at]);
}

static thaw_status copy_at(thaw_graph *graph, size_t at, const char *label, uint32_t from, uint32_t to,
                           thaw_error *err)
{
    const thaw_attr attr = {.cast = {sizeof attr.cast, 1.0f, 0.0f}};
    thaw_status st = thaw_graph_op(graph, THAW_OP_CAST, label, &from, 1, &to, 1, &attr, err);
    if (st == THAW_OK)
        move_last_to(graph, at);
    return st;
}

/* ---- the pieces ---------------------------------------------------------------------------------- */

static thaw_status make_room(join *j, thaw_error *err)
{
    const thaw_gop *first = &j->graph->ops[j->ops[0]];
    thaw_gtensor dy = j->graph->tensors[first->in[0]], w = j->graph->tensors[first->in[1]];
    char name[64];
    snprintf(name, sizeof name, "joined:%.40s", dy.name);
    thaw_status st =
        thaw_graph_tensor(j->graph, name, THAW_T_TEMP, THAW_F32, dy.n, dy.h, dy.w, j->channels, &j->dy, err);
    snprintf(name, sizeof name, "joined:%.40s", w.name);
    if (st == THAW_OK)
        st = thaw_graph_tensor(j->graph, name, THAW_T_TEMP, THAW_F32, 1, 1, w.w, j->channels, &j->w, err);
    return st;
}

/* A kernel into its columns, as op number `at`. One that is a scaled variable is scaled once more, so that it
 * need not be kept from the forward pass until now. */
static thaw_status place_kernel(const join *j, uint32_t k, int32_t column, size_t at, thaw_error *err)
{
    thaw_graph *graph = j->graph;
    const thaw_gop *op = &graph->ops[j->ops[k]];
    const uint32_t w = op->in[1];
    char label[64];
    uint32_t slice;
    memcpy(label, op->label, sizeof label);
    thaw_status st = thaw_graph_slice(graph, graph->tensors[w].name, j->w, (uint32_t)column,
                                      graph->tensors[w].c, &slice, err);
    if (st != THAW_OK)
        return st;
    size_t i = writer_of(graph, w, at);
    if (i == at || graph->ops[i].kind != THAW_OP_AFFINE)
        return copy_at(graph, at, label, w, slice, err);
    const thaw_gop scaling = graph->ops[i]; /* appending moves the array */
    st = thaw_graph_op(graph, THAW_OP_AFFINE, label, scaling.in, scaling.n_in, &slice, 1, &scaling.attr, err);
    if (st == THAW_OK)
        move_last_to(graph, at);
    return st;
}

static bool has_slices(const thaw_graph *graph, uint32_t tensor)
{
    for (size_t i = 0; i < graph->n_tensors; i++)
        if (graph->tensors[i].parent == tensor)
            return true;
    return false;
}

/* What is whole and temporary becomes a slice; else it is copied where the op stood that has read it. */
static thaw_status place_dy(const join *j, uint32_t k, int32_t column, thaw_error *err)
{
    thaw_graph *graph = j->graph;
    const size_t at = j->ops[k];
    const uint32_t dy = graph->ops[at].in[0];
    thaw_gtensor *t = &graph->tensors[dy];
    uint32_t slice;
    if (t->storage == THAW_T_TEMP && t->parent == THAW_NO_TENSOR && !t->output && !has_slices(graph, dy)) {
        t->parent = j->dy;
        t->channel_offset = (uint32_t)column;
        remove_op(graph, at);
        return THAW_OK;
    }
    char label[64];
    memcpy(label, graph->ops[at].label, sizeof label);
    thaw_status st = thaw_graph_slice(graph, t->name, j->dy, (uint32_t)column, t->c, &slice, err);
    if (st == THAW_OK)
        st = copy_at(graph, at, label, dy, slice, err);
    if (st == THAW_OK)
        remove_op(graph, at + 1);
    return st;
}

/* Of the sum's inputs the first that is joined stands for all; where nothing else is added, they are the sum.
 */
static uint32_t shorten_sum(const join *j)
{
    thaw_graph *graph = j->graph;
    thaw_gop *sum = &graph->ops[j->add];
    const uint32_t first = graph->ops[j->ops[0]].out[0], whole = sum->out[0];
    uint32_t n = 0, next = 0;
    for (uint32_t k = 0; k < sum->n_in; k++) {
        bool joined = next < j->n && sum->in[k] == graph->ops[j->ops[next]].out[0];
        next += joined;
        if (!joined || sum->in[k] == first)
            sum->in[n++] = sum->in[k];
    }
    sum->n_in = n;
    if (n > 1)
        return first;
    remove_op(graph, j->add);
    return whole;
}

static thaw_status join_all(join *j, thaw_error *err)
{
    thaw_graph *graph = j->graph;
    const size_t last = j->ops[j->n - 1];
    const thaw_attr attr = graph->ops[last].attr;
    char label[64];
    snprintf(label, sizeof label, "%.40s and %u more", graph->ops[j->ops[0]].label, j->n - 1);
    thaw_status st = make_room(j, err);
    if (st != THAW_OK)
        return st;
    /* From the end of the list to its beginning: what is yet to be changed keeps its number. */
    const uint32_t dx = shorten_sum(j);
    st = thaw_graph_op(graph, THAW_OP_CONV2D_BWD_DATA, label, (uint32_t[]){j->dy, j->w}, 2, &dx, 1, &attr,
                       err);
    if (st == THAW_OK)
        move_last_to(graph, last + 1);
    int32_t column = j->channels;
    for (uint32_t k = j->n; st == THAW_OK && k-- > 0;) {
        column -= graph->tensors[graph->ops[j->ops[k]].in[0]].c;
        st = place_kernel(j, k, column, last + 1, err);
    }
    column = j->channels;
    for (uint32_t k = j->n; st == THAW_OK && k-- > 0;) {
        column -= graph->tensors[graph->ops[j->ops[k]].in[0]].c;
        st = place_dy(j, k, column, err);
    }
    return st;
}

thaw_status thaw_join_gradients(thaw_graph *graph, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = graph->n_ops; st == THAW_OK && i-- > 0;) {
        if (graph->ops[i].kind != THAW_OP_ADD)
            continue;
        join j = find(graph, i);
        if (j.n < 2)
            continue;
        st = join_all(&j, err);
        i = graph->n_ops; /* other sums have other numbers now */
    }
    return st;
}
