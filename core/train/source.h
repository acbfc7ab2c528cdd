/* source.h: where the rows of a mini-batch come from: the cache, or the prefix itself. */
#ifndef THAW_TRAIN_SOURCE_H
#define THAW_TRAIN_SOURCE_H

#include "core/train/prefix.h"

typedef struct thaw_source {
    thaw_prefix prefix; /* empty once all rows are cached */
    thaw_cache *cache;  /* NULL: no cache. Owned. */
    const thaw_preprocess *pre;
    uint32_t decode_threads;
    size_t n; /* tensors of a row, as in the prefix */
    size_t row_bytes[THAW_MAX_FEATURES];

    /* The pass in progress. */
    const thaw_dataset *set;
    uint32_t mask;
    uint32_t *order, *ids; /* positions in set, and their ids */
    size_t count, next;
    thaw_loader *loader;
} thaw_source;

/* Starts a pass over set in an order (of positions; copied), of which only the tensors of mask are wanted.
 * An older pass ends. set lives until the pass ends. */
thaw_status thaw_source_begin(thaw_source *source, const thaw_dataset *set, const uint32_t *order, size_t n,
                              uint32_t mask, thaw_error *err);
/* The next `rows` rows: out[t] receives them for each tensor t of the mask. */
thaw_status thaw_source_next(thaw_source *source, size_t rows, void *const *out, thaw_error *err);
void thaw_source_end(thaw_source *source);
/* All of it. Harmless on a zeroed struct. */
void thaw_source_free(thaw_source *source);

/* Rows that a loader may hold ready for a consumer that takes `batch` at a time. */
size_t thaw_loader_ahead(uint32_t batch);

#endif
