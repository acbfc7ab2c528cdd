/* plugin.c: one shared library, from file to checked function table. Nothing in it is trusted. */
#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/memory.h"
#include "core/runtime/loader.h"

#define ENTRY  "thaw_plugin_entry"
#define MAX_ID 32u
/* struct_size and abi_major: what every version of the interface has in the same place. */
#define HEAD_BYTES 8u

bool thaw_copy_struct(void *own, size_t known_bytes, const void *foreign, size_t v1_bytes)
{
    uint32_t given;
    memcpy(&given, foreign, sizeof given);
    memset(own, 0, known_bytes);
    memcpy(own, foreign, given < known_bytes ? given : known_bytes);
    return given >= v1_bytes;
}

thaw_status thaw_plugin_failed(thaw_status status, thaw_error *err, const char *format, ...)
{
    if (status < THAW_OK || status > THAW_E_CHECK)
        status = THAW_E_INTERNAL;
    if (!err)
        return status;
    char what[256];
    va_list args;
    va_start(args, format);
    vsnprintf(what, sizeof what, format, args);
    va_end(args);
    err->text[sizeof err->text - 1] = '\0';
    if (err->text[0] == '\0') {
        int32_t native = err->native;
        thaw_fail(err, status, "%s (the plugin gives no reason)", thaw_status_name(status));
        err->native = native;
    }
    return thaw_fail_within(err, status, "%s", what);
}

thaw_status thaw_plugin_created(thaw_status status, const void *object, thaw_error *err)
{
    if (status != THAW_OK || object)
        return status;
    return thaw_fail(err, THAW_E_INTERNAL, "the plugin reports success but hands out nothing");
}

static bool valid_id(const char *id)
{
    size_t n = strnlen(id, MAX_ID + 1);
    if (n == 0 || n > MAX_ID || strcmp(id, "auto") == 0)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!((id[i] >= 'a' && id[i] <= 'z') || (id[i] >= '0' && id[i] <= '9') || id[i] == '-'))
            return false;
    return true;
}

static const char *missing_member(const thaw_plugin *p)
{
    return !p->id                ? "id"
           : !p->version         ? "version"
           : !p->init            ? "init"
           : !p->shutdown        ? "shutdown"
           : !p->device_count    ? "device_count"
           : !p->device_describe ? "device_describe"
           : !p->device_open     ? "device_open"
           : !p->get_extension   ? "get_extension"
                                 : NULL;
}

thaw_status thaw_plugin_check(const thaw_plugin *given, thaw_plugin *own, thaw_error *err)
{
    bool complete = thaw_copy_struct(own, sizeof *own, given, THAW_PLUGIN_V1_SIZE);
    if (given->struct_size >= HEAD_BYTES && own->abi_major != THAW_ABI_MAJOR)
        return thaw_fail(err, THAW_E_ABI,
                         "built for plugin interface %u.%u, but this thaw speaks %u.%u: get the plugin in a "
                         "build for interface %u",
                         own->abi_major, own->abi_minor, THAW_ABI_MAJOR, THAW_ABI_MINOR, THAW_ABI_MAJOR);
    if (!complete)
        return thaw_fail(
            err, THAW_E_ABI,
            "its thaw_plugin has a struct_size of %u bytes, but interface %u.0 has %u: the plugin "
            "must set it to sizeof(thaw_plugin)",
            given->struct_size, THAW_ABI_MAJOR, THAW_PLUGIN_V1_SIZE);
    const char *missing = missing_member(own);
    if (missing)
        return thaw_fail(err, THAW_E_ABI, "its thaw_plugin.%s is NULL, which no plugin may leave out",
                         missing);
    if (!valid_id(own->id))
        return thaw_fail(err, THAW_E_ABI,
                         "its id is not 1 to %u lower-case letters, digits and '-' other than \"auto\"",
                         MAX_ID);
    return THAW_OK;
}

static thaw_status open_library(const char *path, void **out, thaw_error *err)
{
    struct stat sb;
    if (stat(path, &sb) != 0)
        return thaw_fail_errno(err, errno, "cannot examine the file");
    /* dlopen would wait for ever on a pipe. */
    if (!S_ISREG(sb.st_mode))
        return thaw_fail(err, THAW_E_FORMAT, "not a regular file");
    *out = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!*out) {
        const char *why = dlerror();
        return thaw_fail(err, THAW_E_FORMAT, "not a shared library that can be loaded here: %s",
                         why ? why : "no reason given");
    }
    return THAW_OK;
}

static thaw_status find_table(void *library, const thaw_plugin **out, thaw_error *err)
{
    void *symbol = dlsym(library, ENTRY);
    if (!symbol)
        return thaw_fail(err, THAW_E_FORMAT, "not a thaw plugin: it does not export " ENTRY);
    thaw_plugin_entry_fn entry;
    memcpy(&entry, &symbol, sizeof entry); /* ISO C has no cast from void * to a function */
    *out = entry(THAW_ABI_MAJOR, THAW_ABI_MINOR);
    if (!*out)
        return thaw_fail(err, THAW_E_ABI, "it declines to work with interface %u.%u of this thaw",
                         THAW_ABI_MAJOR, THAW_ABI_MINOR);
    return THAW_OK;
}

void thaw_plugin_discard(thaw_loaded *plugin)
{
    if (plugin->library)
        dlclose(plugin->library);
    free(plugin->path);
    memset(plugin, 0, sizeof *plugin);
}

thaw_status thaw_plugin_open(const char *path, const thaw_loaded *others, size_t n, thaw_loaded *out,
                             thaw_error *err)
{
    memset(out, 0, sizeof *out);
    const thaw_plugin *table = NULL;
    thaw_status st = open_library(path, &out->library, err);
    if (st != THAW_OK)
        goto cleanup;
    st = find_table(out->library, &table, err);
    if (st != THAW_OK)
        goto cleanup;
    st = thaw_plugin_check(table, &out->api, err);
    if (st != THAW_OK)
        goto cleanup;
    for (size_t i = 0; i < n; i++) {
        if (strcmp(others[i].api.id, out->api.id) == 0) {
            st = thaw_fail(err, THAW_E_INVALID, "its id \"%s\" is taken by %s, which was found first",
                           out->api.id, others[i].path);
            goto cleanup;
        }
    }
    out->path = thaw_strdup(path);
    if (!out->path)
        st = thaw_fail_memory(err, strlen(path), "a path");
cleanup:
    if (st != THAW_OK) {
        thaw_fail_within(err, st, "%s", path);
        thaw_plugin_discard(out);
    }
    return st;
}
