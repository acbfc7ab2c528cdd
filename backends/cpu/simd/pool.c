/* Pools: a few vectors of channels stay in registers while the window's cells pass by. */
#include "backends/cpu/call.h"
#include "backends/cpu/parallel.h"
#include "backends/cpu/simd/simd.h"

#if defined(__AVX512F__)
#include <immintrin.h>
#endif

#define WIDE 4 /* vectors at a time */

/* The cells of one window: rows × columns, from cell number `number` of the window on. */
typedef struct {
    const float *x; /* first cell, channel 0 */
    size_t row_step, cell_step;
    int32_t rows, columns;
    int32_t number, kw;
} cells;

static cells cells_of(const cpu_call *call, cpu_window v, int32_t n)
{
    const thaw_tensor *x = &call->op->in[0];
    size_t pixel = ((size_t)n * (size_t)x->h + (size_t)v.y0) * (size_t)x->w + (size_t)v.x0;
    int32_t kw = call->op->attr.pool.kw;
    return (cells){.x = cpu_in(call, 0) + cpu_at(x, pixel),
                   .row_step = (size_t)x->w * (size_t)x->pixel_pitch,
                   .cell_step = (size_t)x->pixel_pitch,
                   .rows = v.y1 - v.y0,
                   .columns = v.x1 - v.x0,
                   .number = (v.y0 - v.top) * kw + (v.x0 - v.left),
                   .kw = kw};
}

/* Puts z where it is larger than best, or the first NaN, and `number` into *at there; at may be NULL. */
static inline void take_larger(vec *best, ivec *at, vec z, int32_t number)
{
#if defined(__AVX512F__)
    /* Comparisons write masks of a bit a lane; compilers turn those into vectors and back if told by words.
     */
    __mmask16 better = _mm512_cmp_ps_mask((__m512)z, (__m512)*best, _CMP_NLE_UQ);
    better = _mm512_mask_cmp_ps_mask(better, (__m512)*best, (__m512)*best, _CMP_EQ_OQ);
    *best = (vec)_mm512_mask_mov_ps((__m512)*best, better, (__m512)z);
    if (at)
        *at = (ivec)_mm512_mask_mov_epi32((__m512i)*at, better, _mm512_set1_epi32(number));
#else
    ivec better = (z > *best) | ((z != z) & (*best == *best));
    *best = choose(better, z, *best);
    if (at)
        *at = (better & number) | (~better & *at);
#endif
}

/* Maximum of `vectors` vectors of channels from c on; arg may be NULL. */
static inline void max_vectors(const cells *s, size_t c, int vectors, float *y, uint8_t *arg)
{
    vec best[WIDE];
    ivec at[WIDE];
    for (int v = 0; v < vectors; v++) {
        best[v] = load(s->x + c + (size_t)v * CPU_LANES);
        at[v] = (ivec){0} + s->number;
    }
    for (int32_t i = 0; i < s->rows; i++) {
        const float *x = s->x + (size_t)i * s->row_step + c;
        for (int32_t j = 0; j < s->columns; j++, x += s->cell_step) {
            for (int v = 0; v < vectors; v++) {
                vec z = load(x + (size_t)v * CPU_LANES);
                take_larger(&best[v], arg ? &at[v] : NULL, z, s->number + i * s->kw + j);
            }
        }
    }
    for (int v = 0; v < vectors; v++) {
        store(y + c + (size_t)v * CPU_LANES, best[v]);
        for (int l = 0; arg && l < CPU_LANES; l++)
            arg[c + (size_t)(v * CPU_LANES + l)] = (uint8_t)at[v][l];
    }
}

static void max_channel(const cells *s, size_t c, float *y, uint8_t *arg)
{
    float best = s->x[c];
    int32_t at = s->number;
    for (int32_t i = 0; i < s->rows; i++) {
        for (int32_t j = 0; j < s->columns; j++) {
            float z = s->x[(size_t)i * s->row_step + (size_t)j * s->cell_step + c];
            if (z > best || (z != z && best == best)) {
                best = z;
                at = s->number + i * s->kw + j;
            }
        }
    }
    y[c] = best;
    if (arg)
        arg[c] = (uint8_t)at;
}

static inline void max_pixel(const cells *s, size_t channels, float *y, uint8_t *arg)
{
    size_t c = 0;
    for (; c + WIDE * CPU_LANES <= channels; c += WIDE * CPU_LANES)
        max_vectors(s, c, WIDE, y, arg);
    for (; c + CPU_LANES <= channels; c += CPU_LANES)
        max_vectors(s, c, 1, y, arg);
    for (; c < channels; c++)
        max_channel(s, c, y, arg);
}

static void maxpool_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_tensor *y = &op->out[0];
    uint8_t *argmax = op->n_out == 2 ? call->args[op->n_in + 1] : NULL;
    for (size_t row = first; row < last; row++) {
        int32_t n = (int32_t)(row / (size_t)y->h), oy = (int32_t)(row % (size_t)y->h);
        for (int32_t ox = 0; ox < y->w; ox++) {
            size_t pixel = row * (size_t)y->w + (size_t)ox;
            cells s = cells_of(call, cpu_window_at(&op->attr.pool, &op->in[0], oy, ox), n);
            float *out = cpu_out(call, 0) + cpu_at(y, pixel);
            if (argmax)
                max_pixel(&s, (size_t)y->c, out, argmax + cpu_at(&op->out[1], pixel));
            else
                max_pixel(&s, (size_t)y->c, out, NULL);
        }
    }
}

/* Rows of an image of t make an item; the cost is that of reading the window's cells. */
static void parallel_rows(const cpu_call *call, const thaw_tensor *t, cpu_range_fn fn)
{
    const thaw_pool_attr *a = &call->op->attr.pool;
    size_t cost = (size_t)t->w * (size_t)t->c * (size_t)a->kh * (size_t)a->kw / 4 + 1;
    cpu_parallel(call, (size_t)t->n * (size_t)t->h, cpu_grain(cost), fn);
}

void CPU_NAME(cpu_simd_maxpool)(const cpu_call *call)
{
    parallel_rows(call, &call->op->out[0], maxpool_rows);
}

static inline void mean_vectors(const cells *s, size_t c, int vectors, float count, float *y)
{
    vec sum[WIDE];
    for (int v = 0; v < vectors; v++)
        sum[v] = (vec){0};
    for (int32_t i = 0; i < s->rows; i++) {
        const float *x = s->x + (size_t)i * s->row_step + c;
        for (int32_t j = 0; j < s->columns; j++, x += s->cell_step) {
            for (int v = 0; v < vectors; v++)
                sum[v] += load(x + (size_t)v * CPU_LANES);
        }
    }
    for (int v = 0; v < vectors; v++)
        store(y + c + (size_t)v * CPU_LANES, sum[v] / count);
}

static void mean_pixel(const cells *s, size_t channels, float count, float *y)
{
    size_t c = 0;
    for (; c + WIDE * CPU_LANES <= channels; c += WIDE * CPU_LANES)
        mean_vectors(s, c, WIDE, count, y);
    for (; c + CPU_LANES <= channels; c += CPU_LANES)
        mean_vectors(s, c, 1, count, y);
    for (; c < channels; c++) {
        float sum = 0;
        for (int32_t i = 0; i < s->rows; i++) {
            for (int32_t j = 0; j < s->columns; j++)
                sum += s->x[(size_t)i * s->row_step + (size_t)j * s->cell_step + c];
        }
        y[c] = sum / count;
    }
}

static void avgpool_rows(const cpu_call *call, size_t first, size_t last)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *y = &op->out[0];
    const float *bias = op->n_in == 2 ? cpu_in(call, 1) : NULL;
    for (size_t row = first; row < last; row++) {
        int32_t n = (int32_t)(row / (size_t)y->h), oy = (int32_t)(row % (size_t)y->h);
        for (int32_t ox = 0; ox < y->w; ox++) {
            cpu_window v = cpu_window_at(a, &op->in[0], oy, ox);
            cells s = cells_of(call, v, n);
            float *out = cpu_out(call, 0) + cpu_at(y, row * (size_t)y->w + (size_t)ox);
            mean_pixel(&s, (size_t)y->c, (float)cpu_window_count(a, v), out);
            for (int32_t c = 0; bias && c < y->c; c++)
                out[c] += bias[c];
            for (int32_t c = 0; a->relu && c < y->c; c++)
                out[c] = cpu_relu(out[c]);
        }
    }
}

void CPU_NAME(cpu_simd_avgpool)(const cpu_call *call)
{
    parallel_rows(call, &call->op->out[0], avgpool_rows);
}

/* Adds to dx (one pixel) what output pixel `from` sends back to cell number `number` of its window. */
typedef void (*gather_fn)(const cpu_call *call, float *restrict dx, size_t from, int32_t oy, int32_t ox,
                          int32_t number);

static inline void gather_rows(const cpu_call *call, size_t first, size_t last, gather_fn gather)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const thaw_tensor *dy = &op->in[0], *dx = &op->out[0];
    for (size_t row = first; row < last; row++) {
        int32_t n = (int32_t)(row / (size_t)dx->h), y = (int32_t)(row % (size_t)dx->h), oy, ox;
        for (int32_t x = 0; x < dx->w; x++) {
            float *out = cpu_out(call, 0) + cpu_at(dx, row * (size_t)dx->w + (size_t)x);
            for (int32_t c = 0; c < dx->c; c++)
                out[c] = 0;
            for (int32_t i = 0; i < a->kh; i++) {
                if (!cpu_output_of(y, i, a->stride_h, a->pad_top, dy->h, &oy))
                    continue;
                for (int32_t j = 0; j < a->kw; j++) {
                    if (!cpu_output_of(x, j, a->stride_w, a->pad_left, dy->w, &ox))
                        continue;
                    size_t from = ((size_t)n * (size_t)dy->h + (size_t)oy) * (size_t)dy->w + (size_t)ox;
                    gather(call, out, from, oy, ox, i * a->kw + j);
                }
            }
        }
    }
}

static void gather_max(const cpu_call *call, float *restrict dx, size_t from, int32_t oy, int32_t ox,
                       int32_t number)
{
    const backend_op *op = call->op;
    const float *dy = cpu_in(call, 0) + cpu_at(&op->in[0], from);
    const uint8_t *arg = (const uint8_t *)call->args[1] + cpu_at(&op->in[1], from);
    (void)oy;
    (void)ox;
    for (int32_t c = 0; c < op->out[0].c; c++)
        dx[c] += arg[c] == number ? dy[c] : 0.0f;
}

static void maxpool_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    gather_rows(call, first, last, gather_max);
}

void CPU_NAME(cpu_simd_maxpool_bwd)(const cpu_call *call)
{
    parallel_rows(call, &call->op->out[0], maxpool_bwd_rows);
}

static void gather_mean(const cpu_call *call, float *restrict dx, size_t from, int32_t oy, int32_t ox,
                        int32_t number)
{
    const backend_op *op = call->op;
    const thaw_pool_attr *a = &op->attr.pool;
    const float *dy = cpu_in(call, 0) + cpu_at(&op->in[0], from);
    float share = 1.0f / (float)cpu_window_count(a, cpu_window_at(a, &op->out[0], oy, ox));
    (void)number;
    for (int32_t c = 0; c < op->out[0].c; c++)
        dx[c] += dy[c] * share;
}

static void avgpool_bwd_rows(const cpu_call *call, size_t first, size_t last)
{
    gather_rows(call, first, last, gather_mean);
}

void CPU_NAME(cpu_simd_avgpool_bwd)(const cpu_call *call)
{
    parallel_rows(call, &call->op->out[0], avgpool_bwd_rows);
}
