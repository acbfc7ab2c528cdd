#include "core/model/js_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"

/* ---- a literal as JSON ------------------------------------------------------------------------- */

typedef struct rewriter {
    const char *in, *end;
    char *out;
    size_t used, capacity;
    bool exhausted; /* memory */
} rewriter;

static bool emit(rewriter *r, const char *text, size_t n)
{
    size_t need;
    if (!thaw_add(r->used, n, &need) || !thaw_grow((void **)&r->out, &r->capacity, need, 1)) {
        r->exhausted = true;
        return false;
    }
    memcpy(r->out + r->used, text, n);
    r->used = need;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '$';
}

static bool rewrite_string(rewriter *r)
{
    char quote = *r->in++;
    bool good = emit(r, "\"", 1);
    while (good && r->in < r->end && *r->in != quote) {
        if (*r->in == '\n' || *r->in == '\0')
            return false;
        if (*r->in == '"') {
            good = emit(r, "\\\"", 2);
            r->in++;
        } else if (*r->in != '\\') {
            good = emit(r, r->in++, 1);
        } else if (r->in[1] == '\'') {
            good = emit(r, "'", 1);
            r->in += 2;
        } else if (r->in[1] && strchr("\"\\/bfnrtu", r->in[1])) {
            good = emit(r, r->in, 2);
            r->in += 2;
        } else {
            return false;
        }
    }
    if (!good || r->in >= r->end)
        return false;
    r->in++;
    return emit(r, "\"", 1);
}

static bool rewrite_number(rewriter *r)
{
    bool digits = false;
    if (*r->in == '-' && !emit(r, r->in++, 1))
        return false;
    if (*r->in == '.' && !emit(r, "0", 1))
        return false;
    for (; is_digit(*r->in); digits = true)
        if (!emit(r, r->in++, 1))
            return false;
    if (*r->in == '.' && is_digit(r->in[1])) {
        do {
            if (!emit(r, r->in++, 1))
                return false;
        } while (is_digit(*r->in));
        digits = true;
    }
    if (digits && (*r->in == 'e' || *r->in == 'E')) {
        do {
            if (!emit(r, r->in++, 1))
                return false;
        } while (is_digit(*r->in) || *r->in == '-' || *r->in == '+');
    }
    return digits;
}

static bool rewrite_word(rewriter *r)
{
    const char *start = r->in;
    while (is_letter(*r->in) || is_digit(*r->in))
        r->in++;
    size_t n = (size_t)(r->in - start);
    const char *next = r->in + strspn(r->in, " \t\r\n");
    if (*next == ':')
        return emit(r, "\"", 1) && emit(r, start, n) && emit(r, "\"", 1);
    if ((n == 4 && (memcmp(start, "true", 4) == 0 || memcmp(start, "null", 4) == 0)) ||
        (n == 5 && memcmp(start, "false", 5) == 0))
        return emit(r, start, n);
    r->in = start;
    return false;
}

/* One token. False at what is no plain data. */
static bool rewrite_token(rewriter *r, int *depth)
{
    char c = *r->in;
    if (c == '"' || c == '\'')
        return rewrite_string(r);
    if (c == '-' || c == '.' || is_digit(c))
        return rewrite_number(r);
    if (is_letter(c))
        return rewrite_word(r);
    if (c == '!' && (r->in[1] == '0' || r->in[1] == '1')) {
        r->in += 2;
        return r->in[-1] == '0' ? emit(r, "true", 4) : emit(r, "false", 5);
    }
    if (!c || !strchr("[]{},: \t\r\n", c))
        return false;
    if (c == '[' || c == '{')
        ++*depth;
    if (c == ']' || c == '}')
        --*depth;
    r->in++;
    return emit(r, &c, 1);
}

/* The beginning of the value of a property, or NULL. */
static const char *find_property(const char *text, size_t size, const char *name)
{
    size_t n = strlen(name);
    const char *at = text, *end = text + size;
    while ((at = memmem(at, (size_t)(end - at), name, n))) {
        const char *p = at + n;
        if (*p == '"' || *p == '\'')
            p++;
        p += strspn(p, " \t\r\n");
        if (*p == ':') {
            p++;
            p += strspn(p, " \t\r\n");
            if (*p == '[' || *p == '{')
                return p;
        }
        at += n;
    }
    return NULL;
}

thaw_status thaw_js_property(const char *path, const char *text, size_t size, const char *name, char **json,
                             thaw_error *err)
{
    rewriter r = {.in = find_property(text, size, name), .end = text + size};
    if (!r.in)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the module has no %s with data", path, name);
    int depth = 0;
    bool good;
    do {
        good = rewrite_token(&r, &depth);
    } while (good && depth > 0);
    if (good && emit(&r, "", 1)) {
        *json = r.out;
        return THAW_OK;
    }
    free(r.out);
    if (r.exhausted)
        return thaw_fail_memory(err, r.capacity, "a module's data");
    return thaw_fail(err, THAW_E_FORMAT, "%s: byte %zu: %s holds something that is not plain data", path,
                     (size_t)(r.in - text), name);
}

/* ---- base64 ------------------------------------------------------------------------------------ */

static bool longest_string(char *text, size_t size, char **start, size_t *length)
{
    char *at = text, *end = text + size;
    *length = 0;
    while (at < end) {
        if (*at != '"' && *at != '\'') {
            at++;
            continue;
        }
        char *close = memchr(at + 1, *at, (size_t)(end - at - 1));
        if (!close)
            break;
        if ((size_t)(close - at - 1) > *length) {
            *start = at + 1;
            *length = (size_t)(close - at - 1);
        }
        at = close + 1;
    }
    return *length > 0;
}

static void make_digits(uint8_t digits[256])
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    memset(digits, 0xFF, 256);
    for (uint8_t i = 0; i < 64; i++)
        digits[(uint8_t)alphabet[i]] = i;
}

thaw_status thaw_js_base64(const char *path, char *text, size_t size, unsigned char **bytes, size_t *n,
                           thaw_error *err)
{
    char *s = NULL;
    size_t length = 0, out = 0;
    if (!longest_string(text, size, &s, &length) || length % 4 != 0)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: the module has no text of whole base64 groups; it is cut "
                         "short or no weight shard",
                         path);
    size_t padding = s[length - 1] != '=' ? 0 : s[length - 2] != '=' ? 1 : 2;
    uint8_t digits[256];
    make_digits(digits);
    *bytes = (unsigned char *)s;
    for (size_t i = 0; i < length; i += 4) {
        uint32_t group = 0;
        for (size_t j = 0; j < 4; j++) {
            bool pad = i + j >= length - padding;
            uint8_t d = pad ? 0 : digits[(uint8_t)s[i + j]];
            if (d == 0xFF)
                return thaw_fail(err, THAW_E_FORMAT, "%s: byte %zu is not base64", path,
                                 (size_t)(s - text) + i + j);
            group = group << 6 | d;
        }
        (*bytes)[out++] = (unsigned char)(group >> 16);
        (*bytes)[out++] = (unsigned char)(group >> 8);
        (*bytes)[out++] = (unsigned char)group;
    }
    *n = out - padding;
    return THAW_OK;
}
