/* memory.h: buffers, streams and events of a device whose memory is the host's. A stream has nothing to wait
 * for, because every operation is done before it returns. The functions are those of thaw_device_ops, under
 * its rules. A backend that links them defines struct thaw_device with `const thaw_host *host` as its first
 * member. */
#ifndef THAW_BACKENDS_MEMORY_H
#define THAW_BACKENDS_MEMORY_H

#include "backends/common/op.h"

struct thaw_stream {
    thaw_device *dev;
};

thaw_status backend_buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err);
void backend_buffer_destroy(thaw_device *dev, thaw_buffer *buf);
thaw_status backend_stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err);
void backend_stream_destroy(thaw_device *dev, thaw_stream *stream);
thaw_status backend_stream_sync(thaw_stream *stream, thaw_error *err);
thaw_status backend_upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes,
                           thaw_error *err);
thaw_status backend_download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err);
thaw_status backend_copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes,
                         thaw_error *err);
thaw_status backend_fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                         thaw_error *err);
thaw_status backend_event_create(thaw_device *dev, thaw_event **out, thaw_error *err);
void backend_event_destroy(thaw_device *dev, thaw_event *event);
thaw_status backend_event_record(thaw_stream *stream, thaw_event *event, thaw_error *err);
thaw_status backend_stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err);

/* [thread-safe] Address of a slice of `bytes` bytes that must lie within its buffer and be aligned to
 * `align`. `what` and `index` name it in the error: THAW_E_INVALID. */
thaw_status backend_slice_address(thaw_slice slice, uint64_t bytes, size_t align, const char *what,
                                  uint32_t index, void **out, thaw_error *err);

#endif
