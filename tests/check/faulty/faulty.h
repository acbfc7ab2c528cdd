/* faulty.h: the CPU plugin with one fault, which the device's option names: faulty:0,fault=NAME.
 *
 * It forwards to a copy of the CPU plugin of its own; THAW_FAULTY_INNER in the environment says of which
 * file. Faults of thaw_plugin_entry and init, which come before any option, are named by THAW_FAULTY_INIT. */
#ifndef THAW_TEST_FAULTY_H
#define THAW_TEST_FAULTY_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thaw_ops.h"
#include "thaw_plugin.h"

#define FAULTY_MAX_ARGS 64u

/* One line a fault, by concern. */
#define FAULTS(X)                                                                                            \
    /* values.c: what an op leaves in memory */                                                              \
    X(VALUE, "value")         /* one element of output 0 is wrong */                                         \
    X(BEHIND, "behind")       /* one element behind the last of output 0 is written */                       \
    X(GAP, "gap")             /* one element between c and pixel_pitch of output 0 is written */             \
    X(NAN, "nan")             /* the last element of output 0 is left as it was */                           \
    X(RELU, "relu")           /* output 0 has 0 where it should have a NaN */                                \
    X(FLICKER, "flicker")     /* every other run has another lowest bit */                                   \
    X(INPUT, "input")         /* the first input is changed */                                               \
    X(WORKSPACE, "workspace") /* four bytes behind the workspace are written */                              \
    X(BATCH, "batch")         /* a batch of several has another lowest bit than a row alone */               \
    X(KERNEL, "kernel")       /* every other kernel has another lowest bit */                                \
    X(THREADS, "threads")     /* the lowest bit depends on the number of threads */                          \
    X(STALE, "stale")         /* a kernel keeps a copy of its first MUTABLE input */                         \
    X(POINTER, "pointer")     /* const_data is read at the first op_enqueue, from where it was */            \
    /* edges.c: what odd values bring to light */                                                            \
    X(SCRUB, "scrub")           /* a NaN of output 0 becomes 0 */                                            \
    X(SPREAD, "spread")         /* a NaN in input 0 makes all of output 0 NaN */                             \
    X(SATURATE, "saturate")     /* infinity of output 0 becomes the largest number */                        \
    X(FLUSH, "flush")           /* subnormal numbers of output 0 become 0 */                                 \
    X(QUIET, "quiet-nan")       /* the NaN of output 0 all get the same bits */                              \
    X(ARGMAX, "argmax")         /* where y is NaN or 0, argmax is 0 */                                       \
    X(TRUST, "trust")           /* labels and cells of a 3x3 window are taken modulo their number */         \
    X(SHARED_SLICE, "in-place") /* if one MUTABLE output is in place, all are taken to be */                 \
    X(EIGHT, "eight")           /* ADAM forgets the tensors behind the eighth */                             \
    X(BOUNDS, "bounds")         /* transfers outside a buffer do nothing and succeed */                      \
    X(OUTSIDE, "outside")       /* and ops */                                                                \
    X(TRANSFORM, "transform")   /* f32's rounding of the largest output shows in all of the tensor */        \
    /* ops.c: what is answered */                                                                            \
    X(LENIENT, "lenient")   /* op_query accepts everything */                                                \
    X(OVERFLOW, "overflow") /* op_query accepts sizes whose product overflows */                             \
    X(LOW, "low")           /* and an output 0 of height 1 */                                                \
    X(HIGH, "high")         /* and one that is higher than its image */                                      \
    X(ENQUEUE, "enqueue")   /* op_enqueue accepts any number of arguments */                                 \
    X(SILENT, "silent")     /* op_query declines without a reason */                                         \
    X(INVALID, "invalid")   /* op_query calls an op with a bias invalid */                                   \
    X(DECLINE, "decline")   /* op_query declines everything */                                               \
    X(OVERRUN, "overrun")   /* op_query writes beyond the struct_size that it was given */                   \
    X(NOTHING, "nothing")   /* op_prepare reports success and hands out no kernel */                         \
    X(STRICT, "strict")     /* structs of another size than today's are refused */                           \
    X(GREEDY, "greedy")     /* an op behind whose struct there is more is another op */                      \
    X(SHORT, "short")       /* op_query accepts structs smaller than those of ABI 1.0 */                     \
    /* streams.c: what happens at the same time */                                                           \
    X(FILL, "fill")       /* fill writes four bytes too many */                                              \
    X(WAIT, "wait")       /* stream_wait fails on events that were never recorded */                         \
    X(SHARED, "shared")   /* a kernel that runs on two streams at once spoils the later one's values */      \
    X(SCRATCH, "scratch") /* so do two kernels of the device */                                              \
    X(BUFFERS, "buffers") /* fill is wrong while an op runs */                                               \
    X(STATIC, "static")   /* a kernel that is prepared while another is gives wrong values */                \
    X(LOCK, "lock")       /* a lock is held for as long as an op takes */                                    \
    /* memory.c: what is taken from the host and from the device */                                          \
    X(ALLOCATES, "allocates")     /* op_enqueue allocates */                                                 \
    X(FREES, "frees")             /* op_enqueue frees */                                                     \
    X(LOGS, "logs")               /* op_enqueue logs */                                                      \
    X(LEAK, "leak")               /* close keeps an allocation */                                            \
    X(KEEP, "keep")               /* shutdown keeps one */                                                   \
    X(FOREIGN, "foreign")         /* shutdown frees what the host has not given out */                       \
    X(PARTIAL, "partial")         /* op_prepare without memory keeps what it had got */                      \
    X(MUTE, "mute")               /* op_prepare without memory says nothing */                               \
    X(WRONG_STATUS, "status")     /* and here that it is an internal error */                                \
    X(NEVER_AGAIN, "never-again") /* and here fails from then on */                                          \
    X(EMPTY, "empty")             /* op_prepare without memory hands out nothing as a success */             \
    X(OPEN, "open")               /* device_open without memory keeps what it had got */                     \
    X(OPEN_EMPTY, "open-empty")   /* or hands out nothing as a success */                                    \
    X(HUGE, "huge")               /* 2^62 bytes are THAW_E_INVALID */                                        \
    X(FULL_STATUS, "full-status") /* a full device is THAW_E_INVALID */                                      \
    X(FULL_MUTE, "full-mute")     /* or has no text */                                                       \
    X(FULL_BROKEN, "full-broken") /* or computes wrongly afterwards */                                       \
    /* faulty.c: the plugin */                                                                               \
    X(OPTIONS, "options")                   /* device_open accepts every option */                           \
    X(OPTIONS_STATUS, "options-status")     /* or refuses it as unsupported */                               \
    X(OPTIONS_MUTE, "options-mute")         /* or without a text */                                          \
    X(OPTIONS_EMPTY, "options-empty")       /* or hands out nothing as a success */                          \
    X(NULL_ERROR, "null-error")             /* err is written to without a look at it */                     \
    X(DESCRIBE, "describe")                 /* device_describe writes beyond struct_size */                  \
    X(DESCRIBE_LENIENT, "describe-lenient") /* or does not look at it */

typedef enum {
    FAULT_NONE,
#define X(symbol, name) FAULT_##symbol,
    FAULTS(X)
#undef X
        FAULT_COUNT
} fault_kind;

struct thaw_kernel {
    thaw_device *dev;
    thaw_kernel *inner; /* NULL: to be made at the first op_enqueue (FAULT_POINTER) */
    uint32_t n_in, n_out, algo;
    thaw_tensor tensors[FAULTY_MAX_ARGS]; /* inputs, then outputs */
    uint64_t workspace_bytes;
    atomic_uint runs;
    bool damaged; /* output 0 gets another lowest bit */
    atomic_uint in_flight;
    thaw_buffer *stale; /* FAULT_STALE */
    struct deferred *deferred;
    void *ballast; /* FAULT_FREES: from the host */
};

/* One fault at a time: the tests open one faulty device at a time. */
extern fault_kind faulty_fault;
extern const thaw_host *faulty_host;
extern const thaw_device_ops *faulty_inner;

thaw_status faulty_refuse(thaw_error *err, thaw_status status, const char *text);
void *faulty_alloc(size_t bytes);
void faulty_free(void *p);

/* Replace functions of the CPU device's table. */
void faulty_ops(thaw_device_ops *ops);
void faulty_streams(thaw_device_ops *ops);
void faulty_memory(thaw_device_ops *ops);

/* values.c */
void faulty_spoil_bit(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args);
/* The last element of output 0, before and behind the op. */
void faulty_before(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args, uint8_t old[4]);
void faulty_behind(thaw_stream *stream, thaw_kernel *k, const thaw_slice *args, thaw_slice workspace,
                   const uint8_t old[4]);
/* Puts the kernel's copy in the place of its first MUTABLE input. */
void faulty_stale(thaw_stream *stream, thaw_kernel *k, thaw_slice *args);
/* Keeps an op without preparing it, and prepares what was kept. */
thaw_status faulty_defer(thaw_kernel *k, const thaw_op *op, const void *const *const_data, thaw_error *err);
thaw_status faulty_undefer(thaw_kernel *k, thaw_error *err);

uint64_t faulty_element_bytes(const thaw_tensor *t);
/* In elements, behind the last. */
uint64_t faulty_end_of(const thaw_tensor *t);

/* edges.c: around an op. own, its arguments, may be changed; what the first returns is given to the second.
 */
uint8_t *faulty_edges_before(thaw_stream *stream, const thaw_kernel *k, thaw_slice *own);
void faulty_edges_behind(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args,
                         uint8_t *restored);
/* THAW_OK in the place of the refusal of an op whose arguments are all there. */
thaw_status faulty_edges_status(const thaw_kernel *k, const thaw_slice *args, thaw_status st);
void faulty_edges(thaw_device_ops *ops);

/* streams.c: around an op; true: its values are to be wrong. */
bool faulty_enter(thaw_kernel *k);
void faulty_leave(thaw_kernel *k);
bool faulty_prepare_enter(void);
void faulty_prepare_leave(void);

/* memory.c */
thaw_status faulty_prepare_memory(thaw_error *err);
/* Whether a small allocation is refused. */
bool faulty_no_memory(void);
void faulty_enqueue_memory(thaw_kernel *k);
bool faulty_is_broken(void);
thaw_status faulty_open_memory(thaw_error *err);
void faulty_shutdown_memory(void);

#endif
