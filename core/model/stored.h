/* stored.h: kernels that stay in their file until somebody reads them. Internal to core/model. */
#ifndef THAW_MODEL_STORED_H
#define THAW_MODEL_STORED_H

#include "core/model/safetensors.h"

/* The open file of a model, which reads it by place: whoever puts another file at its path changes nothing.
 */
typedef struct thaw_stored {
    int fd;
    char *path;
    uint64_t at[THAW_N_WEIGHTS]; /* bytes from the beginning of the file; 0: not in the file alone */
} thaw_stored;

/* Shares the open file; freed by thaw_stored_free. */
thaw_status thaw_stored_create(const thaw_st_file *file, thaw_stored **out, thaw_error *err);
/* NULL does nothing. */
void thaw_stored_free(thaw_stored *stored);

#endif
