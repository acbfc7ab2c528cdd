/* h5_file.h: careful reading of HDF5. Internal to core/model.
 *
 * [one thread]: libhdf5 is not built thread-safe; nothing that ends up here may run in two threads at once.
 * Only what Keras writes is read: groups by hard links, strings, and float datasets that lie in the file
 * itself. Soft and external links, external storage, virtual datasets and exotic filters are refused,
 * since they would let a model file open others. */
#ifndef THAW_MODEL_H5_FILE_H
#define THAW_MODEL_H5_FILE_H

#include <hdf5.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"

/* The most layers, weights or links that are looked at in one place. */
#define THAW_H5_MAX_ITEMS 8192u
/* The longest name that is followed. */
#define THAW_H5_MAX_NAME 512u

typedef struct thaw_h5 {
    hid_t file;
    const char *path; /* for messages; the caller's */
} thaw_h5;

/* image: the file's bytes in memory (kept until close, never copied or written), or NULL to open path. */
thaw_status thaw_h5_open(const char *path, const void *image, size_t image_size, thaw_h5 *h5,
                         thaw_error *err);
/* Harmless on a zeroed struct. */
void thaw_h5_close(thaw_h5 *h5);

/* What lies at a path: every link on the way must be hard. */
typedef enum { THAW_H5_NOTHING = 0, THAW_H5_GROUP, THAW_H5_DATASET, THAW_H5_OTHER } thaw_h5_kind;
thaw_h5_kind thaw_h5_look(const thaw_h5 *h5, const char *path);

/* A list of texts; the pointer array and the texts are one allocation, freed by free(). */
typedef struct thaw_h5_names {
    char **items;
    size_t n;
} thaw_h5_names;
/* Names of the members of a group, sorted by name. */
thaw_status thaw_h5_members(const thaw_h5 *h5, const char *group, thaw_h5_names *out, thaw_error *err);
/* The attribute `name` of a group, an array of texts, whole or in chunks name0, name1, … as Keras cuts what
 * is above 64512 bytes. */
thaw_status thaw_h5_strings(const thaw_h5 *h5, const char *group, const char *name, thaw_h5_names *out,
                            thaw_error *err);
bool thaw_h5_has_attribute(const thaw_h5 *h5, const char *group, const char *name);
void thaw_h5_names_free(thaw_h5_names *names);

/* Rank (at most 4) and dimensions of a dataset of floats. */
thaw_status thaw_h5_shape(const thaw_h5 *h5, const char *dataset, uint32_t *rank, size_t dims[4],
                          thaw_error *err);
/* Reads it, converted to f32; count must be the product of its dimensions. */
thaw_status thaw_h5_read(const thaw_h5 *h5, const char *dataset, float *out, size_t count, thaw_error *err);

#endif
