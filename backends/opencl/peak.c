#include "backends/opencl/peak.h"

#include <math.h>
#include <stdio.h>
#include <time.h>

/* A multiply-add of each chain of kernels/peak.cl. */
#define CHAINS 12
/* Rounds of a launch; kept short of what makes a driver take a display's device for hung. */
#define FIRST_ROUNDS   256
#define MAX_ROUNDS     (1 << 24)
#define LAUNCH_SECONDS 0.02

typedef struct {
    thaw_device *dev;
    thaw_stream *stream;
    thaw_buffer *out;
    cl_kernel kernel;
    size_t global, local;
    int rounds;
    double flops; /* of a round of all work-items */
} measurement;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* On a CPU one work-item a group, with the widest vectors, and some groups for each core. On a GPU scalars,
 * as its units have them, and enough work-items to fill each unit several times over. */
static void choose_shape(measurement *m)
{
    const ocl_facts *facts = m->dev->facts;
    const bool cpu = m->dev->class_of == OCL_CLASS_CPU;
    const size_t units = facts->units > 0 ? facts->units : 1;
    m->local = cpu ? 1 : 256;
    while (m->local > facts->max_group || m->local > facts->max_items[0])
        m->local /= 2;
    m->global = units * (cpu ? 16 : 64) * m->local;
    m->flops = 2.0 * CHAINS * (double)m->global * (cpu ? m->dev->lanes : 1);
}

static thaw_status set_arguments(const measurement *m, thaw_error *err)
{
    const ocl_api *cl = m->dev->cl;
    const cl_ulong at = 0;
    const cl_float factor = 0.999999f, summand = 1e-6f;
    const cl_int rounds = m->rounds;
    cl_int code = cl->clSetKernelArg(m->kernel, 0, sizeof m->out->mem, &m->out->mem);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(m->kernel, 1, sizeof at, &at);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(m->kernel, 2, sizeof factor, &factor);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(m->kernel, 3, sizeof summand, &summand);
    if (code == CL_SUCCESS)
        code = cl->clSetKernelArg(m->kernel, 4, sizeof rounds, &rounds);
    return code == CL_SUCCESS ? THAW_OK : ocl_fail(err, code, "the peak of %s", m->dev->facts->name);
}

/* Seconds of so many launches. */
static thaw_status timed(const measurement *m, unsigned launches, double *seconds, thaw_error *err)
{
    const ocl_api *cl = m->dev->cl;
    cl_int code = CL_SUCCESS;
    double start = now();
    thaw_status s = set_arguments(m, err);
    for (unsigned i = 0; s == THAW_OK && code == CL_SUCCESS && i < launches; i++)
        code = cl->clEnqueueNDRangeKernel(m->stream->queue, m->kernel, 1, NULL, &m->global, &m->local, 0,
                                          NULL, NULL);
    if (s == THAW_OK && code != CL_SUCCESS)
        s = ocl_fail(err, code, "the peak of %s", m->dev->facts->name);
    thaw_status end = ocl_stream_sync(m->stream, s == THAW_OK ? err : NULL);
    *seconds = now() - start;
    return s == THAW_OK ? end : s;
}

static thaw_status prepare(measurement *m, thaw_error *err)
{
    char options[32];
    cl_program program;
    cl_int code;
    snprintf(options, sizeof options, "-D WIDTH=%u", m->dev->class_of == OCL_CLASS_CPU ? m->dev->lanes : 1);
    thaw_status s = ocl_program_get(m->dev, "peak.cl", options, &program, err);
    if (s == THAW_OK)
        s = ocl_stream_create(m->dev, &m->stream, err);
    choose_shape(m);
    if (s == THAW_OK)
        s = ocl_buffer_create(m->dev, m->global * sizeof(float), &m->out, err);
    if (s != THAW_OK)
        return s;
    m->kernel = m->dev->cl->clCreateKernel(program, "peak", &code);
    return code == CL_SUCCESS ? THAW_OK : ocl_fail(err, code, "the peak of %s", m->dev->facts->name);
}

static thaw_status measure(measurement *m, double seconds, double *gflops, thaw_error *err)
{
    double once = 0;
    thaw_status s = prepare(m, err);
    m->rounds = FIRST_ROUNDS;
    /* The launches that find the length also wake the device. */
    for (bool longer = true; s == THAW_OK && longer;) {
        s = timed(m, 1, &once, err);
        longer = once < LAUNCH_SECONDS / 2 && m->rounds < MAX_ROUNDS;
        if (longer)
            m->rounds *= 2;
    }
    double wanted = seconds / (once > 1e-6 ? once : 1e-6), taken = 0;
    unsigned launches = wanted < 2 ? 2 : wanted < 1e5 ? (unsigned)wanted : 100000;
    if (s == THAW_OK)
        s = timed(m, launches, &taken, err);
    if (s == THAW_OK)
        *gflops = launches * (double)m->rounds * m->flops / (taken > 1e-9 ? taken : 1e-9) / 1e9;
    return s;
}

static thaw_status fma_gflops(thaw_device *dev, double seconds, double *gflops, thaw_error *err)
{
    measurement m = {.dev = dev};
    if (!dev || !gflops || !(seconds > 0) || !isfinite(seconds))
        return backend_fail(err, THAW_E_INVALID,
                            "the peak is measured of an open device, for a number of seconds above 0");
    thaw_status s = measure(&m, seconds, gflops, err);
    if (m.kernel)
        dev->cl->clReleaseKernel(m.kernel);
    ocl_buffer_destroy(dev, m.out);
    ocl_stream_destroy(dev, m.stream);
    return s;
}

const thaw_peak ocl_peak = {.struct_size = sizeof ocl_peak, .fma_gflops = fma_gflops};
