/* options.h: what a user may say behind the device's name. */
#ifndef THAW_ONEDNN_OPTIONS_H
#define THAW_ONEDNN_OPTIONS_H

#include "plugins/onednn/onednn.h"

/* [init] isa=sse41|avx2|avx512|auto: the most that oneDNN may use. It lets that be set once for a whole
 * process, before its first primitive: THAW_E_UNSUPPORTED when that is over and another is asked for, or when
 * the processor has not got it. */
thaw_status options_apply(const char *text, thaw_error *err);

#endif
