#include "core/runtime/vars.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/arenas.h"
#include "core/runtime/loader.h"

struct thaw_vars {
    thaw_dev *dev;
    thaw_stream *stream;
    thaw_var_info *infos;
    thaw_mem_item *places; /* of infos of the same position */
    size_t count;
    uint64_t bytes;
    thaw_store store;
    thaw_arenas arenas;
};

static thaw_status measure(const thaw_var_info *info, uint64_t *bytes, thaw_error *err)
{
    size_t b = sizeof(float);
    if (info->n <= 0 || info->h <= 0 || info->w <= 0 || info->c <= 0 || !thaw_mul(b, (size_t)info->n, &b) ||
        !thaw_mul(b, (size_t)info->h, &b) || !thaw_mul(b, (size_t)info->w, &b) ||
        !thaw_mul(b, (size_t)info->c, &b) || b > (size_t)INT64_MAX)
        return thaw_fail(err, THAW_E_INVALID, "variable %s has the impossible shape %dx%dx%dx%d", info->name,
                         info->n, info->h, info->w, info->c);
    *bytes = b;
    return THAW_OK;
}

static thaw_status copy_list(thaw_vars *vars, const thaw_var_list *list, thaw_error *err)
{
    vars->count = list->count;
    vars->infos = thaw_calloc(list->count, sizeof *vars->infos);
    vars->places = thaw_calloc(list->count, sizeof *vars->places);
    if (!vars->infos || !vars->places)
        return thaw_fail_memory(err, list->count * sizeof *vars->infos, "the variables");
    for (size_t i = 0; i < list->count; i++) {
        vars->infos[i] = list->items[i];
        thaw_status st = measure(&vars->infos[i], &vars->places[i].bytes, err);
        if (st != THAW_OK)
            return st;
        vars->bytes += vars->places[i].bytes;
    }
    return THAW_OK;
}

static thaw_status clear(thaw_vars *vars, thaw_error *err)
{
    const thaw_device_ops *ops = &vars->dev->ops;
    thaw_error_clear(err);
    for (size_t i = 0; i < vars->count; i++) {
        thaw_status st = ops->fill(vars->stream, thaw_vars_slice(vars, i), 0, vars->places[i].bytes, err);
        if (st != THAW_OK)
            return thaw_plugin_failed(st, err, "%s: cannot clear the variables", vars->dev->name);
    }
    thaw_status st = ops->stream_sync(vars->stream, err);
    return st == THAW_OK ? st
                         : thaw_plugin_failed(st, err, "%s: cannot clear the variables", vars->dev->name);
}

thaw_status thaw_vars_create(thaw_dev *dev, const thaw_var_list *list, thaw_vars **out, thaw_error *err)
{
    thaw_mem_plan plan = {0};
    thaw_vars *vars = thaw_calloc(1, sizeof *vars);
    if (!vars)
        return thaw_fail_memory(err, sizeof *vars, "the variables");
    vars->dev = vars->store.dev = dev;
    thaw_status st = copy_list(vars, list, err);
    if (st == THAW_OK)
        st = thaw_mem_plan_make(vars->places, vars->count, dev->align, dev->max_alloc, &plan, err);
    if (st == THAW_OK)
        st = thaw_arenas_take(&vars->store, &plan, "weights and optimizer state", &vars->arenas, err);
    if (st != THAW_OK)
        goto cleanup;
    st = thaw_dev_stream(dev, &vars->stream, err);
    if (st == THAW_OK)
        st = clear(vars, err);
    if (st != THAW_OK)
        goto cleanup;
    *out = vars;
    vars = NULL;
cleanup:
    thaw_mem_plan_free(&plan);
    thaw_vars_free(vars);
    return st;
}

void thaw_vars_free(thaw_vars *vars)
{
    if (!vars)
        return;
    if (vars->stream)
        vars->dev->ops.stream_destroy(vars->dev->handle, vars->stream);
    thaw_arenas_free(&vars->arenas);
    thaw_store_free(&vars->store);
    free(vars->infos);
    free(vars->places);
    free(vars);
}

size_t thaw_vars_count(const thaw_vars *vars)
{
    return vars->count;
}

const thaw_var_info *thaw_vars_info(const thaw_vars *vars, size_t i)
{
    return i < vars->count ? &vars->infos[i] : NULL;
}

uint64_t thaw_vars_bytes(const thaw_vars *vars)
{
    return vars->bytes;
}

const thaw_dev *thaw_vars_dev(const thaw_vars *vars)
{
    return vars->dev;
}

thaw_slice thaw_vars_slice(const thaw_vars *vars, size_t i)
{
    return thaw_arenas_slice(&vars->arenas, &vars->places[i]);
}

static thaw_status check_index(const thaw_vars *vars, size_t i, thaw_error *err)
{
    if (i < vars->count)
        return THAW_OK;
    return thaw_fail(err, THAW_E_INVALID, "variable %zu of %zu does not exist", i, vars->count);
}

/* Waits also after an error: the caller's memory is in use until then. */
static thaw_status finish_copy(thaw_vars *vars, size_t i, thaw_status st, const char *verb, thaw_error *err)
{
    thaw_status synced = vars->dev->ops.stream_sync(vars->stream, st == THAW_OK ? err : NULL);
    if (st == THAW_OK)
        st = synced;
    if (st == THAW_OK)
        return THAW_OK;
    return thaw_plugin_failed(st, err, "%s: cannot %s variable %s", vars->dev->name, verb,
                              vars->infos[i].name);
}

thaw_status thaw_vars_set(thaw_vars *vars, size_t i, const float *values, thaw_error *err)
{
    thaw_error_clear(err);
    thaw_status st = check_index(vars, i, err);
    if (st != THAW_OK)
        return st;
    st = vars->dev->ops.upload(vars->stream, thaw_vars_slice(vars, i), values, vars->places[i].bytes, err);
    return finish_copy(vars, i, st, "write", err);
}

thaw_status thaw_vars_get(thaw_vars *vars, size_t i, float *values, thaw_error *err)
{
    thaw_error_clear(err);
    thaw_status st = check_index(vars, i, err);
    if (st != THAW_OK)
        return st;
    st = vars->dev->ops.download(vars->stream, values, thaw_vars_slice(vars, i), vars->places[i].bytes, err);
    return finish_copy(vars, i, st, "read", err);
}
