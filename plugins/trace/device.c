/* device.c: a plugin's device with a watch on each call. */
#include <stdlib.h>
#include <string.h>

#include "trace.h"

thaw_status trace_settle(thaw_stream *stream, thaw_status status, thaw_error *err)
{
    const trace_options *options = trace_active();
    if (status != THAW_OK || !options || !options->sync)
        return status;
    return stream->device->ops.stream_sync(stream->inner, err);
}

/* ---- buffers --------------------------------------------------------------------------------------- */

static thaw_status buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    trace_timer t;
    thaw_buffer *buffer = NULL;
    void *place = trace_buffers_reserve();
    if (!place)
        return trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory for what it knows of a buffer");
    trace_begin(&t, dev->process, TRACE_BUFFER_CREATE, NULL, err);
    thaw_status st = dev->ops.buffer_create(dev->inner, bytes, &buffer, t.err);
    trace_end(&t, st, bytes);
    if (st != THAW_OK || !buffer) {
        free(place);
        return st;
    }
    trace_buffers_add(dev->buffers, place, buffer, bytes);
    trace_memory(dev->process, TRACE_DEVICE_MEMORY, (int64_t)bytes);
    *out = buffer;
    return st;
}

static void buffer_destroy(thaw_device *dev, thaw_buffer *buf)
{
    trace_timer t;
    uint64_t bytes = buf ? trace_buffers_take(dev->buffers, buf) : 0;
    trace_begin(&t, dev->process, TRACE_BUFFER_DESTROY, NULL, NULL);
    dev->ops.buffer_destroy(dev->inner, buf);
    trace_end(&t, THAW_OK, bytes);
    if (bytes > 0)
        trace_memory(dev->process, TRACE_DEVICE_MEMORY, -(int64_t)bytes);
}

/* ---- streams --------------------------------------------------------------------------------------- */

static thaw_status stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    trace_timer t;
    thaw_stream *stream = malloc(sizeof *stream), *inner = NULL;
    if (!stream)
        return trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory: %zu bytes for a stream",
                          sizeof *stream);
    trace_begin(&t, dev->process, TRACE_STREAM_CREATE, NULL, err);
    thaw_status st = dev->ops.stream_create(dev->inner, &inner, t.err);
    trace_end(&t, st, 0);
    if (st != THAW_OK || !inner) {
        free(stream);
        return st;
    }
    *stream = (thaw_stream){inner, dev};
    *out = stream;
    return st;
}

static void stream_destroy(thaw_device *dev, thaw_stream *stream)
{
    trace_timer t;
    trace_begin(&t, dev->process, TRACE_STREAM_DESTROY, NULL, NULL);
    dev->ops.stream_destroy(dev->inner, stream ? stream->inner : NULL);
    trace_end(&t, THAW_OK, 0);
    free(stream);
}

static thaw_status stream_sync(thaw_stream *stream, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_STREAM_SYNC, NULL, err);
    return trace_end(&t, stream->device->ops.stream_sync(stream->inner, t.err), 0);
}

/* ---- copies ---------------------------------------------------------------------------------------- */

static thaw_status upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes,
                          thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_UPLOAD, NULL, err);
    thaw_status st = stream->device->ops.upload(stream->inner, dst, src, bytes, t.err);
    return trace_end(&t, trace_settle(stream, st, t.err), bytes);
}

static thaw_status download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_DOWNLOAD, NULL, err);
    thaw_status st = stream->device->ops.download(stream->inner, dst, src, bytes, t.err);
    return trace_end(&t, trace_settle(stream, st, t.err), bytes);
}

static thaw_status copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_COPY, NULL, err);
    thaw_status st = stream->device->ops.copy(stream->inner, dst, src, bytes, t.err);
    return trace_end(&t, trace_settle(stream, st, t.err), bytes);
}

static thaw_status fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                        thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_FILL, NULL, err);
    thaw_status st = stream->device->ops.fill(stream->inner, dst, pattern, bytes, t.err);
    return trace_end(&t, trace_settle(stream, st, t.err), bytes);
}

/* ---- events ---------------------------------------------------------------------------------------- */

static thaw_status event_create(thaw_device *dev, thaw_event **out, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, dev->process, TRACE_EVENT_CREATE, NULL, err);
    return trace_end(&t, dev->ops.event_create(dev->inner, out, t.err), 0);
}

static void event_destroy(thaw_device *dev, thaw_event *event)
{
    trace_timer t;
    trace_begin(&t, dev->process, TRACE_EVENT_DESTROY, NULL, NULL);
    dev->ops.event_destroy(dev->inner, event);
    trace_end(&t, THAW_OK, 0);
}

static thaw_status event_record(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_EVENT_RECORD, NULL, err);
    return trace_end(&t, stream->device->ops.event_record(stream->inner, event, t.err), 0);
}

static thaw_status stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    trace_timer t;
    trace_begin(&t, stream->device->process, TRACE_STREAM_WAIT, NULL, err);
    return trace_end(&t, stream->device->ops.stream_wait(stream->inner, event, t.err), 0);
}

/* ---- opening and closing --------------------------------------------------------------------------- */

static void close_device(thaw_device *dev)
{
    trace_timer t;
    trace_begin(&t, dev->process, TRACE_CLOSE, NULL, NULL);
    dev->ops.close(dev->inner);
    trace_end(&t, THAW_OK, 0);
    uint64_t left = trace_buffers_free(dev->buffers);
    if (left > 0)
        trace_memory(dev->process, TRACE_DEVICE_MEMORY, -(int64_t)left);
    free(dev);
}

static const thaw_device_ops wrapped = {
    .struct_size = sizeof(thaw_device_ops),
    .close = close_device,
    .buffer_create = buffer_create,
    .buffer_destroy = buffer_destroy,
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_sync = stream_sync,
    .upload = upload,
    .download = download,
    .copy = copy,
    .fill = fill,
    .event_create = event_create,
    .event_destroy = event_destroy,
    .event_record = event_record,
    .stream_wait = stream_wait,
    .op_query = trace_op_query,
    .op_prepare = trace_op_prepare,
    .kernel_destroy = trace_kernel_destroy,
    .op_enqueue = trace_op_enqueue,
};

static bool complete(const thaw_device_ops *o)
{
    return o->close && o->buffer_create && o->buffer_destroy && o->stream_create && o->stream_destroy &&
           o->stream_sync && o->upload && o->download && o->copy && o->fill && o->event_create &&
           o->event_destroy && o->event_record && o->stream_wait && o->op_query && o->op_prepare &&
           o->kernel_destroy && o->op_enqueue;
}

/* NULL when memory is exhausted. */
static thaw_device *wrap_device(const trace_slot *slot, uint32_t index, const char *options)
{
    char name[256];
    snprintf(name, sizeof name, "%s:%u%s%s", slot->inner.id, (unsigned)index, options ? "," : "",
             options ? options : "");
    thaw_device *dev = calloc(1, sizeof *dev);
    if (!dev)
        return NULL;
    dev->slot = slot;
    dev->process = trace_process(name, slot->process);
    dev->buffers = trace_buffers_create();
    if (dev->buffers)
        return dev;
    free(dev);
    return NULL;
}

thaw_status trace_device_open(trace_slot *slot, uint32_t index, const char *options, thaw_device **out,
                              const thaw_device_ops **ops, thaw_error *err)
{
    trace_timer t;
    thaw_device *inner = NULL;
    const thaw_device_ops *table = NULL;
    thaw_device *dev = wrap_device(slot, index, options);
    if (!dev)
        return trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory: %zu bytes for a device", sizeof *dev);
    trace_begin(&t, slot->process, TRACE_DEVICE_OPEN, NULL, err);
    thaw_status st = slot->inner.device_open(index, options, &inner, &table, t.err);
    if (st == THAW_OK)
        trace_end_text(&t, st, index, options);
    else
        trace_end(&t, st, index);
    if (st == THAW_OK && inner && table &&
        trace_copy_struct(&dev->ops, sizeof dev->ops, table, THAW_DEVICE_OPS_V1_SIZE) &&
        complete(&dev->ops)) {
        dev->inner = inner;
        *out = dev;
        *ops = &wrapped;
        return st;
    }
    trace_buffers_free(dev->buffers);
    free(dev);
    /* A table that is no table goes as it is to the host, who says what is wrong with it. */
    if (st == THAW_OK) {
        *out = inner;
        *ops = table;
    }
    return st;
}

/* ---- thaw.peak/1 ------------------------------------------------------------------------------------ */

static thaw_status fma_gflops(thaw_device *dev, double seconds, double *gflops, thaw_error *err)
{
    trace_timer t;
    const thaw_peak *peak = dev->slot->inner.get_extension(THAW_EXT_PEAK);
    trace_begin(&t, dev->process, TRACE_FMA_GFLOPS, NULL, err);
    return trace_end(&t, peak->fma_gflops(dev->inner, seconds, gflops, t.err), 0);
}

const thaw_peak trace_peak = {.struct_size = sizeof(thaw_peak), .fma_gflops = fma_gflops};
