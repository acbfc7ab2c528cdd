/* conv_panel.cl: CONV2D and CONV2D_BWD_DATA on CPUs, as one implicit matrix product.
 *
 *   NV   vectors of a register tile (-D), 1 or 2: destination channels, THAW_LANES each
 *
 * A work-group is one work-item, since on a CPU it is a core that works and not a lane: the MR*NV vectors
 * of a tile stay in registers while it goes through taps and source channels. Rows of the source are read
 * where they lie, through a pointer a row that each tap moves; a row of zeros stands for what is outside the
 * image.
 * Every result is one chain of multiply-adds that begins with the bias and goes tap by tap, so neither the
 * batch nor the cut into groups can change its bits.
 *
 * Weights are packed (pack_weights.cl) in panels of NR columns: [panel][tap][channel][column], 0 beyond
 * the tensor's columns.
 *
 * Backward with a stride, the destination falls into phases, one for each pair of y and x modulo the
 * stride: the pixels of a phase meet the same taps, and each phase is a convolution of stride 1. */
#include "panel.clh"

static inline vec floor_at_zero(vec z)
{
    return select(z, (vec)0.0f, z < (vec)0.0f);
}

/* Row m of a tile: where its destination begins, and its source under the first tap. A row behind the last
 * one has a source far outside the image, and is not stored. */
#define PLACE(m)                                                                                             \
    const bool real##m = at < total;                                                                         \
    const int y##m = real##m ? src_y0 + ty * src_step_h : -kh, x##m = src_x0 + tx * src_step_w;              \
    const long from##m = (((long)image * src_h + y##m) * src_w + x##m) * (long)src_pitch;                    \
    const ulong to##m =                                                                                      \
        (((ulong)image * dst_h + phase_y + ty * step_h) * dst_w + phase_x + tx * step_w) * dst_pitch;        \
    at++;                                                                                                    \
    tx = tx + 1 == cols ? 0 : tx + 1;                                                                        \
    ty = tx > 0 ? ty : ty + 1 == rows ? 0 : ty + 1;                                                          \
    image += tx == 0 && ty == 0;

#define BEGIN(m)                                                                                             \
    vec u##m = bias0;                                                                                        \
    SECOND(vec v##m = bias1;)

#define POINT(m)                                                                                             \
    __global const float *p##m =                                                                             \
        (uint)(y##m + dy) < (uint)src_h && (uint)(x##m + dx) < (uint)src_w ? src + (from##m + shift) : zeros;

#define STEP(m)                                                                                              \
    a = p##m[k];                                                                                             \
    u##m = FMA(a, b0, u##m);                                                                                 \
    SECOND(v##m = FMA(a, b1, v##m);)

#define FINISH(m)                                                                                            \
    if (real##m) {                                                                                           \
        store(out + to##m, relu_out ? floor_at_zero(u##m) : u##m, left);                                     \
        SECOND(store(out + to##m + THAW_LANES, relu_out ? floor_at_zero(v##m) : v##m, left - THAW_LANES);)   \
    }

/* Groups: (groups of group_panels panels, blocks of the largest phase, phases). A block is block_tiles tiles
 * of MR destination pixels of a phase, counted over image, row and column. stride and pad are those of the
 * forward op. */
__attribute__((reqd_work_group_size(1, 1, 1))) __kernel void
conv_panel(TENSOR(const float, src), TENSOR(const float, weights), TENSOR(const float, bias),
           TENSOR(const float, zeros), TENSOR(float, dst), const int batch, const int src_h, const int src_w,
           const ulong src_pitch, const int dst_h, const int dst_w, const ulong dst_pitch, const int dst_c,
           const int kh, const int kw, const int tap_len, const int stride_h, const int stride_w,
           const int pad_top, const int pad_left, const int backward, const int relu_out,
           const int group_panels, const int block_tiles)
{
    OPEN(const float, src);
    OPEN(const float, weights);
    OPEN(const float, bias);
    OPEN(const float, zeros);
    OPEN(float, dst);
    const int first_column = (int)get_group_id(0) * group_panels * NR;
    const int end_column = min(first_column + group_panels * NR, dst_c);
    const ulong column_len = (ulong)kh * kw * tap_len;

    const int step_h = backward ? stride_h : 1, step_w = backward ? stride_w : 1;
    const int src_step_h = backward ? 1 : stride_h, src_step_w = backward ? 1 : stride_w;
    const int phases_w = min(step_w, dst_w);
    const int phase_y = (int)get_group_id(2) / phases_w, phase_x = (int)get_group_id(2) % phases_w;
    const int src_y0 = backward ? (phase_y + pad_top) / step_h : -pad_top;
    const int src_x0 = backward ? (phase_x + pad_left) / step_w : -pad_left;
    const int first_i = (phase_y + pad_top) % step_h, first_j = (phase_x + pad_left) % step_w;
    const int direction = backward ? -1 : 1;
    const int rows = (dst_h - phase_y + step_h - 1) / step_h, cols = (dst_w - phase_x + step_w - 1) / step_w;
    const ulong total = (ulong)batch * rows * cols;

    ulong at = get_group_id(1) * (ulong)block_tiles * MR;
    int tx = (int)(at % cols), ty = (int)(at / cols % rows), image = (int)(at / cols / rows);
    for (int tile = 0; tile < block_tiles && at < total; tile++) {
        EACH_ROW(PLACE)
        for (int column = first_column; column < end_column; column += NR) {
            const vec bias0 = VLOAD(THAW_LANES, bias + column);
            SECOND(const vec bias1 = VLOAD(THAW_LANES, bias + column + THAW_LANES);)
            __global const float *panel = weights + column * column_len;
            __global float *out = dst + column;
            const int left = dst_c - column;
            EACH_ROW(BEGIN)
            for (int i = first_i, dy = 0; i < kh; i += step_h, dy += direction) {
                for (int j = first_j, dx = 0; j < kw; j += step_w, dx += direction) {
                    const long shift = ((long)dy * src_w + dx) * (long)src_pitch;
                    __global const float *w = panel + ((ulong)i * kw + j) * tap_len * NR;
                    EACH_ROW(POINT)
                    for (int k = 0; k < tap_len; k++, w += NR) {
                        float a;
                        const vec b0 = VLOAD(THAW_LANES, w);
                        SECOND(const vec b1 = VLOAD(THAW_LANES, w + THAW_LANES);)
                        EACH_ROW(STEP)
                    }
                }
            }
            EACH_ROW(FINISH)
        }
    }
}
