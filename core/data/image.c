/* The picture in memory, and what all decoders say and check alike. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/decode.h"

thaw_status thaw_damaged(thaw_error *err, const char *name, const char *kind, const char *why)
{
    return thaw_fail(err, THAW_E_FORMAT, "%s: damaged %s file: %s", name, kind, why);
}

thaw_status thaw_image_alloc(uint32_t width, uint32_t height, const char *name, thaw_image *out,
                             thaw_error *err)
{
    size_t bytes;
    if (width == 0 || height == 0)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the image has no pixels (%ux%u)", name, width, height);
    if (!thaw_mul(width, height, &bytes) || !thaw_mul(bytes, 3, &bytes) || bytes >= THAW_IMAGE_BYTES_MAX)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: the image claims to have %ux%u pixels, more than the %zu that are decoded",
                         name, width, height, THAW_IMAGE_BYTES_MAX / 3);
    uint8_t *rgb = thaw_calloc(bytes, 1);
    if (!rgb)
        return thaw_fail_memory(err, bytes, name);
    out->width = width;
    out->height = height;
    out->rgb = rgb;
    return THAW_OK;
}

void thaw_image_free(thaw_image *image)
{
    free(image->rgb);
    memset(image, 0, sizeof *image);
}
