#include "bf16_pack.h"

#include <string.h>

#include "backends/common/half.h"

/* Two rows of a panel, whose elements alternate: those of column j are from[0][j*step] and from[1][j*step].
 */
typedef struct {
    const float *from[2]; /* NULL: none, and nothing is written */
    size_t step, cols;
} row_pair;

static void pack_rounded(const row_pair *rows, uint16_t *to)
{
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; rows->from[i] && j < rows->cols; j++)
            to[2 * j + i] = bfloat_of(rows->from[i][j * rows->step]);
}

/* Both rows in one go where both are there: the usual case. */
static void pack_whole(const row_pair *rows, float *restrict to)
{
    const float *restrict upper = rows->from[0], *restrict lower = rows->from[1];
    if (upper && lower && rows->step == 1) {
        for (size_t j = 0; j < rows->cols; j++) {
            to[2 * j] = upper[j];
            to[2 * j + 1] = lower[j];
        }
        return;
    }
    for (size_t i = 0; i < 2; i++)
        for (size_t j = 0; rows->from[i] && j < rows->cols; j++)
            to[2 * j + i] = rows->from[i][j * rows->step];
}

/* Packed tap `tap` of a panel, from the filter's own tap at `src`, whose element (i, column) lies
 * i*pitch + column*step behind. */
static void pack_tap(const bf16_plan *p, const conv_panel *panel, size_t tap, const float *src, size_t pitch,
                     size_t step, char *dst)
{
    const size_t pair = panel->vectors * BF16_LANES * 2;
    for (size_t i = 0; i < p->rows.depth;) {
        const size_t at = cpu_conv_bf16_factor(&p->rows, tap, i);
        row_pair rows = {.step = step, .cols = panel->cols};
        rows.from[at % 2] = src + i++ * pitch;
        if (at % 2 == 0 && i < p->rows.depth && cpu_conv_bf16_factor(&p->rows, tap, i) == at + 1)
            rows.from[1] = src + i++ * pitch;
        char *to = dst + at / 2 * pair * p->weight_bytes;
        if (p->rows.parts == 1)
            pack_rounded(&rows, (uint16_t *)(void *)to);
        else
            pack_whole(&rows, (float *)(void *)to);
    }
}

void cpu_conv_bf16_pack(const bf16_plan *p, const backend_op *op, const conv_panel *panel,
                        const float *filter, char *dst)
{
    const size_t pitch = (size_t)op->in[1].pixel_pitch, depth = p->rows.depth;
    const bool backward = p->rows.geo.backward;
    const size_t tap_pitch = (backward ? (size_t)op->in[1].w : depth) * pitch;
    const float *first = filter + panel->first * (backward ? pitch : 1);
    dst += panel->weights_at * p->weight_bytes;
    memset(dst, 0, p->rows.taps * p->rows.k * panel->vectors * BF16_LANES * p->weight_bytes);
    for (size_t t = 0; t < p->rows.filter_taps; t++)
        pack_tap(p, panel, t, first + cpu_conv_bf16_filter_tap(&p->rows, t) * tap_pitch, backward ? 1 : pitch,
                 backward ? pitch : 1, dst);
}
