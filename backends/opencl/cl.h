/* cl.h: libOpenCL, opened at run time: a machine without it still runs thaw.
 *
 * Every OpenCL function is called through this table and none is linked. OpenCL 1.2 is all that is asked
 * for. */
#ifndef THAW_OPENCL_CL_H
#define THAW_OPENCL_CL_H

#define CL_TARGET_OPENCL_VERSION 120
#define CL_USE_DEPRECATED_OPENCL_1_1_APIS
#include <CL/cl.h>

#include "backends/common/op.h"

typedef struct ocl_api {
    void *library;
#define OCL_FUNCTION(name) __typeof__(&name) name;
#include "backends/opencl/cl_functions.def"
#undef OCL_FUNCTION
} ocl_api;

/* Opens libOpenCL.so.1 (or the file that THAW_OPENCL_LIBRARY names) and looks up every function.
 * THAW_E_NOT_FOUND says which file or function is missing and what to install. [init] */
thaw_status ocl_api_open(ocl_api *out, thaw_error *err);
/* The library stays mapped: a driver's threads may still run. [init] */
void ocl_api_forget(ocl_api *api);

/* "CL_INVALID_VALUE"; "an OpenCL error without a name" where the code has none. Static. [thread-safe] */
const char *ocl_error_name(cl_int code);

/* Fails with the status that an OpenCL code amounts to (THAW_E_DEVICE_MEMORY, THAW_E_DEVICE_LOST, …),
 * err->native the code itself, and "<what>: CL_…" behind it, with what to do where that is known. */
thaw_status ocl_fail(thaw_error *err, cl_int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line for the host's log; level THAW_LOG_*. [thread-safe] */
void ocl_log(const thaw_host *host, int32_t level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
