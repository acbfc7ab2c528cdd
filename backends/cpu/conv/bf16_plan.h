/* bf16_plan.h: how one convolution of bf16.h is cut into tasks, and what memory that takes. */
#ifndef THAW_CPU_CONV_BF16_PLAN_H
#define THAW_CPU_CONV_BF16_PLAN_H

#include "bf16_rows.h"
#include "panels.h"

/* What a worker keeps in its part of the workspace. */
typedef struct {
    size_t filled; /* the chunk that the matrix holds, SIZE_MAX: none */
    size_t rows;
} bf16_worker;

/* Everything whose size follows from the op: elements, and offsets in bytes. */
typedef struct {
    const conv_bf16_kernels *kernels;
    bf16_rows rows;
    size_t n_panels, weight_elements, weight_bytes; /* weight_bytes: of an element, bf16 or f32 */
    bool const_weights, const_bias;
    size_t groups; /* cuts of the panels: a task is a chunk of the rows and a group */
    bool streams;  /* few tasks read the weights: they come from far */
    size_t panels_at, state_weights_at, state_bias_at, taps_at, state_bytes;
    size_t weights_at, bias_at, worker_at, workspace_bytes;
    size_t own_at, pixels_at, work_at, worker_bytes; /* in a worker's part, behind its left matrix */
} bf16_plan;

/* What prepare leaves to run. */
typedef struct {
    bf16_plan plan;
    conv_panel *panels;
    char *weights; /* packed; NULL: each run packs them */
    float *bias;   /* likewise */
    size_t *tap_at;
} bf16_state;

/* Sizes are SIZE_MAX where they overflow. */
bf16_plan cpu_conv_bf16_plan(const struct thaw_device *dev, const backend_op *op,
                             const conv_bf16_kernels *kernels);

#endif
