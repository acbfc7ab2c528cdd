#include "core/train/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

static const char optimizer_prefix[] = "adam/";

static bool is_optimizer(const char *name)
{
    return strncmp(name, optimizer_prefix, sizeof optimizer_prefix - 1) == 0;
}

static size_t count_of(const thaw_var_info *v)
{
    return (size_t)v->n * (size_t)v->h * (size_t)v->w * (size_t)v->c;
}

void thaw_snapshot_free(thaw_snapshot *snapshot)
{
    for (size_t i = 0; i < snapshot->n; i++)
        free(snapshot->items[i].data);
    free(snapshot->items);
    *snapshot = (thaw_snapshot){0};
}

/* Adds an item without values. */
static thaw_status add(thaw_snapshot *s, const char *name, uint32_t rank, const size_t dims[4], size_t count,
                       thaw_error *err)
{
    thaw_weight *w = &s->items[s->n];
    if (strlen(name) >= sizeof w->name)
        return thaw_fail(err, THAW_E_INTERNAL, "the name %s is too long for a file", name);
    snprintf(w->name, sizeof w->name, "%s", name);
    w->rank = rank;
    memcpy(w->dims, dims, sizeof w->dims);
    w->count = count;
    w->data = thaw_calloc(count, sizeof *w->data);
    if (!w->data)
        return thaw_fail_memory(err, count * sizeof *w->data, name);
    s->n++;
    return THAW_OK;
}

static thaw_status add_variable(thaw_snapshot *s, const thaw_var_info *v, thaw_error *err)
{
    size_t count = count_of(v), vector[4] = {count};
    const size_t kernel[4] = {(size_t)v->n, (size_t)v->h, (size_t)v->w, (size_t)v->c};
    bool flat = v->n == 1 && v->h == 1 && v->w == 1;
    return add(s, v->name, flat ? 1 : 4, flat ? vector : kernel, count, err);
}

static bool fits(const thaw_snapshot *s, const thaw_vars *vars, bool optimizer)
{
    size_t n = 0;
    for (size_t i = 0; i < thaw_vars_count(vars); i++) {
        const thaw_var_info *v = thaw_vars_info(vars, i);
        if (is_optimizer(v->name) != optimizer)
            continue;
        if (n == s->n || strcmp(s->items[n].name, v->name) != 0 || s->items[n].count != count_of(v))
            return false;
        n++;
    }
    return n == s->n;
}

static thaw_status shape(thaw_vars *vars, bool optimizer, thaw_snapshot *s, thaw_error *err)
{
    size_t n = thaw_vars_count(vars);
    thaw_snapshot_free(s);
    s->items = thaw_calloc(n, sizeof *s->items);
    if (!s->items)
        return thaw_fail_memory(err, n * sizeof *s->items, "a copy of the weights");
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < n; i++)
        if (is_optimizer(thaw_vars_info(vars, i)->name) == optimizer)
            st = add_variable(s, thaw_vars_info(vars, i), err);
    return st;
}

thaw_status thaw_snapshot_take(thaw_vars *vars, bool optimizer, thaw_snapshot *out, thaw_error *err)
{
    thaw_status st = fits(out, vars, optimizer) ? THAW_OK : shape(vars, optimizer, out, err);
    size_t at = 0;
    for (size_t i = 0; st == THAW_OK && i < thaw_vars_count(vars); i++)
        if (is_optimizer(thaw_vars_info(vars, i)->name) == optimizer)
            st = thaw_vars_get(vars, i, out->items[at++].data, err);
    return st;
}

thaw_status thaw_snapshot_overlay(const thaw_snapshot *snapshot, const thaw_model *model, thaw_model *view,
                                  thaw_error *err)
{
    *view = *model;
    for (size_t k = 0; k < snapshot->n; k++) {
        const thaw_weight *w = &snapshot->items[k];
        size_t at = thaw_model_find(model, w->name);
        if (at == THAW_N_WEIGHTS || model->weights[at].count != w->count)
            return thaw_fail(err, THAW_E_INTERNAL, "the model has no tensor %s of %zu values", w->name,
                             w->count);
        view->weights[at].data = w->data;
    }
    return THAW_OK;
}

thaw_status thaw_snapshot_apply(const thaw_snapshot *snapshot, thaw_model *model, thaw_error *err)
{
    thaw_model view;
    thaw_status st = thaw_snapshot_overlay(snapshot, model, &view, err);
    for (size_t i = 0; st == THAW_OK && i < THAW_N_WEIGHTS; i++) {
        if (view.weights[i].data == model->weights[i].data)
            continue;
        st = thaw_model_alloc_weight(model, i, err);
        if (st == THAW_OK)
            memcpy(model->weights[i].data, view.weights[i].data,
                   model->weights[i].count * sizeof *model->weights[i].data);
    }
    return st;
}

/* room: for the largest kernel. */
static thaw_status add_difference(thaw_snapshot *out, const thaw_model *model, const thaw_model *base,
                                  size_t index, float *room, thaw_error *err)
{
    const thaw_weight *a = &model->weights[index], *b = &base->weights[index];
    const size_t bytes = a->count * sizeof *a->data;
    const float *values;
    if (a->count != b->count)
        return thaw_fail(err, THAW_E_FORMAT, "%s has %zu values instead of %zu", a->name, a->count, b->count);
    if (a->count == 0)
        return THAW_OK;
    thaw_status st = thaw_model_values(base, index, room, &values, err);
    if (st != THAW_OK || memcmp(a->data, values, bytes) == 0)
        return st;
    st = add(out, a->name, a->rank, a->dims, a->count, err);
    if (st == THAW_OK)
        memcpy(out->items[out->n - 1].data, a->data, bytes);
    return st;
}

thaw_status thaw_snapshot_difference(const thaw_model *model, const thaw_model *base, thaw_snapshot *out,
                                     thaw_error *err)
{
    thaw_snapshot_free(out);
    out->items = thaw_calloc(THAW_N_WEIGHTS, sizeof *out->items);
    if (!out->items)
        return thaw_fail_memory(err, THAW_N_WEIGHTS * sizeof *out->items, "a copy of the weights");
    float *room = thaw_model_room(base);
    thaw_status st = room ? THAW_OK : thaw_fail_memory(err, sizeof *room, "a tensor");
    for (size_t i = 0; st == THAW_OK && i < THAW_N_WEIGHTS; i++)
        st = add_difference(out, model, base, i, room, err);
    free(room);
    return st;
}
