#include <stdarg.h>
#include <stdio.h>

#include "backends/common/op.h"

thaw_status backend_fail(thaw_error *err, thaw_status status, const char *format, ...)
{
    if (err) {
        va_list ap;
        va_start(ap, format);
        err->status = status;
        err->native = 0;
        vsnprintf(err->text, sizeof err->text, format, ap);
        va_end(ap);
    }
    return status;
}
