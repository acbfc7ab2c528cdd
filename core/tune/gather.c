/* gather.c: a device that computes nothing, for finding out which ops a program has. */
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/tune/ops.h"

/* Of an op that the real device takes. Whatever the program that is being made would need of a device comes
 * to nothing here, so that a pointer to the list itself stands for every object. */
static thaw_tune_ops *list_of(thaw_device *dev)
{
    return (thaw_tune_ops *)(void *)dev;
}

static double elements(const check_arg *a)
{
    return (double)a->n * a->h * a->w * a->c;
}

static double cost_of(const check_case *c)
{
    const check_arg *a = c->arg;
    double sum = 0;
    switch (c->kind) {
    case THAW_OP_CONV2D:
        for (uint32_t i = c->n_in; i < c->n_in + c->n_out; i++)
            sum += elements(&a[i]) * a[1].n * a[1].h * a[1].w;
        return sum;
    case THAW_OP_CONV2D_BWD_DATA:
        return elements(&a[0]) * a[1].n * a[1].h * a[1].w;
    case THAW_OP_CONV2D_BWD_FILTER:
        return elements(&a[1]) * a[2].n * a[2].h * a[2].w;
    default:
        for (uint32_t i = 0; i < c->n_in + c->n_out; i++)
            sum += elements(&a[i]);
        return sum;
    }
}

static void note(thaw_tune_ops *list, const thaw_op *op)
{
    char signature[THAW_SIGNATURE_MAX];
    thaw_op_signature(op, signature);
    for (size_t i = 0; i < list->count; i++) {
        if (strcmp(list->items[i].signature, signature) == 0) {
            list->items[i].places++;
            return;
        }
    }
    void *items = list->items;
    if (!thaw_grow(&items, &list->capacity, list->count + 1, sizeof *list->items)) {
        list->failed = true;
        return;
    }
    list->items = items;
    tune_op *item = &list->items[list->count];
    if (!thaw_check_case_of(op, 0, &item->c))
        return;
    memcpy(item->signature, signature, sizeof signature);
    item->places = 1;
    item->cost = cost_of(&item->c);
    list->count++;
}

static thaw_status dry_query(thaw_device *dev, const thaw_op *op, uint32_t algo, thaw_op_info *info,
                             thaw_error *err)
{
    thaw_tune_ops *list = list_of(dev);
    thaw_status st = list->real->ops.op_query(list->real->handle, op, algo, info, err);
    if (st == THAW_OK && algo == THAW_ALGO_DEFAULT && info->n_algos > 1)
        note(list, op);
    return st;
}

static thaw_status dry_prepare(thaw_device *dev, const thaw_op *op, uint32_t algo,
                               const void *const *const_data, thaw_kernel **out, thaw_error *err)
{
    (void)op, (void)algo, (void)const_data, (void)err;
    *out = (thaw_kernel *)(void *)dev;
    return THAW_OK;
}

static void dry_kernel_destroy(thaw_device *dev, thaw_kernel *kernel)
{
    (void)dev, (void)kernel;
}

static thaw_status dry_buffer(thaw_device *dev, uint64_t bytes, thaw_buffer **out, thaw_error *err)
{
    (void)bytes, (void)err;
    *out = (thaw_buffer *)(void *)dev;
    return THAW_OK;
}

static void dry_buffer_destroy(thaw_device *dev, thaw_buffer *buffer)
{
    (void)dev, (void)buffer;
}

static thaw_status dry_stream(thaw_device *dev, thaw_stream **out, thaw_error *err)
{
    (void)err;
    *out = (thaw_stream *)(void *)dev;
    return THAW_OK;
}

static void dry_stream_destroy(thaw_device *dev, thaw_stream *stream)
{
    (void)dev, (void)stream;
}

static thaw_status dry_event(thaw_device *dev, thaw_event **out, thaw_error *err)
{
    (void)err;
    *out = (thaw_event *)(void *)dev;
    return THAW_OK;
}

static void dry_event_destroy(thaw_device *dev, thaw_event *event)
{
    (void)dev, (void)event;
}

static thaw_status dry_fill(thaw_stream *stream, thaw_slice dst, uint32_t pattern, uint64_t bytes,
                            thaw_error *err)
{
    (void)stream, (void)dst, (void)pattern, (void)bytes, (void)err;
    return THAW_OK;
}

static thaw_status dry_upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes,
                              thaw_error *err)
{
    (void)stream, (void)dst, (void)src, (void)bytes, (void)err;
    return THAW_OK;
}

static thaw_status dry_sync(thaw_stream *stream, thaw_error *err)
{
    (void)stream, (void)err;
    return THAW_OK;
}

static void dry_close(thaw_device *dev)
{
    (void)dev;
}

/* What runs, or brings values back, makes no sense here. */
static thaw_status refuse(thaw_error *err)
{
    return thaw_fail(err, THAW_E_INTERNAL, "a device that only lists ops was asked to compute");
}

static thaw_status dry_download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes,
                                thaw_error *err)
{
    (void)stream, (void)dst, (void)src, (void)bytes;
    return refuse(err);
}

static thaw_status dry_copy(thaw_stream *stream, thaw_slice dst, thaw_slice src, uint64_t bytes,
                            thaw_error *err)
{
    (void)stream, (void)dst, (void)src, (void)bytes;
    return refuse(err);
}

static thaw_status dry_event_use(thaw_stream *stream, thaw_event *event, thaw_error *err)
{
    (void)stream, (void)event;
    return refuse(err);
}

static thaw_status dry_enqueue(thaw_stream *stream, thaw_kernel *kernel, const thaw_slice *args,
                               uint32_t n_args, thaw_slice workspace, thaw_error *err)
{
    (void)stream, (void)kernel, (void)args, (void)n_args, (void)workspace;
    return refuse(err);
}

static const thaw_device_ops dry_ops = {
    .struct_size = sizeof(thaw_device_ops),
    .close = dry_close,
    .buffer_create = dry_buffer,
    .buffer_destroy = dry_buffer_destroy,
    .stream_create = dry_stream,
    .stream_destroy = dry_stream_destroy,
    .stream_sync = dry_sync,
    .upload = dry_upload,
    .download = dry_download,
    .copy = dry_copy,
    .fill = dry_fill,
    .event_create = dry_event,
    .event_destroy = dry_event_destroy,
    .event_record = dry_event_use,
    .stream_wait = dry_event_use,
    .op_query = dry_query,
    .op_prepare = dry_prepare,
    .kernel_destroy = dry_kernel_destroy,
    .op_enqueue = dry_enqueue,
};

thaw_status thaw_tune_ops_create(thaw_dev *dev, thaw_tune_ops **out, thaw_error *err)
{
    thaw_tune_ops *list = thaw_calloc(1, sizeof *list);
    if (!list)
        return thaw_fail_memory(err, sizeof *list, "a list of ops");
    list->real = dev;
    list->dry = *dev;
    list->dry.handle = (thaw_device *)(void *)list;
    list->dry.ops = dry_ops;
    *out = list;
    return THAW_OK;
}

void thaw_tune_ops_free(thaw_tune_ops *ops)
{
    if (!ops)
        return;
    free(ops->items);
    free(ops);
}

thaw_dev *thaw_tune_ops_dev(thaw_tune_ops *ops)
{
    return &ops->dry;
}
