/* state.h: what prepare leaves to run. */
#ifndef THAW_CPU_CONV_WINO_STATE_H
#define THAW_CPU_CONV_WINO_STATE_H

#include "plan.h"

typedef struct {
    wino_plan plan;
    conv_panel *panels;
    float *weights; /* U: for each panel, for each set of points, its width of weights for each channel;
                       NULL: each run */
    float *bias;    /* NULL: each run */
} wino_state;

/* Transforms the filter of one panel to behind `out`, where the first panel's U begins. `packed` has room for
 * plan->packed_elements. [thread-safe] */
void cpu_wino_transform_panel(const wino_plan *plan, const backend_op *op, const conv_panel *panel,
                              const float *filter, float *packed, float *out);

#endif
