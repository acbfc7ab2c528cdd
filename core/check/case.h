/* case.h: what a case is, and what the files of this room share. */
#ifndef THAW_CHECK_CASE_H
#define THAW_CHECK_CASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/status.h"
#include "core/runtime/runtime.h"
#include "thaw_ops.h"
#include "thaw_plugin.h"

#define CHECK_MAX_ARGS 64u

/* What an input holds. */
typedef enum {
    FILL_UNIFORM,     /* [-1,1) */
    FILL_POSITIVE,    /* [0.25,1.25) */
    FILL_COARSE,      /* -2, -1, 0, 1, 2: many equal values */
    FILL_RECTIFIED,   /* what a relu leaves: zeros of both signs, and [0,1) */
    FILL_WITH_NAN,    /* as UNIFORM, one in sixteen a NaN */
    FILL_ODD,         /* 1/4 to 5/4 of either sign, one in eight a NaN or an infinity */
    FILL_SELDOM_ODD,  /* one in 48 */
    FILL_ONCE_ODD,    /* one in 8192, for long sums */
    FILL_SELDOM_HUGE, /* [-1,1), one in 1024 of them 2^20 times as much */
    FILL_LOGIT,       /* [-8,8) */
    FILL_LOGIT_FAR,   /* [-200,200): most of the exponentials underflow */
    FILL_SHARE,       /* 0, 1/8 … 7/8: probabilities with equal maxima */
    FILL_SQUARE,      /* small and not negative: Adam's second moment */
    FILL_HYPER,       /* Adam's constants */
    FILL_LABEL,       /* below the channels of input 0 */
    FILL_ANY_LABEL,   /* one in three is no such label */
    FILL_INTEGER,     /* any bits, for integer types */
    FILL_BIT,         /* 0 or 1 */
    FILL_ARGMAX,      /* a cell of the window that lies inside the image of output 0 */
    FILL_ANY_ARGMAX,  /* half of them no cell of the window, or one outside the image */
    FILL_ROUNDING     /* floating-point values that are hard to round: ties, limits, infinities, NaN */
} check_fill;

/* How near an output must come to the reference; the formulas are in compare.c. */
typedef enum {
    RULE_EXACT,
    RULE_BITS,     /* and the signs of zeros and the bits of a NaN */
    RULE_RELATIVE, /* to the value itself */
    RULE_NORM,     /* to the tensor's largest value, or scale_floor if that is more */
    RULE_SUM       /* to the sum of the absolute values of what is added up */
} check_rule;

typedef struct check_arg {
    const char *label; /* as in thaw_ops.h */
    thaw_dtype dtype;
    thaw_role role;
    int32_t n, h, w, c;
    int32_t before, behind; /* channels of a concatenation on either side: pixel_pitch is the sum */
    check_fill fill;        /* inputs */
    check_rule rule;        /* outputs */
    uint32_t terms;         /* outputs: length of the longest sum */
    float scale_floor;
    int32_t in_place_of; /* outputs: the input whose slice it shares, or -1 */
} check_arg;

typedef union check_attr {
    uint32_t struct_size; /* of the member in use; 0: none */
    thaw_conv_attr conv;
    thaw_affine_attr affine;
    thaw_bn_attr bn;
    thaw_pool_attr pool;
    thaw_dropout_attr dropout;
    thaw_xent_attr xent;
    thaw_cast_attr cast;
} check_attr;

typedef enum {
    CHECK_VALUES,  /* against the reference */
    CHECK_ADJOINT, /* <A x, y> = <x, A^T y>; the case describes A */
    CHECK_BATCH,   /* a row of the batch alone gives the bits that it has among the others */
    CHECK_MISUSE,  /* what contradicts thaw_ops.h is refused; the case describes a sound op */
    CHECK_DEVICE,  /* buffers, streams, events */
    /* Each of the following describes a sound op, but for the last, which is about no op. */
    CHECK_FRESH,     /* a MUTABLE input that changes between two runs is read anew */
    CHECK_AGAIN,     /* another kernel made of the same op gives the same bits */
    CHECK_THREADS,   /* another number of threads gives the same bits */
    CHECK_STREAMS,   /* one kernel on several streams at the same time */
    CHECK_QUIET,     /* op_enqueue neither allocates nor logs */
    CHECK_BLOCKING,  /* op_enqueue does not wait for another stream's work */
    CHECK_NO_MEMORY, /* op_query and op_prepare while the host's memory runs out */
    CHECK_SKEW,      /* structs that are longer or shorter than this version's */
    CHECK_GRADIENT,  /* a backward op against what its forward op really does */
    CHECK_PLUGIN     /* the plugin and its device as a whole */
} check_type;

typedef struct check_case {
    check_type type;
    char name[112];
    uint32_t kind;
    uint32_t n_in, n_out;
    check_arg arg[CHECK_MAX_ARGS]; /* inputs, then outputs */
    check_attr attr;
    thaw_precision precision;
    uint32_t flags; /* THAW_OP_EXACT or 0 */
    uint32_t steps; /* times the kernel is enqueued on the same memory */
} check_case;

typedef struct check_list {
    check_case *items;
    size_t count, capacity;
    check_case spare; /* written to when memory is exhausted, so that builders need not look */
    bool failed;
} check_list;

/* ---- building the table: cases*.c -------------------------------------------------------------- */

/* A new case, named "<op>/<text>"; valid until the next one. Never NULL. */
check_case *thaw_check_new(check_list *list, uint32_t kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Appends an f32 activation. All inputs come before the first output. Further fields are set in *result. */
check_arg *thaw_check_in(check_case *c, const char *label, int32_t n, int32_t h, int32_t w, int32_t ch,
                         check_fill fill);
check_arg *thaw_check_out(check_case *c, const char *label, int32_t n, int32_t h, int32_t w, int32_t ch,
                          check_rule rule, uint32_t terms);
/* Makes an argument a slice of a concatenation. */
void thaw_check_slice(check_arg *arg, int32_t before, int32_t behind);
/* Adds a copy of a case under another type, its name with "/<suffix>" behind it. */
void thaw_check_again_as(check_list *list, const check_case *of, check_type type, const char *suffix);
/* Adds the backward op of a forward one, under the forward's name, and its rows one by one. */
void thaw_check_backward(check_list *list, const check_case *forward, uint32_t kind);

/* Each adds its part of the table. Shapes that are random come from seed. */
void thaw_check_cases_conv(check_list *list, uint64_t seed);
void thaw_check_cases_pool(check_list *list);
void thaw_check_cases_pointwise(check_list *list);
void thaw_check_cases_train(check_list *list);
/* Some of the cases so far again, with odd values. */
void thaw_check_cases_odd(check_list *list);
/* A few cases of each op again, as each of the types that need no reference of their own. */
void thaw_check_cases_rules(check_list *list);
/* The whole table; freed by thaw_check_list_free. */
thaw_status thaw_check_cases(uint64_t seed, check_list *list, thaw_error *err);
void thaw_check_list_free(check_list *list);

/* The op that is the adjoint of a forward op, one of kind. false if there is none of that kind. */
bool thaw_check_adjoint_of(const check_case *forward, uint32_t kind, check_case *out);

/* ---- arguments in memory: layout.c, values.c --------------------------------------------------- */

/* Where the arguments of a case lie, in one host image of all of them. Each argument has a region of its
 * own: guard, tensor, guard. On the device the regions are one buffer (arena), or one buffer each. */
typedef struct check_layout {
    size_t total;
    size_t region[CHECK_MAX_ARGS], region_bytes[CHECK_MAX_ARGS]; /* 0 bytes: shares an input's */
    size_t first[CHECK_MAX_ARGS];                                /* of element 0 */
    size_t bytes_per[CHECK_MAX_ARGS];                            /* of one element */
    size_t pixels[CHECK_MAX_ARGS], pitch[CHECK_MAX_ARGS];
    bool arena;
} check_layout;

thaw_status thaw_check_layout(const check_case *c, size_t align, check_layout *layout, thaw_error *err);
static inline size_t check_at(const check_layout *l, uint32_t arg, size_t pixel, size_t channel)
{
    return l->first[arg] + (pixel * l->pitch[arg] + channel) * l->bytes_per[arg];
}

/* Writes guards, the inputs drawn from (seed, name), and NaN (integers: 0xee) into the outputs. */
void thaw_check_draw(const check_case *c, const check_layout *layout, uint64_t seed, uint8_t *image);
/* Replaces the floating-point inputs by their absolute values. */
void thaw_check_absolute(const check_case *c, const check_layout *layout, uint8_t *image);
/* Copies the elements of one argument to another of the same type, starting at given pixels. */
void thaw_check_copy(const check_layout *to, uint8_t *to_image, uint32_t to_arg, size_t to_pixel,
                     const check_layout *from, const uint8_t *from_image, uint32_t from_arg,
                     size_t from_pixel, size_t pixels, size_t channels);
/* THAW_E_CHECK if a byte that belongs to no output has changed. scratch is an image. */
thaw_status thaw_check_untouched(const check_case *c, const check_layout *layout, const uint8_t *before,
                                 const uint8_t *after, uint8_t *scratch, thaw_error *err);
/* Name of the place of an element: "y0[n=0 y=3 x=1 c=17]". */
void thaw_check_place(const check_arg *arg, size_t pixel, size_t channel, char *text, size_t cap);

double thaw_check_load(thaw_dtype dtype, const void *element);

/* ---- running: execute.c, memory.c -------------------------------------------------------------- */

/* Bytes before and behind a workspace that nobody may write. */
#define CHECK_WORKSPACE_GUARD ((size_t)256)

typedef struct check_side {
    thaw_dev *dev;
    thaw_stream *stream;
} check_side;

/* An op as the interface wants it, made of a case. */
typedef struct check_desc {
    thaw_op op;
    thaw_tensor tensor[CHECK_MAX_ARGS];
    const thaw_tensor *pointer[CHECK_MAX_ARGS];
    check_attr attr;
} check_desc;
void thaw_check_describe(const check_case *c, check_desc *desc);

/* Asks the device. THAW_E_UNSUPPORTED: it declines, err says why. THAW_E_CHECK: the answer makes no sense. */
thaw_status thaw_check_query(const check_side *side, const check_case *c, uint32_t algo, thaw_op_info *info,
                             thaw_error *err);
/* Returns when the side's stream has done its work. */
thaw_status thaw_check_sync(const check_side *side, thaw_error *err);

/* A kernel, and what it was made of. The constants are spoilt behind op_prepare but live as long as the
 * kernel: one that kept a pointer to them computes with NaN. */
typedef struct check_kernel {
    const check_side *side;
    thaw_kernel *handle;
    thaw_op_info info;
    void *constants[CHECK_MAX_ARGS];
    size_t constant_bytes[CHECK_MAX_ARGS];
} check_kernel;
/* Asks and prepares; CONST inputs are taken from image. Destroyed by thaw_check_kernel_destroy, also after an
 * error; side outlives it. Statuses as thaw_check_query. */
thaw_status thaw_check_kernel_create(const check_side *side, const check_case *c, const check_layout *layout,
                                     uint32_t algo, const uint8_t *image, check_kernel *k, thaw_error *err);
void thaw_check_kernel_destroy(check_kernel *k);

/* The arguments of a case on a device: buffers, and a workspace between guards. */
typedef struct check_memory {
    const check_side *side;
    const check_case *c;
    const check_layout *layout;
    thaw_buffer *buffer[CHECK_MAX_ARGS]; /* by region; the first one alone if it is an arena */
    thaw_slice slice[CHECK_MAX_ARGS];
    thaw_buffer *workspace_buffer;
    thaw_slice workspace;
    size_t workspace_bytes, workspace_total;
    uint8_t *workspace_image;
} check_memory;
/* Freed by thaw_check_memory_free, also after an error; side, c and layout outlive it. */
thaw_status thaw_check_memory_create(const check_side *side, const check_case *c, const check_layout *layout,
                                     size_t workspace_bytes, check_memory *m, thaw_error *err);
/* Waits for the side's stream first. Harmless on a zeroed struct. */
void thaw_check_memory_free(check_memory *m);
/* Sends an image, which stays until the stream is synchronised. The workspace is filled with zeros or NaN. */
thaw_status thaw_check_memory_write(const check_memory *m, const uint8_t *image, bool zeros, thaw_error *err);
/* One op_enqueue on these arguments. */
thaw_status thaw_check_enqueue(const check_memory *m, thaw_kernel *kernel, thaw_error *err);
/* Fetches an image and synchronises. THAW_E_CHECK: also if the op wrote outside its workspace. */
thaw_status thaw_check_memory_read(const check_memory *m, uint8_t *image, thaw_error *err);
/* Write, enqueue as often as the case has steps, read. */
thaw_status thaw_check_compute(const check_memory *m, thaw_kernel *kernel, const uint8_t *before,
                               uint8_t *after, bool zeros, thaw_error *err);

/* Prepares the op and runs it n_runs times from the image `before`, each time into another image of
 * after[]. THAW_E_CHECK: the device failed, or wrote outside its workspace. */
thaw_status thaw_check_execute(const check_side *side, const check_case *c, const check_layout *layout,
                               uint32_t algo, const uint8_t *before, uint8_t *const *after, uint32_t n_runs,
                               thaw_error *err);
/* Turns what a device function returned into THAW_E_CHECK, with the function's name before the text;
 * THAW_E_NO_MEMORY and THAW_E_DEVICE_LOST, after which nothing can go on, stay what they are. */
thaw_status thaw_check_fault(thaw_error *err, thaw_status status, const char *function);
/* The device's create functions, checked: *out is NULL after an error and never after THAW_OK. The caller
 * destroys it through the device's table. */
thaw_status thaw_check_prepare(const check_side *side, const thaw_op *op, uint32_t algo,
                               const void *const *const_data, thaw_kernel **out, thaw_error *err);
thaw_status thaw_check_buffer(const check_side *side, uint64_t bytes, thaw_buffer **out, thaw_error *err);
thaw_status thaw_check_stream(const check_side *side, thaw_stream **out, thaw_error *err);

/* ---- the types of case ------------------------------------------------------------------------- */

typedef struct check_sandbox check_sandbox; /* sandbox.h */

typedef struct check_run {
    check_side device, reference;
    thaw_runtime *runtime;  /* of the device */
    const char *options;    /* with which it was opened: "isa=avx2"; NULL: none */
    check_sandbox *sandbox; /* opened by the first case that needs it */
    thaw_error no_sandbox;  /* why there can be none; status THAW_OK: that is not known to be so */
    size_t align;
    uint64_t seed;
    uint32_t kernels; /* of the case at hand: algorithms that ran */
    double worst;
} check_run;

/* A stream for each side, and what follows from the devices. Both are open already; run->device.dev and
 * run->reference.dev are set. The streams are destroyed by thaw_check_run_end, also after an error. err is
 * needed. */
thaw_status thaw_check_run_begin(check_run *run, thaw_error *err);
void thaw_check_run_end(check_run *run);

/* One case in memory: where its arguments lie, its inputs, and what the reference made of them. */
typedef struct check_images {
    uint8_t *before, *reference, *sums, *first, *second, *scratch;
    uint8_t *memory;
} check_images;
typedef struct check_subject {
    const check_case *c;
    check_layout layout;
    check_images images;
} check_subject;
/* Draws the inputs and runs the reference. Freed by thaw_check_end, also after an error; c outlives it. */
thaw_status thaw_check_begin(check_run *run, const check_case *c, check_subject *subject, thaw_error *err);
/* The two halves of thaw_check_begin: between them the inputs in images.before can be replaced. */
thaw_status thaw_check_draw_subject(check_run *run, const check_case *c, check_subject *subject,
                                    thaw_error *err);
thaw_status thaw_check_refer(check_run *run, const check_subject *subject, thaw_error *err);
/* images.first, which a kernel left, against the reference. */
thaw_status thaw_check_compare(check_run *run, const check_subject *subject, thaw_error *err);
/* One algorithm of the device, twice, against the reference. Statuses as thaw_check_values. */
thaw_status thaw_check_algo(check_run *run, const check_subject *subject, uint32_t algo, thaw_error *err);
void thaw_check_end(check_subject *subject);

/* The case that tries an op with random values of the right kind, outputs never in place of inputs: of its
 * own batch, or of the largest smaller one with which all tensors together take at most max_bytes (0: its
 * own). False for what no case can hold: an unknown kind, or more than CHECK_MAX_ARGS tensors. */
bool thaw_check_case_of(const thaw_op *op, size_t max_bytes, check_case *out);

/* THAW_OK: passed. THAW_E_CHECK: failed. THAW_E_UNSUPPORTED: declined. Another: cannot go on. */
thaw_status thaw_check_values(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_adjoint(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_batch(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_misuse(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_device(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_fresh(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_again(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_threads(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_streams(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_quiet(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_blocking(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_no_memory(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_skew(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_gradient(check_run *run, const check_case *c, thaw_error *err);
thaw_status thaw_check_plugin(check_run *run, const check_case *c, thaw_error *err);

#endif
