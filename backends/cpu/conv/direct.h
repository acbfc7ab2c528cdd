/* direct.h: the algorithms that are made of multiply-adds alone. */
#ifndef THAW_CPU_CONV_DIRECT_H
#define THAW_CPU_CONV_DIRECT_H

#include "backends/cpu/cpu.h"

extern const cpu_algo cpu_conv_direct;            /* CONV2D, direct.c */
extern const cpu_algo cpu_conv_direct_bwd_data;   /* CONV2D_BWD_DATA, direct.c */
extern const cpu_algo cpu_conv_direct_bwd_filter; /* CONV2D_BWD_FILTER, bwd_filter.c */
extern const cpu_algo cpu_conv_wino_bwd_filter;   /* the same, bwd_filter_wino.c */
extern const cpu_algo cpu_conv_bwd_filter_amx;    /* the same, bwd_filter_amx.c */

/* accepts() of the direct ones. */
bool cpu_conv_direct_accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap);
/* What every algorithm that transforms its factors has to ask first: as direct, and none for an exact op. */
bool cpu_conv_transform_accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap);
/* What every algorithm that takes f32 apart for AMX has to ask first: the same, and that there is AMX. */
bool cpu_conv_amx_accepts(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap);

#endif
