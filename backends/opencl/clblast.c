#include "backends/opencl/clblast.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>

#define LIBRARY "libclblast.so.1"

/* From clblast_c.h of CLBlast 1.5.3, declared here so that nothing of it is needed to build: the layout, the
 * two values of a transposition, and the one function. */
enum { ROW_MAJOR = 101, TRANSPOSE_NO = 111, TRANSPOSE_YES = 112 };

typedef int (*sgemm_fn)(int layout, int transpose_a, int transpose_b, size_t m, size_t n, size_t k,
                        float alpha, cl_mem a, size_t a_offset, size_t a_ld, cl_mem b, size_t b_offset,
                        size_t b_ld, float beta, cl_mem c, size_t c_offset, size_t c_ld,
                        cl_command_queue *queue, cl_event *event);

/* The library stays for the life of the process, and its lock with it: it keeps caches of compiled programs
 * behind no handle of ours. */
static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static sgemm_fn sgemm;
static void *enqueue_of_library; /* the clEnqueueNDRangeKernel that it calls */

static void open_library(void)
{
    void *library = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!library)
        return;
    void *symbol = dlsym(library, "CLBlastSgemm");
    enqueue_of_library = dlsym(library, "clEnqueueNDRangeKernel");
    memcpy(&sgemm, &symbol, sizeof sgemm); /* ISO C has no cast from object to function pointer */
}

bool ocl_clblast_usable(const thaw_device *dev, char *why, size_t cap)
{
    pthread_once(&once, open_library);
    if (!sgemm) {
        snprintf(why, cap, "libclblast is not installed");
        return false;
    }
    void *ours = NULL;
    memcpy(&ours, &dev->cl->clEnqueueNDRangeKernel, sizeof ours);
    if (ours != enqueue_of_library) {
        snprintf(why, cap, "libclblast uses another OpenCL library than thaw does");
        return false;
    }
    return true;
}

thaw_status ocl_clblast_run(thaw_stream *stream, const void *data, const ocl_place *places, thaw_error *err)
{
    clblast_gemm g;
    memcpy(&g, data, sizeof g);
    for (int i = 0; i < 3; i++) {
        if (places[i].element > INT32_MAX)
            return backend_fail(
                err, THAW_E_UNSUPPORTED,
                "clblast: a tensor begins at element %zu of its buffer, more than the library's "
                "32 bits hold; choose another algorithm",
                places[i].element);
    }
    pthread_mutex_lock(&mutex);
    int code = sgemm(ROW_MAJOR, g.transpose_a ? TRANSPOSE_YES : TRANSPOSE_NO,
                     g.transpose_b ? TRANSPOSE_YES : TRANSPOSE_NO, g.m, g.n, g.k, 1.0f, places[0].mem,
                     places[0].element, g.lda, places[1].mem, places[1].element, g.ldb, g.beta, places[2].mem,
                     places[2].element, g.ldc, &stream->queue, NULL);
    pthread_mutex_unlock(&mutex);
    if (code != CL_SUCCESS)
        return ocl_fail(err, code, "CLBlastSgemm of %zu x %zu x %zu", g.m, g.n, g.k);
    return THAW_OK;
}
