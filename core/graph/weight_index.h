/* weight_index.h: how the tensors of an InceptionV3 are numbered and named. */
#ifndef THAW_GRAPH_WEIGHT_INDEX_H
#define THAW_GRAPH_WEIGHT_INDEX_H

#include <stddef.h>

/* Convolutions are counted in the order of their creation in Keras, k = 0 … 93; the same k numbers the
 * batch normalisation behind it. */
#define THAW_N_CONVS    94u
#define THAW_N_FEATURES 2048u
/* BatchNormalization's defaults in Keras, which InceptionV3 keeps. */
#define THAW_BN_EPSILON  1e-3f
#define THAW_BN_MOMENTUM 0.99f

/* Where a tensor of convolution k lies in an array of all weights. */
enum { THAW_W_KERNEL = 0, THAW_W_BETA = 1, THAW_W_MEAN = 2, THAW_W_VAR = 3, THAW_W_PER_CONV = 4 };
#define THAW_W_INDEX(k, what) ((size_t)(k)*THAW_W_PER_CONV + (size_t)(what))
#define THAW_W_HEAD_KERNEL    ((size_t)THAW_N_CONVS * THAW_W_PER_CONV)
#define THAW_W_HEAD_BIAS      (THAW_W_HEAD_KERNEL + 1)
#define THAW_N_WEIGHTS        (THAW_W_HEAD_BIAS + 1)

/* Canonical names are those of Keras with k counted from 0 and always written: "conv2d_12/kernel",
 * "batch_normalization_12/beta", "…/moving_mean", "…/moving_variance", "predictions/kernel",
 * "predictions/bias". */
#define THAW_WEIGHT_NAME_BYTES 48
void thaw_weight_name(size_t index, char out[THAW_WEIGHT_NAME_BYTES]);

/* What a batch normalisation that trains computes with: its moving statistics, or those of the batch (as
 * fit() of Keras 3.0 to 3.15 does). */
typedef enum { THAW_BN_FROZEN = 0, THAW_BN_BATCH = 1 } thaw_bn_mode;

#endif
