/* trace.h: what the files of the interposer share.
 *
 * A call goes host -> trampoline of its slot (wrap.c) or wrapped device (device.c, op.c) -> plugin, and
 * leaves a record (record.c) that the end of the run sorts (timeline.c) and writes (write.c). */
#ifndef THAW_TRACE_TRACE_H
#define THAW_TRACE_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "thaw_ext.h"
#include "thaw_ops.h"
#include "thaw_plugin.h"

/* ---- options.c ------------------------------------------------------------------------------------- */

typedef struct trace_options {
    bool sync;       /* wait for the device after each piece of work */
    bool log;        /* say each call before it is made */
    uint64_t events; /* records that are kept */
} trace_options;

/* text: NULL or "key=value,key=value". THAW_E_INVALID lists what there is. */
thaw_status trace_options_read(const char *text, trace_options *out, thaw_error *err);

/* ---- plugin.c -------------------------------------------------------------------------------------- */

/* Writes err (may be NULL) and returns status. */
thaw_status trace_fail(thaw_error *err, thaw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Copies a struct that begins with struct_size into one of own_bytes, zeroing what the giver did not have.
 * False if the giver's is smaller than v1_bytes. */
bool trace_copy_struct(void *own, size_t own_bytes, const void *foreign, size_t v1_bytes);
/* To the host's log. */
void trace_say(int32_t level, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- text.c: what records point to, each text once, bounded ------------------------------------------ */

/* [thread-safe] A copy that lives until trace_texts_free; NULL for NULL, and when there is no room left. */
const char *trace_text(const char *text);
/* [thread-safe] bytes of memory, zeroed, with the same life; NULL as above. */
void *trace_keep(size_t bytes);
/* Texts and ops that found no room. */
uint64_t trace_texts_lost(void);
void trace_texts_free(void);

/* ---- process.c: what a viewer calls processes: thaw, each plugin, each device ------------------------- */

#define TRACE_PROCESSES 256u
enum { TRACE_HOST = 0 }; /* the process of the host's own spans */

/* [thread-safe] Number of the process of that name, a new one if there is none. other: what to use when all
 * numbers are taken. */
uint16_t trace_process(const char *name, uint16_t other);
uint16_t trace_processes(void);
const char *trace_process_name(uint16_t process);
void trace_processes_reset(void);
/* [thread-safe] Adds to the memory that a process has in use, and records the sum. what: TRACE_DEVICE_MEMORY
 * or TRACE_HOST_MEMORY. */
void trace_memory(uint16_t process, int what, int64_t bytes);

/* ---- record.c: what happened, and when ---------------------------------------------------------------- */

#define TRACE_DEPTH 32u /* spans that are open on one thread at the same time; deeper ones are dropped */

/* What a record is of, and the name of it. */
#define TRACE_WHATS(X)                                                                                       \
    X(SPAN, "span")                                                                                          \
    X(INIT, "init")                                                                                          \
    X(SHUTDOWN, "shutdown")                                                                                  \
    X(DEVICE_COUNT, "device_count")                                                                          \
    X(DEVICE_DESCRIBE, "device_describe")                                                                    \
    X(DEVICE_OPEN, "device_open")                                                                            \
    X(CLOSE, "close")                                                                                        \
    X(BUFFER_CREATE, "buffer_create")                                                                        \
    X(BUFFER_DESTROY, "buffer_destroy")                                                                      \
    X(STREAM_CREATE, "stream_create")                                                                        \
    X(STREAM_DESTROY, "stream_destroy")                                                                      \
    X(STREAM_SYNC, "stream_sync")                                                                            \
    X(UPLOAD, "upload")                                                                                      \
    X(DOWNLOAD, "download")                                                                                  \
    X(COPY, "copy")                                                                                          \
    X(FILL, "fill")                                                                                          \
    X(EVENT_CREATE, "event_create")                                                                          \
    X(EVENT_DESTROY, "event_destroy")                                                                        \
    X(EVENT_RECORD, "event_record")                                                                          \
    X(STREAM_WAIT, "stream_wait")                                                                            \
    X(OP_QUERY, "op_query")                                                                                  \
    X(OP_PREPARE, "op_prepare")                                                                              \
    X(KERNEL_DESTROY, "kernel_destroy")                                                                      \
    X(OP_ENQUEUE, "op_enqueue")                                                                              \
    X(FMA_GFLOPS, "fma_gflops")                                                                              \
    X(DEVICE_MEMORY, "device memory")                                                                        \
    X(HOST_MEMORY, "host memory")

#define TRACE_WHAT(name, text) TRACE_##name,
typedef enum trace_what { TRACE_WHATS(TRACE_WHAT) TRACE_WHAT_END } trace_what;
#undef TRACE_WHAT

const char *trace_what_name(trace_what what);

/* An op with one algorithm on one device. */
typedef struct trace_op {
    const struct trace_op *next; /* of the same place in the table */
    const char *shape;           /* "8x35x35x64 → 8x35x35x96 3x3 s1" */
    uint32_t kind, algo;
    uint16_t process;
    char name[32]; /* of the algorithm, as op_query gave it; empty: it was never asked */
} trace_op;

typedef struct trace_record {
    uint64_t begin, end; /* ns since the start; end 0: not over yet. A counter: its place in the order */
    const trace_op *op;  /* or NULL */
    const char *text;    /* of a span its name, else why the call failed or what it told; or NULL */
    uint64_t amount;     /* bytes, or what a call is about */
    uint32_t thread;
    thaw_status status;
    uint16_t process;
    uint8_t what;
} trace_record;

/* A call under way. */
typedef struct trace_timer {
    uint64_t begin;
    const trace_op *op;
    thaw_error *err; /* for the plugin to fill: the caller's, or own */
    thaw_error own;
    uint16_t process;
    uint8_t what;
} trace_timer;

/* [init] Begins to record; the calling thread is "main". */
thaw_status trace_record_start(const trace_options *options, thaw_error *err);
/* [init] Drops all records. */
void trace_record_free(void);
const trace_options *trace_active(void); /* NULL: nothing is recorded */

/* [thread-safe] Around a call. op and err may be NULL. end returns status; amount: what the record says. */
void trace_begin(trace_timer *timer, uint16_t process, trace_what what, const trace_op *op, thaw_error *err);
thaw_status trace_end(const trace_timer *timer, thaw_status status, uint64_t amount);
/* The same with a text that the call gave. */
void trace_end_text(const trace_timer *timer, thaw_status status, uint64_t amount, const char *text);
/* [thread-safe] One value; the caller sees to the order. */
void trace_count(uint16_t process, trace_what what, uint64_t place, uint64_t value);
void trace_span_begin(const char *text);
void trace_span_end(void);

/* [init] All records, those still going on ended now; *n of them. Freed by free(); NULL when memory is
 * exhausted, never for lack of records. */
const trace_record **trace_records(size_t *n);
uint32_t trace_threads(void);            /* highest number, from 1 */
uint64_t trace_dropped(uint64_t *since); /* records there was no room for, and when that began */
uint64_t trace_now(void);                /* ns since the start */

/* ---- shape.c, op.c ----------------------------------------------------------------------------------- */

/* NULL for a kind that does not exist. */
const char *trace_kind_name(uint32_t kind);
/* Of an op that may be nonsense. */
void trace_shape(const thaw_op *op, char *out, size_t bytes);

/* [thread-safe] NULL when there is no room. */
const trace_op *trace_op_of(uint16_t process, const thaw_op *op, uint32_t algo);
/* [thread-safe] "conv2d 8x35x35x64 → 8x35x35x96 3x3 s1, direct"; nothing for NULL. */
void trace_op_words(const trace_op *op, char *out, size_t bytes);
void trace_ops_reset(void);

/* ---- wrap.c, host.c, device.c ------------------------------------------------------------------------ */

/* A wrapped plugin. */
typedef struct trace_slot {
    thaw_plugin inner, outer;
    thaw_host host;        /* what the plugin is given */
    const thaw_host *real; /* what host stands for */
    uint16_t process;
} trace_slot;

thaw_status trace_wrap(const thaw_plugin *inner, const thaw_plugin **outer, thaw_error *err);
void trace_wrap_reset(void);

/* real outlives the slot's plugin. */
void trace_host_fill(trace_slot *slot, const thaw_host *real);

thaw_status trace_device_open(trace_slot *slot, uint32_t index, const char *options, thaw_device **out,
                              const thaw_device_ops **ops, thaw_error *err);
extern const thaw_peak trace_peak;

/* The wrapped handles; `inner` is the plugin's, `ops` its table. Buffers and events are passed through. */
struct thaw_device {
    thaw_device *inner;
    thaw_device_ops ops;
    const trace_slot *slot;
    struct trace_buffers *buffers; /* sizes of those that live */
    uint16_t process;
};
struct thaw_stream {
    thaw_stream *inner;
    const thaw_device *device;
};
struct thaw_kernel {
    thaw_kernel *inner;
    const trace_op *op;
};

/* After work was given to a stream with that result: waits for it if that was asked for. */
thaw_status trace_settle(thaw_stream *stream, thaw_status status, thaw_error *err);

thaw_status trace_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                           thaw_error *err);
thaw_status trace_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                             const void *const *const_data, thaw_kernel **out, thaw_error *err);
void trace_kernel_destroy(thaw_device *dev, thaw_kernel *kernel);
thaw_status trace_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                             uint32_t n_args, thaw_slice workspace, thaw_error *err);

/* ---- buffers.c: how large a device's buffers are ------------------------------------------------------- */

typedef struct trace_buffers trace_buffers;
trace_buffers *trace_buffers_create(void); /* NULL when memory is exhausted */
/* Takes a place before the buffer exists, for add or free(); NULL when memory is exhausted. */
void *trace_buffers_reserve(void);
/* [thread-safe] place: reserved; spent. */
void trace_buffers_add(trace_buffers *buffers, void *place, const thaw_buffer *buffer, uint64_t bytes);
/* [thread-safe] Bytes of a buffer, which is forgotten; 0 if it is not known. */
uint64_t trace_buffers_take(trace_buffers *buffers, const thaw_buffer *buffer);
/* Bytes of all that are left. */
uint64_t trace_buffers_free(trace_buffers *buffers);

/* ---- timeline.c, write.c, file.c ------------------------------------------------------------------------
 */

/* A file beside its final place. */
typedef struct trace_file {
    FILE *stream;
    char *path, *temporary;
} trace_file;

thaw_status trace_file_open(const char *path, trace_file *file, thaw_error *err);
/* Flushes, syncs, renames; nothing but the old file is left after a failure. */
thaw_status trace_file_commit(trace_file *file, thaw_error *err);
void trace_file_abandon(trace_file *file);

/* The records as one JSON document; the stream's error flag tells of failures. */
thaw_status trace_timeline_write(FILE *stream, thaw_error *err);

void trace_write_head(FILE *stream);
/* process and repeated: a span is shown in each process that it has calls in. */
void trace_write_record(FILE *stream, const trace_record *record, uint16_t process, bool repeated);
void trace_write_process(FILE *stream, uint16_t process);
void trace_write_thread(FILE *stream, uint16_t process, uint32_t thread);
void trace_write_tail(FILE *stream, size_t events);

#endif
