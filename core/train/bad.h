/* bad.h: the list of images that cannot be used. */
#ifndef THAW_TRAIN_BAD_H
#define THAW_TRAIN_BAD_H

#include "core/train/train.h"

/* Whether a failure to prepare an image is the image's fault, and not that of memory or of thaw. */
bool thaw_bad_is(thaw_status status);
/* Appends image i of set and tells the listener. */
thaw_status thaw_bad_add(thaw_bad_image **items, size_t *n, const thaw_dataset *set, size_t i,
                         const char *reason, const thaw_listener *listener, thaw_error *err);
void thaw_bad_free(thaw_bad_image *items, size_t n);
/* THAW_E_FORMAT with the first ones by name. */
thaw_status thaw_bad_fail(const thaw_bad_image *items, size_t n, thaw_error *err);

#endif
