/* cache_store.h: where the rows of a feature cache lie; for this room only. A record holds the rows of all
 * tensors of one image, one behind the other; records are numbered from 0. One thread at a time. */
#ifndef THAW_DATA_CACHE_STORE_H
#define THAW_DATA_CACHE_STORE_H

#include "core/data/data.h"

#define THAW_CACHE_TENSORS_MAX 16u

/* Sizes of a record, from a checked layout. */
typedef struct thaw_record {
    size_t n_tensors;
    size_t row_bytes[THAW_CACHE_TENSORS_MAX];
    size_t offset[THAW_CACHE_TENSORS_MAX]; /* of each row in the record */
    size_t bytes;
} thaw_record;

/* ---- a file of records: unlinked, or kept for the next run -------------------------------------- */

typedef struct thaw_cache_file thaw_cache_file;

/* An unlinked file with room for n records in dir. */
thaw_status thaw_cache_file_temporary(const thaw_record *record, size_t n, const char *dir,
                                      thaw_cache_file **out, thaw_error *err);
/* dir/<key>.thawcache, locked against other processes. What is there and fits is taken over, up to the first
 * record that is not whole; a foreign or damaged file is begun anew. n_new: how many records may be added.
 * *busy: another process has it; *out is then NULL and the status THAW_OK. */
thaw_status thaw_cache_file_keep(const thaw_record *record, size_t n_new, const char *dir, const char *key,
                                 thaw_cache_file **out, bool *busy, thaw_error *err);
void thaw_cache_file_free(thaw_cache_file *file);
const char *thaw_cache_file_path(const thaw_cache_file *file);
/* Number of the next free record, which is then taken. */
thaw_status thaw_cache_file_append(thaw_cache_file *file, uint32_t *record, thaw_error *err);
thaw_status thaw_cache_file_write(thaw_cache_file *file, size_t t, uint32_t record, const void *row,
                                  thaw_error *err);
thaw_status thaw_cache_file_read(thaw_cache_file *file, size_t t, uint32_t record, void *row,
                                 thaw_error *err);
/* Number of the whole record with that content hash, its checksum verified, or UINT32_MAX. */
uint32_t thaw_cache_file_find(thaw_cache_file *file, const char hash[33]);
bool thaw_cache_file_sealed(const thaw_cache_file *file, uint32_t record);
/* Seals a record, all of whose rows are written, for the next run. */
thaw_status thaw_cache_file_seal(thaw_cache_file *file, uint32_t record, const char hash[33],
                                 thaw_error *err);

#endif
