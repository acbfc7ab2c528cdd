/* stream.c: streams and events.
 *
 * YOURS: a queue of the device for each stream, and a marker of the driver for each event. What may fail
 * later is reported by stream_sync; nothing else here waits. */
#include "plugin.h"

thaw_status stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    thaw_stream *stream = dev->host->alloc(dev->host->ctx, sizeof *stream, 64);
    if (!stream)
        return fail(err, THAW_E_NO_MEMORY, "no memory for a stream");
    stream->dev = dev;
    *out = stream;
    return THAW_OK;
}

void stream_destroy(thaw_device *dev, thaw_stream *stream)
{
    dev->host->free(dev->host->ctx, stream);
}

thaw_status stream_sync(thaw_stream *stream, thaw_error *err)
{
    (void)stream; /* all of its work is done already */
    (void)err;
    return THAW_OK;
}

thaw_status event_create(thaw_device *dev, thaw_event **out, thaw_error *err)
{
    thaw_event *event = dev->host->alloc(dev->host->ctx, sizeof *event, 64);
    if (!event)
        return fail(err, THAW_E_NO_MEMORY, "no memory for an event");
    event->dev = dev;
    *out = event;
    return THAW_OK;
}

void event_destroy(thaw_device *dev, thaw_event *event)
{
    dev->host->free(dev->host->ctx, event);
}

static thaw_status same_device(const thaw_stream *stream, const thaw_event *event, thaw_error *err)
{
    if (event->dev != stream->dev)
        return fail(err, THAW_E_INVALID, "the event belongs to another device than the stream");
    return THAW_OK;
}

thaw_status event_record(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    return same_device(stream, event, err);
}

thaw_status stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    return same_device(stream, event, err);
}
