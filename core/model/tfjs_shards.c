#include "core/model/tfjs_shards.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/model/js_text.h"

/* TensorFlow.js cuts at 4 MiB, so a module with more text than this is not one of its shards. */
#define MAX_MODULE ((size_t)64 << 20)

static void close_current(thaw_shards *s)
{
    if (s->stream)
        fclose(s->stream);
    free(s->text);
    free(s->path);
    s->stream = NULL;
    s->text = NULL;
    s->path = NULL;
    s->bytes = NULL;
    s->used = s->size = 0;
}

void thaw_shards_close(thaw_shards *s)
{
    close_current(s);
    s->next = NULL;
}

/* Shards lie beside the model; a name may not lead elsewhere. */
static bool good_name(const char *name)
{
    return name && name[0] && name[0] != '.' && strlen(name) <= 200 && !strpbrk(name, "/\\");
}

static char *shard_path(const thaw_shards *s, const char *name)
{
    static const char *const endings[] = {".min.js", ".js"};
    if (!s->module)
        return thaw_path_join(s->dir, name);
    char *path = NULL;
    for (size_t i = 0; i < 2; i++) {
        char file[216];
        snprintf(file, sizeof file, "%.200s%s", name, endings[i]);
        free(path);
        path = thaw_path_join(s->dir, file);
        if (!path || thaw_path_exists(path))
            break;
    }
    return path;
}

static thaw_status open_plain(thaw_shards *s, thaw_error *err)
{
    struct stat sb;
    int fd = open(s->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &sb) != 0 || !S_ISREG(sb.st_mode)) {
        thaw_status st = thaw_fail_errno(err, fd < 0 ? errno : EINVAL, "cannot open the shard %s", s->path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    s->stream = fdopen(fd, "rb");
    if (!s->stream) {
        int e = errno;
        close(fd);
        return thaw_fail_errno(err, e, "cannot open the shard %s", s->path);
    }
    return THAW_OK;
}

static thaw_status open_module(thaw_shards *s, thaw_error *err)
{
    size_t size = 0;
    thaw_status st = thaw_read_file(s->path, MAX_MODULE, &s->text, &size, err);
    return st == THAW_OK ? thaw_js_base64(s->path, (char *)s->text, size, &s->bytes, &s->size, err) : st;
}

static thaw_status open_next(thaw_shards *s, thaw_error *err)
{
    const char *name = cJSON_GetStringValue(s->next);
    if (!good_name(name))
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: the weight manifest names a shard that is no plain file name: %.96s", s->dir,
                         name ? name : "(not a text)");
    close_current(s);
    s->next = s->next->next;
    s->path = shard_path(s, name);
    if (!s->path)
        return thaw_fail_memory(err, strlen(name) + strlen(s->dir), "a path");
    return s->module ? open_module(s, err) : open_plain(s, err);
}

/* What the current shard still has, at most n bytes. */
static thaw_status read_current(thaw_shards *s, void *out, size_t n, size_t *got, thaw_error *err)
{
    *got = 0;
    if (s->stream) {
        *got = fread(out, 1, n, s->stream);
        if (ferror(s->stream))
            return thaw_fail_errno(err, errno, "cannot read the shard %s", s->path);
    } else if (s->bytes) {
        *got = n < s->size - s->used ? n : s->size - s->used;
        memcpy(out, s->bytes + s->used, *got);
        s->used += *got;
    }
    return THAW_OK;
}

thaw_status thaw_shards_read(thaw_shards *s, void *out, size_t n, const char *what, thaw_error *err)
{
    size_t have = 0;
    for (;;) {
        size_t got = 0;
        thaw_status st = read_current(s, (uint8_t *)out + have, n - have, &got, err);
        if (st != THAW_OK)
            return st;
        have += got;
        if (have == n)
            return THAW_OK;
        if (!s->next)
            return thaw_fail(err, THAW_E_FORMAT,
                             "%s: the shards end within %.96s; the last one is cut short or of another model",
                             s->path ? s->path : s->dir, what);
        st = open_next(s, err);
        if (st != THAW_OK)
            return st;
    }
}

thaw_status thaw_shards_at_end(thaw_shards *s, thaw_error *err)
{
    for (;;) {
        uint8_t byte;
        size_t got = 0;
        thaw_status st = read_current(s, &byte, 1, &got, err);
        if (st != THAW_OK)
            return st;
        if (got)
            return thaw_fail(err, THAW_E_FORMAT,
                             "%s: the shard has more bytes than the weight manifest lists; it is of another "
                             "model",
                             s->path);
        if (!s->next)
            return THAW_OK;
        st = open_next(s, err);
        if (st != THAW_OK)
            return st;
    }
}
