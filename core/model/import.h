/* import.h: what every reader of a model file needs, and the readers themselves. Internal to core/model. */
#ifndef THAW_MODEL_IMPORT_H
#define THAW_MODEL_IMPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/model/model.h"

/* The most classes a head may have. */
#define THAW_MAX_CLASSES 1000000u
/* The most bytes of one model file or archive member that are read into memory at once. */
#define THAW_MAX_IMAGE ((size_t)1 << 30)

/* Reads "stem" as 0 and "stem_12" as 12, the way Keras names layers. False for any other name. */
bool thaw_layer_number(const char *name, size_t length, const char *stem, uint32_t *number);

/* Last but one and last component of "a/b/layer/var:0", without what is behind the colon. layer is empty
 * for a name without a slash. The parts point into name. */
typedef struct thaw_name_parts {
    const char *layer, *var;
    size_t layer_length, var_length;
} thaw_name_parts;
thaw_name_parts thaw_split_name(const char *name);
bool thaw_span_is(const char *span, size_t length, const char *text);

/* THAW_W_BETA, THAW_W_MEAN or THAW_W_VAR for the name of a variable of a batch normalisation, else -1. */
int thaw_bn_variable(const char *var, size_t length);
/* What to say of a batch normalisation with a gamma. */
thaw_status thaw_refuse_gamma(const char *path, const char *name, thaw_error *err);

/* Claims tensor `index` for a tensor that the file calls `name`: fails if something has claimed it already
 * or if the shape differs; otherwise the weight has memory, which the caller fills. */
thaw_status thaw_claim_weight(thaw_model *model, size_t index, const char *path, const char *name,
                              uint32_t rank, const size_t *dims, thaw_error *err);

/* The shape alone: whether tensor `index` is still free and has this one. */
thaw_status thaw_expect_weight(const thaw_model *model, size_t index, const char *path, const char *name,
                               uint32_t rank, const size_t *dims, thaw_error *err);

/* Finds NaN and infinity in the values of a tensor, and negative variances. */
thaw_status thaw_import_check_weight(const thaw_model *model, size_t index, const float *values,
                                     const char *path, thaw_error *err);
/* The same in all that are in memory. */
thaw_status thaw_import_check_values(const thaw_model *model, const char *path, thaw_error *err);

/* The last step of an importer of foreign files: completeness, values, hash, scaling, and the source text
 * "<kind> <file name><note>". options and note may be NULL. */
thaw_status thaw_finish_import(thaw_model *model, const char *path, const char *kind, const char *note,
                               const thaw_import_options *options, thaw_error *err);

/* The readers. Each makes a new model that the caller frees; on failure *out is not touched. */
thaw_status thaw_load_own(const char *path, thaw_model **out, thaw_loaded_extra *extra, thaw_error *err);
thaw_status thaw_open_own(const char *path, thaw_model **out, thaw_error *err);
thaw_status thaw_load_hdf5(const char *path, const thaw_import_options *options, thaw_model **out,
                           thaw_error *err);
thaw_status thaw_load_keras_zip(const char *path, const thaw_import_options *options, thaw_model **out,
                                thaw_error *err);
thaw_status thaw_load_tfjs(const char *path, const thaw_import_options *options, thaw_model **out,
                           thaw_error *err);

/* True if a folder holds, or a file is, the model.json or model.min.js of a TensorFlow.js layers model.
 * is_module says which. */
bool thaw_is_tfjs(const char *path, bool *is_module);

#endif
