#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/dataset.h"
#include "thaw_plugin.h"

#define IMAGE_NAMES ".jpg .jpeg .png .bmp .gif"

static bool is_class_folder(const char *dir, const char *name)
{
    char *path = name[0] == '.' ? NULL : thaw_path_join(dir, name);
    bool yes = path && thaw_is_dir(path);
    free(path);
    return yes;
}

static int keep_all_but_hidden(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static int entries_by_bytes(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name);
}

/* Names of the class folders of dir, sorted; *names and its strings are the caller's. */
static thaw_status find_classes(const char *dir, char ***names, uint32_t *n, thaw_error *err)
{
    struct dirent **entries = NULL;
    int found = scandir(dir, &entries, keep_all_but_hidden, entries_by_bytes);
    if (found < 0)
        return thaw_fail_errno(err, errno, "cannot list the folder %s", dir);
    *names = thaw_calloc((size_t)found, sizeof **names);
    *n = 0;
    bool ok = *names != NULL;
    for (int i = 0; i < found; i++) {
        if (ok && is_class_folder(dir, entries[i]->d_name)) {
            (*names)[*n] = thaw_strdup(entries[i]->d_name);
            ok = (*names)[*n] != NULL;
            *n += ok;
        }
        free(entries[i]);
    }
    free(entries);
    return ok ? THAW_OK : thaw_fail_memory(err, (size_t)found * sizeof **names, "the list of classes");
}

static bool has_name(const char *const *names, uint32_t n, const char *name)
{
    for (uint32_t i = 0; i < n; i++)
        if (strcmp(names[i], name) == 0)
            return true;
    return false;
}

/* "red, green, blue", with "…" for what there is no room for. */
static void list_names(const char *const *names, uint32_t n, char *out, size_t size)
{
    size_t used = 0;
    for (uint32_t i = 0; i < n; i++) {
        int k = snprintf(out + used, size - used, "%s%s", i ? ", " : "", names[i]);
        if (k < 0 || (size_t)k >= size - used) {
            snprintf(out + used, size - used, "%s", size - used > 5 ? ", …" : "");
            return;
        }
        used += (size_t)k;
    }
}

static thaw_status check_wanted(const char *dir, char *const *found, uint32_t n_found,
                                const char *const *wanted, uint32_t n_wanted, thaw_error *err)
{
    char list[160];
    for (uint32_t i = 0; i < n_wanted; i++)
        if (has_name(wanted, i, wanted[i]))
            return thaw_fail(err, THAW_E_INVALID, "the class \"%s\" is named twice", wanted[i]);
    for (uint32_t i = 0; i < n_found; i++) {
        if (has_name(wanted, n_wanted, found[i]))
            continue;
        list_names(wanted, n_wanted, list, sizeof list);
        return thaw_fail(
            err, THAW_E_INVALID,
            "the folder %s/%s is none of the %u classes (%s); rename it to one of them, or move it "
            "away",
            dir, found[i], n_wanted, list);
    }
    return THAW_OK;
}

static thaw_status check_count(const char *dir, uint32_t n_found, uint32_t n_classes, thaw_error *err)
{
    if (n_found == 0)
        return thaw_fail(
            err, THAW_E_INVALID,
            "%s has no folders in it; thaw expects one folder for each class, with its images inside", dir);
    if (n_classes < 2)
        return thaw_fail(err, THAW_E_INVALID,
                         "%s has one class only; a classifier needs at least two folders", dir);
    return THAW_OK;
}

/* Where the folders themselves say which classes there are, an empty one is a slip: nothing could be learnt
 * about it. Where the classes are given, a set to measure with may lack some. */
static thaw_status add_class(thaw_dataset *set, uint32_t label, bool may_lack, const thaw_log *log,
                             thaw_error *err)
{
    const char *name = set->class_names[label];
    size_t before = set->n;
    thaw_status st = THAW_OK;
    if (is_class_folder(set->dir, name))
        st = thaw_walk_images(set, set->dir, name, (int32_t)label, err);
    if (st != THAW_OK || set->n > before)
        return st;
    if (!may_lack)
        return thaw_fail(err, THAW_E_INVALID,
                         "the class folder %s/%s has no images (" IMAGE_NAMES
                         "); put some there, or move the folder away",
                         set->dir, name);
    thaw_log_at(log, THAW_LOG_WARN, "there are no images (" IMAGE_NAMES ") of the class %s in %s", name,
                set->dir);
    return THAW_OK;
}

thaw_status thaw_dataset_scan(const char *dir, const char *const *class_names, uint32_t n_names,
                              const thaw_log *log, thaw_dataset **out, thaw_error *err)
{
    if (!thaw_path_exists(dir))
        return thaw_fail(err, THAW_E_NOT_FOUND, "there is no folder %s", dir);
    if (!thaw_is_dir(dir))
        return thaw_fail(err, THAW_E_INVALID, "%s is not a folder", dir);
    char **found = NULL;
    uint32_t n_found = 0;
    thaw_dataset *set = NULL;
    thaw_status st = find_classes(dir, &found, &n_found, err);
    if (st == THAW_OK)
        st = check_count(dir, n_found, class_names ? n_names : n_found, err);
    if (st == THAW_OK && class_names)
        st = check_wanted(dir, found, n_found, class_names, n_names, err);
    if (st == THAW_OK)
        st = thaw_dataset_create(dir, class_names ? (char *const *)class_names : found,
                                 class_names ? n_names : n_found, &set, err);
    for (uint32_t i = 0; st == THAW_OK && i < set->n_classes; i++)
        st = add_class(set, i, class_names != NULL, log, err);
    if (st == THAW_OK && set->n == 0)
        st = thaw_fail(err, THAW_E_INVALID,
                       "there are no images (" IMAGE_NAMES ") in the class folders of %s", dir);
    for (uint32_t i = 0; i < n_found; i++)
        free(found[i]);
    free(found);
    if (st == THAW_OK)
        *out = set;
    else
        thaw_dataset_free(set);
    return st;
}

/* Paths found below `folder` become whole paths, since a list of several folders has no common one. */
static thaw_status add_folder(thaw_dataset *set, const char *folder, thaw_error *err)
{
    size_t first = set->n;
    thaw_status st = thaw_walk_images(set, folder, "", -1, err);
    for (size_t i = first; st == THAW_OK && i < set->n; i++) {
        char *whole = thaw_path_join(folder, set->paths[i]);
        if (!whole)
            return thaw_fail_memory(err, strlen(folder), "a path");
        free(set->paths[i]);
        set->paths[i] = whole;
    }
    if (st == THAW_OK && set->n == first)
        st = thaw_fail(err, THAW_E_INVALID, "there are no images (" IMAGE_NAMES ") below %s", folder);
    return st;
}

thaw_status thaw_dataset_files(const char *const *paths, size_t n_paths, thaw_dataset **out, thaw_error *err)
{
    thaw_dataset *set = NULL;
    thaw_status st = thaw_dataset_create(NULL, NULL, 0, &set, err);
    for (size_t i = 0; st == THAW_OK && i < n_paths; i++) {
        if (!thaw_path_exists(paths[i]))
            st = thaw_fail(err, THAW_E_NOT_FOUND, "there is no file or folder %s", paths[i]);
        else if (thaw_is_dir(paths[i]))
            st = add_folder(set, paths[i], err);
        else
            st = thaw_dataset_add(set, thaw_strdup(paths[i]), -1, (uint32_t)set->n, err);
    }
    if (st == THAW_OK)
        *out = set;
    else
        thaw_dataset_free(set);
    return st;
}
