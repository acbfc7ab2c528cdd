#include "core/graph/constant.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/graph/weight_index.h"

thaw_const_recipe *thaw_const_recipe_create(const thaw_weight_source *source, size_t n)
{
    size_t bytes;
    if (!thaw_mul(n, sizeof(thaw_const_part), &bytes) || !thaw_add(bytes, sizeof(thaw_const_recipe), &bytes))
        return NULL;
    thaw_const_recipe *recipe = thaw_calloc(1, bytes);
    if (recipe) {
        recipe->source = *source;
        recipe->n = n;
    }
    return recipe;
}

/* from may be to. */
static void copy_columns(const thaw_const_part *part, size_t rows, const float *from, const double *scale,
                         float *to, size_t pitch)
{
    const size_t n = part->columns;
    for (size_t i = 0; i < rows; i++, from += n, to += pitch) {
        if (!scale && from != to)
            memcpy(to, from, n * sizeof *to);
        for (size_t j = 0; scale && j < n; j++)
            to[j] = (float)((double)from[j] * scale[j]);
    }
}

/* room: for a kernel that has to be read and does not lie as a whole in out; NULL where there is none. */
static thaw_status compute_part(const thaw_const_recipe *recipe, const thaw_const_part *part, size_t rows,
                                float *room, double *scale, float *out, size_t pitch, thaw_error *err)
{
    const float *from = part->kernel;
    if (!from) {
        float *to = recipe->n == 1 ? out : room;
        thaw_status st = recipe->source.read(recipe->source.ctx, part->weight, to, err);
        if (st != THAW_OK)
            return st;
        from = to;
    }
    for (size_t j = 0; part->variance && j < part->columns; j++)
        scale[j] = 1.0 / sqrt((double)part->variance[j] + (double)THAW_BN_EPSILON);
    copy_columns(part, rows, from, part->variance ? scale : NULL, out, pitch);
    return THAW_OK;
}

thaw_status thaw_const_compute(const thaw_const_recipe *recipe, size_t rows, float *out, thaw_error *err)
{
    size_t pitch = 0, widest = 0, bytes;
    for (size_t i = 0; i < recipe->n; i++) {
        const thaw_const_part *part = &recipe->parts[i];
        pitch += part->columns;
        if (part->columns > widest)
            widest = part->columns;
    }
    if (!thaw_mul(rows, widest, &bytes) || !thaw_mul(bytes, sizeof(float), &bytes))
        return thaw_fail_memory(err, SIZE_MAX, "a kernel");
    thaw_status st = THAW_OK;
    double *scale = thaw_calloc(widest, sizeof *scale);
    float *room = recipe->n > 1 ? malloc(bytes) : NULL;
    if (!scale || (recipe->n > 1 && !room))
        st = thaw_fail_memory(err, bytes, "a kernel");
    for (size_t i = 0; st == THAW_OK && i < recipe->n; i++) {
        st = compute_part(recipe, &recipe->parts[i], rows, room, scale, out, pitch, err);
        out += recipe->parts[i].columns;
    }
    free(scale);
    free(room);
    return st;
}
