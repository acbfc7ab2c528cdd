/* BMP: uncompressed, 1, 4, 8, 24 or 32 bits a pixel. Alpha is dropped. */
#include "core/data/decode.h"

#include <stdlib.h>

#define FILE_HEADER 14u

typedef struct bmp {
    uint32_t header; /* bytes of the second header: 12 for the oldest form, 40 or more else */
    uint32_t width, height;
    bool top_down;
    uint32_t bits;
    size_t offset;         /* of the pixels */
    const uint8_t *colors; /* palette, BGR each color_bytes */
    size_t n_colors, color_bytes;
    uint32_t byte_of[3]; /* where red, green and blue lie in a pixel of 24 or 32 bits */
} bmp;

/* The byte that a mask of eight ones selects, or 4. */
static uint32_t byte_of_mask(uint32_t mask)
{
    for (uint32_t b = 0; b < 4; b++)
        if (mask == 0xffu << (8 * b))
            return b;
    return 4;
}

static const char *read_masks(const uint8_t *data, size_t size, bmp *b)
{
    if (b->bits != 32 || size < FILE_HEADER + 52)
        return "its colour masks are of a kind that is not supported; save it as PNG";
    for (uint32_t c = 0; c < 3; c++) {
        b->byte_of[c] = byte_of_mask(thaw_le32(data + FILE_HEADER + 40 + 4 * c));
        if (b->byte_of[c] > 3)
            return "its colour masks are of a kind that is not supported; save it as PNG";
    }
    return NULL;
}

static const char *read_dimensions(const uint8_t *data, size_t size, bmp *b)
{
    const uint8_t *h = data + FILE_HEADER;
    if (size < FILE_HEADER + 12 || size < FILE_HEADER + (b->header < 40 ? 12u : 40u))
        return "it ends too early";
    if (b->header == 12) {
        b->width = thaw_le16(h + 4);
        b->height = thaw_le16(h + 6);
        b->bits = thaw_le16(h + 10);
        return NULL;
    }
    uint32_t height = thaw_le32(h + 8);
    b->width = thaw_le32(h + 4);
    b->top_down = height >> 31;
    b->height = b->top_down ? 0u - height : height;
    b->bits = thaw_le16(h + 14);
    uint32_t compression = thaw_le32(h + 16);
    if (compression == 3)
        return read_masks(data, size, b);
    return compression == 0 ? NULL : "it is compressed, which is not supported; save it as PNG";
}

static const char *read_palette(const uint8_t *data, bmp *b)
{
    size_t begin = FILE_HEADER + (size_t)b->header;
    b->color_bytes = b->header == 12 ? 3 : 4;
    b->n_colors = (b->offset - begin) / b->color_bytes;
    if (b->n_colors > 256)
        b->n_colors = 256;
    b->colors = data + begin;
    return b->n_colors ? NULL : "it has no colour table";
}

static const char *read_header(const uint8_t *data, size_t size, bmp *b)
{
    *b = (bmp){.byte_of = {2, 1, 0}};
    if (size < FILE_HEADER + 4)
        return "it ends too early";
    b->offset = thaw_le32(data + 10);
    b->header = thaw_le32(data + FILE_HEADER);
    if (b->header != 12 && (b->header < 40 || b->header > 4096))
        return "its header has an unknown form";
    const char *why = read_dimensions(data, size, b);
    if (why)
        return why;
    if (b->offset < FILE_HEADER + b->header || b->offset > size)
        return "its pixels lie outside the file";
    if (b->bits == 1 || b->bits == 4 || b->bits == 8)
        return read_palette(data, b);
    return b->bits == 24 || b->bits == 32 ? NULL
                                          : "its number of bits a pixel is not supported; save it as PNG";
}

static void unpack_row(const bmp *b, const uint8_t *row, uint8_t *rgb)
{
    size_t step = b->bits / 8;
    for (size_t x = 0; x < b->width; x++, rgb += 3) {
        if (b->bits > 8) {
            for (size_t c = 0; c < 3; c++)
                rgb[c] = row[x * step + b->byte_of[c]];
            continue;
        }
        size_t bit = x * b->bits;
        size_t index = row[bit / 8] >> (8 - b->bits - bit % 8) & ((1u << b->bits) - 1);
        if (index >= b->n_colors)
            continue; /* black, as for an index outside the palette of a PNG file */
        for (size_t c = 0; c < 3; c++)
            rgb[c] = b->colors[index * b->color_bytes + 2 - c];
    }
}

thaw_status thaw_decode_bmp(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err)
{
    bmp b;
    const char *why = read_header(data, size, &b);
    if (why)
        return thaw_damaged(err, name, "BMP", why);
    /* width < 2^32 and bits <= 32: no overflow in 64 bits. */
    uint64_t pitch = ((uint64_t)b.width * b.bits + 31) / 32 * 4;
    if (b.height && pitch > (size - b.offset) / b.height)
        return thaw_damaged(err, name, "BMP", "it ends too early");
    thaw_image image;
    thaw_status st = thaw_image_alloc(b.width, b.height, name, &image, err);
    if (st != THAW_OK)
        return st;
    for (uint32_t y = 0; y < b.height; y++) {
        uint32_t line = b.top_down ? y : b.height - 1 - y;
        unpack_row(&b, data + b.offset + (size_t)pitch * y, image.rgb + (size_t)line * b.width * 3);
    }
    *out = image;
    return THAW_OK;
}
