/* memory.c: where one op's arguments lie on a device while a case runs it: buffers with guards, a workspace
 * with guards, and the ways there and back.
 *
 * thaw_plugin.h: a CONST input has no buffer at op_enqueue; a workspace is as large as op_query said, and
 * what it holds is undefined. */
#include <stdlib.h>
#include <string.h>

#include "core/check/case.h"

#define WORKSPACE_GUARD      CHECK_WORKSPACE_GUARD
#define WORKSPACE_GUARD_WORD UINT32_C(0xffa5ffa5)

static thaw_status create_workspace(check_memory *m, thaw_error *err)
{
    if (!m->workspace_bytes)
        return THAW_OK;
    size_t guard = m->side->dev->align > WORKSPACE_GUARD ? m->side->dev->align : WORKSPACE_GUARD;
    m->workspace_total = (m->workspace_bytes + 2 * guard + 3) & ~(size_t)3;
    thaw_status st = thaw_check_buffer(m->side, m->workspace_total, &m->workspace_buffer, err);
    m->workspace = (thaw_slice){m->workspace_buffer, guard};
    m->workspace_image = malloc(m->workspace_total);
    if (st == THAW_OK && !m->workspace_image)
        st = thaw_fail_memory(err, m->workspace_total, "a workspace");
    return st;
}

thaw_status thaw_check_memory_create(const check_side *side, const check_case *c, const check_layout *layout,
                                     size_t workspace_bytes, check_memory *m, thaw_error *err)
{
    const check_layout *l = layout;
    thaw_status st = THAW_OK;
    memset(m, 0, sizeof *m);
    m->side = side;
    m->c = c;
    m->layout = layout;
    m->workspace_bytes = workspace_bytes;
    if (l->arena)
        st = thaw_check_buffer(side, l->total, &m->buffer[0], err);
    for (uint32_t i = 0; st == THAW_OK && i < c->n_in + c->n_out; i++) {
        const check_arg *a = &c->arg[i];
        if (!l->arena && l->region_bytes[i])
            st = thaw_check_buffer(side, l->region_bytes[i], &m->buffer[i], err);
        uint32_t holder = i >= c->n_in && a->in_place_of >= 0 ? (uint32_t)a->in_place_of : i;
        m->slice[i].buffer = m->buffer[l->arena ? 0 : holder];
        m->slice[i].offset = l->first[i] - (l->arena ? 0 : l->region[i]);
        if (i < c->n_in && a->role == THAW_ROLE_CONST)
            m->slice[i] = (thaw_slice){NULL, 0};
    }
    return st == THAW_OK ? create_workspace(m, err) : st;
}

void thaw_check_memory_free(check_memory *m)
{
    if (!m->side)
        return;
    const thaw_device_ops *ops = &m->side->dev->ops;
    thaw_error ignored;
    ops->stream_sync(m->side->stream, &ignored); /* an error may have left work behind */
    for (uint32_t i = 0; i < CHECK_MAX_ARGS; i++)
        ops->buffer_destroy(m->side->dev->handle, m->buffer[i]);
    ops->buffer_destroy(m->side->dev->handle, m->workspace_buffer);
    free(m->workspace_image);
    memset(m, 0, sizeof *m);
}

/* Moves the whole image to the device (up) or back. */
static thaw_status transfer(const check_memory *m, const uint8_t *up, uint8_t *down, thaw_error *err)
{
    const check_layout *l = m->layout;
    const thaw_device_ops *ops = &m->side->dev->ops;
    for (uint32_t i = 0; i < m->c->n_in + m->c->n_out; i++) {
        size_t at = l->arena ? 0 : l->region[i], bytes = l->arena ? l->total : l->region_bytes[i];
        if (!m->buffer[i] || !bytes)
            continue;
        thaw_slice slice = {m->buffer[i], 0};
        memset(err, 0, sizeof *err);
        thaw_status st = up ? ops->upload(m->side->stream, slice, up + at, bytes, err)
                            : ops->download(m->side->stream, down + at, slice, bytes, err);
        if (st != THAW_OK)
            return thaw_check_fault(err, st, up ? "upload" : "download");
    }
    return THAW_OK;
}

static thaw_status poison_workspace(const check_memory *m, bool zeros, thaw_error *err)
{
    if (!m->workspace_bytes)
        return THAW_OK;
    const thaw_device_ops *ops = &m->side->dev->ops;
    const uint32_t guard = WORKSPACE_GUARD_WORD;
    for (size_t i = 0; i < m->workspace_total; i += 4)
        memcpy(m->workspace_image + i, &guard, 4);
    if (zeros)
        memset(m->workspace_image + m->workspace.offset, 0, m->workspace_bytes);
    memset(err, 0, sizeof *err);
    return thaw_check_fault(err,
                            ops->upload(m->side->stream, (thaw_slice){m->workspace_buffer, 0},
                                        m->workspace_image, m->workspace_total, err),
                            "upload");
}

static thaw_status check_workspace(const check_memory *m, thaw_error *err)
{
    if (!m->workspace_bytes)
        return THAW_OK;
    const thaw_device_ops *ops = &m->side->dev->ops;
    const uint32_t guard = WORKSPACE_GUARD_WORD;
    memset(err, 0, sizeof *err);
    thaw_status st = ops->download(m->side->stream, m->workspace_image, (thaw_slice){m->workspace_buffer, 0},
                                   m->workspace_total, err);
    if (st == THAW_OK)
        st = ops->stream_sync(m->side->stream, err);
    if (st != THAW_OK)
        return thaw_check_fault(err, st, "download");
    for (size_t i = 0; i < m->workspace_total; i++) {
        if (i >= m->workspace.offset && i < m->workspace.offset + m->workspace_bytes)
            continue;
        if (m->workspace_image[i] != ((const uint8_t *)&guard)[i % 4])
            return thaw_fail(err, THAW_E_CHECK, "the op wrote byte %lld of a workspace of %zu bytes",
                             (long long)i - (long long)m->workspace.offset, m->workspace_bytes);
    }
    return THAW_OK;
}

thaw_status thaw_check_memory_write(const check_memory *m, const uint8_t *image, bool zeros, thaw_error *err)
{
    thaw_status st = transfer(m, image, NULL, err);
    return st == THAW_OK ? poison_workspace(m, zeros, err) : st;
}

thaw_status thaw_check_memory_read(const check_memory *m, uint8_t *image, thaw_error *err)
{
    thaw_status st = transfer(m, NULL, image, err);
    if (st == THAW_OK)
        st = thaw_check_sync(m->side, err);
    return st == THAW_OK ? check_workspace(m, err) : st;
}

thaw_status thaw_check_enqueue(const check_memory *m, thaw_kernel *kernel, thaw_error *err)
{
    memset(err, 0, sizeof *err);
    return thaw_check_fault(err,
                            m->side->dev->ops.op_enqueue(m->side->stream, kernel, m->slice,
                                                         m->c->n_in + m->c->n_out, m->workspace, err),
                            "op_enqueue");
}

thaw_status thaw_check_compute(const check_memory *m, thaw_kernel *kernel, const uint8_t *before,
                               uint8_t *after, bool zeros, thaw_error *err)
{
    thaw_status st = thaw_check_memory_write(m, before, zeros, err);
    for (uint32_t step = 0; st == THAW_OK && step < m->c->steps; step++)
        st = thaw_check_enqueue(m, kernel, err);
    return st == THAW_OK ? thaw_check_memory_read(m, after, err) : st;
}
