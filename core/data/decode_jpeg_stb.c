/* JPEG by stb_image, where there is no libjpeg. */
#include "core/data/decode.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

/* Outside of push and pop: the compiler finds out about unused functions at the end of the file. */
#pragma GCC diagnostic ignored "-Wunused-function"
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-parameter"
#pragma GCC diagnostic ignored "-Wsign-compare"
#pragma GCC diagnostic ignored "-Wshadow"
#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_NO_LINEAR
#define STBI_NO_HDR
#include "stb_image.h"
#pragma GCC diagnostic pop

/* The Huffman tables of one segment: stb_image 2.27 trusts their counts and writes out of bounds. */
static bool good_tables(const uint8_t *body, size_t n)
{
    while (n) {
        size_t values = 0;
        for (size_t i = 1; i <= 16 && i < n; i++)
            values += body[i];
        if (n < 17 || values > 256 || values > n - 17)
            return false;
        body += 17 + values;
        n -= 17 + values;
    }
    return true;
}

/* stb_image fills what is missing of a cut file with gray, so the end has to be looked for: walks the
 * segments and what is between them up to the marker of the end. NULL: all is well. */
static const char *check_segments(const uint8_t *data, size_t size)
{
    size_t at = 2;
    bool scanned = false;
    while (at + 2 <= size) {
        uint8_t marker = data[at + 1];
        bool data_byte =
            data[at] != 0xff || marker == 0 || marker == 0xff || (marker >= 0xd0 && marker <= 0xd7);
        if (data_byte) {
            at++;
            continue;
        }
        if (marker == 0xd9)
            return scanned ? NULL : "it has no pixels";
        size_t n = at + 4 <= size ? (size_t)data[at + 2] << 8 | data[at + 3] : 0;
        if (n < 2 || n > size - at - 2)
            break;
        if (marker == 0xc4 && !good_tables(data + at + 4, n - 2))
            return "a Huffman table makes no sense";
        scanned = scanned || marker == 0xda;
        at += 2 + n;
    }
    return "it ends too early";
}

thaw_status thaw_decode_jpeg(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                             thaw_error *err)
{
    int width = 0, height = 0, channels = 0;
    thaw_image image = {0};
    if (size > INT_MAX)
        return thaw_damaged(err, name, "JPEG", "it is too large");
    const char *why = check_segments(data, size);
    if (why)
        return thaw_damaged(err, name, "JPEG", why);
    if (!stbi_info_from_memory(data, (int)size, &width, &height, &channels) || width < 0 || height < 0)
        return thaw_damaged(err, name, "JPEG", stbi_failure_reason());
    thaw_status st = thaw_image_alloc((uint32_t)width, (uint32_t)height, name, &image, err);
    if (st != THAW_OK)
        return st;
    stbi_uc *pixels = stbi_load_from_memory(data, (int)size, &width, &height, &channels, 3);
    if (!pixels || (uint32_t)width != image.width || (uint32_t)height != image.height) {
        stbi_image_free(pixels);
        thaw_image_free(&image);
        return thaw_damaged(err, name, "JPEG", stbi_failure_reason());
    }
    memcpy(image.rgb, pixels, (size_t)width * (size_t)height * 3);
    stbi_image_free(pixels);
    *out = image;
    return THAW_OK;
}

const char *thaw_image_decoder(void)
{
    return "stb_image 2.27";
}
