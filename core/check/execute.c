/* execute.c: one op on one device, from describing it to fetching what it wrote. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"
#include "core/runtime/loader.h"

#define WORKSPACE_GUARD      ((size_t)256)
#define WORKSPACE_GUARD_WORD UINT32_C(0xffa5ffa5)

thaw_status thaw_check_fault(thaw_error *err, thaw_status status, const char *function)
{
    if (status == THAW_OK)
        return THAW_OK;
    err->text[sizeof err->text - 1] = '\0';
    if (!err->text[0])
        thaw_fail(err, status, "status %d (%s) and no text", (int)status, thaw_status_name(status));
    if (status != THAW_E_NO_MEMORY && status != THAW_E_DEVICE_LOST)
        status = THAW_E_CHECK;
    return thaw_fail_within(err, status, "%s", function);
}

void thaw_check_describe(const check_case *c, check_desc *desc)
{
    memset(desc, 0, sizeof *desc);
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++) {
        const check_arg *a = &c->arg[i];
        desc->tensor[i] = (thaw_tensor){.struct_size = sizeof(thaw_tensor),
                                        .dtype = a->dtype,
                                        .role = a->role,
                                        .n = a->n,
                                        .h = a->h,
                                        .w = a->w,
                                        .c = a->c,
                                        .pixel_pitch = (int64_t)a->before + a->c + a->behind};
        desc->pointer[i] = &desc->tensor[i];
    }
    desc->attr = c->attr;
    desc->op = (thaw_op){.struct_size = sizeof(thaw_op),
                         .kind = c->kind,
                         .n_in = c->n_in,
                         .n_out = c->n_out,
                         .in = desc->pointer,
                         .out = desc->pointer + c->n_in,
                         .attr = c->attr.struct_size ? &desc->attr : NULL,
                         .precision = c->precision,
                         .runs = 1};
}

thaw_status thaw_check_query(const check_side *side, const check_case *c, uint32_t algo, thaw_op_info *info,
                             thaw_error *err)
{
    check_desc desc;
    struct {
        thaw_op_info info;
        uint8_t behind[sizeof(thaw_op_info)]; /* for a device that writes more than struct_size */
    } answer = {.info = {.struct_size = sizeof answer.info}};
    thaw_check_describe(c, &desc);
    memset(err, 0, sizeof *err);
    memset(answer.behind, 0xa5, sizeof answer.behind);
    thaw_status st = side->dev->ops.op_query(side->dev->handle, &desc.op, algo, &answer.info, err);
    *info = answer.info;
    for (size_t i = 0; i < sizeof answer.behind; i++)
        if (answer.behind[i] != 0xa5)
            return thaw_fail(err, THAW_E_CHECK, "op_query writes beyond the struct_size of thaw_op_info");
    err->text[sizeof err->text - 1] = '\0';
    if (st == THAW_E_UNSUPPORTED && algo == THAW_ALGO_DEFAULT) {
        if (err->text[0])
            return st;
        return thaw_fail(err, THAW_E_CHECK, "op_query answers THAW_E_UNSUPPORTED and gives no reason");
    }
    if (st != THAW_OK)
        return thaw_check_fault(err, st, "op_query");
    if (!info->n_algos || info->algo >= info->n_algos)
        return thaw_fail(err, THAW_E_CHECK, "op_query describes algorithm %u of %u", info->algo,
                         info->n_algos);
    if (algo != THAW_ALGO_DEFAULT && info->algo != algo)
        return thaw_fail(err, THAW_E_CHECK, "op_query was asked for algorithm %u and describes %u", algo,
                         info->algo);
    if (!info->name[0] || !memchr(info->name, 0, sizeof info->name))
        return thaw_fail(err, THAW_E_CHECK, "op_query gives algorithm %u no name", info->algo);
    if (!memchr(info->reason, 0, sizeof info->reason) || info->deterministic > 1)
        return thaw_fail(err, THAW_E_CHECK, "op_query fills reason or deterministic with nonsense");
    const uint64_t guards = 2 * WORKSPACE_GUARD + side->dev->align;
    if (info->workspace_bytes &&
        (guards > side->dev->max_alloc || info->workspace_bytes > side->dev->max_alloc - guards))
        return thaw_fail(err, THAW_E_CHECK, "op_query asks for a workspace of %llu bytes",
                         (unsigned long long)info->workspace_bytes);
    return THAW_OK;
}

thaw_status thaw_check_prepare(const check_side *side, const thaw_op *op, uint32_t algo,
                               const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    thaw_kernel *kernel = NULL;
    memset(err, 0, sizeof *err);
    thaw_status st = side->dev->ops.op_prepare(side->dev->handle, op, algo, const_data, &kernel, err);
    st = thaw_check_fault(err, thaw_plugin_created(st, kernel, err), "op_prepare");
    *out = st == THAW_OK ? kernel : NULL;
    return st;
}

thaw_status thaw_check_buffer(const check_side *side, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    thaw_buffer *buffer = NULL;
    memset(err, 0, sizeof *err);
    thaw_status st = side->dev->ops.buffer_create(side->dev->handle, bytes, &buffer, err);
    st = thaw_check_fault(err, thaw_plugin_created(st, buffer, err), "buffer_create");
    *out = st == THAW_OK ? buffer : NULL;
    return st;
}

thaw_status thaw_check_stream(const check_side *side, thaw_stream **out, thaw_error *err)
{
    thaw_stream *stream = NULL;
    memset(err, 0, sizeof *err);
    thaw_status st = side->dev->ops.stream_create(side->dev->handle, &stream, err);
    st = thaw_check_fault(err, thaw_plugin_created(st, stream, err), "stream_create");
    *out = st == THAW_OK ? stream : NULL;
    return st;
}

/* Device memory and kernel of one execution. */
typedef struct execution {
    const check_side *side;
    const check_case *c;
    const check_layout *layout;
    thaw_kernel *kernel;
    thaw_buffer *buffer[CHECK_MAX_ARGS]; /* by region; the first one alone if it is an arena */
    thaw_slice slice[CHECK_MAX_ARGS];
    thaw_buffer *workspace_buffer;
    thaw_slice workspace;
    size_t workspace_bytes, workspace_total;
    uint8_t *workspace_image;
} execution;

/* CONST inputs and descriptors are spoilt behind the call: a kernel that kept a pointer gives wrong values
 * rather than lucky ones. */
static thaw_status prepare(execution *x, uint32_t algo, const uint8_t *before, thaw_error *err)
{
    const check_case *c = x->c;
    void *copies[CHECK_MAX_ARGS] = {NULL};
    const void *data[CHECK_MAX_ARGS] = {NULL};
    size_t bytes[CHECK_MAX_ARGS] = {0};
    thaw_status st = THAW_OK;
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (c->arg[i].role != THAW_ROLE_CONST)
            continue;
        bytes[i] = x->layout->pixels[i] * x->layout->pitch[i] * x->layout->bytes_per[i];
        copies[i] = malloc(bytes[i]);
        if (!copies[i]) {
            st = thaw_fail_memory(err, bytes[i], "constant data");
            goto cleanup;
        }
        memcpy(copies[i], before + x->layout->first[i], bytes[i]);
        data[i] = copies[i];
    }
    check_desc desc;
    thaw_check_describe(c, &desc);
    st = thaw_check_prepare(x->side, &desc.op, algo, data, &x->kernel, err);
    memset(&desc, 0xee, sizeof desc);
cleanup:
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (copies[i])
            memset(copies[i], 0xff, bytes[i]);
        free(copies[i]);
    }
    return st;
}

static thaw_status create_memory(execution *x, thaw_error *err)
{
    const check_layout *l = x->layout;
    thaw_status st = THAW_OK;
    if (l->arena)
        st = thaw_check_buffer(x->side, l->total, &x->buffer[0], err);
    for (uint32_t i = 0; st == THAW_OK && i < x->c->n_in + x->c->n_out; i++) {
        const check_arg *a = &x->c->arg[i];
        if (!l->arena && l->region_bytes[i])
            st = thaw_check_buffer(x->side, l->region_bytes[i], &x->buffer[i], err);
        uint32_t holder = i >= x->c->n_in && a->in_place_of >= 0 ? (uint32_t)a->in_place_of : i;
        x->slice[i].buffer = x->buffer[l->arena ? 0 : holder];
        x->slice[i].offset = l->first[i] - (l->arena ? 0 : l->region[i]);
        if (i < x->c->n_in && a->role == THAW_ROLE_CONST)
            x->slice[i] = (thaw_slice){NULL, 0};
    }
    if (st != THAW_OK || !x->workspace_bytes)
        return st;
    size_t guard = x->side->dev->align > WORKSPACE_GUARD ? x->side->dev->align : WORKSPACE_GUARD;
    x->workspace_total = (x->workspace_bytes + 2 * guard + 3) & ~(size_t)3;
    st = thaw_check_buffer(x->side, x->workspace_total, &x->workspace_buffer, err);
    x->workspace = (thaw_slice){x->workspace_buffer, guard};
    x->workspace_image = malloc(x->workspace_total);
    if (st == THAW_OK && !x->workspace_image)
        st = thaw_fail_memory(err, x->workspace_total, "a workspace");
    return st;
}

/* Moves the whole image to the device (up) or back. */
static thaw_status transfer(execution *x, const uint8_t *up, uint8_t *down, thaw_error *err)
{
    const check_layout *l = x->layout;
    const thaw_device_ops *ops = &x->side->dev->ops;
    for (uint32_t i = 0; i < x->c->n_in + x->c->n_out; i++) {
        size_t at = l->arena ? 0 : l->region[i], bytes = l->arena ? l->total : l->region_bytes[i];
        if (!x->buffer[i] || !bytes)
            continue;
        thaw_slice slice = {x->buffer[i], 0};
        memset(err, 0, sizeof *err);
        thaw_status st = up ? ops->upload(x->side->stream, slice, up + at, bytes, err)
                            : ops->download(x->side->stream, down + at, slice, bytes, err);
        if (st != THAW_OK)
            return thaw_check_fault(err, st, up ? "upload" : "download");
    }
    return THAW_OK;
}

/* The workspace starts as NaN in the first run, as zeros in the second: neither may matter. */
static thaw_status poison_workspace(execution *x, uint32_t run, thaw_error *err)
{
    if (!x->workspace_bytes)
        return THAW_OK;
    const thaw_device_ops *ops = &x->side->dev->ops;
    const uint32_t guard = WORKSPACE_GUARD_WORD;
    for (size_t i = 0; i < x->workspace_total; i += 4)
        memcpy(x->workspace_image + i, &guard, 4);
    if (run > 0)
        memset(x->workspace_image + x->workspace.offset, 0, x->workspace_bytes);
    memset(err, 0, sizeof *err);
    return thaw_check_fault(err,
                            ops->upload(x->side->stream, (thaw_slice){x->workspace_buffer, 0},
                                        x->workspace_image, x->workspace_total, err),
                            "upload");
}

static thaw_status check_workspace(execution *x, thaw_error *err)
{
    if (!x->workspace_bytes)
        return THAW_OK;
    const thaw_device_ops *ops = &x->side->dev->ops;
    const uint32_t guard = WORKSPACE_GUARD_WORD;
    memset(err, 0, sizeof *err);
    thaw_status st = ops->download(x->side->stream, x->workspace_image, (thaw_slice){x->workspace_buffer, 0},
                                   x->workspace_total, err);
    if (st == THAW_OK)
        st = ops->stream_sync(x->side->stream, err);
    if (st != THAW_OK)
        return thaw_check_fault(err, st, "download");
    for (size_t i = 0; i < x->workspace_total; i++) {
        if (i >= x->workspace.offset && i < x->workspace.offset + x->workspace_bytes)
            continue;
        if (x->workspace_image[i] != ((const uint8_t *)&guard)[i % 4])
            return thaw_fail(err, THAW_E_CHECK, "the op wrote byte %lld of a workspace of %zu bytes",
                             (long long)i - (long long)x->workspace.offset, x->workspace_bytes);
    }
    return THAW_OK;
}

static thaw_status run_once(execution *x, const uint8_t *before, uint8_t *after, uint32_t run,
                            thaw_error *err)
{
    const thaw_device_ops *ops = &x->side->dev->ops;
    thaw_status st = transfer(x, before, NULL, err);
    if (st == THAW_OK)
        st = poison_workspace(x, run, err);
    for (uint32_t step = 0; st == THAW_OK && step < x->c->steps; step++) {
        memset(err, 0, sizeof *err);
        st = thaw_check_fault(err,
                              ops->op_enqueue(x->side->stream, x->kernel, x->slice, x->c->n_in + x->c->n_out,
                                              x->workspace, err),
                              "op_enqueue");
    }
    if (st == THAW_OK)
        st = transfer(x, NULL, after, err);
    if (st == THAW_OK) {
        memset(err, 0, sizeof *err);
        st = thaw_check_fault(err, ops->stream_sync(x->side->stream, err), "stream_sync");
    }
    return st == THAW_OK ? check_workspace(x, err) : st;
}

thaw_status thaw_check_execute(const check_side *side, const check_case *c, const check_layout *layout,
                               uint32_t algo, const uint8_t *before, uint8_t *const *after, uint32_t n_runs,
                               thaw_error *err)
{
    const thaw_device_ops *ops = &side->dev->ops;
    execution x = {.side = side, .c = c, .layout = layout};
    thaw_op_info info;
    thaw_status st = thaw_check_query(side, c, algo, &info, err);
    if (st != THAW_OK)
        return st;
    x.workspace_bytes = (size_t)info.workspace_bytes;
    st = prepare(&x, algo, before, err);
    if (st == THAW_OK)
        st = create_memory(&x, err);
    for (uint32_t run = 0; st == THAW_OK && run < n_runs; run++)
        st = run_once(&x, before, after[run], run, err);
    thaw_error ignored;
    ops->stream_sync(side->stream, &ignored); /* an error may have left work behind */
    ops->kernel_destroy(side->dev->handle, x.kernel);
    for (uint32_t i = 0; i < CHECK_MAX_ARGS; i++)
        ops->buffer_destroy(side->dev->handle, x.buffer[i]);
    ops->buffer_destroy(side->dev->handle, x.workspace_buffer);
    free(x.workspace_image);
    return st;
}
