#include "backends/cpu/kernel.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/common/memory.h"
#include "backends/common/op.h"
#include "backends/cpu/ahead.h"

struct thaw_kernel {
    const cpu_algo *algo;
    backend_op *op;
    void *state;
    size_t workspace;
    cpu_ahead ahead;
    void **consts; /* n_in: copies of the CONST inputs, NULL where there is none */
};

/* An algorithm that accepts an op. */
typedef struct {
    const cpu_algo *algo;
    double cost;
    char why[sizeof((thaw_op_info *)0)->reason];
} candidate;

#define MAX_CANDIDATES 32u

/* The one that was chosen. */
typedef struct {
    const cpu_algo *algo;
    uint32_t index, count; /* among the candidates */
    size_t workspace;
    char why[sizeof((thaw_op_info *)0)->reason];
} choice;

/* All that accept the op, the cheapest first; those that cost the same stay in the order of the list. */
static uint32_t candidates(const thaw_device *dev, const backend_op *op, candidate found[MAX_CANDIDATES])
{
    const cpu_algo *algo;
    uint32_t n = 0;
    for (size_t i = 0; n < MAX_CANDIDATES && (algo = cpu_algo_at(i)); i++) {
        candidate c = {.algo = algo};
        if (algo->kind != op->kind || dev->isa < algo->min_isa || dev->isa > algo->max_isa ||
            !algo->accepts(dev, op, c.why, sizeof c.why))
            continue;
        c.cost = algo->cost ? algo->cost(dev, op) : INFINITY;
        uint32_t at = n++;
        for (; at > 0 && found[at - 1].cost > c.cost; at--)
            found[at] = found[at - 1];
        found[at] = c;
    }
    return n;
}

static thaw_status choose(const thaw_device *dev, const backend_op *op, uint32_t wanted, choice *out,
                          thaw_error *err)
{
    const char *name = backend_op_rule_of(op->kind)->name;
    candidate found[MAX_CANDIDATES];
    *out = (choice){.index = wanted == THAW_ALGO_DEFAULT ? 0 : wanted, .count = candidates(dev, op, found)};
    if (out->index >= out->count)
        return backend_fail(err, THAW_E_UNSUPPORTED, "%s: algorithm %u does not exist; there are %u", name,
                            out->index, out->count);
    out->algo = found[out->index].algo;
    memcpy(out->why, found[out->index].why, sizeof out->why);
    out->workspace = out->algo->workspace ? out->algo->workspace(dev, op) : 0;
    if (out->workspace == SIZE_MAX)
        return backend_fail(err, THAW_E_UNSUPPORTED,
                            "%s: the workspace of %s overflows the address space; a smaller batch needs less",
                            name, out->algo->name);
    return THAW_OK;
}

thaw_status cpu_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
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
    snprintf(full.reason, sizeof full.reason, "%s", c.why);
    return backend_op_info_write(&full, info, err);
}

static thaw_status copy_consts(const thaw_device *dev, thaw_kernel *kernel, const void *const *data,
                               thaw_error *err)
{
    const backend_op *op = kernel->op;
    for (uint32_t i = 0; i < op->n_in; i++) {
        if (op->in[i].role != THAW_ROLE_CONST)
            continue;
        size_t bytes = backend_tensor_bytes(&op->in[i]);
        kernel->consts[i] = dev->host->alloc(dev->host->ctx, bytes, 64);
        if (!kernel->consts[i])
            return backend_fail(err, THAW_E_NO_MEMORY, "%s: no memory for a copy of input %u, %zu bytes",
                                backend_op_rule_of(op->kind)->name, i, bytes);
        memcpy(kernel->consts[i], data[i], bytes);
    }
    return THAW_OK;
}

thaw_status cpu_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo, const void *const *const_data,
                           thaw_kernel **out, thaw_error *err)
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
    if (s == THAW_OK) {
        size_t bytes = sizeof *kernel + own->n_in * sizeof(void *);
        kernel = dev->host->alloc(dev->host->ctx, bytes, 64);
        if (kernel)
            memset(kernel, 0, bytes);
        else
            s = backend_fail(err, THAW_E_NO_MEMORY, "no memory for a kernel of %zu bytes", bytes);
    }
    if (s != THAW_OK) {
        backend_op_free(dev->host, own);
        return s;
    }
    kernel->algo = c.algo;
    kernel->op = own;
    kernel->workspace = c.workspace;
    kernel->consts = (void **)(kernel + 1);
    s = c.algo->prepare ? c.algo->prepare(dev, own, const_data, &kernel->state, err)
                        : copy_consts(dev, kernel, const_data, err);
    if (s != THAW_OK) {
        cpu_kernel_destroy(dev, kernel);
        return s;
    }
    if (c.algo->weights)
        kernel->ahead.own = c.algo->weights(dev, kernel->state);
    *out = kernel;
    return THAW_OK;
}

void cpu_kernel_destroy(thaw_device *dev, thaw_kernel *kernel)
{
    if (!kernel)
        return;
    cpu_order_leave(dev->order, &kernel->ahead);
    if (kernel->state && kernel->algo->destroy)
        kernel->algo->destroy(dev, kernel->state);
    for (uint32_t i = 0; i < kernel->op->n_in; i++)
        dev->host->free(dev->host->ctx, kernel->consts[i]);
    backend_op_free(dev->host, kernel->op);
    dev->host->free(dev->host->ctx, kernel);
}

static thaw_status resolve(const thaw_kernel *kernel, const thaw_slice *args, void **addresses,
                           thaw_error *err)
{
    const backend_op *op = kernel->op;
    const backend_op_rule *rule = backend_op_rule_of(op->kind);
    char what[64];
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        bool is_input = i < op->n_in;
        const thaw_tensor *t = is_input ? &op->in[i] : &op->out[i - op->n_in];
        if (is_input && t->role == THAW_ROLE_CONST) {
            addresses[i] = kernel->consts[i];
            continue;
        }
        snprintf(what, sizeof what, "%s: argument", rule->name);
        thaw_status s = backend_slice_address(args[i], backend_tensor_bytes(t), backend_dtype_bytes(t->dtype),
                                              what, i, &addresses[i], err);
        if (s != THAW_OK)
            return s;
    }
    return THAW_OK;
}

thaw_status cpu_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args, uint32_t n_args,
                           thaw_slice workspace, thaw_error *err)
{
    const backend_op *op = kernel->op;
    void *addresses[BACKEND_MAX_TENSORS];
    cpu_call call = {.dev = stream->dev, .op = op, .state = kernel->state, .args = addresses};
    if (n_args != op->n_in + op->n_out)
        return backend_fail(err, THAW_E_INVALID, "%s: %u arguments, must be %u",
                            backend_op_rule_of(op->kind)->name, n_args, op->n_in + op->n_out);
    thaw_status s = resolve(kernel, args, addresses, err);
    if (s == THAW_OK && kernel->workspace > 0)
        s = backend_slice_address(workspace, kernel->workspace, 64, "workspace, argument", n_args,
                                  &call.workspace, err);
    if (s != THAW_OK)
        return s;
    call.next = cpu_order_enter(stream->dev->order, &kernel->ahead);
    kernel->algo->run(&call);
    return THAW_OK;
}
