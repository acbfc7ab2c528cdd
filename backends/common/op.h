/* op.h: what every backend of this tree needs of an op: the copied descriptor, its checks, and error texts.
 * Linked into each plugin; knows the SDK alone. */
#ifndef THAW_BACKENDS_OP_H
#define THAW_BACKENDS_OP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "thaw_ops.h"
#include "thaw_plugin.h"

/* Tensors an op may have in all. Generous for the training of a whole network in one ADAM, and small
 * enough for op_enqueue to resolve them on the stack. */
#define BACKEND_MAX_TENSORS 4096u

/* An op as a backend keeps it: descriptors copied, so that it outlives op_prepare. */
typedef struct {
    uint32_t kind;
    uint32_t n_in, n_out;
    thaw_tensor *in;  /* n_in */
    thaw_tensor *out; /* n_out */
    union {
        thaw_conv_attr conv;
        thaw_affine_attr affine;
        thaw_bn_attr bn;
        thaw_pool_attr pool;
        thaw_dropout_attr dropout;
        thaw_xent_attr xent;
        thaw_cast_attr cast;
    } attr;
    thaw_precision precision;
    uint32_t flags; /* THAW_OP_EXACT or 0 */
    uint64_t runs;
} backend_op;

/* Rules of one kind; names as in thaw_ops.h. Where an op may have more tensors than are named here, the
 * last one's rules hold for the rest. */
typedef struct {
    const char *name;
    uint32_t attr_size; /* of ABI 1.0; 0: the kind has none */
    uint32_t in_min, in_max, out_min, out_max;
    const char *in[4], *out[5];
    thaw_dtype in_dtype[4], out_dtype[5]; /* BACKEND_ANY_DTYPE: the kind's own rule says */
} backend_op_rule;

#define BACKEND_ANY_DTYPE (-1)

/* [thread-safe] NULL for a kind that does not exist. */
const backend_op_rule *backend_op_rule_of(uint32_t kind);

/* [thread-safe] Checks that the tensors and attributes fit each other as thaw_ops.h has it.
 * THAW_E_INVALID names op, tensor and dimension. */
thaw_status backend_op_check_shapes(const backend_op *op, const backend_op_rule *rule, thaw_error *err);

/* [thread-safe] Copies a descriptor, whatever its struct_size, and checks all of it. The copy is
 * released with backend_op_free. THAW_E_INVALID, THAW_E_UNSUPPORTED (unknown kind, too many tensors),
 * THAW_E_NO_MEMORY. */
thaw_status backend_op_read(const thaw_host *host, const thaw_op *from, backend_op **out, thaw_error *err);

/* NULL does nothing. */
void backend_op_free(const thaw_host *host, backend_op *op);

/* [thread-safe] Every CONST input needs data, whoever copies it: THAW_E_INVALID names the first without. */
thaw_status backend_op_check_consts(const backend_op *op, const void *const *data, thaw_error *err);

/* [thread-safe] Answers an op_query: copies *full to a caller's *info, as much of it as its struct_size has.
 * info may be NULL. THAW_E_INVALID: struct_size is smaller than in ABI 1.0. */
thaw_status backend_op_info_write(const thaw_op_info *full, thaw_op_info *info, thaw_error *err);

/* Bytes of one element; 0 for a dtype that does not exist. */
size_t backend_dtype_bytes(thaw_dtype dtype);

/* Bytes from a tensor's first element to behind its last. The tensor has been checked. */
size_t backend_tensor_bytes(const thaw_tensor *t);

/* Number of pixels, over n, h and w. */
static inline size_t backend_pixels(const thaw_tensor *t)
{
    return (size_t)t->n * (size_t)t->h * (size_t)t->w;
}

/* Writes err (may be NULL) and returns status. */
thaw_status backend_fail(thaw_error *err, thaw_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
