/* h5_legacy.c: Keras' .h5 files of before Keras 3 (weights only, or a whole model below /model_weights).
 *
 * A group for each layer, in the order of the attribute layer_names; each lists its datasets in
 * weight_names. Keras itself assigns by order (keras/src/legacy/saving/legacy_h5_format.py), and so does
 * this reader where each layer has a group of its own, since the names' numbers depend on the Keras version
 * and on what else the process had created. A base nested in another model is one group whose order depends
 * on what was trainable when it was saved; there the numbers in the names count, less the smallest. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/model/conv_table.h"
#include "core/model/h5_import.h"

typedef enum { CONV, BN, DENSE, BIAS, OTHER } entry_kind;

typedef struct entry {
    char *path; /* of the dataset; owned */
    thaw_name_parts name;
    entry_kind kind;
    size_t group;
    uint32_t rank;
    size_t dims[4];
} entry;

typedef struct listing {
    entry *items;
    size_t n, capacity;
} listing;

static void free_listing(listing *l)
{
    for (size_t i = 0; i < l->n; i++)
        free(l->items[i].path);
    free(l->items);
}

/* Names of Keras 1: layer_W, layer_gamma, layer_running_std, without a folder. */
static bool is_gamma(const entry *e)
{
    const thaw_name_parts *p = &e->name;
    static const char *const endings[] = {"gamma", "running_std", "running_mean"};
    for (size_t i = 0; i < 3; i++) {
        size_t n = strlen(endings[i]);
        if (p->var_length >= n && memcmp(p->var + p->var_length - n, endings[i], n) == 0)
            return true;
    }
    return false;
}

static thaw_status classify(const thaw_h5 *h5, entry *e, thaw_error *err)
{
    const thaw_name_parts *p = &e->name;
    if (is_gamma(e))
        return thaw_refuse_gamma(h5->path, e->path, err);
    if (thaw_span_is(p->var, p->var_length, "seed_generator_state")) {
        e->kind = OTHER; /* of a dropout or an augmentation; not even a float */
        return THAW_OK;
    }
    thaw_status st = thaw_h5_shape(h5, e->path, &e->rank, e->dims, err);
    if (st != THAW_OK)
        return st;
    bool kernel = thaw_span_is(p->var, p->var_length, "kernel");
    if (kernel && e->rank == 4)
        e->kind = CONV;
    else if (kernel && e->rank == 2)
        e->kind = DENSE;
    else if (thaw_bn_variable(p->var, p->var_length) >= 0)
        e->kind = BN;
    else if (thaw_span_is(p->var, p->var_length, "bias"))
        e->kind = BIAS;
    else
        return thaw_fail(err, THAW_E_UNSUPPORTED,
                         "%s: %.200s is no tensor of InceptionV3 or of a Dense head; the file is of another "
                         "network",
                         h5->path, e->path);
    return THAW_OK;
}

static thaw_status add_entry(const thaw_h5 *h5, listing *l, const char *group_path, size_t group,
                             const char *weight, thaw_error *err)
{
    size_t cap = strlen(group_path) + strlen(weight) + 2;
    if (l->n >= THAW_H5_MAX_ITEMS)
        return thaw_fail(err, THAW_E_FORMAT, "%s: more than %u weights", h5->path, THAW_H5_MAX_ITEMS);
    char *path = malloc(cap);
    if (!path || !thaw_grow((void **)&l->items, &l->capacity, l->n + 1, sizeof *l->items)) {
        free(path);
        return thaw_fail_memory(err, cap, "the name of a weight");
    }
    snprintf(path, cap, "%s/%s", group_path, weight);
    entry *e = &l->items[l->n++];
    memset(e, 0, sizeof *e);
    e->path = path;
    e->name = thaw_split_name(path);
    e->group = group;
    return classify(h5, e, err);
}

static thaw_status list_group(const thaw_h5 *h5, const char *root, const char *layer, size_t group,
                              listing *l, thaw_error *err)
{
    char path[2 * THAW_H5_MAX_NAME];
    snprintf(path, sizeof path, "%s%s%s", root, root[0] ? "/" : "", layer);
    thaw_h5_names weights = {0};
    thaw_status st = thaw_h5_strings(h5, path, "weight_names", &weights, err);
    for (size_t i = 0; st == THAW_OK && i < weights.n; i++)
        st = add_entry(h5, l, path, group, weights.items[i], err);
    thaw_h5_names_free(&weights);
    return st;
}

static thaw_status list_all(const thaw_h5 *h5, const char *root, listing *l, thaw_error *err)
{
    thaw_h5_names layers = {0};
    thaw_status st = thaw_h5_strings(h5, root, "layer_names", &layers, err);
    for (size_t i = 0; st == THAW_OK && i < layers.n; i++)
        st = list_group(h5, root, layers.items[i], i, l, err);
    thaw_h5_names_free(&layers);
    return st;
}

static size_t count_kind(const listing *l, entry_kind kind)
{
    size_t n = 0;
    for (size_t i = 0; i < l->n; i++)
        n += l->items[i].kind == kind;
    return n;
}

/* Does a group hold the convolutions of a whole network? */
static bool is_nested(const listing *l)
{
    const entry *before = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i];
        if (e->kind == CONV && before && before->group == e->group)
            return true;
        if (e->kind == CONV)
            before = e;
    }
    return false;
}

static thaw_status entry_number(const thaw_h5 *h5, const entry *e, uint32_t *number, thaw_error *err)
{
    const char *stem = e->kind == CONV ? "conv2d" : "batch_normalization";
    if (thaw_layer_number(e->name.layer, e->name.layer_length, stem, number))
        return THAW_OK;
    return thaw_fail(err, THAW_E_UNSUPPORTED,
                     "%s: %.200s: in a nested network only the number in a name like %s_12 says which layer "
                     "it is, and this one has none",
                     h5->path, e->path, stem);
}

static thaw_status read_into(const thaw_h5 *h5, thaw_model *m, const entry *e, uint32_t k, thaw_error *err)
{
    int what = e->kind == CONV ? THAW_W_KERNEL : thaw_bn_variable(e->name.var, e->name.var_length);
    if (k >= THAW_N_CONVS)
        return thaw_fail(err, THAW_E_FORMAT, "%s: %.200s is one layer more than the %u of InceptionV3",
                         h5->path, e->path, THAW_N_CONVS);
    size_t index = THAW_W_INDEX(k, what);
    thaw_status st = thaw_claim_weight(m, index, h5->path, e->path, e->rank, e->dims, err);
    return st == THAW_OK ? thaw_h5_read(h5, e->path, m->weights[index].data, m->weights[index].count, err)
                         : st;
}

static thaw_status read_nested(const thaw_h5 *h5, const listing *l, thaw_model *m, thaw_error *err)
{
    uint32_t least[2] = {UINT32_MAX, UINT32_MAX}, number = 0;
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i];
        if (e->kind != CONV && e->kind != BN)
            continue;
        thaw_status st = entry_number(h5, e, &number, err);
        if (st != THAW_OK)
            return st;
        if (number < least[e->kind])
            least[e->kind] = number;
    }
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i];
        if (e->kind != CONV && e->kind != BN)
            continue;
        thaw_status st = entry_number(h5, e, &number, err);
        if (st == THAW_OK)
            st = read_into(h5, m, e, number - least[e->kind], err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status read_flat(const thaw_h5 *h5, const listing *l, thaw_model *m, thaw_error *err)
{
    uint32_t next[2] = {0, 0};
    size_t group[2] = {SIZE_MAX, SIZE_MAX};
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i];
        if (e->kind != CONV && e->kind != BN)
            continue;
        if (e->group != group[e->kind])
            next[e->kind]++;
        group[e->kind] = e->group;
        thaw_status st = read_into(h5, m, e, thaw_conv_at_place(next[e->kind] - 1), err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static size_t folder_length(const entry *e)
{
    return (size_t)(e->name.var - e->path);
}

static bool same_folder(const entry *a, const entry *b)
{
    return folder_length(a) == folder_length(b) && memcmp(a->path, b->path, folder_length(a)) == 0;
}

static thaw_status read_head(const thaw_h5 *h5, const listing *l, thaw_model *m, thaw_import_note note,
                             thaw_error *err)
{
    thaw_h5_dense dense = {0};
    const entry *kernel = NULL;
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i];
        if (e->kind == DENSE && !kernel) {
            kernel = e;
            dense.kernel = e->path;
            memcpy(dense.dims, e->dims, sizeof dense.dims);
        }
    }
    for (size_t i = 0; i < l->n; i++) {
        const entry *e = &l->items[i], *owner = NULL;
        for (size_t j = 0; e->kind == BIAS && j < l->n && !owner; j++)
            if (l->items[j].kind == DENSE && same_folder(e, &l->items[j]))
                owner = &l->items[j];
        if (e->kind == BIAS && !owner)
            return thaw_fail(
                err, THAW_E_UNSUPPORTED,
                "%s: %.200s: the convolutions of InceptionV3 have no bias; the file is of another "
                "network",
                h5->path, e->path);
        if (owner == kernel && e->kind == BIAS)
            dense.bias = e->path;
    }
    return thaw_h5_import_head(h5, &dense, count_kind(l, DENSE), m, note, err);
}

thaw_status thaw_h5_import_legacy(const thaw_h5 *h5, const char *root, thaw_model *m, thaw_import_note note,
                                  thaw_error *err)
{
    listing l = {0};
    thaw_status st = list_all(h5, root, &l, err);
    size_t n = count_kind(&l, CONV);
    if (st == THAW_OK && n != THAW_N_CONVS)
        st = thaw_fail(err, THAW_E_FORMAT, "%s has %zu convolutions, InceptionV3 has %u: another network",
                       h5->path, n, THAW_N_CONVS);
    if (st == THAW_OK)
        st = is_nested(&l) ? read_nested(h5, &l, m, err) : read_flat(h5, &l, m, err);
    if (st == THAW_OK)
        st = read_head(h5, &l, m, note, err);
    free_listing(&l);
    return st;
}
