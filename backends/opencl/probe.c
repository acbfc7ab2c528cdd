#include "backends/opencl/probe.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "backends/opencl/build.h"
#include "backends/opencl/source.h"

/* The arguments of kernels/probe_mma.cl. */
enum {
    A_ROWS = 16,
    TERMS = 8,
    B_COLS = 8,
    N_A = A_ROWS * TERMS,
    N_B = TERMS * B_COLS,
    N_C = A_ROWS * B_COLS
};
enum { N_IN = N_A + N_B + 1, N_OUT = N_C + 1 + 4 };

typedef struct {
    cl_context context;
    cl_command_queue queue;
    cl_program program;
    cl_kernel kernel;
    cl_mem in, out;
} probe;

/* Small integers, of which every product and sum is exact, and a number halfway between two TF32 numbers. */
static void ask_values(float *in)
{
    for (int i = 0; i < N_A + N_B; i++)
        in[i] = (float)(i * 7 % 31 - 12);
    in[N_A + N_B] = 1.0f + 0x1p-11f;
}

static bool right_values(const float *in, const float *out)
{
    const float *a = in, *b = in + N_A;
    bool right = out[N_C] == 1.0f + 0x1p-10f;
    for (int i = 0; i < N_C; i++) {
        float sum = 0.0f;
        for (int k = 0; k < TERMS; k++)
            sum += a[i / B_COLS * TERMS + k] * b[k * B_COLS + i % B_COLS];
        right = right && out[i] == sum;
    }
    for (int i = N_C + 1; i < N_OUT; i++)
        right = right && out[i] == 0.0f;
    return right;
}

static cl_int make_program(thaw_device *dev, probe *p)
{
    const ocl_api *cl = dev->cl;
    const ocl_source *prelude = ocl_source_find(OCL_PRELUDE), *source = ocl_source_find("probe_mma.cl");
    char common[OCL_OPTIONS_MAX / 2], options[OCL_OPTIONS_MAX];
    cl_int code;
    if (!prelude || !source || ocl_common_options(dev, common, sizeof common, NULL) != THAW_OK)
        return CL_INVALID_VALUE;
    snprintf(options, sizeof options, "%s -D THAW_PTX=1", common);
    const char *texts[] = {(const char *)prelude->text, (const char *)source->text};
    const size_t lengths[] = {prelude->length, source->length};
    p->program = cl->clCreateProgramWithSource(p->context, 2, texts, lengths, &code);
    return code == CL_SUCCESS ? cl->clBuildProgram(p->program, 1, &dev->facts->id, options, NULL, NULL)
                              : code;
}

static cl_int make_memory(const ocl_api *cl, probe *p, float *in)
{
    cl_int code;
    p->in = cl->clCreateBuffer(p->context, CL_MEM_READ_ONLY | CL_MEM_COPY_HOST_PTR, N_IN * sizeof(float), in,
                               &code);
    if (code == CL_SUCCESS)
        p->out = cl->clCreateBuffer(p->context, CL_MEM_WRITE_ONLY, N_OUT * sizeof(float), NULL, &code);
    return code;
}

static cl_int run_kernel(const ocl_api *cl, probe *p, float *out)
{
    const cl_ulong at = 0;
    const size_t items = 32;
    cl_int code;
    p->kernel = cl->clCreateKernel(p->program, "probe_mma", &code);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(p->kernel, 0, sizeof p->in, &p->in);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(p->kernel, 1, sizeof at, &at);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(p->kernel, 2, sizeof p->out, &p->out);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(p->kernel, 3, sizeof at, &at);
    if (code == CL_SUCCESS)
        code = cl->clEnqueueNDRangeKernel(p->queue, p->kernel, 1, NULL, &items, &items, 0, NULL, NULL);
    if (code == CL_SUCCESS)
        code =
            cl->clEnqueueReadBuffer(p->queue, p->out, CL_TRUE, 0, N_OUT * sizeof(float), out, 0, NULL, NULL);
    return code;
}

static void release(const ocl_api *cl, probe *p)
{
    if (p->kernel)
        cl->clReleaseKernel(p->kernel);
    if (p->out)
        cl->clReleaseMemObject(p->out);
    if (p->in)
        cl->clReleaseMemObject(p->in);
    if (p->program)
        cl->clReleaseProgram(p->program);
    if (p->queue)
        cl->clReleaseCommandQueue(p->queue);
    if (p->context)
        cl->clReleaseContext(p->context);
}

static cl_int try_device(thaw_device *dev, probe *p, float *in, float *out)
{
    const ocl_api *cl = dev->cl;
    const cl_context_properties properties[] = {CL_CONTEXT_PLATFORM,
                                                (cl_context_properties)dev->facts->platform, 0};
    cl_int code;
    p->context = cl->clCreateContext(properties, 1, &dev->facts->id, NULL, NULL, &code);
    if (code == CL_SUCCESS)
        p->queue = cl->clCreateCommandQueue(p->context, dev->facts->id, 0, &code);
    if (code == CL_SUCCESS)
        code = make_program(dev, p);
    if (code == CL_SUCCESS)
        code = make_memory(cl, p, in);
    return code == CL_SUCCESS ? run_kernel(cl, p, out) : code;
}

void ocl_probe(thaw_device *dev)
{
    probe p = {0};
    float in[N_IN], out[N_OUT];
    dev->nvidia_asm = false;
    if (dev->class_of != OCL_CLASS_WAVE32 || !strstr(dev->facts->extensions, "cl_nv_"))
        return;
    ask_values(in);
    for (int i = 0; i < N_OUT; i++)
        out[i] = NAN;
    cl_int code = try_device(dev, &p, in, out);
    release(dev->cl, &p);
    dev->nvidia_asm = code == CL_SUCCESS && right_values(in, out);
    ocl_log(dev->host, THAW_LOG_DEBUG, "opencl: %s: tensor cores through inline PTX: %s", dev->facts->name,
            dev->nvidia_asm      ? "yes"
            : code != CL_SUCCESS ? ocl_error_name(code)
                                 : "wrong values");
}
