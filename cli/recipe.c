/* recipe.c: see cli.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
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

/* NULL after a message. */
static char *find_weights(void)
{
    const char *named = getenv("THAW_WEIGHTS");
    char *path = NULL;
    if (named && *named) {
        if (access(named, R_OK) != 0)
            fprintf(stderr, "thaw: THAW_WEIGHTS names %s, which cannot be read: %s\n", named,
                    strerror(errno));
        else if (asprintf(&path, "%s", named) < 0)
            fprintf(stderr, "thaw: out of memory\n");
        else
            return path;
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

bool cli_recipe_start(thaw_recipe *recipe, const cli_common *common, char **found)
{
    *found = NULL;
    recipe->device = common->device;
    recipe->on_decline = common->on_decline;
    recipe->precision = common->precision;
    recipe->exact = common->exact;
    if (recipe->weights || recipe->init)
        return true;
    recipe->weights = *found = find_weights();
    return *found != NULL;
}

int cli_recipe_check(const cli_usage *usage, const thaw_recipe *recipe, bool last_given)
{
    if (recipe->weights && recipe->init)
        return cli_misuse(usage, "weights and a model to go on from: give one of them");
    if (recipe->unfreeze && last_given)
        return cli_misuse(usage, "--unfreeze and --unfreeze-last: give one of them");
    return -1;
}
