/* budget.h: how large the cache may grow. */
#ifndef THAW_TRAIN_BUDGET_H
#define THAW_TRAIN_BUDGET_H

#include "core/train/train.h"

/* Creates the cache of n_images rows of the layout as options say (not with THAW_CACHE_OFF). *bytes: what
 * all rows take. THAW_E_NO_MEMORY if THAW_CACHE_RAM has a budget that is too small. */
thaw_status thaw_cache_for(const thaw_train_options *options, const thaw_cache_layout *layout,
                           size_t n_images, const char *key, uint64_t *bytes, thaw_cache **out,
                           thaw_error *err);

#endif
