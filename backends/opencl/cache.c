/* cache.c: compiled programs on disk.
 *
 * An entry is a file of the folder, named after a hash of its key:
 *   cache_head, the key (key_bytes, without a zero), the binary (binary_bytes)
 * with numbers as the computer has them: one with another order of bytes finds no magic. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

#include "backends/opencl/cache_folder.h"

#define MAGIC     0x3162636c77616874ull /* "thawlcb1" */
#define ENTRY_MAX ((size_t)96 << 20)    /* bytes of a file that is read at all */

typedef struct {
    uint64_t magic;
    uint64_t key_bytes, binary_bytes;
    uint64_t checksum; /* of the binary, seeded with its key's */
} cache_head;

static uint64_t checksum(const char *key, size_t key_bytes, const unsigned char *binary, size_t bytes)
{
    return XXH3_64bits_withSeed(binary, bytes, XXH3_64bits(key, key_bytes));
}

static void entry_name(const char *key, char out[OCL_ENTRY_NAME])
{
    XXH128_hash_t h = XXH3_128bits(key, strlen(key));
    snprintf(out, OCL_ENTRY_NAME, "%016llx%016llx" OCL_ENTRY_SUFFIX, (unsigned long long)h.high64,
             (unsigned long long)h.low64);
}

/* A size at which reading pays; 0: not a file that this user has written, or not an entry. */
static size_t trusted_size(int fd)
{
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_uid != geteuid() || (st.st_mode & 022) ||
        st.st_size <= (off_t)sizeof(cache_head) || (uint64_t)st.st_size > ENTRY_MAX)
        return 0;
    return (size_t)st.st_size;
}

static bool read_all(int fd, unsigned char *to, size_t bytes)
{
    while (bytes > 0) {
        ssize_t n = read(fd, to, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        to += n;
        bytes -= (size_t)n;
    }
    return true;
}

/* Checks an entry of `size` bytes and moves its binary to the front. Returns the binary's length, 0 where
 * anything is not as it was written. */
static size_t unpack(unsigned char *entry, size_t size, const char *key)
{
    cache_head head;
    const size_t key_bytes = strlen(key);
    memcpy(&head, entry, sizeof head);
    if (head.magic != MAGIC || head.key_bytes != key_bytes || size - sizeof head < key_bytes ||
        head.binary_bytes != size - sizeof head - key_bytes || head.binary_bytes == 0 ||
        memcmp(entry + sizeof head, key, key_bytes) != 0)
        return 0;
    const unsigned char *binary = entry + sizeof head + key_bytes;
    const size_t bytes = (size_t)head.binary_bytes;
    if (checksum(key, key_bytes, binary, bytes) != head.checksum)
        return 0;
    memmove(entry, binary, bytes);
    return bytes;
}

unsigned char *ocl_cache_load(const thaw_device *dev, const char *key, size_t *length)
{
    char path[OCL_PATH_MAX], name[OCL_ENTRY_NAME];
    unsigned char *entry = NULL;
    size_t bytes = 0;
    entry_name(key, name);
    if (dev->options.no_cache || !ocl_cache_path(name, path, sizeof path))
        return NULL;
    /* O_NONBLOCK: whatever else may lie there under that name, opening it does not wait. */
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd < 0)
        return NULL;
    size_t size = trusted_size(fd);
    if (size > 0)
        entry = dev->host->alloc(dev->host->ctx, size, 64);
    if (entry && read_all(fd, entry, size))
        bytes = unpack(entry, size, key);
    if (bytes > 0) {
        futimens(fd, NULL); /* what is used is not what is deleted first */
    } else {
        ocl_log(dev->host, THAW_LOG_DEBUG, "opencl: %s is no usable entry of the cache", path);
        dev->host->free(dev->host->ctx, entry);
        entry = NULL;
    }
    close(fd);
    *length = bytes;
    return entry;
}

static bool write_all(int fd, const void *from, size_t bytes)
{
    const char *at = from;
    while (bytes > 0) {
        ssize_t n = write(fd, at, bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        at += n;
        bytes -= (size_t)n;
    }
    return true;
}

static bool write_entry(int fd, const char *key, const unsigned char *binary, size_t length)
{
    const size_t key_bytes = strlen(key);
    const cache_head head = {MAGIC, key_bytes, length, checksum(key, key_bytes, binary, length)};
    return write_all(fd, &head, sizeof head) && write_all(fd, key, key_bytes) &&
           write_all(fd, binary, length) && fsync(fd) == 0;
}

/* Writes beside and renames, so that a reader sees a whole entry or none. Sets errno where it fails. */
static bool store(const char *name, const char *key, const unsigned char *binary, size_t length)
{
    char path[OCL_PATH_MAX], beside[OCL_PATH_MAX];
    int saved;
    if (!ocl_cache_make_folder() || !ocl_cache_path(name, path, sizeof path) ||
        !ocl_cache_path(OCL_BESIDE_PREFIX "XXXXXX" OCL_BESIDE_SUFFIX, beside, sizeof beside))
        return false;
    int fd = mkostemps(beside, (int)sizeof OCL_BESIDE_SUFFIX - 1, O_CLOEXEC);
    if (fd < 0)
        return false;
    bool whole = write_entry(fd, key, binary, length);
    saved = errno;
    if (close(fd) != 0 && whole) {
        whole = false;
        saved = errno;
    }
    if (whole && rename(beside, path) == 0)
        return true;
    if (whole)
        saved = errno;
    unlink(beside);
    errno = saved;
    return false;
}

void ocl_cache_store(const thaw_device *dev, const char *key, const unsigned char *binary, size_t length)
{
    char name[OCL_ENTRY_NAME], folder[OCL_PATH_MAX];
    entry_name(key, name);
    if (dev->options.no_cache || length == 0 || length > ENTRY_MAX - sizeof(cache_head) - strlen(key) ||
        !ocl_cache_path("", folder, sizeof folder))
        return;
    if (store(name, key, binary, length))
        ocl_cache_settle();
    else
        ocl_log(dev->host, THAW_LOG_DEBUG, "opencl: nothing is kept in the cache %s: %s", folder,
                strerror(errno));
}
