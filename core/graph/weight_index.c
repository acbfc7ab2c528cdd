#include "core/graph/weight_index.h"

#include <stdio.h>

void thaw_weight_name(size_t index, char out[THAW_WEIGHT_NAME_BYTES])
{
    static const char *const leaves[THAW_W_PER_CONV] = {"kernel", "beta", "moving_mean", "moving_variance"};
    if (index >= THAW_W_HEAD_KERNEL) {
        snprintf(out, THAW_WEIGHT_NAME_BYTES, "predictions/%s",
                 index == THAW_W_HEAD_KERNEL ? "kernel" : "bias");
        return;
    }
    size_t what = index % THAW_W_PER_CONV;
    snprintf(out, THAW_WEIGHT_NAME_BYTES, "%s_%zu/%s",
             what == THAW_W_KERNEL ? "conv2d" : "batch_normalization", index / THAW_W_PER_CONV, leaves[what]);
}
