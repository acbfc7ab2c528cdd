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

/* Closes the gaps that the units leave which moved in with another. */
static thaw_status number_items(thaw_schedule *s, uint32_t d, thaw_error *err)
{
    size_t *number = thaw_calloc(s->n_units, sizeof *number);
    if (!number)
        return thaw_fail_memory(err, s->n_units * sizeof *number, "the memory plan");
    size_t n = 0;
    for (size_t u = 0; u < s->n_units; u++) {
        if (s->units[u].item[d] != u)
            continue;
        number[u] = n;
        s->items[d][n++] = s->items[d][u];
    }
    for (size_t u = 0; u < s->n_units; u++)
        if (s->units[u].item[d] != THAW_NO_ITEM)
            s->units[u].item[d] = number[s->units[u].item[d]];
    s->n_items[d] = n;
    free(number);
    return THAW_OK;
}

/* One region for all ops of the device: they run one after the other. */
static void add_workspace(const thaw_placement *p, thaw_schedule *s, uint32_t d)
{
    uint64_t most = 0;
    for (size_t i = 0; i < p->graph.n_ops; i++)
        if (p->ops[i].dev == d && p->ops[i].info.workspace_bytes > most)
            most = p->ops[i].info.workspace_bytes;
    s->workspace_bytes[d] = most;
    s->workspace[d] = THAW_NO_ITEM;
    if (most > 0) {
        s->workspace[d] = s->n_items[d]++;
        s->items[d][s->workspace[d]] = (thaw_mem_item){.bytes = most, .first = 0, .last = p->graph.n_ops};
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

thaw_status thaw_schedule_items(const thaw_placement *placement, thaw_schedule *s, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (uint32_t d = 0; st == THAW_OK && d < THAW_MAX_DEVS; d++)
        st = one_item_each(placement, s, d, err);
    for (size_t i = 0; st == THAW_OK && i < placement->graph.n_ops; i++)
        share_places(placement, s, i);
    for (uint32_t d = 0; st == THAW_OK && d < THAW_MAX_DEVS; d++) {
        st = number_items(s, d, err);
        if (st == THAW_OK)
            add_workspace(placement, s, d);
    }
    return st;
}
