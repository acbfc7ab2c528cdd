/* data.h: from a folder of photos to rows of the network's input. */
#ifndef THAW_DATA_DATA_H
#define THAW_DATA_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/model/model.h"

/* ---- discovery and split ----------------------------------------------------------------------- */

/* Files with labels. Paths are relative to dir, '/' between parts; see thaw_dataset_path. */
typedef struct thaw_dataset {
    char *dir; /* NULL: paths stand for themselves */
    size_t n, capacity;
    char **paths;    /* n */
    int32_t *labels; /* n; -1 where there is no class */
    uint32_t *ids;   /* n; number of the image in the whole discovered list: names it in the cache and in
                        the random generator, whatever part of the list it is in */
    uint32_t n_classes;
    char **class_names;
} thaw_dataset;

/* Folder per class, in the order and with the rules of Keras' image_dataset_from_directory (classes sorted
 * bytewise, hidden class folders skipped, hidden files not; recursion, folders and then files sorted
 * bytewise; extensions .bmp .gif .jpeg .jpg .png in any case). A class folder may be a link; below it links
 * to files are followed and links to folders are not. class_names (n_names of them, may be NULL): the order
 * and set of the classes; a folder that is not among them is an error that names it, a class that has no
 * folder is one without images. Errors: no such folder, a folder that cannot be listed, no class folder,
 * fewer than two classes, no image at all, and without class_names a class without images (which Keras
 * keeps); with class_names such a class is reported to log and kept. Free *out with thaw_dataset_free. */
thaw_status thaw_dataset_scan(const char *dir, const char *const *class_names, uint32_t n_names,
                              const thaw_log *log, thaw_dataset **out, thaw_error *err);
/* Images without classes: each path a file, whatever its name, or a folder, searched recursively with the
 * rules above; a folder without images is an error. labels are -1, dir is NULL. */
thaw_status thaw_dataset_files(const char *const *paths, size_t n_paths, thaw_dataset **out, thaw_error *err);
/* NULL does nothing. */
void thaw_dataset_free(thaw_dataset *set);
/* Where image i lies: dir and its path. NULL when memory is exhausted. Freed by free(). */
char *thaw_dataset_path(const thaw_dataset *set, size_t i);

/* Shuffles as NumPy's RandomState(seed).shuffle does, then the last int(fraction*n) are validation, as in
 * Keras 3. 0 < fraction < 1. Both parts keep the class list and the ids. If a part is empty:
 * THAW_E_INVALID. */
thaw_status thaw_dataset_split(const thaw_dataset *all, double fraction, uint32_t seed, thaw_dataset **train,
                               thaw_dataset **validation, thaw_error *err);
/* Removes the items for which drop[i] is true; order kept. */
void thaw_dataset_drop(thaw_dataset *set, const bool *drop);
/* order becomes what RandomState(seed).shuffle makes of 0 … n-1; n <= 2^32. */
void thaw_numpy_permutation(uint32_t seed, uint32_t *order, size_t n);

/* ---- one image --------------------------------------------------------------------------------- */

typedef struct thaw_image {
    uint32_t width, height;
    uint8_t *rgb; /* height*width*3, owned; freed by thaw_image_free */
} thaw_image;

/* Decodes JPEG, PNG, BMP or GIF (first frame), told by content, to RGB as TensorFlow's decode_image with
 * channels=3 does (alpha dropped, 16 bit cut to 8, no EXIF rotation; transparent pixels of a GIF are black).
 * A truncated or odd file is THAW_E_FORMAT with the reason, as is one of 2^29/3 pixels or more; memory is
 * taken only after that check. name: for the message. On failure out is empty. [thread-safe] */
thaw_status thaw_image_decode(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                              thaw_error *err);
/* Harmless on an empty or zeroed image. */
void thaw_image_free(thaw_image *image);

/* tf.image.resize, bilinear, half-pixel centres, no antialias; f32 arithmetic, not rounded. out is
 * out_h*out_w*3, NHWC order. [thread-safe] */
void thaw_image_resize(const thaw_image *image, uint32_t out_h, uint32_t out_w, float *out);

/* Decodes, resizes and scales one file to pre->input_size squared, 3 floats a pixel. hash (may be NULL)
 * receives the hash of the file's bytes. On failure out may be partly written. [thread-safe] */
thaw_status thaw_image_prepare(const char *path, const thaw_preprocess *pre, float *out, char hash[33],
                               thaw_error *err);

/* What turns JPEG into pixels, the one format with room for differences: "libjpeg-turbo 2.1.5 (fast DCT)" or
 * "stb_image 2.27". Part of the pipeline's fingerprint. Static. */
const char *thaw_image_decoder(void);

/* ---- the loader: decoding beside the compute --------------------------------------------------- */

/* Prepares the images of a list in a given order on threads of its own, ahead of the consumer. */
typedef struct thaw_loader thaw_loader;

/* order: n positions in set->paths, each as often as wanted; copied. threads 0: as many as processors.
 * ahead: rows that may be ready and unconsumed (memory: ahead * input_size^2 * 12 bytes). set and pre must
 * outlive the loader. */
thaw_status thaw_loader_create(const thaw_dataset *set, const thaw_preprocess *pre, const uint32_t *order,
                               size_t n, uint32_t threads, size_t ahead, thaw_loader **out, thaw_error *err);
/* Stops the threads, also in the middle. NULL does nothing. */
void thaw_loader_free(thaw_loader *loader);
/* Row number i of the order, i = 0, 1, 2 … in turn, copied to out. THAW_OK, or the status and text of that
 * image's failure (out is untouched; the next call goes on with the next one). hash may be NULL. After the
 * last row: THAW_E_INVALID. One consumer at a time; the rows do not depend on the number of threads. */
thaw_status thaw_loader_next(thaw_loader *loader, float *out, char hash[33], thaw_error *err);

/* Has the threads finish the images that they are at and begin no other until thaw_loader_resume; returns
 * when they have. For a consumer whose work takes all processors: two who share one keep each other waiting.
 * No row is taken meanwhile. */
void thaw_loader_pause(thaw_loader *loader);
void thaw_loader_resume(thaw_loader *loader);

/* ---- the feature cache ------------------------------------------------------------------------- */

/* Rows of several tensors for each of n images, in memory or in a file. One thread at a time. */
typedef struct thaw_cache thaw_cache;

typedef struct thaw_cache_layout {
    size_t n_tensors;
    size_t row_bytes[16]; /* bytes of one image's part of each tensor */
} thaw_cache_layout;

/* memory_limit: bytes that may be held in memory; if the whole needs more, rows lie in an unlinked file
 * below dir (NULL: $TMPDIR or /tmp) that is read and written through. The error of a full disk says how many
 * bytes are needed, and where. key: names what the rows are a function of (pipeline and weights) in letters,
 * digits, '-', '_' and '.', for reuse of a file between runs when keep is true: dir/<key>.thawcache then
 * holds rows by image hash, whatever memory_limit says. Each record in it is sealed with a checksum, so that
 * one that a crash left half written is not found again; a file of another layout is begun anew; while
 * another process uses the file, rows go to an unlinked one. */
typedef struct thaw_cache_options {
    size_t memory_limit;
    const char *dir;
    const char *key;
    bool keep;
} thaw_cache_options;
thaw_status thaw_cache_create(const thaw_cache_layout *layout, size_t n_images,
                              const thaw_cache_options *options, thaw_cache **out, thaw_error *err);
void thaw_cache_free(thaw_cache *cache);
/* Where the rows lie, for the run header: "memory" or the file's path. */
const char *thaw_cache_place(const thaw_cache *cache);
/* Whether rows are in memory, so that they can be read and written where they lie. */
bool thaw_cache_in_memory(const thaw_cache *cache);
/* Where row `image` of tensor t has its place in memory: it may be written there before it is put. NULL for
 * what the cache has no place for. Valid as long as the cache. */
void *thaw_cache_row(const thaw_cache *cache, size_t t, uint32_t image);
/* Stores row `image` of tensor t; row may be its own place. */
thaw_status thaw_cache_put(thaw_cache *cache, size_t t, uint32_t image, const void *row, thaw_error *err);
/* Copies rows images[0 … n) of tensor t one behind the other to out. A row that was never put is
 * THAW_E_INTERNAL. */
thaw_status thaw_cache_gather(thaw_cache *cache, size_t t, const uint32_t *images, size_t n, void *out,
                              thaw_error *err);
/* Of a cache in memory: has out[i] say where row images[i] lies, instead of copying it. Errors likewise. */
thaw_status thaw_cache_locate(const thaw_cache *cache, size_t t, const uint32_t *images, size_t n, void **out,
                              thaw_error *err);
/* With keep: true if all tensors of the image with that content are already there; they are then bound to
 * row number `image`. */
bool thaw_cache_find(thaw_cache *cache, uint32_t image, const char hash[33]);
/* With keep: remembers that row `image` is complete and has that content (32 hexadecimal digits). Rows put
 * for that image later start a new record. Without keep this only checks that all tensors were put. */
thaw_status thaw_cache_done(thaw_cache *cache, uint32_t image, const char hash[33], thaw_error *err);

#endif
