#include "backends/opencl/ops/ops.h"

const ocl_algo *ocl_algo_at(size_t i)
{
    const ocl_algo *const *const lists[] = {
        ocl_conv_mma,  ocl_conv_panel, ocl_conv_tile, ocl_conv_mma_f32, ocl_conv_clblast,
        ocl_pointwise, ocl_pools,      ocl_sums,      ocl_losses,       ocl_adam,
    };
    for (size_t k = 0; k < sizeof lists / sizeof lists[0]; k++) {
        for (const ocl_algo *const *a = lists[k]; *a; a++) {
            if (i-- == 0)
                return *a;
        }
    }
    return NULL;
}
