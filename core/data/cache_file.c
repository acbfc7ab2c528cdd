/* A file of records. A temporary one is only records. A kept one has a header that says what the rows are,
 * and behind the rows of each record its seal: the hash of the image and a checksum over rows and hash. A
 * record counts only if its seal fits, so neither a crash nor a full disk can leave a wrong one behind. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/file.h"
#include "core/base/memory.h"
#include "core/data/cache_store.h"

#define HEADER_BYTES 4096u
#define HASH_BYTES   32u
#define SEAL_BYTES   (2 * HASH_BYTES)
#define KEY_MAX      128u

struct thaw_cache_file {
    thaw_record record;
    int fd;
    char *path;
    size_t base, stride; /* record i begins at base + i*stride */
    size_t needed;       /* bytes that this run may add, for the message of a full disk */
    /* Of a kept file: */
    uint8_t *scratch;   /* one record and its seal */
    char (*hashes)[33]; /* of each record; "" where it is not sealed */
    size_t n_records, capacity;
    uint32_t *buckets;           /* open addressing over hashes; UINT32_MAX is empty */
    size_t n_buckets, n_entries; /* a power of two; buckets in use */
};

static thaw_status fail_io(const thaw_cache_file *f, int e, const char *verb, thaw_error *err)
{
    if (e == ENOSPC || e == EDQUOT || e == EFBIG)
        return thaw_fail_errno(
            err, e,
            "the feature cache needs up to %zu bytes in %s; make room there, or name another "
            "folder or a larger memory limit for the cache",
            f->needed, f->path);
    return thaw_fail_errno(err, e, "cannot %s the feature cache %s", verb, f->path);
}

static thaw_status write_at(const thaw_cache_file *f, size_t at, const void *data, size_t n, thaw_error *err)
{
    const uint8_t *p = data;
    while (n) {
        ssize_t done = pwrite(f->fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return fail_io(f, done < 0 ? errno : ENOSPC, "write", err);
        p += done;
        at += (size_t)done;
        n -= (size_t)done;
    }
    return THAW_OK;
}

static thaw_status read_at(const thaw_cache_file *f, size_t at, void *data, size_t n, thaw_error *err)
{
    uint8_t *p = data;
    while (n) {
        ssize_t done = pread(f->fd, p, n, (off_t)at);
        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return fail_io(f, errno, "read", err);
        if (done == 0)
            return thaw_fail(err, THAW_E_IO, "the feature cache %s has become shorter while in use", f->path);
        p += done;
        at += (size_t)done;
        n -= (size_t)done;
    }
    return THAW_OK;
}

static thaw_cache_file *new_file(const thaw_record *record)
{
    thaw_cache_file *f = thaw_calloc(1, sizeof *f);
    if (f) {
        f->record = *record;
        f->fd = -1;
    }
    return f;
}

void thaw_cache_file_free(thaw_cache_file *f)
{
    if (!f)
        return;
    if (f->fd >= 0)
        close(f->fd);
    free(f->buckets);
    free(f->hashes);
    free(f->scratch);
    free(f->path);
    free(f);
}

const char *thaw_cache_file_path(const thaw_cache_file *f)
{
    return f->path;
}

thaw_status thaw_cache_file_temporary(const thaw_record *record, size_t n, const char *dir,
                                      thaw_cache_file **out, thaw_error *err)
{
    thaw_cache_file *f = new_file(record);
    if (!f)
        return thaw_fail_memory(err, sizeof *f, "the feature cache");
    f->stride = record->bytes;
    f->needed = record->bytes * n;
    thaw_status st = thaw_make_dirs(dir, err);
    if (st != THAW_OK)
        goto cleanup;
    f->path = thaw_path_join(dir, "thaw-cache-XXXXXX");
    if (!f->path) {
        st = thaw_fail_memory(err, strlen(dir), "a path");
        goto cleanup;
    }
    f->fd = mkostemp(f->path, O_CLOEXEC);
    if (f->fd < 0) {
        st = thaw_fail_errno(err, errno, "cannot create the feature cache %s", f->path);
        goto cleanup;
    }
    unlink(f->path);
    /* Now rather than in the middle of a run; a file system that cannot reserve will say so later. */
    if (fallocate(f->fd, 0, 0, (off_t)f->needed) != 0 && errno != EOPNOTSUPP && errno != ENOSYS)
        st = fail_io(f, errno, "reserve", err);
cleanup:
    if (st == THAW_OK)
        *out = f;
    else
        thaw_cache_file_free(f);
    return st;
}

/* ---- kept files: finding records by hash --------------------------------------------------------- */

static bool is_hash(const char *s)
{
    for (size_t i = 0; i < HASH_BYTES; i++)
        if (!((s[i] >= '0' && s[i] <= '9') || (s[i] >= 'a' && s[i] <= 'f')))
            return false;
    return true;
}

/* The bucket that holds hash, or the empty one where it would go. */
static size_t bucket_of(const thaw_cache_file *f, const char *hash)
{
    uint64_t h = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < HASH_BYTES; i++)
        h = (h ^ (uint8_t)hash[i]) * 1099511628211u;
    size_t b = (size_t)h & (f->n_buckets - 1);
    while (f->buckets[b] != UINT32_MAX && memcmp(f->hashes[f->buckets[b]], hash, HASH_BYTES) != 0)
        b = (b + 1) & (f->n_buckets - 1);
    return b;
}

/* The newest record of a hash wins. A full table only means that a record is not found in this run. */
static void index_record(thaw_cache_file *f, uint32_t record)
{
    size_t b = bucket_of(f, f->hashes[record]);
    if (f->buckets[b] == UINT32_MAX) {
        if (f->n_entries + 1 > f->n_buckets / 2)
            return;
        f->n_entries++;
    }
    f->buckets[b] = record;
}

static bool make_index(thaw_cache_file *f, size_t n_new)
{
    size_t wanted;
    if (!thaw_add(f->n_records, n_new, &wanted) || !thaw_mul(wanted, 2, &wanted))
        return false;
    for (f->n_buckets = 16; f->n_buckets < wanted; f->n_buckets *= 2)
        if (f->n_buckets > SIZE_MAX / 4)
            return false;
    f->buckets = thaw_calloc(f->n_buckets, sizeof *f->buckets);
    if (!f->buckets)
        return false;
    memset(f->buckets, 0xff, f->n_buckets * sizeof *f->buckets);
    for (size_t i = 0; i < f->n_records; i++)
        index_record(f, (uint32_t)i);
    return true;
}

static bool add_record(thaw_cache_file *f, const char *hash)
{
    void *items = f->hashes;
    bool ok = thaw_grow(&items, &f->capacity, f->n_records + 1, sizeof *f->hashes);
    f->hashes = items;
    if (!ok)
        return false;
    memcpy(f->hashes[f->n_records], hash, HASH_BYTES);
    f->hashes[f->n_records][HASH_BYTES] = '\0';
    f->n_records++;
    return true;
}

/* ---- kept files: opening ------------------------------------------------------------------------- */

static void make_header(const thaw_cache_file *f, const char *key, char header[HEADER_BYTES])
{
    const uint32_t byte_order = 0x01020304u;
    memset(header, 0, HEADER_BYTES);
    int n = snprintf(header, HEADER_BYTES, "thaw feature cache 1\nkey %s\nrows", key);
    for (size_t t = 0; t < f->record.n_tensors; t++)
        n += snprintf(header + n, HEADER_BYTES - (size_t)n, " %zu", f->record.row_bytes[t]);
    memcpy(header + HEADER_BYTES - sizeof byte_order, &byte_order, sizeof byte_order);
}

/* Takes over the records of a file with the right header, up to the first without a seal. *fits: the header
 * was right. */
static thaw_status take_over(thaw_cache_file *f, const char *header, size_t size, bool *fits, thaw_error *err)
{
    char found[HEADER_BYTES], hash[HASH_BYTES];
    *fits = false;
    if (size < HEADER_BYTES)
        return THAW_OK;
    thaw_status st = read_at(f, 0, found, HEADER_BYTES, err);
    if (st != THAW_OK || memcmp(found, header, HEADER_BYTES) != 0)
        return st;
    *fits = true;
    size_t whole = (size - f->base) / f->stride;
    for (size_t i = 0; i < whole && i < UINT32_MAX / 2; i++) {
        st = read_at(f, f->base + i * f->stride + f->record.bytes, hash, HASH_BYTES, err);
        if (st != THAW_OK || !is_hash(hash))
            return st;
        if (!add_record(f, hash))
            return thaw_fail_memory(err, f->n_records * sizeof *f->hashes, "the feature cache's list");
    }
    return THAW_OK;
}

static thaw_status open_kept(thaw_cache_file *f, const char *key, size_t n_new, thaw_error *err)
{
    struct stat sb;
    char header[HEADER_BYTES];
    bool fits = false;
    if (fstat(f->fd, &sb) != 0)
        return fail_io(f, errno, "examine", err);
    if (!S_ISREG(sb.st_mode))
        return thaw_fail(err, THAW_E_INVALID, "the feature cache %s is not a regular file", f->path);
    make_header(f, key, header);
    thaw_status st = take_over(f, header, (size_t)sb.st_size, &fits, err);
    if (st != THAW_OK)
        return st;
    /* What is behind the last good record goes, lest an old seal come to lie behind new rows. */
    if (ftruncate(f->fd, fits ? (off_t)(f->base + f->n_records * f->stride) : 0) != 0)
        return fail_io(f, errno, "truncate", err);
    if (!fits)
        st = write_at(f, 0, header, HEADER_BYTES, err);
    if (st == THAW_OK && !make_index(f, n_new))
        st = thaw_fail_memory(err, f->n_buckets * sizeof *f->buckets, "the feature cache's list");
    return st;
}

static bool is_good_key(const char *key)
{
    size_t n = key ? strspn(key, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") : 0;
    return n > 0 && n <= KEY_MAX && key[n] == '\0' && key[0] != '.';
}

static char *kept_path(const char *dir, const char *key)
{
    char name[KEY_MAX + sizeof ".thawcache"];
    snprintf(name, sizeof name, "%s.thawcache", key);
    return thaw_path_join(dir, name);
}

thaw_status thaw_cache_file_keep(const thaw_record *record, size_t n_new, const char *dir, const char *key,
                                 thaw_cache_file **out, bool *busy, thaw_error *err)
{
    *busy = false;
    if (!is_good_key(key))
        return thaw_fail(err, THAW_E_INVALID,
                         "\"%s\" cannot name a feature cache (letters, digits, '-', '_', '.', at most %u)",
                         key ? key : "", KEY_MAX);
    thaw_cache_file *f = new_file(record);
    if (!f)
        return thaw_fail_memory(err, sizeof *f, "the feature cache");
    f->base = HEADER_BYTES;
    f->stride = record->bytes + SEAL_BYTES;
    f->needed = f->base + f->stride * n_new;
    thaw_status st = thaw_make_dirs(dir, err);
    if (st != THAW_OK)
        goto cleanup;
    f->path = kept_path(dir, key);
    f->scratch = malloc(f->stride);
    if (!f->path || !f->scratch) {
        st = thaw_fail_memory(err, f->stride, "a record of the feature cache");
        goto cleanup;
    }
    f->fd = open(f->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NONBLOCK, 0666);
    if (f->fd < 0) {
        st = fail_io(f, errno, "open", err);
        goto cleanup;
    }
    *busy = flock(f->fd, LOCK_EX | LOCK_NB) != 0;
    if (!*busy)
        st = open_kept(f, key, n_new, err);
cleanup:
    if (st == THAW_OK && !*busy)
        *out = f;
    else
        thaw_cache_file_free(f);
    return st;
}

/* ---- records ------------------------------------------------------------------------------------- */

thaw_status thaw_cache_file_append(thaw_cache_file *f, uint32_t *record, thaw_error *err)
{
    static const char unsealed[33] = "";
    if (f->n_records >= UINT32_MAX / 2 || !add_record(f, unsealed))
        return thaw_fail_memory(err, (f->n_records + 1) * sizeof *f->hashes, "the feature cache's list");
    *record = (uint32_t)(f->n_records - 1);
    return THAW_OK;
}

thaw_status thaw_cache_file_write(thaw_cache_file *f, size_t t, uint32_t record, const void *row,
                                  thaw_error *err)
{
    return write_at(f, f->base + f->stride * record + f->record.offset[t], row, f->record.row_bytes[t], err);
}

thaw_status thaw_cache_file_read(thaw_cache_file *f, size_t t, uint32_t record, void *row, thaw_error *err)
{
    return read_at(f, f->base + f->stride * record + f->record.offset[t], row, f->record.row_bytes[t], err);
}

bool thaw_cache_file_sealed(const thaw_cache_file *f, uint32_t record)
{
    return f->hashes[record][0] != '\0';
}

uint32_t thaw_cache_file_find(thaw_cache_file *f, const char hash[33])
{
    char sum[33];
    thaw_error ignored;
    if (strnlen(hash, HASH_BYTES + 1) != HASH_BYTES || !is_hash(hash))
        return UINT32_MAX;
    uint32_t record = f->buckets[bucket_of(f, hash)];
    if (record == UINT32_MAX || read_at(f, f->base + f->stride * record, f->scratch, f->stride, &ignored))
        return UINT32_MAX;
    const uint8_t *seal = f->scratch + f->record.bytes;
    thaw_hash_hex(f->scratch, f->record.bytes + HASH_BYTES, sum);
    bool good = memcmp(seal, hash, HASH_BYTES) == 0 && memcmp(seal + HASH_BYTES, sum, HASH_BYTES) == 0;
    return good ? record : UINT32_MAX;
}

thaw_status thaw_cache_file_seal(thaw_cache_file *f, uint32_t record, const char hash[33], thaw_error *err)
{
    char sum[33];
    if (strnlen(hash, HASH_BYTES + 1) != HASH_BYTES || !is_hash(hash))
        return thaw_fail(err, THAW_E_INVALID, "the hash of an image must be %u hexadecimal digits",
                         HASH_BYTES);
    size_t at = f->base + f->stride * record;
    thaw_status st = read_at(f, at, f->scratch, f->record.bytes, err);
    if (st != THAW_OK)
        return st;
    uint8_t *seal = f->scratch + f->record.bytes;
    memcpy(seal, hash, HASH_BYTES);
    thaw_hash_hex(f->scratch, f->record.bytes + HASH_BYTES, sum);
    memcpy(seal + HASH_BYTES, sum, HASH_BYTES);
    st = write_at(f, at + f->record.bytes, seal, SEAL_BYTES, err);
    if (st != THAW_OK)
        return st;
    memcpy(f->hashes[record], hash, HASH_BYTES + 1);
    index_record(f, record);
    return THAW_OK;
}
