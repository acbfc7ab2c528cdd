/* simd.h: vector code of the ops that are no convolutions.
 *
 * Every file of this folder is compiled once for each instruction set, with CPU_SUFFIX and CPU_THIS_ISA
 * defined. Vectors run along the channels and no product is fused with a sum, so that all instruction sets
 * give the same bits. Sums over an image or a batch are made in double. */
#ifndef THAW_CPU_SIMD_H
#define THAW_CPU_SIMD_H

#include "backends/cpu/cpu.h"

extern const cpu_algo *const cpu_simd_algos_generic[];
extern const cpu_algo *const cpu_simd_algos_avx2[];
extern const cpu_algo *const cpu_simd_algos_avx512[];

#ifdef CPU_SUFFIX

#define CPU_PASTE(a, b)       a##b
#define CPU_PASTE_VALUE(a, b) CPU_PASTE(a, b)
#define CPU_NAME(name)        CPU_PASTE_VALUE(name, CPU_SUFFIX)

#if defined(__AVX512F__)
#define CPU_LANES 16
#elif defined(__AVX2__)
#define CPU_LANES 8
#else
#define CPU_LANES 4
#endif

/* Vectors that may lie at any element. */
typedef float vec __attribute__((vector_size(4 * CPU_LANES)));
typedef int32_t ivec __attribute__((vector_size(4 * CPU_LANES)));
typedef float vec_any __attribute__((vector_size(4 * CPU_LANES), aligned(4), may_alias));

static inline vec load(const float *p)
{
    return *(const vec_any *)p;
}

static inline void store(float *p, vec v)
{
    *(vec_any *)p = v;
}

/* mask is all ones or all zeros in each lane. */
static inline vec choose(ivec mask, vec yes, vec no)
{
    return (vec)((mask & (ivec)yes) | (~mask & (ivec)no));
}

/* The next loop's iterations do not depend on one another: its outputs lie on its inputs or apart from
 * them. */
#if defined(__clang__)
#define CPU_INDEPENDENT _Pragma("clang loop vectorize(assume_safety)")
#else
#define CPU_INDEPENDENT _Pragma("GCC ivdep")
#endif

void CPU_NAME(cpu_simd_affine)(const cpu_call *call);
void CPU_NAME(cpu_simd_dropout)(const cpu_call *call);
void CPU_NAME(cpu_simd_dropout_bwd)(const cpu_call *call);
void CPU_NAME(cpu_simd_relu_bwd)(const cpu_call *call);
void CPU_NAME(cpu_simd_add)(const cpu_call *call);
void CPU_NAME(cpu_simd_adam)(const cpu_call *call);
void CPU_NAME(cpu_simd_cast)(const cpu_call *call);
void CPU_NAME(cpu_simd_maxpool)(const cpu_call *call);
void CPU_NAME(cpu_simd_maxpool_bwd)(const cpu_call *call);
void CPU_NAME(cpu_simd_avgpool)(const cpu_call *call);
void CPU_NAME(cpu_simd_avgpool_bwd)(const cpu_call *call);
void CPU_NAME(cpu_simd_global_avgpool)(const cpu_call *call);
void CPU_NAME(cpu_simd_global_avgpool_bwd)(const cpu_call *call);
void CPU_NAME(cpu_simd_bias_grad)(const cpu_call *call);
void CPU_NAME(cpu_simd_bn_train)(const cpu_call *call);
void CPU_NAME(cpu_simd_bn_train_bwd)(const cpu_call *call);

/* Bytes for the partial sums of BIAS_GRAD (one a channel) and of BN_TRAIN and BN_TRAIN_BWD (two). */
size_t CPU_NAME(cpu_simd_bias_workspace)(const struct thaw_device *dev, const backend_op *op);
size_t CPU_NAME(cpu_simd_bn_workspace)(const struct thaw_device *dev, const backend_op *op);

#endif
#endif
