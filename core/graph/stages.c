#include "core/graph/stages.h"

#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"

static bool is_row(const thaw_gtensor *t, uint32_t batch)
{
    return (t->storage == THAW_T_TEMP || t->storage == THAW_T_FEED) && t->n == (int32_t)batch;
}

/* Inputs that hold rows; the others are weights. */
static uint32_t row_inputs(const thaw_gop *op)
{
    switch (op->kind) {
    case THAW_OP_CONV2D:
    case THAW_OP_AFFINE:
    case THAW_OP_MAXPOOL:
    case THAW_OP_AVGPOOL:
    case THAW_OP_GLOBAL_AVGPOOL:
    case THAW_OP_CAST:
        return 1;
    case THAW_OP_ADD:
        return op->n_in;
    default:
        return 0;
    }
}

bool thaw_op_is_by_rows(const thaw_graph *graph, const thaw_gop *op, uint32_t batch)
{
    const uint32_t n = row_inputs(op);
    bool by_rows = n > 0;
    for (uint32_t k = 0; by_rows && k < op->n_in; k++) {
        const thaw_gtensor *t = &graph->tensors[op->in[k]];
        by_rows = k < n ? is_row(t, batch) : t->storage == THAW_T_CONST;
    }
    for (uint32_t k = 0; by_rows && k < op->n_out; k++)
        by_rows = is_row(&graph->tensors[op->out[k]], batch);
    return by_rows;
}

thaw_status thaw_stages_check(const thaw_graph *graph, thaw_error *err)
{
    for (size_t i = 0; i < graph->n_ops; i++) {
        const thaw_gop *op = &graph->ops[i];
        if (op->rows == 0)
            continue;
        if (graph->batch % op->rows != 0 || graph->batch == 0)
            return thaw_fail(err, THAW_E_INVALID, "%s: %u rows at a time do not divide a batch of %u",
                             op->label, op->rows, graph->batch);
        if (!thaw_op_is_by_rows(graph, op, graph->batch))
            return thaw_fail(err, THAW_E_INVALID, "%s (%s) cannot compute some rows before the others",
                             thaw_op_facts_of(op->kind)->name, op->label);
    }
    return THAW_OK;
}

/* ---- the choice ---------------------------------------------------------------------------------- */

/* Prices of a byte by where it comes from. Near the units it costs next to nothing. */
#define FAR_PRICE    1.0
#define MEMORY_PRICE 4.0
/* Of beginning an op, as bytes that could have been read in the time. */
#define TURN_BYTES 65536.0

#define MAX_DIVISORS 256u

/* An op, its bytes for one row of the batch. */
typedef struct op_bytes {
    double moved;   /* read and written, without weights */
    double live;    /* of all tensors that exist while it runs */
    double crossed; /* of those that exist before it, and are needed by it or later */
    double weights; /* not for one row, but in all */
    uint64_t grain; /* rows, that a turn has to be a multiple of to begin aligned if a stage begins here */
    bool by_rows;
} op_bytes;

/* The cheapest way to run all ops up to one, if that one takes a certain number of rows. */
typedef struct way {
    double cost;
    uint32_t before; /* which divisor the op before it takes */
} way;

typedef struct chooser {
    thaw_graph *graph;
    const thaw_stage_memory *memory;
    double weights; /* of all ops */
    op_bytes *ops;
    uint32_t divisors[MAX_DIVISORS], n; /* of the batch, rising */
    way *ways;                          /* [n_ops, n] */
} chooser;

/* Of one of `bytes` that are used again and again. */
static double price(const thaw_stage_memory *m, double bytes)
{
    double beyond_near = bytes > (double)m->near_bytes ? 1.0 - (double)m->near_bytes / bytes : 0.0;
    double beyond_far = bytes > (double)m->far_bytes ? 1.0 - (double)m->far_bytes / bytes : 0.0;
    return FAR_PRICE * beyond_near + (MEMORY_PRICE - FAR_PRICE) * beyond_far;
}

static double run_cost(const chooser *c, size_t i, uint32_t rows)
{
    const op_bytes *op = &c->ops[i];
    if (!op->by_rows && rows < c->graph->batch)
        return INFINITY;
    return op->moved * price(c->memory, rows * op->live) +
           (op->weights * price(c->memory, c->weights) + TURN_BYTES * MEMORY_PRICE) / rows;
}

/* Of a new stage that begins with op i: what crosses is written and read with all rows between, so that it is
 * never near. */
static double border_cost(const chooser *c, size_t i, uint32_t before, uint32_t rows)
{
    const op_bytes *op = &c->ops[i];
    uint32_t least = before < rows ? before : rows;
    if (before == rows)
        return 0;
    if (least % op->grain != 0)
        return INFINITY;
    return 2 * op->crossed * fmax(FAR_PRICE, price(c->memory, c->graph->batch * op->crossed));
}

static void find_ways(chooser *c)
{
    for (size_t i = 0; i < c->graph->n_ops; i++)
        for (uint32_t d = 0; d < c->n; d++) {
            way *w = &c->ways[i * c->n + d];
            *w = (way){i == 0 ? 0 : INFINITY, d};
            for (uint32_t b = 0; i > 0 && b < c->n; b++) {
                double cost =
                    c->ways[(i - 1) * c->n + b].cost + border_cost(c, i, c->divisors[b], c->divisors[d]);
                if (cost <= w->cost)
                    *w = (way){cost, b};
            }
            w->cost += run_cost(c, i, c->divisors[d]);
        }
}

static void take_best(chooser *c)
{
    uint32_t best = c->n - 1;
    const way *last = &c->ways[(c->graph->n_ops - 1) * c->n];
    for (uint32_t d = c->n - 1; d-- > 0;)
        if (last[d].cost < last[best].cost)
            best = d;
    for (size_t i = c->graph->n_ops; i-- > 0;) {
        c->graph->ops[i].rows = best < c->n - 1 ? c->divisors[best] : 0;
        best = c->ways[i * c->n + best].before;
    }
}

/* ---- bytes of the ops ---------------------------------------------------------------------------- */

static double row_bytes(const chooser *c, uint32_t tensor)
{
    return (double)thaw_graph_bytes(c->graph, tensor) / c->graph->batch;
}

static uint64_t common_divisor(uint64_t a, uint64_t b)
{
    return b == 0 ? a : common_divisor(b, a % b);
}

/* A tensor that exists from op `first` to op `last`. */
static void add_life(chooser *c, uint32_t tensor, size_t first, size_t last)
{
    const uint64_t align = c->memory->align > 0 ? c->memory->align : 1;
    const uint64_t bytes = thaw_graph_bytes(c->graph, tensor) / c->graph->batch;
    const uint64_t grain = align / common_divisor(align, bytes);
    for (size_t i = first; i <= last; i++) {
        op_bytes *op = &c->ops[i];
        op->live += row_bytes(c, tensor);
        if (i == first)
            continue;
        op->crossed += row_bytes(c, tensor);
        op->grain *= grain / common_divisor(op->grain, grain);
    }
}

static void add_lives(chooser *c)
{
    const thaw_graph *g = c->graph;
    for (uint32_t t = 0; t < g->n_tensors; t++) {
        if (g->tensors[t].parent != THAW_NO_TENSOR || g->tensors[t].storage == THAW_T_CONST)
            continue;
        size_t first = g->n_ops, last = 0;
        for (size_t i = 0; i < g->n_ops; i++)
            for (uint32_t k = 0; k < g->ops[i].n_in + g->ops[i].n_out; k++) {
                const thaw_gop *op = &g->ops[i];
                uint32_t id = k < op->n_in ? op->in[k] : op->out[k - op->n_in];
                if (thaw_graph_root(g, id) != t)
                    continue;
                first = i < first ? i : first;
                last = i;
            }
        if (first < g->n_ops)
            add_life(c, t, first, last);
    }
}

static void measure_ops(chooser *c)
{
    const thaw_graph *g = c->graph;
    for (size_t i = 0; i < g->n_ops; i++) {
        const thaw_gop *op = &g->ops[i];
        op_bytes *b = &c->ops[i];
        *b = (op_bytes){.grain = 1, .by_rows = thaw_op_is_by_rows(g, op, g->batch)};
        for (uint32_t k = 0; k < op->n_in + op->n_out; k++) {
            uint32_t id = k < op->n_in ? op->in[k] : op->out[k - op->n_in];
            if (g->tensors[id].storage == THAW_T_CONST)
                b->weights += (double)thaw_graph_bytes(g, id);
            else
                b->moved += row_bytes(c, id);
        }
        c->weights += b->weights;
    }
    add_lives(c);
}

/* ---- the whole ----------------------------------------------------------------------------------- */

/* That of a graph of a forward pass in which only the end, loss and probabilities, is not by rows; else 0. */
static uint32_t find_batch(const thaw_graph *graph)
{
    if (graph->n_ops == 0 || graph->ops[0].n_in == 0)
        return 0;
    uint32_t batch = (uint32_t)graph->tensors[graph->ops[0].in[0]].n;
    for (size_t i = 0; i < graph->n_ops; i++) {
        const uint32_t kind = graph->ops[i].kind;
        if (kind != THAW_OP_SOFTMAX_XENT && kind != THAW_OP_METRICS &&
            !thaw_op_is_by_rows(graph, &graph->ops[i], batch))
            return 0;
    }
    return batch;
}

static bool find_divisors(chooser *c)
{
    for (uint32_t d = 1; d <= c->graph->batch; d++)
        if (c->graph->batch % d == 0) {
            if (c->n == MAX_DIVISORS)
                return false;
            c->divisors[c->n++] = d;
        }
    return true;
}

thaw_status thaw_stages_choose(thaw_graph *graph, const thaw_stage_memory *memory, thaw_error *err)
{
    chooser c = {.graph = graph, .memory = memory};
    thaw_status st = THAW_OK;
    size_t n;
    graph->batch = find_batch(graph);
    if (graph->batch <= 1 || memory->near_bytes == 0 || !find_divisors(&c))
        return THAW_OK;
    c.ops = thaw_calloc(graph->n_ops, sizeof *c.ops);
    c.ways = thaw_mul(graph->n_ops, c.n, &n) ? thaw_calloc(n, sizeof *c.ways) : NULL;
    if (c.ops && c.ways) {
        measure_ops(&c);
        find_ways(&c);
        take_best(&c);
    } else {
        st = thaw_fail_memory(err, graph->n_ops * sizeof *c.ways, "the stages");
    }
    free(c.ops);
    free(c.ways);
    return st;
}
