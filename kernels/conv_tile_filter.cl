/* conv_tile_filter.cl: CONV2D_BWD_FILTER on GPUs, as one implicit matrix product.
 *
 *   BM, BN, BK     a work-group's tile: rows of dw, which are (tap, channel), columns of dw, pixels of a step
 *   TM, TN         a work-item's part of it, multiples of 4
 *
 * dw[tap, c][o] is a sum over all pixels, far more than there are elements. So the pixels are split into a
 * fixed number of parts, each the work of its own groups; a second kernel adds them in order.
 *
 * The channels of a tap are counted in quads, so that no quad lies in two taps. */
#define ITEMS_M (BM / TM)
#define ITEMS_N (BN / TN)
#define ITEMS   (ITEMS_M * ITEMS_N)

/* As in conv_tile.cl. */
#define ITEM_Y(id) ((id) / 8 % 4 + 4 * ((id) / (4 * ITEMS_N)))
#define ITEM_X(id) ((id) % 8 + 8 * ((id) / 32 % (ITEMS_N / 8)))
#define ROW(i)     ((i) / 4 * (4 * ITEMS_M) + 4 * ty + (i) % 4)
#define QUAD(h)    ((h) * ITEMS_N + tx)

/* Quads that a work-item brings to local memory: always the same channels, of several pixels. */
#define A_QUADS   (BK * BM / 4 / ITEMS)
#define A_PIXEL(l) (id / (BM / 4) + (l) * (ITEMS / (BM / 4)))
#define B_QUADS   (BK * BN / 4 / ITEMS)
#define B_PIXEL(l) (id / (BN / 4) + (l) * (ITEMS / (BN / 4)))

#include "quad.clh"

/* Work-groups: panels of columns, blocks of rows, parts, the panels fastest. Part p has the pixels from
 * p*part_pixels on and writes element p*kh*kw*src_c*dst_c of out and what follows. */
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) __kernel void
conv_tile_filter(TENSOR(const float, src), TENSOR(const float, grad), TENSOR(float, out), const int batch,
                 const int src_h, const int src_w, const int src_c, const ulong src_pitch, const int dst_h,
                 const int dst_w, const int dst_c, const ulong dst_pitch, const int kh, const int kw,
                 const int stride_h, const int stride_w, const int pad_top, const int pad_left,
                 const uint panels, const uint blocks, const uint part_pixels)
{
    OPEN(const float, src);
    OPEN(const float, grad);
    OPEN(float, out);
    const int id = (int)get_local_id(0);
    const int ty = ITEM_Y(id), tx = ITEM_X(id);
    const uint group = (uint)get_group_id(0);
    const uint panel = group % panels, block = group / panels % blocks, part = group / panels / blocks;
    const bool src_aligned = ((src_at | src_pitch) & 3) == 0, grad_aligned = ((grad_at | dst_pitch) & 3) == 0;
    const uint total = (uint)batch * (uint)dst_h * (uint)dst_w;
    const uint begin = part * part_pixels, end = min(total, begin + part_pixels);
    const uint tap_rows = ((uint)src_c + 3) & ~3u, taps = (uint)kh * (uint)kw;

    const uint own_row = block * BM + 4 * (uint)(id % (BM / 4));
    const uint own_tap = own_row / tap_rows;
    const int channel = (int)(own_row % tap_rows), channels = own_tap < taps ? src_c - channel : 0;
    const int tap_y = (int)(own_tap / (uint)kw) - pad_top, tap_x = (int)(own_tap % (uint)kw) - pad_left;
    const int column = (int)(panel * BN) + 4 * (id % (BN / 4));

    /* A step goes BK pixels on, in this many images, rows and columns. */
    const int go_x = BK % dst_w, go_y = BK / dst_w % dst_h, go_n = BK / dst_w / dst_h;
    int n[A_QUADS], y[A_QUADS], x[A_QUADS];
#pragma unroll
    for (int l = 0; l < A_QUADS; l++) {
        const uint pixel = begin + (uint)A_PIXEL(l), row = pixel / (uint)dst_w;
        x[l] = (int)(pixel % (uint)dst_w);
        y[l] = (int)(row % (uint)dst_h);
        n[l] = (int)(row / (uint)dst_h);
    }

    float4 sum[TM][TN / 4];
#pragma unroll
    for (int i = 0; i < TM; i++) {
#pragma unroll
        for (int h = 0; h < TN / 4; h++)
            sum[i][h] = 0.0f;
    }

    __local float4 a_tile[2][BK][BM / 4] __attribute__((aligned(16)));
    __local float4 b_tile[2][BK][BN / 4] __attribute__((aligned(16)));
    float4 a_next[A_QUADS], b_next[B_QUADS];
    const int steps = (int)((end - begin + BK - 1) / BK);
    uint pixel0 = begin;
    for (int step = -1; step < steps; step++) {
        const int next = (step + 1) & 1;
        if (step + 1 < steps) {
#pragma unroll
            for (int l = 0; l < A_QUADS; l++) {
                const int sy = y[l] * stride_h + tap_y, sx = x[l] * stride_w + tap_x;
                const bool inside = (uint)sy < (uint)src_h && (uint)sx < (uint)src_w &&
                                    pixel0 + (uint)A_PIXEL(l) < end;
                const long from = (((long)n[l] * src_h + sy) * src_w + sx) * (long)src_pitch + channel;
                a_next[l] = load_quad(src + from, inside ? channels : 0, src_aligned);
                x[l] += go_x;
                y[l] += go_y + (x[l] >= dst_w);
                x[l] -= x[l] >= dst_w ? dst_w : 0;
                n[l] += go_n + (y[l] >= dst_h);
                y[l] -= y[l] >= dst_h ? dst_h : 0;
            }
#pragma unroll
            for (int l = 0; l < B_QUADS; l++) {
                const uint pixel = pixel0 + (uint)B_PIXEL(l);
                b_next[l] = load_quad(grad + ((ulong)pixel * dst_pitch + (ulong)column),
                                      pixel < end ? dst_c - column : 0, grad_aligned);
            }
            pixel0 += BK;
        }
        if (step >= 0) {
#pragma unroll
            for (int k = 0; k < BK; k++) {
                float4 a[TM / 4], b[TN / 4];
#pragma unroll
                for (int g = 0; g < TM / 4; g++)
                    a[g] = a_tile[step & 1][k][g * ITEMS_M + ty];
#pragma unroll
                for (int h = 0; h < TN / 4; h++)
                    b[h] = b_tile[step & 1][k][QUAD(h)];
#pragma unroll
                for (int g = 0; g < TM / 4; g++) {
#pragma unroll
                    for (int h = 0; h < TN / 4; h++) {
#define MULTIPLY(e, s) sum[4 * g + e][h] = FMA((float4)(a[g].s), b[h], sum[4 * g + e][h]);
                        EACH(MULTIPLY)
                    }
                }
            }
        }
        if (step + 1 < steps) {
#pragma unroll
            for (int l = 0; l < A_QUADS; l++)
                a_tile[next][A_PIXEL(l)][id % (BM / 4)] = a_next[l];
#pragma unroll
            for (int l = 0; l < B_QUADS; l++)
                b_tile[next][B_PIXEL(l)][id % (BN / 4)] = b_next[l];
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }

    out += (ulong)part * taps * (ulong)src_c * (ulong)dst_c;
    const bool out_aligned = (out_at & 3) == 0 && (dst_c & 3) == 0;
#pragma unroll
    for (int i = 0; i < TM; i++) {
        const uint row = block * BM + (uint)ROW(i), tap = row / tap_rows, c = row % tap_rows;
        if (tap >= taps || c >= (uint)src_c)
            continue;
        __global float *to = out + ((ulong)tap * src_c + c) * (ulong)dst_c;
#pragma unroll
        for (int h = 0; h < TN / 4; h++) {
            const int first = (int)(panel * BN) + 4 * QUAD(h);
            store_quad(to + first, sum[i][h], dst_c - first, out_aligned);
        }
    }
}

/* to[i] = ((part 0 + part 1) + part 2) + …, for i < count. */
__kernel void add_parts(TENSOR(const float, from), TENSOR(float, to), const ulong count, const uint parts)
{
    OPEN(const float, from);
    OPEN(float, to);
    const ulong i = get_global_id(0);
    if (i >= count)
        return;
    float z = from[i];
    for (uint p = 1; p < parts; p++)
        z += from[p * count + i];
    to[i] = z;
}
