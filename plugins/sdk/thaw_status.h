/* thaw_status.h: the result codes and the error text that libthaw and every plugin share.
 *
 * Compiles alone as C99, C11 and C++. Apache-2.0. */
#ifndef THAW_STATUS_H
#define THAW_STATUS_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A result code. Values are never renumbered; a reader treats a value it does not know as
 * THAW_E_INTERNAL. */
typedef int32_t thaw_status;

enum {
    THAW_OK = 0,              /* done */
    THAW_E_INVALID = 1,       /* an argument or an option makes no sense */
    THAW_E_UNSUPPORTED = 2,   /* understood, but not offered here; the text says what would be */
    THAW_E_NO_MEMORY = 3,     /* host memory */
    THAW_E_DEVICE_MEMORY = 4, /* device memory */
    THAW_E_DEVICE_LOST = 5,   /* the device stopped answering; nothing on it can be read any more */
    THAW_E_IO = 6,            /* the operating system refused a read or a write */
    THAW_E_FORMAT = 7,        /* a file is not what its name or header claims */
    THAW_E_NOT_FOUND = 8,     /* no such file, device, plugin, layer or class */
    THAW_E_ABI = 9,           /* a plugin speaks another version of the interface */
    THAW_E_CANCELLED = 10,    /* the caller asked to stop */
    THAW_E_INTERNAL = 11,     /* a defect in thaw or in a plugin */
    THAW_E_CHECK = 12         /* a check ran and did not pass */
};

/* What went wrong, in words. Owned by the caller, never grows. */
typedef struct thaw_error {
    thaw_status status; /* the one that is returned */
    int32_t native;     /* code of the library or operating system below (errno, cl_int, …), or 0 */
    char text[504];     /* UTF-8, always terminated: what, where, and what to do about it */
} thaw_error;

#ifdef __cplusplus
}
#endif

#endif
