/* safetensors.h: the container of thaw's own model files. Internal to core/model.
 *
 * u64 little-endian length of the header; the header, one JSON object {name: {dtype, shape, data_offsets}}
 * with the optional "__metadata__": {key: text}; the tensors' bytes, without holes and overlaps. Format:
 * https://huggingface.co/docs/safetensors. */
#ifndef THAW_MODEL_SAFETENSORS_H
#define THAW_MODEL_SAFETENSORS_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "core/base/status.h"
#include "core/model/model.h"

/* Headers above this are refused: a parsed one takes some forty times its size. */
#define THAW_ST_MAX_HEADER ((uint64_t)8 << 20)
#define THAW_ST_MAX_RANK   8u

struct cJSON;

typedef struct thaw_st_entry {
    const char *name; /* lives as long as the file is open */
    char dtype[8];
    uint32_t rank;
    size_t dims[THAW_ST_MAX_RANK];
    uint64_t begin, end; /* bytes from the beginning of the data */
} thaw_st_entry;

typedef struct thaw_st_file {
    FILE *stream;
    char *path;
    uint64_t data_start; /* file offset of the data */
    struct cJSON *header;
    const struct cJSON *metadata; /* object of strings, or NULL; part of header */
    thaw_st_entry *entries;       /* in the order of their data */
    size_t n_entries;
} thaw_st_file;

/* Opens a file and checks all of its header: UTF-8, JSON, types, ranges, unique names, data without holes
 * or overlaps that ends with the file. Nothing is left to close on failure. */
thaw_status thaw_st_open(const char *path, thaw_st_file *file, thaw_error *err);
/* Harmless on a zeroed struct. */
void thaw_st_close(thaw_st_file *file);
/* Text of a metadata key, or NULL. Lives as long as the file is open. */
const char *thaw_st_text(const thaw_st_file *file, const char *key);
/* Where an F32 tensor of count values lies, in bytes from the beginning of the file; never 0. */
thaw_status thaw_st_place(const thaw_st_file *file, const thaw_st_entry *entry, size_t count, uint64_t *out,
                          thaw_error *err);
/* Reads an F32 tensor of count values into out. */
thaw_status thaw_st_read(const thaw_st_file *file, const thaw_st_entry *entry, float *out, size_t count,
                         thaw_error *err);

/* Gives the values of tensors that have no data, to out, which has room for their count. */
typedef struct thaw_st_source {
    const void *ctx;
    thaw_status (*read)(const void *ctx, const thaw_weight *tensor, float *out, thaw_error *err);
} thaw_st_source;

/* Writes a file atomically. metadata: an object of strings; source: NULL if all tensors have data. */
thaw_status thaw_st_write(const char *path, const struct cJSON *metadata, const thaw_weight *const *tensors,
                          size_t n, const thaw_st_source *source, thaw_error *err);

#endif
