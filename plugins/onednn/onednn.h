/* onednn.h: what the files of the oneDNN backend share. */
#ifndef THAW_ONEDNN_H
#define THAW_ONEDNN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <dnnl.h>

#include "backends/common/op.h"

struct thaw_device {
    const thaw_host *host; /* first, for backends/common/memory.h */
    dnnl_engine_t engine;
    uint32_t workers;       /* of the host's parallel_for */
    dnnl_stream_t *streams; /* one for each worker */
};

/* One run of a kernel: args[i] is the host address of input i, then of output i - n_in; of a CONST input that
 * of a copy, or NULL where the algorithm keeps it. */
typedef struct {
    const struct thaw_device *dev;
    const backend_op *op;
    void *state; /* what prepare made */
    void *const *args;
    unsigned char *workspace; /* as many bytes as accepts asked for, 64-byte aligned, contents undefined */
} onednn_call;

/* One way of computing one op, listed in algos.c, of one kind the better one first. */
typedef struct {
    const char *name;
    uint32_t kind; /* THAW_OP_* */
    /* [thread-safe] Pure. `why` (cap bytes) receives the reason for either answer, *workspace (0 before) the
     * bytes that a run needs. */
    bool (*accepts)(const struct thaw_device *dev, const backend_op *op, size_t *workspace, char *why,
                    size_t cap);
    uint32_t keeps; /* bit i: prepare keeps what it needs of a CONST input i, and no copy is made of it */
    /* [thread-safe] NULL: nothing to prepare. op outlives *state. */
    thaw_status (*prepare)(const struct thaw_device *dev, const backend_op *op, const void *const *const_data,
                           void **state, thaw_error *err);
    void (*destroy)(const struct thaw_device *dev, void *state);
    thaw_status (*run)(const onednn_call *call, thaw_error *err);
} onednn_algo;

/* Algorithm number i of all; NULL behind the last. */
const onednn_algo *onednn_algo_at(size_t i);

static inline const float *onednn_in(const onednn_call *call, uint32_t i)
{
    return call->args[i];
}

static inline float *onednn_out(const onednn_call *call, uint32_t k)
{
    return call->args[call->op->n_in + k];
}

/* Element index of channel 0 of a pixel. */
static inline size_t onednn_at(const thaw_tensor *t, size_t pixel)
{
    return pixel * (size_t)t->pixel_pitch;
}

static inline bool onednn_dense(const thaw_tensor *t)
{
    return t->pixel_pitch == t->c;
}

/* *out = each for every worker, and shared once. False: no such memory can exist. */
static inline bool onednn_workspace(const struct thaw_device *dev, size_t each, size_t shared, size_t *out)
{
    size_t bytes;
    return !__builtin_mul_overflow(each, (size_t)dev->workers, &bytes) &&
           !__builtin_add_overflow(bytes, shared, out) && *out <= PTRDIFF_MAX;
}

static inline void *onednn_alloc(const struct thaw_device *dev, size_t bytes)
{
    return dev->host->alloc(dev->host->ctx, bytes, 64);
}

static inline void onednn_free(const struct thaw_device *dev, void *p)
{
    dev->host->free(dev->host->ctx, p);
}

#endif
