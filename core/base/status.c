#include "core/base/status.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

/* A cut must not leave half a UTF-8 character at the end. */
static void trim_partial_character(char *text, size_t cap)
{
    size_t n = strlen(text);
    if (n + 1 < cap)
        return;
    size_t start = n;
    while (start > 0 && ((unsigned char)text[start - 1] & 0xC0) == 0x80)
        start--;
    if (start > 0 && (unsigned char)text[start - 1] >= 0xC0)
        text[start - 1] = '\0';
}

static void set_text(thaw_error *err, thaw_status status, int32_t native, const char *text)
{
    err->status = status;
    err->native = native;
    size_t n = strnlen(text, sizeof err->text - 1);
    memcpy(err->text, text, n);
    err->text[n] = '\0';
    trim_partial_character(err->text, sizeof err->text);
}

thaw_status thaw_fail(thaw_error *err, thaw_status status, const char *format, ...)
{
    if (err) {
        char text[sizeof err->text];
        va_list args;
        va_start(args, format);
        vsnprintf(text, sizeof text, format, args);
        va_end(args);
        set_text(err, status, 0, text);
    }
    return status;
}

thaw_status thaw_fail_errno(thaw_error *err, int errno_value, const char *format, ...)
{
    thaw_status status = errno_value == ENOENT   ? THAW_E_NOT_FOUND
                         : errno_value == ENOMEM ? THAW_E_NO_MEMORY
                                                 : THAW_E_IO;
    if (err) {
        char text[sizeof err->text];
        char reason[96];
        va_list args;
        va_start(args, format);
        int n = vsnprintf(text, sizeof text, format, args);
        va_end(args);
        if (n >= 0 && (size_t)n < sizeof text)
            snprintf(text + n, sizeof text - (size_t)n, ": %s",
                     strerror_r(errno_value, reason, sizeof reason));
        set_text(err, status, errno_value, text);
    }
    return status;
}

thaw_status thaw_fail_memory(thaw_error *err, unsigned long long bytes, const char *what)
{
    return thaw_fail(err, THAW_E_NO_MEMORY, "out of memory: %llu bytes for %s", bytes, what);
}

thaw_status thaw_fail_within(thaw_error *err, thaw_status status, const char *format, ...)
{
    if (err) {
        char text[2 * sizeof err->text];
        va_list args;
        va_start(args, format);
        int n = vsnprintf(text, sizeof err->text, format, args);
        va_end(args);
        if (n < 0)
            n = 0;
        if ((size_t)n >= sizeof err->text)
            n = sizeof err->text - 1;
        snprintf(text + n, sizeof text - (size_t)n, ": %s", err->text);
        set_text(err, status, err->native, text);
    }
    return status;
}

const char *thaw_status_name(thaw_status status)
{
    switch (status) {
    case THAW_OK:
        return "ok";
    case THAW_E_INVALID:
        return "invalid argument";
    case THAW_E_UNSUPPORTED:
        return "not supported";
    case THAW_E_NO_MEMORY:
        return "out of memory";
    case THAW_E_DEVICE_MEMORY:
        return "out of device memory";
    case THAW_E_DEVICE_LOST:
        return "device lost";
    case THAW_E_IO:
        return "input/output error";
    case THAW_E_FORMAT:
        return "bad file";
    case THAW_E_NOT_FOUND:
        return "not found";
    case THAW_E_ABI:
        return "incompatible plugin";
    case THAW_E_CANCELLED:
        return "cancelled";
    case THAW_E_CHECK:
        return "check failed";
    default:
        return "internal error";
    }
}
