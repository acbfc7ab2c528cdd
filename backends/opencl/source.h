/* source.h: the embedded OpenCL C sources. The tables are generated (kernels/CMakeLists.txt). */
#ifndef THAW_OPENCL_SOURCE_H
#define THAW_OPENCL_SOURCE_H

#include "backends/opencl/opencl.h"

/* What stands before every source. */
#define OCL_PRELUDE "thaw.clh"

extern const ocl_source ocl_sources[];
extern const size_t ocl_n_sources;

#endif
