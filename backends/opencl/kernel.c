/* kernel.c: ops asked about, made ready and run. */
#include <stdio.h>
#include <string.h>

#include "backends/opencl/choose.h"
#include "backends/opencl/plan.h"

struct thaw_kernel {
    const ocl_algo *algo;
    backend_op *op;
    size_t workspace;
    /* Arguments are set on the cl_kernel and read by the launch behind it: one stream at a time does both. */
    pthread_mutex_t lock;
    ocl_plan plan;
};

thaw_status ocl_op_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                         thaw_error *err)
{
    backend_op *own;
    ocl_choice c;
    thaw_status s = backend_op_read(dev->host, op, &own, err);
    if (s != THAW_OK)
        return s;
    s = ocl_choose(dev, own, algo, &c, err);
    backend_op_free(dev->host, own);
    if (s != THAW_OK)
        return s;
    thaw_op_info full = {
        .n_algos = c.count, .algo = c.index, .deterministic = 1, .workspace_bytes = c.workspace};
    snprintf(full.name, sizeof full.name, "%s", c.algo->name);
    snprintf(full.reason, sizeof full.reason, "%s", c.why);
    return backend_op_info_write(&full, info, err);
}

/* No launch begins behind the end of the workspace that the host was told of. */
static void check_workspace(ocl_plan *plan, size_t workspace)
{
    for (uint32_t i = 0; i < plan->n_launches; i++) {
        const ocl_launch *l = &plan->launches[i];
        for (uint32_t k = 0; k < l->n_late; k++)
            if (l->late[k].tensor == OCL_WORKSPACE && l->late[k].at >= workspace)
                ocl_plan_fail(plan, THAW_E_INTERNAL, "launch %u uses byte %llu of a workspace of %zu", i,
                              (unsigned long long)l->late[k].at, workspace);
    }
}

static thaw_status build_plan(thaw_kernel *kernel, const void *const *const_data, thaw_error *err)
{
    ocl_plan *plan = &kernel->plan;
    kernel->algo->prepare(plan, kernel->algo, const_data);
    if (plan->status == THAW_OK && plan->n_launches == 0)
        ocl_plan_fail(plan, THAW_E_INTERNAL, "nothing is launched");
    check_workspace(plan, kernel->workspace);
    if (plan->status == THAW_OK)
        return THAW_OK;
    backend_fail(err, plan->status, "%s: %s: %s", backend_op_rule_of(kernel->op->kind)->name,
                 kernel->algo->name, plan->error.text);
    if (err)
        err->native = plan->error.native;
    return plan->status;
}

/* Takes the op over where it succeeds. */
static thaw_status create_kernel(thaw_device *dev, backend_op *op, const ocl_choice *c, thaw_kernel **out,
                                 thaw_error *err)
{
    thaw_kernel *kernel = dev->host->alloc(dev->host->ctx, sizeof *kernel, 64);
    if (!kernel)
        return backend_fail(err, THAW_E_NO_MEMORY, "no memory for a kernel of %zu bytes", sizeof *kernel);
    *kernel =
        (thaw_kernel){.algo = c->algo, .op = op, .workspace = c->workspace, .plan = {.dev = dev, .op = op}};
    if (pthread_mutex_init(&kernel->lock, NULL) != 0) {
        dev->host->free(dev->host->ctx, kernel);
        return backend_fail(err, THAW_E_NO_MEMORY, "no lock for a kernel");
    }
    *out = kernel;
    return THAW_OK;
}

thaw_status ocl_op_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo, const void *const *const_data,
                           thaw_kernel **out, thaw_error *err)
{
    backend_op *own;
    ocl_choice c;
    thaw_kernel *kernel = NULL;
    thaw_status s = backend_op_read(dev->host, op, &own, err);
    if (s != THAW_OK)
        return s;
    s = ocl_choose(dev, own, algo, &c, err);
    if (s == THAW_OK)
        s = backend_op_check_consts(own, const_data, err);
    if (s == THAW_OK)
        s = create_kernel(dev, own, &c, &kernel, err);
    if (s != THAW_OK) {
        backend_op_free(dev->host, own);
        return s;
    }
    s = build_plan(kernel, const_data, err);
    if (s != THAW_OK) {
        ocl_kernel_destroy(dev, kernel);
        return s;
    }
    *out = kernel;
    return THAW_OK;
}

void ocl_kernel_destroy(thaw_device *dev, thaw_kernel *kernel)
{
    if (!kernel)
        return;
    ocl_plan_free(&kernel->plan);
    pthread_mutex_destroy(&kernel->lock);
    backend_op_free(dev->host, kernel->op);
    dev->host->free(dev->host->ctx, kernel);
}

static thaw_status check_slice(const thaw_stream *stream, thaw_slice slice, uint64_t bytes, uint64_t align,
                               const char *what, uint32_t index, thaw_error *err)
{
    thaw_status s = ocl_slice_check(slice, bytes, align, what, index, err);
    if (s == THAW_OK && slice.buffer->dev != stream->dev)
        s = backend_fail(err, THAW_E_INVALID, "%s %u: the buffer belongs to another device than the stream",
                         what, index);
    return s;
}

static thaw_status check_args(const thaw_stream *stream, const backend_op *op, const thaw_slice *args,
                              thaw_error *err)
{
    char what[64];
    snprintf(what, sizeof what, "%s: argument", backend_op_rule_of(op->kind)->name);
    for (uint32_t i = 0; i < op->n_in + op->n_out; i++) {
        const thaw_tensor *t = i < op->n_in ? &op->in[i] : &op->out[i - op->n_in];
        thaw_status s;
        if (i < op->n_in && t->role == THAW_ROLE_CONST)
            s = args[i].buffer
                    ? backend_fail(err, THAW_E_INVALID,
                                   "%s %u is CONST and has a buffer; its data went to op_prepare", what, i)
                    : THAW_OK;
        else
            s = check_slice(stream, args[i], backend_tensor_bytes(t), backend_dtype_bytes(t->dtype), what, i,
                            err);
        if (s != THAW_OK)
            return s;
    }
    return THAW_OK;
}

static thaw_status check_call(const thaw_stream *stream, const thaw_kernel *kernel, const thaw_slice *args,
                              uint32_t n_args, thaw_slice workspace, thaw_error *err)
{
    const backend_op *op = kernel->op;
    const char *name = backend_op_rule_of(op->kind)->name;
    if (stream->lost)
        return backend_fail(err, THAW_E_DEVICE_LOST,
                            "%s: %s stopped answering before; nothing on it can be read any more", name,
                            stream->dev->facts->name);
    if (stream->dev != kernel->plan.dev)
        return backend_fail(err, THAW_E_INVALID, "%s: the kernel belongs to another device than the stream",
                            name);
    if (n_args != op->n_in + op->n_out)
        return backend_fail(err, THAW_E_INVALID, "%s: %u arguments, must be %u", name, n_args,
                            op->n_in + op->n_out);
    thaw_status s = check_args(stream, op, args, err);
    if (s == THAW_OK && kernel->workspace > 0)
        s = check_slice(stream, workspace, kernel->workspace, THAW_MIN_ALIGN, "workspace, argument", n_args,
                        err);
    return s;
}

static ocl_place place_of(const ocl_late_arg *late, const thaw_slice *args, thaw_slice workspace)
{
    if (late->tensor == OCL_FIXED)
        return (ocl_place){late->mem, (size_t)(late->at / late->element)};
    const thaw_slice slice = late->tensor == OCL_WORKSPACE ? workspace : args[late->tensor];
    return (ocl_place){slice.buffer->mem, (size_t)((slice.offset + late->at) / late->element)};
}

static cl_int set_place(const ocl_api *cl, cl_kernel kernel, cl_uint index, ocl_place place)
{
    const cl_ulong element = place.element;
    cl_int code = cl->clSetKernelArg(kernel, index, sizeof place.mem, &place.mem);
    return code == CL_SUCCESS ? cl->clSetKernelArg(kernel, index + 1, sizeof element, &element) : code;
}

static thaw_status run_kernel(thaw_stream *stream, const ocl_launch *l, const thaw_slice *args,
                              thaw_slice workspace, thaw_error *err)
{
    const ocl_api *cl = stream->dev->cl;
    cl_int code = CL_SUCCESS;
    for (uint32_t k = 0; k < l->n_late && code == CL_SUCCESS; k++)
        code = set_place(cl, l->kernel, l->late[k].index, place_of(&l->late[k], args, workspace));
    if (code == CL_SUCCESS)
        code = cl->clEnqueueNDRangeKernel(stream->queue, l->kernel, l->dims, NULL, l->global,
                                          l->local[0] > 0 ? l->local : NULL, 0, NULL, NULL);
    return code == CL_SUCCESS ? THAW_OK
                              : ocl_fail(err, code, "running a kernel on %s", stream->dev->facts->name);
}

static thaw_status run_host_call(thaw_stream *stream, const ocl_launch *l, const thaw_slice *args,
                                 thaw_slice workspace, thaw_error *err)
{
    ocl_place places[OCL_MAX_HOST_ARGS];
    for (uint32_t k = 0; k < l->n_late; k++)
        places[k] = place_of(&l->late[k], args, workspace);
    return l->host_fn(stream, l->host_data, places, err);
}

thaw_status ocl_op_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args, uint32_t n_args,
                           thaw_slice workspace, thaw_error *err)
{
    thaw_status s = check_call(stream, kernel, args, n_args, workspace, err);
    if (s != THAW_OK)
        return s;
    pthread_mutex_lock(&kernel->lock);
    for (uint32_t i = 0; i < kernel->plan.n_launches && s == THAW_OK; i++) {
        const ocl_launch *l = &kernel->plan.launches[i];
        s = l->kernel ? run_kernel(stream, l, args, workspace, err)
                      : run_host_call(stream, l, args, workspace, err);
    }
    pthread_mutex_unlock(&kernel->lock);
    if (s == THAW_E_DEVICE_LOST)
        stream->lost = true;
    return s;
}
