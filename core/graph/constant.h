/* constant.h: CONST tensors that are computed when an op is prepared. A network has its weights in memory
 * once then, as the device packs them, and not a second and third time as the file and the folding left them.
 */
#ifndef THAW_GRAPH_CONSTANT_H
#define THAW_GRAPH_CONSTANT_H

#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* Where the weights are that are not in memory. */
typedef struct thaw_weight_source {
    const void *ctx;
    /* [thread-safe] The values of a weight (THAW_W_INDEX) to out, which has room for all of them. NULL: every
     * weight is in memory. */
    thaw_status (*read)(const void *ctx, size_t index, float *out, thaw_error *err);
} thaw_weight_source;

/* Columns of a kernel of [rows, columns] values, each multiplied by 1/sqrt(variance + THAW_BN_EPSILON) of its
 * own. The arrays outlive the recipe. */
typedef struct thaw_const_part {
    const float *kernel; /* NULL: weight `weight` of the source */
    size_t weight;
    const float *variance; /* of `columns` columns; NULL: as they are */
    size_t columns;
} thaw_const_part;

/* The parts side by side. */
typedef struct thaw_const_recipe {
    thaw_weight_source source;
    size_t n;
    thaw_const_part parts[]; /* n */
} thaw_const_recipe;

/* n zeroed parts; freed by free. NULL when memory is exhausted. */
thaw_const_recipe *thaw_const_recipe_create(const thaw_weight_source *source, size_t n);
/* [thread-safe] rows times the columns of all parts to out. The products are made in double and rounded
 * once. Fails as the source does, or for want of memory. */
thaw_status thaw_const_compute(const thaw_const_recipe *recipe, size_t rows, float *out, thaw_error *err);

#endif
