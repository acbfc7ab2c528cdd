/* runtime.c: loads the plugins of one process, and lets them go. */
#include "core/runtime/runtime.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

static bool already_loaded(const thaw_runtime *runtime, const char *path)
{
    for (size_t i = 0; i < runtime->n_plugins; i++)
        if (strcmp(runtime->plugins[i].path, path) == 0)
            return true;
    return false;
}

thaw_status thaw_plugin_initialise(thaw_runtime *runtime, const thaw_loaded *plugin, thaw_error *err)
{
    thaw_error why = {0};
    thaw_status st = plugin->api.init(runtime->offered, &why);
    if (st == THAW_OK)
        return THAW_OK;
    st = thaw_plugin_failed(st, &why, "%s: its initialisation failed", plugin->path);
    if (err)
        *err = why;
    return st;
}

thaw_status thaw_plugins_reserve(thaw_runtime *runtime, thaw_error *err)
{
    void *items = runtime->plugins;
    if (!thaw_grow(&items, &runtime->plugin_capacity, runtime->n_plugins + 1, sizeof *runtime->plugins))
        return thaw_fail_memory(err, sizeof *runtime->plugins, "a plugin");
    runtime->plugins = items;
    return THAW_OK;
}

/* A file that is loaded already, under whatever name, is no failure. */
static thaw_status load(thaw_runtime *runtime, const char *name, thaw_error *err)
{
    char path[PATH_MAX];
    if (!realpath(name, path))
        return thaw_fail_errno(err, errno, "cannot load the plugin %s", name);
    if (already_loaded(runtime, path))
        return THAW_OK;
    thaw_status st = thaw_plugins_reserve(runtime, err);
    if (st != THAW_OK)
        return st;
    thaw_loaded *slot = &runtime->plugins[runtime->n_plugins];
    st = thaw_plugin_open(path, runtime->plugins, runtime->n_plugins, slot, err);
    if (st != THAW_OK)
        return st;
    st = thaw_interpose_wrap(runtime, slot, err);
    if (st == THAW_OK)
        st = thaw_plugin_initialise(runtime, slot, err);
    if (st != THAW_OK) {
        /* It stays mapped: an initialisation that failed half-way may have left threads behind. */
        free(slot->path);
        return st;
    }
    runtime->n_plugins++;
    thaw_log_at(&runtime->log, THAW_LOG_DEBUG, "loaded %s (%s %s)", path, slot->api.id, slot->api.version);
    return thaw_devices_append(runtime, runtime->n_plugins - 1, err);
}

static thaw_status load_named(thaw_runtime *runtime, const thaw_runtime_options *options, thaw_error *err)
{
    for (size_t i = 0; i < options->n_plugins; i++) {
        thaw_status st = load(runtime, options->plugins[i], err);
        if (st != THAW_OK)
            return st;
    }
    return THAW_OK;
}

static thaw_status load_found(thaw_runtime *runtime, const thaw_runtime_options *options, thaw_error *err)
{
    thaw_paths paths = {0};
    thaw_status st = thaw_search_plugins(getenv("THAW_PLUGIN_PATH"), &runtime->log, &paths, err);
    for (size_t i = 0; st == THAW_OK && i < paths.count; i++) {
        if (thaw_devices_suffice(runtime, options, i >= paths.own))
            break;
        thaw_error why = {0};
        thaw_status loaded = load(runtime, paths.items[i], &why);
        if (loaded == THAW_E_NO_MEMORY) {
            st = loaded;
            if (err)
                *err = why;
        } else if (loaded != THAW_OK) {
            /* An id that is taken is the normal way to put one's own build before the installed one. */
            thaw_log_at(&runtime->log, loaded == THAW_E_INVALID ? THAW_LOG_INFO : THAW_LOG_WARN,
                        "plugin ignored: %s", why.text);
        }
    }
    thaw_paths_free(&paths);
    return st;
}

thaw_status thaw_runtime_create(const thaw_runtime_options *options, thaw_runtime **out, thaw_error *err)
{
    thaw_runtime *runtime = thaw_calloc(1, sizeof *runtime);
    if (!runtime)
        return thaw_fail_memory(err, sizeof *runtime, "the runtime");
    if (options->log)
        runtime->log = *options->log;
    thaw_status st = thaw_threads_create(options->threads, &runtime->threads, err);
    if (st != THAW_OK)
        goto cleanup;
    thaw_host_fill(&runtime->host, &runtime->log, runtime->threads);
    runtime->offered = options->host ? options->host : &runtime->host.table;
    if (options->trace)
        st = thaw_interpose_start(runtime, options, err);
    if (st == THAW_OK)
        st = load_named(runtime, options, err);
    if (st == THAW_OK && !options->no_search)
        st = load_found(runtime, options, err);
    if (st != THAW_OK)
        goto cleanup;
    *out = runtime;
    runtime = NULL;
cleanup:
    thaw_runtime_free(runtime);
    return st;
}

thaw_status thaw_runtime_end(thaw_runtime *runtime, thaw_error *err)
{
    if (!runtime)
        return THAW_OK;
    thaw_status st = THAW_OK;
    for (size_t i = runtime->n_plugins; i-- > 0;) {
        if (i == 0)
            st = thaw_interpose_finish(runtime, err);
        runtime->plugins[i].api.shutdown();
        free(runtime->plugins[i].path);
    }
    free(runtime->plugins);
    free(runtime->devices.items);
    free(runtime->devices.origins);
    thaw_threads_destroy(runtime->threads);
    free(runtime);
    return st;
}

void thaw_runtime_free(thaw_runtime *runtime)
{
    thaw_error err = {0};
    const thaw_log log = runtime ? runtime->log : (thaw_log){0};
    if (thaw_runtime_end(runtime, &err) != THAW_OK)
        thaw_log_at(&log, THAW_LOG_ERROR, "%s", err.text);
}

thaw_threads *thaw_runtime_threads(thaw_runtime *runtime)
{
    return runtime->threads;
}
