/* h5_keras3.c: the weights of Keras 3 (.weights.h5, and model.weights.h5 within .keras).
 *
 * The layer at a path P of the object tree has its variables in P/vars/0, 1, …; the children of a model lie
 * in P/layers (Keras 2.13: P/_layer_checkpoint_dependencies) under their class' name in snake case and a
 * number that counts the class in model.layers order, the first without (keras/src/saving/saving_lib.py).
 * So conv2d_5 in the file is not the layer conv2d_5; conv_table.h has the places. The base may be the whole
 * model or lie anywhere in it: it is the group with 94 children conv2d…. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/model/conv_table.h"
#include "core/model/h5_import.h"

#define MAX_DEPTH  16
#define MAX_GROUPS 20000
#define MAX_DENSE  16

typedef struct search {
    const thaw_h5 *h5;
    char base[THAW_H5_MAX_NAME]; /* the group with the convolutions */
    size_t n_bases, most_convs, n_groups;
    char dense[MAX_DENSE][THAW_H5_MAX_NAME]; /* groups of Dense layers */
    size_t n_dense;
} search;

static bool join(char *out, const char *group, const char *name)
{
    int n = snprintf(out, THAW_H5_MAX_NAME, "%s%s%s", group, group[0] ? "/" : "", name);
    return n > 0 && n < (int)THAW_H5_MAX_NAME;
}

static bool is_layer(const char *name, const char *stem)
{
    uint32_t number;
    return thaw_layer_number(name, strlen(name), stem, &number);
}

static void note_members(search *s, const char *group, const thaw_h5_names *members)
{
    size_t convs = 0;
    for (size_t i = 0; i < members->n; i++) {
        const char *name = members->items[i];
        convs += is_layer(name, "conv2d");
        if (is_layer(name, "dense") && s->n_dense < MAX_DENSE)
            s->n_dense += join(s->dense[s->n_dense], group, name);
    }
    if (convs == THAW_N_CONVS) {
        snprintf(s->base, sizeof s->base, "%s", group);
        s->n_bases++;
    }
    if (convs > s->most_convs)
        s->most_convs = convs;
}

static bool leads_nowhere(const char *name)
{
    return strcmp(name, "vars") == 0 || strcmp(name, "optimizer") == 0 || strcmp(name, "seed_generator") == 0;
}

static thaw_status look_below(search *s, const char *group, int depth, thaw_error *err)
{
    if (depth > MAX_DEPTH || ++s->n_groups > MAX_GROUPS)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: more groups within groups than any Keras model has (at %.200s)", s->h5->path,
                         group);
    thaw_h5_names members = {0};
    thaw_status st = thaw_h5_members(s->h5, group, &members, err);
    if (st == THAW_OK)
        note_members(s, group, &members);
    for (size_t i = 0; st == THAW_OK && i < members.n; i++) {
        char *below = malloc(THAW_H5_MAX_NAME);
        if (!below)
            st = thaw_fail_memory(err, THAW_H5_MAX_NAME, "a group's name");
        else if (!leads_nowhere(members.items[i]) && join(below, group, members.items[i]) &&
                 thaw_h5_look(s->h5, below) == THAW_H5_GROUP)
            st = look_below(s, below, depth + 1, err);
        free(below);
    }
    thaw_h5_names_free(&members);
    return st;
}

/* The dataset of variable v of the layer number `place` of a class, like "…/conv2d_5/vars/0". */
static bool variable_path(char *out, const char *base, const char *class, unsigned place, int v)
{
    char number[16] = "";
    if (place)
        snprintf(number, sizeof number, "_%u", place);
    int n = snprintf(out, THAW_H5_MAX_NAME, "%s%s%s%s/vars/%d", base, base[0] ? "/" : "", class, number, v);
    return n > 0 && n < (int)THAW_H5_MAX_NAME;
}

static thaw_status read_variable(const thaw_h5 *h5, thaw_model *m, size_t index, const char *path,
                                 thaw_error *err)
{
    uint32_t rank = 0;
    size_t dims[4];
    thaw_status st = thaw_h5_shape(h5, path, &rank, dims, err);
    if (st == THAW_OK)
        st = thaw_claim_weight(m, index, h5->path, path, rank, dims, err);
    const thaw_weight *w = &m->weights[index];
    return st == THAW_OK ? thaw_h5_read(h5, path, w->data, w->count, err) : st;
}

static thaw_status read_conv(const thaw_h5 *h5, thaw_model *m, const char *base, uint32_t k, thaw_error *err)
{
    static const int order[] = {THAW_W_BETA, THAW_W_MEAN, THAW_W_VAR};
    unsigned place = thaw_conv_table[k].place;
    char path[THAW_H5_MAX_NAME];
    if (!variable_path(path, base, "batch_normalization", place, 3))
        return thaw_fail(err, THAW_E_FORMAT, "%s: the group %.200s has too long a name", h5->path, base);
    if (thaw_h5_look(h5, path) != THAW_H5_NOTHING)
        return thaw_refuse_gamma(h5->path, path, err);
    variable_path(path, base, "conv2d", place, 1);
    if (thaw_h5_look(h5, path) != THAW_H5_NOTHING)
        return thaw_fail(err, THAW_E_UNSUPPORTED, "%s: %.200s: the convolutions of InceptionV3 have no bias",
                         h5->path, path);
    variable_path(path, base, "conv2d", place, 0);
    thaw_status st = read_variable(h5, m, THAW_W_INDEX(k, THAW_W_KERNEL), path, err);
    for (int v = 0; st == THAW_OK && v < 3; v++) {
        variable_path(path, base, "batch_normalization", place, v);
        st = read_variable(h5, m, THAW_W_INDEX(k, order[v]), path, err);
    }
    return st;
}

static thaw_status read_head(const search *s, thaw_model *m, thaw_import_note note, thaw_error *err)
{
    char kernel[THAW_H5_MAX_NAME], bias[THAW_H5_MAX_NAME];
    if (s->n_dense == 0)
        return THAW_OK;
    if (!join(kernel, s->dense[0], "vars/0") || !join(bias, s->dense[0], "vars/1"))
        return thaw_fail(err, THAW_E_FORMAT, "%s: the group %.200s has too long a name", s->h5->path,
                         s->dense[0]);
    uint32_t rank = 0;
    size_t dims[4];
    thaw_status st = thaw_h5_shape(s->h5, kernel, &rank, dims, err);
    if (st != THAW_OK)
        return st;
    if (rank != 2)
        return thaw_fail(err, THAW_E_FORMAT, "%s: %.200s is no kernel of a Dense layer", s->h5->path, kernel);
    thaw_h5_dense dense = {
        kernel, thaw_h5_look(s->h5, bias) == THAW_H5_NOTHING ? NULL : bias, {dims[0], dims[1]}};
    return thaw_h5_import_head(s->h5, &dense, s->n_dense, m, note, err);
}

thaw_status thaw_h5_import_keras3(const thaw_h5 *h5, thaw_model *m, thaw_import_note note, thaw_error *err)
{
    search *s = thaw_calloc(1, sizeof *s);
    if (!s)
        return thaw_fail_memory(err, sizeof *s, "the search for the network");
    s->h5 = h5;
    thaw_status st = look_below(s, "", 0, err);
    if (st == THAW_OK && s->n_bases != 1)
        st = thaw_fail(err, THAW_E_FORMAT,
                       s->n_bases
                           ? "%s holds more than one InceptionV3 (%zu convolutions in one group)"
                           : "%s: no group has the 94 convolutions of InceptionV3, the largest has %zu: "
                             "another network",
                       h5->path, s->most_convs);
    for (uint32_t k = 0; st == THAW_OK && k < THAW_N_CONVS; k++)
        st = read_conv(h5, m, s->base, k, err);
    if (st == THAW_OK)
        st = read_head(s, m, note, err);
    free(s);
    return st;
}
