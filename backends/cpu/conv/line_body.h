/* line_body.h: a part of kernels_body.h, the kernels over a line of the destination.
 *
 * Of an image of few channels a window is too short to pay for lists of row pointers. Pixels of a line lie a
 * step apart, so that a pointer serves three of them: the machine adds one or two steps as it loads. */

/* Pixels of one pointer. */
#define SHARE ((size_t)3)

INLINE void store_line(const conv_line *t, vec (*acc)[2], size_t rows, size_t nv, size_t cols)
{
    const vec lo = vec_set1(t->floor);
    float *out = t->out;
    UNROLL
    for (size_t m = 0; m < rows; m++, out += t->out_pitch)
        store_row(out, acc[m], lo, nv, cols);
}

INLINE void line_body(const conv_line *t, size_t rows, size_t nv)
{
    vec acc[ROWS][2];
    start_sums(t->bias, acc, rows, nv);
    const float *w = t->weights, *line = t->x, *ahead = t->out + rows * t->out_pitch;
    const size_t step = t->step, len = t->tap_len;
    for (size_t tap = 0; tap < t->taps; tap++, line += t->tap_pitch) {
        const float *a[ROWS / SHARE + 1];
        UNROLL
        for (size_t g = 0; g * SHARE < rows; g++)
            a[g] = line + g * SHARE * step;
        for (size_t k = 0; k < len; k++, w += nv * LANES, ahead += LINE) {
            /* So few products for each result do not hide the way of its lines into the cache. */
            __builtin_prefetch(ahead, 1, 3);
            vec b[2];
            UNROLL
            for (size_t v = 0; v < nv; v++)
                b[v] = vec_load(w + v * LANES);
            UNROLL
            for (size_t m = 0; m < rows; m++) {
                vec x = vec_set1(a[m / SHARE][k + m % SHARE * step]);
                UNROLL
                for (size_t v = 0; v < nv; v++)
                    acc[m][v] = vec_fma(x, b[v], acc[m][v]);
            }
        }
    }
    if (t->cols < nv * LANES)
        store_line(t, acc, rows, nv, t->cols);
    else
        store_line(t, acc, rows, nv, nv * LANES);
}
