#include "core/base/log.h"

#include <stdarg.h>
#include <stdio.h>

void thaw_log_at(const thaw_log *log, int32_t level, const char *format, ...)
{
    if (!log || !log->write || level > log->level)
        return;
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    log->write(log->ctx, level, text);
}
