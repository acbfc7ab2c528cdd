/* weights.c: see cli.h. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "cli.h"

#define FILE_NAME "thaw/inception_v3.safetensors"

/* NULL if there is no home, or memory is exhausted. */
static char *cached_path(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    char *path = NULL;
    int n = -1;
    /* The XDG base directory specification: a relative path there is to be ignored. */
    if (cache && cache[0] == '/')
        n = asprintf(&path, "%s/" FILE_NAME, cache);
    else if (home && *home)
        n = asprintf(&path, "%s/.cache/" FILE_NAME, home);
    return n < 0 ? NULL : path;
}

char *cli_find_weights(void)
{
    const char *named = getenv("THAW_WEIGHTS");
    char *path = NULL;
    if (named && *named) {
        if (asprintf(&path, "%s", named) >= 0)
            return path;
        fprintf(stderr, "thaw: out of memory\n");
        return NULL;
    }
    path = cached_path();
    if (path && access(path, R_OK) == 0)
        return path;
    fprintf(stderr,
            "thaw: no weights: %s is not there: run scripts/get-weights, or give --weights FILE "
            "(or set THAW_WEIGHTS)\n",
            path ? path : "~/.cache/" FILE_NAME);
    free(path);
    return NULL;
}
