#include "panels.h"

#include "space.h"

size_t cpu_conv_panel_count(const thaw_tensor *outs, uint32_t n_outs, size_t lanes)
{
    size_t n = 0;
    for (uint32_t i = 0; i < n_outs; i++)
        n += space_ceil((size_t)outs[i].c, 2 * lanes);
    return n;
}

size_t cpu_conv_panel_layout(const thaw_tensor *outs, uint32_t n_outs, size_t lanes, size_t k,
                             conv_panel *panels)
{
    size_t elements = 0, first = 0, n = 0;
    for (uint32_t i = 0; i < n_outs; i++) {
        size_t channels = (size_t)outs[i].c;
        for (size_t at = 0; at < channels; at += 2 * lanes) {
            size_t cols = space_min(2 * lanes, channels - at);
            size_t vectors = space_ceil(cols, lanes);
            if (panels)
                panels[n++] = (conv_panel){i, at, first + at, cols, vectors, elements};
            elements = space_add(elements, space_mul(k, vectors * lanes));
        }
        first += channels;
    }
    return elements;
}

/* Transposes n k-rows of a tap, in strips that keep the lines being written in the first-level cache. */
static void pack_transposed(const float *src, size_t col_pitch, size_t n, size_t cols, size_t width,
                            float *dst)
{
    enum { STRIP = 16 };
    for (size_t k0 = 0; k0 < n; k0 += STRIP) {
        size_t k1 = space_min(k0 + STRIP, n);
        for (size_t j = 0; j < cols; j++) {
            const float *from = src + j * col_pitch;
            for (size_t k = k0; k < k1; k++)
                dst[k * width + j] = from[k];
        }
        for (size_t k = k0; k < k1; k++) {
            for (size_t j = cols; j < width; j++)
                dst[k * width + j] = 0.0f;
        }
    }
}

void cpu_conv_panel_pack(const conv_kernels *kernels, const conv_panel *panel, const conv_weights *weights,
                         float *dst)
{
    const size_t width = panel->vectors * kernels->lanes, len = weights->tap_len;
    dst += panel->weights_at;
    for (size_t tap = 0; tap < weights->taps; tap++, dst += len * width) {
        size_t from = weights->tap_at ? weights->tap_at(weights->ctx, tap) : tap;
        const float *src = weights->src + from * weights->tap_pitch + panel->first * weights->col_pitch;
        if (weights->col_pitch == 1)
            kernels->pack_panel[panel->vectors - 1](src, weights->k_pitch, len, panel->cols, dst);
        else
            pack_transposed(src, weights->col_pitch, len, panel->cols, width, dst);
    }
}

void cpu_conv_panel_bias(const conv_panel *panels, size_t n, size_t lanes, const float *bias, float *dst)
{
    for (size_t p = 0; p < n; p++, dst += 2 * lanes) {
        for (size_t j = 0; j < 2 * lanes; j++)
            dst[j] = bias && j < panels[p].cols ? bias[panels[p].first + j] : 0.0f;
    }
}

size_t cpu_conv_panel_share(const conv_panel *panels, size_t n, size_t groups, size_t group,
                            size_t element_bytes)
{
    return group < groups ? panels[space_cut(n, groups, group)].weights_at * element_bytes : 0;
}

thaw_status cpu_conv_panel_state(const struct thaw_device *dev, size_t bytes, char **state, thaw_error *err)
{
    if (bytes == SIZE_MAX)
        return backend_fail(err, THAW_E_INVALID, "convolution: the size of its weights overflows");
    *state = dev->host->alloc(dev->host->ctx, bytes, SPACE_ALIGN);
    if (!*state)
        return backend_fail(err, THAW_E_NO_MEMORY, "convolution: no memory for %zu bytes of packed weights",
                            bytes);
    return THAW_OK;
}
