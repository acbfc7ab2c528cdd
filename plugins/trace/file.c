/* file.c: the trace appears under its name when it is whole. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "trace.h"

static thaw_status fail_errno(thaw_error *err, int e, const char *what, const char *path)
{
    thaw_status st = trace_fail(err, e == ENOENT ? THAW_E_NOT_FOUND : THAW_E_IO, "cannot write %.300s%s: %s",
                                path, what, strerror(e));
    if (err)
        err->native = e;
    return st;
}

/* A rename would fail on a folder only when all the work is done, and would replace a device. */
static thaw_status check_replaceable(const char *path, thaw_error *err)
{
    struct stat sb;
    size_t n = strlen(path);
    if (n == 0)
        return trace_fail(err, THAW_E_INVALID, "cannot write a file without a name");
    bool there = stat(path, &sb) == 0;
    if (path[n - 1] == '/' || (there && S_ISDIR(sb.st_mode)))
        return trace_fail(err, THAW_E_INVALID,
                          "cannot write %.300s: it names a folder; add the name of a file", path);
    if (there && !S_ISREG(sb.st_mode))
        return trace_fail(err, THAW_E_INVALID,
                          "cannot write %.300s: it is not a regular file; choose another name", path);
    return THAW_OK;
}

thaw_status trace_file_open(const char *path, trace_file *file, thaw_error *err)
{
    *file = (trace_file){0};
    thaw_status st = check_replaceable(path, err);
    if (st != THAW_OK)
        return st;
    size_t bytes = strlen(path) + 48;
    file->path = strdup(path);
    file->temporary = malloc(bytes);
    int fd = -1;
    if (!file->path || !file->temporary) {
        st = trace_fail(err, THAW_E_NO_MEMORY, "out of memory: %zu bytes for a path", bytes);
        goto cleanup;
    }
    for (unsigned n = 0; n < 1000 && (n == 0 || (fd < 0 && errno == EEXIST)); n++) {
        snprintf(file->temporary, bytes, "%s.tmp-%ld-%u", path, (long)getpid(), n);
        fd = open(file->temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    }
    if (fd < 0) {
        int e = errno;
        st = fail_errno(err, e, e == ENOENT ? ": its folder does not exist; create it first" : "", path);
        free(file->temporary);
        file->temporary = NULL;
        goto cleanup;
    }
    file->stream = fdopen(fd, "wb");
    if (!file->stream) {
        st = fail_errno(err, errno, "", path);
        close(fd);
    }
cleanup:
    if (st != THAW_OK)
        trace_file_abandon(file);
    return st;
}

thaw_status trace_file_commit(trace_file *file, thaw_error *err)
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
    thaw_status st = e ? fail_errno(err, e, " (what was there before is unchanged)", file->path) : THAW_OK;
    if (!e) {
        free(file->temporary);
        file->temporary = NULL;
    }
    trace_file_abandon(file);
    return st;
}

void trace_file_abandon(trace_file *file)
{
    if (file->stream)
        fclose(file->stream);
    if (file->temporary)
        unlink(file->temporary);
    free(file->temporary);
    free(file->path);
    *file = (trace_file){0};
}
