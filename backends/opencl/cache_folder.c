#include "backends/opencl/cache_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define MAX_ENTRIES    512u
#define MAX_BYTES      ((uint64_t)512 << 20)
#define MAX_DELETIONS  64   /* at a time: whoever fills the folder by other means must not hold us up */
#define BESIDE_SECONDS 3600 /* what was being written for so long, nobody is writing any more */

bool ocl_cache_path(const char *file, char *out, size_t cap)
{
    const char *own = getenv("THAW_CACHE_DIR"), *xdg = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    int n = -1;
    if (own && *own)
        n = snprintf(out, cap, "%s/opencl/%s", own, file);
    else if (xdg && xdg[0] == '/') /* its specification: a relative path is to be ignored */
        n = snprintf(out, cap, "%s/thaw/opencl/%s", xdg, file);
    else if (home && *home)
        n = snprintf(out, cap, "%s/.cache/thaw/opencl/%s", home, file);
    return n >= 0 && (size_t)n < cap;
}

bool ocl_cache_make_folder(void)
{
    char path[OCL_PATH_MAX];
    if (!ocl_cache_path("", path, sizeof path)) {
        errno = ENAMETOOLONG;
        return false;
    }
    for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
        *slash = '\0';
        /* Parts that exist need not be ours to write to. */
        if (mkdir(path, 0700) != 0 && errno != EEXIST && access(path, F_OK) != 0)
            return false;
        *slash = '/';
    }
    return true;
}

/* What one look at the folder finds. */
typedef struct {
    uint64_t entries, bytes;
    char oldest[OCL_ENTRY_NAME];
    struct timespec oldest_time;
} inventory;

static bool has_suffix(const char *name, const char *suffix)
{
    size_t n = strlen(name), m = strlen(suffix);
    return n >= m && strcmp(name + n - m, suffix) == 0;
}

static bool is_beside(const char *name)
{
    return strncmp(name, OCL_BESIDE_PREFIX, sizeof OCL_BESIDE_PREFIX - 1) == 0 &&
           has_suffix(name, OCL_BESIDE_SUFFIX);
}

static bool is_before(struct timespec a, struct timespec b)
{
    return a.tv_sec < b.tv_sec || (a.tv_sec == b.tv_sec && a.tv_nsec < b.tv_nsec);
}

static void count_entry(inventory *all, const char *name, const struct stat *st)
{
    if (all->entries == 0 || is_before(st->st_mtim, all->oldest_time)) {
        memcpy(all->oldest, name, sizeof all->oldest);
        all->oldest_time = st->st_mtim;
    }
    all->entries++;
    all->bytes += (uint64_t)st->st_size;
}

/* Also removes what writers that were killed have left. */
static void look(DIR *dir, inventory *all)
{
    const time_t now = time(NULL);
    struct stat st;
    *all = (inventory){0};
    rewinddir(dir);
    for (const struct dirent *d; (d = readdir(dir)) != NULL;) {
        if (fstatat(dirfd(dir), d->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
            continue;
        if (has_suffix(d->d_name, OCL_ENTRY_SUFFIX) && strlen(d->d_name) == OCL_ENTRY_NAME - 1)
            count_entry(all, d->d_name, &st);
        else if (is_beside(d->d_name) && now - st.st_mtim.tv_sec > BESIDE_SECONDS)
            unlinkat(dirfd(dir), d->d_name, 0);
    }
}

void ocl_cache_settle(void)
{
    char path[OCL_PATH_MAX];
    inventory all;
    DIR *dir = ocl_cache_path("", path, sizeof path) ? opendir(path) : NULL;
    if (!dir)
        return;
    fsync(dirfd(dir));
    look(dir, &all);
    for (int i = 0; i < MAX_DELETIONS && (all.entries > MAX_ENTRIES || all.bytes > MAX_BYTES); i++) {
        if (unlinkat(dirfd(dir), all.oldest, 0) != 0 && errno != ENOENT)
            break;
        look(dir, &all);
    }
    closedir(dir);
}
