/* peak.h: the extension thaw.peak/1: how many multiply-adds a device does at best. */
#ifndef THAW_OPENCL_PEAK_H
#define THAW_OPENCL_PEAK_H

#include "backends/opencl/opencl.h"
#include "thaw_ext.h"

extern const thaw_peak ocl_peak;

#endif
