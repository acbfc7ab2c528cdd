/* GIF by giflib, first frame, with TensorFlow's reading of the format: the image has the size of the frame,
 * not of the logical screen; the frame's offset moves its pixels inside that, and what falls outside is lost;
 * what is uncovered or transparent is black. */
#include "core/data/decode.h"

#include <gif_lib.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

typedef struct source {
    const uint8_t *data;
    size_t size, at;
} source;

static int on_read(GifFileType *gif, GifByteType *out, int n)
{
    source *s = gif->UserData;
    size_t left = s->size - s->at, take = n < 0 ? 0 : (size_t)n < left ? (size_t)n : left;
    memcpy(out, s->data + s->at, take);
    s->at += take;
    return (int)take;
}

/* Line of the frame that is stored as number i. */
static uint32_t stored_line(uint32_t i, uint32_t height, bool interlaced)
{
    static const uint32_t first[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
    for (uint32_t pass = 0; interlaced && pass < 4; pass++) {
        uint32_t lines = height > first[pass] ? (height - first[pass] + step[pass] - 1) / step[pass] : 0;
        if (i < lines)
            return first[pass] + i * step[pass];
        i -= lines;
    }
    return i;
}

static const char *paint(const GifFileType *gif, const uint8_t *indices, int transparent, thaw_image *image)
{
    const GifImageDesc *d = &gif->Image;
    const ColorMapObject *colors = d->ColorMap ? d->ColorMap : gif->SColorMap;
    uint32_t width = image->width, height = image->height;
    if (!colors)
        return "it has no colour table";
    for (uint32_t i = 0; i < height; i++) {
        uint32_t y = (uint32_t)d->Top + stored_line(i, height, d->Interlace);
        for (uint32_t x = 0; y < height && (uint32_t)d->Left + x < width; x++) {
            int index = indices[(size_t)i * width + x];
            if (index == transparent)
                continue;
            if (index >= colors->ColorCount)
                return "a pixel has a colour that is not in the colour table";
            const GifColorType *c = &colors->Colors[index];
            uint8_t *rgb = image->rgb + ((size_t)y * width + (uint32_t)d->Left + x) * 3;
            rgb[0] = c->Red;
            rgb[1] = c->Green;
            rgb[2] = c->Blue;
        }
    }
    return NULL;
}

/* Reads extensions up to the first frame; *transparent is set from the graphics control before it. */
static const char *find_frame(GifFileType *gif, int *transparent)
{
    for (;;) {
        GifRecordType kind;
        GifByteType *block;
        int code;
        if (DGifGetRecordType(gif, &kind) != GIF_OK)
            return GifErrorString(gif->Error);
        if (kind == TERMINATE_RECORD_TYPE)
            return "it has no image";
        if (kind == IMAGE_DESC_RECORD_TYPE)
            return DGifGetImageDesc(gif) == GIF_OK ? NULL : GifErrorString(gif->Error);
        if (DGifGetExtension(gif, &code, &block) != GIF_OK)
            return GifErrorString(gif->Error);
        GraphicsControlBlock control;
        if (code == GRAPHICS_EXT_FUNC_CODE && block &&
            DGifExtensionToGCB(block[0], block + 1, &control) == GIF_OK)
            *transparent = control.TransparentColor;
        while (block)
            if (DGifGetExtensionNext(gif, &block) != GIF_OK)
                return GifErrorString(gif->Error);
    }
}

/* Walks what follows the first frame up to the trailer, so that a cut file is noticed. */
static bool walk_rest(GifFileType *gif)
{
    for (;;) {
        GifRecordType kind;
        GifByteType *block;
        int code;
        if (DGifGetRecordType(gif, &kind) != GIF_OK)
            return false;
        if (kind == TERMINATE_RECORD_TYPE)
            return true;
        bool frame = kind == IMAGE_DESC_RECORD_TYPE;
        int ok = frame ? DGifGetImageDesc(gif) : DGifGetExtension(gif, &code, &block);
        if (ok == GIF_OK && frame)
            ok = DGifGetCode(gif, &code, &block);
        while (ok == GIF_OK && block)
            ok = frame ? DGifGetCodeNext(gif, &block) : DGifGetExtensionNext(gif, &block);
        if (ok != GIF_OK)
            return false;
    }
}

static thaw_status read_frame(GifFileType *gif, int transparent, const char *name, thaw_image *image,
                              thaw_error *err)
{
    if (gif->Image.Width < 0 || gif->Image.Height < 0 || gif->Image.Left < 0 || gif->Image.Top < 0)
        return thaw_damaged(err, name, "GIF", "its frame makes no sense");
    thaw_status st =
        thaw_image_alloc((uint32_t)gif->Image.Width, (uint32_t)gif->Image.Height, name, image, err);
    if (st != THAW_OK)
        return st;
    size_t n = (size_t)image->width * image->height;
    uint8_t *indices = thaw_calloc(n, 1);
    if (!indices)
        return thaw_fail_memory(err, n, name);
    const char *why = NULL;
    for (uint32_t i = 0; !why && i < image->height; i++)
        if (DGifGetLine(gif, indices + (size_t)i * image->width, (int)image->width) != GIF_OK)
            why = GifErrorString(gif->Error);
    if (!why)
        why = paint(gif, indices, transparent, image);
    free(indices);
    return why ? thaw_damaged(err, name, "GIF", why) : THAW_OK;
}

thaw_status thaw_decode_gif(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err)
{
    source s = {.data = data, .size = size};
    thaw_image image = {0};
    int code = 0, transparent = NO_TRANSPARENT_COLOR;
    GifFileType *gif = DGifOpen(&s, on_read, &code);
    if (!gif)
        return thaw_damaged(err, name, "GIF", code ? GifErrorString(code) : "it cannot be opened");
    const char *why = find_frame(gif, &transparent);
    thaw_status st =
        why ? thaw_damaged(err, name, "GIF", why) : read_frame(gif, transparent, name, &image, err);
    if (st == THAW_OK && !walk_rest(gif))
        st = thaw_damaged(err, name, "GIF", "it ends too early or has odd data behind its first image");
    DGifCloseFile(gif, &code);
    if (st == THAW_OK)
        *out = image;
    else
        thaw_image_free(&image);
    return st;
}
