/* PNG by libpng, as TensorFlow reads it: alpha and tRNS dropped and not composited, 16 bits cut to the high
 * byte, gray and palettes expanded, no gamma. */
#include "core/data/decode.h"

#include <png.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* What libpng's callbacks and the code around the jump share. */
typedef struct reader {
    const uint8_t *data;
    size_t size, at;
    char why[96];
    thaw_image image;
    uint8_t **rows; /* into image */
} reader;

static void on_error(png_structp png, png_const_charp message)
{
    reader *r = png_get_error_ptr(png);
    snprintf(r->why, sizeof r->why, "%s", message);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp message)
{
    (void)png;
    (void)message; /* oddities of chunks that do not touch the pixels */
}

static void on_read(png_structp png, png_bytep out, png_size_t n)
{
    reader *r = png_get_io_ptr(png);
    if (n > r->size - r->at)
        png_error(png, "it ends too early");
    memcpy(out, r->data + r->at, n);
    r->at += n;
}

static void to_rgb8(png_structp png, png_infop info)
{
    png_byte color = png_get_color_type(png, info);
    if (color == PNG_COLOR_TYPE_PALETTE)
        png_set_palette_to_rgb(png);
    if (color == PNG_COLOR_TYPE_GRAY || color == PNG_COLOR_TYPE_GRAY_ALPHA) {
        if (png_get_bit_depth(png, info) < 8)
            png_set_expand_gray_1_2_4_to_8(png);
        png_set_gray_to_rgb(png);
    }
    png_set_strip_16(png);
    png_set_strip_alpha(png);
    png_set_interlace_handling(png);
    png_read_update_info(png, info);
}

/* Everything that may jump. Not inlined, so that no variable of the caller lives in a register across it. */
static __attribute__((noinline)) thaw_status read_all(png_structp png, png_infop info, reader *r,
                                                      const char *name, thaw_error *err)
{
    if (setjmp(png_jmpbuf(png)))
        return thaw_damaged(err, name, "PNG", r->why);
    png_read_info(png, info);
    png_uint_32 width = png_get_image_width(png, info), height = png_get_image_height(png, info);
    to_rgb8(png, info);
    /* No deflate stream unpacks to more than 1032 times its size: a short file cannot claim much. */
    if ((uint64_t)width * height / 8 / 1032 > r->size)
        png_error(png, "its pixels are fewer than its header says");
    thaw_status st = thaw_image_alloc(width, height, name, &r->image, err);
    if (st != THAW_OK)
        return st;
    if (png_get_rowbytes(png, info) != (size_t)width * 3)
        png_error(png, "its pixels are of an unknown kind");
    r->rows = thaw_calloc(height, sizeof *r->rows);
    if (!r->rows)
        return thaw_fail_memory(err, height * sizeof *r->rows, name);
    for (png_uint_32 y = 0; y < height; y++)
        r->rows[y] = r->image.rgb + (size_t)y * width * 3;
    png_read_image(png, r->rows);
    png_read_end(png, NULL);
    return THAW_OK;
}

thaw_status thaw_decode_png(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err)
{
    reader r = {.data = data, .size = size};
    png_structp png = png_create_read_struct(PNG_LIBPNG_VER_STRING, &r, on_error, on_warning);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    thaw_status st = info ? THAW_OK : thaw_fail_memory(err, size, name);
    if (st == THAW_OK) {
        png_set_read_fn(png, &r, on_read);
        st = read_all(png, info, &r, name, err);
    }
    png_destroy_read_struct(&png, &info, NULL);
    free(r.rows);
    if (st == THAW_OK)
        *out = r.image;
    else
        thaw_image_free(&r.image);
    return st;
}
