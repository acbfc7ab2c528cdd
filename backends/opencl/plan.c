/* plan.c: an op as a list of launches, and what an algorithm says to make one. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "backends/opencl/plan.h"

void ocl_plan_fail(ocl_plan *plan, thaw_status status, const char *format, ...)
{
    va_list args;
    if (plan->status != THAW_OK)
        return;
    plan->status = status;
    plan->error = (thaw_error){.status = status};
    va_start(args, format);
    vsnprintf(plan->error.text, sizeof plan->error.text, format, args);
    va_end(args);
}

static void fail_cl(ocl_plan *plan, cl_int code, const char *what, const char *which)
{
    if (plan->status == THAW_OK)
        plan->status = ocl_fail(&plan->error, code, "%s %s on %s", what, which, plan->dev->facts->name);
}

void ocl_plan_free(ocl_plan *plan)
{
    const thaw_host *host = plan->dev->host;
    const ocl_api *cl = plan->dev->cl;
    /* One that was begun and not ended lies behind the last. */
    for (uint32_t i = 0; i < plan->launch_capacity; i++) {
        ocl_launch *l = &plan->launches[i];
        if (l->kernel)
            cl->clReleaseKernel(l->kernel);
        host->free(host->ctx, l->host_data);
        host->free(host->ctx, l->late);
    }
    for (uint32_t i = 0; i < plan->n_owned; i++)
        cl->clReleaseMemObject(plan->owned[i]);
    host->free(host->ctx, plan->launches);
    plan->launches = NULL;
    plan->launch_capacity = plan->n_launches = plan->n_owned = 0;
}

/* Doubles an array of `used` items where it is full; new items are zero. false: no memory, which is said. */
static bool grow(ocl_plan *plan, void **items, uint32_t used, uint32_t *capacity, size_t item_bytes)
{
    const thaw_host *host = plan->dev->host;
    if (used < *capacity)
        return true;
    const size_t wanted = *capacity > 0 ? (size_t)*capacity * 2 : 4;
    if (wanted > UINT32_MAX || wanted > SIZE_MAX / item_bytes) {
        ocl_plan_fail(plan, THAW_E_NO_MEMORY, "a kernel of more than %u parts", *capacity);
        return false;
    }
    char *larger = host->alloc(host->ctx, wanted * item_bytes, 64);
    if (!larger) {
        ocl_plan_fail(plan, THAW_E_NO_MEMORY, "no memory for the launches of a kernel, %zu bytes",
                      wanted * item_bytes);
        return false;
    }
    if (used > 0)
        memcpy(larger, *items, used * item_bytes);
    memset(larger + used * item_bytes, 0, (wanted - used) * item_bytes);
    host->free(host->ctx, *items);
    *items = larger;
    *capacity = (uint32_t)wanted;
    return true;
}

static bool is_open(const ocl_plan *plan)
{
    if (plan->n_launches >= plan->launch_capacity)
        return false;
    const ocl_launch *next = &plan->launches[plan->n_launches];
    return next->kernel || next->host_fn;
}

ocl_launch *ocl_plan_new_launch(ocl_plan *plan)
{
    void *items = plan->launches;
    if (plan->status != THAW_OK)
        return NULL;
    if (is_open(plan)) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "a launch begins before the one ahead of it has ended");
        return NULL;
    }
    if (plan->n_launches >= OCL_MAX_LAUNCHES) {
        ocl_plan_fail(plan, THAW_E_UNSUPPORTED,
                      "the op needs more than %u launches; a smaller batch needs less", OCL_MAX_LAUNCHES);
        return NULL;
    }
    if (!grow(plan, &items, plan->n_launches, &plan->launch_capacity, sizeof *plan->launches))
        return NULL;
    plan->launches = items;
    return &plan->launches[plan->n_launches];
}

ocl_launch *ocl_plan_open_launch(ocl_plan *plan)
{
    if (plan->status != THAW_OK)
        return NULL;
    if (is_open(plan))
        return &plan->launches[plan->n_launches];
    ocl_plan_fail(plan, THAW_E_INTERNAL, "an argument or an end outside a launch");
    return NULL;
}

void ocl_launch_begin(ocl_plan *plan, const char *file, const char *kernel, const char *options, ...)
{
    char text[512];
    va_list args;
    cl_int code = CL_SUCCESS;
    cl_program program;
    ocl_launch *launch = ocl_plan_new_launch(plan);
    if (!launch)
        return;
    va_start(args, options);
    int n = vsnprintf(text, sizeof text, options, args);
    va_end(args);
    if (n < 0 || (size_t)n >= sizeof text) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "the options of %s have more than %zu characters", file,
                      sizeof text - 1);
        return;
    }
    plan->status = ocl_program_get(plan->dev, file, text, &program, &plan->error);
    if (plan->status != THAW_OK)
        return;
    launch->kernel = plan->dev->cl->clCreateKernel(program, kernel, &code);
    if (code != CL_SUCCESS) {
        launch->kernel = NULL;
        fail_cl(plan, code, "making the kernel", kernel);
    }
}

static void set_arg(ocl_plan *plan, ocl_launch *launch, size_t bytes, const void *value)
{
    cl_int code = plan->dev->cl->clSetKernelArg(launch->kernel, launch->n_args, bytes, value);
    char which[32];
    snprintf(which, sizeof which, "argument %u", launch->n_args);
    if (code != CL_SUCCESS)
        fail_cl(plan, code, "setting a kernel's", which);
    launch->n_args++;
}

/* Scalars and local memory are of kernels alone. */
static void set_plain_arg(ocl_plan *plan, size_t bytes, const void *value)
{
    ocl_launch *launch = ocl_plan_open_launch(plan);
    if (launch && launch->kernel)
        set_arg(plan, launch, bytes, value);
    else
        ocl_plan_fail(plan, THAW_E_INTERNAL, "a host call takes no number as an argument");
}

static void add_late(ocl_plan *plan, ocl_late_arg arg)
{
    ocl_launch *launch = ocl_plan_open_launch(plan);
    if (!launch)
        return;
    if (launch->host_fn && launch->n_late >= OCL_MAX_HOST_ARGS) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "a host call has more than %u arguments", OCL_MAX_HOST_ARGS);
        return;
    }
    void *items = launch->late;
    if (!grow(plan, &items, launch->n_late, &launch->late_capacity, sizeof *launch->late))
        return;
    launch->late = items;
    arg.index = launch->n_args;
    launch->late[launch->n_late++] = arg;
    launch->n_args += 2;
}

void ocl_arg_tensor(ocl_plan *plan, uint32_t tensor)
{
    ocl_arg_tensor_at(plan, tensor, 0);
}

void ocl_arg_tensor_at(ocl_plan *plan, uint32_t tensor, size_t element)
{
    const backend_op *op = plan->op;
    if (tensor >= op->n_in + op->n_out) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "tensor %u of %u is an argument", tensor, op->n_in + op->n_out);
        return;
    }
    const thaw_tensor *t = tensor < op->n_in ? &op->in[tensor] : &op->out[tensor - op->n_in];
    const size_t bytes = backend_dtype_bytes(t->dtype);
    if (tensor < op->n_in && t->role == THAW_ROLE_CONST)
        ocl_plan_fail(plan, THAW_E_INTERNAL, "input %u is CONST and has no slice when the kernel runs",
                      tensor);
    else if (element >= backend_tensor_bytes(t) / bytes)
        ocl_plan_fail(plan, THAW_E_INTERNAL, "element %zu lies behind tensor %u", element, tensor);
    else
        add_late(plan, (ocl_late_arg){.tensor = tensor, .element = bytes, .at = (uint64_t)element * bytes});
}

void ocl_arg_workspace(ocl_plan *plan, size_t bytes, size_t element)
{
    if (element == 0 || bytes % element != 0)
        ocl_plan_fail(plan, THAW_E_INTERNAL, "byte %zu of the workspace begins no element of %zu", bytes,
                      element);
    else
        add_late(plan, (ocl_late_arg){.tensor = OCL_WORKSPACE, .element = element, .at = bytes});
}

void ocl_arg_owned(ocl_plan *plan, uint32_t owned, size_t element)
{
    ocl_launch *launch = ocl_plan_open_launch(plan);
    if (!launch)
        return;
    if (owned >= plan->n_owned) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "owned memory %u of %u is an argument", owned, plan->n_owned);
        return;
    }
    cl_mem mem = plan->owned[owned];
    if (launch->host_fn) {
        /* In elements already: what size they have only the call knows. */
        add_late(plan, (ocl_late_arg){.tensor = OCL_FIXED, .mem = mem, .element = 1, .at = element});
        return;
    }
    const cl_ulong at = element;
    set_arg(plan, launch, sizeof mem, &mem);
    set_arg(plan, launch, sizeof at, &at);
}

void ocl_arg_input(ocl_plan *plan, uint32_t input, const void *const *const_data)
{
    if (input < plan->op->n_in && plan->op->in[input].role == THAW_ROLE_CONST)
        ocl_arg_owned(plan, ocl_plan_own(plan, const_data[input], backend_tensor_bytes(&plan->op->in[input])),
                      0);
    else
        ocl_arg_tensor(plan, input);
}

void ocl_arg_i32(ocl_plan *plan, int64_t value)
{
    const cl_int small = (cl_int)value;
    if (small != value)
        ocl_plan_fail(plan, THAW_E_UNSUPPORTED,
                      "a size of %lld is more than a kernel counts to; a smaller batch needs less",
                      (long long)value);
    else
        set_plain_arg(plan, sizeof small, &small);
}

void ocl_arg_u64(ocl_plan *plan, uint64_t value)
{
    const cl_ulong given = value;
    set_plain_arg(plan, sizeof given, &given);
}

void ocl_arg_f32(ocl_plan *plan, float value)
{
    const cl_float given = value;
    set_plain_arg(plan, sizeof given, &given);
}

void ocl_arg_local(ocl_plan *plan, size_t bytes)
{
    set_plain_arg(plan, bytes, NULL);
}

void ocl_host_begin(ocl_plan *plan, ocl_host_fn fn, const void *data, size_t bytes)
{
    const thaw_host *host = plan->dev->host;
    ocl_launch *launch = ocl_plan_new_launch(plan);
    if (!launch)
        return;
    if (bytes > 0) {
        launch->host_data = host->alloc(host->ctx, bytes, 64);
        if (!launch->host_data) {
            ocl_plan_fail(plan, THAW_E_NO_MEMORY, "no memory for a call's %zu bytes", bytes);
            return;
        }
        memcpy(launch->host_data, data, bytes);
    }
    launch->host_fn = fn;
}

void ocl_host_end(ocl_plan *plan)
{
    const ocl_launch *launch = ocl_plan_open_launch(plan);
    if (launch && launch->host_fn)
        plan->n_launches++;
    else
        ocl_plan_fail(plan, THAW_E_INTERNAL, "launch %u ends as a host call and is none", plan->n_launches);
}

uint32_t ocl_plan_own(ocl_plan *plan, const void *data, size_t bytes)
{
    if (plan->status != THAW_OK)
        return 0;
    if (plan->n_owned >= OCL_MAX_OWNED) {
        ocl_plan_fail(plan, THAW_E_INTERNAL, "a kernel owns more than %u pieces of memory", OCL_MAX_OWNED);
        return 0;
    }
    plan->status = ocl_device_memory(plan->dev, data, bytes, &plan->owned[plan->n_owned], &plan->error);
    return plan->status == THAW_OK ? plan->n_owned++ : 0;
}
