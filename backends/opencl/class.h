/* class.h: what a device is like, found out by asking it. */
#ifndef THAW_OPENCL_CLASS_H
#define THAW_OPENCL_CLASS_H

#include "backends/opencl/opencl.h"

/* [init] Sets class_of, lanes, wave and subgroups of a device that has its context; a class that the options
 * force is believed. May compile a kernel of one line; one that does not compile is THAW_E_UNSUPPORTED. */
thaw_status ocl_class_find(thaw_device *dev, thaw_error *err);

/* [thread-safe] The class where the facts alone decide it, which is so for CPUs and for Intel's GPUs. */
bool ocl_class_known(const ocl_facts *facts, ocl_class *out);

/* [thread-safe] The class of a name that need not be terminated. */
bool ocl_class_by_name(const char *name, size_t length, ocl_class *out);

#endif
