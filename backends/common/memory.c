#include "backends/common/memory.h"

#include <string.h>

/* Pieces of a copy, since one thread alone does not use all of the memory's bandwidth: small ones of what has
 * few bytes, as a row of features does. */
#define FEW_BYTES   ((uint64_t)4 << 20)
#define SMALL_PIECE ((uint64_t)1 << 15)
#define LARGE_PIECE ((uint64_t)1 << 20)

struct thaw_buffer {
    unsigned char *data;
    uint64_t bytes;
};

/* Exists to be told apart from others: whatever it marks is already done. */
struct thaw_event {
    thaw_device *dev;
};

/* The first member of every thaw_device that lives in host memory. */
static const thaw_host *host_of(const thaw_device *dev)
{
    return *(const thaw_host *const *)(const void *)dev;
}

static void *host_alloc(const thaw_device *dev, size_t bytes, size_t align)
{
    return host_of(dev)->alloc(host_of(dev)->ctx, bytes, align);
}

static void host_free(const thaw_device *dev, void *p)
{
    host_of(dev)->free(host_of(dev)->ctx, p);
}

thaw_status backend_buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    if (bytes == 0)
        return backend_fail(err, THAW_E_INVALID, "a buffer of 0 bytes was asked for");
    thaw_buffer *buf = NULL;
    void *data = NULL;
    if (bytes <= PTRDIFF_MAX) {
        buf = host_alloc(dev, sizeof *buf, 64);
        data = host_alloc(dev, (size_t)bytes, 64);
    }
    if (!buf || !data) {
        host_free(dev, data);
        host_free(dev, buf);
        return backend_fail(err, THAW_E_DEVICE_MEMORY,
                            "no memory for a buffer of %llu bytes; a smaller batch needs less",
                            (unsigned long long)bytes);
    }
    buf->data = data;
    buf->bytes = bytes;
    *out = buf;
    return THAW_OK;
}

void backend_buffer_destroy(thaw_device *dev, thaw_buffer *buf)
{
    if (!buf)
        return;
    host_free(dev, buf->data);
    host_free(dev, buf);
}

thaw_status backend_slice_address(thaw_slice slice, uint64_t bytes, size_t align, const char *what,
                                  uint32_t index, void **out, thaw_error *err)
{
    if (!slice.buffer)
        return backend_fail(err, THAW_E_INVALID, "%s %u has no buffer", what, index);
    uint64_t size = slice.buffer->bytes;
    if (slice.offset > size || bytes > size - slice.offset)
        return backend_fail(
            err, THAW_E_INVALID, "%s %u: %llu bytes at offset %llu leave a buffer of %llu bytes", what, index,
            (unsigned long long)bytes, (unsigned long long)slice.offset, (unsigned long long)size);
    if (slice.offset % align != 0)
        return backend_fail(err, THAW_E_INVALID, "%s %u: offset %llu is no multiple of %zu", what, index,
                            (unsigned long long)slice.offset, align);
    *out = slice.buffer->data + slice.offset;
    return THAW_OK;
}

thaw_status backend_stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    thaw_stream *stream = host_alloc(dev, sizeof *stream, 64);
    if (!stream)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a stream");
    stream->dev = dev;
    *out = stream;
    return THAW_OK;
}

void backend_stream_destroy(thaw_device *dev, thaw_stream *stream)
{
    host_free(dev, stream);
}

thaw_status backend_stream_sync(thaw_stream *stream, thaw_error *err)
{
    (void)stream;
    (void)err;
    return THAW_OK;
}

typedef struct {
    unsigned char *to;
    const unsigned char *from;
    uint64_t bytes, piece;
} copy_job;

static void copy_task(void *arg, uint32_t task, uint32_t worker)
{
    const copy_job *job = arg;
    (void)worker;
    const uint64_t first = task * job->piece, left = job->bytes - first;
    memcpy(job->to + first, job->from + first, (size_t)(left < job->piece ? left : job->piece));
}

static void copy_bytes(const thaw_stream *stream, void *to, const void *from, uint64_t bytes)
{
    const thaw_host *host = host_of(stream->dev);
    copy_job job = {to, from, bytes, bytes < FEW_BYTES ? SMALL_PIECE : LARGE_PIECE};
    if (bytes <= job.piece || bytes / job.piece >= UINT32_MAX)
        memcpy(to, from, (size_t)bytes);
    else
        host->parallel_for(host->ctx, (uint32_t)((bytes - 1) / job.piece + 1), copy_task, &job);
}

thaw_status backend_upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes,
                           thaw_error *err)
{
    void *to = NULL;
    thaw_status s = backend_slice_address(dst, bytes, 1, "upload: destination", 0, &to, err);
    if (s == THAW_OK)
        copy_bytes(stream, to, src, bytes);
    return s;
}

thaw_status backend_download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    void *from = NULL;
    thaw_status s = backend_slice_address(src, bytes, 1, "download: source", 0, &from, err);
    if (s == THAW_OK)
        copy_bytes(stream, dst, from, bytes);
    return s;
}

thaw_status backend_copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    void *to = NULL, *from = NULL;
    thaw_status s = backend_slice_address(dst, bytes, 1, "copy: destination", 0, &to, err);
    if (s == THAW_OK)
        s = backend_slice_address(src, bytes, 1, "copy: source", 0, &from, err);
    if (s == THAW_OK)
        copy_bytes(stream, to, from, bytes);
    return s;
}

thaw_status backend_fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                         thaw_error *err)
{
    void *to = NULL;
    (void)stream;
    if (bytes % 4 != 0)
        return backend_fail(err, THAW_E_INVALID, "fill: %llu bytes are no multiple of 4",
                            (unsigned long long)bytes);
    thaw_status s = backend_slice_address(dst, bytes, 4, "fill: destination", 0, &to, err);
    if (s != THAW_OK)
        return s;
    uint32_t *words = to;
    for (size_t i = 0; i < bytes / 4; i++)
        words[i] = pattern;
    return THAW_OK;
}

thaw_status backend_event_create(thaw_device *dev, thaw_event **out, thaw_error *err)
{
    thaw_event *event = host_alloc(dev, sizeof *event, 64);
    if (!event)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for an event");
    event->dev = dev;
    *out = event;
    return THAW_OK;
}

void backend_event_destroy(thaw_device *dev, thaw_event *event)
{
    host_free(dev, event);
}

static thaw_status same_device(const thaw_stream *stream, const thaw_event *event, thaw_error *err)
{
    if (event->dev != stream->dev)
        return backend_fail(err, THAW_E_INVALID, "the event belongs to another device than the stream");
    return THAW_OK;
}

thaw_status backend_event_record(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    return same_device(stream, event, err);
}

thaw_status backend_stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    return same_device(stream, event, err);
}
