/* plan.h: what the files that build and run a plan share. */
#ifndef THAW_OPENCL_PLAN_H
#define THAW_OPENCL_PLAN_H

#include "backends/opencl/opencl.h"

#define OCL_MAX_HOST_ARGS 16u

/* The place of the next launch, zero. NULL where the plan has failed, or fails here. */
ocl_launch *ocl_plan_new_launch(ocl_plan *plan);
/* The launch that was begun and is not ended. NULL likewise. */
ocl_launch *ocl_plan_open_launch(ocl_plan *plan);

#endif
