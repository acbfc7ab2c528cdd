/* ops.h: the ways of computing ops by primitives of oneDNN, one file each. */
#ifndef THAW_ONEDNN_OPS_H
#define THAW_ONEDNN_OPS_H

#include "plugins/onednn/onednn.h"

extern const onednn_algo onednn_conv, onednn_conv_plain, onednn_conv_bwd_data, onednn_conv_bwd_data_plain,
    onednn_conv_bwd_filter, onednn_avgpool, onednn_avgpool_bwd, onednn_global_avgpool;

#endif
