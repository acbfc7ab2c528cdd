/* kernel.c: one op on its way: asked about, prepared, run. */
#include <stdio.h>
#include <string.h>

#include "plugin.h"

/* Ranges into which the work of one run is cut. A constant: the cut must not depend on the number of threads.
 */
#define MAX_TASKS ((size_t)64)

/* YOURS: the compiled kernel, its launch sizes, packed weights. */
struct thaw_kernel {
    const op_kind *kind;
    op_copy op;
    void *constants[MAX_IN]; /* copies of the inputs that are CONST */
};

/* Pure: it is asked often, and also about ops that nobody will run. */
thaw_status op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info, thaw_error *err)
{
    op_copy own;
    const op_kind *kind;
    (void)dev;
    thaw_status st = op_read(op, &own, &kind, err);
    if (st != THAW_OK)
        return st;
    /* YOURS: several ways of computing one op are several algorithms; `thaw tune` finds the fastest. */
    if (algo != 0 && algo != THAW_ALGO_DEFAULT)
        return fail(err, THAW_E_UNSUPPORTED, "%s: there is no algorithm %u, only 0", kind->name, algo);
    if (info->struct_size < THAW_OP_INFO_V1_SIZE)
        return fail(err, THAW_E_INVALID, "thaw_op_info has %u bytes, must be at least %u", info->struct_size,
                    THAW_OP_INFO_V1_SIZE);
    thaw_op_info answer = {.struct_size = info->struct_size, .n_algos = 1, .deterministic = 1};
    snprintf(answer.name, sizeof answer.name, "%s", "loops");
    snprintf(answer.reason, sizeof answer.reason, "%s", "the only one");
    memcpy(info, &answer, info->struct_size < sizeof answer ? info->struct_size : sizeof answer);
    return THAW_OK;
}

/* The host's copy of a CONST input is gone after op_prepare. */
static thaw_status keep_constants(const thaw_host *host, const void *const *data, thaw_kernel *kernel,
                                  thaw_error *err)
{
    for (uint32_t i = 0; i < kernel->op.n_in; i++) {
        size_t bytes;
        if (kernel->op.in[i].role != THAW_ROLE_CONST)
            continue;
        if (!data || !data[i])
            return fail(err, THAW_E_INVALID, "%s: input %u is CONST and has no data", kernel->kind->name, i);
        if (!tensor_bytes(&kernel->op.in[i], &bytes) ||
            !(kernel->constants[i] = host->alloc(host->ctx, bytes, 64)))
            return fail(err, THAW_E_NO_MEMORY, "%s: no memory for a copy of input %u", kernel->kind->name, i);
        memcpy(kernel->constants[i], data[i], bytes);
    }
    return THAW_OK;
}

/* Everything slow belongs here: compiling, packing. Several threads may be in it at the same time. */
thaw_status op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo, const void *const *const_data,
                       thaw_kernel **out, thaw_error *err)
{
    thaw_op_info info = {.struct_size = sizeof info};
    thaw_status st = op_query(dev, op, algo, &info, err);
    if (st != THAW_OK)
        return st;
    thaw_kernel *kernel = dev->host->alloc(dev->host->ctx, sizeof *kernel, 64);
    if (!kernel)
        return fail(err, THAW_E_NO_MEMORY, "no memory for a kernel");
    memset(kernel, 0, sizeof *kernel);
    st = op_read(op, &kernel->op, &kernel->kind, err);
    if (st == THAW_OK)
        st = keep_constants(dev->host, const_data, kernel, err);
    if (st == THAW_OK)
        *out = kernel;
    else
        kernel_destroy(dev, kernel);
    return st;
}

void kernel_destroy(thaw_device *dev, thaw_kernel *kernel)
{
    if (!kernel)
        return;
    for (uint32_t i = 0; i < MAX_IN; i++)
        dev->host->free(dev->host->ctx, kernel->constants[i]);
    dev->host->free(dev->host->ctx, kernel);
}

/* ---- running ----------------------------------------------------------------------------------- */

static thaw_status address_of(const op_kind *kind, const char *what, uint32_t i, const thaw_tensor *t,
                              thaw_slice slice, void **out, thaw_error *err)
{
    char name[64];
    size_t bytes = 0;
    tensor_bytes(t, &bytes);
    snprintf(name, sizeof name, "%s: %s %u", kind->name, what, i);
    return slice_address(slice, bytes, dtype_bytes(t->dtype), name, out, err);
}

static thaw_status find_arguments(const thaw_kernel *kernel, const thaw_slice *args, op_call *call,
                                  thaw_error *err)
{
    const op_copy *op = call->op = &kernel->op;
    thaw_status st = THAW_OK;
    for (uint32_t i = 0; st == THAW_OK && i < op->n_in; i++) {
        void *address = kernel->constants[i];
        if (op->in[i].role != THAW_ROLE_CONST)
            st = address_of(kernel->kind, "input", i, &op->in[i], args[i], &address, err);
        call->in[i] = address;
    }
    for (uint32_t i = 0; st == THAW_OK && i < op->n_out; i++) {
        void *address = NULL;
        st = address_of(kernel->kind, "output", i, &op->out[i], args[op->n_in + i], &address, err);
        call->out[i] = address;
    }
    return st;
}

typedef struct job {
    const op_kind *kind;
    const op_call *call;
    size_t items, tasks;
} job;

static void run_task(void *arg, uint32_t task, uint32_t worker)
{
    const job *j = arg;
    (void)worker;
    size_t each = j->items / j->tasks, rest = j->items % j->tasks;
    size_t first = task * each + (task < rest ? task : rest);
    j->kind->run(j->call, first, first + each + (task < rest ? 1 : 0));
}

/* YOURS: set the arguments and put the kernel into the stream's queue. No allocation, no waiting. */
thaw_status op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args, uint32_t n_args,
                       thaw_slice workspace, thaw_error *err)
{
    const thaw_host *host = stream->dev->host;
    op_call call;
    (void)workspace; /* op_query asks for none */
    if (n_args != kernel->op.n_in + kernel->op.n_out)
        return fail(err, THAW_E_INVALID, "%s: %u arguments, must be %u", kernel->kind->name, n_args,
                    kernel->op.n_in + kernel->op.n_out);
    thaw_status st = find_arguments(kernel, args, &call, err);
    if (st != THAW_OK)
        return st;
    job j = {kernel->kind, &call, kernel->kind->items(&kernel->op), MAX_TASKS};
    if (j.items < j.tasks)
        j.tasks = j.items;
    host->parallel_for(host->ctx, (uint32_t)j.tasks, run_task, &j);
    return THAW_OK;
}
