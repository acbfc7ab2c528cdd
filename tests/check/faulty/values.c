/* values.c: faults in what an op leaves in memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "faulty.h"

struct deferred {
    thaw_op op;
    const thaw_tensor *pointers[FAULTY_MAX_ARGS];
    const void *const_data[FAULTY_MAX_ARGS];
    unsigned char attr[64];
};

uint64_t faulty_element_bytes(const thaw_tensor *t)
{
    return t->dtype == THAW_U8 ? 1 : t->dtype == THAW_F16 || t->dtype == THAW_BF16 ? 2 : 4;
}

uint64_t faulty_end_of(const thaw_tensor *t)
{
    uint64_t pixels = (uint64_t)t->n * (uint64_t)t->h * (uint64_t)t->w;
    return (pixels - 1) * (uint64_t)t->pixel_pitch + (uint64_t)t->c;
}

static const thaw_tensor *output(const thaw_kernel *k)
{
    return &k->tensors[k->n_in];
}

/* Xors one byte of an element of an argument. */
static void spoil(thaw_stream *stream, const thaw_tensor *t, thaw_slice at, uint64_t element, uint64_t byte,
                  uint8_t mask)
{
    uint8_t value = 0;
    at.offset += element * faulty_element_bytes(t) + byte % faulty_element_bytes(t);
    if (!at.buffer)
        return;
    faulty_inner->download(stream, &value, at, 1, NULL);
    faulty_inner->stream_sync(stream, NULL);
    value ^= mask;
    faulty_inner->upload(stream, at, &value, 1, NULL);
    faulty_inner->stream_sync(stream, NULL);
}

void faulty_spoil_bit(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args)
{
    spoil(stream, output(k), args[k->n_in], 0, 0, 1);
}

void faulty_before(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args, uint8_t old[4])
{
    thaw_slice last = args[k->n_in];
    if (!last.buffer)
        return;
    last.offset += (faulty_end_of(output(k)) - 1) * faulty_element_bytes(output(k));
    faulty_inner->download(stream, old, last, faulty_element_bytes(output(k)), NULL);
    faulty_inner->stream_sync(stream, NULL);
}

/* What fmaxf(z, 0) makes of z. */
static void lose_nan(thaw_stream *stream, const thaw_tensor *y, thaw_slice at)
{
    uint64_t pixels = (uint64_t)y->n * (uint64_t)y->h * (uint64_t)y->w;
    for (uint64_t p = 0; y->dtype == THAW_F32 && p < pixels; p++)
        for (int32_t c = 0; c < y->c; c++) {
            thaw_slice element = {at.buffer,
                                  at.offset + (p * (uint64_t)y->pixel_pitch + (uint64_t)c) * sizeof(float)};
            float value = 0;
            faulty_inner->download(stream, &value, element, sizeof value, NULL);
            faulty_inner->stream_sync(stream, NULL);
            if (isnan(value))
                faulty_inner->fill(stream, element, 0, sizeof value, NULL);
        }
}

/* As a transform does, whose sums have the largest factors in them. */
static void spread_rounding(thaw_stream *stream, const thaw_tensor *y, thaw_slice at)
{
    uint64_t n = faulty_end_of(y);
    float *values = y->dtype == THAW_F32 ? malloc(n * sizeof *values) : NULL, most = 0;
    if (!values)
        return;
    faulty_inner->download(stream, values, at, n * sizeof *values, NULL);
    faulty_inner->stream_sync(stream, NULL);
    for (uint64_t i = 0; i < n; i++)
        most = i % (uint64_t)y->pixel_pitch < (uint64_t)y->c ? fmaxf(most, fabsf(values[i])) : most;
    for (uint64_t i = 0; i < n; i++)
        if (i % (uint64_t)y->pixel_pitch < (uint64_t)y->c)
            values[i] += most * 0x1p-24f;
    faulty_inner->upload(stream, at, values, n * sizeof *values, NULL);
    faulty_inner->stream_sync(stream, NULL);
    free(values);
}

void faulty_behind(thaw_stream *stream, thaw_kernel *k, const thaw_slice *args, thaw_slice workspace,
                   const uint8_t old[4])
{
    const thaw_tensor *y = output(k);
    thaw_slice out = args[k->n_in];
    uint64_t end = faulty_end_of(y);
    switch (faulty_fault) {
    case FAULT_VALUE:
        spoil(stream, y, out, end - 1, 3, 0x40);
        break;
    case FAULT_BEHIND:
        spoil(stream, y, out, end, 0, 1);
        break;
    case FAULT_GAP:
        if (y->pixel_pitch > y->c)
            spoil(stream, y, out, (uint64_t)y->c, 0, 1);
        break;
    case FAULT_NAN:
        out.offset += (end - 1) * faulty_element_bytes(y);
        faulty_inner->upload(stream, out, old, faulty_element_bytes(y), NULL);
        faulty_inner->stream_sync(stream, NULL);
        break;
    case FAULT_RELU:
        lose_nan(stream, y, out);
        break;
    case FAULT_TRANSFORM:
        spread_rounding(stream, y, out);
        break;
    case FAULT_FLICKER:
        if (atomic_fetch_add(&k->runs, 1) % 2)
            spoil(stream, y, out, 0, 0, 1);
        break;
    case FAULT_INPUT:
        spoil(stream, &k->tensors[0], args[0], 0, 0, 1);
        break;
    case FAULT_WORKSPACE:
        workspace.offset += k->workspace_bytes;
        spoil(stream, y, workspace, 0, 0, 1);
        break;
    case FAULT_BATCH:
        if (y->n > 1)
            spoil(stream, y, out, 0, 0, 1);
        break;
    case FAULT_THREADS:
        if (faulty_host->thread_count(faulty_host->ctx) % 2)
            spoil(stream, y, out, 0, 0, 1);
        break;
    default:
        break;
    }
}

void faulty_stale(thaw_stream *stream, thaw_kernel *k, thaw_slice *args)
{
    uint32_t i = 0;
    while (i < k->n_in && k->tensors[i].role != THAW_ROLE_MUTABLE)
        i++;
    if (i == k->n_in)
        return;
    if (!k->stale) {
        uint64_t bytes = faulty_end_of(&k->tensors[i]) * faulty_element_bytes(&k->tensors[i]);
        if (faulty_inner->buffer_create(k->dev, bytes, &k->stale, NULL) != THAW_OK)
            return;
        faulty_inner->copy(stream, (thaw_slice){k->stale, 0}, args[i], bytes, NULL);
    }
    args[i] = (thaw_slice){k->stale, 0};
}

thaw_status faulty_defer(thaw_kernel *k, const thaw_op *op, const void *const *const_data, thaw_error *err)
{
    struct deferred *d = k->deferred = calloc(1, sizeof *d);
    if (!d)
        return faulty_refuse(err, THAW_E_NO_MEMORY, "no memory");
    d->op = *op;
    for (uint32_t i = 0; i < k->n_in + k->n_out; i++)
        d->pointers[i] = &k->tensors[i];
    for (uint32_t i = 0; i < k->n_in; i++)
        d->const_data[i] = const_data ? const_data[i] : NULL;
    if (op->attr)
        memcpy(d->attr, op->attr, *(const uint32_t *)op->attr);
    d->op.in = d->pointers;
    d->op.out = d->pointers + k->n_in;
    d->op.attr = op->attr ? d->attr : NULL;
    return THAW_OK;
}

thaw_status faulty_undefer(thaw_kernel *k, thaw_error *err)
{
    if (k->inner)
        return THAW_OK;
    return faulty_inner->op_prepare(k->dev, &k->deferred->op, k->algo, k->deferred->const_data, &k->inner,
                                    err);
}
