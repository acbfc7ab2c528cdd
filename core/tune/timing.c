#include "core/tune/timing.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/memory.h"

#define SEED 1u

double tune_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static thaw_status settle(tune_bench *b, thaw_error *err)
{
    memset(err, 0, sizeof *err);
    return thaw_check_fault(err, b->side->dev->ops.stream_sync(b->side->stream, err), "stream_sync");
}

static thaw_status fill_memory(tune_bench *b, thaw_error *err)
{
    thaw_status st = thaw_check_buffer(b->side, b->layout.total, &b->buffer, err);
    if (st != THAW_OK)
        return st;
    memset(err, 0, sizeof *err);
    st =
        b->side->dev->ops.upload(b->side->stream, (thaw_slice){b->buffer, 0}, b->image, b->layout.total, err);
    return st == THAW_OK ? settle(b, err) : thaw_check_fault(err, st, "upload");
}

thaw_status tune_bench_open(const check_side *side, const check_case *c, tune_bench *out, thaw_error *err)
{
    *out = (tune_bench){.side = side, .c = c};
    thaw_check_describe(c, &out->desc);
    /* As training has it: a device may pack constants at length. */
    out->desc.op.runs = 1000;
    thaw_status st = thaw_check_layout(c, side->dev->align, &out->layout, err);
    if (st != THAW_OK)
        return st;
    out->image = malloc(out->layout.total);
    if (!out->image)
        return thaw_fail_memory(err, out->layout.total, "the tensors of an op");
    thaw_check_draw(c, &out->layout, SEED, out->image);
    st = fill_memory(out, err);
    for (uint32_t i = 0; i < c->n_in + c->n_out; i++)
        if (i >= c->n_in || c->arg[i].role != THAW_ROLE_CONST)
            out->args[i] = (thaw_slice){out->buffer, out->layout.first[i]};
    return st;
}

void tune_bench_close(tune_bench *b)
{
    thaw_error ignored;
    if (b->buffer)
        settle(b, &ignored); /* an error may have left work behind */
    b->side->dev->ops.buffer_destroy(b->side->dev->handle, b->buffer);
    b->side->dev->ops.buffer_destroy(b->side->dev->handle, b->workspace);
    free(b->image);
    memset(b, 0, sizeof *b);
}

/* Any candidate's workspace will do for every other. */
static thaw_status reserve(tune_bench *b, uint64_t bytes, thaw_error *err)
{
    if (bytes <= b->workspace_bytes)
        return THAW_OK;
    if (bytes > b->side->dev->max_alloc)
        return thaw_fail(err, THAW_E_CHECK, "it asks for a workspace of %llu bytes",
                         (unsigned long long)bytes);
    b->side->dev->ops.buffer_destroy(b->side->dev->handle, b->workspace);
    b->workspace = NULL;
    b->workspace_bytes = 0;
    thaw_status st = thaw_check_buffer(b->side, bytes, &b->workspace, err);
    if (st == THAW_OK)
        b->workspace_bytes = bytes;
    return st;
}

thaw_status tune_bench_prepare(tune_bench *b, const thaw_op_info *info, thaw_kernel **out, thaw_error *err)
{
    const void *data[CHECK_MAX_ARGS] = {NULL};
    for (uint32_t i = 0; i < b->c->n_in; i++)
        if (b->c->arg[i].role == THAW_ROLE_CONST)
            data[i] = b->image + b->layout.first[i];
    thaw_status st = reserve(b, info->workspace_bytes, err);
    return st == THAW_OK ? thaw_check_prepare(b->side, &b->desc.op, info->algo, data, out, err) : st;
}

thaw_status tune_bench_time(tune_bench *b, thaw_kernel *kernel, uint32_t times, double *seconds,
                            thaw_error *err)
{
    const thaw_device_ops *ops = &b->side->dev->ops;
    thaw_slice workspace = {b->workspace, 0};
    thaw_status st = settle(b, err);
    double start = tune_now();
    for (uint32_t i = 0; st == THAW_OK && i < times; i++) {
        memset(err, 0, sizeof *err);
        st = thaw_check_fault(
            err, ops->op_enqueue(b->side->stream, kernel, b->args, b->c->n_in + b->c->n_out, workspace, err),
            "op_enqueue");
    }
    if (st == THAW_OK)
        st = settle(b, err);
    *seconds = (tune_now() - start) / times;
    return st;
}
