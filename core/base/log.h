/* log.h: where messages go. There is no global logger: whoever wants to speak is handed one. */
#ifndef THAW_BASE_LOG_H
#define THAW_BASE_LOG_H

#include <stdint.h>

typedef struct thaw_log {
    /* [thread-safe] level is THAW_LOG_*; the text has no newline at its end. */
    void (*write)(void *ctx, int32_t level, const char *text);
    void *ctx;
    int32_t level; /* what is above it is not formatted */
} thaw_log;

/* log may be NULL. */
void thaw_log_at(const thaw_log *log, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
