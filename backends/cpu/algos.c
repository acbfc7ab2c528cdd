#include "backends/cpu/conv/conv.h"
#include "backends/cpu/cpu.h"
#include "backends/cpu/ref/ref.h"
#include "backends/cpu/simd/simd.h"

/* The better ones first: the order of those that say no cost. */
static const cpu_algo *const *const lists[] = {
    cpu_conv_algos,
#if defined(__x86_64__)
    cpu_simd_algos_avx512,  cpu_simd_algos_avx2,
#endif
    cpu_simd_algos_generic, cpu_ref_algos,
};

const cpu_algo *cpu_algo_at(size_t i)
{
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        for (const cpu_algo *const *a = lists[k]; *a; a++) {
            if (i-- == 0)
                return *a;
        }
    }
    return NULL;
}
