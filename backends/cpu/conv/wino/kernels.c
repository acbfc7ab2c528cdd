#include "kernels.h"

const wino_variant cpu_wino_variants[WINO_VARIANTS] = {
#define WINO(mh, rh, mw, rw, stride, terms, name) {name, mh, rh, mw, rw, stride, terms},
#include "variants.def"
#undef WINO
};

const wino_kernels *cpu_wino_kernels(cpu_isa isa, size_t variant)
{
#if defined(__x86_64__)
    if (isa == CPU_ISA_AVX512)
        return &cpu_wino_kernels_avx512[variant];
    if (isa == CPU_ISA_AVX2)
        return &cpu_wino_kernels_avx2[variant];
#endif
    (void)isa;
    return &cpu_wino_kernels_generic[variant];
}

const wino_products *cpu_wino_products(cpu_isa isa)
{
#if defined(__x86_64__)
    if (isa == CPU_ISA_AVX512)
        return &cpu_wino_products_avx512;
    if (isa == CPU_ISA_AVX2)
        return &cpu_wino_products_avx2;
#endif
    (void)isa;
    return &cpu_wino_products_generic;
}
