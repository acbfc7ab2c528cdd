/* interpose.c: a plugin between the host and the others, which writes down what they do (thaw.interpose/1).
 */
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

/* The id is known before init, what get_extension says only after. */
#define ID        "trace"
#define FILE_NAME "thaw-" ID ".so"

/* ---- finding it ---------------------------------------------------------------------------------- */

/* Opens the file if it is an interposer by its id. Whatever else is the matter with it will be said when it
 * is loaded as what it is. */
static bool try_file(const char *name, thaw_loaded *out)
{
    char path[PATH_MAX];
    if (!realpath(name, path) || thaw_plugin_open(path, NULL, 0, out, NULL) != THAW_OK)
        return false;
    if (strcmp(out->api.id, ID) == 0)
        return true;
    thaw_plugin_discard(out);
    return false;
}

static bool has_the_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return strcmp(slash ? slash + 1 : path, FILE_NAME) == 0;
}

/* Among the files of the search by name: opening all of them twice would cost more than it finds. */
static thaw_status find(const thaw_runtime_options *options, thaw_loaded *out, bool *found, thaw_error *err)
{
    thaw_paths paths = {0};
    thaw_status st = THAW_OK;
    *found = false;
    for (size_t i = 0; !*found && i < options->n_plugins; i++)
        *found = try_file(options->plugins[i], out);
    if (!*found && !options->no_search)
        st = thaw_search_plugins(getenv("THAW_PLUGIN_PATH"), NULL, &paths, err);
    for (size_t i = 0; st == THAW_OK && !*found && i < paths.count; i++)
        *found = has_the_name(paths.items[i]) && try_file(paths.items[i], out);
    thaw_paths_free(&paths);
    return st;
}

static thaw_status fail_not_found(const thaw_runtime_options *options, thaw_error *err)
{
    char places[320] = "the plugins that are named, and no folder is searched";
    if (!options->no_search)
        thaw_search_places(getenv("THAW_PLUGIN_PATH"), places, sizeof places);
    return thaw_fail(err, THAW_E_NOT_FOUND,
                     "cannot make a trace: there is no " FILE_NAME " in %s: install it, or name it with "
                     "--plugin",
                     places);
}

/* ---- starting it --------------------------------------------------------------------------------- */

static thaw_status read_extension(const thaw_plugin *plugin, thaw_interpose *own, thaw_error *err)
{
    const void *given = plugin->get_extension(THAW_EXT_INTERPOSE);
    if (!given)
        return thaw_fail(err, THAW_E_ABI, "it has no " THAW_EXT_INTERPOSE ", so it cannot make a trace");
    if (!thaw_copy_struct(own, sizeof *own, given, THAW_INTERPOSE_V1_SIZE) || !own->start || !own->wrap ||
        !own->span_begin || !own->span_end || !own->finish)
        return thaw_fail(err, THAW_E_ABI, "its " THAW_EXT_INTERPOSE " is incomplete");
    return THAW_OK;
}

static thaw_status start(thaw_runtime *runtime, const thaw_runtime_options *options, const char *path,
                         thaw_error *err)
{
    thaw_error why = {0};
    thaw_status st = read_extension(&runtime->plugins[0].api, &runtime->interpose, &why);
    if (st == THAW_OK)
        st = runtime->interpose.start(options->trace, options->trace_options, &why);
    runtime->traced = st == THAW_OK;
    if (st == THAW_OK)
        return THAW_OK;
    st = thaw_plugin_failed(st, &why, "%s: cannot make a trace", path);
    if (err)
        *err = why;
    return st;
}

thaw_status thaw_interpose_start(thaw_runtime *runtime, const thaw_runtime_options *options, thaw_error *err)
{
    thaw_loaded found;
    bool any;
    thaw_status st = thaw_plugins_reserve(runtime, err);
    if (st == THAW_OK)
        st = find(options, &found, &any, err);
    if (st != THAW_OK)
        return st;
    if (!any)
        return fail_not_found(options, err);
    st = thaw_plugin_initialise(runtime, &found, err);
    if (st != THAW_OK) {
        free(found.path);
        return st;
    }
    runtime->plugins[runtime->n_plugins++] = found;
    return start(runtime, options, found.path, err);
}

/* ---- using it ------------------------------------------------------------------------------------ */

thaw_status thaw_interpose_wrap(const thaw_runtime *runtime, thaw_loaded *plugin, thaw_error *err)
{
    if (!runtime->traced)
        return THAW_OK;
    const thaw_plugin *outer = NULL;
    thaw_plugin own;
    thaw_error why = {0};
    thaw_status st = runtime->interpose.wrap(&plugin->api, &outer, &why);
    st = thaw_plugin_created(st, outer, &why);
    if (st == THAW_OK)
        st = thaw_plugin_check(outer, &own, &why);
    if (st == THAW_OK && strcmp(own.id, plugin->api.id) != 0)
        st = thaw_fail(&why, THAW_E_ABI, "%s calls it \"%s\"", runtime->plugins[0].path, own.id);
    if (st == THAW_OK) {
        plugin->api = own;
        return THAW_OK;
    }
    st = thaw_plugin_failed(st, &why, "%s: it cannot be traced", plugin->path);
    if (err)
        *err = why;
    return st;
}

thaw_status thaw_interpose_finish(thaw_runtime *runtime, thaw_error *err)
{
    thaw_error why = {0};
    if (!runtime->traced)
        return THAW_OK;
    runtime->traced = false;
    thaw_status st = runtime->interpose.finish(&why);
    if (st == THAW_OK)
        return THAW_OK;
    st = thaw_plugin_failed(st, &why, "the trace is lost");
    if (err)
        *err = why;
    return st;
}

bool thaw_runtime_traced(const thaw_runtime *runtime)
{
    return runtime && runtime->traced;
}

void thaw_runtime_span_begin(const thaw_runtime *runtime, const char *format, ...)
{
    char text[128];
    if (!thaw_runtime_traced(runtime))
        return;
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    runtime->interpose.span_begin(text);
}

void thaw_runtime_span_end(const thaw_runtime *runtime)
{
    if (thaw_runtime_traced(runtime))
        runtime->interpose.span_end();
}
