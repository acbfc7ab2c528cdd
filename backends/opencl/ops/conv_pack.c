#include "backends/opencl/ops/conv_pack.h"

#include <string.h>

/* Rows of a panel that one work-item copies on a CPU: enough to pay for the work-group, and few enough to
 * stay in the first cache for all columns. */
#define CPU_BLOCK_LEN ((size_t)128)

ocl_conv_matrix ocl_conv_weights(const backend_op *op, const ocl_conv_geometry *geo)
{
    const size_t out = (size_t)op->in[1].c, in = (size_t)op->in[1].w;
    ocl_conv_matrix m = {.taps = (size_t)geo->kh * (size_t)geo->kw, .len = (size_t)geo->tap_len};
    if (geo->backward) {
        m.tap_pitch = in * out;
        m.k_pitch = 1;
        m.col_pitch = out;
    } else {
        m.tap_pitch = m.len * out;
        m.k_pitch = out;
        m.col_pitch = 1;
    }
    return m;
}

ocl_conv_matrix ocl_conv_vector(void)
{
    return (ocl_conv_matrix){.taps = 1, .len = 1, .tap_pitch = 0, .k_pitch = 0, .col_pitch = 1};
}

size_t ocl_conv_packed(const ocl_conv_matrix *m, size_t columns, size_t width)
{
    const size_t wide = ocl_size_mul(ocl_size_ceil(columns, width), width);
    return ocl_size_mul(ocl_size_mul(m->taps, m->len), wide);
}

/* One tap of one panel. */
static void pack_tap(const ocl_conv_matrix *m, const float *src, size_t columns, size_t width, float *dst)
{
    for (size_t k = 0; k < m->len; k++, dst += width) {
        for (size_t j = 0; j < columns; j++)
            dst[j] = src[k * m->k_pitch + j * m->col_pitch];
        memset(dst + columns, 0, (width - columns) * sizeof *dst);
    }
}

void ocl_conv_pack(const ocl_conv_matrix *m, const float *src, size_t first, size_t columns, size_t width,
                   float *dst)
{
    if (!src) {
        memset(dst, 0, ocl_conv_packed(m, columns, width) * sizeof *dst);
        return;
    }
    for (size_t column = 0; column < columns; column += width) {
        const size_t count = columns - column < width ? columns - column : width;
        const float *panel = src + (first + column) * m->col_pitch;
        for (size_t tap = 0; tap < m->taps; tap++, dst += m->len * width)
            pack_tap(m, panel + tap * m->tap_pitch, count, width, dst);
    }
}

void ocl_conv_pack_launch(ocl_plan *plan, uint32_t input, const ocl_conv_matrix *m, size_t first,
                          size_t columns, size_t width, size_t at)
{
    const size_t block = plan->dev->facts->type & CL_DEVICE_TYPE_CPU ? CPU_BLOCK_LEN : 1;
    const size_t panels = ocl_size_ceil(columns, width);
    ocl_launch_begin(plan, "pack_weights.cl", "pack_weights", "%s", "");
    ocl_arg_tensor_at(plan, input, first * m->col_pitch);
    ocl_arg_workspace(plan, at, sizeof(float));
    ocl_arg_u64(plan, m->taps);
    ocl_arg_u64(plan, m->len);
    ocl_arg_u64(plan, columns);
    ocl_arg_u64(plan, m->tap_pitch);
    ocl_arg_u64(plan, m->k_pitch);
    ocl_arg_u64(plan, m->col_pitch);
    ocl_arg_u64(plan, block);
    ocl_launch_end(plan, 3, (size_t[]){width, ocl_size_ceil(m->len, block), panels * m->taps},
                   (size_t[]){width, 1, 1});
}
