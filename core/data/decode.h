/* decode.h: one function for each kind of image file; for this room only. Every decoder takes its data as
 * hostile: it reads nothing outside the size bytes of data, and takes memory only after the header has passed
 * thaw_image_alloc. name is for messages. On failure out is left as it was. [thread-safe] */
#ifndef THAW_DATA_DECODE_H
#define THAW_DATA_DECODE_H

#include "core/data/data.h"

/* The largest height*width*3 that is decoded, exclusive; TensorFlow's limit for JPEG. */
#define THAW_IMAGE_BYTES_MAX ((size_t)1 << 29)

thaw_status thaw_decode_jpeg(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                             thaw_error *err);
thaw_status thaw_decode_png(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err);
thaw_status thaw_decode_gif(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err);
thaw_status thaw_decode_bmp(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err);

/* Black image of that size. Errors: no pixels, too many, memory. */
thaw_status thaw_image_alloc(uint32_t width, uint32_t height, const char *name, thaw_image *out,
                             thaw_error *err);

/* THAW_E_FORMAT: "name: damaged <kind> file: <why>". */
thaw_status thaw_damaged(thaw_error *err, const char *name, const char *kind, const char *why);

static inline uint32_t thaw_le16(const uint8_t *p)
{
    return (uint32_t)p[0] | (uint32_t)p[1] << 8;
}

static inline uint32_t thaw_le32(const uint8_t *p)
{
    return thaw_le16(p) | thaw_le16(p + 2) << 16;
}

#endif
