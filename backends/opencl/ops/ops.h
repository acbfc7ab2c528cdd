/* ops.h: the algorithms of each file of this folder, NULL-terminated, the best first. */
#ifndef THAW_OPENCL_OPS_H
#define THAW_OPENCL_OPS_H

#include "backends/opencl/opencl.h"

extern const ocl_algo *const ocl_conv_mma[];     /* tensor cores, where TF32 is allowed */
extern const ocl_algo *const ocl_conv_panel[];   /* CPU-shaped: register tiles over packed panels */
extern const ocl_algo *const ocl_conv_tile[];    /* GPU-shaped: tiles in local memory; or registers alone */
extern const ocl_algo *const ocl_conv_mma_f32[]; /* tensor cores, three TF32 products for an f32 one */
extern const ocl_algo *const ocl_conv_clblast[]; /* im2col and a library's GEMM */
extern const ocl_algo *const ocl_pointwise[];    /* affine, bn_fold, relu_bwd, add, cast */
extern const ocl_algo *const ocl_pools[];        /* maximum, average, global average, and their backwards */
extern const ocl_algo *const ocl_sums[];         /* bias_grad, bn_train, bn_train_bwd */
extern const ocl_algo *const ocl_losses[];       /* dropout, softmax_xent, metrics */
extern const ocl_algo *const ocl_adam[];

#endif
