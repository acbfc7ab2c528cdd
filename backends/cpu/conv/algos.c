#include "conv.h"

#include "direct.h"
#include "wino/wino.h"

const cpu_algo *const cpu_conv_algos[] = {
    &cpu_conv_direct,
    &cpu_conv_direct_bwd_data,
    &cpu_conv_direct_bwd_filter,
#define WINO(MH, RH, MW, RW, terms, name)                                                                    \
    &cpu_wino_forward[WINO_##MH##x##MW##_##RH##x##RW], &cpu_wino_backward[WINO_##MH##x##MW##_##RH##x##RW],
#include "wino/variants.def"
#undef WINO
    NULL,
};
