/* tf.image.resize, method "bilinear": TensorFlow's resize_bilinear with half-pixel centres. Every operation
 * is one in f32, in the order below, so that the result has the same bits. */
#include <math.h>

#include "core/data/data.h"

/* Columns are done in strips, so that their table fits on the stack. */
#define STRIP 512u

/* Where an output coordinate falls between two source ones. */
typedef struct tap {
    size_t low, high;
    float lerp;
} tap;

static tap tap_of(uint32_t i, uint32_t in, float scale)
{
    float source = ((float)i + 0.5f) * scale - 0.5f;
    float below = floorf(source);
    tap t = {.lerp = source - below};
    t.low = below > 0.0f ? (size_t)below : 0;
    t.high = (size_t)ceilf(source > 0.0f ? source : 0.0f);
    if (t.high > in - 1)
        t.high = in - 1;
    if (t.low > in - 1)
        t.low = in - 1;
    return t;
}

/* A source row at the columns of a strip. */
typedef struct blended {
    size_t row; /* NO_ROW: none yet */
    float values[STRIP * 3];
} blended;

#define NO_ROW SIZE_MAX

static void blend_row(const thaw_image *image, size_t row, const tap *columns, uint32_t n, blended *out)
{
    const uint8_t *pixels = image->rgb + row * image->width * 3;
    float *v = out->values;
    out->row = row;
    for (uint32_t x = 0; x < n; x++, v += 3) {
        const uint8_t *left = pixels + columns[x].low * 3, *right = pixels + columns[x].high * 3;
        const float lerp = columns[x].lerp;
        for (size_t c = 0; c < 3; c++) {
            const float l = left[c], r = right[c];
            v[c] = l + (r - l) * lerp;
        }
    }
}

/* Rows that follow each other often lie between the same two of the source, or begin at the lower one. */
static void blend_rows(const thaw_image *image, tap row, const tap *columns, uint32_t n, blended **top,
                       blended **bottom)
{
    if ((*top)->row != row.low) {
        blended *const other = *bottom;
        *bottom = *top;
        *top = other;
    }
    if ((*top)->row != row.low)
        blend_row(image, row.low, columns, n, *top);
    if ((*bottom)->row != row.high)
        blend_row(image, row.high, columns, n, *bottom);
}

void thaw_image_resize(const thaw_image *image, uint32_t out_h, uint32_t out_w, float *out)
{
    tap columns[STRIP];
    blended rows[2], *top = &rows[0], *bottom = &rows[1];
    float x_scale = (float)image->width / (float)out_w, y_scale = (float)image->height / (float)out_h;
    for (uint32_t begin = 0; begin < out_w; begin += STRIP) {
        uint32_t n = out_w - begin < STRIP ? out_w - begin : STRIP;
        for (uint32_t x = 0; x < n; x++)
            columns[x] = tap_of(begin + x, image->width, x_scale);
        top->row = bottom->row = NO_ROW;
        for (uint32_t y = 0; y < out_h; y++) {
            const tap row = tap_of(y, image->height, y_scale);
            blend_rows(image, row, columns, n, &top, &bottom);
            const float *t = top->values, *b = bottom->values;
            float *restrict v = out + ((size_t)y * out_w + begin) * 3;
            for (uint32_t i = 0; i < n * 3; i++)
                v[i] = t[i] + (b[i] - t[i]) * row.lerp;
        }
    }
}
