/* weight_file.h: kernels that stay in their file until somebody reads them. Internal to core/model. */
#ifndef THAW_MODEL_WEIGHT_FILE_H
#define THAW_MODEL_WEIGHT_FILE_H

#include <stdbool.h>

#include "core/model/safetensors.h"

/* The open file of a model, which reads it by place: whoever puts another file at its path changes nothing.
 */
typedef struct thaw_weight_file {
    int fd;
    char *path;
    uint64_t at[THAW_N_WEIGHTS]; /* bytes from the beginning of the file; 0: not in the file alone */
    bool hashed;                 /* by thaw_model_hash: what is read from then on has to be what it was */
    uint64_t sum[THAW_N_WEIGHTS];
} thaw_weight_file;

/* Shares the open file; freed by thaw_weight_file_close. */
thaw_status thaw_weight_file_open(const thaw_st_file *file, thaw_weight_file **out, thaw_error *err);
/* NULL does nothing. */
void thaw_weight_file_close(thaw_weight_file *stored);

#endif
