/* conv_panel_filter.cl: CONV2D_BWD_FILTER on CPUs.
 *
 *   NV   vectors of a register tile (-D), 1 or 2: output channels, THAW_LANES each
 *
 * For one tap of the filter, dw is the product of x, moved by the tap and transposed, and dy. Both are
 * packed first (pack_pixels.cl), x in panels of MR channels and dy in panels of NR: a pixel of the tensors
 * lies on another page than the next, and a panel is read from front to back. A work-group is one
 * work-item; see conv_panel.cl. It goes through its pixels in chunks, so that the chunk of dy stays in a near
 * cache for all panels of x; the accumulators wait in dw meanwhile. Each result is one chain of
 * multiply-adds in the order of the pixels; pixels whose source is outside the image are left out. */
#include "panel.clh"

static inline vec load(__global const float *from, int cols)
{
    if (cols >= THAW_LANES)
        return VLOAD(THAW_LANES, from);
    float part[THAW_LANES];
    for (int j = 0; j < THAW_LANES; j++)
        part[j] = j < cols ? from[j] : 0.0f;
    return VLOAD(THAW_LANES, part);
}

#define BEGIN(m)                                                                                             \
    vec u##m = 0.0f;                                                                                         \
    SECOND(vec v##m = 0.0f;)                                                                                 \
    if (resume && m < rows) {                                                                                \
        u##m = load(to + m * (ulong)out_c, cols);                                                            \
        SECOND(v##m = load(to + m * (ulong)out_c + THAW_LANES, cols - THAW_LANES);)                          \
    }

#define STEP(m)                                                                                              \
    a = x[m];                                                                                                \
    u##m = FMA(a, b0, u##m);                                                                                 \
    SECOND(v##m = FMA(a, b1, v##m);)

#define FINISH(m)                                                                                            \
    if (m < rows) {                                                                                          \
        store(to + m * (ulong)out_c, u##m, cols);                                                            \
        SECOND(store(to + m * (ulong)out_c + THAW_LANES, v##m, cols - THAW_LANES);)                          \
    }

/* Groups: (in_groups*out_panels, taps, parts). A group does group_panels panels of source channels with one
 * of the `columns` output channels, over part_pixels destination pixels; the results of part k lie
 * k*taps*in_c*out_c behind dw. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_panel_filter(TENSOR(const float, xs), TENSOR(const float, dys), TENSOR(float, dw), const int batch,
                  const int src_h, const int src_w, const int dst_h, const int dst_w, const int in_c,
                  const int out_c, const int columns, const int kw, const int stride_h, const int stride_w,
                  const int pad_top, const int pad_left, const int group_panels, const int in_groups,
                  const ulong part_pixels, const ulong chunk_pixels)
{
    OPEN(const float, xs);
    OPEN(const float, dys);
    OPEN(float, dw);
    const int in_panels = (in_c + MR - 1) / MR;
    const int first_panel = (int)get_group_id(0) % in_groups * group_panels;
    const int end_panel = min(first_panel + group_panels, in_panels);
    const int out_panel = (int)get_group_id(0) / in_groups;
    const int cols = columns - out_panel * NR;
    const int tap = (int)get_group_id(1), i = tap / kw, j = tap % kw;
    const ulong pixels = (ulong)batch * dst_h * dst_w, src_pixels = (ulong)batch * src_h * src_w;
    const ulong begin = get_group_id(2) * part_pixels, end = min(begin + part_pixels, pixels);
    dys += out_panel * pixels * NR;
    dw += (get_group_id(2) * get_num_groups(1) + tap) * in_c * (ulong)out_c + (ulong)out_panel * NR;
    /* Columns of dy whose source under this tap is inside: first_x … end_x - 1. */
    const int first_x = (max(pad_left - j, 0) + stride_w - 1) / stride_w;
    const int end_x = min((src_w - 1 + pad_left - j + stride_w) / stride_w, dst_w);

    for (ulong chunk = begin; chunk < end; chunk += chunk_pixels) {
        const ulong chunk_end = min(chunk + chunk_pixels, end);
        const int chunk_x = (int)(chunk % dst_w), chunk_y = (int)(chunk / dst_w % dst_h);
        const ulong chunk_image = chunk / dst_w / dst_h;
        const bool resume = chunk > begin;
        for (int panel = first_panel; panel < end_panel; panel++) {
            const int rows = in_c - panel * MR;
            __global float *to = dw + panel * (ulong)MR * out_c;
            EACH_ROW(BEGIN)
            int ox = chunk_x, oy = chunk_y;
            ulong image = chunk_image;
            for (ulong p = chunk; p < chunk_end;) {
                const int n = (int)min((ulong)(dst_w - ox), chunk_end - p);
                const int y = oy * stride_h - pad_top + i;
                const int low = max(ox, first_x), high = min(ox + n, end_x);
                if ((uint)y < (uint)src_h && low < high) {
                    const long at = ((long)image * src_h + y) * src_w + low * stride_w - pad_left + j;
                    __global const float *x = xs + (panel * src_pixels + at) * MR;
                    __global const float *dy = dys + (p + (low - ox)) * NR;
                    for (int q = low; q < high; q++, x += stride_w * MR, dy += NR) {
                        float a;
                        const vec b0 = VLOAD(THAW_LANES, dy);
                        SECOND(const vec b1 = VLOAD(THAW_LANES, dy + THAW_LANES);)
                        EACH_ROW(STEP)
                    }
                }
                p += n;
                ox = 0;
                if (++oy == dst_h) {
                    oy = 0;
                    image++;
                }
            }
            EACH_ROW(FINISH)
        }
    }
}

/* dw = the sum of the parts, in their order. */
__kernel void conv_panel_sum(TENSOR(const float, sums), TENSOR(float, dw), const ulong elements,
                             const ulong parts)
{
    OPEN(const float, sums);
    OPEN(float, dw);
    const ulong at = get_global_id(0);
    if (at >= elements)
        return;
    float sum = sums[at];
    for (ulong k = 1; k < parts; k++)
        sum += sums[k * elements + at];
    dw[at] = sum;
}
