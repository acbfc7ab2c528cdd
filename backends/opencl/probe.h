/* probe.h: are the instructions of kernels/mma.clh to be had on this device, and do they do what it says? */
#ifndef THAW_OPENCL_PROBE_H
#define THAW_OPENCL_PROBE_H

#include "backends/opencl/opencl.h"

/* [init] Sets dev->nvidia_asm. Only a device that runs 32 work-items in step and has extensions of NVIDIA's
 * is tried, in a context of its own, so that a fault there ends nothing else. Whatever goes wrong means no,
 * and is a DEBUG line. Called when class and context of the device are known. */
void ocl_probe(thaw_device *dev);

#endif
