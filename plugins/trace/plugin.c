/* plugin.c: the plugin's table, and the extension by which the host makes use of it. */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

static const thaw_host *host;    /* given last */
static const thaw_host *speaker; /* of the trace */
static unsigned inits; /* less shutdowns: a process may have several hosts, of which one makes a trace */
static char *path;     /* of the trace; NULL: none is being made */

/* ---- what the files share ------------------------------------------------------------------------------ */

thaw_status trace_fail(thaw_error *err, thaw_status status, const char *format, ...)
{
    if (!err)
        return status;
    va_list args;
    va_start(args, format);
    vsnprintf(err->text, sizeof err->text, format, args);
    va_end(args);
    err->status = status;
    err->native = 0;
    return status;
}

bool trace_copy_struct(void *own, size_t own_bytes, const void *foreign, size_t v1_bytes)
{
    uint32_t given;
    memcpy(&given, foreign, sizeof given);
    memset(own, 0, own_bytes);
    memcpy(own, foreign, given < own_bytes ? given : own_bytes);
    return given >= v1_bytes;
}

void trace_say(int32_t level, const char *format, ...)
{
    char text[1024];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    speaker->log(speaker->ctx, level, text);
}

/* ---- thaw.interpose/1 -----------------------------------------------------------------------------------
 */

static void forget(void)
{
    trace_record_free();
    trace_wrap_reset();
    trace_ops_reset();
    trace_processes_reset();
    trace_texts_free();
    free(path);
    path = NULL;
}

/* A file that cannot be written is to be found out before the work and not after it. */
static thaw_status probe(const char *file, thaw_error *err)
{
    trace_file f;
    thaw_status st = trace_file_open(file, &f, err);
    if (st == THAW_OK)
        trace_file_abandon(&f);
    return st;
}

static thaw_status start(const char *file, const char *text, thaw_error *err)
{
    trace_options options;
    if (path)
        return trace_fail(err, THAW_E_INVALID,
                          "trace: %.200s is being made: a process makes one trace at a time", path);
    thaw_status st = trace_options_read(text, &options, err);
    if (st == THAW_OK)
        st = probe(file, err);
    if (st != THAW_OK)
        return st;
    forget();
    path = strdup(file);
    if (!path)
        return trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory: %zu bytes for a path", strlen(file));
    speaker = host;
    st = trace_record_start(&options, err);
    if (st == THAW_OK) {
        trace_process("thaw", TRACE_HOST);
        if (trace_processes() == 0)
            st = trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory for its texts");
    }
    if (st != THAW_OK)
        forget();
    return st;
}

static void warn_of_losses(void)
{
    uint64_t since, dropped = trace_dropped(&since), texts = trace_texts_lost();
    if (dropped > 0)
        trace_say(
            THAW_LOG_WARN,
            "trace: %llu events after the first %.1f s did not fit and are missing: trace a shorter run",
            (unsigned long long)dropped, (double)since * 1e-9);
    if (texts > 0)
        trace_say(
            THAW_LOG_WARN,
            "trace: %llu texts (shapes, names, reasons) did not fit and are missing: trace a shorter run",
            (unsigned long long)texts);
}

static thaw_status finish(thaw_error *err)
{
    trace_file f = {0};
    if (!path)
        return trace_fail(err, THAW_E_INVALID, "trace: finish without start");
    thaw_status st = trace_file_open(path, &f, err);
    if (st == THAW_OK)
        st = trace_timeline_write(f.stream, err);
    if (st == THAW_OK)
        st = trace_file_commit(&f, err);
    if (st == THAW_OK)
        warn_of_losses();
    trace_file_abandon(&f);
    /* Tables that wrap gave out live until shutdown; they need no more than their slots. */
    trace_record_free();
    free(path);
    path = NULL;
    return st;
}

static const thaw_interpose interpose = {
    .struct_size = sizeof(thaw_interpose),
    .start = start,
    .wrap = trace_wrap,
    .span_begin = trace_span_begin,
    .span_end = trace_span_end,
    .finish = finish,
};

/* ---- the table -------------------------------------------------------------------------------------------
 */

static thaw_status init(const thaw_host *given, thaw_error *err)
{
    (void)err;
    host = given;
    inits++;
    return THAW_OK;
}

static void shut_down(void)
{
    if (--inits == 0)
        forget();
}

static thaw_status device_count(uint32_t *out, thaw_error *err)
{
    *out = 0;
    trace_fail(err, THAW_OK, "it writes down what the others do, with --trace FILE");
    return THAW_OK;
}

static thaw_status device_describe(uint32_t index, thaw_device_info *info, thaw_error *err)
{
    (void)info;
    return trace_fail(err, THAW_E_NOT_FOUND, "trace: there is no device %u: it has none", (unsigned)index);
}

static thaw_status device_open(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err)
{
    (void)options;
    (void)out;
    (void)ops;
    return trace_fail(err, THAW_E_NOT_FOUND, "trace: there is no device %u: it has none", (unsigned)index);
}

static const void *get_extension(const char *id)
{
    return id && strcmp(id, THAW_EXT_INTERPOSE) == 0 ? &interpose : NULL;
}

static const thaw_plugin plugin = {
    .struct_size = sizeof(thaw_plugin),
    .abi_major = THAW_ABI_MAJOR,
    .abi_minor = THAW_ABI_MINOR,
    .id = "trace",
    .version = "0.1.0",
    .init = init,
    .shutdown = shut_down,
    .device_count = device_count,
    .device_describe = device_describe,
    .device_open = device_open,
    .get_extension = get_extension,
};

const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor)
{
    (void)host_abi_major;
    (void)host_abi_minor;
    return &plugin;
}
