/* lifetimes.c: which units need memory on which device, and which of them may take another's place. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/runtime/schedule.h"

static uint32_t count_readings(const thaw_schedule *s, const thaw_gop *op, uint32_t unit)
{
    uint32_t n = 0;
    for (uint32_t k = 0; k < op->n_in; k++)
        n += s->unit_of[op->in[k]] == unit;
    return n;
}

static bool is_plain_temp(const thaw_graph *graph, uint32_t tensor)
{
    const thaw_gtensor *t = &graph->tensors[tensor];
    return t->storage == THAW_T_TEMP && t->parent == THAW_NO_TENSOR && !t->output;
}

/* The output begins, and the input ends, with this very op on this device. */
static bool may_share(const thaw_placement *p, const thaw_schedule *s, size_t i, uint32_t in, uint32_t out)
{
    uint32_t d = p->ops[i].dev;
    if (!is_plain_temp(&p->graph, in) || !is_plain_temp(&p->graph, out) || in == out)
        return false;
    const thaw_unit *a = &s->units[s->unit_of[in]], *b = &s->units[s->unit_of[out]];
    /* What crosses the border of a stage lives for all its turns, not from op to op. */
    if ((a->crosses || b->crosses) && thaw_schedule_stage(s, i)->times > 1)
        return false;
    return a->bytes == b->bytes && a->life[d].last == i && b->life[d].first == i &&
           count_readings(s, &p->graph.ops[i], s->unit_of[in]) == 1;
}

static void share_places(const thaw_placement *p, thaw_schedule *s, size_t i)
{
    const thaw_gop *op = &p->graph.ops[i];
    const thaw_op_facts *facts = thaw_op_facts_of(op->kind);
    uint32_t d = p->ops[i].dev;
    for (uint32_t k = 0; k < op->n_out && k < sizeof facts->in_place_of; k++) {
        if (!((facts->in_place >> k) & 1) || facts->in_place_of[k] >= op->n_in)
            continue;
        uint32_t in = op->in[facts->in_place_of[k]], out = op->out[k];
        if (!may_share(p, s, i, in, out))
            continue;
        const thaw_unit *a = &s->units[s->unit_of[in]];
        thaw_unit *b = &s->units[s->unit_of[out]];
        b->item[d] = a->item[d];
        s->items[d][a->item[d]].last = b->life[d].last;
    }
}

typedef struct numbering {
    const thaw_placement *placement;
    const thaw_schedule *schedule;
    uint32_t dev;
    size_t *number; /* of each unit's item */
    thaw_mem_item *items;
    size_t n;
} numbering;

/* Those of feeds, or all others, or all. */
typedef enum { FEEDS, OTHERS, ALL } item_kind;

static void number_kind(numbering *to, item_kind kind)
{
    const thaw_schedule *s = to->schedule;
    for (size_t u = 0; u < s->n_units; u++) {
        bool feed = to->placement->graph.tensors[s->units[u].tensor].storage == THAW_T_FEED;
        if (s->units[u].item[to->dev] != u || (kind != ALL && feed != (kind == FEEDS)))
            continue;
        to->number[u] = to->n;
        to->items[to->n] = s->items[to->dev][u];
        if (kind == FEEDS) {
            to->items[to->n].first = 0;
            to->items[to->n].last = to->placement->graph.n_ops;
        }
        to->n++;
    }
}

/* Closes the gaps that the units leave which moved in with another. */
static thaw_status number_items(const thaw_placement *p, thaw_schedule *s, uint32_t d, bool feeds_first,
                                thaw_error *err)
{
    numbering to = {.placement = p, .schedule = s, .dev = d};
    to.number = thaw_calloc(s->n_units, sizeof *to.number);
    to.items = thaw_calloc(s->n_units + p->graph.n_ops, sizeof *to.items);
    if (!to.number || !to.items) {
        free(to.number);
        free(to.items);
        return thaw_fail_memory(err, s->n_units * sizeof *to.items, "the memory plan");
    }
    if (feeds_first) {
        number_kind(&to, FEEDS);
        s->n_feed_items = to.n;
    }
    number_kind(&to, feeds_first ? OTHERS : ALL);
    for (size_t u = 0; u < s->n_units; u++)
        if (s->units[u].item[d] != THAW_NO_ITEM)
            s->units[u].item[d] = to.number[s->units[u].item[d]];
    free(s->items[d]);
    s->items[d] = to.items;
    s->n_items[d] = to.n;
    free(to.number);
    return THAW_OK;
}

/* Each op's lives as long as the op runs: one for all, as large as the largest, would lie beside everything.
 */
static void add_workspaces(const thaw_placement *p, thaw_schedule *s)
{
    for (size_t i = 0; i < p->graph.n_ops; i++) {
        uint32_t d = p->ops[i].dev;
        uint64_t bytes = p->ops[i].info.workspace_bytes;
        s->workspace[i] = bytes > 0 ? s->n_items[d]++ : THAW_NO_ITEM;
        if (bytes > 0)
            s->items[d][s->workspace[i]] = (thaw_mem_item){.bytes = bytes, .first = i, .last = i};
        if (bytes > s->workspace_bytes[d])
            s->workspace_bytes[d] = bytes;
    }
}

static thaw_status one_item_each(const thaw_placement *p, thaw_schedule *s, uint32_t d, thaw_error *err)
{
    s->items[d] = thaw_calloc(s->n_units + 1, sizeof *s->items[d]);
    if (!s->items[d])
        return thaw_fail_memory(err, s->n_units * sizeof *s->items[d], "the memory plan");
    for (size_t u = 0; u < s->n_units; u++) {
        thaw_unit *unit = &s->units[u];
        bool at_home = p->graph.tensors[unit->tensor].storage == THAW_T_VAR && d == THAW_HOME;
        unit->item[d] = unit->life[d].used && !at_home ? u : THAW_NO_ITEM;
        s->items[d][u] =
            (thaw_mem_item){.bytes = unit->bytes, .first = unit->life[d].first, .last = unit->life[d].last};
    }
    return THAW_OK;
}

thaw_status thaw_schedule_items(const thaw_placement *placement, thaw_schedule *s, bool feeds_apart,
                                thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (uint32_t d = 0; st == THAW_OK && d < THAW_MAX_DEVS; d++)
        st = one_item_each(placement, s, d, err);
    for (size_t i = 0; st == THAW_OK && i < placement->graph.n_ops; i++)
        share_places(placement, s, i);
    for (uint32_t d = 0; st == THAW_OK && d < THAW_MAX_DEVS; d++)
        st = number_items(placement, s, d, feeds_apart && d == THAW_HOME, err);
    if (st == THAW_OK)
        s->workspace = thaw_calloc(placement->graph.n_ops, sizeof *s->workspace);
    if (st == THAW_OK && !s->workspace)
        st = thaw_fail_memory(err, placement->graph.n_ops * sizeof *s->workspace, "the memory plan");
    if (st == THAW_OK)
        add_workspaces(placement, s);
    return st;
}
