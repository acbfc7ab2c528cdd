#include "backends/opencl/ops/conv_panel.h"

#include <stdio.h>

#include "backends/opencl/ops/ops.h"

uint32_t ocl_panel_cut(const thaw_tensor *tensors, uint32_t n, size_t lanes,
                       ocl_panel_strip strips[OCL_PANEL_MAX_STRIPS], size_t *packed_columns)
{
    uint32_t count = 0;
    size_t first_of_all = 0, packed = 0;
    for (uint32_t i = 0; i < n; i++) {
        const size_t channels = (size_t)tensors[i].c, rest = channels % (2 * lanes);
        const size_t wide = rest > lanes ? channels : channels - rest;
        if (wide > 0) {
            strips[count++] = (ocl_panel_strip){i, 2, first_of_all, 0, wide, 2 * lanes, packed};
            packed += ocl_size_ceil(wide, 2 * lanes) * 2 * lanes;
        }
        if (wide < channels) {
            strips[count++] =
                (ocl_panel_strip){i, 1, first_of_all + wide, wide, channels - wide, lanes, packed};
            packed += lanes;
        }
        first_of_all += channels;
    }
    *packed_columns = packed;
    return count;
}

static bool accepts(const thaw_device *dev, const backend_op *op, const ocl_algo *algo, char *why, size_t cap)
{
    const uint32_t *lanes = algo->variant;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        if ((i < op->n_in ? op->in[i].dtype : op->out[i - op->n_in].dtype) != THAW_F32) {
            snprintf(why, cap, "all tensors must be f32");
            return false;
        }
    }
    if (dev->lanes != *lanes) {
        snprintf(why, cap, "made for vectors of %u floats; here they have %u", *lanes, dev->lanes);
        return false;
    }
    snprintf(why, cap, "register tiles %zux%u over packed panels", OCL_PANEL_ROWS, 2 * *lanes);
    return true;
}

static const uint32_t lanes_4 = 4, lanes_8 = 8, lanes_16 = 16;

#define PANEL(op_kind, title, lanes, part)                                                                   \
    &(const ocl_algo)                                                                                        \
    {                                                                                                        \
        .name = (title), .kind = (op_kind), .classes = 1u << OCL_CLASS_CPU, .variant = &(lanes),             \
        .accepts = accepts, .workspace = ocl_panel_##part##_workspace, .prepare = ocl_panel_##part##_prepare \
    }
#define PANEL_TILES(op_kind, part)                                                                           \
    PANEL(op_kind, "panel 6x8", lanes_4, part), PANEL(op_kind, "panel 6x16", lanes_8, part),                 \
        PANEL(op_kind, "panel 6x32", lanes_16, part)

const ocl_algo *const ocl_conv_panel[] = {PANEL_TILES(THAW_OP_CONV2D, gemm),
                                          PANEL_TILES(THAW_OP_CONV2D_BWD_DATA, gemm),
                                          PANEL_TILES(THAW_OP_CONV2D_BWD_FILTER, filter), NULL};
