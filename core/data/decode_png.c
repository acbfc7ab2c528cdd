/* PNG (W3C Recommendation, second edition, 2003), read as TensorFlow does by libpng: alpha and tRNS dropped
 * and not composited, 16 bits cut to the high byte, gray and palettes expanded, no gamma. Chunks that matter
 * must have their checksum right, and the end chunk must be there. */
#include "core/data/decode.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

enum { GRAY = 0, RGB = 2, PALETTE = 3, GRAY_ALPHA = 4, RGB_ALPHA = 6 };

static const char ends_early[] = "it ends too early";

typedef struct png {
    const uint8_t *data;
    size_t size;
    uint32_t width, height;
    uint32_t depth, color, bits; /* of a sample, kind, of a pixel */
    bool interlaced;
    uint8_t palette[256][3]; /* what the file leaves out is black */
    bool have_palette;
    size_t packed_bytes; /* of all IDAT chunks */
    uint8_t *packed;     /* owned */
    uint8_t *rows;       /* owned; unpacked, each row behind its filter byte */
    size_t rows_bytes;
} png;

typedef struct chunk {
    const uint8_t *type, *body;
    uint32_t bytes;
} chunk;

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
    static const uint32_t table[16] = {0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4,
                                       0x4db26158, 0x5005713c, 0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c,
                                       0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c};
    uint32_t c = 0xffffffffu;
    for (size_t i = 0; i < n; i++) {
        c ^= p[i];
        c = table[c & 15] ^ c >> 4;
        c = table[c & 15] ^ c >> 4;
    }
    return ~c;
}

static bool is_type(const chunk *c, const char *type)
{
    return memcmp(c->type, type, 4) == 0;
}

/* The chunk at *at, which moves behind it. A checksum counts only where the chunk does. */
static const char *next_chunk(const png *p, size_t *at, chunk *c)
{
    size_t left = p->size - *at;
    if (left < 12)
        return ends_early;
    c->bytes = thaw_be32(p->data + *at);
    c->type = p->data + *at + 4;
    c->body = c->type + 4;
    if (c->bytes > left - 12)
        return ends_early;
    bool ancillary = c->type[0] & 0x20;
    if (!ancillary && crc32_of(c->type, (size_t)c->bytes + 4) != thaw_be32(c->body + c->bytes))
        return "a checksum is wrong";
    *at += (size_t)c->bytes + 12;
    return NULL;
}

static const char *read_ihdr(png *p, const chunk *c)
{
    static const uint8_t samples[7] = {1, 0, 3, 1, 2, 0, 4};
    if (!is_type(c, "IHDR") || c->bytes != 13)
        return "it does not begin with a header";
    p->width = thaw_be32(c->body);
    p->height = thaw_be32(c->body + 4);
    p->depth = c->body[8];
    p->color = c->body[9];
    p->interlaced = c->body[12] == 1;
    if (p->color > 6 || !samples[p->color] || c->body[10] != 0 || c->body[11] != 0 || c->body[12] > 1)
        return "its header makes no sense";
    bool small = p->depth == 1 || p->depth == 2 || p->depth == 4;
    bool fits = p->depth == 8 || (small && (p->color == GRAY || p->color == PALETTE)) ||
                (p->depth == 16 && p->color != PALETTE);
    if (!fits)
        return "its bit depth makes no sense";
    p->bits = p->depth * samples[p->color];
    return NULL;
}

static const char *read_plte(png *p, const chunk *c)
{
    if (c->bytes == 0 || c->bytes % 3 != 0 || c->bytes > sizeof p->palette)
        return "its palette makes no sense";
    memcpy(p->palette, c->body, c->bytes);
    p->have_palette = true;
    return NULL;
}

/* First pass over the chunks: header, palette, how many bytes of pixels there are, end. */
static const char *survey(png *p, size_t *first_idat)
{
    size_t at = 8;
    chunk c;
    const char *why = next_chunk(p, &at, &c);
    if (!why)
        why = read_ihdr(p, &c);
    bool in_idat = false;
    while (!why) {
        size_t begin = at;
        why = next_chunk(p, &at, &c);
        if (why || is_type(&c, "IEND"))
            break;
        bool idat = is_type(&c, "IDAT");
        if (idat && !in_idat && p->packed_bytes)
            return "its pixels are not in one piece";
        if (idat && !p->packed_bytes)
            *first_idat = begin;
        if (idat)
            p->packed_bytes += c.bytes;
        else if (is_type(&c, "PLTE") && p->color == PALETTE && !p->packed_bytes)
            why = read_plte(p, &c);
        else if (!is_type(&c, "PLTE") && !(c.type[0] & 0x20))
            why = "it has a chunk of an unknown kind";
        in_idat = idat;
    }
    if (!why && !p->packed_bytes)
        why = "it has no pixels";
    if (!why && p->color == PALETTE && !p->have_palette)
        why = "it has no palette";
    return why;
}

/* Second pass: the bodies of the IDAT chunks, one behind the other. survey has checked them. */
static void gather(png *p, size_t at)
{
    size_t have = 0;
    while (have < p->packed_bytes) {
        size_t n = thaw_be32(p->data + at);
        memcpy(p->packed + have, p->data + at + 8, n);
        have += n;
        at += n + 12;
    }
}

/* Adam7: pass i has the pixels from (x0, y0) on in steps (dx, dy). Without interlace there is one pass. */
typedef struct pass {
    uint32_t x0, y0, dx, dy;
    uint32_t width, height;
    size_t row_bytes; /* without the filter byte */
} pass;

#define MAX_PASSES 7u

static uint32_t plan_passes(const png *p, pass passes[MAX_PASSES])
{
    static const uint8_t adam7[MAX_PASSES][4] = {{0, 0, 8, 8}, {4, 0, 8, 8}, {0, 4, 4, 8}, {2, 0, 4, 4},
                                                 {0, 2, 2, 4}, {1, 0, 2, 2}, {0, 1, 1, 2}};
    uint32_t n = p->interlaced ? MAX_PASSES : 1;
    for (uint32_t i = 0; i < n; i++) {
        pass *s = &passes[i];
        *s = (pass){.dx = 1, .dy = 1};
        if (p->interlaced)
            *s = (pass){.x0 = adam7[i][0], .y0 = adam7[i][1], .dx = adam7[i][2], .dy = adam7[i][3]};
        s->width = p->width > s->x0 ? (p->width - s->x0 + s->dx - 1) / s->dx : 0;
        s->height = p->height > s->y0 ? (p->height - s->y0 + s->dy - 1) / s->dy : 0;
        s->row_bytes = ((size_t)s->width * p->bits + 7) / 8;
        if (s->width == 0)
            s->height = 0;
    }
    return n;
}

static uint8_t paeth(uint8_t left, uint8_t up, uint8_t up_left)
{
    int a = left, b = up, c = up_left;
    int pa = abs(b - c), pb = abs(a - c), pc = abs(a + b - 2 * c);
    if (pa <= pb && pa <= pc)
        return left;
    return pb <= pc ? up : up_left;
}

static void add_left(uint8_t *row, size_t n, size_t step)
{
    for (size_t i = step; i < n; i++)
        row[i] = (uint8_t)(row[i] + row[i - step]);
}

static void add_above(uint8_t *row, const uint8_t *above, size_t n)
{
    for (size_t i = 0; i < n; i++)
        row[i] = (uint8_t)(row[i] + above[i]);
}

static void add_average(uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    for (size_t i = 0; i < n; i++) {
        int sum = (i >= step ? row[i - step] : 0) + (above ? above[i] : 0);
        row[i] = (uint8_t)(row[i] + sum / 2);
    }
}

static void add_paeth(uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    for (size_t i = 0; i < n && i < step; i++)
        row[i] = (uint8_t)(row[i] + above[i]);
    for (size_t i = step; i < n; i++)
        row[i] = (uint8_t)(row[i] + paeth(row[i - step], above[i], above[i - step]));
}

/* Undoes the filter of one row in place; above is NULL for the first row of a pass, which counts as zeros.
 * False: unknown filter. */
static bool unfilter(uint8_t filter, uint8_t *row, const uint8_t *above, size_t n, size_t step)
{
    switch (filter) {
    case 0:
        return true;
    case 1:
        add_left(row, n, step);
        return true;
    case 2:
        if (above)
            add_above(row, above, n);
        return true;
    case 3:
        add_average(row, above, n, step);
        return true;
    case 4:
        if (above)
            add_paeth(row, above, n, step);
        else
            add_left(row, n, step);
        return true;
    default:
        return false;
    }
}

/* One row to RGB, pixels dx apart in rgb. */
static void expand(const png *p, const uint8_t *row, uint32_t width, uint32_t dx, uint8_t *rgb)
{
    size_t step = p->bits / 8, sample = p->depth / 8, apart = (size_t)dx * 3;
    bool colored = p->color == RGB || p->color == RGB_ALPHA;
    for (size_t x = 0; x < width; x++, rgb += apart) {
        if (p->depth >= 8 && p->color != PALETTE) {
            const uint8_t *v = row + x * step;
            rgb[0] = v[0];
            rgb[1] = v[colored ? sample : 0];
            rgb[2] = v[colored ? 2 * sample : 0];
            continue;
        }
        size_t bit = x * p->depth;
        uint32_t max = (1u << p->depth) - 1;
        uint32_t v = (uint32_t)row[bit / 8] >> (8 - p->depth - bit % 8) & max;
        if (p->color == PALETTE)
            memcpy(rgb, p->palette[v], 3);
        else
            memset(rgb, (int)(v * 255 / max), 3);
    }
}

static const char *paint(const png *p, const pass *passes, uint32_t n, thaw_image *image)
{
    uint8_t *at = p->rows;
    for (uint32_t i = 0; i < n; i++) {
        const pass *s = &passes[i];
        const uint8_t *above = NULL;
        for (uint32_t y = 0; y < s->height; y++) {
            uint8_t *row = at + 1;
            if (!unfilter(*at, row, above, s->row_bytes, p->bits < 8 ? 1 : p->bits / 8))
                return "a row has an unknown filter";
            size_t line = (size_t)s->y0 + (size_t)y * s->dy;
            expand(p, row, s->width, s->dx, image->rgb + (line * p->width + s->x0) * 3);
            above = row;
            at = row + s->row_bytes;
        }
    }
    return NULL;
}

static thaw_status unpack(png *p, size_t first_idat, const char *name, thaw_image *image, thaw_error *err)
{
    pass passes[MAX_PASSES];
    uint32_t n = plan_passes(p, passes);
    for (uint32_t i = 0; i < n; i++)
        p->rows_bytes += (passes[i].row_bytes + 1) * passes[i].height;
    /* No deflate stream unpacks to more than 1032 times its size: a short file cannot claim much. */
    if (p->rows_bytes / 1032 > p->packed_bytes)
        return thaw_damaged(err, name, "PNG", "its pixels are fewer than its header says");
    p->packed = malloc(p->packed_bytes);
    p->rows = thaw_calloc(p->rows_bytes, 1);
    if (!p->packed || !p->rows)
        return thaw_fail_memory(err, p->packed_bytes + p->rows_bytes, name);
    gather(p, first_idat);
    if (!thaw_inflate(p->packed, p->packed_bytes, p->rows, p->rows_bytes))
        return thaw_damaged(err, name, "PNG", "its pixels cannot be unpacked");
    const char *why = paint(p, passes, n, image);
    return why ? thaw_damaged(err, name, "PNG", why) : THAW_OK;
}

thaw_status thaw_decode_png(const uint8_t *data, size_t size, const char *name, thaw_image *out,
                            thaw_error *err)
{
    png p = {.data = data, .size = size};
    thaw_image image = {0};
    size_t first_idat = 0;
    const char *why = survey(&p, &first_idat);
    if (why)
        return thaw_damaged(err, name, "PNG", why);
    thaw_status st = thaw_image_alloc(p.width, p.height, name, &image, err);
    if (st == THAW_OK)
        st = unpack(&p, first_idat, name, &image, err);
    free(p.packed);
    free(p.rows);
    if (st == THAW_OK)
        *out = image;
    else
        thaw_image_free(&image);
    return st;
}
