#include "core/data/decode.h"

#include <string.h>

static bool starts_with(const uint8_t *data, size_t size, const char *magic, size_t n)
{
    return size >= n && memcmp(data, magic, n) == 0;
}

thaw_status thaw_image_decode(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                              thaw_error *err)
{
    memset(out, 0, sizeof *out);
    if (size == 0)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the file is empty", name);
    if (starts_with(data, size, "\xff\xd8\xff", 3))
        return thaw_decode_jpeg(data, size, name, out, err);
    if (starts_with(data, size, "\x89PNG\r\n\x1a\n", 8))
        return thaw_decode_png(data, size, name, out, err);
    if (starts_with(data, size, "GIF8", 4))
        return thaw_decode_gif(data, size, name, out, err);
    if (starts_with(data, size, "BM", 2))
        return thaw_decode_bmp(data, size, name, out, err);
    return thaw_fail(err, THAW_E_FORMAT, "%s: this is no JPEG, PNG, GIF or BMP file, whatever its name says",
                     name);
}
