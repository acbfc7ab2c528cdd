/* GIF, first frame, with TensorFlow's reading of the format: the image has the size of the frame, not of the
 * logical screen; the frame's offset moves its pixels inside that, and what falls outside is lost; what is
 * uncovered or transparent is black. The rest of the file is walked, so that a cut one is noticed. */
#include "core/data/decode.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

#define MAX_CODES 4096u

static const char ends_early[] = "it ends too early";

typedef struct gif {
    const uint8_t *data;
    size_t size, at;
    const uint8_t *colors; /* of the frame or, failing that, of the screen */
    size_t n_colors;
    int transparent; /* index, or -1 */
    bool have_control;
    uint32_t left, top, width, height;
    bool interlaced;
} gif;

/* n bytes that follow, or NULL. */
static const uint8_t *take(gif *g, size_t n)
{
    if (n > g->size - g->at)
        return NULL;
    const uint8_t *p = g->data + g->at;
    g->at += n;
    return p;
}

static bool take_colors(gif *g, uint8_t flags)
{
    if (!(flags & 0x80))
        return true;
    g->n_colors = (size_t)2 << (flags & 7);
    g->colors = take(g, g->n_colors * 3);
    return g->colors != NULL;
}

static bool skip_blocks(gif *g)
{
    for (;;) {
        const uint8_t *n = take(g, 1);
        if (!n || !take(g, *n))
            return false;
        if (*n == 0)
            return true;
    }
}

static bool read_extension(gif *g)
{
    const uint8_t *label = take(g, 1);
    if (!label)
        return false;
    if (*label == 0xf9 && !g->have_control && g->size - g->at >= 5 && g->data[g->at] == 4) {
        const uint8_t *block = g->data + g->at;
        g->have_control = true;
        g->transparent = block[1] & 1 ? block[4] : -1;
    }
    return skip_blocks(g);
}

/* The codes of one frame: bits, low ones first, across the data blocks. */
typedef struct bit_reader {
    gif *g;
    size_t block; /* bytes left in the block at hand */
    uint32_t bits, n;
    bool ended; /* by the empty block */
} bit_reader;

static bool read_code(bit_reader *r, uint32_t size, uint32_t *code)
{
    while (r->n < size) {
        if (r->block == 0) {
            const uint8_t *n = r->ended ? NULL : take(r->g, 1);
            r->ended = r->ended || (n && *n == 0);
            if (!n || r->ended)
                return false;
            r->block = *n;
        }
        const uint8_t *byte = take(r->g, 1);
        if (!byte)
            return false;
        r->block--;
        r->bits |= (uint32_t)*byte << r->n;
        r->n += 8;
    }
    *code = r->bits & ((1u << size) - 1);
    r->bits >>= size;
    r->n -= size;
    return true;
}

typedef struct lzw {
    uint16_t prefix[MAX_CODES];
    uint16_t length[MAX_CODES];
    uint8_t first[MAX_CODES], last[MAX_CODES];
} lzw;

/* Writes the string of a code to out, at most room bytes of it; returns how many. */
static size_t put_string(const lzw *t, uint32_t code, uint8_t *out, size_t room)
{
    size_t n = t->length[code];
    for (size_t i = n; i-- > 0; code = t->prefix[code])
        if (i < room)
            out[i] = t->last[code];
    return n < room ? n : room;
}

static void add_string(lzw *t, uint32_t code, uint32_t prefix, uint8_t last)
{
    t->prefix[code] = (uint16_t)prefix;
    t->length[code] = (uint16_t)(t->length[prefix] + 1);
    t->first[code] = t->first[prefix];
    t->last[code] = last;
}

static const char *unpack(lzw *t, bit_reader *r, uint32_t min_size, uint8_t *out, size_t n)
{
    const uint32_t clear = 1u << min_size, none = MAX_CODES;
    uint32_t next = clear + 2, size = min_size + 1, previous = none, code;
    for (uint32_t c = 0; c < clear; c++) {
        t->length[c] = 1;
        t->first[c] = t->last[c] = (uint8_t)c;
    }
    size_t have = 0;
    while (have < n) {
        if (!read_code(r, size, &code) || code == clear + 1)
            return ends_early;
        if (code == clear) {
            next = clear + 2;
            size = min_size + 1;
            previous = none;
            continue;
        }
        bool fresh = code == next && next < MAX_CODES && previous != none;
        if (!fresh && code >= next)
            return "its pixels make no sense";
        if (previous != none && next < MAX_CODES) {
            add_string(t, next, previous, t->first[fresh ? previous : code]);
            next++;
            if (next == 1u << size && size < 12)
                size++;
        }
        have += put_string(t, code, out + have, n - have);
        previous = code;
    }
    return NULL;
}

static const char *read_pixels(gif *g, uint8_t *indices)
{
    const uint8_t *min_size = take(g, 1);
    if (!min_size)
        return ends_early;
    if (*min_size < 1 || *min_size > 8)
        return "its code size makes no sense";
    lzw *table = calloc(1, sizeof *table);
    if (!table)
        return "there is no memory for its table";
    bit_reader reader = {.g = g};
    const char *why = unpack(table, &reader, *min_size, indices, (size_t)g->width * g->height);
    free(table);
    if (why)
        return why;
    if (!take(g, reader.block) || (!reader.ended && !skip_blocks(g)))
        return ends_early;
    return NULL;
}

/* Line of the frame that is stored as number i. */
static uint32_t interlaced_line(uint32_t i, uint32_t height)
{
    static const uint32_t first[4] = {0, 4, 2, 1}, step[4] = {8, 8, 4, 2};
    for (uint32_t pass = 0; pass < 4; pass++) {
        uint32_t lines = height > first[pass] ? (height - first[pass] + step[pass] - 1) / step[pass] : 0;
        if (i < lines)
            return first[pass] + i * step[pass];
        i -= lines;
    }
    return 0;
}

static const char *paint(const gif *g, const uint8_t *indices, thaw_image *image)
{
    for (uint32_t i = 0; i < g->height; i++) {
        uint32_t y = g->top + (g->interlaced ? interlaced_line(i, g->height) : i);
        if (y >= g->height)
            continue;
        for (uint32_t x = 0; g->left + x < g->width; x++) {
            uint8_t index = indices[(size_t)i * g->width + x];
            if (index == g->transparent)
                continue;
            if (index >= g->n_colors)
                return "a pixel has a colour that is not in the colour table";
            memcpy(image->rgb + ((size_t)y * g->width + g->left + x) * 3, g->colors + (size_t)index * 3, 3);
        }
    }
    return NULL;
}

static thaw_status read_frame(gif *g, const char *name, thaw_image *image, thaw_error *err)
{
    const uint8_t *d = take(g, 9);
    if (!d || !take_colors(g, d[8]))
        return thaw_damaged(err, name, "GIF", ends_early);
    g->left = thaw_le16(d);
    g->top = thaw_le16(d + 2);
    g->width = thaw_le16(d + 4);
    g->height = thaw_le16(d + 6);
    g->interlaced = d[8] & 0x40;
    if (!g->colors)
        return thaw_damaged(err, name, "GIF", "it has no colour table");
    thaw_status st = thaw_image_alloc(g->width, g->height, name, image, err);
    if (st != THAW_OK)
        return st;
    size_t n = (size_t)g->width * g->height;
    uint8_t *indices = thaw_calloc(n, 1);
    if (!indices)
        return thaw_fail_memory(err, n, name);
    const char *why = read_pixels(g, indices);
    if (!why)
        why = paint(g, indices, image);
    free(indices);
    return why ? thaw_damaged(err, name, "GIF", why) : THAW_OK;
}

/* Walks what follows the first frame up to the trailer. */
static bool walk_rest(gif *g)
{
    for (;;) {
        const uint8_t *kind = take(g, 1);
        if (!kind)
            return false;
        if (*kind == 0x3b)
            return true;
        if (*kind == 0x21) {
            if (!read_extension(g))
                return false;
            continue;
        }
        const uint8_t *d = *kind == 0x2c ? take(g, 9) : NULL;
        if (!d || !take_colors(g, d[8]) || !take(g, 1) || !skip_blocks(g))
            return false;
    }
}

static thaw_status read_first(gif *g, const char *name, thaw_image *image, thaw_error *err)
{
    const uint8_t *screen = take(g, 13);
    if (!screen || !take_colors(g, screen[10]))
        return thaw_damaged(err, name, "GIF", ends_early);
    for (;;) {
        const uint8_t *kind = take(g, 1);
        if (!kind)
            return thaw_damaged(err, name, "GIF", ends_early);
        if (*kind == 0x3b)
            return thaw_damaged(err, name, "GIF", "it has no image");
        if (*kind == 0x2c)
            return read_frame(g, name, image, err);
        if (*kind != 0x21)
            return thaw_damaged(err, name, "GIF", "it has a block of an unknown kind");
        if (!read_extension(g))
            return thaw_damaged(err, name, "GIF", ends_early);
    }
}

thaw_status thaw_decode_gif(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err)
{
    gif g = {.data = data, .size = size, .transparent = -1};
    thaw_image image = {0};
    thaw_status st = read_first(&g, name, &image, err);
    if (st == THAW_OK && !walk_rest(&g))
        st = thaw_damaged(err, name, "GIF", "it ends too early or has odd data behind its first image");
    if (st == THAW_OK)
        *out = image;
    else
        thaw_image_free(&image);
    return st;
}
