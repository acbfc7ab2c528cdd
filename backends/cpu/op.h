/* op.h: reading and judging the op descriptors that a host hands over. */
#ifndef THAW_CPU_OP_H
#define THAW_CPU_OP_H

#include "backends/cpu/cpu.h"

/* Tensors an op may have in all. Generous for the training of a whole network in one ADAM, and small
 * enough for op_enqueue to resolve them on the stack. */
#define CPU_MAX_TENSORS 4096u

/* Rules of one kind; names as in thaw_ops.h. Where an op may have more tensors than are named here, the
 * last one's rules hold for the rest. */
typedef struct {
    const char *name;
    uint32_t attr_size; /* of ABI 1.0; 0: the kind has none */
    uint32_t in_min, in_max, out_min, out_max;
    const char *in[4], *out[5];
    thaw_dtype in_dtype[4], out_dtype[5]; /* CPU_ANY_DTYPE: the kind's own rule says */
} cpu_op_rule;

#define CPU_ANY_DTYPE (-1)

/* [thread-safe] NULL for a kind that does not exist. */
const cpu_op_rule *cpu_op_rule_of(uint32_t kind);

/* [thread-safe] Checks that the tensors and attributes fit each other as thaw_ops.h has it.
 * THAW_E_INVALID names op, tensor and dimension. */
thaw_status cpu_op_check_shapes(const cpu_op *op, const cpu_op_rule *rule, thaw_error *err);

/* [thread-safe] Copies a descriptor, whatever its struct_size, and checks all of it. The copy is
 * released with cpu_op_free. THAW_E_INVALID, THAW_E_UNSUPPORTED (unknown kind, too many tensors),
 * THAW_E_NO_MEMORY. */
thaw_status cpu_op_read(const struct thaw_device *dev, const thaw_op *from, cpu_op **out, thaw_error *err);

/* NULL does nothing. */
void cpu_op_free(const struct thaw_device *dev, cpu_op *op);

/* Bytes of one element; 0 for a dtype that does not exist. */
size_t cpu_dtype_bytes(thaw_dtype dtype);

/* Bytes from a tensor's first element to behind its last. The tensor has been checked. */
size_t cpu_tensor_bytes(const thaw_tensor *t);

#endif
