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
/* Whether thaw_source_next says where rows lie, rather than copying them. */
bool thaw_source_in_memory(const thaw_source *source);
/* The next `rows` rows: row i of each tensor t of the mask is copied to places[t][i], or, from a cache in
 * memory, has its own place written there, where it stays and is only to be read. */
thaw_status thaw_source_next(thaw_source *source, size_t rows, void **const *places, thaw_error *err);
void thaw_source_end(thaw_source *source);
/* All of it. Harmless on a zeroed struct. */
void thaw_source_free(thaw_source *source);

#endif
