/* status.h: filling a thaw_error. */
#ifndef THAW_BASE_STATUS_H
#define THAW_BASE_STATUS_H

#include "thaw_status.h"

/* Writes status and a formatted text into err (may be NULL) and returns status, so that a function can
 * say `return thaw_fail(...)`. A text that does not fit is cut at a character boundary. */
thaw_status thaw_fail(thaw_error *err, thaw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* As thaw_fail, for a failed system call: appends ": <strerror(errno_value)>" and keeps the number in
 * err->native. The status is THAW_E_NOT_FOUND for ENOENT, THAW_E_NO_MEMORY for ENOMEM, THAW_E_IO
 * otherwise. */
thaw_status thaw_fail_errno(thaw_error *err, int errno_value, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* THAW_E_NO_MEMORY with the number of bytes that were asked for and what they were for. */
thaw_status thaw_fail_memory(thaw_error *err, unsigned long long bytes, const char *what);

/* Puts "prefix: " before the text of an error that a deeper function has written; keeps the status. */
thaw_status thaw_fail_within(thaw_error *err, thaw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A short name for people, like "out of device memory". */
const char *thaw_status_name(thaw_status status);

#endif
