/* memory.c: buffers, and moving bytes in and out of them.
 *
 * YOURS: an allocation of the device, and transfers that are queued in the stream and return at once. The
 * host leaves its memory alone until the stream has been synchronised, so nothing has to be copied aside. */
#include <string.h>

#include "plugin.h"

thaw_status buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    const thaw_host *host = dev->host;
    thaw_buffer *buf = NULL;
    void *data = NULL;
    if (bytes > 0 && bytes <= PTRDIFF_MAX) {
        buf = host->alloc(host->ctx, sizeof *buf, 64);
        data = host->alloc(host->ctx, (size_t)bytes, THAW_MIN_ALIGN);
    }
    if (!buf || !data) {
        host->free(host->ctx, data);
        host->free(host->ctx, buf);
        return fail(err, THAW_E_DEVICE_MEMORY, "no memory for a buffer of %llu bytes; use a smaller batch",
                    (unsigned long long)bytes);
    }
    *buf = (thaw_buffer){data, bytes};
    *out = buf;
    return THAW_OK;
}

void buffer_destroy(thaw_device *dev, thaw_buffer *buf)
{
    if (!buf)
        return;
    dev->host->free(dev->host->ctx, buf->data);
    dev->host->free(dev->host->ctx, buf);
}

thaw_status slice_address(thaw_slice slice, uint64_t bytes, size_t align, const char *what, void **out,
                          thaw_error *err)
{
    if (!slice.buffer)
        return fail(err, THAW_E_INVALID, "%s has no buffer", what);
    uint64_t size = slice.buffer->bytes;
    if (slice.offset > size || bytes > size - slice.offset)
        return fail(err, THAW_E_INVALID, "%s: %llu bytes at offset %llu leave a buffer of %llu bytes", what,
                    (unsigned long long)bytes, (unsigned long long)slice.offset, (unsigned long long)size);
    if (slice.offset % align != 0)
        return fail(err, THAW_E_INVALID, "%s: offset %llu is no multiple of %u", what,
                    (unsigned long long)slice.offset, (unsigned)align);
    *out = slice.buffer->data + slice.offset;
    return THAW_OK;
}

thaw_status upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes, thaw_error *err)
{
    void *to = NULL;
    (void)stream;
    thaw_status st = slice_address(dst, bytes, 1, "upload", &to, err);
    if (st == THAW_OK)
        memcpy(to, src, (size_t)bytes);
    return st;
}

thaw_status download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    void *from = NULL;
    (void)stream;
    thaw_status st = slice_address(src, bytes, 1, "download", &from, err);
    if (st == THAW_OK)
        memcpy(dst, from, (size_t)bytes);
    return st;
}

thaw_status copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    void *to = NULL, *from = NULL;
    (void)stream;
    thaw_status st = slice_address(dst, bytes, 1, "copy: destination", &to, err);
    if (st == THAW_OK)
        st = slice_address(src, bytes, 1, "copy: source", &from, err);
    if (st == THAW_OK)
        memcpy(to, from, (size_t)bytes);
    return st;
}

thaw_status fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes, thaw_error *err)
{
    void *to = NULL;
    (void)stream;
    if (bytes % sizeof pattern != 0)
        return fail(err, THAW_E_INVALID, "fill: %llu bytes are no multiple of 4", (unsigned long long)bytes);
    thaw_status st = slice_address(dst, bytes, sizeof pattern, "fill", &to, err);
    for (size_t i = 0; st == THAW_OK && i < bytes; i += sizeof pattern)
        memcpy((unsigned char *)to + i, &pattern, sizeof pattern);
    return st;
}
