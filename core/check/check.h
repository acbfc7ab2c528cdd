/* check.h: a device against the plain-C reference, op by op, through the plugin interface alone.
 *
 * Every case is drawn from (seed, name of the case) and from nothing else: the same two, whatever filter
 * selected them, are the same shapes and the same bits. */
#ifndef THAW_CHECK_CHECK_H
#define THAW_CHECK_CHECK_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/log.h"
#include "core/base/status.h"
#include "core/runtime/runtime.h"
#include "thaw_ops.h"

/* What is believed: the CPU backend's plain C. */
#define THAW_CHECK_REFERENCE "cpu:0,isa=reference"

#define THAW_CHECK_MAX_KINDS 32u /* kinds of check */
#define THAW_CHECK_DATA_MAX  24u

typedef enum {
    THAW_CHECK_PASSED = 0,
    THAW_CHECK_FAILED = 1,
    THAW_CHECK_DECLINED = 2 /* the device answered THAW_E_UNSUPPORTED, with a reason */
} thaw_check_result;

/* One case, and what became of it: nothing yet in on_begin. Texts live only during the callback. */
typedef struct thaw_check_case {
    uint32_t kind;    /* THAW_OP_*, or 0: buffers, streams and events */
    const char *op;   /* "conv2d", or "device" for kind 0 */
    const char *name; /* "conv2d/3x3_288-96_s1_9px_const" */
    uint64_t seed;
    thaw_check_result result;
    uint32_t kernels; /* algorithms that ran */
    double worst;     /* largest error, as a share of what is allowed; may exceed 1 */
    double seconds;
    const char *text;    /* why it failed or was declined; "" if it passed */
    const char *check;   /* the kind of check: "values" */
    const char *data;    /* "f32", "tf32", "f32→f16"; "" for kind 0 */
    size_t index, total; /* of all that are selected; rounds are taken to be as long as the first */
} thaw_check_case;

typedef struct thaw_check_matrix thaw_check_matrix; /* matrix.h */
typedef void (*thaw_check_fn)(void *ctx, const thaw_check_case *c);

typedef struct thaw_check_options {
    const char *device;      /* under test, as thaw_runtime_open wants it: "cpu:0,isa=avx2" */
    const char *reference;   /* NULL: THAW_CHECK_REFERENCE */
    const char *op;          /* only cases of these ops ("conv2d,device"); NULL: all */
    const char *case_filter; /* only cases whose name contains this, or is what follows a '='; NULL: all */
    const char *check;       /* only these kinds of check ("values,batch"); NULL: all */
    uint64_t seed;
    uint32_t repeat; /* rounds, with seeds seed, seed + 1, …; 0 means 1 */
    bool fail_fast;  /* ends with the first case that fails */
    const thaw_log *log;
    thaw_check_fn on_begin, on_case; /* before and after each case; may be NULL */
    void *on_case_ctx;               /* of both */
    thaw_check_matrix *matrix;       /* counts into it; freed by the caller; may be NULL */
    /* Asked between cases; not 0: THAW_E_CANCELLED. May be NULL. */
    const volatile sig_atomic_t *cancel;
} thaw_check_options;

typedef struct thaw_check_op_summary {
    const char *op;
    size_t cases, passed, failed, declined;
    double worst; /* as thaw_check_case.worst */
} thaw_check_op_summary;

typedef struct thaw_check_summary {
    size_t cases, passed, failed, declined;
    size_t executed; /* cases in which a kernel of the device ran */
    uint64_t seed;
    double seconds;
    thaw_check_op_summary ops[THAW_OP_KIND_END]; /* by kind */
} thaw_check_summary;

/* Name of an op kind, "device" for 0, "unknown" for what is no kind. Static. */
const char *thaw_check_op_name(uint32_t kind);
/* Name of a kind of check, from 0 on; NULL behind the last. Static. */
const char *thaw_check_kind_name(uint32_t i);

/* Opens both devices, runs every case that the filters select and calls on_case after each. THAW_OK: no
 * case failed, and at least one kernel ran (unless only cases that run none were selected: those of kind 0
 * and of misuse). THAW_E_CHECK: the contrary, or no case was selected; err says which. THAW_E_INVALID: a
 * filter names what is not there. Another status: the check itself could not go on; *summary then holds what
 * was done before. One thread at a time for one runtime. */
thaw_status thaw_check_run(thaw_runtime *runtime, const thaw_check_options *options,
                           thaw_check_summary *summary, thaw_error *err);
/* Calls on_begin for every case that the filters select, and runs none: opens no device. THAW_E_INVALID as
 * above; that none is selected is no error. */
thaw_status thaw_check_enumerate(const thaw_check_options *options, thaw_error *err);

#endif
