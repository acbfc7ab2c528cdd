#include "core/train/bad.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/train/events.h"

#define NAMED 20u

bool thaw_bad_is(thaw_status status)
{
    return status == THAW_E_FORMAT || status == THAW_E_UNSUPPORTED || status == THAW_E_IO ||
           status == THAW_E_NOT_FOUND;
}

thaw_status thaw_bad_add(thaw_bad_image **items, size_t *n, const thaw_dataset *set, size_t i,
                         const char *reason, const thaw_listener *listener, thaw_error *err)
{
    size_t bytes;
    bool ok = thaw_mul(*n + 1, sizeof **items, &bytes);
    thaw_bad_image *grown = ok ? realloc(*items, bytes) : NULL;
    if (!grown)
        return thaw_fail_memory(err, (*n + 1) * sizeof **items, "the list of bad images");
    *items = grown;
    thaw_bad_image *bad = &grown[*n];
    *bad = (thaw_bad_image){thaw_dataset_path(set, i), thaw_strdup(reason), set->labels[i]};
    if (!bad->path || !bad->reason) {
        free(bad->path);
        free(bad->reason);
        return thaw_fail_memory(err, strlen(reason), "the list of bad images");
    }
    (*n)++;
    thaw_emit(listener, THAW_EVENT_BAD_IMAGE, bad);
    return THAW_OK;
}

void thaw_bad_free(thaw_bad_image *items, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        free(items[i].path);
        free(items[i].reason);
    }
    free(items);
}

thaw_status thaw_bad_fail(const thaw_bad_image *items, size_t n, thaw_error *err)
{
    char names[400];
    size_t used = 0;
    for (size_t i = 0; i < n && i < NAMED; i++) {
        const char *name = strrchr(items[i].path, '/');
        int k = snprintf(names + used, sizeof names - used, "%s%s", i ? ", " : "",
                         name ? name + 1 : items[i].path);
        if (k < 0 || (size_t)k >= sizeof names - used)
            break;
        used += (size_t)k;
    }
    names[used] = '\0';
    return thaw_fail(err, THAW_E_FORMAT,
                     "%zu images cannot be used: repair or remove them, or let them be skipped: %s", n,
                     names);
}
