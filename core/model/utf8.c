#include "core/model/utf8.h"

#include <stdint.h>

/* Bytes of the character at s, 0 if it is malformed. left is at least 1. */
static size_t character(const unsigned char *s, size_t left)
{
    if (s[0] < 0x80)
        return 1;
    size_t n = s[0] >= 0xF0 ? 4 : s[0] >= 0xE0 ? 3 : 2;
    if (s[0] < 0xC2 || s[0] > 0xF4 || n > left)
        return 0;
    uint32_t code = s[0] & (0xFFu >> (n + 1));
    for (size_t i = 1; i < n; i++) {
        if ((s[i] & 0xC0) != 0x80)
            return 0;
        code = code << 6 | (s[i] & 0x3Fu);
    }
    static const uint32_t least[5] = {0, 0, 0x80, 0x800, 0x10000};
    if (code < least[n] || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return 0;
    return n;
}

size_t thaw_utf8_span(const char *text, size_t size)
{
    size_t i = 0;
    while (i < size) {
        size_t n = character((const unsigned char *)text + i, size - i);
        if (n == 0)
            break;
        i += n;
    }
    return i;
}
