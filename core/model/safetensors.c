#include "core/model/safetensors.h"

#include <cJSON.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/model/utf8.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "tensors are read and written as they lie in memory, which must be little-endian"
#endif

/* ---- the header -------------------------------------------------------------------------------- */

static thaw_status read_bytes(const thaw_st_file *f, uint64_t offset, void *out, size_t size,
                              const char *what, thaw_error *err)
{
    if (fseeko(f->stream, (off_t)offset, SEEK_SET) != 0)
        return thaw_fail_errno(err, errno, "%s: cannot go to byte %llu", f->path, (unsigned long long)offset);
    size_t have = fread(out, 1, size, f->stream);
    if (have == size)
        return THAW_OK;
    if (ferror(f->stream))
        return thaw_fail_errno(err, errno, "%s: cannot read %s at byte %llu", f->path, what,
                               (unsigned long long)offset);
    return thaw_fail(err, THAW_E_FORMAT, "%s: the file ends at byte %llu, within %s", f->path,
                     (unsigned long long)(offset + have), what);
}

static thaw_status open_regular(const char *path, thaw_st_file *f, uint64_t *size, thaw_error *err)
{
    struct stat sb;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0 || fstat(fd, &sb) != 0) {
        thaw_status st = thaw_fail_errno(err, errno, "cannot open %s", path);
        if (fd >= 0)
            close(fd);
        return st;
    }
    if (!S_ISREG(sb.st_mode)) {
        close(fd);
        return thaw_fail(err, THAW_E_INVALID, "%s is not a regular file", path);
    }
    f->stream = fdopen(fd, "rb");
    if (!f->stream) {
        int e = errno;
        close(fd);
        return thaw_fail_errno(err, e, "cannot open %s", path);
    }
    *size = (uint64_t)sb.st_size;
    return THAW_OK;
}

static thaw_status parse_header(thaw_st_file *f, uint64_t size, thaw_error *err)
{
    uint8_t raw[8];
    thaw_status st = read_bytes(f, 0, raw, sizeof raw, "the length of the header", err);
    if (st != THAW_OK)
        return st;
    uint64_t length = 0;
    for (int i = 7; i >= 0; i--)
        length = length << 8 | raw[i];
    if (length > THAW_ST_MAX_HEADER)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: byte 0 announces a header of %llu bytes; more than %llu are never right",
                         f->path, (unsigned long long)length, (unsigned long long)THAW_ST_MAX_HEADER);
    if (length > size - 8)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: byte 0 announces a header of %llu bytes, but the file has %llu after it; it is "
                         "cut short",
                         f->path, (unsigned long long)length, (unsigned long long)(size - 8));
    char *text = malloc((size_t)length + 1);
    if (!text)
        return thaw_fail_memory(err, length + 1, "a model file's header");
    st = read_bytes(f, 8, text, (size_t)length, "the header", err);
    if (st != THAW_OK)
        goto cleanup;
    text[length] = '\0';
    size_t good = thaw_utf8_span(text, (size_t)length);
    size_t stop = strlen(text);
    if (good < length || stop < length) {
        st = thaw_fail(err, THAW_E_FORMAT, "%s: the header is not UTF-8 text at byte %zu", f->path,
                       8 + (good < stop ? good : stop));
        goto cleanup;
    }
    const char *end = NULL;
    f->header = cJSON_ParseWithOpts(text, &end, 1);
    if (!f->header)
        st = thaw_fail(err, THAW_E_FORMAT, "%s: the header is not JSON at byte %zu", f->path,
                       8 + (end ? (size_t)(end - text) : 0));
    else if (!cJSON_IsObject(f->header))
        st = thaw_fail(err, THAW_E_FORMAT, "%s: the header is not a JSON object", f->path);
    f->data_start = 8 + length;
cleanup:
    free(text);
    return st;
}

/* A whole number below 2^53, exact in a double. */
static bool whole(const cJSON *item, uint64_t *out)
{
    if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0) || item->valuedouble > 9007199254740992.0 ||
        item->valuedouble != floor(item->valuedouble))
        return false;
    *out = (uint64_t)item->valuedouble;
    return true;
}

static thaw_status parse_shape(const thaw_st_file *f, const cJSON *shape, thaw_st_entry *e, thaw_error *err)
{
    const cJSON *d = NULL;
    cJSON_ArrayForEach(d, shape)
    {
        uint64_t n = 0;
        if (e->rank == THAW_ST_MAX_RANK)
            return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s has more than %u dimensions", f->path,
                             e->name, THAW_ST_MAX_RANK);
        if (!whole(d, &n))
            return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s has a dimension that is no size",
                             f->path, e->name);
        e->dims[e->rank++] = (size_t)n;
    }
    return THAW_OK;
}

static size_t dtype_size(const char *dtype)
{
    static const struct {
        const char *name;
        size_t bytes;
    } known[] = {{"F32", 4}, {"F16", 2}, {"BF16", 2}, {"F64", 8}, {"I64", 8}, {"U64", 8}, {"I32", 4},
                 {"U32", 4}, {"I16", 2}, {"U16", 2},  {"I8", 1},  {"U8", 1},  {"BOOL", 1}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++)
        if (strcmp(dtype, known[i].name) == 0)
            return known[i].bytes;
    return 0;
}

static thaw_status parse_entry(const thaw_st_file *f, const cJSON *item, uint64_t data_bytes,
                               thaw_st_entry *e, thaw_error *err)
{
    e->name = item->string;
    const cJSON *dtype = cJSON_GetObjectItemCaseSensitive(item, "dtype");
    const cJSON *shape = cJSON_GetObjectItemCaseSensitive(item, "shape");
    const cJSON *offsets = cJSON_GetObjectItemCaseSensitive(item, "data_offsets");
    if (!cJSON_IsString(dtype) || !cJSON_IsArray(shape) || !cJSON_IsArray(offsets))
        return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s lacks a dtype, shape or data_offsets",
                         f->path, e->name);
    size_t bytes = dtype_size(dtype->valuestring);
    if (bytes == 0)
        return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s has the unknown dtype %.16s", f->path,
                         e->name, dtype->valuestring);
    snprintf(e->dtype, sizeof e->dtype, "%s", dtype->valuestring);
    thaw_status st = parse_shape(f, shape, e, err);
    if (st != THAW_OK)
        return st;
    bool fits = true;
    for (uint32_t i = 0; i < e->rank; i++)
        fits = fits && thaw_mul(bytes, e->dims[i], &bytes);
    if (cJSON_GetArraySize(offsets) != 2 || !whole(cJSON_GetArrayItem(offsets, 0), &e->begin) ||
        !whole(cJSON_GetArrayItem(offsets, 1), &e->end) || e->begin > e->end || e->end > data_bytes)
        return thaw_fail(
            err, THAW_E_FORMAT,
            "%s: the tensor %.96s has data_offsets that do not lie within the %llu bytes of data "
            "after byte %llu; the file is cut short or damaged",
            f->path, e->name, (unsigned long long)data_bytes, (unsigned long long)f->data_start);
    if (!fits || e->end - e->begin != bytes)
        return thaw_fail(err, THAW_E_FORMAT,
                         "%s: the tensor %.96s has %llu bytes of data, which its dtype and shape contradict",
                         f->path, e->name, (unsigned long long)(e->end - e->begin));
    return THAW_OK;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const thaw_st_entry *)a)->name, ((const thaw_st_entry *)b)->name);
}

/* By place, with the empty tensors before those that begin where they lie. */
static int by_begin(const void *a, const void *b)
{
    const thaw_st_entry *x = a, *y = b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return x->end < y->end ? -1 : x->end > y->end;
}

static thaw_status check_cover(thaw_st_file *f, uint64_t data_bytes, thaw_error *err)
{
    qsort(f->entries, f->n_entries, sizeof *f->entries, by_name);
    for (size_t i = 1; i < f->n_entries; i++)
        if (strcmp(f->entries[i - 1].name, f->entries[i].name) == 0)
            return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s is in the header twice", f->path,
                             f->entries[i].name);
    qsort(f->entries, f->n_entries, sizeof *f->entries, by_begin);
    uint64_t at = 0;
    for (size_t i = 0; i < f->n_entries; i++) {
        const thaw_st_entry *e = &f->entries[i];
        if (e->begin != at)
            return thaw_fail(err, THAW_E_FORMAT, "%s: the tensor %.96s begins at byte %llu, %s", f->path,
                             e->name, (unsigned long long)(f->data_start + e->begin),
                             e->begin < at ? "within another one" : "behind a gap");
        at = e->end;
    }
    if (at != data_bytes)
        return thaw_fail(err, THAW_E_FORMAT, "%s: %llu bytes from byte %llu belong to no tensor", f->path,
                         (unsigned long long)(data_bytes - at), (unsigned long long)(f->data_start + at));
    return THAW_OK;
}

static thaw_status check_metadata(const thaw_st_file *f, thaw_error *err)
{
    if (!cJSON_IsObject(f->metadata))
        return thaw_fail(err, THAW_E_FORMAT, "%s: __metadata__ is not a JSON object", f->path);
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, f->metadata)
    {
        if (!cJSON_IsString(item))
            return thaw_fail(err, THAW_E_FORMAT, "%s: the metadata %.96s is not a text", f->path,
                             item->string);
    }
    return THAW_OK;
}

static thaw_status parse_entries(thaw_st_file *f, uint64_t data_bytes, thaw_error *err)
{
    int n = cJSON_GetArraySize(f->header);
    f->entries = thaw_calloc((size_t)n, sizeof *f->entries);
    if (!f->entries)
        return thaw_fail_memory(err, (size_t)n * sizeof *f->entries, "a model file's header");
    const cJSON *item = NULL;
    cJSON_ArrayForEach(item, f->header)
    {
        thaw_status st = THAW_OK;
        if (strcmp(item->string, "__metadata__") != 0) {
            st = parse_entry(f, item, data_bytes, &f->entries[f->n_entries], err);
            f->n_entries++;
        } else if (f->metadata) {
            st = thaw_fail(err, THAW_E_FORMAT, "%s: __metadata__ is in the header twice", f->path);
        } else {
            f->metadata = item;
            st = check_metadata(f, err);
        }
        if (st != THAW_OK)
            return st;
    }
    return check_cover(f, data_bytes, err);
}

thaw_status thaw_st_open(const char *path, thaw_st_file *f, thaw_error *err)
{
    memset(f, 0, sizeof *f);
    uint64_t size = 0;
    thaw_status st = open_regular(path, f, &size, err);
    if (st != THAW_OK)
        return st;
    f->path = thaw_strdup(path);
    if (!f->path)
        st = thaw_fail_memory(err, strlen(path) + 1, "a path");
    if (st == THAW_OK)
        st = parse_header(f, size, err);
    if (st == THAW_OK)
        st = parse_entries(f, size - f->data_start, err);
    if (st != THAW_OK)
        thaw_st_close(f);
    return st;
}

void thaw_st_close(thaw_st_file *f)
{
    if (f->stream)
        fclose(f->stream);
    cJSON_Delete(f->header);
    free(f->entries);
    free(f->path);
    memset(f, 0, sizeof *f);
}

const char *thaw_st_text(const thaw_st_file *f, const char *key)
{
    return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(f->metadata, key));
}

thaw_status thaw_st_place(const thaw_st_file *f, const thaw_st_entry *e, size_t count, uint64_t *out,
                          thaw_error *err)
{
    if (strcmp(e->dtype, "F32") != 0)
        return thaw_fail(err, THAW_E_UNSUPPORTED, "%s: the tensor %.96s is %s; thaw's own files hold F32",
                         f->path, e->name, e->dtype);
    if (e->end - e->begin != (uint64_t)count * sizeof(float))
        return thaw_fail(err, THAW_E_INTERNAL, "%s: the tensor %.96s was asked for with a wrong size",
                         f->path, e->name);
    *out = f->data_start + e->begin;
    return THAW_OK;
}

thaw_status thaw_st_read(const thaw_st_file *f, const thaw_st_entry *e, float *out, size_t count,
                         thaw_error *err)
{
    uint64_t at = 0;
    thaw_status st = thaw_st_place(f, e, count, &at, err);
    return st == THAW_OK ? read_bytes(f, at, out, count * sizeof *out, e->name, err) : st;
}

/* ---- writing ----------------------------------------------------------------------------------- */

static bool add_entry(cJSON *header, const thaw_weight *w, uint64_t begin, uint64_t end)
{
    cJSON *item = cJSON_AddObjectToObject(header, w->name);
    if (!item || !cJSON_AddStringToObject(item, "dtype", "F32"))
        return false;
    cJSON *shape = cJSON_AddArrayToObject(item, "shape");
    for (uint32_t i = 0; i < w->rank; i++)
        if (!cJSON_AddItemToArray(shape, cJSON_CreateNumber((double)w->dims[i])))
            return false;
    cJSON *offsets = cJSON_AddArrayToObject(item, "data_offsets");
    return cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)begin)) &&
           cJSON_AddItemToArray(offsets, cJSON_CreateNumber((double)end));
}

static char *header_text(const cJSON *metadata, const thaw_weight *const *tensors, size_t n)
{
    char *text = NULL;
    cJSON *header = cJSON_CreateObject();
    cJSON *copy = cJSON_Duplicate(metadata, 1);
    if (!header || !copy || !cJSON_AddItemToObject(header, "__metadata__", copy)) {
        cJSON_Delete(copy);
        goto cleanup;
    }
    uint64_t at = 0;
    for (size_t i = 0; i < n; i++) {
        uint64_t end = at + (uint64_t)tensors[i]->count * sizeof(float);
        if (!add_entry(header, tensors[i], at, end))
            goto cleanup;
        at = end;
    }
    text = cJSON_PrintUnformatted(header);
cleanup:
    cJSON_Delete(header);
    return text;
}

static thaw_status cannot_write(const char *path, thaw_error *err)
{
    return thaw_fail_errno(err, errno ? errno : EIO, "cannot write %s (what was there before is unchanged)",
                           path);
}

/* Bytes after which the disk is given work. */
#define SYNC_BYTES ((size_t)4 << 20)

/* One by one: what is read for it is not in memory all at once. */
static thaw_status write_tensors(thaw_atomic_file *file, const char *path, const thaw_weight *const *tensors,
                                 size_t n, const thaw_st_source *source, thaw_error *err)
{
    size_t most = 0, waiting = 0;
    for (size_t i = 0; i < n; i++)
        if (!tensors[i]->data && tensors[i]->count > most)
            most = tensors[i]->count;
    float *room = thaw_calloc(most, sizeof *room);
    thaw_status st = room ? THAW_OK : thaw_fail_memory(err, most * sizeof *room, "a tensor");
    for (size_t i = 0; st == THAW_OK && i < n; i++) {
        const thaw_weight *w = tensors[i];
        const float *values = w->data ? w->data : room;
        if (!w->data)
            st = source->read(source->ctx, w, room, err);
        errno = 0;
        if (st == THAW_OK && fwrite(values, sizeof *values, w->count, file->stream) != w->count)
            st = cannot_write(path, err);
        waiting += w->count * sizeof *values;
        if (st != THAW_OK || waiting < SYNC_BYTES)
            continue;
        thaw_atomic_start_sync(file);
        waiting = 0;
    }
    free(room);
    return st;
}

thaw_status thaw_st_write(const char *path, const cJSON *metadata, const thaw_weight *const *tensors,
                          size_t n, const thaw_st_source *source, thaw_error *err)
{
    char *text = header_text(metadata, tensors, n);
    if (!text)
        return thaw_fail_memory(err, (unsigned long long)n * 128, "a model file's header");
    size_t length = strlen(text);
    size_t padded = (length + 7) & ~(size_t)7; /* tensors begin at a multiple of 8, for those who map them */
    thaw_atomic_file file;
    thaw_status st =
        padded > THAW_ST_MAX_HEADER
            ? thaw_fail(err, THAW_E_UNSUPPORTED,
                        "%s: the header would have %zu bytes, more than the %llu that can be read "
                        "back; shorten the history",
                        path, padded, (unsigned long long)THAW_ST_MAX_HEADER)
            : thaw_atomic_open(path, &file, err);
    if (st != THAW_OK)
        goto cleanup;
    uint64_t stored = padded;
    errno = 0;
    bool good = fwrite(&stored, sizeof stored, 1, file.stream) == 1 &&
                fwrite(text, 1, length, file.stream) == length &&
                fprintf(file.stream, "%*s", (int)(padded - length), "") >= 0;
    st = good ? write_tensors(&file, path, tensors, n, source, err) : cannot_write(path, err);
    if (st == THAW_OK)
        st = thaw_atomic_commit(&file, err);
    else
        thaw_atomic_abandon(&file);
cleanup:
    cJSON_free(text);
    return st;
}
