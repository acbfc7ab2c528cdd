#include "core/base/folders.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* xdg: the variable, home_folder: what stands for it below $HOME. */
static char *user_folder(const char *xdg, const char *home_folder, const char *name)
{
    const char *root = getenv(xdg), *home = getenv("HOME");
    char *path = NULL;
    int n = -1;
    /* The XDG base directory specification: a relative path there is to be ignored. */
    if (root && root[0] == '/')
        n = asprintf(&path, "%s/thaw/%s", root, name);
    else if (home && *home)
        n = asprintf(&path, "%s/%s/thaw/%s", home, home_folder, name);
    return n < 0 ? NULL : path;
}

char *thaw_cache_folder(const char *name)
{
    const char *own = getenv("THAW_CACHE_DIR");
    char *path = NULL;
    if (own && *own)
        return asprintf(&path, "%s/%s", own, name) < 0 ? NULL : path;
    return user_folder("XDG_CACHE_HOME", ".cache", name);
}

char *thaw_config_folder(const char *name)
{
    return user_folder("XDG_CONFIG_HOME", ".config", name);
}

static int plain(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '.';
}

void thaw_file_name(const char *text, char *out, unsigned cap)
{
    unsigned n = 0;
    for (; text[n] && n + 1 < cap; n++)
        out[n] = plain(text[n]) && !(n == 0 && text[n] == '.') ? text[n] : '_';
    out[n] = '\0';
}
