/* faulty.c: an OpenCL library that forwards to the real one, counts, and breaks what the environment asks
 * for:
 *
 *   FAULTY_CALL=clFinish:3:-36     the third clFinish returns -36, and so does every later one
 *   FAULTY_BUILD=TEXT              a program whose source holds TEXT does not compile
 *   FAULTY_EDIT=FROM=>TO           FROM becomes TO in every source
 *   FAULTY_DRIVER=TEXT             the driver's version
 *   FAULTY_EMPTY=platforms|devices there are none
 *   FAULTY_COUNT=FILE              at the end: a line for each function, "clFinish 12"
 *
 * A function that is not below is found in the real library, which this one is linked with. */
#define CL_TARGET_OPENCL_VERSION 120
#include <CL/cl.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPORT __attribute__((visibility("default")))

enum {
#define OCL_FUNCTION(name) N_##name,
#include "backends/opencl/cl_functions.def"
#undef OCL_FUNCTION
    N_FUNCTIONS
};

static const char *const names[] = {
#define OCL_FUNCTION(name) #name,
#include "backends/opencl/cl_functions.def"
#undef OCL_FUNCTION
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned long counts[N_FUNCTIONS];
/* The real library's functions. */
static struct {
#define OCL_FUNCTION(name) __typeof__(&name) name;
#include "backends/opencl/cl_functions.def"
#undef OCL_FUNCTION
} api;

__attribute__((constructor)) static void find(void)
{
    void *library = dlopen("libOpenCL.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library)
        abort();
#define OCL_FUNCTION(name) *(void **)&api.name = dlsym(library, #name);
#include "backends/opencl/cl_functions.def"
#undef OCL_FUNCTION
}

/* Counts a call; the code it is to fail with, or 0. */
static cl_int called(int function)
{
    char name[64];
    unsigned long first;
    int code;
    const char *fault = getenv("FAULTY_CALL");
    pthread_mutex_lock(&lock);
    unsigned long n = ++counts[function];
    pthread_mutex_unlock(&lock);
    if (!fault || sscanf(fault, "%63[^:]:%lu:%d", name, &first, &code) != 3 ||
        strcmp(name, names[function]) != 0 || n < first)
        return 0;
    return code;
}

__attribute__((destructor)) static void report(void)
{
    const char *path = getenv("FAULTY_COUNT");
    FILE *f = path ? fopen(path, "w") : NULL;
    for (int i = 0; f && i < N_FUNCTIONS; i++)
        fprintf(f, "%s %lu\n", names[i], counts[i]);
    if (f)
        fclose(f);
}

#define REAL(name) api.name

/* Functions that return a code, and those that return an object. */
#define CODE(name, params, args)                                                                             \
    EXPORT cl_int name params                                                                                \
    {                                                                                                        \
        cl_int code = called(N_##name);                                                                      \
        return code ? code : REAL(name) args;                                                                \
    }
#define OBJECT(type, name, params, args)                                                                     \
    EXPORT type name params                                                                                  \
    {                                                                                                        \
        cl_int code = called(N_##name);                                                                      \
        if (!code)                                                                                           \
            return REAL(name) args;                                                                          \
        if (err)                                                                                             \
            *err = code;                                                                                     \
        return NULL;                                                                                         \
    }

OBJECT(cl_context, clCreateContext,
       (const cl_context_properties *p, cl_uint n, const cl_device_id *d,
        void(CL_CALLBACK *f)(const char *, const void *, size_t, void *), void *u, cl_int *err),
       (p, n, d, f, u, err))
CODE(clBuildProgram,
     (cl_program p, cl_uint n, const cl_device_id *d, const char *o, void(CL_CALLBACK *f)(cl_program, void *),
      void *u),
     (p, n, d, o, f, u))
CODE(clReleaseContext, (cl_context c), (c))
OBJECT(cl_command_queue, clCreateCommandQueue,
       (cl_context c, cl_device_id d, cl_command_queue_properties p, cl_int *err), (c, d, p, err))
CODE(clReleaseCommandQueue, (cl_command_queue q), (q))
OBJECT(cl_mem, clCreateBuffer, (cl_context c, cl_mem_flags f, size_t n, void *h, cl_int *err),
       (c, f, n, h, err))
CODE(clRetainMemObject, (cl_mem m), (m))
CODE(clReleaseMemObject, (cl_mem m), (m))
OBJECT(cl_kernel, clCreateKernel, (cl_program p, const char *n, cl_int *err), (p, n, err))
CODE(clReleaseKernel, (cl_kernel k), (k))
CODE(clReleaseProgram, (cl_program p), (p))
CODE(clEnqueueNDRangeKernel,
     (cl_command_queue q, cl_kernel k, cl_uint d, const size_t *o, const size_t *g, const size_t *l,
      cl_uint n, const cl_event *w, cl_event *e),
     (q, k, d, o, g, l, n, w, e))
OBJECT(cl_program, clCreateProgramWithBinary,
       (cl_context c, cl_uint n, const cl_device_id *d, const size_t *l, const unsigned char **b, cl_int *s,
        cl_int *err),
       (c, n, d, l, b, s, err))

/* A device that is lost writes nothing any more: what was on its way ends before the failure is told, else it
 * would still arrive in memory that the host has freed by then. */
EXPORT cl_int clFinish(cl_command_queue q)
{
    cl_int finished = REAL(clFinish)(q), code = called(N_clFinish);
    return code ? code : finished;
}

EXPORT cl_int clGetPlatformIDs(cl_uint n, cl_platform_id *p, cl_uint *count)
{
    const char *empty = getenv("FAULTY_EMPTY");
    if (empty && strcmp(empty, "platforms") == 0)
        return -1001; /* CL_PLATFORM_NOT_FOUND_KHR, what a loader without drivers says */
    return REAL(clGetPlatformIDs)(n, p, count);
}

EXPORT cl_int clGetDeviceIDs(cl_platform_id p, cl_device_type t, cl_uint n, cl_device_id *d, cl_uint *count)
{
    return getenv("FAULTY_EMPTY") ? CL_DEVICE_NOT_FOUND : REAL(clGetDeviceIDs)(p, t, n, d, count);
}

EXPORT cl_int clGetDeviceInfo(cl_device_id d, cl_device_info what, size_t n, void *value, size_t *needed)
{
    const char *driver = getenv("FAULTY_DRIVER");
    if (!driver || what != CL_DRIVER_VERSION)
        return REAL(clGetDeviceInfo)(d, what, n, value, needed);
    if (needed)
        *needed = strlen(driver) + 1;
    if (value && n < strlen(driver) + 1)
        return CL_INVALID_VALUE;
    if (value)
        memcpy(value, driver, strlen(driver) + 1);
    return CL_SUCCESS;
}

/* A copy with every FROM replaced. Freed by the caller. */
static char *edited(const char *text, const char *edit)
{
    const char *arrow = edit ? strstr(edit, "=>") : NULL;
    size_t from = arrow ? (size_t)(arrow - edit) : 0, to = arrow ? strlen(arrow + 2) : 0;
    char *out = malloc(strlen(text) * (to + 1) + 1), *end = out;
    if (!out)
        abort();
    while (*text) {
        if (from && strncmp(text, edit, from) == 0) {
            memcpy(end, arrow + 2, to);
            end += to;
            text += from;
        } else {
            *end++ = *text++;
        }
    }
    *end = '\0';
    return out;
}

EXPORT cl_program clCreateProgramWithSource(cl_context c, cl_uint n, const char **texts,
                                            const size_t *lengths, cl_int *err)
{
    size_t total = 1;
    for (cl_uint i = 0; i < n; i++)
        total += lengths && lengths[i] ? lengths[i] : strlen(texts[i]);
    char *all = calloc(total, 1), *end = all;
    if (!all)
        abort();
    for (cl_uint i = 0; i < n; i++) {
        size_t length = lengths && lengths[i] ? lengths[i] : strlen(texts[i]);
        memcpy(end, texts[i], length);
        end += length;
    }
    char *text = edited(all, getenv("FAULTY_EDIT"));
    const char *bad = getenv("FAULTY_BUILD");
    const char *parts[] = {text, bad && strstr(all, bad) ? "\n#error FAULTY_BUILD\n" : "\n"};
    called(N_clCreateProgramWithSource);
    cl_program program = REAL(clCreateProgramWithSource)(c, 2, parts, NULL, err);
    free(text);
    free(all);
    return program;
}
