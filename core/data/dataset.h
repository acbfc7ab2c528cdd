/* dataset.h: building lists of images; for this room only. */
#ifndef THAW_DATA_DATASET_H
#define THAW_DATA_DATASET_H

#include "core/data/data.h"

/* An empty list with a copy of dir (may be NULL) and of the class names. */
thaw_status thaw_dataset_create(const char *dir, char *const *class_names, uint32_t n_classes,
                                thaw_dataset **out, thaw_error *err);
/* Appends one image; path becomes the list's own, also on failure. NULL counts as exhausted memory. */
thaw_status thaw_dataset_add(thaw_dataset *set, char *path, int32_t label, uint32_t id, thaw_error *err);

/* Lists the images below root/below (below may be ""), searched with the rules of data.h: paths relative to
 * root, in order of folder and then name, appended to set with the label and with rising ids. */
thaw_status thaw_walk_images(thaw_dataset *set, const char *root, const char *below, int32_t label,
                             thaw_error *err);

#endif
