/* run_conv.h: one convolution on buffers of exactly its size, through a host that shuffles tasks. */
#ifndef THAW_TESTS_CONV_RUN_CONV_H
#define THAW_TESTS_CONV_RUN_CONV_H

#include "backends/cpu/conv/conv.h"

#define MAX_OUTS 3

typedef struct {
    int n, h, w, c;
    int kh, kw, stride_h, stride_w, pad_top, pad_left;
    int oh, ow;
    int n_outs, outs[MAX_OUTS];
    uint32_t relu_mask;
    int slack; /* elements between a row's channels and the next row, in activations */
} conv_case;

/* Writes the case's tensor in its full extent, slack included; caller frees. Every element is a value made
 * from `seed` or, with NAN_FILL, NaN. */
#define NAN_FILL 0u
float *fill_floats(size_t count, unsigned seed);

int case_channels(const conv_case *c); /* of all outputs */
size_t x_count(const conv_case *c);    /* elements, slack included */
size_t y_count(const conv_case *c, int channels);
size_t w_count(const conv_case *c);
bool machine_has(cpu_isa isa);
bool machine_has_amx(void); /* says so, once, if not */

typedef struct {
    cpu_isa isa;
    uint32_t threads;
    bool const_weights;
    unsigned shuffle; /* seed of the order of tasks */
    size_t algo;      /* among those that accept the op, in the order of the list */
    const char *name; /* not NULL: among those of this name */
    bool large_cache; /* so that work is cut into few pieces */
} run_options;

/* Each runs an algorithm and fails the test on error; false: so many do not accept the op, and nothing ran.
 * Buffers as described by the case: y one buffer for each output; bias may be NULL. Weights and dw are dense.
 */
bool run_forward(const conv_case *c, run_options o, const float *x, const float *w, const float *bias,
                 float *const *y);
bool run_bwd_data(const conv_case *c, run_options o, const float *dy, const float *w, float *dx);
bool run_bwd_filter(const conv_case *c, run_options o, const float *x, const float *dy, float *dw);

#endif
