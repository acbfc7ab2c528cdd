/* The order of Python's os.walk with its results sorted by folder, as Keras does it: all folders below one
 * another in bytewise order of their whole paths, in each of them the files in bytewise order. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/dataset.h"

typedef struct name_list {
    char **names;
    size_t n, capacity;
} name_list;

static bool list_add(name_list *list, char *name)
{
    void *items = list->names;
    bool ok = name && thaw_grow(&items, &list->capacity, list->n + 1, sizeof *list->names);
    list->names = items;
    if (ok)
        list->names[list->n++] = name;
    else
        free(name);
    return ok;
}

static void list_free(name_list *list)
{
    for (size_t i = 0; i < list->n; i++)
        free(list->names[i]);
    free(list->names);
    memset(list, 0, sizeof *list);
}

static int by_bytes(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static void list_sort(name_list *list)
{
    if (list->n)
        qsort(list->names, list->n, sizeof *list->names, by_bytes);
}

/* "" as the first part means nothing before the second. */
static char *join(const char *dir, const char *name)
{
    return *dir ? thaw_path_join(dir, name) : thaw_strdup(name);
}

static bool is_image_name(const char *name)
{
    static const char *const endings[] = {".bmp", ".gif", ".jpeg", ".jpg", ".png"};
    size_t n = strlen(name);
    for (size_t e = 0; e < sizeof endings / sizeof *endings; e++) {
        size_t m = strlen(endings[e]), i = 0;
        if (n < m)
            continue;
        for (; i < m; i++) {
            char c = name[n - m + i];
            if ((c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c) != endings[e][i])
                break;
        }
        if (i == m)
            return true;
    }
    return false;
}

typedef enum { ENTRY_FILE, ENTRY_FOLDER, ENTRY_LINKED_FOLDER } entry_kind;

/* A link whose target is missing counts as a file, so that it is reported when it is read. */
static entry_kind kind_of(const char *path, unsigned char type)
{
    struct stat sb;
    if (type == DT_DIR)
        return ENTRY_FOLDER;
    if (type == DT_REG)
        return ENTRY_FILE;
    if (stat(path, &sb) != 0 || !S_ISDIR(sb.st_mode))
        return ENTRY_FILE;
    return lstat(path, &sb) == 0 && S_ISLNK(sb.st_mode) ? ENTRY_LINKED_FOLDER : ENTRY_FOLDER;
}

/* Adds the folders in root/below to folders (as below/name) and the images to files (as name). Linked
 * folders are left out, so that there can be no cycle. */
static thaw_status list_folder(const char *root, const char *below, name_list *folders, name_list *files,
                               thaw_error *err)
{
    thaw_status st = THAW_OK;
    char *path = *below ? thaw_path_join(root, below) : thaw_strdup(root);
    if (!path)
        return thaw_fail_memory(err, strlen(root) + strlen(below), "a path");
    DIR *d = opendir(path);
    if (!d) {
        st = thaw_fail_errno(err, errno, "cannot list the folder %s", path);
        goto cleanup;
    }
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(d);
        if (!entry) {
            if (errno)
                st = thaw_fail_errno(err, errno, "cannot list the folder %s", path);
            break;
        }
        const char *name = entry->d_name;
        if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
            continue;
        char *full = thaw_path_join(path, name);
        bool ok = full != NULL;
        entry_kind kind = ok ? kind_of(full, entry->d_type) : ENTRY_LINKED_FOLDER;
        free(full);
        if (ok && kind == ENTRY_FOLDER)
            ok = list_add(folders, join(below, name));
        else if (ok && kind == ENTRY_FILE && is_image_name(name))
            ok = list_add(files, thaw_strdup(name));
        if (!ok) {
            st = thaw_fail_memory(err, strlen(path) + strlen(name), "the list of images");
            break;
        }
    }
cleanup:
    if (d)
        closedir(d);
    free(path);
    return st;
}

static thaw_status add_files(thaw_dataset *set, const char *root, const char *folder, int32_t label,
                             thaw_error *err)
{
    name_list folders = {0}, files = {0};
    thaw_status st = list_folder(root, folder, &folders, &files, err);
    list_sort(&files);
    for (size_t i = 0; st == THAW_OK && i < files.n; i++) {
        if (set->n >= UINT32_MAX)
            st = thaw_fail(err, THAW_E_UNSUPPORTED, "%s holds more than %u images", root, UINT32_MAX);
        else
            st = thaw_dataset_add(set, join(folder, files.names[i]), label, (uint32_t)set->n, err);
    }
    list_free(&files);
    list_free(&folders);
    return st;
}

thaw_status thaw_walk_images(thaw_dataset *set, const char *root, const char *below, int32_t label,
                             thaw_error *err)
{
    name_list folders = {0}, files = {0};
    thaw_status st = THAW_OK;
    if (!list_add(&folders, thaw_strdup(below)))
        st = thaw_fail_memory(err, strlen(below), "the list of folders");
    for (size_t i = 0; st == THAW_OK && i < folders.n; i++) {
        st = list_folder(root, folders.names[i], &folders, &files, err);
        list_free(&files);
    }
    list_sort(&folders);
    for (size_t i = 0; st == THAW_OK && i < folders.n; i++)
        st = add_files(set, root, folders.names[i], label, err);
    list_free(&folders);
    return st;
}
