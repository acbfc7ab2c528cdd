/* metadata.h: what a file that a model is written to says of the model's use. Internal to core/model. */
#ifndef THAW_MODEL_METADATA_H
#define THAW_MODEL_METADATA_H

#include <stdbool.h>

#include "core/model/model.h"

struct cJSON;

/* Adds a text to an object of texts; nothing for NULL. False when memory is exhausted. */
bool thaw_put_text(struct cJSON *meta, const char *key, const char *text);
/* class_names, input_size, scale, shift, divide, pipeline, source and hash; those that the model has not
 * are left out. False when memory is exhausted. */
bool thaw_put_usage(struct cJSON *meta, const thaw_model *model);
/* THAW_OK if the base is complete and all that thaw_put_usage writes makes sense. */
thaw_status thaw_check_usage(const thaw_model *model, thaw_error *err);

#endif
