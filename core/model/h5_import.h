/* h5_import.h: the two layouts of Keras' HDF5 files. Internal to core/model. [one thread], as h5_file.h. */
#ifndef THAW_MODEL_H5_IMPORT_H
#define THAW_MODEL_H5_IMPORT_H

#include "core/model/h5_file.h"
#include "core/model/import.h"

/* What is worth saying about an import, appended to the model's source text. */
typedef char thaw_import_note[128];

/* Which layout an open file has; "" or "model_weights" for the group with the layers of a legacy one. */
typedef enum {
    THAW_H5_UNKNOWN = 0,
    THAW_H5_LEGACY_WEIGHTS,
    THAW_H5_LEGACY_MODEL,
    THAW_H5_KERAS3
} thaw_h5_layout;
thaw_h5_layout thaw_h5_find_layout(const thaw_h5 *h5);

/* Fill a new model from an open file: the base, and the head if it is one Dense layer of 2048 inputs. */
thaw_status thaw_h5_import_legacy(const thaw_h5 *h5, const char *root, thaw_model *model,
                                  thaw_import_note note, thaw_error *err);
thaw_status thaw_h5_import_keras3(const thaw_h5 *h5, thaw_model *model, thaw_import_note note,
                                  thaw_error *err);

/* One Dense layer of a file. bias may be NULL: it has none. */
typedef struct thaw_h5_dense {
    const char *kernel, *bias; /* datasets */
    size_t dims[2];            /* of the kernel */
} thaw_h5_dense;
/* Makes the head from the Dense layers found; anything but a single one of 2048 inputs is left out and
 * the note says so. */
thaw_status thaw_h5_import_head(const thaw_h5 *h5, const thaw_h5_dense *dense, size_t n, thaw_model *model,
                                thaw_import_note note, thaw_error *err);

/* Everything for an open file, whatever its layout. name: of the file or archive, for the messages. */
thaw_status thaw_h5_import(const thaw_h5 *h5, const char *name, const char *kind,
                           const thaw_import_options *options, thaw_model **out, thaw_error *err);

#endif
