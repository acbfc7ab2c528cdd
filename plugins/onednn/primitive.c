#include "plugins/onednn/primitive.h"

#include <string.h>

thaw_status primitive_status(dnnl_status_t st, const char *doing, const backend_op *op, thaw_error *err)
{
    if (st == dnnl_success)
        return THAW_OK;
    thaw_status code = st == dnnl_out_of_memory ? THAW_E_NO_MEMORY : THAW_E_INTERNAL;
    backend_fail(err, code, "%s: oneDNN failed at %s: %s", backend_op_rule_of(op->kind)->name, doing,
                 lib_status_name(st));
    if (err)
        err->native = (int32_t)st;
    return code;
}

static dnnl_status_t make(const struct thaw_device *dev, dnnl_primitive_desc_t pd, uint32_t n, const int *arg,
                          void *const *fixed, primitive *out)
{
    dnnl_status_t st = dnnl_primitive_create(&out->primitive, pd);
    for (uint32_t i = 0; i < n; i++) {
        if (lib_bytes(pd, arg[i]) > 0)
            out->arg[out->n_args++] = arg[i];
    }
    size_t bytes = (size_t)dev->workers * out->n_args * sizeof(dnnl_memory_t);
    if (st)
        return st;
    out->memory = onednn_alloc(dev, bytes);
    if (!out->memory)
        return dnnl_out_of_memory;
    memset(out->memory, 0, bytes);
    for (uint32_t w = 0; w < dev->workers; w++) {
        for (uint32_t i = 0, k = 0; i < n && !st; i++) {
            if (k < out->n_args && out->arg[k] == arg[i]) {
                st = lib_memory(dev->engine, pd, arg[i], fixed ? fixed[i] : NULL,
                                &out->memory[w * out->n_args + k]);
                k++;
            }
        }
    }
    return st;
}

thaw_status primitive_make(const struct thaw_device *dev, dnnl_primitive_desc_t pd, uint32_t n,
                           const int *arg, void *const *fixed, primitive *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    int before = lib_enter();
    dnnl_status_t st = make(dev, pd, n, arg, fixed, out);
    lib_leave(before);
    if (st == dnnl_success)
        return THAW_OK;
    return backend_fail(err, st == dnnl_out_of_memory ? THAW_E_NO_MEMORY : THAW_E_INTERNAL,
                        "oneDNN cannot make a primitive (%s): %s", lib_name(pd), lib_status_name(st));
}

void primitive_free(const struct thaw_device *dev, primitive *p)
{
    for (size_t i = 0; p->memory && i < (size_t)dev->workers * p->n_args; i++) {
        if (p->memory[i])
            dnnl_memory_destroy(p->memory[i]);
    }
    onednn_free(dev, p->memory);
    if (p->primitive)
        dnnl_primitive_destroy(p->primitive);
    memset(p, 0, sizeof *p);
}

dnnl_status_t primitive_run(const struct thaw_device *dev, const primitive *p, uint32_t worker, uint32_t n,
                            const primitive_arg *args)
{
    dnnl_exec_arg_t list[PRIMITIVE_MAX_ARGS];
    int before = lib_enter();
    dnnl_status_t st = dnnl_success;
    for (uint32_t k = 0; k < p->n_args && !st; k++) {
        dnnl_memory_t memory = p->memory[(size_t)worker * p->n_args + k];
        list[k] = (dnnl_exec_arg_t){p->arg[k], memory};
        for (uint32_t i = 0; i < n; i++) {
            if (args[i].arg == p->arg[k] && args[i].address)
                st = dnnl_memory_set_data_handle(memory, args[i].address);
        }
    }
    if (!st)
        st = dnnl_primitive_execute(p->primitive, dev->streams[worker], (int)p->n_args, list);
    if (!st)
        st = dnnl_stream_wait(dev->streams[worker]);
    lib_leave(before);
    return st;
}
