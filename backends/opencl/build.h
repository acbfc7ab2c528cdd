/* build.h: one program, from the cache or from its source. */
#ifndef THAW_OPENCL_BUILD_H
#define THAW_OPENCL_BUILD_H

#include "backends/opencl/opencl.h"

/* Bytes of all the options of one program, the zero included; the common ones fit into half of it. */
#define OCL_OPTIONS_MAX 1024u

/* The options that every program of the device gets. out has `cap` bytes. [thread-safe] */
thaw_status ocl_common_options(const thaw_device *dev, char *out, size_t cap, thaw_error *err);

/* Builds kernels/<file> behind kernels/thaw.clh with both lists of options; the texts for people show
 * `options` alone. *out is released by the caller. THAW_E_UNSUPPORTED: the driver refuses it, with the
 * beginning of its own words. [thread-safe] */
thaw_status ocl_build(thaw_device *dev, const char *file, const char *common, const char *options,
                      cl_program *out, thaw_error *err);

#endif
