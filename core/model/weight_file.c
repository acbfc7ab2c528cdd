#include "core/model/weight_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "core/base/memory.h"
#include "core/model/import.h"

thaw_status thaw_weight_file_open(const thaw_st_file *file, thaw_weight_file **out, thaw_error *err)
{
    thaw_weight_file *stored = thaw_calloc(1, sizeof *stored);
    if (!stored)
        return thaw_fail_memory(err, sizeof *stored, "a model's file");
    stored->fd = fcntl(fileno(file->stream), F_DUPFD_CLOEXEC, 3);
    thaw_status st =
        stored->fd < 0 ? thaw_fail_errno(err, errno, "cannot keep %s open", file->path) : THAW_OK;
    stored->path = thaw_strdup(file->path);
    if (st == THAW_OK && !stored->path)
        st = thaw_fail_memory(err, strlen(file->path) + 1, "a path");
    if (st == THAW_OK)
        *out = stored;
    else
        thaw_weight_file_close(stored);
    return st;
}

void thaw_weight_file_close(thaw_weight_file *stored)
{
    if (!stored)
        return;
    if (stored->fd >= 0)
        close(stored->fd);
    free(stored->path);
    free(stored);
}

static thaw_status read_at(const thaw_weight_file *stored, const char *name, char *out, size_t bytes,
                           uint64_t at, thaw_error *err)
{
    while (bytes > 0) {
        ssize_t n = pread(stored->fd, out, bytes, (off_t)at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return thaw_fail_errno(err, errno, "%s: cannot read %s at byte %llu", stored->path, name,
                                   (unsigned long long)at);
        if (n == 0)
            return thaw_fail(
                err, THAW_E_FORMAT,
                "%s: the file ends at byte %llu, within %s: it was cut short since it was opened",
                stored->path, (unsigned long long)at, name);
        out += n;
        at += (uint64_t)n;
        bytes -= (size_t)n;
    }
    return THAW_OK;
}

/* Somebody may write into the file; who puts another one at its path does no harm. */
static thaw_status check_unchanged(const thaw_model *model, size_t index, const float *values,
                                   thaw_error *err)
{
    const thaw_weight_file *stored = model->stored;
    const thaw_weight *w = &model->weights[index];
    if (!stored->hashed || XXH3_64bits(values, w->count * sizeof *values) == stored->sum[index])
        return THAW_OK;
    return thaw_fail(err, THAW_E_FORMAT,
                     "%s: %s is not what it was when the file was opened: do not write into a model's file "
                     "while it is in use, put the new one in its place",
                     stored->path, w->name);
}

thaw_status thaw_model_read(const thaw_model *model, size_t index, float *out, thaw_error *err)
{
    const thaw_weight *w = &model->weights[index];
    if (w->data) {
        memcpy(out, w->data, w->count * sizeof *out);
        return THAW_OK;
    }
    if (!model->stored || model->stored->at[index] == 0)
        return thaw_fail(err, THAW_E_INVALID, "this model has no %s", w->name);
    thaw_status st =
        read_at(model->stored, w->name, (char *)out, w->count * sizeof *out, model->stored->at[index], err);
    if (st == THAW_OK)
        st = thaw_import_check_weight(model, index, out, model->stored->path, err);
    return st == THAW_OK ? check_unchanged(model, index, out, err) : st;
}

float *thaw_model_room(const thaw_model *model)
{
    size_t most = 0;
    for (size_t i = 0; i < THAW_N_WEIGHTS; i++)
        if (!model->weights[i].data && model->weights[i].count > most)
            most = model->weights[i].count;
    return thaw_calloc(most, sizeof(float));
}

thaw_status thaw_model_values(const thaw_model *model, size_t index, float *room, const float **out,
                              thaw_error *err)
{
    const float *data = model->weights[index].data;
    *out = data ? data : room;
    return data ? THAW_OK : thaw_model_read(model, index, room, err);
}
