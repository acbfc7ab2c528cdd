#include "core/check/sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"

/* A folder of its own, because the copy keeps the file's name: a plugin's name says what it is. */
typedef struct copy {
    char folder[PATH_MAX], file[PATH_MAX];
} copy;

static void remove_copy(const copy *c)
{
    unlink(c->file);
    rmdir(c->folder);
}

static thaw_status write_all(int fd, const uint8_t *data, size_t bytes, const char *path, thaw_error *err)
{
    while (bytes > 0) {
        ssize_t n = write(fd, data, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return thaw_fail_errno(err, n < 0 ? errno : EIO, "cannot write %s", path);
        data += n;
        bytes -= (size_t)n;
    }
    return THAW_OK;
}

static thaw_status copy_bytes(int from, int to, const copy *c, thaw_error *err)
{
    uint8_t piece[1 << 15];
    for (;;) {
        ssize_t n = read(from, piece, sizeof piece);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return thaw_fail_errno(err, errno, "cannot read the plugin");
        if (n == 0)
            return THAW_OK;
        thaw_status st = write_all(to, piece, (size_t)n, c->file, err);
        if (st != THAW_OK)
            return st;
    }
}

static thaw_status name_copy(const char *path, copy *c, thaw_error *err)
{
    const char *place = getenv("TMPDIR"), *name = strrchr(path, '/');
    if (!place || !*place)
        place = "/tmp";
    int n = snprintf(c->folder, sizeof c->folder, "%s/thaw-check-XXXXXX", place);
    if (n < 0 || (size_t)n >= sizeof c->folder)
        return thaw_fail(err, THAW_E_INVALID, "TMPDIR is too long: %.100s", c->folder);
    if (!mkdtemp(c->folder))
        return thaw_fail_errno(err, errno, "cannot create a folder in %s (TMPDIR says where)", place);
    n = snprintf(c->file, sizeof c->file, "%s/%s", c->folder, name ? name + 1 : path);
    if (n >= 0 && (size_t)n < sizeof c->file)
        return THAW_OK;
    rmdir(c->folder);
    return thaw_fail(err, THAW_E_INVALID, "the plugin's name is too long for a copy in %s", c->folder);
}

/* The copy lives for a moment and nobody reads it again, so it is neither synced nor renamed. */
static thaw_status copy_plugin(const char *path, copy *c, thaw_error *err)
{
    thaw_status st = name_copy(path, c, err);
    if (st != THAW_OK)
        return st;
    int to = -1, from = open(path, O_RDONLY | O_CLOEXEC);
    if (from < 0)
        st = thaw_fail_errno(err, errno, "cannot read %s", path);
    else if ((to = open(c->file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0700)) < 0)
        st = thaw_fail_errno(err, errno, "cannot create %s", c->file);
    else
        st = copy_bytes(from, to, c, err);
    if (from >= 0)
        close(from);
    if (to >= 0 && close(to) != 0 && st == THAW_OK)
        st = thaw_fail_errno(err, errno, "cannot write %s", c->file);
    if (st != THAW_OK)
        remove_copy(c);
    return st;
}

static const thaw_device_entry *entry_of(const check_run *run)
{
    for (size_t i = 0; i < thaw_runtime_device_count(run->runtime); i++) {
        const thaw_device_entry *e = thaw_runtime_device(run->runtime, i);
        if (strcmp(e->name, run->device.dev->name) == 0)
            return e;
    }
    return NULL;
}

/* Other than the first plugin's, so that bits that depend on it differ. */
static uint32_t other_thread_count(const check_run *run)
{
    return thaw_threads_count(thaw_runtime_threads(run->runtime)) == 3 ? 2 : 3;
}

static thaw_status start(check_sandbox *s, const char *path, thaw_error *err)
{
    copy c;
    thaw_status st = copy_plugin(path, &c, err);
    if (st != THAW_OK)
        return st;
    const char *const files[1] = {c.file};
    const thaw_runtime_options options = {
        .threads = 1, .plugins = files, .n_plugins = 1, .no_search = true, .host = &s->host->table};
    st = thaw_runtime_create(&options, &s->runtime, err);
    remove_copy(&c);
    return st;
}

thaw_status thaw_check_sandbox_open(const check_run *run, uint32_t host_bytes, check_sandbox **out,
                                    thaw_error *err)
{
    const thaw_device_entry *entry = entry_of(run);
    check_sandbox *s = thaw_calloc(1, sizeof *s);
    if (!s)
        return thaw_fail_memory(err, sizeof *s, "a sandbox");
    size_t bytes = sizeof s->side.dev->name + 1 + (run->options ? strlen(run->options) : 0);
    s->device = malloc(bytes);
    thaw_status st = s->device ? THAW_OK : thaw_fail_memory(err, bytes, "a name");
    if (st == THAW_OK)
        snprintf(s->device, bytes, "%s%s%s", run->device.dev->name, run->options ? "," : "",
                 run->options ? run->options : "");
    if (st == THAW_OK)
        st = thaw_check_host_create(host_bytes, other_thread_count(run), &s->host, err);
    if (st == THAW_OK && !entry)
        st = thaw_fail(err, THAW_E_NOT_FOUND, "%s is no device of this runtime", run->device.dev->name);
    if (st == THAW_OK)
        st = start(s, entry->plugin_path, err);
    if (st != THAW_OK) {
        thaw_check_sandbox_close(s);
        return st == THAW_E_NO_MEMORY
                   ? st
                   : thaw_fail_within(err, THAW_E_UNSUPPORTED, "no second instance of the plugin can be had");
    }
    *out = s;
    return THAW_OK;
}

thaw_status thaw_check_sandbox_enter(check_sandbox *s, thaw_error *err)
{
    thaw_status st = thaw_runtime_open(s->runtime, s->device, &s->side.dev, err);
    if (st == THAW_OK)
        st = thaw_dev_stream(s->side.dev, &s->side.stream, err);
    if (st == THAW_OK)
        return THAW_OK;
    thaw_check_sandbox_leave(s);
    return thaw_fail_within(err, THAW_E_UNSUPPORTED, "no second instance of the device can be had");
}

void thaw_check_sandbox_leave(check_sandbox *s)
{
    if (s->side.stream)
        s->side.dev->ops.stream_destroy(s->side.dev->handle, s->side.stream);
    thaw_runtime_close(s->runtime, s->side.dev);
    s->side = (check_side){NULL, NULL};
}

void thaw_check_sandbox_shut_down(check_sandbox *s)
{
    thaw_runtime_free(s->runtime);
    s->runtime = NULL;
}

void thaw_check_sandbox_close(check_sandbox *s)
{
    if (!s || s->stuck)
        return;
    thaw_check_sandbox_leave(s);
    thaw_check_sandbox_shut_down(s);
    thaw_check_host_free(s->host);
    free(s->device);
    free(s);
}

/* What was refused is not tried again: a hundred cases would wait for it, each to be declined in other words,
 * as the copy has another name each time. */
thaw_status thaw_check_sandbox(check_run *run, check_sandbox **out, thaw_error *err)
{
    check_sandbox *s = NULL;
    thaw_status st = run->no_sandbox.status;
    if (st != THAW_OK) {
        *err = run->no_sandbox;
        return st;
    }
    if (!run->sandbox) {
        st = thaw_check_sandbox_open(run, sizeof(thaw_host), &s, err);
        if (st == THAW_OK)
            st = thaw_check_sandbox_enter(s, err);
        if (st != THAW_OK) {
            thaw_check_sandbox_close(s);
            if (st == THAW_E_UNSUPPORTED)
                run->no_sandbox = *err;
            return st;
        }
        run->sandbox = s;
    }
    *out = run->sandbox;
    return THAW_OK;
}

void thaw_check_sandbox_give_up(check_run *run)
{
    if (run->sandbox)
        run->sandbox->stuck = true;
    run->sandbox = NULL;
}

const thaw_loaded *thaw_check_sandbox_plugin(const check_sandbox *s)
{
    return &s->runtime->plugins[0];
}

thaw_status thaw_check_sandbox_index(const check_sandbox *s, uint32_t *index, thaw_error *err)
{
    const thaw_device_list *list = &s->runtime->devices;
    size_t n = strcspn(s->device, ",");
    for (size_t i = 0; i < list->count; i++)
        if (strlen(list->items[i].name) == n && memcmp(list->items[i].name, s->device, n) == 0) {
            *index = list->origins[i].index;
            return THAW_OK;
        }
    return thaw_fail(err, THAW_E_UNSUPPORTED, "a second instance of the plugin has no device %s", s->device);
}
