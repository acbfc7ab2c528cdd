/* utf8.h: is a text UTF-8. Internal to core/model. */
#ifndef THAW_MODEL_UTF8_H
#define THAW_MODEL_UTF8_H

#include <stddef.h>
#include <stdbool.h>

/* Length of the longest well-formed UTF-8 beginning (RFC 3629: no surrogates, nothing overlong, nothing
 * above U+10FFFF); equal to size if all of it is. A zero byte is a character. */
size_t thaw_utf8_span(const char *text, size_t size);

#endif
