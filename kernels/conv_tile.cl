/* conv_tile.cl: CONV2D and CONV2D_BWD_DATA on GPUs, as one implicit matrix product.
 *
 *   BM, BN, BK     a work-group's tile: destination pixels, destination channels, source channels of a step
 *   TM, TN         a work-item's part of it, multiples of 4
 *   LOCAL_MEMORY   1: tiles of both factors go through local memory, two of each, so that the next one is
 *                  fetched while the present one is used; 0: work-items read them where they lie, for
 *                  devices whose caches do that better
 *   SUBGROUP       size of the subgroups in which the items of a row lie, which share the source's values
 *                  among them; 0: none. Without LOCAL_MEMORY alone
 *
 * Nothing else is compiled in: a whole network needs one program for each tile.
 *
 * Every result is one chain of multiply-adds that begins with the bias and goes tap by tap, channel by
 * channel. So neither the batch nor the size of the tiles can change its bits.
 *
 * Weights are packed (pack_weights.cl) in panels of BN columns: [panel][tap][channel][column], 0 beyond the
 * tensor's columns.
 *
 * Backward with a stride, the destination falls into phases, one for each pair of y and x modulo the
 * stride: the pixels of a phase meet the same taps, and each phase is a convolution of stride 1. */
#define ITEMS_M (BM / TM)
#define ITEMS_N (BN / TN)
#define ITEMS   (ITEMS_M * ITEMS_N)

#if LOCAL_MEMORY
/* 32 items in step cover 4 x 8 parts, so that what they read from local memory is small and its banks
 * differ. A part is quads of rows and columns spread over the tile, for the same reason. */
#define ITEM_Y(id) ((id) / 8 % 4 + 4 * ((id) / (4 * ITEMS_N)))
#define ITEM_X(id) ((id) % 8 + 8 * ((id) / 32 % (ITEMS_N / 8)))
#define ROW(i)     ((i) / 4 * (4 * ITEMS_M) + 4 * ty + (i) % 4)
#else
#define ITEM_Y(id) ((id) / ITEMS_N)
#define ITEM_X(id) ((id) % ITEMS_N)
#define ROW(i)     (TM * ty + (i))
#endif
#define QUAD(h) ((h) * ITEMS_N + tx) /* of columns, within the tile */

/* Rows whose source a work-item reads: those that it brings to local memory, or its own. */
#if LOCAL_MEMORY
#define A_ROWS      (BM * BK / 4 / ITEMS)
#define A_ROW(l)    (id / (BK / 4) + (l) * (ITEMS / (BK / 4)))
#define B_QUADS     (BK * BN / 4 / ITEMS)
/* Where row r of channel quad q lies: the quads' rows are turned against each other, so that items that
 * store beside each other meet other banks. */
#define TURN(r, q) ((r) ^ ((q) * (128 / BK)))
#else
#define A_ROWS   TM
#define A_ROW(l) ROW(l)
#endif

#if SUBGROUP
#ifdef cl_khr_subgroups
#pragma OPENCL EXTENSION cl_khr_subgroups : enable
#else
#pragma OPENCL EXTENSION cl_intel_subgroups : enable
#endif
#define IN_SUBGROUPS __attribute__((intel_reqd_sub_group_size(SUBGROUP)))
#else
#define IN_SUBGROUPS
#endif

#include "quad.clh"

/* Work-groups: panels, then blocks of BM rows of the largest phase, then phases, the panels fastest: groups
 * that run together read the same source. stride and pad are those of the forward op. */
__attribute__((reqd_work_group_size(ITEMS, 1, 1))) IN_SUBGROUPS __kernel void
conv_tile(TENSOR(const float, src), TENSOR(const float, weights), TENSOR(const float, bias),
          TENSOR(float, dst), const int has_bias, const int batch, const int src_h, const int src_w,
          const int src_c, const ulong src_pitch, const int dst_h, const int dst_w, const int dst_c,
          const ulong dst_pitch, const int kh, const int kw, const int stride_h, const int stride_w,
          const int pad_top, const int pad_left, const int backward, const int relu_out, const uint panels,
          const uint blocks)
{
    OPEN(const float, src);
    OPEN(const float, weights);
    OPEN(const float, bias);
    OPEN(float, dst);
    const int id = (int)get_local_id(0);
    const int ty = ITEM_Y(id), tx = ITEM_X(id);
    const uint group = (uint)get_group_id(0);
    const uint panel = group % panels, block = group / panels % blocks;
    const int phase = (int)(group / panels / blocks);
#if !SUBGROUP
    const bool src_aligned = ((src_at | src_pitch) & 3) == 0;
#endif
    const bool dst_aligned = ((dst_at | dst_pitch) & 3) == 0;

    const int step_h = backward ? stride_h : 1, step_w = backward ? stride_w : 1;
    const int src_step_h = backward ? 1 : stride_h, src_step_w = backward ? 1 : stride_w;
    const int phases_w = min(step_w, dst_w);
    const int y0 = phase / phases_w, x0 = phase % phases_w;
    const int src_y0 = backward ? (y0 + pad_top) / step_h : -pad_top;
    const int src_x0 = backward ? (x0 + pad_left) / step_w : -pad_left;
    const int first_i = (y0 + pad_top) % step_h, first_j = (x0 + pad_left) % step_w;
    const int direction = backward ? -1 : 1;
    const uint rows = (uint)((dst_h - y0 + step_h - 1) / step_h);
    const uint cols = (uint)((dst_w - x0 + step_w - 1) / step_w);
    const uint total = (uint)batch * rows * cols;
    const int taps_h = (kh - first_i + step_h - 1) / step_h, taps_w = (kw - first_j + step_w - 1) / step_w;

    weights += (ulong)panel * BN * kh * kw * src_c;
    const int column0 = (int)(panel * BN);

    /* Where each row's source begins under the first tap, from the block's first image on, which 32 bits
     * hold; and its y and x in 16 bits each. Registers are what limits the number of groups. */
    const uint image0 = block * BM / cols / rows;
    int from[A_ROWS];
    short2 place[A_ROWS];
#pragma unroll
    for (int l = 0; l < A_ROWS; l++) {
        const uint at = block * BM + (uint)A_ROW(l), row = at / cols;
        const int y = src_y0 + (int)(row % rows) * src_step_h, x = src_x0 + (int)(at % cols) * src_step_w;
        place[l] = (short2)(at < total ? (short)y : SHRT_MIN, (short)x);
        from[l] = (((int)(row / rows - image0) * src_h + y) * src_w + x) * (int)src_pitch;
    }
    src += (ulong)image0 * src_h * src_w * src_pitch;

    float4 sum[TM][TN / 4];
#pragma unroll
    for (int h = 0; h < TN / 4; h++) {
        const int column = column0 + 4 * QUAD(h);
        const float4 first = load_quad(bias + column, has_bias ? dst_c - column : 0, false);
#pragma unroll
        for (int i = 0; i < TM; i++)
            sum[i][h] = first;
    }

    int left[A_ROWS]; /* channels of a row's source under the present tap: none outside the image */
#define POINT(dy, dx)                                                                                        \
    for (int l = 0; l < A_ROWS; l++)                                                                         \
        left[l] = (uint)(place[l].x + (dy)) < (uint)src_h && (uint)(place[l].y + (dx)) < (uint)src_w ? src_c : 0;

#if LOCAL_MEMORY
    __local float4 a_tile[2][BK][BM / 4] __attribute__((aligned(16)));
    __local float4 b_tile[2][BK][BN / 4] __attribute__((aligned(16)));
    float4 a_next[A_ROWS], b_next[B_QUADS];
    const int quad = id % (BK / 4);
    const int steps = taps_h * taps_w * ((src_c + BK - 1) / BK);
    int ti = 0, tj = 0, c = 0;
    for (int step = -1; step < steps; step++) {
        const int next = (step + 1) & 1;
        if (step + 1 < steps) {
            if (c == 0) {
                POINT(ti * direction, tj * direction)
            }
            const int shift = (ti * src_w + tj) * direction * (int)src_pitch + c + 4 * quad;
#pragma unroll
            for (int l = 0; l < A_ROWS; l++)
                a_next[l] = load_quad(src + (from[l] + shift), left[l] - c - 4 * quad, src_aligned);
            const ulong tap = (ulong)(first_i + ti * step_h) * kw + first_j + tj * step_w;
            __global const float4 *w = (__global const float4 *)(weights + (tap * src_c + c) * BN);
#pragma unroll
            for (int l = 0; l < B_QUADS; l++) {
                const int at = id + l * ITEMS;
                b_next[l] = c + at / (BN / 4) < src_c ? w[at] : (float4)0.0f;
            }
            c += BK;
            if (c >= src_c) {
                c = 0;
                if (++tj == taps_w) {
                    tj = 0;
                    ti++;
                }
            }
        }
        if (step >= 0) {
#pragma unroll
            for (int k = 0; k < BK; k++) {
                float4 a[TM / 4], b[TN / 4];
#pragma unroll
                for (int g = 0; g < TM / 4; g++)
                    a[g] = a_tile[step & 1][k][TURN(4 * (g * ITEMS_M + ty), k / 4) / 4];
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
            for (int l = 0; l < A_ROWS; l++) {
#define KEEP(e, s) ((__local float *)a_tile[next][4 * quad + e])[TURN(A_ROW(l), quad)] = a_next[l].s;
                EACH(KEEP)
            }
#pragma unroll
            for (int l = 0; l < B_QUADS; l++) {
                const int at = id + l * ITEMS;
                b_tile[next][at / (BN / 4)][at % (BN / 4)] = b_next[l];
            }
        }
        barrier(CLK_LOCAL_MEM_FENCE);
    }
#else
    for (int ti = 0; ti < taps_h; ti++) {
        for (int tj = 0; tj < taps_w; tj++) {
            POINT(ti * direction, tj * direction)
            const int shift = (ti * src_w + tj) * direction * (int)src_pitch;
            const ulong tap = (ulong)(first_i + ti * step_h) * kw + first_j + tj * step_w;
            __global const float4 *w = (__global const float4 *)(weights + tap * src_c * BN) + tx;
#if SUBGROUP
            for (int c = 0; c < src_c; c += SUBGROUP) {
                const int own = c + (int)get_sub_group_local_id(), ks = min(SUBGROUP, src_c - c);
                float a[TM];
#pragma unroll
                for (int i = 0; i < TM; i++)
                    a[i] = own < left[i] ? src[from[i] + shift + own] : 0.0f;
                for (int k = 0; k < ks; k++, w += BN / 4) {
#pragma unroll
                    for (int h = 0; h < TN / 4; h++) {
                        const float4 b = w[h * ITEMS_N];
#pragma unroll
                        for (int i = 0; i < TM; i++)
                            sum[i][h] = FMA((float4)(sub_group_broadcast(a[i], (uint)k)), b, sum[i][h]);
                    }
                }
            }
#else
            for (int c = 0; c < src_c; c += 4, w += BN) {
                float4 a[TM];
#pragma unroll
                for (int i = 0; i < TM; i++)
                    a[i] = load_quad(src + (from[i] + shift + c), left[i] - c, src_aligned);
#pragma unroll
                for (int h = 0; h < TN / 4; h++) {
                    float4 b;
#define MULTIPLY(e, s)                                                                                       \
    b = c + e < src_c ? w[e * (BN / 4) + h * ITEMS_N] : (float4)0.0f;                                        \
    for (int i = 0; i < TM; i++)                                                                             \
        sum[i][h] = FMA((float4)(a[i].s), b, sum[i][h]);
                    EACH(MULTIPLY)
                }
            }
#endif
        }
    }
#endif

#pragma unroll
    for (int i = 0; i < TM; i++) {
        const uint at = block * BM + (uint)ROW(i);
        if (at >= total)
            continue;
        ulong pixel = at;
        if (step_h > 1 || step_w > 1) {
            const ulong row = at / cols;
            pixel = ((row / rows) * dst_h + y0 + row % rows * step_h) * dst_w + x0 + at % cols * step_w;
        }
#pragma unroll
        for (int h = 0; h < TN / 4; h++) {
            const int column = column0 + 4 * QUAD(h);
            float4 z = sum[i][h];
            if (relu_out)
                z = (float4)(relu(z.x), relu(z.y), relu(z.z), relu(z.w));
            store_quad(dst + (pixel * dst_pitch + column), z, dst_c - column, dst_aligned);
        }
    }
}
