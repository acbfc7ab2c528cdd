#include "backends/opencl/cl.h"

#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>

#define ENVIRONMENT "THAW_OPENCL_LIBRARY"

typedef struct {
    const char *name;
    size_t offset; /* of its pointer in ocl_api */
} api_function;

static const api_function functions[] = {
#define OCL_FUNCTION(name) {#name, offsetof(ocl_api, name)},
#include "backends/opencl/cl_functions.def"
#undef OCL_FUNCTION
};

static thaw_status open_library(void **out, thaw_error *err)
{
    const char *given = getenv(ENVIRONMENT);
    const char *const usual[] = {"libOpenCL.so.1", "libOpenCL.so"};
    if (given && *given) {
        *out = dlopen(given, RTLD_NOW | RTLD_LOCAL);
        if (*out)
            return THAW_OK;
        const char *why = dlerror();
        return backend_fail(err, THAW_E_NOT_FOUND,
                            "the OpenCL library that " ENVIRONMENT " names cannot be opened: %s",
                            why ? why : "no reason given");
    }
    for (size_t i = 0; i < sizeof usual / sizeof usual[0] && !*out; i++)
        *out = dlopen(usual[i], RTLD_NOW | RTLD_LOCAL);
    if (*out)
        return THAW_OK;
    return backend_fail(
        err, THAW_E_NOT_FOUND,
        "there is no libOpenCL.so.1 here: install the OpenCL loader (Debian: ocl-icd-libopencl1) "
        "and the OpenCL driver of your device");
}

thaw_status ocl_api_open(ocl_api *out, thaw_error *err)
{
    memset(out, 0, sizeof *out);
    thaw_status s = open_library(&out->library, err);
    if (s != THAW_OK)
        return s;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        void *symbol = dlsym(out->library, functions[i].name);
        if (!symbol) {
            dlclose(out->library);
            memset(out, 0, sizeof *out);
            return backend_fail(
                err, THAW_E_NOT_FOUND,
                "the OpenCL library here has no %s: it is older than OpenCL 1.2; install a newer "
                "loader (Debian: ocl-icd-libopencl1)",
                functions[i].name);
        }
        /* ISO C has no cast from void * to a function. */
        memcpy((char *)out + functions[i].offset, &symbol, sizeof symbol);
    }
    return THAW_OK;
}

void ocl_api_forget(ocl_api *api)
{
    memset(api, 0, sizeof *api);
}
