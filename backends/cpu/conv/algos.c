#include "conv.h"

#include "direct.h"

const cpu_algo *const cpu_conv_algos[] = {
    &cpu_conv_direct, &cpu_conv_direct_bwd_data, &cpu_conv_direct_bwd_filter, &cpu_conv_wino_bwd_filter, NULL,
};
