#include "conv.h"

#include "bf16.h"
#include "direct.h"
#include "first.h"
#include "wino/wino.h"

const cpu_algo *const cpu_conv_algos[] = {
#if defined(THAW_CPU_BF16)
    &cpu_conv_bf16_amx,
    &cpu_conv_bf16_split_amx,
    &cpu_conv_bf16_split_amx_bwd_data,
    &cpu_conv_bf16_avx512,
    &cpu_conv_bwd_filter_amx,
#endif
    &cpu_conv_first,
    &cpu_conv_direct,
    &cpu_conv_direct_bwd_data,
    &cpu_conv_direct_bwd_filter,
    &cpu_conv_wino_bwd_filter,
#define WINO(MH, RH, MW, RW, S, terms, name)                                                                 \
    &cpu_wino_forward[WINO_##MH##x##MW##_##RH##x##RW##_##S],                                                 \
        &cpu_wino_backward[WINO_##MH##x##MW##_##RH##x##RW##_##S],
#include "wino/variants.def"
#undef WINO
#if defined(THAW_CPU_BF16)
#define WINO(MH, RH, MW, RW, S, terms, name)                                                                 \
    &cpu_wino_forward_amx[WINO_##MH##x##MW##_##RH##x##RW##_##S],                                             \
        &cpu_wino_backward_amx[WINO_##MH##x##MW##_##RH##x##RW##_##S],
#include "wino/variants.def"
#undef WINO
#endif
    NULL,
};
