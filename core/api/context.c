/* context.c: contexts, devices and the rules for structs that grow. */
#include <stdlib.h>
#include <string.h>

#include "core/api/api.h"
#include "core/base/memory.h"
#include "core/check/check.h"

#ifndef THAW_VERSION
#error "THAW_VERSION comes from the build"
#endif

const char *thaw_version(void)
{
    return THAW_VERSION;
}

/* ---- structs that grow ----------------------------------------------------------------------------- */

thaw_status thaw_read_options(void *own, size_t own_bytes, const void *given, const char *what,
                              thaw_error *err)
{
    uint32_t size;
    memcpy(&size, given, sizeof size);
    if (size < 2 * sizeof size)
        return thaw_fail(err, THAW_E_INVALID, "%s.struct_size is %u: call %s_init first", what,
                         (unsigned)size, what);
    memcpy(own, given, size < own_bytes ? size : own_bytes);
    return THAW_OK;
}

void thaw_write_struct(void *given, size_t given_bytes, const void *own, size_t own_bytes)
{
    uint32_t size = (uint32_t)given_bytes;
    memset(given, 0, given_bytes);
    memcpy(given, own, given_bytes < own_bytes ? given_bytes : own_bytes);
    if (given_bytes >= sizeof size)
        memcpy(given, &size, sizeof size);
}

/* ---- the context ----------------------------------------------------------------------------------- */

void thaw_context_options_init(thaw_context_options *options, size_t struct_size)
{
    const thaw_context_options defaults = {.log_level = THAW_LEVEL_WARN};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

static void drop_message(void *ctx, int32_t level, const char *text)
{
    (void)ctx;
    (void)level;
    (void)text;
}

/* Who wants to hear everything also hears of each call. */
static const char *trace_options_of(const thaw_context_options *options)
{
    static const char *const texts[2][2] = {{NULL, "log=on"}, {"sync=on", "sync=on,log=on"}};
    return texts[options->trace_sync != 0][options->log && options->log_level >= THAW_LEVEL_DEBUG];
}

thaw_status thaw_context_create(const thaw_context_options *options, thaw_context **out, thaw_error *err)
{
    thaw_context_options given;
    thaw_context_options_init(&given, sizeof given);
    if (options) {
        thaw_status read = thaw_read_options(&given, sizeof given, options, "thaw_context_options", err);
        if (read != THAW_OK)
            return read;
    }
    thaw_context *context = thaw_calloc(1, sizeof *context);
    if (!context)
        return thaw_fail_memory(err, sizeof *context, "a context");
    context->log = (thaw_log){.write = given.log ? given.log : drop_message,
                              .ctx = given.log_ctx,
                              .level = given.log ? given.log_level : THAW_LEVEL_ERROR};
    context->threads = given.threads;
    /* What a device declines, and what it is tested against, is the reference's. */
    const char *const wanted[] = {given.only_device, THAW_CHECK_REFERENCE};
    const thaw_runtime_options runtime = {.threads = given.threads,
                                          .plugins = given.plugins,
                                          .n_plugins = given.n_plugins,
                                          .no_search = given.no_search != 0,
                                          .wanted = wanted,
                                          .n_wanted = given.only_device ? 2 : 0,
                                          .trace = given.trace,
                                          .trace_options = trace_options_of(&given),
                                          .log = &context->log};
    thaw_status st = thaw_runtime_create(&runtime, &context->runtime, err);
    if (st != THAW_OK) {
        thaw_context_free(context);
        return st;
    }
    *out = context;
    return THAW_OK;
}

thaw_status thaw_context_end(thaw_context *context, thaw_error *err)
{
    if (!context)
        return THAW_OK;
    thaw_status st = thaw_runtime_end(context->runtime, err);
    free(context);
    return st;
}

void thaw_context_free(thaw_context *context)
{
    if (!context)
        return;
    thaw_runtime_free(context->runtime);
    free(context);
}

/* ---- devices --------------------------------------------------------------------------------------- */

size_t thaw_device_count(const thaw_context *context)
{
    return thaw_runtime_device_count(context->runtime);
}

void thaw_device_get(const thaw_context *context, size_t i, thaw_device_report *out, size_t struct_size)
{
    const thaw_device_entry *entry = thaw_runtime_device(context->runtime, i);
    const thaw_device_report report = {
        .type = (int32_t)entry->info.type,
        .name = entry->name,
        .title = entry->info.name,
        .vendor = entry->info.vendor,
        .driver = entry->info.driver,
        .detail = entry->info.detail,
        .plugin_id = entry->plugin_id,
        .plugin_version = entry->plugin_version,
        .plugin_path = entry->plugin_path,
        .error = entry->error.status == THAW_OK ? "" : entry->error.text,
        .memory_bytes = entry->info.memory_bytes,
        .max_alloc_bytes = entry->info.max_alloc_bytes,
        .cache_bytes = entry->info.cache_bytes,
        .compute_units = entry->info.compute_units,
        .preferred_batch = entry->info.preferred_batch,
        .peak_gflops = entry->info.peak_gflops,
        .near_cache_bytes = entry->info.near_cache_bytes,
    };
    thaw_write_struct(out, struct_size, &report, sizeof report);
}

/* Name of the device that runs what another one declines: the reference plugin's, or NULL. An OpenCL device
 * of type CPU is no substitute for itself. */
static const char *fallback_name(const thaw_runtime *runtime)
{
    for (size_t i = 0; i < thaw_runtime_device_count(runtime); i++) {
        const thaw_device_entry *entry = thaw_runtime_device(runtime, i);
        if (entry->error.status == THAW_OK && thaw_is_reference(entry))
            return entry->name;
    }
    return NULL;
}

thaw_status thaw_read_decline(int32_t on_decline, thaw_fallback *out, thaw_error *err)
{
    switch (on_decline) {
    case THAW_ON_DECLINE_WARN:
        *out = THAW_FALLBACK_WARN;
        return THAW_OK;
    case THAW_ON_DECLINE_ERROR:
        *out = THAW_FALLBACK_ERROR;
        return THAW_OK;
    case THAW_ON_DECLINE_ALLOW:
        *out = THAW_FALLBACK_ALLOW;
        return THAW_OK;
    default:
        return thaw_fail(err, THAW_E_INVALID, "on_decline is %d: it is one of THAW_ON_DECLINE_*",
                         (int)on_decline);
    }
}

thaw_status thaw_session_open_plain(thaw_context *context, const char *device, int32_t on_decline,
                                    thaw_session *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    out->runtime = context->runtime;
    out->choices = thaw_choices_create();
    if (!out->choices)
        return thaw_fail_memory(err, 1, "a device's choices");
    thaw_status st = thaw_read_decline(on_decline, &out->where.fallback, err);
    if (st == THAW_OK)
        st = thaw_runtime_open(context->runtime, device, &out->dev, err);
    const char *other = fallback_name(context->runtime);
    if (st == THAW_OK && other && !thaw_is_reference(thaw_entry_of(context->runtime, out->dev)))
        st = thaw_runtime_open(context->runtime, other, &out->fallback_dev, err);
    out->where.runtime = context->runtime;
    out->where.dev = out->dev;
    out->where.fallback_dev = out->fallback_dev;
    out->where.choices = out->choices;
    out->where.log = &context->log;
    out->where.decode_threads = context->threads;
    return st;
}

thaw_status thaw_session_learn(thaw_context *context, const char *device, thaw_session *session,
                               thaw_error *err)
{
    const thaw_device_entry *entry = thaw_entry_of(context->runtime, session->dev);
    thaw_selftest test = {0};
    bool known = false;
    thaw_load_tuned(context, entry, session->choices);
    session->tuned = thaw_choices_at(session->choices, 0) != NULL;
    session->self_test = thaw_is_reference(entry) ? THAW_SELF_TEST_REFERENCE : THAW_SELF_TEST_NOT_RUN;
    thaw_status st = thaw_test_device(context, session->dev, device, session->choices, THAW_TEST_IF_NEEDED,
                                      &test, &known, err);
    if (st == THAW_OK && known) {
        session->self_test =
            thaw_selftest_count(&test, THAW_SELFTEST_WRONG) ? THAW_SELF_TEST_FAILED : THAW_SELF_TEST_PASSED;
        st = thaw_selftest_apply(&test, session->choices, err);
    }
    thaw_selftest_free(&test);
    return st;
}

thaw_status thaw_session_open(thaw_context *context, const char *device, int32_t on_decline,
                              thaw_session *out, thaw_error *err)
{
    thaw_status st = thaw_session_open_plain(context, device, on_decline, out, err);
    return st == THAW_OK ? thaw_session_learn(context, device, out, err) : st;
}

void thaw_session_close(thaw_session *session)
{
    thaw_runtime_close(session->runtime, session->fallback_dev);
    thaw_runtime_close(session->runtime, session->dev);
    thaw_choices_free(session->choices);
}
