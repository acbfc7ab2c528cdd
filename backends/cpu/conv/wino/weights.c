/* weights.c: U, at prepare or at run. */
#include "state.h"
#include "wino.h"

#include "backends/cpu/call.h"
#include "backends/cpu/conv/space.h"

size_t cpu_wino_workspace(const struct thaw_device *dev, const backend_op *op, wino_way way)
{
    return cpu_wino_plan(dev, op, way).workspace_bytes;
}

/* Backward, the last tap is the first. */
static size_t rotated(const void *taps, size_t tap)
{
    return *(const size_t *)taps - 1 - tap;
}

void cpu_wino_transform_panel(const wino_plan *plan, const backend_op *op, const conv_panel *panel,
                              const float *filter, float *packed, float *out)
{
    const size_t pitch = (size_t)op->in[1].pixel_pitch, channels = plan->geo.channels;
    conv_weights from = {.src = filter, .taps = plan->taps, .tap_len = channels};
    if (plan->geo.backward) {
        from.tap_pitch = (size_t)op->in[1].w * pitch;
        from.k_pitch = 1;
        from.col_pitch = pitch;
        from.tap_at = rotated;
        from.ctx = &plan->taps;
    } else {
        from.tap_pitch = channels * pitch;
        from.k_pitch = pitch;
        from.col_pitch = 1;
    }
    conv_panel alone = *panel;
    alone.weights_at = 0;
    cpu_conv_panel_pack(plan->conv, &alone, &from, packed);
    const wino_weights w = {packed, channels, panel->vectors, out + panel->weights_at};
    plan->wino->weights(&w);
}

thaw_status cpu_wino_prepare(const struct thaw_device *dev, const backend_op *op, wino_way way,
                             const void *const *const_data, void **state, thaw_error *err)
{
    const thaw_host *host = dev->host;
    const wino_plan p = cpu_wino_plan(dev, op, way);
    size_t head = 0, packed_bytes = space_mul(p.packed_elements, sizeof(float));
    space_take(&head, 1, sizeof(wino_state));
    if (space_add(head, p.state_bytes) == SIZE_MAX || packed_bytes == SIZE_MAX)
        return backend_fail(err, THAW_E_INVALID, "convolution: the size of its weights overflows");
    char *block = host->alloc(host->ctx, head + p.state_bytes, SPACE_ALIGN);
    float *packed = p.const_weights ? host->alloc(host->ctx, packed_bytes, SPACE_ALIGN) : NULL;
    if (!block || (p.const_weights && !packed)) {
        host->free(host->ctx, packed);
        host->free(host->ctx, block);
        return backend_fail(err, THAW_E_NO_MEMORY,
                            "convolution: no memory for %zu bytes of transformed weights",
                            head + p.state_bytes);
    }
    wino_state *s = (wino_state *)(void *)block;
    *s = (wino_state){.plan = p, .panels = (conv_panel *)(void *)(block + head + p.panels_at)};
    cpu_conv_panel_layout(op->out, op->n_out, p.conv->lanes, p.sets * p.geo.channels, s->panels);
    if (p.const_weights) {
        s->weights = (float *)(void *)(block + head + p.state_weights_at);
        for (size_t i = 0; i < p.n_panels; i++)
            cpu_wino_transform_panel(&p, op, &s->panels[i], const_data[1], packed, s->weights);
    }
    if (p.const_bias) {
        s->bias = (float *)(void *)(block + head + p.state_bias_at);
        const float *bias = op->kind == THAW_OP_CONV2D && op->n_in > 2 ? const_data[2] : NULL;
        cpu_conv_panel_bias(s->panels, p.n_panels, p.conv->lanes, bias, s->bias);
    }
    host->free(host->ctx, packed);
    *state = s;
    return THAW_OK;
}

/* Where threads share the tiles, they share the panels; otherwise each begins with the first. */
cpu_weights cpu_wino_weights(const struct thaw_device *dev, const void *state)
{
    const wino_state *s = state;
    const wino_plan *p = &s->plan;
    cpu_weights w = {(const char *)s->weights, 0};
    const size_t task = cpu_first_task(dev, cpu_wino_tasks(p), 1);
    const size_t group = p->shared ? task / p->blocks : p->in_place ? task % p->groups : 0;
    w.share = cpu_conv_panel_share(s->panels, p->n_panels, p->groups, group, sizeof(float));
    return w;
}

void cpu_wino_destroy(const struct thaw_device *dev, void *state)
{
    dev->host->free(dev->host->ctx, state);
}
