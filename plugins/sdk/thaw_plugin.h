/* thaw_plugin.h: the interface between thaw and a compute plugin.
 *
 * A plugin is a shared library named thaw-*.so that exports one symbol, thaw_plugin_entry. It offers
 * devices; a device has buffers, in-order streams and kernels; a kernel is one op of thaw_ops.h made
 * ready for that device. Include it as `<thaw/thaw_plugin.h>`; it needs nothing but the C library's
 * stddef.h and stdint.h. Compiles alone as C99, C11 and C++. Apache-2.0.
 *
 * Growth. Every struct that may grow begins with struct_size, set by whoever fills it. A reader zeroes
 * a struct of its own, copies the smaller of struct_size and its own sizeof, and refuses only what is
 * smaller than the struct was in ABI 1.0 (the *_V1_SIZE macros, for systems with pointers of 64 bits);
 * it never tests for equality. Where the reader hands the struct in to be filled, it sets struct_size to
 * its own sizeof, and the writer writes no more than that. Fields are only appended, enum values never
 * renumbered. Arrays of growable structs are arrays of pointers. A host refuses another abi_major and
 * accepts any abi_minor. A field named reserved is 0.
 *
 * Threads. Each function carries one tag:
 *   [thread-safe]  any thread at any time, also at the same time as itself
 *   [stream]       one thread at a time for one stream; different streams at the same time
 *   [init]         one thread at a time for the whole plugin, while nothing else of it runs
 *
 * Ownership. Whoever creates frees, through the same table. Descriptors (thaw_op, thaw_tensor,
 * attributes, const_data), arrays of slices, and texts handed to a plugin live only during the call: copy
 * what you keep. Strings that a plugin hands out are static. A create function writes *out on success
 * alone, and then never NULL. Handles belong to the device that made them and are given to no other.
 *
 * Behaviour. A plugin never prints, aborts, exits, raises signals or changes the locale, the environment,
 * the working folder or the floating-point mode of a thread that calls it. It stays mapped until the process
 * ends, so that a driver's threads may outlive it.
 *
 * Errors. A function that can fail returns thaw_status and fills the caller's thaw_error (may be NULL)
 * unless it returns THAW_OK. THAW_E_UNSUPPORTED always carries a reason a person can act on. What
 * contradicts this interface is THAW_E_INVALID where it is noticed; sizes, offsets, counts and descriptors
 * are to be checked, pointers and handles need not be. A call that failed has changed nothing, except that
 * what a stream had been given to write is undefined after an error of that stream. After
 * THAW_E_DEVICE_LOST the host only synchronises, destroys and closes. */
#ifndef THAW_PLUGIN_H
#define THAW_PLUGIN_H

#include <stddef.h>
#include <stdint.h>

#include "thaw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define THAW_ABI_MAJOR 1u /* another one: nothing that was built for this one works */
#define THAW_ABI_MINOR 1u /* grows with every struct, op kind or extension that is added */

/* Alignment in bytes of every slice offset a host uses, unless thaw_device_info.offset_align asks for
 * more, and of every tensor's first channel when it is not a slice of a concatenation. A slice of a
 * concatenation may start at any channel: its offset is then aligned to the element only. Transfers may
 * have any offset and any number of bytes. */
#define THAW_MIN_ALIGN 64u

/* The type of a tensor's elements, in the byte order of the host. */
typedef int32_t thaw_dtype;
enum {
    THAW_F32 = 0,  /* IEEE binary32 */
    THAW_F16 = 1,  /* IEEE binary16 */
    THAW_BF16 = 2, /* upper half of a binary32 */
    THAW_U8 = 3,   /* 8 bits without sign */
    THAW_I32 = 4,  /* 32 bits with sign, two's complement */
    THAW_U32 = 5   /* 32 bits without sign */
};

/* What a tensor is to an op, which tells a plugin what it may prepare once. */
typedef int32_t thaw_role;
enum {
    THAW_ROLE_ACTIVATION = 0, /* new contents each run */
    THAW_ROLE_CONST = 1,      /* never changes: its data is handed to op_prepare, which packs a copy */
    THAW_ROLE_MUTABLE = 2,    /* a weight that changes between runs: never keep a copy of it */
    THAW_ROLE_SAVED = 3       /* written by a forward op for its backward op, with a specified meaning */
};

/* The least precision that an op's multiplications may have; sums are always at least f32. A permission,
 * never an order: f32 is right wherever less is permitted. */
typedef int32_t thaw_precision;
enum {
    THAW_PREC_F32 = 0,  /* factors as they are */
    THAW_PREC_TF32 = 1, /* factors may be rounded to 10 bits behind the point, with the exponents of f32 */
    THAW_PREC_BF16 = 2, /* factors may be rounded to bf16 */
    THAW_PREC_F16 = 3   /* factors may be rounded to f16 */
};

/* Orders that an op carries, as bits. What an order asks for is always there to be had, by the plainest of
 * algorithms; an op with a bit that a plugin does not know is THAW_E_UNSUPPORTED. A plugin that was built for
 * ABI 1.0 took the field for reserved, and obeys none of them. */
enum {
    THAW_OP_EXACT = 1 /* of CONV2D*: products are those of the op's own factors, rounded at most as
                       * `precision` permits: no algorithm that adds factors up before it multiplies, as
                       * Winograd's and a Fourier transform do. An order, unlike precision */
};

/* A tensor in NHWC order. Element (n,y,x,ch) lies at index ((n*h + y)*w + x)*pixel_pitch + ch of its
 * slice; pixel_pitch >= c, and larger where the tensor is a slice of a concatenation. What lies between
 * c and pixel_pitch belongs to other tensors: never write it. A convolution's weights are HWIO: n = kernel
 * height, h = kernel width, w = input channels, c = output channels. A vector is n = h = w = 1. */
typedef struct thaw_tensor {
    uint32_t struct_size;
    thaw_dtype dtype;    /* THAW_F32, … */
    thaw_role role;      /* THAW_ROLE_* */
    int32_t n, h, w, c;  /* each at least 1 */
    int64_t pixel_pitch; /* elements from one pixel to the next */
} thaw_tensor;

#define THAW_TENSOR_V1_SIZE 40u

/* One op with exact shapes. */
typedef struct thaw_op {
    uint32_t struct_size;
    uint32_t kind;                 /* THAW_OP_*; one that a plugin does not know is THAW_E_UNSUPPORTED */
    uint32_t n_in, n_out;          /* optional inputs and outputs are left out at the end */
    const thaw_tensor *const *in;  /* n_in pointers */
    const thaw_tensor *const *out; /* n_out pointers */
    const void *attr;              /* the attribute struct of `kind` (thaw_ops.h); NULL where it has none */
    thaw_precision precision;      /* of CONV2D*; THAW_PREC_F32 for the others */
    uint32_t flags;                /* THAW_OP_EXACT or 0; 0 for what is no CONV2D* (reserved in ABI 1.0) */
    uint64_t runs; /* how often a kernel prepared from this op will run, as far as the host can guess; 0:
                    * unknown. A costly transform of CONST data pays only over many runs */
} thaw_op;

#define THAW_OP_V1_SIZE 56u

typedef struct thaw_device thaw_device; /* an open device; defined by the plugin, as are the next four */
typedef struct thaw_buffer thaw_buffer; /* memory of a device */
typedef struct thaw_stream thaw_stream; /* work of a device that is done in the order it was given */
typedef struct thaw_event thaw_event;   /* a mark in a stream */
typedef struct thaw_kernel thaw_kernel; /* an op made ready for a device */

/* A place in a device's memory. The host gives none that leaves its buffer, except to see it refused. */
typedef struct thaw_slice {
    thaw_buffer *buffer; /* NULL: an argument that is absent (a CONST input at op_enqueue, no workspace) */
    uint64_t offset;     /* bytes */
} thaw_slice;

/* ---- what the host offers ---------------------------------------------------------------------- */

enum {
    THAW_LOG_ERROR = 0, /* what the user has to see */
    THAW_LOG_WARN = 1,  /* what the user should know */
    THAW_LOG_INFO = 2,  /* shown with --verbose */
    THAW_LOG_DEBUG = 3  /* for who works on the plugin; shown with --verbose too */
};

/* [thread-safe] A task of parallel_for. `worker` is less than thread_count() and names the thread's scratch
 * place: no two tasks that run at the same time have the same worker. */
typedef void (*thaw_task_fn)(void *arg, uint32_t task, uint32_t worker);

/* What thaw offers to a plugin, valid from init until shutdown returns. Every function is there. */
typedef struct thaw_host {
    uint32_t struct_size;
    uint32_t abi_minor; /* of the host */
    void *ctx;          /* first argument of every function below */
    /* [thread-safe] One line for the user or the log, without a newline. level: THAW_LOG_*. */
    void (*log)(void *ctx, int32_t level, const char *utf8);
    /* [thread-safe] Host memory; align is a power of two. NULL when memory is exhausted. Never from
     * op_enqueue. */
    void *(*alloc)(void *ctx, size_t bytes, size_t align);
    /* [thread-safe] Frees what alloc gave; NULL does nothing. */
    void (*free)(void *ctx, void *p);
    /* [thread-safe] Number of threads that parallel_for uses; the same for the whole life of the plugin. */
    uint32_t (*thread_count)(void *ctx);
    /* [thread-safe] Runs fn(arg, task, worker) for every task below n_tasks, in any order, and returns when
     * all are done. Calls from several threads queue up. Not to be called from within a task. This is the
     * one pool of the process: a plugin that computes on the CPU makes no threads of its own. Cut the work by
     * its shape, never by thread_count(), or the bits depend on it. */
    void (*parallel_for)(void *ctx, uint32_t n_tasks, thaw_task_fn fn, void *arg);
    /* [thread-safe] A table of the host's by its id; NULL when the host does not know it. ABI 1.0 has none.
     */
    const void *(*get_extension)(void *ctx, const char *id);
} thaw_host;

#define THAW_HOST_V1_SIZE 64u

/* ---- what a device offers ---------------------------------------------------------------------- */

/* Kinds of device. Anything but a CPU is taken to work beside the host: its feeds are uploaded by a stream of
 * their own while the run before is under way. */
enum {
    THAW_DEVICE_CPU = 1,  /* computes inside the calls, in the host's memory */
    THAW_DEVICE_GPU = 2,  /* preferred when the user names no device */
    THAW_DEVICE_OTHER = 3 /* an accelerator of another kind */
};

/* Filled by device_describe. Texts are UTF-8, terminated. A number that is not known is 0. */
typedef struct thaw_device_info {
    uint32_t struct_size;     /* set by the host to its own sizeof; the plugin writes no more than that */
    uint32_t type;            /* THAW_DEVICE_* */
    char name[128];           /* of the device, for people */
    char vendor[64];          /* who made it */
    char driver[64];          /* name and version: what was tuned for one driver is not used with another */
    char detail[128];         /* instruction sets, extensions: what a person would like to see */
    uint64_t memory_bytes;    /* of the device */
    uint64_t max_alloc_bytes; /* largest single buffer; 0: as much as there is */
    uint64_t cache_bytes;     /* last level shared by the units; guides the size of a sub-batch */
    uint32_t offset_align;    /* bytes, a power of two; 0 means THAW_MIN_ALIGN */
    uint32_t compute_units;   /* cores, multiprocessors */
    uint32_t preferred_batch; /* images at a time that suit the device for a frozen prefix, at most 4096 */
    uint32_t reserved;
    double peak_gflops; /* f32 FMA peak, if measured */
    /* Of the caches in front of the last level, those of all units together, however many of them the host's
     * threads use. With it, cache_bytes decides how many images at a time pass each part of the prefix; 0:
     * all of a batch, which suits a device that hides its memory behind many threads. Appended to ABI 1.0. */
    uint64_t near_cache_bytes;
} thaw_device_info;

#define THAW_DEVICE_INFO_V1_SIZE 440u

/* Answer of op_query for one algorithm. */
typedef struct thaw_op_info {
    uint32_t struct_size;     /* set by the host to its own sizeof; the plugin writes no more than that */
    uint32_t n_algos;         /* algorithms the device offers for this very op, at least 1 */
    uint32_t algo;            /* the one described here, below n_algos; the device's favourite is 0 */
    uint32_t deterministic;   /* 1: same input, same bits, always */
    uint64_t workspace_bytes; /* needed at op_enqueue, 0 for none */
    char name[32];            /* of the algorithm: not empty, and the same for it whatever its number is */
    char reason[128];         /* why this algorithm, for `thaw plan`; may be empty */
} thaw_op_info;

#define THAW_OP_INFO_V1_SIZE 184u

#define THAW_ALGO_DEFAULT 0xffffffffu /* let the device choose */

/* What an open device can do. No function may be NULL. */
typedef struct thaw_device_ops {
    uint32_t struct_size;
    uint32_t reserved;

    /* [init] Closes the device. Every buffer, stream, event and kernel of it is destroyed before. */
    void (*close)(thaw_device *dev);

    /* [thread-safe] Memory of the device, bytes > 0, aligned to offset_align. Contents are undefined. What
     * does not fit is THAW_E_DEVICE_MEMORY, never a process that ends. The host asks for a few large ones
     * when a program is made, and for none while it runs. */
    thaw_status (*buffer_create)(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err);
    /* [thread-safe] The host has synchronised every stream that used it. NULL does nothing. */
    void (*buffer_destroy)(thaw_device *dev, thaw_buffer *buf);

    /* [thread-safe] Work of one stream runs in the order it was given; that of two streams in any order, or
     * at the same time, unless an event ties them. */
    thaw_status (*stream_create)(thaw_device *dev, thaw_stream **out, thaw_error *err);
    /* [thread-safe] Synchronised before. NULL does nothing. */
    void (*stream_destroy)(thaw_device *dev, thaw_stream *stream);
    /* [stream] Returns when all work given to the stream is done. Asynchronous faults surface here. */
    thaw_status (*stream_sync)(thaw_stream *stream, thaw_error *err);

    /* [stream] Copies host memory into a slice, in stream order. The host leaves the host memory alone until
     * the stream has been synchronised, so that nothing needs to be copied aside. bytes > 0. */
    thaw_status (*upload)(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes,
                          thaw_error *err);
    /* [stream] Copies a slice into host memory, in stream order; there when the stream has been synchronised.
     * bytes > 0. */
    thaw_status (*download)(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err);
    /* [stream] Copies between two slices of one device, also of one buffer, that do not overlap. bytes > 0.
     */
    thaw_status (*copy)(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err);
    /* [stream] Repeats a 32-bit pattern; offset and bytes are multiples of 4, bytes > 0. */
    thaw_status (*fill)(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                        thaw_error *err);

    /* [thread-safe] An event that marks nothing yet. */
    thaw_status (*event_create)(thaw_device *dev, thaw_event **out, thaw_error *err);
    /* [thread-safe] Nobody waits for it any more. NULL does nothing. */
    void (*event_destroy)(thaw_device *dev, thaw_event *event);
    /* [stream] Marks the work given to the stream so far. Recorded again, it marks that place instead; who
     * waits already waits for the old one. */
    thaw_status (*event_record)(thaw_stream *stream, thaw_event *event, thaw_error *err);
    /* [stream] What is given to the stream from now on waits for the event, of the same device, as it was
     * last recorded. Returns at once where it can. Waiting for an event that was never recorded does nothing.
     */
    thaw_status (*stream_wait)(thaw_stream *stream, thaw_event *event, thaw_error *err);

    /* [thread-safe] Pure: no allocation that outlives it, no compilation. THAW_OK: the device takes the
     * op with algorithm `algo` (THAW_ALGO_DEFAULT: with the one it would choose) and *info says more.
     * THAW_E_UNSUPPORTED: it does not, or has no such algorithm, and err says why; the host then offers the
     * parts of a fused op, and gives what is left to another device. THAW_E_INVALID: the op contradicts
     * thaw_ops.h. The answer to one op is always the same. */
    thaw_status (*op_query)(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                            thaw_error *err);
    /* [thread-safe] Makes a kernel of an op that op_query takes; may compile and may be slow: the host calls
     * it from as many threads as there are processors. const_data has op->n_in entries: host memory of each
     * CONST input, dense with its pixel_pitch, NULL for the others. */
    thaw_status (*op_prepare)(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err);
    /* [thread-safe] No stream uses it any more. NULL does nothing. */
    void (*kernel_destroy)(thaw_device *dev, thaw_kernel *kernel);
    /* [stream] Runs a kernel on args: inputs, then outputs, n_args = n_in + n_out. Never allocates,
     * compiles, or waits for another stream's work. A device without a queue of its own does the work
     * before it returns. The same kernel may be enqueued on several streams at the same time, with other
     * args. workspace: at least workspace_bytes, aligned to offset_align, with undefined contents that
     * nobody keeps; buffer NULL if none was asked for. Another n_args, or an absent slice that is no CONST
     * input, is THAW_E_INVALID. */
    thaw_status (*op_enqueue)(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                              uint32_t n_args, thaw_slice workspace, thaw_error *err);
} thaw_device_ops;

#define THAW_DEVICE_OPS_V1_SIZE 152u

/* ---- what a plugin offers ---------------------------------------------------------------------- */

/* The plugin's table, static. No member may be NULL. */
typedef struct thaw_plugin {
    uint32_t struct_size;
    uint32_t abi_major, abi_minor; /* what it was built for: THAW_ABI_MAJOR, THAW_ABI_MINOR */
    uint32_t reserved;
    const char *id; /* 1 to 32 lower-case letters, digits and '-', not "auto": devices are named "id:0", … */
    const char *version; /* of the plugin, for people */
    /* [init] Called once, before everything below. The table outlives the plugin. An error: the plugin is
     * left out, and shutdown is not called. */
    thaw_status (*init)(const thaw_host *host, thaw_error *err);
    /* [init] Called once, after every device is closed; releases all that is left. */
    void (*shutdown)(void);
    /* [init] Number of devices, at most 256. None is no error: *out is 0, and err->text says why. */
    thaw_status (*device_count)(uint32_t *out, thaw_error *err);
    /* [init] Describes a device, index below device_count, without opening it. */
    thaw_status (*device_describe)(uint32_t index, thaw_device_info *info, thaw_error *err);
    /* [init] Opens a device, several times if asked to. `options` is NULL or "key=value,key=value"; an
     * unknown key or value is THAW_E_INVALID with a text that lists the known ones. The table lives as
     * long as the plugin. */
    thaw_status (*device_open)(uint32_t index, const char *options, thaw_device **out,
                               const thaw_device_ops **ops, thaw_error *err);
    /* [thread-safe] Optional features (thaw_ext.h) by their ids. NULL when not known. */
    const void *(*get_extension)(const char *id);
} thaw_plugin;

#define THAW_PLUGIN_V1_SIZE 80u

#if defined(_WIN32)
#define THAW_PLUGIN_EXPORT __declspec(dllexport)
#else
#define THAW_PLUGIN_EXPORT __attribute__((visibility("default")))
#endif

/* [init] The one export. May return NULL when it cannot work with this host at all. */
THAW_PLUGIN_EXPORT const thaw_plugin *thaw_plugin_entry(uint32_t host_abi_major, uint32_t host_abi_minor);

/* The type of thaw_plugin_entry. */
typedef const thaw_plugin *(*thaw_plugin_entry_fn)(uint32_t host_abi_major, uint32_t host_abi_minor);

#ifdef __cplusplus
}
#endif

#endif
