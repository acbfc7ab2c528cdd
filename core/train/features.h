/* features.h: the one pass of all images, before the first phase. */
#ifndef THAW_TRAIN_FEATURES_H
#define THAW_TRAIN_FEATURES_H

#include "core/train/source.h"

/* Training and validation images, and which of them have turned out to be unusable. */
typedef struct thaw_pass_sets {
    const thaw_dataset *set[2]; /* NULL: none */
    bool *drop[2];
    thaw_bad_image **bad; /* the list to which they are added */
    size_t *n_bad;
} thaw_pass_sets;

/* Passes every image through source->prefix, once, into source->cache; or, without a cache, only decodes it.
 * Rows lie under the ids of the sets, which are unique over both. THAW_E_CANCELLED when asked to stop. */
thaw_status thaw_features_pass(thaw_source *source, const thaw_pass_sets *sets, const thaw_where *where,
                               const thaw_listener *listener, thaw_error *err);

#endif
