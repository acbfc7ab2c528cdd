/* op.c: kernels, from the question whether to the run. */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "trace.h"

#define BUCKETS 1024u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static trace_op *table[BUCKETS]; /* guarded by lock, with the ops' names */

void trace_ops_reset(void)
{
    memset(table, 0, sizeof table);
}

/* The shape is kept by text.c, so its address stands for it. */
static trace_op *find_or_add(uint16_t process, uint32_t kind, uint32_t algo, const char *shape)
{
    trace_op **bucket = &table[((uintptr_t)shape / 16 + kind * 31u + algo) % BUCKETS];
    for (trace_op *op = *bucket; op; op = (trace_op *)op->next)
        if (op->shape == shape && op->kind == kind && op->algo == algo && op->process == process)
            return op;
    trace_op *op = trace_keep(sizeof *op);
    if (!op)
        return NULL;
    *op = (trace_op){.next = *bucket, .shape = shape, .kind = kind, .algo = algo, .process = process};
    *bucket = op;
    return op;
}

static trace_op *op_with(uint16_t process, uint32_t kind, uint32_t algo, const char *shape)
{
    if (!shape)
        return NULL;
    pthread_mutex_lock(&lock);
    trace_op *op = find_or_add(process, kind, algo, shape);
    pthread_mutex_unlock(&lock);
    return op;
}

const trace_op *trace_op_of(uint16_t process, const thaw_op *op, uint32_t algo)
{
    char shape[256];
    if (!trace_active())
        return NULL;
    trace_shape(op, shape, sizeof shape);
    return op_with(process, op->kind, algo, trace_text(shape));
}

/* What the device told of an algorithm. It is that of the number which op_prepare is going to be given. */
static const trace_op *learn(const trace_op *asked, const thaw_op_info *told)
{
    thaw_op_info info;
    if (!asked || !told || !trace_copy_struct(&info, sizeof info, told, THAW_OP_INFO_V1_SIZE))
        return asked;
    trace_op *op = op_with(asked->process, asked->kind, info.algo, asked->shape);
    if (!op)
        return asked;
    pthread_mutex_lock(&lock);
    memcpy(op->name, info.name, sizeof op->name - 1);
    pthread_mutex_unlock(&lock);
    return op;
}

void trace_op_words(const trace_op *op, char *out, size_t bytes)
{
    out[0] = '\0';
    if (!op)
        return;
    const char *kind = trace_kind_name(op->kind);
    pthread_mutex_lock(&lock);
    snprintf(out, bytes, "%s %s%s%s", kind ? kind : "?", op->shape, op->name[0] ? ", " : "", op->name);
    pthread_mutex_unlock(&lock);
}

thaw_status trace_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                           thaw_error *err)
{
    trace_timer t;
    const trace_op *known = trace_op_of(dev->process, op, algo);
    trace_begin(&t, dev->process, TRACE_OP_QUERY, known, err);
    thaw_status st = dev->ops.op_query(dev->inner, op, algo, info, t.err);
    trace_end(&t, st, 0);
    if (st == THAW_OK)
        learn(known, info);
    return st;
}

thaw_status trace_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                             const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    trace_timer t;
    const trace_op *known = trace_op_of(dev->process, op, algo);
    thaw_kernel *kernel = malloc(sizeof *kernel), *inner = NULL;
    if (!kernel)
        return trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory: %zu bytes for a kernel",
                          sizeof *kernel);
    trace_begin(&t, dev->process, TRACE_OP_PREPARE, known, err);
    thaw_status st = dev->ops.op_prepare(dev->inner, op, algo, const_data, &inner, t.err);
    trace_end(&t, st, 0);
    if (st != THAW_OK || !inner) {
        free(kernel);
        return st;
    }
    *kernel = (thaw_kernel){inner, known};
    *out = kernel;
    return st;
}

void trace_kernel_destroy(thaw_device *dev, thaw_kernel *kernel)
{
    trace_timer t;
    trace_begin(&t, dev->process, TRACE_KERNEL_DESTROY, kernel ? kernel->op : NULL, NULL);
    dev->ops.kernel_destroy(dev->inner, kernel ? kernel->inner : NULL);
    trace_end(&t, THAW_OK, 0);
    free(kernel);
}

thaw_status trace_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                             uint32_t n_args, thaw_slice workspace, thaw_error *err)
{
    trace_timer t;
    const thaw_device *dev = stream->device;
    trace_begin(&t, dev->process, TRACE_OP_ENQUEUE, kernel->op, err);
    thaw_status st = dev->ops.op_enqueue(stream->inner, kernel->inner, args, n_args, workspace, t.err);
    return trace_end(&t, trace_settle(stream, st, t.err), 0);
}
