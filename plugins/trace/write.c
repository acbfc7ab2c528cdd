/* write.c: the JSON of a trace: one object, {"traceEvents": [...], "displayTimeUnit", "otherData"}, as
 * chrome://tracing and ui.perfetto.dev read it. ts and dur are microseconds, and have three decimals so that
 * no nanosecond is lost: a slice that ended behind the one that encloses it would be drawn wrong. */
#include <string.h>

#include "trace.h"

/* ---- texts --------------------------------------------------------------------------------------------- */

/* Bytes of the UTF-8 character at s, 0 if it is none. */
static size_t character(const unsigned char *s)
{
    size_t n = s[0] < 0x80                   ? 1
               : s[0] >= 0xC2 && s[0] < 0xE0 ? 2
               : (s[0] & 0xF0) == 0xE0       ? 3
               : s[0] >= 0xF0 && s[0] < 0xF5 ? 4
                                             : 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xC0) != 0x80)
            return 0;
    bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
    bool beyond = (s[0] == 0xED && s[1] >= 0xA0) || (s[0] == 0xF4 && s[1] >= 0x90);
    return overlong || beyond ? 0 : n;
}

/* A plugin's text may be anything; what is no UTF-8 becomes the replacement character. */
static void put_text(FILE *f, const char *text)
{
    const unsigned char *s = (const unsigned char *)text;
    putc('"', f);
    while (*s) {
        size_t n = character(s);
        if (n == 0) {
            fputs("\xEF\xBF\xBD", f);
            n = 1;
        } else if (*s == '"' || *s == '\\') {
            fprintf(f, "\\%c", *s);
        } else if (*s < 0x20 || *s == 0x7F) {
            fprintf(f, "\\u%04x", *s);
        } else {
            fwrite(s, 1, n, f);
        }
        s += n;
    }
    putc('"', f);
}

static void put_pair(FILE *f, bool *first, const char *key, const char *text)
{
    fprintf(f, "%s\"%s\":", *first ? "" : ",", key);
    put_text(f, text);
    *first = false;
}

static void put_number(FILE *f, bool *first, const char *key, uint64_t n)
{
    fprintf(f, "%s\"%s\":%llu", *first ? "" : ",", key, (unsigned long long)n);
    *first = false;
}

static void put_time(FILE *f, const char *key, uint64_t ns)
{
    fprintf(f, ",\"%s\":%llu.%03u", key, (unsigned long long)(ns / 1000), (unsigned)(ns % 1000));
}

/* ---- records ------------------------------------------------------------------------------------------- */

static const char *status_name(thaw_status status)
{
    static const char *const names[] = {
        "ok",     "invalid",   "unsupported", "no memory", "device memory", "device lost", "I/O",
        "format", "not found", "ABI",         "cancelled", "internal",      "check"};
    return status >= 0 && status < (thaw_status)(sizeof names / sizeof names[0]) ? names[status] : "unknown";
}

/* What a call is about: the name of the amount and of the text that its record has. */
static const char *amount_name(trace_what what)
{
    switch (what) {
    case TRACE_BUFFER_CREATE:
    case TRACE_BUFFER_DESTROY:
    case TRACE_UPLOAD:
    case TRACE_DOWNLOAD:
    case TRACE_COPY:
    case TRACE_FILL:
        return "bytes";
    case TRACE_DEVICE_COUNT:
        return "devices";
    case TRACE_DEVICE_DESCRIBE:
    case TRACE_DEVICE_OPEN:
        return "index";
    default:
        return NULL;
    }
}

static void put_op(FILE *f, bool *first, const trace_op *op)
{
    char number[32];
    const char *kind = trace_kind_name(op->kind);
    if (kind)
        put_pair(f, first, "op", kind);
    else
        put_number(f, first, "op", op->kind);
    put_pair(f, first, "shape", op->shape);
    if (op->name[0])
        put_pair(f, first, "algorithm", op->name);
    else if (op->algo != THAW_ALGO_DEFAULT) {
        snprintf(number, sizeof number, "number %u", (unsigned)op->algo);
        put_pair(f, first, "algorithm", number);
    }
}

static void put_args(FILE *f, const trace_record *r)
{
    bool first = true;
    const char *amount = amount_name((trace_what)r->what);
    fputs(",\"args\":{", f);
    if (r->op)
        put_op(f, &first, r->op);
    if (amount)
        put_number(f, &first, amount, r->amount);
    if (r->status != THAW_OK) {
        put_pair(f, &first, "status", status_name(r->status));
        put_pair(f, &first, "error", r->text ? r->text : "");
    } else if (r->text) {
        put_pair(f, &first, r->what == TRACE_DEVICE_OPEN ? "options" : "name", r->text);
    }
    fputs("}", f);
}

/* Runs are named after the op alone: that is what a viewer sums up by. */
static void put_name(FILE *f, const trace_record *r)
{
    char name[64];
    const char *what = trace_what_name((trace_what)r->what);
    const char *kind = r->op ? trace_kind_name(r->op->kind) : NULL;
    if (r->what == TRACE_OP_ENQUEUE)
        put_text(f, kind ? kind : what);
    else if (kind) {
        snprintf(name, sizeof name, "%s %s", what, kind);
        put_text(f, name);
    } else
        put_text(f, what);
}

static void put_counter(FILE *f, const trace_record *r)
{
    fprintf(f, "\"ph\":\"C\",\"name\":\"%s\",\"pid\":%u,\"tid\":0", trace_what_name((trace_what)r->what),
            r->process + 1u);
    put_time(f, "ts", r->begin);
    fprintf(f, ",\"args\":{\"bytes\":%llu}", (unsigned long long)r->amount);
}

static void put_slice(FILE *f, const trace_record *r, uint16_t process)
{
    fprintf(f, "\"ph\":\"X\",\"cat\":\"%s\",\"name\":", trace_what_name((trace_what)r->what));
    if (r->what == TRACE_SPAN)
        put_text(f, r->text ? r->text : "?");
    else
        put_name(f, r);
    fprintf(f, ",\"pid\":%u,\"tid\":%u", process + 1u, (unsigned)r->thread);
    put_time(f, "ts", r->begin);
    put_time(f, "dur", r->end - r->begin);
}

void trace_write_record(FILE *stream, const trace_record *record, uint16_t process, bool repeated)
{
    fputs(",\n{", stream);
    if (record->what == TRACE_DEVICE_MEMORY || record->what == TRACE_HOST_MEMORY)
        put_counter(stream, record);
    else
        put_slice(stream, record, process);
    if (repeated)
        fputs(",\"args\":{\"repeated\":true}", stream);
    else if (record->what < TRACE_DEVICE_MEMORY && record->what != TRACE_SPAN)
        put_args(stream, record);
    putc('}', stream);
}

/* ---- around them --------------------------------------------------------------------------------------- */

void trace_write_process(FILE *stream, uint16_t process)
{
    if (process != TRACE_HOST)
        fputs(",\n", stream);
    fprintf(stream,
            "{\"ph\":\"M\",\"name\":\"process_name\",\"pid\":%u,\"tid\":0,\"args\":{\"name\":", process + 1u);
    put_text(stream, trace_process_name(process));
    fprintf(stream,
            "}},\n{\"ph\":\"M\",\"name\":\"process_sort_index\",\"pid\":%u,\"tid\":0,\"args\":{\"sort_"
            "index\":%u}}",
            process + 1u, process + 1u);
}

void trace_write_thread(FILE *stream, uint16_t process, uint32_t thread)
{
    char name[32] = "main";
    if (thread > 1)
        snprintf(name, sizeof name, "thread %u", (unsigned)thread);
    fprintf(stream,
            ",\n{\"ph\":\"M\",\"name\":\"thread_name\",\"pid\":%u,\"tid\":%u,\"args\":{\"name\":\"%s\"}}",
            process + 1u, (unsigned)thread, name);
    fprintf(
        stream,
        ",\n{\"ph\":\"M\",\"name\":\"thread_sort_index\",\"pid\":%u,\"tid\":%u,\"args\":{\"sort_index\":%u}}",
        process + 1u, (unsigned)thread, (unsigned)thread);
}

void trace_write_head(FILE *stream)
{
    fputs("{\"traceEvents\":[\n", stream);
    for (uint16_t p = 0; p < trace_processes(); p++)
        trace_write_process(stream, p);
}

static void put_losses(FILE *f, uint64_t dropped, uint64_t since)
{
    fputs(",\n{\"ph\":\"i\",\"s\":\"g\",\"pid\":1,\"tid\":1", f);
    put_time(f, "ts", since);
    fprintf(f, ",\"name\":\"the trace is full: %llu events from here on are missing\"}",
            (unsigned long long)dropped);
}

void trace_write_tail(FILE *stream, size_t events)
{
    bool first = true, sync = trace_active()->sync;
    uint64_t since, dropped = trace_dropped(&since);
    if (dropped > 0)
        put_losses(stream, dropped, since);
    fputs("\n],\n\"displayTimeUnit\":\"ms\",\n\"otherData\":{", stream);
    put_pair(stream, &first, "written by", "thaw-trace");
    put_pair(stream, &first, "sync", sync ? "on" : "off");
    put_pair(
        stream, &first, "times",
        sync ? "work given to a stream lasts until the device has done it: slower than an untraced run, and "
               "nothing overlaps"
             : "on a device with a queue, work given to a stream lasts until it is queued; stream_sync shows "
               "the wait for it");
    put_number(stream, &first, "events", events);
    put_number(stream, &first, "dropped", dropped);
    put_number(stream, &first, "texts dropped", trace_texts_lost());
    fputs("}}\n", stream);
}
