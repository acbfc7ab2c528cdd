/* execute.c: one op on one device: describing it, asking about it, preparing and running it. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/check/case.h"
#include "core/runtime/loader.h"

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
                         .flags = c->flags,
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
    if (st == THAW_E_INVALID && algo == THAW_ALGO_DEFAULT)
        return thaw_check_fault(err, st,
                                "op_query answers a sound op with THAW_E_INVALID; what is only not yours is "
                                "THAW_E_UNSUPPORTED");
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
    const uint64_t guards = 2 * CHECK_WORKSPACE_GUARD + side->dev->align;
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

thaw_status thaw_check_sync(const check_side *side, thaw_error *err)
{
    memset(err, 0, sizeof *err);
    return thaw_check_fault(err, side->dev->ops.stream_sync(side->stream, err), "stream_sync");
}

/* Copies of what the device is given at op_prepare. */
static thaw_status copy_constants(const check_case *c, const check_layout *l, const uint8_t *image,
                                  check_kernel *k, const void **data, thaw_error *err)
{
    for (uint32_t i = 0; i < c->n_in; i++) {
        if (c->arg[i].role != THAW_ROLE_CONST)
            continue;
        k->constant_bytes[i] = l->pixels[i] * l->pitch[i] * l->bytes_per[i];
        k->constants[i] = malloc(k->constant_bytes[i]);
        if (!k->constants[i])
            return thaw_fail_memory(err, k->constant_bytes[i], "constant data");
        memcpy(k->constants[i], image + l->first[i], k->constant_bytes[i]);
        data[i] = k->constants[i];
    }
    return THAW_OK;
}

thaw_status thaw_check_kernel_create(const check_side *side, const check_case *c, const check_layout *layout,
                                     uint32_t algo, const uint8_t *image, check_kernel *k, thaw_error *err)
{
    const void *data[CHECK_MAX_ARGS] = {NULL};
    check_desc desc;
    memset(k, 0, sizeof *k);
    thaw_status st = thaw_check_query(side, c, algo, &k->info, err);
    if (st != THAW_OK)
        return st;
    k->side = side;
    st = copy_constants(c, layout, image, k, data, err);
    thaw_check_describe(c, &desc);
    if (st == THAW_OK)
        st = thaw_check_prepare(side, &desc.op, algo, data, &k->handle, err);
    memset(&desc, 0xee, sizeof desc);
    for (uint32_t i = 0; i < c->n_in; i++)
        if (k->constants[i])
            memset(k->constants[i], 0xff, k->constant_bytes[i]);
    return st;
}

void thaw_check_kernel_destroy(check_kernel *k)
{
    if (k->side)
        k->side->dev->ops.kernel_destroy(k->side->dev->handle, k->handle);
    for (uint32_t i = 0; i < CHECK_MAX_ARGS; i++)
        free(k->constants[i]);
    memset(k, 0, sizeof *k);
}

thaw_status thaw_check_execute(const check_side *side, const check_case *c, const check_layout *layout,
                               uint32_t algo, const uint8_t *before, uint8_t *const *after, uint32_t n_runs,
                               thaw_error *err)
{
    check_kernel kernel;
    check_memory memory = {0};
    thaw_status st = thaw_check_kernel_create(side, c, layout, algo, before, &kernel, err);
    if (st == THAW_OK)
        st = thaw_check_memory_create(side, c, layout, (size_t)kernel.info.workspace_bytes, &memory, err);
    /* The workspace starts as NaN in the first run, as zeros in the second: neither may matter. */
    for (uint32_t run = 0; st == THAW_OK && run < n_runs; run++)
        st = thaw_check_compute(&memory, kernel.handle, before, after[run], run > 0, err);
    thaw_check_memory_free(&memory);
    thaw_check_kernel_destroy(&kernel);
    return st;
}
