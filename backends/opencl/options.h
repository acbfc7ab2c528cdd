/* options.h: the options of device_open. */
#ifndef THAW_OPENCL_OPTIONS_H
#define THAW_OPENCL_OPTIONS_H

#include "backends/opencl/opencl.h"

/* [thread-safe] Reads "key=value,key=value"; NULL and "" are no options. THAW_E_INVALID names what is not
 * known and lists what is. */
thaw_status ocl_options_read(const char *text, ocl_options *out, thaw_error *err);

#endif
