/* peak.h: the extension thaw.peak/1: how many multiply-adds the device's threads do at best. */
#ifndef THAW_CPU_PEAK_H
#define THAW_CPU_PEAK_H

#include "backends/cpu/cpu.h"
#include "thaw_ext.h"

/* NULL where there is no loop for this processor's architecture. */
const thaw_peak *cpu_peak_extension(void);

/* thaw_peak.fma_gflops. The vectors are those of the device's instruction set: where it has no fused
 * multiply-add, a multiplication and an addition stand for one. */
thaw_status cpu_peak_gflops(thaw_device *dev, double seconds, double *gflops, thaw_error *err);

#endif
