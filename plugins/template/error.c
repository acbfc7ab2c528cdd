#include <stdarg.h>
#include <stdio.h>

#include "plugin.h"

thaw_status fail(thaw_error *err, thaw_status status, const char *format, ...)
{
    if (!err)
        return status;
    err->status = status;
    err->native = 0; /* YOURS: the code of your driver, where there is one */
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    return status;
}
