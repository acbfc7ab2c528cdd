#include <string.h>

#include "backends/opencl/opencl.h"
#include "backends/opencl/staging.h"

/* A point in a stream. Two threads may use it at the same time, each for a stream of its own. */
struct thaw_event {
    thaw_device *dev;
    pthread_mutex_t lock;
    cl_event point; /* NULL: never recorded */
};

thaw_status ocl_stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    cl_int code = CL_SUCCESS;
    thaw_stream *stream = dev->host->alloc(dev->host->ctx, sizeof *stream, 64);
    if (!stream)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a stream");
    *stream = (thaw_stream){.dev = dev};
    stream->queue = dev->cl->clCreateCommandQueue(dev->context, dev->facts->id, 0, &code);
    if (code != CL_SUCCESS) {
        dev->host->free(dev->host->ctx, stream);
        return ocl_fail(err, code, "a queue on %s", dev->facts->name);
    }
    *out = stream;
    return THAW_OK;
}

void ocl_stream_destroy(thaw_device *dev, thaw_stream *stream)
{
    if (!stream)
        return;
    dev->cl->clReleaseCommandQueue(stream->queue);
    dev->host->free(dev->host->ctx, stream);
}

static thaw_status check_stream(const thaw_stream *stream, thaw_error *err)
{
    if (stream->lost)
        return backend_fail(
            err, THAW_E_DEVICE_LOST,
            "the stream on %s failed before, and nothing on it can be read any more; start again",
            stream->dev->facts->name);
    return THAW_OK;
}

static thaw_status settle(thaw_stream *stream, thaw_status s)
{
    if (s == THAW_E_DEVICE_LOST)
        stream->lost = true;
    return s;
}

static thaw_status enqueued(thaw_stream *stream, cl_int code, const char *what, thaw_error *err)
{
    if (code == CL_SUCCESS)
        return THAW_OK;
    return settle(stream, ocl_fail(err, code, "%s on %s", what, stream->dev->facts->name));
}

thaw_status ocl_stream_sync(thaw_stream *stream, thaw_error *err)
{
    /* Also where the stream is lost: afterwards nothing may still write into the host's memory. */
    cl_int code = stream->dev->cl->clFinish(stream->queue);
    thaw_status s = check_stream(stream, err);
    if (s != THAW_OK || code == CL_SUCCESS)
        return s;
    /* Which piece of the work failed is not told, so that no result of the stream can be trusted. */
    stream->lost = true;
    return ocl_fail(err, code, "the work of a stream on %s", stream->dev->facts->name);
}

static thaw_status check_transfer(const thaw_stream *stream, thaw_slice slice, uint64_t bytes, uint64_t align,
                                  const char *what, thaw_error *err)
{
    if (bytes == 0)
        return backend_fail(err, THAW_E_INVALID, "%s: 0 bytes", what);
    thaw_status s = ocl_slice_check(slice, bytes, align, what, 0, err);
    if (s == THAW_OK && slice.buffer->dev != stream->dev)
        s = backend_fail(err, THAW_E_INVALID, "%s: the buffer belongs to another device than the stream",
                         what);
    return s;
}

/* Where device and host share their memory, a copy on the way would only cost. */
static bool is_staged(const thaw_device *dev)
{
    return dev->class_of != OCL_CLASS_CPU && (!dev->facts->unified || dev->options.class_forced);
}

thaw_status ocl_upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes, thaw_error *err)
{
    thaw_device *dev = stream->dev;
    thaw_status s = check_stream(stream, err);
    if (s == THAW_OK)
        s = check_transfer(stream, dst, bytes, 1, "upload: destination", err);
    if (s != THAW_OK)
        return s;
    if (is_staged(dev))
        return settle(stream, ocl_staging_upload(dev, stream->queue, dst.buffer->mem, (size_t)dst.offset, src,
                                                 (size_t)bytes, err));
    return enqueued(stream,
                    dev->cl->clEnqueueWriteBuffer(stream->queue, dst.buffer->mem, CL_FALSE,
                                                  (size_t)dst.offset, (size_t)bytes, src, 0, NULL, NULL),
                    "an upload", err);
}

thaw_status ocl_download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    thaw_status s = check_stream(stream, err);
    if (s == THAW_OK)
        s = check_transfer(stream, src, bytes, 1, "download: source", err);
    if (s != THAW_OK)
        return s;
    return enqueued(stream,
                    stream->dev->cl->clEnqueueReadBuffer(stream->queue, src.buffer->mem, CL_FALSE,
                                                         (size_t)src.offset, (size_t)bytes, dst, 0, NULL,
                                                         NULL),
                    "a download", err);
}

thaw_status ocl_copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    thaw_status s = check_stream(stream, err);
    if (s == THAW_OK)
        s = check_transfer(stream, dst, bytes, 1, "copy: destination", err);
    if (s == THAW_OK)
        s = check_transfer(stream, src, bytes, 1, "copy: source", err);
    if (s != THAW_OK)
        return s;
    return enqueued(stream,
                    stream->dev->cl->clEnqueueCopyBuffer(stream->queue, src.buffer->mem, dst.buffer->mem,
                                                         (size_t)src.offset, (size_t)dst.offset,
                                                         (size_t)bytes, 0, NULL, NULL),
                    "a copy", err);
}

thaw_status ocl_fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes, thaw_error *err)
{
    thaw_status s = check_stream(stream, err);
    if (s == THAW_OK)
        s = check_transfer(stream, dst, bytes, 4, "fill: destination", err);
    if (s == THAW_OK && bytes % 4 != 0)
        s = backend_fail(err, THAW_E_INVALID, "fill: %llu bytes are no multiple of 4",
                         (unsigned long long)bytes);
    if (s != THAW_OK)
        return s;
    return enqueued(stream,
                    stream->dev->cl->clEnqueueFillBuffer(stream->queue, dst.buffer->mem, &pattern,
                                                         sizeof pattern, (size_t)dst.offset, (size_t)bytes, 0,
                                                         NULL, NULL),
                    "a fill", err);
}

thaw_status ocl_event_create(thaw_device *dev, thaw_event **out, thaw_error *err)
{
    thaw_event *event = dev->host->alloc(dev->host->ctx, sizeof *event, 64);
    if (!event)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for an event");
    event->dev = dev;
    event->point = NULL;
    if (pthread_mutex_init(&event->lock, NULL) != 0) {
        dev->host->free(dev->host->ctx, event);
        return backend_fail(err, THAW_E_NO_MEMORY, "no lock for an event");
    }
    *out = event;
    return THAW_OK;
}

void ocl_event_destroy(thaw_device *dev, thaw_event *event)
{
    if (!event)
        return;
    if (event->point)
        dev->cl->clReleaseEvent(event->point);
    pthread_mutex_destroy(&event->lock);
    dev->host->free(dev->host->ctx, event);
}

static thaw_status check_event(const thaw_stream *stream, const thaw_event *event, thaw_error *err)
{
    if (event->dev != stream->dev)
        return backend_fail(err, THAW_E_INVALID, "the event belongs to another device than the stream");
    return check_stream(stream, err);
}

thaw_status ocl_event_record(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    const ocl_api *cl = stream->dev->cl;
    cl_event point = NULL;
    thaw_status s = check_event(stream, event, err);
    if (s != THAW_OK)
        return s;
    cl_int code = cl->clEnqueueMarkerWithWaitList(stream->queue, 0, NULL, &point);
    if (code != CL_SUCCESS)
        return enqueued(stream, code, "an event", err);
    pthread_mutex_lock(&event->lock);
    cl_event before = event->point;
    event->point = point;
    pthread_mutex_unlock(&event->lock);
    if (before)
        cl->clReleaseEvent(before);
    /* Another stream may wait for it: what leads there must not lie in a queue that nobody empties. */
    return enqueued(stream, cl->clFlush(stream->queue), "an event", err);
}

/* The event's last point, retained; NULL where it has none. */
static cl_int take_point(thaw_event *event, cl_event *out)
{
    cl_int code = CL_SUCCESS;
    pthread_mutex_lock(&event->lock);
    *out = event->point;
    if (*out)
        code = event->dev->cl->clRetainEvent(*out);
    pthread_mutex_unlock(&event->lock);
    return code;
}

thaw_status ocl_stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    const ocl_api *cl = stream->dev->cl;
    cl_event point = NULL;
    thaw_status s = check_event(stream, event, err);
    if (s != THAW_OK)
        return s;
    cl_int code = take_point(event, &point);
    if (code == CL_SUCCESS && point) {
        code = cl->clEnqueueBarrierWithWaitList(stream->queue, 1, &point, NULL);
        cl->clReleaseEvent(point);
    }
    return enqueued(stream, code, "waiting for an event", err);
}
