#include <math.h>
#include <stdlib.h>

#include "core/base/file.h"
#include "core/data/data.h"

/* A photo of the largest size that is decoded is smaller than this in any sensible encoding. */
#define FILE_BYTES_MAX ((size_t)1 << 30)

/* Keras divides by 127.5 or 255, and its quotients are not the products with the reciprocal. In f32 the
 * reciprocal of the reciprocal is not exact either, so it is rounded to a half. */
static float divisor_of(float scale)
{
    return (float)(round(2.0 / (double)scale) / 2.0);
}

static void scale_pixels(const thaw_preprocess *pre, float *v, size_t n)
{
    const float divisor = divisor_of(pre->scale);
    if (pre->divide)
        for (size_t i = 0; i < n; i++)
            v[i] = v[i] / divisor + pre->shift;
    else
        for (size_t i = 0; i < n; i++)
            v[i] = v[i] * pre->scale + pre->shift;
}

thaw_status thaw_image_prepare(const char *path, const thaw_preprocess *pre, float *out, char hash[33],
                               thaw_error *err)
{
    uint8_t *data = NULL;
    size_t size = 0;
    thaw_image image = {0};
    thaw_status st = thaw_read_file(path, FILE_BYTES_MAX, &data, &size, err);
    if (st == THAW_OK)
        st = thaw_image_decode(data, size, path, &image, err);
    if (st == THAW_OK) {
        thaw_image_resize(&image, pre->input_size, pre->input_size, out);
        scale_pixels(pre, out, (size_t)pre->input_size * pre->input_size * 3);
        if (hash)
            thaw_hash_hex(data, size, hash);
    }
    thaw_image_free(&image);
    free(data);
    return st;
}
