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

static void resize_strip(const thaw_image *image, const tap *columns, uint32_t n, tap row, float *out)
{
    const uint8_t *top = image->rgb + row.low * image->width * 3;
    const uint8_t *bottom = image->rgb + row.high * image->width * 3;
    for (uint32_t x = 0; x < n; x++, out += 3) {
        size_t left = columns[x].low * 3, right = columns[x].high * 3;
        float lerp = columns[x].lerp;
        for (size_t c = 0; c < 3; c++) {
            float tl = top[left + c], tr = top[right + c];
            float bl = bottom[left + c], br = bottom[right + c];
            float t = tl + (tr - tl) * lerp, b = bl + (br - bl) * lerp;
            out[c] = t + (b - t) * row.lerp;
        }
    }
}

void thaw_image_resize(const thaw_image *image, uint32_t out_h, uint32_t out_w, float *out)
{
    tap columns[STRIP];
    float x_scale = (float)image->width / (float)out_w, y_scale = (float)image->height / (float)out_h;
    for (uint32_t begin = 0; begin < out_w; begin += STRIP) {
        uint32_t n = out_w - begin < STRIP ? out_w - begin : STRIP;
        for (uint32_t x = 0; x < n; x++)
            columns[x] = tap_of(begin + x, image->width, x_scale);
        for (uint32_t y = 0; y < out_h; y++)
            resize_strip(image, columns, n, tap_of(y, image->height, y_scale),
                         out + ((size_t)y * out_w + begin) * 3);
    }
}
