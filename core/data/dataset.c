#include "core/data/dataset.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"
#include "core/base/memory.h"

thaw_status thaw_dataset_create(const char *dir, char *const *class_names, uint32_t n_classes,
                                thaw_dataset **out, thaw_error *err)
{
    thaw_dataset *set = thaw_calloc(1, sizeof *set);
    if (!set)
        return thaw_fail_memory(err, sizeof *set, "the list of images");
    set->dir = thaw_strdup(dir);
    set->class_names = thaw_calloc(n_classes, sizeof *set->class_names);
    bool ok = set->class_names && (set->dir || !dir);
    for (uint32_t i = 0; ok && i < n_classes; i++) {
        set->class_names[i] = thaw_strdup(class_names[i]);
        set->n_classes = i + 1;
        ok = set->class_names[i] != NULL;
    }
    if (!ok) {
        thaw_dataset_free(set);
        return thaw_fail_memory(err, (size_t)n_classes * sizeof(char *), "the list of classes");
    }
    *out = set;
    return THAW_OK;
}

/* The three arrays share one capacity; it is raised only when all of them have grown. */
static bool grow_to(thaw_dataset *set, size_t need)
{
    size_t a = set->capacity, b = set->capacity, c = set->capacity;
    void *paths = set->paths, *labels = set->labels, *ids = set->ids;
    bool ok = thaw_grow(&paths, &a, need, sizeof *set->paths) &&
              thaw_grow(&labels, &b, need, sizeof *set->labels) &&
              thaw_grow(&ids, &c, need, sizeof *set->ids);
    set->paths = paths;
    set->labels = labels;
    set->ids = ids;
    if (ok)
        set->capacity = a < b ? (a < c ? a : c) : (b < c ? b : c);
    return ok;
}

thaw_status thaw_dataset_add(thaw_dataset *set, char *path, int32_t label, uint32_t id, thaw_error *err)
{
    if (!path || (set->n == set->capacity && !grow_to(set, set->n + 1))) {
        free(path);
        return thaw_fail_memory(err, (set->n + 1) * sizeof *set->paths, "the list of images");
    }
    set->paths[set->n] = path;
    set->labels[set->n] = label;
    set->ids[set->n] = id;
    set->n++;
    return THAW_OK;
}

char *thaw_dataset_path(const thaw_dataset *set, size_t i)
{
    return set->dir ? thaw_path_join(set->dir, set->paths[i]) : thaw_strdup(set->paths[i]);
}

void thaw_dataset_drop(thaw_dataset *set, const bool *drop)
{
    size_t kept = 0;
    for (size_t i = 0; i < set->n; i++) {
        if (drop[i]) {
            free(set->paths[i]);
            continue;
        }
        set->paths[kept] = set->paths[i];
        set->labels[kept] = set->labels[i];
        set->ids[kept] = set->ids[i];
        kept++;
    }
    set->n = kept;
}

void thaw_dataset_free(thaw_dataset *set)
{
    if (!set)
        return;
    for (size_t i = 0; i < set->n; i++)
        free(set->paths[i]);
    for (uint32_t i = 0; i < set->n_classes; i++)
        free(set->class_names[i]);
    free(set->class_names);
    free(set->paths);
    free(set->labels);
    free(set->ids);
    free(set->dir);
    free(set);
}
