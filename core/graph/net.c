#include "core/graph/net.h"

#include <string.h>

uint32_t thaw_net_find(const thaw_net *net, const char *name)
{
    uint32_t i = 0;
    while (i < THAW_N_LAYERS && strcmp(net->layers[i].name, name) != 0)
        i++;
    return i;
}

thaw_status thaw_net_unfreeze_last(uint32_t n, bool trainable[THAW_N_LAYERS], thaw_error *err)
{
    if (n > THAW_N_LAYERS)
        return thaw_fail(err, THAW_E_INVALID, "cannot unfreeze the last %u layers: the base has %u", n,
                         THAW_N_LAYERS);
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++)
        trainable[i] = i >= THAW_N_LAYERS - n;
    return THAW_OK;
}

thaw_status thaw_net_unfreeze_from(const thaw_net *net, const char *name, bool trainable[THAW_N_LAYERS],
                                   thaw_error *err)
{
    uint32_t first = 0;
    while (first < THAW_N_LAYERS && strcmp(net->layers[first].block, name) != 0)
        first++;
    if (first == THAW_N_LAYERS)
        first = thaw_net_find(net, name);
    if (first == THAW_N_LAYERS)
        return thaw_fail(err, THAW_E_NOT_FOUND,
                         "no block or layer is named %s: blocks are stem and mixed0 to mixed10, layers have "
                         "the names of Keras, like conv2d_83",
                         name);
    return thaw_net_unfreeze_last(THAW_N_LAYERS - first, trainable, err);
}

static uint64_t kernel_values(const thaw_net *net, const thaw_layer *l)
{
    return (uint64_t)l->kh * (uint64_t)l->kw * (uint64_t)net->layers[l->in[0]].c * (uint64_t)l->c;
}

static bool has_parameters(const thaw_layer *l)
{
    return l->kind == THAW_LAYER_CONV || l->kind == THAW_LAYER_BN;
}

/* No block has parameters on both sides. */
static bool ends_at_border(const thaw_net *net, const bool trainable[THAW_N_LAYERS])
{
    const char *block = NULL;
    for (uint32_t i = 0; i < THAW_N_LAYERS && !block; i++)
        if (trainable[i] && has_parameters(&net->layers[i]))
            block = net->layers[i].block;
    for (uint32_t i = 0; i < THAW_N_LAYERS && block; i++)
        if (!trainable[i] && has_parameters(&net->layers[i]) && strcmp(net->layers[i].block, block) == 0)
            return false;
    return true;
}

void thaw_net_summarise(const thaw_net *net, const bool trainable[THAW_N_LAYERS], thaw_train_summary *out)
{
    memset(out, 0, sizeof *out);
    out->first = THAW_N_LAYERS;
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++) {
        const thaw_layer *l = &net->layers[i];
        if (!trainable[i])
            continue;
        if (out->first == THAW_N_LAYERS)
            out->first = i;
        out->layers++;
        if (l->kind == THAW_LAYER_CONV) {
            out->convs++;
            out->parameters += kernel_values(net, l);
        } else if (l->kind == THAW_LAYER_BN) {
            out->betas++;
            out->parameters += (uint64_t)l->c;
        }
    }
    out->clean = ends_at_border(net, trainable);
}

static void mark_live(const thaw_net *net, const bool trainable[THAW_N_LAYERS], bool live[THAW_N_LAYERS])
{
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++) {
        const thaw_layer *l = &net->layers[i];
        live[i] = trainable[i] && has_parameters(l);
        for (uint32_t j = 0; j < l->n_in; j++)
            live[i] = live[i] || live[l->in[j]];
    }
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++) {
        const thaw_layer *l = &net->layers[i];
        if (l->kind == THAW_LAYER_CONV && live[i] && net->layers[l->in[0]].kind == THAW_LAYER_AVGPOOL)
            live[l->in[0]] = true;
    }
}

thaw_status thaw_net_cut(const thaw_net *net, const bool trainable[THAW_N_LAYERS], thaw_cut *cut,
                         thaw_error *err)
{
    bool crosses[THAW_N_LAYERS] = {false};
    memset(cut, 0, sizeof *cut);
    mark_live(net, trainable, cut->live);
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++)
        for (uint32_t j = 0; cut->live[i] && j < net->layers[i].n_in; j++)
            if (!cut->live[net->layers[i].in[j]])
                crosses[net->layers[i].in[j]] = true;
    for (uint32_t i = 0; i < THAW_N_LAYERS; i++) {
        if (!crosses[i])
            continue;
        if (cut->n == THAW_MAX_CUT)
            return thaw_fail(err, THAW_E_INTERNAL, "more than %u tensors cross the cut", THAW_MAX_CUT);
        cut->layers[cut->n++] = i;
    }
    return THAW_OK;
}
