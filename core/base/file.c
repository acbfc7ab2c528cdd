#include "core/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/base/memory.h"

thaw_status thaw_read_file(const char *path, size_t limit, uint8_t **data, size_t *size, thaw_error *err)
{
    thaw_status st = THAW_OK;
    uint8_t *buf = NULL;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return thaw_fail_errno(err, errno, "cannot open %s", path);
    struct stat sb;
    if (fstat(fd, &sb) != 0) {
        st = thaw_fail_errno(err, errno, "cannot examine %s", path);
        goto cleanup;
    }
    if (!S_ISREG(sb.st_mode)) {
        st = thaw_fail(err, THAW_E_FORMAT, "%s is not a regular file", path);
        goto cleanup;
    }
    if ((uint64_t)sb.st_size > limit) {
        st = thaw_fail(err, THAW_E_UNSUPPORTED, "%s has %lld bytes, more than the %zu that are read", path,
                       (long long)sb.st_size, limit);
        goto cleanup;
    }
    size_t want = (size_t)sb.st_size, have = 0;
    buf = malloc(want + 1);
    if (!buf) {
        st = thaw_fail_memory(err, want + 1, path);
        goto cleanup;
    }
    while (have < want) {
        ssize_t n = read(fd, buf + have, want - have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            st = thaw_fail_errno(err, errno, "cannot read %s", path);
            goto cleanup;
        }
        if (n == 0)
            break;
        have += (size_t)n;
    }
    buf[have] = 0;
    *data = buf;
    *size = have;
    buf = NULL;
cleanup:
    free(buf);
    close(fd);
    return st;
}

/* A rename would fail on a folder only when all the work is done, and would replace a device. */
static thaw_status check_replaceable(const char *path, thaw_error *err)
{
    struct stat sb;
    size_t n = strlen(path);
    if (n == 0)
        return thaw_fail(err, THAW_E_INVALID, "cannot write a file without a name");
    if (path[n - 1] == '/' || (stat(path, &sb) == 0 && S_ISDIR(sb.st_mode)))
        return thaw_fail(err, THAW_E_INVALID, "cannot write %s: it names a folder; add the name of a file",
                         path);
    if (stat(path, &sb) == 0 && !S_ISREG(sb.st_mode))
        return thaw_fail(err, THAW_E_INVALID,
                         "cannot write %s: it is not a regular file; choose another name", path);
    return THAW_OK;
}

static thaw_status fail_to_open(const char *path, int e, thaw_error *err)
{
    if (e == ENOENT)
        return thaw_fail(err, THAW_E_NOT_FOUND, "cannot write %s: its folder does not exist; create it first",
                         path);
    return thaw_fail_errno(err, e, "cannot write %s", path);
}

thaw_status thaw_atomic_open(const char *path, thaw_atomic_file *file, thaw_error *err)
{
    memset(file, 0, sizeof *file);
    thaw_status st = check_replaceable(path, err);
    if (st != THAW_OK)
        return st;
    size_t cap = strlen(path) + 48;
    file->path = thaw_strdup(path);
    file->temporary = malloc(cap);
    if (!file->path || !file->temporary) {
        thaw_atomic_abandon(file);
        return thaw_fail_memory(err, cap, "a file name");
    }
    int fd = -1;
    for (unsigned n = 0; n < 1000 && (n == 0 || (fd < 0 && errno == EEXIST)); n++) {
        snprintf(file->temporary, cap, "%s.tmp-%ld-%u", path, (long)getpid(), n);
        fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    file->stream = fd < 0 ? NULL : fdopen(fd, "wb");
    if (!file->stream) {
        int e = errno;
        if (fd >= 0) {
            close(fd);
            unlink(file->temporary);
        }
        free(file->temporary);
        file->temporary = NULL;
        thaw_atomic_abandon(file);
        return fail_to_open(path, e, err);
    }
    return THAW_OK;
}

void thaw_atomic_start_sync(thaw_atomic_file *file)
{
    fflush(file->stream);
#if defined(__linux__)
    sync_file_range(fileno(file->stream), 0, 0, SYNC_FILE_RANGE_WRITE);
#endif
}

static void sync_folder_of(const char *path)
{
    char *dir = thaw_strdup(path);
    if (!dir)
        return;
    char *slash = strrchr(dir, '/');
    if (slash && slash != dir)
        *slash = '\0';
    int fd = open(slash ? (slash == dir ? "/" : dir) : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd >= 0) {
        fsync(fd); /* best effort: some file systems cannot sync a folder, and the file itself is safe */
        close(fd);
    }
    free(dir);
}

thaw_status thaw_atomic_commit(thaw_atomic_file *file, thaw_error *err)
{
    int e = 0;
    if (ferror(file->stream))
        e = errno ? errno : EIO;
    if (fflush(file->stream) != 0 || fsync(fileno(file->stream)) != 0)
        e = e ? e : errno;
    if (fclose(file->stream) != 0)
        e = e ? e : errno;
    file->stream = NULL;
    if (!e && rename(file->temporary, file->path) != 0)
        e = errno;
    thaw_status st = THAW_OK;
    if (e) {
        st = thaw_fail_errno(err, e, "cannot write %s (what was there before is unchanged)", file->path);
    } else {
        free(file->temporary);
        file->temporary = NULL;
        sync_folder_of(file->path);
    }
    thaw_atomic_abandon(file);
    return st;
}

void thaw_atomic_abandon(thaw_atomic_file *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temporary)
        unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    memset(file, 0, sizeof *file);
}

thaw_status thaw_write_file(const char *path, const void *data, size_t size, thaw_error *err)
{
    thaw_atomic_file file;
    thaw_status st = thaw_atomic_open(path, &file, err);
    if (st != THAW_OK)
        return st;
    if (size && fwrite(data, 1, size, file.stream) != size) {
        st = thaw_fail_errno(err, errno ? errno : EIO, "cannot write %s", path);
        thaw_atomic_abandon(&file);
        return st;
    }
    return thaw_atomic_commit(&file, err);
}

thaw_status thaw_make_dirs(const char *path, thaw_error *err)
{
    char *copy = thaw_strdup(path);
    if (!copy)
        return thaw_fail_memory(err, strlen(path), "a path");
    thaw_status st = THAW_OK;
    for (char *p = copy + 1; st == THAW_OK; p++) {
        if (*p != '/' && *p != '\0')
            continue;
        char c = *p;
        *p = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST)
            st = thaw_fail_errno(err, errno, "cannot create the folder %s", copy);
        else if (!thaw_is_dir(copy))
            st = thaw_fail(err, THAW_E_IO, "cannot create the folder %s: a file of that name is there", copy);
        *p = c;
        if (c == '\0')
            break;
    }
    free(copy);
    return st;
}

thaw_status thaw_room_for(const char *path, uint64_t need, const char *what, thaw_error *err)
{
    char *dir = thaw_strdup(path);
    if (!dir)
        return thaw_fail_memory(err, strlen(path), "a path");
    char *slash = strrchr(dir, '/');
    if (slash)
        slash[slash == dir] = '\0';
    struct statvfs fs;
    bool known = statvfs(slash ? dir : ".", &fs) == 0;
    free(dir);
    uint64_t room = known ? (uint64_t)fs.f_bavail * fs.f_frsize : need;
    if (room >= need)
        return THAW_OK;
    return thaw_fail(err, THAW_E_IO,
                     "%s: the disk has %llu MiB left, and %s takes %llu MiB: make room, or choose "
                     "another place",
                     path, (unsigned long long)(room >> 20), what, (unsigned long long)(need >> 20) + 1);
}

bool thaw_path_exists(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0;
}

bool thaw_is_dir(const char *path)
{
    struct stat sb;
    return stat(path, &sb) == 0 && S_ISDIR(sb.st_mode);
}

char *thaw_path_join(const char *dir, const char *name)
{
    size_t n = strlen(dir), cap = n + strlen(name) + 2;
    char *out = malloc(cap);
    if (out)
        snprintf(out, cap, n && dir[n - 1] == '/' ? "%s%s" : "%s/%s", dir, name);
    return out;
}

void thaw_hash_hex(const void *data, size_t size, char out[33])
{
    XXH128_hash_t h = XXH3_128bits(data, size);
    snprintf(out, 33, "%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}
