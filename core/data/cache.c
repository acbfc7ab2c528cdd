/* The feature cache: rows in memory, or in a file of records. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/data/cache_store.h"

#define ALIGN 64u

struct thaw_cache {
    thaw_record record;
    size_t n_images;
    bool *stored;                          /* [tensor][image] */
    uint8_t *rows[THAW_CACHE_TENSORS_MAX]; /* in memory: each [image][row]; NULL with a file */
    thaw_cache_file *file;                 /* or NULL */
    bool keep;                             /* the file outlives the run */
    uint32_t *record_of;                   /* record of each image in the file, or UINT32_MAX */
};

static thaw_status plan_record(const thaw_cache_layout *layout, size_t n_images, thaw_record *r,
                               size_t *total, thaw_error *err)
{
    if (layout->n_tensors == 0 || layout->n_tensors > THAW_CACHE_TENSORS_MAX || n_images == 0 ||
        n_images >= UINT32_MAX)
        return thaw_fail(err, THAW_E_INVALID, "a feature cache of %zu tensors for %zu images is impossible",
                         layout->n_tensors, n_images);
    *r = (thaw_record){.n_tensors = layout->n_tensors};
    bool ok = true;
    for (size_t t = 0; ok && t < r->n_tensors; t++) {
        r->row_bytes[t] = layout->row_bytes[t];
        r->offset[t] = r->bytes;
        ok = r->row_bytes[t] > 0 && thaw_add(r->bytes, r->row_bytes[t], &r->bytes);
    }
    /* Half of what a file offset can say leaves room for headers and seals. */
    if (!ok || !thaw_mul(r->bytes, n_images, total) || *total > (size_t)INT64_MAX / 2)
        return thaw_fail(err, THAW_E_INVALID, "the rows of the feature cache have impossible sizes");
    return THAW_OK;
}

static thaw_status take_memory(thaw_cache *c, size_t total, thaw_error *err)
{
    for (size_t t = 0; t < c->record.n_tensors; t++) {
        c->rows[t] = thaw_alloc_aligned(c->record.row_bytes[t] * c->n_images, ALIGN);
        if (!c->rows[t])
            return thaw_fail_memory(err, total, "the feature cache (a smaller limit makes it use a file)");
    }
    return THAW_OK;
}

static const char *folder_of(const thaw_cache_options *options)
{
    const char *temporary = getenv("TMPDIR");
    if (options->dir)
        return options->dir;
    return temporary && *temporary ? temporary : "/tmp";
}

static thaw_status open_file(thaw_cache *c, const thaw_cache_options *options, thaw_error *err)
{
    const char *dir = folder_of(options);
    bool busy = false;
    thaw_status st = THAW_OK;
    if (options->keep)
        st = thaw_cache_file_keep(&c->record, c->n_images, dir, options->key, &c->file, &busy, err);
    c->keep = c->file != NULL;
    if (st == THAW_OK && !c->file)
        st = thaw_cache_file_temporary(&c->record, c->n_images, dir, &c->file, err);
    return st;
}

thaw_status thaw_cache_create(const thaw_cache_layout *layout, size_t n_images,
                              const thaw_cache_options *options, thaw_cache **out, thaw_error *err)
{
    thaw_cache *c = thaw_calloc(1, sizeof *c);
    if (!c)
        return thaw_fail_memory(err, sizeof *c, "the feature cache");
    size_t total = 0;
    thaw_status st = plan_record(layout, n_images, &c->record, &total, err);
    if (st != THAW_OK)
        goto cleanup;
    c->n_images = n_images;
    c->stored = thaw_calloc(c->record.n_tensors * n_images, sizeof *c->stored);
    c->record_of = thaw_calloc(n_images, sizeof *c->record_of);
    if (!c->stored || !c->record_of) {
        st = thaw_fail_memory(err, n_images * (c->record.n_tensors + sizeof *c->record_of),
                              "the feature cache's list");
        goto cleanup;
    }
    memset(c->record_of, 0xff, n_images * sizeof *c->record_of);
    if (options->keep || total > options->memory_limit)
        st = open_file(c, options, err);
    else
        st = take_memory(c, total, err);
cleanup:
    if (st == THAW_OK)
        *out = c;
    else
        thaw_cache_free(c);
    return st;
}

void thaw_cache_free(thaw_cache *c)
{
    if (!c)
        return;
    for (size_t t = 0; t < c->record.n_tensors; t++)
        thaw_free_aligned(c->rows[t]);
    thaw_cache_file_free(c->file);
    free(c->record_of);
    free(c->stored);
    free(c);
}

const char *thaw_cache_place(const thaw_cache *c)
{
    return c->file ? thaw_cache_file_path(c->file) : "memory";
}

static thaw_status check_position(const thaw_cache *c, size_t t, uint32_t image, thaw_error *err)
{
    if (t < c->record.n_tensors && image < c->n_images)
        return THAW_OK;
    return thaw_fail(err, THAW_E_INVALID,
                     "the feature cache has no tensor %zu of image %u (%zu tensors, %zu images)", t, image,
                     c->record.n_tensors, c->n_images);
}

bool thaw_cache_in_memory(const thaw_cache *c)
{
    return !c->file;
}

void *thaw_cache_row(const thaw_cache *c, size_t t, uint32_t image)
{
    if (c->file || t >= c->record.n_tensors || image >= c->n_images)
        return NULL;
    return c->rows[t] + c->record.row_bytes[t] * image;
}

/* A sealed record is never written again: another image, or the next run, may stand on it. */
static thaw_status bind_record(thaw_cache *c, uint32_t image, thaw_error *err)
{
    uint32_t *record = &c->record_of[image];
    if (!c->keep) {
        *record = image;
        return THAW_OK;
    }
    if (*record != UINT32_MAX && !thaw_cache_file_sealed(c->file, *record))
        return THAW_OK;
    for (size_t t = 0; t < c->record.n_tensors; t++)
        c->stored[t * c->n_images + image] = false;
    return thaw_cache_file_append(c->file, record, err);
}

thaw_status thaw_cache_put(thaw_cache *c, size_t t, uint32_t image, const void *row, thaw_error *err)
{
    thaw_status st = check_position(c, t, image, err);
    if (st != THAW_OK)
        return st;
    if (c->file) {
        st = bind_record(c, image, err);
        if (st == THAW_OK)
            st = thaw_cache_file_write(c->file, t, c->record_of[image], row, err);
    } else if (row != thaw_cache_row(c, t, image)) {
        memcpy(thaw_cache_row(c, t, image), row, c->record.row_bytes[t]);
    }
    if (st == THAW_OK)
        c->stored[t * c->n_images + image] = true;
    return st;
}

static thaw_status check_stored(const thaw_cache *c, size_t t, uint32_t image, thaw_error *err)
{
    thaw_status st = check_position(c, t, image, err);
    if (st == THAW_OK && !c->stored[t * c->n_images + image])
        st = thaw_fail(err, THAW_E_INTERNAL, "the features of image %u (tensor %zu) were never computed",
                       image, t);
    return st;
}

thaw_status thaw_cache_locate(const thaw_cache *c, size_t t, const uint32_t *images, size_t n, void **out,
                              thaw_error *err)
{
    for (size_t i = 0; i < n; i++) {
        thaw_status st = check_stored(c, t, images[i], err);
        if (st != THAW_OK)
            return st;
        out[i] = thaw_cache_row(c, t, images[i]);
    }
    return THAW_OK;
}

thaw_status thaw_cache_gather(thaw_cache *c, size_t t, const uint32_t *images, size_t n, void *out,
                              thaw_error *err)
{
    uint8_t *to = out;
    for (size_t i = 0; i < n; i++) {
        thaw_status st = check_stored(c, t, images[i], err);
        if (st != THAW_OK)
            return st;
        size_t bytes = c->record.row_bytes[t];
        if (c->file)
            st = thaw_cache_file_read(c->file, t, c->record_of[images[i]], to, err);
        else
            memcpy(to, c->rows[t] + bytes * images[i], bytes);
        if (st != THAW_OK)
            return st;
        to += bytes;
    }
    return THAW_OK;
}

bool thaw_cache_find(thaw_cache *c, uint32_t image, const char hash[33])
{
    if (!c->keep || image >= c->n_images)
        return false;
    uint32_t record = thaw_cache_file_find(c->file, hash);
    if (record == UINT32_MAX)
        return false;
    c->record_of[image] = record;
    for (size_t t = 0; t < c->record.n_tensors; t++)
        c->stored[t * c->n_images + image] = true;
    return true;
}

thaw_status thaw_cache_done(thaw_cache *c, uint32_t image, const char hash[33], thaw_error *err)
{
    thaw_status st = check_position(c, 0, image, err);
    for (size_t t = 0; st == THAW_OK && t < c->record.n_tensors; t++)
        st = check_stored(c, t, image, err);
    if (st == THAW_OK && c->keep)
        st = thaw_cache_file_seal(c->file, c->record_of[image], hash, err);
    return st;
}
