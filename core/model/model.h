/* model.h: an InceptionV3 with its head and all that is needed to use it, in host memory.
 *
 * A model belongs to one thread at a time. Functions that return a status fill err, which may be NULL, and
 * on failure leave what their out parameters point to untouched unless they say otherwise. */
#ifndef THAW_MODEL_MODEL_H
#define THAW_MODEL_MODEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/graph/weight_index.h"

/* One tensor, f32, dense, under its canonical name (thaw_weight_name). Kernels are HWIO, the head's kernel
 * is [2048, classes]. */
typedef struct thaw_weight {
    char name[THAW_WEIGHT_NAME_BYTES];
    uint32_t rank;
    size_t dims[4];
    size_t count; /* product of dims; 0: this model has no such tensor (a base without head) */
    float *data;  /* owned by the model */
} thaw_weight;

/* How a file becomes the network's input; part of every model, so that training and use agree. */
typedef struct thaw_preprocess {
    uint32_t input_size;   /* pixels, square */
    float scale, shift;    /* input = pixel(0…255)*scale + shift, in f32; [-1,1]: 1/127.5 and -1 */
    bool divide;           /* true: input = pixel/d + shift, as Keras does; d: 1/scale to the nearest half */
    bool pool_include_pad; /* average pooling divides by the whole window (torchvision) */
} thaw_preprocess;

typedef struct thaw_model {
    thaw_weight weights[THAW_N_WEIGHTS];
    uint32_t n_classes; /* 0: no head */
    char **class_names; /* n_classes; NULL: the file had none. Owned. */
    thaw_preprocess pre;
    thaw_bn_mode bn;
    char *source;    /* where the weights came from, for people; owned, may be NULL */
    char hash[33];   /* of the base's tensors as imported (thaw_model_hash) */
    char *trainable; /* JSON array of the names of the tensors that were trained, or NULL; owned */
    char *history;   /* JSON array, one object an epoch, or NULL; owned */
    struct thaw_weight_file *stored; /* where kernels without data are (thaw_model_open); owned, or NULL */
} thaw_model;

/* An empty base: names and shapes set, no data, no head; 299 pixels scaled to [-1,1] by division, padding
 * excluded from average pools, batch norm frozen. Free with thaw_model_free. */
thaw_status thaw_model_create(thaw_model **out, thaw_error *err);
/* NULL does nothing. */
void thaw_model_free(thaw_model *model);
/* Memory for a weight, zeroed, if it has none. THAW_E_INVALID for the tensors of a head that is not there. */
thaw_status thaw_model_alloc_weight(thaw_model *model, size_t index, thaw_error *err);
/* Gives the model a head of n classes (1 to a million): kernel and bias allocated, zeroed; names copied (may
 * be NULL). An older head is dropped. THAW_E_INVALID, and the older head kept, if a name is empty or not
 * UTF-8, which a model file could not hold. */
thaw_status thaw_model_set_head(thaw_model *model, uint32_t n_classes, const char *const *names,
                                thaw_error *err);
/* THAW_OK if every tensor of the base has data or is in the model's file; otherwise names the first that has
 * none. */
thaw_status thaw_model_complete(const thaw_model *model, thaw_error *err);
/* Index of a canonical name, or THAW_N_WEIGHTS. */
size_t thaw_model_find(const thaw_model *model, const char *name);
/* XXH3-128 over the values of the base's tensors in canonical order: two files with the same network have
 * the same hash, whatever their formats. Fails as thaw_model_complete and thaw_model_read do. */
thaw_status thaw_model_hash(const thaw_model *model, char out[33], thaw_error *err);

/* ---- files ------------------------------------------------------------------------------------- */

/* What to take from a file whose format does not say it. */
typedef struct thaw_import_options {
    bool set_scaling; /* else: what the file or the known origin says, [-1,1] where nothing does */
    float scale, shift;
} thaw_import_options;

/* Reads any supported file or folder, told apart by content: thaw safetensors, Keras legacy .h5 (weights
 * only or whole model), .weights.h5, .keras, a TensorFlow.js layers-model folder (model.json + shards) or
 * the JavaScript-module form of it that the npm package nsfwjs carries. options may be NULL; thaw's own
 * files say everything themselves, so there they count for nothing.
 *
 * Every file is taken to be hostile. The message names file and tensor or byte. THAW_E_NOT_FOUND: no such
 * file; THAW_E_FORMAT: damaged, cut short, or of another network, also NaN, infinity and negative
 * variances; THAW_E_UNSUPPORTED: a variant that is not read, such as Keras 1. A head is taken if it is one
 * Dense layer of 2048 inputs (never from TensorFlow.js); model->source says when one was left out. Beside
 * the weights a .keras archive needs its own size in memory, the others some 15 MB.
 *
 * [one thread]: HDF5 files and archives go through libhdf5, which is not thread-safe; no two threads may
 * load at once. */
thaw_status thaw_model_load(const char *path, const thaw_import_options *options, thaw_model **out,
                            thaw_error *err);

/* As thaw_model_load, for whoever reads the kernels one at a time: of thaw's own files those of the
 * convolutions have no data, they stay in the file, which stays open, and are read by thaw_model_read. So
 * their values are checked only then; after thaw_model_hash, also whether they are still the same. Another
 * file may be put at its path meanwhile, by thaw_model_save too, which copies from the open one. */
thaw_status thaw_model_open(const char *path, const thaw_import_options *options, thaw_model **out,
                            thaw_error *err);
/* The values of a weight to out, which has room for its count, from memory or from the file. Fails as loading
 * does; THAW_E_INVALID for a weight that the model does not have. [thread-safe] */
thaw_status thaw_model_read(const thaw_model *model, size_t index, float *out, thaw_error *err);
/* Room for the largest weight that is in the file alone, freed by free(); NULL only without memory. */
float *thaw_model_room(const thaw_model *model);
/* *out: the values of a weight, where they are in memory, or read into room. */
thaw_status thaw_model_values(const thaw_model *model, size_t index, float *room, const float **out,
                              thaw_error *err);

/* Writes thaw's own safetensors, atomically: after a failure the old file is still there. extra: more
 * tensors and metadata for a checkpoint, or NULL. THAW_E_INVALID or THAW_E_FORMAT, before anything is
 * written, for what could not be read back: a base that is not complete, JSON that is none, texts that are
 * not UTF-8, a scaling that is not finite. Values are written as they are; loading refuses NaN in base and
 * head, but extra tensors may hold anything. */
typedef struct thaw_model_extra {
    size_t n_tensors;
    const thaw_weight *tensors; /* names must not clash with canonical ones, e.g. "adam/m/<name>" */
    const char *metadata;       /* JSON object text stored under the key "thaw.checkpoint", or NULL */
} thaw_model_extra;
thaw_status thaw_model_save(const thaw_model *model, const char *path, const thaw_model_extra *extra,
                            thaw_error *err);

/* As thaw_model_load for thaw's own files only, and also hands over what extra carried: tensors (array and
 * data) and metadata are freed by thaw_extra_free. */
typedef struct thaw_loaded_extra {
    size_t n_tensors;
    thaw_weight *tensors;
    char *metadata;
} thaw_loaded_extra;
thaw_status thaw_model_load_checkpoint(const char *path, thaw_model **out, thaw_loaded_extra *extra,
                                       thaw_error *err);
void thaw_extra_free(thaw_loaded_extra *extra);

/* Name of the format of a file, for `thaw info`: "thaw safetensors", "Keras archive", … or NULL if it is
 * none that is known. Looks at the beginning or the table of contents only; loading may still fail.
 * [one thread], as thaw_model_load. */
const char *thaw_model_format(const char *path);

#endif
