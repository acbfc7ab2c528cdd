/* counting.h: what the counting plugin counts. */
#ifndef THAW_TESTS_TRACE_COUNTING_H
#define THAW_TESTS_TRACE_COUNTING_H

#include <stdint.h>

/* Name in the plugin's table, name in a trace. */
#define COUNTED(X)                                                                                           \
    X(close_device, "close")                                                                                 \
    X(buffer_create, "buffer_create")                                                                        \
    X(buffer_destroy, "buffer_destroy")                                                                      \
    X(stream_create, "stream_create")                                                                        \
    X(stream_destroy, "stream_destroy")                                                                      \
    X(stream_sync, "stream_sync")                                                                            \
    X(upload, "upload")                                                                                      \
    X(download, "download")                                                                                  \
    X(copy, "copy")                                                                                          \
    X(fill, "fill")                                                                                          \
    X(event_create, "event_create")                                                                          \
    X(event_destroy, "event_destroy")                                                                        \
    X(event_record, "event_record")                                                                          \
    X(stream_wait, "stream_wait")                                                                            \
    X(op_query, "op_query")                                                                                  \
    X(op_prepare, "op_prepare")                                                                              \
    X(kernel_destroy, "kernel_destroy")                                                                      \
    X(op_enqueue, "op_enqueue")                                                                              \
    X(device_open, "device_open")

#define COUNTED_NAME(name, text) COUNTED_##name,
enum { COUNTED(COUNTED_NAME) COUNTED_END };

/* Exported by the plugin. */
uint64_t counting_calls(int what);
typedef uint64_t (*counting_calls_fn)(int what);

#endif
