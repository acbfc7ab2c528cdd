/* plugin.h: what the files of this plugin share.
 *
 *   plugin.c  the entry point: what the plugin is, and which devices it has
 *   device.c  an open device: its options and its table of functions
 *   memory.c  buffers, and moving bytes in and out of them
 *   stream.c  streams and events
 *   kernel.c  one op on its way: asked about, prepared, run
 *   op.c      reading the description of an op, and refusing what makes no sense
 *   ops.c     the ops: for each what its tensors must be, and its loops
 *   error.c   error texts
 *
 * Every function that stands in a table of thaw_plugin.h keeps the rules that are written there. */
#ifndef PLUGIN_H
#define PLUGIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <thaw/thaw_ops.h>
#include <thaw/thaw_plugin.h>

/* YOURS: handles of your driver go into these four. This device is the processor itself: a buffer is host
 * memory, and whatever is given to a stream is done before the call returns. */
struct thaw_device {
    const thaw_host *host;
};

struct thaw_buffer {
    unsigned char *data;
    uint64_t bytes;
};

struct thaw_stream {
    thaw_device *dev;
};

struct thaw_event {
    thaw_device *dev;
};

/* ---- errors: error.c --------------------------------------------------------------------------- */

/* Writes err (may be NULL) and returns status. The text says what, where, and what to do about it. */
thaw_status fail(thaw_error *err, thaw_status status, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* ---- an op: op.c, ops.c ------------------------------------------------------------------------ */

/* The most tensors that an op of this plugin has. */
#define MAX_IN  3u
#define MAX_OUT 1u

/* A copy of a thaw_op, which lives only as long as the call that it is given to. */
typedef struct op_copy {
    uint32_t kind, n_in, n_out;
    thaw_tensor in[MAX_IN], out[MAX_OUT];
    union {
        thaw_affine_attr affine;
    } attr;
} op_copy;

/* Inputs and outputs of one run; the addresses have been checked. */
typedef struct op_call {
    const op_copy *op;
    const float *in[MAX_IN];
    float *out[MAX_OUT];
} op_call;

/* What the plugin knows of one kind of op. */
typedef struct op_kind {
    uint32_t kind;
    const char *name;
    uint32_t min_in, max_in, min_out, max_out; /* fewer are an error; with more, the op is declined */
    size_t attr_bytes;                         /* of ABI 1.0; 0: the kind has none */
    /* Do the tensors fit each other? If not, writes err: the op contradicts thaw_ops.h, and the run ends. */
    bool (*check)(const op_copy *op, thaw_error *err);
    /* Why an op that makes sense is not for this device all the same, for the person who reads `thaw plan`;
     * NULL if it is. The host then takes it apart or gives it to another. NULL: nothing is declined. */
    const char *(*decline)(const op_copy *op);
    /* Number of items of which each can be computed without the others. */
    size_t (*items)(const op_copy *op);
    /* Computes items first … last - 1. Called for several ranges at the same time. */
    void (*run)(const op_call *call, size_t first, size_t last);
} op_kind;

/* NULL for a kind that this plugin does not have. */
const op_kind *op_kind_of(uint32_t kind);

/* Copies a description and checks all of it. THAW_E_UNSUPPORTED: not one of ours. THAW_E_INVALID: it
 * contradicts thaw_ops.h. */
thaw_status op_read(const thaw_op *from, op_copy *to, const op_kind **kind, thaw_error *err);

/* For `check`: is that tensor of this type and shape? If not, writes err; name as in thaw_ops.h. */
bool expect_shape(const char *name, const thaw_tensor *t, thaw_dtype dtype, int32_t n, int32_t h, int32_t w,
                  int32_t c, thaw_error *err);
/* f32, and the shape of `like`: of the tensor itself where that is what sets the shape. */
bool expect_like(const char *name, const thaw_tensor *t, const thaw_tensor *like, thaw_error *err);
/* f32 [C] */
bool expect_vector(const char *name, const thaw_tensor *t, int32_t c, thaw_error *err);
/* YOURS: for ops with a window, once for rows and once for columns, after the sizes: does a window of k cells
 * give so many places over an axis of `size` cells? ("Windows" in thaw_ops.h.) */
bool expect_window(const char *name, int64_t size, int64_t places, int64_t k, int64_t stride, int64_t pad,
                   thaw_error *err);

/* Bytes of one element; 0 for a type that does not exist. */
size_t dtype_bytes(thaw_dtype dtype);
/* Bytes from a tensor's first element to behind its last; false if that overflows. */
bool tensor_bytes(const thaw_tensor *t, size_t *bytes);
static inline size_t tensor_pixels(const thaw_tensor *t)
{
    return (size_t)t->n * (size_t)t->h * (size_t)t->w;
}

/* ---- functions of the tables ------------------------------------------------------------------- */

/* device.c */
extern const thaw_device_ops device_ops;
thaw_status device_open(const thaw_host *host, const char *options, thaw_device **out, thaw_error *err);

/* memory.c */
thaw_status buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err);
void buffer_destroy(thaw_device *dev, thaw_buffer *buf);
thaw_status upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes, thaw_error *err);
thaw_status download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err);
thaw_status copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err);
thaw_status fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes, thaw_error *err);
/* The address of `bytes` bytes of a slice, which must lie within its buffer and be aligned to `align`. `what`
 * names it in the error: THAW_E_INVALID. */
thaw_status slice_address(thaw_slice slice, uint64_t bytes, size_t align, const char *what, void **out,
                          thaw_error *err);

/* stream.c */
thaw_status stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err);
void stream_destroy(thaw_device *dev, thaw_stream *stream);
thaw_status stream_sync(thaw_stream *stream, thaw_error *err);
thaw_status event_create(thaw_device *dev, thaw_event **out, thaw_error *err);
void event_destroy(thaw_device *dev, thaw_event *event);
thaw_status event_record(thaw_stream *stream, thaw_event *event, thaw_error *err);
thaw_status stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err);

/* kernel.c */
thaw_status op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info, thaw_error *err);
thaw_status op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo, const void *const *const_data,
                       thaw_kernel **out, thaw_error *err);
void kernel_destroy(thaw_device *dev, thaw_kernel *kernel);
thaw_status op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args, uint32_t n_args,
                       thaw_slice workspace, thaw_error *err);

#endif
