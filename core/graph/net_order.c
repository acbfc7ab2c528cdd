#include "core/graph/net_order.h"

#include <string.h>

#define UNSEEN UINT32_MAX

typedef struct walk {
    const thaw_layer *layers;
    uint32_t met[THAW_N_LAYERS]; /* when the walk first came by */
    uint32_t n_met;
} walk;

static void visit(walk *w, uint32_t at)
{
    if (w->met[at] != UNSEEN)
        return;
    w->met[at] = w->n_met++;
    for (uint32_t i = 0; i < w->layers[at].n_in; i++)
        visit(w, w->layers[at].in[i]);
}

/* Inputs come before their users in the creation order, so one pass from the back sees every user of a
 * layer before the layer itself. */
static void measure_depths(const thaw_layer *layers, uint32_t depth[THAW_N_LAYERS])
{
    memset(depth, 0, THAW_N_LAYERS * sizeof *depth);
    for (uint32_t at = THAW_N_LAYERS; at-- > 0;)
        for (uint32_t i = 0; i < layers[at].n_in; i++)
            if (depth[layers[at].in[i]] < depth[at] + 1)
                depth[layers[at].in[i]] = depth[at] + 1;
}

void thaw_net_order(const thaw_layer created[THAW_N_LAYERS], uint32_t output,
                    thaw_layer sorted[THAW_N_LAYERS])
{
    walk w = {.layers = created};
    uint32_t depth[THAW_N_LAYERS], place[THAW_N_LAYERS];
    memset(w.met, 0xff, sizeof w.met);
    visit(&w, output);
    measure_depths(created, depth);
    for (uint32_t a = 0; a < THAW_N_LAYERS; a++) {
        place[a] = 0;
        for (uint32_t b = 0; b < THAW_N_LAYERS; b++)
            if (depth[b] > depth[a] || (depth[b] == depth[a] && w.met[b] < w.met[a]))
                place[a]++;
    }
    for (uint32_t a = 0; a < THAW_N_LAYERS; a++) {
        thaw_layer *l = &sorted[place[a]];
        *l = created[a];
        for (uint32_t i = 0; i < l->n_in; i++)
            l->in[i] = place[created[a].in[i]];
    }
}
