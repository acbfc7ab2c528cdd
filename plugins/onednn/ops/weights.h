/* weights.h: in which order a convolution's primitive gets its weights. */
#ifndef THAW_ONEDNN_WEIGHTS_H
#define THAW_ONEDNN_WEIGHTS_H

#include "plugins/onednn/image.h"

/* The window of a convolution of one image with the channels of y; w is its filter. */
lib_window conv_window(const thaw_tensor *x, const thaw_tensor *y, const thaw_tensor *w,
                       const thaw_conv_attr *a);

/* Makes part->pd (its window is set) with weights in the library's own order, or in HWIO where that order has
 * nothing but slow code, or gaps that would have to be zeroed at each run. The part then knows whether the
 * weights are reordered. */
dnnl_status_t conv_choose_blocked(const struct thaw_device *dev, lib_direction direction,
                                  const backend_op *op, bool bias, bool relu, image_part *part);
/* What conv_choose_blocked came to, in words. */
void conv_tell(const image_part *part, const backend_op *op, char *why, size_t cap);
/* Makes part->pd with the weights as the host has them. False: it would be slow, or conv_choose_blocked would
 * take the same. */
bool conv_choose_plain(const struct thaw_device *dev, lib_direction direction, const backend_op *op,
                       bool bias, bool relu, image_part *part, char *why, size_t cap);

#endif
