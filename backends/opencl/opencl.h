/* opencl.h: what the files of the OpenCL backend share.
 *
 * From the outside in: plugin.c (the entry point), platforms.c (which devices there are), device.c (one open
 * device), memory.c and stream.c (buffers, queues, transfers), program.c and cache.c (compiled programs),
 * kernel.c (ops made ready and run), plan.c (an op as a list of launches), algos.c and ops/ (how each op is
 * computed). The OpenCL C sources lie in kernels/ and are embedded by CMake. */
#ifndef THAW_OPENCL_OPENCL_H
#define THAW_OPENCL_OPENCL_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/opencl/cl.h"

/* ---- devices ------------------------------------------------------------------------------------- */

/* What a device is like, found out by asking it, never from its name. It decides which algorithms are
 * offered and in which order. */
typedef enum {
    OCL_CLASS_CPU = 0, /* one work-item a core, its vector unit in float8 or float16, caches */
    OCL_CLASS_WAVE32,  /* GPU, 32 work-items in step (NVIDIA, AMD RDNA): local memory, registers */
    OCL_CLASS_WAVE64,  /* GPU, 64 in step (AMD GCN and CDNA, Adreno, Mali as far as it says) */
    OCL_CLASS_SIMD     /* GPU of narrow subgroups (Intel): local memory does not pay */
} ocl_class;

/* "cpu", "wave32", "wave64", "simd". */
const char *ocl_class_name(ocl_class c);

/* A device as its platform describes it, without opening it. */
typedef struct {
    cl_platform_id platform;
    cl_device_id id;
    cl_device_type type;
    char name[128], vendor[64];
    char driver[64];  /* CL_DRIVER_VERSION */
    char version[64]; /* CL_DEVICE_VERSION: "OpenCL 3.0 PoCL …" */
    char platform_name[64];
    char platform_version[128];
    char extensions[4096]; /* cut at a blank where there are more */
    uint64_t memory_bytes, max_alloc_bytes, cache_bytes, local_bytes;
    bool local_is_real; /* dedicated local memory, not a part of the global one */
    uint32_t units;
    uint32_t align_bytes;   /* CL_DEVICE_MEM_BASE_ADDR_ALIGN, in bytes */
    uint32_t vector_floats; /* CL_DEVICE_NATIVE_VECTOR_WIDTH_FLOAT, at least 1 */
    size_t max_group;       /* work-items of a work-group */
    size_t max_items[3];
    bool unified; /* shares its memory with the host */
} ocl_facts;

/* Every usable device of every platform: GPUs first, then accelerators, then CPUs; within a type in the
 * order of the platforms' names, then of the platform's own list, so that names stay stable. A device
 * without a compiler, or below OpenCL 1.2, is left out with a line in the log. */
typedef struct {
    ocl_facts *items; /* owned */
    uint32_t count;
} ocl_devices;

/* [init] No platform and no device are no errors: count is 0 and err->text says why. */
thaw_status ocl_devices_find(const thaw_host *host, const ocl_api *cl, ocl_devices *out, thaw_error *err);
void ocl_devices_free(const thaw_host *host, ocl_devices *devices);

typedef struct ocl_programs ocl_programs; /* program.c */
typedef struct ocl_staging ocl_staging;   /* staging.c: pinned memory of a device */

/* Options of device_open, "key=value,key=value". */
typedef struct {
    bool class_forced; /* class=cpu|wave32|wave64|simd: use the algorithms of that class */
    ocl_class class_of;
    bool every_algo;   /* algos=all: offer also the algorithms of other classes, behind the class's own */
    bool no_cache;     /* cache=off: compile from source and keep nothing */
    char without[128]; /* without=NAME+NAME: algorithms that are not offered, by name; '+' between */
} ocl_options;

struct thaw_device {
    const thaw_host *host;
    const ocl_api *cl;
    const ocl_facts *facts; /* of the plugin's list */
    ocl_options options;
    ocl_class class_of;
    uint32_t lanes;  /* floats of the widest vector that pays: 4, 8 or 16 */
    uint32_t wave;   /* preferred multiple of a work-group; 1 on a CPU */
    bool subgroups;  /* cl_khr_subgroups or cl_intel_subgroups */
    bool nvidia_asm; /* inline PTX of sm_80 and newer was built and gave the right values */
    cl_context context;
    ocl_programs *programs;
    ocl_staging *staging;
};

/* [init] Functions of thaw_plugin and thaw_device_ops, under their rules (device.c). */
thaw_status ocl_describe(const ocl_facts *facts, thaw_device_info *info, thaw_error *err);
thaw_status ocl_device_open(const thaw_host *host, const ocl_api *cl, const ocl_facts *facts,
                            const char *options, thaw_device **out, thaw_error *err);
void ocl_device_close(thaw_device *dev);

/* ---- memory and streams (memory.c, stream.c): thaw_device_ops, under its rules --------------------- */

struct thaw_buffer {
    thaw_device *dev;
    cl_mem mem;
    uint64_t bytes;
};

struct thaw_stream {
    thaw_device *dev;
    cl_command_queue queue; /* in order */
    bool lost;              /* the device stopped answering: every call fails from here on */
};

thaw_status ocl_buffer_create(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err);
void ocl_buffer_destroy(thaw_device *dev, thaw_buffer *buf);
thaw_status ocl_stream_create(thaw_device *dev, thaw_stream **out, thaw_error *err);
void ocl_stream_destroy(thaw_device *dev, thaw_stream *stream);
thaw_status ocl_stream_sync(thaw_stream *stream, thaw_error *err);
thaw_status ocl_upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes, thaw_error *err);
thaw_status ocl_download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err);
thaw_status ocl_copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes, thaw_error *err);
thaw_status ocl_fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes, thaw_error *err);
thaw_status ocl_event_create(thaw_device *dev, thaw_event **out, thaw_error *err);
void ocl_event_destroy(thaw_device *dev, thaw_event *event);
thaw_status ocl_event_record(thaw_stream *stream, thaw_event *event, thaw_error *err);
thaw_status ocl_stream_wait(thaw_stream *stream, thaw_event *event, thaw_error *err);

/* Checks that a slice of `bytes` lies inside its buffer and begins at a multiple of `align`; `what` and
 * `index` are for the error's text. */
thaw_status ocl_slice_check(thaw_slice slice, uint64_t bytes, uint64_t align, const char *what,
                            uint32_t index, thaw_error *err);

/* Memory of a kernel, filled from the host before the function returns; NULL data: undefined contents. */
thaw_status ocl_device_memory(thaw_device *dev, const void *data, size_t bytes, cl_mem *out, thaw_error *err);

/* ---- programs (program.c, cache.c) ----------------------------------------------------------------- */

/* A source of kernels/, embedded. */
typedef struct {
    const char *name; /* "conv_panel.cl" */
    const unsigned char *text;
    size_t length;
} ocl_source;

/* The embedded source of this name, or NULL. */
const ocl_source *ocl_source_find(const char *name);

/* [init] */
thaw_status ocl_programs_create(thaw_device *dev, thaw_error *err);
void ocl_programs_free(thaw_device *dev);

/* The program of kernels/<file> behind kernels/thaw.clh, built with `options` ("-D MR=6 -D NR=16") beside
 * those that every program gets. Built once for each (file, options) and kept until the device is closed;
 * different programs are built at the same time where several threads ask. First the cache on disk is asked;
 * whatever is wrong with it, the source is compiled. A failure is THAW_E_UNSUPPORTED with the beginning of
 * the compiler's own words. *out is not the caller's to release. [thread-safe] */
thaw_status ocl_program_get(thaw_device *dev, const char *file, const char *options, cl_program *out,
                            thaw_error *err);

/* cache.c: binaries under $THAW_CACHE_DIR, else $XDG_CACHE_HOME/thaw, else ~/.cache/thaw, in opencl/. The
 * key is made of the source, the options and everything that names device, driver and platform. An entry
 * holds its whole key and a checksum, and is written beside, synced and renamed; of two processes that write
 * at once, either's entry is whole. No failure here is an error of the caller's: load answers NULL. */
unsigned char *ocl_cache_load(const thaw_device *dev, const char *key, size_t *length);
void ocl_cache_store(const thaw_device *dev, const char *key, const unsigned char *binary, size_t length);

/* ---- an op as launches (plan.c) ------------------------------------------------------------------- */

#define OCL_MAX_LAUNCHES 4096u
#define OCL_MAX_OWNED    32u

#define OCL_WORKSPACE (UINT32_MAX - 1)
#define OCL_FIXED     UINT32_MAX

/* One argument that is set at each run: a tensor's buffer and element offset (two arguments of the kernel,
 * `__global T *` and `ulong`), or a place of the workspace (likewise two). */
typedef struct {
    cl_uint index;   /* of the kernel's argument; the offset is index + 1 */
    uint32_t tensor; /* number among inputs, then outputs; OCL_WORKSPACE; OCL_FIXED: `mem` (host calls) */
    cl_mem mem;
    size_t element; /* bytes of one element */
    uint64_t at;    /* bytes, added to the slice's offset; a multiple of element */
} ocl_late_arg;

/* Where a late argument lies in one run. */
typedef struct {
    cl_mem mem;
    size_t element; /* offset, in elements */
} ocl_place;

/* A host library's call in the place of a kernel (CLBlast): enqueues on stream->queue and does not wait.
 * places: the arguments that were given between ocl_host_begin and ocl_host_end, in order. */
typedef thaw_status (*ocl_host_fn)(thaw_stream *stream, const void *data, const ocl_place *places,
                                   thaw_error *err);

typedef struct {
    cl_kernel kernel;    /* NULL: a host call */
    ocl_host_fn host_fn; /* and its data, owned */
    void *host_data;
    ocl_late_arg *late; /* owned */
    uint32_t n_late, late_capacity;
    cl_uint n_args; /* given so far */
    cl_uint dims;
    size_t global[3], local[3]; /* local[0] 0: the driver chooses */
} ocl_launch;

/* What an algorithm's prepare builds: launches in order, run one after another on an in-order queue, and
 * the memory that belongs to the kernel (packed weights). Zeroed at the start. After a failed call the plan
 * remembers the first error in status and error, and further calls do nothing: so a prepare function reads as
 * a list. */
typedef struct {
    thaw_device *dev;
    const backend_op *op;
    ocl_launch *launches;
    uint32_t n_launches, launch_capacity;
    cl_mem owned[OCL_MAX_OWNED];
    uint32_t n_owned;
    thaw_status status;
    thaw_error error;
} ocl_plan;

void ocl_plan_free(ocl_plan *plan);

/* Begins a launch of `kernel` of kernels/<file>; options as ocl_program_get, printf-like. Arguments follow in
 * the kernel's order. */
void ocl_launch_begin(ocl_plan *plan, const char *file, const char *kernel, const char *options, ...)
    __attribute__((format(printf, 4, 5)));
/* Tensor number i of the op's inputs, then outputs; not for a CONST input, which has no slice at run time:
 * see ocl_arg_input and ocl_plan_own. */
void ocl_arg_tensor(ocl_plan *plan, uint32_t tensor);
/* The same from channel or element `element` on (elements of its dtype, added to the slice's offset). */
void ocl_arg_tensor_at(ocl_plan *plan, uint32_t tensor, size_t element);
/* Place `bytes` of the workspace, seen as elements of `element` bytes. */
void ocl_arg_workspace(ocl_plan *plan, size_t bytes, size_t element);
/* Owned memory number i (ocl_plan_own), with an element offset: two arguments like a tensor's. */
void ocl_arg_owned(ocl_plan *plan, uint32_t owned, size_t element);
void ocl_arg_i32(ocl_plan *plan, int64_t value); /* fails where the value has no 32 bits */
void ocl_arg_u64(ocl_plan *plan, uint64_t value);
void ocl_arg_f32(ocl_plan *plan, float value);
void ocl_arg_local(ocl_plan *plan, size_t bytes);
/* Ends the launch. global is in work-items, each a multiple of local where that is given (local[0] > 0). */
void ocl_launch_end(ocl_plan *plan, cl_uint dims, const size_t global[3], const size_t local[3]);
/* One-dimensional, at least `items` work-items in groups that suit the device; the kernel looks at its
 * bound. */
void ocl_launch_items(ocl_plan *plan, size_t items);
/* A host call in the place of a launch; data (bytes of it) is copied. Its arguments are ocl_arg_tensor,
 * ocl_arg_tensor_at, ocl_arg_workspace, ocl_arg_owned and ocl_arg_input, at most 16 of them. */
void ocl_host_begin(ocl_plan *plan, ocl_host_fn fn, const void *data, size_t bytes);
void ocl_host_end(ocl_plan *plan);
/* Memory of the kernel, filled with a copy of data (NULL: undefined). Returns its number. */
uint32_t ocl_plan_own(ocl_plan *plan, const void *data, size_t bytes);
/* Fails the plan with a text. */
void ocl_plan_fail(ocl_plan *plan, thaw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- algorithms (algos.c, ops/) ------------------------------------------------------------------- */

/* One way of computing one op on some classes of device. Listed in algos.c for each class, the best first.
 * `name` is what `thaw plan`, tune files and `without=` call it: it never changes its meaning. `variant` is
 * handed to the functions: one set of functions serves several tile shapes. */
typedef struct ocl_algo {
    const char *name; /* at most 31 characters */
    uint32_t kind;    /* THAW_OP_* */
    uint32_t classes; /* bit 1 << OCL_CLASS_*: for which it is meant */
    const void *variant;
    /* [thread-safe] Pure. `why` (cap bytes) receives the reason for either answer. */
    bool (*accepts)(const thaw_device *dev, const backend_op *op, const struct ocl_algo *algo, char *why,
                    size_t cap);
    /* [thread-safe] Pure. NULL: none needed. SIZE_MAX: the size overflows. */
    size_t (*workspace)(const thaw_device *dev, const backend_op *op, const struct ocl_algo *algo);
    /* [thread-safe] const_data as in op_prepare: the data of every CONST input is there. */
    void (*prepare)(ocl_plan *plan, const struct ocl_algo *algo, const void *const *const_data);
} ocl_algo;

/* Algorithm number i of all; NULL behind the last. Those of one kind and class in order of preference. */
const ocl_algo *ocl_algo_at(size_t i);

/* For algorithms that pack nothing: input number i as an argument, from a copy of its own (made here) if it
 * is CONST, from the caller's slice otherwise. */
void ocl_arg_input(ocl_plan *plan, uint32_t input, const void *const *const_data);

/* ---- kernel.c: thaw_device_ops, under its rules ----------------------------------------------------- */

thaw_status ocl_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                         thaw_error *err);
thaw_status ocl_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo, const void *const *const_data,
                           thaw_kernel **out, thaw_error *err);
void ocl_kernel_destroy(thaw_device *dev, thaw_kernel *kernel);
thaw_status ocl_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args, uint32_t n_args,
                           thaw_slice workspace, thaw_error *err);

#endif
