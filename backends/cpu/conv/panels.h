/* panels.h: a convolution's weights as its kernels read them.
 *
 * The output channels of one tensor are cut into panels two vectors wide; the last is one vector wide where
 * that is enough. A panel holds its width of weights for each tap and each channel of the tap, front to
 * back, 0 beyond the tensor's channels. Its bias lies apart, since it may change while the weights do not. */
#ifndef THAW_CPU_CONV_PANELS_H
#define THAW_CPU_CONV_PANELS_H

#include "kernels.h"

typedef struct {
    uint32_t out;      /* output tensor */
    size_t out_first;  /* first channel within it */
    size_t first;      /* first channel of all outputs together */
    size_t cols;       /* channels */
    size_t vectors;    /* 1 or 2 */
    size_t weights_at; /* elements from the first panel's weights */
} conv_panel;

/* Where a weight is found: weight (tap, k, column) lies at
 * src[tap_at(tap)*tap_pitch + k*k_pitch + column*col_pitch], one of k_pitch and col_pitch being 1. */
typedef struct {
    const float *src;
    size_t taps, tap_len;
    size_t tap_pitch, k_pitch, col_pitch;
    size_t (*tap_at)(const void *ctx, size_t tap); /* NULL: taps are packed in the order they lie */
    const void *ctx;
} conv_weights;

size_t cpu_conv_panel_count(const thaw_tensor *outs, uint32_t n_outs, size_t lanes);
/* Writes cpu_conv_panel_count panels for a reduction of k elements; returns the elements of all weights, or
 * SIZE_MAX. panels may be NULL. */
size_t cpu_conv_panel_layout(const thaw_tensor *outs, uint32_t n_outs, size_t lanes, size_t k,
                             conv_panel *panels);
/* Packs the weights of one panel behind dst, where the first panel's weights begin. [thread-safe] */
void cpu_conv_panel_pack(const conv_kernels *kernels, const conv_panel *panel, const conv_weights *weights,
                         float *dst);
/* Where the weights of a group's first panel begin, in bytes behind the first panel's: for cpu_weights. 0 for
 * a group behind the last. */
size_t cpu_conv_panel_share(const conv_panel *panels, size_t n, size_t groups, size_t group,
                            size_t element_bytes);
/* Memory of the host for packed weights and what goes with them, aligned to SPACE_ALIGN. THAW_E_INVALID for
 * SIZE_MAX bytes, THAW_E_NO_MEMORY. */
thaw_status cpu_conv_panel_state(const struct thaw_device *dev, size_t bytes, char **state, thaw_error *err);
/* dst[p*2*lanes + j] = bias of column j of panel p, 0 beyond its columns and where bias is NULL. */
void cpu_conv_panel_bias(const conv_panel *panels, size_t n, size_t lanes, const float *bias, float *dst);

#endif
