/* ops.c: ops asked about, prepared and enqueued, with the faults of what is answered. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "faulty.h"

/* Added to what the CPU needs, so that every op has a workspace behind which to write. */
#define EXTRA_WORKSPACE 64u

static bool of_today(const thaw_op *op)
{
    bool same = op->struct_size == sizeof *op;
    for (uint32_t i = 0; same && i < op->n_in; i++)
        same = op->in[i]->struct_size == sizeof *op->in[i];
    return same;
}

/* Repairs what is too short and goes on as if nothing were wrong. */
static thaw_status query_short(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                               thaw_error *err)
{
    thaw_tensor tensors[FAULTY_MAX_ARGS];
    const thaw_tensor *pointers[FAULTY_MAX_ARGS];
    thaw_op own = *op;
    own.struct_size = sizeof own;
    info->struct_size = sizeof *info;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        tensors[i] = i < op->n_in ? *op->in[i] : *op->out[i - op->n_in];
        tensors[i].struct_size = sizeof tensors[i];
        pointers[i] = &tensors[i];
    }
    own.in = pointers;
    own.out = pointers + op->n_in;
    return faulty_inner->op_query(dev, &own, algo, info, err);
}

static bool accepts_all_the_same(const thaw_op *op)
{
    switch (faulty_fault) {
    case FAULT_LENIENT:
        return true;
    case FAULT_OVERFLOW:
        return op->n_in && op->in[0]->n == INT32_MAX && op->in[0]->c < INT32_MAX;
    case FAULT_LOW:
        return op->n_in && op->n_out && op->out[0]->h == 1 && op->in[0]->h > 1;
    case FAULT_HIGH:
        return op->n_in && op->n_out && op->in[0]->h > 0 && op->out[0]->h > (int64_t)4 * op->in[0]->h;
    default:
        return false;
    }
}

static thaw_status op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                            thaw_error *err)
{
    if (faulty_fault == FAULT_SILENT)
        return THAW_E_UNSUPPORTED;
    if (faulty_fault == FAULT_INVALID && op->kind == THAW_OP_CONV2D && op->n_in == 3)
        return faulty_refuse(err, THAW_E_INVALID, "3 inputs, must be 2");
    if (faulty_fault == FAULT_DECLINE)
        return faulty_refuse(err, THAW_E_UNSUPPORTED, "this device computes nothing at all");
    if (faulty_fault == FAULT_STRICT && !of_today(op))
        return faulty_refuse(err, THAW_E_INVALID, "a struct of another size");
    if (faulty_fault == FAULT_SHORT)
        return query_short(dev, op, algo, info, err);
    if (faulty_fault == FAULT_NULL_ERROR && op->kind >= THAW_OP_KIND_END)
        return faulty_refuse(err, THAW_E_UNSUPPORTED, "no such op");
    thaw_status st = faulty_inner->op_query(dev, op, algo, info, err);
    if (st != THAW_OK && accepts_all_the_same(op)) {
        info->n_algos = 1;
        snprintf(info->name, sizeof info->name, "any");
        return THAW_OK;
    }
    if (st == THAW_OK && faulty_fault == FAULT_OVERRUN)
        memset((char *)info + info->struct_size, 0, 4);
    if (st == THAW_OK && faulty_fault == FAULT_WORKSPACE)
        info->workspace_bytes += EXTRA_WORKSPACE;
    return st;
}

static void kernel_destroy(thaw_device *dev, thaw_kernel *k)
{
    if (!k)
        return;
    faulty_inner->kernel_destroy(dev, k->inner);
    faulty_inner->buffer_destroy(dev, k->stale);
    faulty_free(k->ballast);
    free(k->deferred);
    free(k);
}

static bool keep_op(thaw_kernel *k, const thaw_op *op)
{
    k->n_in = op->n_in;
    k->n_out = op->n_out;
    if (op->n_in + op->n_out > FAULTY_MAX_ARGS)
        return false;
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++)
        memcpy(&k->tensors[i], i < op->n_in ? op->in[i] : op->out[i - op->n_in], sizeof k->tensors[i]);
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++)
        k->tensors[i].struct_size = sizeof k->tensors[i];
    return true;
}

static thaw_status make_kernel(thaw_kernel *k, const thaw_op *op, const void *const *const_data,
                               thaw_error *err)
{
    thaw_op_info info = {.struct_size = sizeof info};
    thaw_status st = faulty_inner->op_query(k->dev, op, k->algo, &info, err);
    if (st == THAW_OK)
        st = faulty_prepare_memory(err);
    if (st != THAW_OK)
        return st;
    if (!keep_op(k, op))
        return faulty_refuse(err, THAW_E_UNSUPPORTED, "too many tensors");
    k->workspace_bytes = info.workspace_bytes + EXTRA_WORKSPACE;
    if (faulty_fault == FAULT_FREES)
        k->ballast = faulty_alloc(64);
    if (faulty_fault == FAULT_POINTER)
        return faulty_defer(k, op, const_data, err);
    return faulty_inner->op_prepare(k->dev, op, k->algo, const_data, &k->inner, err);
}

static thaw_status op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    static atomic_uint number;
    if (faulty_fault == FAULT_NOTHING || (faulty_fault == FAULT_EMPTY && faulty_no_memory()))
        return THAW_OK;
    thaw_kernel *k = calloc(1, sizeof *k);
    if (!k)
        return faulty_refuse(err, THAW_E_NO_MEMORY, "no memory");
    k->dev = dev;
    k->algo = algo;
    k->damaged = faulty_prepare_enter();
    k->damaged = k->damaged || (faulty_fault == FAULT_GREEDY && op->struct_size > sizeof *op);
    k->damaged = k->damaged || (faulty_fault == FAULT_KERNEL && atomic_fetch_add(&number, 1) % 2);
    thaw_status st = make_kernel(k, op, const_data, err);
    faulty_prepare_leave();
    if (st != THAW_OK) {
        kernel_destroy(dev, k);
        return st;
    }
    *out = k;
    return THAW_OK;
}

static thaw_status op_enqueue(thaw_stream *stream, thaw_kernel *k, const thaw_slice *args, uint32_t n_args,
                              thaw_slice workspace, thaw_error *err)
{
    uint8_t old[4] = {0};
    thaw_slice own[FAULTY_MAX_ARGS];
    if (n_args != k->n_in + k->n_out)
        return faulty_fault == FAULT_ENQUEUE
                   ? THAW_OK
                   : faulty_inner->op_enqueue(stream, k->inner, args, n_args, workspace, err);
    memcpy(own, args, n_args * sizeof *args);
    bool wrong = faulty_enter(k);
    faulty_enqueue_memory(k);
    if (faulty_fault == FAULT_NAN)
        faulty_before(stream, k, args, old);
    if (faulty_fault == FAULT_STALE)
        faulty_stale(stream, k, own);
    thaw_status st = faulty_undefer(k, err);
    uint8_t *restored = st == THAW_OK ? faulty_edges_before(stream, k, own) : NULL;
    if (st == THAW_OK)
        st = faulty_inner->op_enqueue(stream, k->inner, own, n_args, workspace, err);
    st = faulty_edges_status(k, args, st);
    faulty_edges_behind(stream, k, args, restored);
    if (st == THAW_OK && (wrong || k->damaged || faulty_is_broken()))
        faulty_spoil_bit(stream, k, args);
    if (st == THAW_OK)
        faulty_behind(stream, k, args, workspace, old);
    faulty_leave(k);
    return st;
}

void faulty_ops(thaw_device_ops *ops)
{
    ops->op_query = op_query;
    ops->op_prepare = op_prepare;
    ops->kernel_destroy = kernel_destroy;
    ops->op_enqueue = op_enqueue;
}
