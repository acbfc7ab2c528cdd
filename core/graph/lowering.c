/* What every part of the lowering needs: tensors for layers, constants, weights, variables. */
#include "core/graph/lowering.h"

#include "core/base/memory.h"

thaw_status thaw_lower_layer_tensor(lowering *l, const char *name, thaw_storage storage, thaw_dtype dtype,
                                    uint32_t like, uint32_t *out)
{
    const thaw_layer *a = &l->spec->net->layers[like];
    return thaw_graph_tensor(l->graph, name, storage, dtype, l->spec->batch, a->h, a->w, a->c, out, l->err);
}

thaw_status thaw_lower_output(lowering *l, uint32_t at, uint32_t *out)
{
    const thaw_layer *a = &l->spec->net->layers[at];
    if (l->home[at] != THAW_NO_TENSOR)
        return thaw_graph_slice(l->graph, a->name, l->home[at], l->home_channel[at], a->c, out, l->err);
    return thaw_lower_layer_tensor(l, a->name, THAW_T_TEMP, THAW_F32, at, out);
}

thaw_status thaw_lower_const(lowering *l, const char *name, int32_t n, int32_t h, int32_t w, int32_t c,
                             float **data, uint32_t *out)
{
    thaw_status st = thaw_graph_tensor(l->graph, name, THAW_T_CONST, THAW_F32, n, h, w, c, out, l->err);
    if (st != THAW_OK)
        return st;
    size_t bytes = thaw_graph_bytes(l->graph, *out);
    *data = thaw_calloc(bytes, 1);
    if (!*data)
        return thaw_fail_memory(l->err, bytes, name);
    l->graph->tensors[*out].data = l->graph->tensors[*out].owned = *data;
    return THAW_OK;
}

thaw_status thaw_lower_recipe(lowering *l, const char *name, int32_t n, int32_t h, int32_t w, int32_t c,
                              const thaw_const_part *part, uint32_t *out)
{
    thaw_status st = thaw_graph_tensor(l->graph, name, THAW_T_CONST, THAW_F32, n, h, w, c, out, l->err);
    if (st != THAW_OK)
        return st;
    thaw_const_recipe *recipe = thaw_const_recipe_create(&l->spec->weights->source, 1);
    if (!recipe)
        return thaw_fail_memory(l->err, sizeof *recipe + sizeof *part, name);
    recipe->parts[0] = *part;
    l->graph->tensors[*out].recipe = l->graph->tensors[*out].owned = recipe;
    return THAW_OK;
}

bool thaw_lower_has(const lowering *l, size_t index)
{
    return l->spec->weights->data[index] || l->spec->weights->source.read;
}

thaw_status thaw_lower_weight(lowering *l, size_t index, bool variable, bool trained, int32_t n, int32_t h,
                              int32_t w, int32_t c, uint32_t *out)
{
    char name[THAW_WEIGHT_NAME_BYTES];
    thaw_weight_name(index, name);
    if (!variable && !l->spec->weights->data[index] && l->spec->weights->source.read)
        return thaw_lower_recipe(l, name, n, h, w, c,
                                 &(thaw_const_part){.weight = index, .columns = (size_t)c}, out);
    thaw_status st = thaw_graph_tensor(l->graph, name, variable ? THAW_T_VAR : THAW_T_CONST, THAW_F32, n, h,
                                       w, c, out, l->err);
    if (st != THAW_OK)
        return st;
    thaw_gtensor *t = &l->graph->tensors[*out];
    if (!variable) {
        t->data = l->spec->weights->data[index];
        return t->data ? THAW_OK : thaw_fail(l->err, THAW_E_INVALID, "the model has no tensor %s", name);
    }
    t->requires_grad = trained && l->spec->train;
    return thaw_lower_var(l, *out);
}

thaw_status thaw_lower_var(lowering *l, uint32_t tensor)
{
    thaw_gtensor *t = &l->graph->tensors[tensor];
    if (!l->spec->vars)
        return thaw_fail(l->err, THAW_E_INTERNAL, "no list for the variable %s", t->name);
    t->var = thaw_var_get(l->spec->vars, t->name, t->n, t->h, t->w, t->c);
    if (t->var != UINT32_MAX)
        return THAW_OK;
    if (thaw_var_find(l->spec->vars, t->name) == UINT32_MAX)
        return thaw_fail_memory(l->err, sizeof(thaw_var_info), t->name);
    return thaw_fail(l->err, THAW_E_INTERNAL, "variable %s has had another shape than %dx%dx%dx%d", t->name,
                     t->n, t->h, t->w, t->c);
}
