/* cpu.h: what the files of the CPU backend share. */
#ifndef THAW_CPU_H
#define THAW_CPU_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backends/common/op.h"

/* Instruction sets, in rising order. REFERENCE is plain C that accumulates in double: slow, and the truth
 * that every other path and every other backend is checked against. GENERIC is the same vector code as the
 * two below, four floats wide, for any architecture (NEON on Arm). */
typedef enum { CPU_ISA_REFERENCE = 0, CPU_ISA_GENERIC = 1, CPU_ISA_AVX2 = 2, CPU_ISA_AVX512 = 3 } cpu_isa;

typedef struct cpu_order cpu_order; /* ahead.h */

struct thaw_device {
    const thaw_host *host; /* first, for backends/common/memory.h */
    cpu_order *order;
    cpu_isa isa;
    uint32_t threads; /* of the host's parallel_for */
    size_t l2_bytes;  /* per core, a default where it cannot be read */
    size_t l3_bytes;  /* shared */
    /* With CPU_ISA_AVX512: what multiplies bf16. slow: slower than f32 by AVX-512. */
    bool avx512_bf16, slow_avx512_bf16, amx_bf16;
};

/* Where a run begins to read what prepare has packed: worker w at first + w*share. NULL: nowhere. */
typedef struct {
    const char *first;
    size_t share;
} cpu_weights;

/* One run of a kernel: args[i] is the host address of input i, then of output i - n_in. A CONST input's
 * address is NULL where the algorithm has prepared it. */
typedef struct {
    const struct thaw_device *dev;
    const backend_op *op;
    void *state; /* what prepare made */
    void *const *args;
    void *workspace;  /* workspace_bytes, 64-byte aligned, contents undefined */
    cpu_weights next; /* that will probably be read after this run's: for prefetches alone */
} cpu_call;

/* One way of computing one op. Each lives in a file of its own and is listed in algos.c. Of those whose
 * accepts() says yes the cheapest is the default; accepts() says why not. */
typedef struct {
    const char *name;
    uint32_t kind; /* THAW_OP_* */
    cpu_isa min_isa, max_isa;
    /* [thread-safe] Pure. `why` (cap bytes) receives the reason for either answer. */
    bool (*accepts)(const struct thaw_device *dev, const backend_op *op, char *why, size_t cap);
    /* [thread-safe] Pure: expected time of one run, in multiply-adds of f32 at this device's peak, with the
     * share of prepare() that falls on one of op->runs runs. Only its order among the algorithms of one op
     * counts. NULL: unknown, behind all that say a cost, in the order of the list. */
    double (*cost)(const struct thaw_device *dev, const backend_op *op);
    /* [thread-safe] NULL: none needed. SIZE_MAX: the size overflows. */
    size_t (*workspace)(const struct thaw_device *dev, const backend_op *op);
    /* [thread-safe] NULL: nothing to prepare, and CONST inputs are copied by kernel.c, so that their
     * args are never NULL. Otherwise the algorithm packs what it needs of const_data into *state. */
    thaw_status (*prepare)(const struct thaw_device *dev, const backend_op *op, const void *const *const_data,
                           void **state, thaw_error *err);
    void (*destroy)(const struct thaw_device *dev, void *state);
    /* [thread-safe] NULL: an algorithm that draws nothing ahead and asks nobody to do it. */
    cpu_weights (*weights)(const struct thaw_device *dev, const void *state);
    void (*run)(const cpu_call *call);
} cpu_algo;

/* Algorithm number i of all, in the order of algos.c; NULL behind the last. */
const cpu_algo *cpu_algo_at(size_t i);

#endif
