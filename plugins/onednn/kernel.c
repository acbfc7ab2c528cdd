#include "plugins/onednn/kernel.h"

#include <stdio.h>
#include <string.h>

#include "backends/common/memory.h"

struct thaw_kernel {
    const onednn_algo *algo;
    backend_op *op;
    void *state;
    size_t workspace;
    void **consts; /* n_in: copies of the CONST inputs, NULL where there is none */
};

/* An algorithm that was chosen for an op. */
typedef struct {
    const onednn_algo *algo;
    uint32_t index, count; /* among those that accept the op */
    size_t workspace;
    char why[sizeof((thaw_op_info *)0)->reason];
} choice;

static thaw_status choose(const thaw_device *dev, const backend_op *op, uint32_t wanted, choice *out,
                          thaw_error *err)
{
    const onednn_algo *algo;
    char declined[sizeof out->why] = "";
    *out = (choice){.index = wanted == THAW_ALGO_DEFAULT ? 0 : wanted};
    for (size_t i = 0; (algo = onednn_algo_at(i)); i++) {
        char why[sizeof out->why] = "";
        size_t workspace = 0;
        if (algo->kind != op->kind)
            continue;
        if (!algo->accepts(dev, op, &workspace, why, sizeof why)) {
            memcpy(declined, why, sizeof declined);
            continue;
        }
        if (out->count++ == out->index) {
            out->algo = algo;
            out->workspace = workspace;
            memcpy(out->why, why, sizeof why);
        }
    }
    if (out->algo)
        return THAW_OK;
    const char *name = backend_op_rule_of(op->kind)->name;
    if (out->count == 0)
        return backend_fail(err, THAW_E_UNSUPPORTED, "%s: %s; run this op on cpu:0", name, declined);
    return backend_fail(err, THAW_E_UNSUPPORTED, "%s: algorithm %u does not exist; there are %u", name,
                        out->index, out->count);
}

thaw_status onednn_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                            thaw_error *err)
{
    backend_op *own;
    choice c;
    thaw_status s = backend_op_read(dev->host, op, &own, err);
    if (s != THAW_OK)
        return s;
    s = choose(dev, own, algo, &c, err);
    backend_op_free(dev->host, own);
    if (s != THAW_OK)
        return s;
    thaw_op_info full = {
        .n_algos = c.count, .algo = c.index, .deterministic = 1, .workspace_bytes = c.workspace};
    snprintf(full.name, sizeof full.name, "%s", c.algo->name);
    memcpy(full.reason, c.why, sizeof full.reason);
    return backend_op_info_write(&full, info, err);
}

static thaw_status copy_consts(const thaw_device *dev, thaw_kernel *kernel, const void *const *data,
                               thaw_error *err)
{
    const backend_op *op = kernel->op;
    for (uint32_t i = 0; i < op->n_in; i++) {
        if (op->in[i].role != THAW_ROLE_CONST || (i < 32 && kernel->algo->keeps >> i & 1))
            continue;
        size_t bytes = backend_tensor_bytes(&op->in[i]);
        kernel->consts[i] = onednn_alloc(dev, bytes);
        if (!kernel->consts[i])
            return backend_fail(err, THAW_E_NO_MEMORY, "%s: no memory for a copy of input %u, %zu bytes",
                                backend_op_rule_of(op->kind)->name, i, bytes);
        memcpy(kernel->consts[i], data[i], bytes);
    }
    return THAW_OK;
}

/* Takes `op` over, also when it fails. */
static thaw_status make_kernel(const thaw_device *dev, const choice *c, backend_op *op, thaw_kernel **out,
                               thaw_error *err)
{
    size_t bytes = sizeof(thaw_kernel) + op->n_in * sizeof(void *);
    thaw_kernel *kernel = onednn_alloc(dev, bytes);
    if (!kernel) {
        backend_op_free(dev->host, op);
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a kernel of %zu bytes", bytes);
    }
    memset(kernel, 0, bytes);
    kernel->algo = c->algo;
    kernel->op = op;
    kernel->workspace = c->workspace;
    kernel->consts = (void **)(kernel + 1);
    *out = kernel;
    return THAW_OK;
}

thaw_status onednn_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                              const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    backend_op *own;
    choice c;
    thaw_kernel *kernel = NULL;
    thaw_status s = backend_op_read(dev->host, op, &own, err);
    if (s != THAW_OK)
        return s;
    s = choose(dev, own, algo, &c, err);
    if (s == THAW_OK)
        s = backend_op_check_consts(own, const_data, err);
    if (s != THAW_OK) {
        backend_op_free(dev->host, own);
        return s;
    }
    s = make_kernel(dev, &c, own, &kernel, err);
    if (s != THAW_OK)
        return s;
    s = copy_consts(dev, kernel, const_data, err);
    if (s == THAW_OK && c.algo->prepare)
        s = c.algo->prepare(dev, own, const_data, &kernel->state, err);
    if (s == THAW_OK)
        *out = kernel;
    else
        onednn_kernel_destroy(dev, kernel);
    return s;
}

void onednn_kernel_destroy(thaw_device *dev, thaw_kernel *kernel)
{
    if (!kernel)
        return;
    if (kernel->state)
        kernel->algo->destroy(dev, kernel->state);
    for (uint32_t i = 0; i < kernel->op->n_in; i++)
        onednn_free(dev, kernel->consts[i]);
    backend_op_free(dev->host, kernel->op);
    onednn_free(dev, kernel);
}

static thaw_status resolve(const thaw_kernel *kernel, const thaw_slice *args, void **addresses,
                           thaw_error *err)
{
    const backend_op *op = kernel->op;
    char what[64];
    snprintf(what, sizeof what, "%s: argument", backend_op_rule_of(op->kind)->name);
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        const thaw_tensor *t = i < op->n_in ? &op->in[i] : &op->out[i - op->n_in];
        if (t->role == THAW_ROLE_CONST) {
            addresses[i] = kernel->consts[i];
            continue;
        }
        thaw_status s = backend_slice_address(args[i], backend_tensor_bytes(t), backend_dtype_bytes(t->dtype),
                                              what, i, &addresses[i], err);
        if (s != THAW_OK)
            return s;
    }
    return THAW_OK;
}

thaw_status onednn_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                              uint32_t n_args, thaw_slice workspace, thaw_error *err)
{
    const backend_op *op = kernel->op;
    /* A workspace of no bytes has an address, too, so that offsets of 0 may be added to it. */
    unsigned char nothing[1];
    void *addresses[BACKEND_MAX_TENSORS], *space = nothing;
    if (n_args != op->n_in + op->n_out)
        return backend_fail(err, THAW_E_INVALID, "%s: %u arguments, must be %u",
                            backend_op_rule_of(op->kind)->name, n_args, op->n_in + op->n_out);
    thaw_status s = resolve(kernel, args, addresses, err);
    if (s == THAW_OK && kernel->workspace > 0)
        s = backend_slice_address(workspace, kernel->workspace, 64, "workspace, argument", n_args, &space,
                                  err);
    if (s != THAW_OK)
        return s;
    const onednn_call call = {stream->dev, op, kernel->state, addresses, space};
    return kernel->algo->run(&call, err);
}
