/* options.c: how a trace is made. */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

/* What a viewer still opens: some 200 bytes of JSON each. */
#define DEFAULT_EVENTS 1000000u
#define MAX_EVENTS     100000000u

#define KNOWN "there are sync=on|off, log=on|off and events=N, from 1 to 100000000"

static bool read_switch(const char *value, size_t n, bool *out)
{
    *out = n == 2 && memcmp(value, "on", 2) == 0;
    return *out || (n == 3 && memcmp(value, "off", 3) == 0);
}

static bool read_events(const char *value, size_t n, uint64_t *out)
{
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++) {
        if (value[i] < '0' || value[i] > '9' || v > MAX_EVENTS)
            return false;
        v = v * 10 + (uint64_t)(value[i] - '0');
    }
    *out = v;
    return v >= 1 && v <= MAX_EVENTS;
}

/* pair has n bytes. */
static bool read_pair(const char *pair, size_t n, trace_options *out)
{
    const char *equals = memchr(pair, '=', n);
    if (!equals)
        return false;
    size_t key = (size_t)(equals - pair), left = n - key - 1;
    if (key == 4 && memcmp(pair, "sync", 4) == 0)
        return read_switch(equals + 1, left, &out->sync);
    if (key == 3 && memcmp(pair, "log", 3) == 0)
        return read_switch(equals + 1, left, &out->log);
    if (key == 6 && memcmp(pair, "events", 6) == 0)
        return read_events(equals + 1, left, &out->events);
    return false;
}

thaw_status trace_options_read(const char *text, trace_options *out, thaw_error *err)
{
    *out = (trace_options){.events = DEFAULT_EVENTS};
    while (text && *text) {
        size_t n = strcspn(text, ",");
        if (!read_pair(text, n, out))
            return trace_fail(err, THAW_E_INVALID, "unknown option \"%.*s\": " KNOWN, (int)(n < 64 ? n : 64),
                              text);
        text += n + (text[n] == ',');
    }
    return THAW_OK;
}
