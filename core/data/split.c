#include <stdlib.h>

#include "core/base/memory.h"
#include "core/data/dataset.h"

static thaw_status take(const thaw_dataset *all, const uint32_t *order, size_t n, thaw_dataset **out,
                        thaw_error *err)
{
    thaw_dataset *part = NULL;
    thaw_status st = thaw_dataset_create(all->dir, all->class_names, all->n_classes, &part, err);
    for (size_t i = 0; st == THAW_OK && i < n; i++) {
        uint32_t k = order[i];
        st = thaw_dataset_add(part, thaw_strdup(all->paths[k]), all->labels[k], all->ids[k], err);
    }
    if (st == THAW_OK)
        *out = part;
    else
        thaw_dataset_free(part);
    return st;
}

thaw_status thaw_dataset_split(const thaw_dataset *all, double fraction, uint32_t seed, thaw_dataset **train,
                               thaw_dataset **validation, thaw_error *err)
{
    if (!(fraction > 0.0 && fraction < 1.0))
        return thaw_fail(err, THAW_E_INVALID, "the validation share %g is not between 0 and 1", fraction);
    size_t n_val = (size_t)(fraction * (double)all->n);
    if (n_val == 0 || n_val >= all->n)
        return thaw_fail(
            err, THAW_E_INVALID,
            "%zu images are too few to set the share %g of them aside for validation; add images "
            "or choose another share",
            all->n, fraction);
    uint32_t *order = thaw_calloc(all->n, sizeof *order);
    if (!order)
        return thaw_fail_memory(err, all->n * sizeof *order, "the order of the images");
    thaw_numpy_permutation(seed, order, all->n);
    thaw_dataset *first = NULL;
    size_t n_train = all->n - n_val;
    thaw_status st = take(all, order, n_train, &first, err);
    if (st == THAW_OK)
        st = take(all, order + n_train, n_val, validation, err);
    if (st == THAW_OK)
        *train = first;
    else
        thaw_dataset_free(first);
    free(order);
    return st;
}
