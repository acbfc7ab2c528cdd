/* search.c: the files that may be plugins. */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <link.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/runtime/loader.h"

#define PREFIX     "thaw-"
#define SUFFIX     ".so"
#define OWN_FOLDER "thaw"

static int is_plugin_name(const struct dirent *entry)
{
    const size_t prefix = sizeof PREFIX - 1, suffix = sizeof SUFFIX - 1;
    size_t n = strlen(entry->d_name);
    return n > prefix + suffix && memcmp(entry->d_name, PREFIX, prefix) == 0 &&
           memcmp(entry->d_name + n - suffix, SUFFIX, suffix) == 0;
}

/* alphasort would follow the locale, and with it the order of loading. */
static int by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

static thaw_status append_path(thaw_paths *paths, const char *dir, const char *name, thaw_error *err)
{
    char *path = thaw_path_join(dir, name);
    void *items = paths->items;
    if (!path || !thaw_grow(&items, &paths->capacity, paths->count + 1, sizeof *paths->items)) {
        free(path);
        return thaw_fail_memory(err, strlen(dir) + strlen(name), "a path");
    }
    paths->items = items;
    paths->items[paths->count++] = path;
    return THAW_OK;
}

/* level: how loudly to say that the folder cannot be read. */
static thaw_status search_folder(const char *dir, const thaw_log *log, int32_t level, thaw_paths *out,
                                 thaw_error *err)
{
    struct dirent **entries = NULL;
    int n = scandir(dir, &entries, is_plugin_name, by_bytes);
    if (n < 0) {
        thaw_log_at(log, level, "no plugins from %s: %s", dir, strerror(errno));
        return THAW_OK;
    }
    thaw_status st = THAW_OK;
    for (int i = 0; i < n; i++) {
        if (st == THAW_OK)
            st = append_path(out, dir, entries[i]->d_name, err);
        free(entries[i]);
    }
    free(entries);
    return st;
}

static thaw_status search_list(const char *list, const thaw_log *log, thaw_paths *out, thaw_error *err)
{
    while (*list) {
        size_t n = strcspn(list, ":");
        if (n > 0) {
            char *dir = strndup(list, n);
            if (!dir)
                return thaw_fail_memory(err, n, "a path");
            thaw_status st = search_folder(dir, log, THAW_LOG_WARN, out, err);
            free(dir);
            if (st != THAW_OK)
                return st;
        }
        list += n + (list[n] == ':');
    }
    return THAW_OK;
}

/* File of the library or program that holds this code. Of a program, dladdr knows only argv[0], which
 * need not be a path. */
static bool own_file(char path[PATH_MAX])
{
    static const char anchor = 0;
    Dl_info info;
    struct link_map *map = NULL;
    if (!dladdr1(&anchor, &info, (void **)&map, RTLD_DL_LINKMAP))
        return false;
    if (map && map->l_name && map->l_name[0])
        return realpath(map->l_name, path) != NULL;
    ssize_t n = readlink("/proc/self/exe", path, PATH_MAX - 1);
    if (n <= 0)
        return false;
    path[n] = '\0';
    return true;
}

/* The folder of that file, or false where it is not known. */
static bool own_place(char path[PATH_MAX])
{
    char *slash = own_file(path) ? strrchr(path, '/') : NULL;
    if (slash)
        slash[1] = '\0';
    return slash != NULL;
}

static thaw_status search_own_folder(const thaw_log *log, thaw_paths *out, thaw_error *err)
{
    char place[PATH_MAX];
    if (!own_place(place))
        return THAW_OK;
    char *dir = thaw_path_join(place, OWN_FOLDER);
    if (!dir)
        return thaw_fail_memory(err, strlen(place), "a path");
    thaw_status st = search_folder(dir, log, THAW_LOG_DEBUG, out, err);
    free(dir);
    return st;
}

thaw_status thaw_search_plugins(const char *path_list, const thaw_log *log, thaw_paths *out, thaw_error *err)
{
    thaw_status st = path_list ? search_list(path_list, log, out, err) : THAW_OK;
    out->own = out->count;
    return st == THAW_OK ? search_own_folder(log, out, err) : st;
}

void thaw_search_places(const char *path_list, char *out, size_t bytes)
{
    char place[PATH_MAX];
    bool known = own_place(place);
    snprintf(out, bytes, "THAW_PLUGIN_PATH (%s)%s%s%s", path_list && *path_list ? path_list : "not set",
             known ? " and " : "", known ? place : "", known ? OWN_FOLDER : "");
}

void thaw_paths_free(thaw_paths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i]);
    free(paths->items);
    memset(paths, 0, sizeof *paths);
}
