#include "kernels.h"

const conv_kernels *cpu_conv_kernels(cpu_isa isa)
{
#if defined(__x86_64__)
    if (isa == CPU_ISA_AVX512)
        return &cpu_conv_kernels_avx512;
    if (isa == CPU_ISA_AVX2)
        return &cpu_conv_kernels_avx2;
#endif
    (void)isa;
    return &cpu_conv_kernels_generic;
}
