/* edges.c: faults that odd values, unusual places and wrong offsets bring to light. What an op has left is
 * changed on the host. */
#include <stdlib.h>
#include <string.h>

#include "faulty.h"

static uint8_t *fetch(thaw_stream *stream, const thaw_tensor *t, thaw_slice at)
{
    uint64_t bytes = faulty_end_of(t) * faulty_element_bytes(t);
    uint8_t *image = at.buffer ? calloc(1, bytes) : NULL;
    if (image && faulty_inner->download(stream, image, at, bytes, NULL) != THAW_OK) {
        free(image);
        return NULL;
    }
    if (image)
        faulty_inner->stream_sync(stream, NULL);
    return image;
}

/* Frees it, too. */
static void put(thaw_stream *stream, const thaw_tensor *t, thaw_slice at, uint8_t *image)
{
    if (!image)
        return;
    faulty_inner->upload(stream, at, image, faulty_end_of(t) * faulty_element_bytes(t), NULL);
    faulty_inner->stream_sync(stream, NULL);
    free(image);
}

static uint32_t infinity_of(const thaw_tensor *t)
{
    return t->dtype == THAW_F32 ? 0x7f800000u : t->dtype == THAW_F16 ? 0x7c00u : 0x7f80u;
}

static uint32_t magnitude(const thaw_tensor *t, uint32_t bits)
{
    return bits & (t->dtype == THAW_F32 ? 0x7fffffffu : 0x7fffu);
}

static bool is_real(const thaw_tensor *t)
{
    return t->dtype == THAW_F32 || t->dtype == THAW_F16 || t->dtype == THAW_BF16;
}

static bool is_nan(const thaw_tensor *t, uint32_t bits)
{
    return is_real(t) && magnitude(t, bits) > infinity_of(t);
}

/* The bits that a fault puts in the place of others. spread: a NaN has been seen in input 0. */
static uint32_t changed(const thaw_tensor *t, uint32_t bits, bool spread)
{
    uint32_t infinity = infinity_of(t);
    switch (faulty_fault) {
    case FAULT_SCRUB:
        return is_nan(t, bits) ? 0 : bits;
    case FAULT_SPREAD:
        return spread ? infinity + 1 : bits;
    case FAULT_SATURATE:
        return magnitude(t, bits) == infinity ? bits - 1 : bits;
    case FAULT_FLUSH:
        return (bits & infinity) == 0 ? 0 : bits;
    case FAULT_QUIET:
        return is_nan(t, bits) ? infinity | infinity >> 1 : bits;
    default:
        return bits;
    }
}

/* Address of one element; index counts the channels, pixel by pixel. */
static uint8_t *element(const thaw_tensor *t, uint8_t *image, uint64_t index)
{
    uint64_t pixel = index / (uint64_t)t->c, channel = index % (uint64_t)t->c;
    return image + (pixel * (uint64_t)t->pixel_pitch + channel) * faulty_element_bytes(t);
}

static uint64_t count(const thaw_tensor *t)
{
    return (uint64_t)t->n * (uint64_t)t->h * (uint64_t)t->w * (uint64_t)t->c;
}

static uint32_t bits_at(const thaw_tensor *t, uint8_t *image, uint64_t index)
{
    uint32_t bits = 0;
    memcpy(&bits, element(t, image, index), faulty_element_bytes(t));
    return bits;
}

static bool holds_nan(thaw_stream *stream, const thaw_tensor *t, thaw_slice at)
{
    uint8_t *image = fetch(stream, t, at);
    bool found = false;
    for (uint64_t i = 0; image && i < count(t); i++)
        found = found || is_nan(t, bits_at(t, image, i));
    free(image);
    return found;
}

static void change_output(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args)
{
    const thaw_tensor *y = &k->tensors[k->n_in];
    bool spread = faulty_fault == FAULT_SPREAD && holds_nan(stream, &k->tensors[0], args[0]);
    uint8_t *image = is_real(y) ? fetch(stream, y, args[k->n_in]) : NULL;
    for (uint64_t i = 0; image && i < count(y); i++) {
        uint32_t bits = changed(y, bits_at(y, image, i), spread);
        memcpy(element(y, image, i), &bits, faulty_element_bytes(y));
    }
    put(stream, y, args[k->n_in], image);
}

static void change_argmax(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args)
{
    const thaw_tensor *y = &k->tensors[k->n_in], *argmax = y + 1;
    if (k->n_in != 1 || k->n_out != 2 || argmax->dtype != THAW_U8)
        return;
    uint8_t *values = fetch(stream, y, args[1]), *cells = fetch(stream, argmax, args[2]);
    for (uint64_t i = 0; values && cells && i < count(y); i++)
        if (is_nan(y, bits_at(y, values, i)) || magnitude(y, bits_at(y, values, i)) == 0)
            *element(argmax, cells, i) = 0;
    put(stream, argmax, args[2], cells);
    free(values);
}

/* Changes input 1 and returns what it was. */
static uint8_t *trust(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args)
{
    const thaw_tensor *t = &k->tensors[1];
    if (k->n_in < 2 || (t->dtype != THAW_I32 && t->dtype != THAW_U8))
        return NULL;
    uint8_t *was = fetch(stream, t, args[1]), *image = fetch(stream, t, args[1]);
    for (uint64_t i = 0; image && i < count(t); i++) {
        uint32_t below = t->dtype == THAW_I32 ? (uint32_t)k->tensors[0].c : 9;
        uint32_t number = bits_at(t, image, i) % below;
        memcpy(element(t, image, i), &number, faulty_element_bytes(t));
    }
    put(stream, t, args[1], image);
    return was;
}

/* The last MUTABLE inputs are those that the MUTABLE outputs may take the places of. */
static void share_slices(const thaw_kernel *k, thaw_slice *own)
{
    uint32_t from[FAULTY_MAX_ARGS], to[FAULTY_MAX_ARGS], n_from = 0, n_to = 0;
    bool shared = false;
    for (uint32_t i = 0; i < k->n_in + k->n_out; i++) {
        if (k->tensors[i].role != THAW_ROLE_MUTABLE)
            continue;
        if (i < k->n_in)
            from[n_from++] = i;
        else
            to[n_to++] = i;
    }
    for (uint32_t i = 0; n_to <= n_from && i < n_to; i++) {
        thaw_slice a = own[from[n_from - n_to + i]], b = own[to[i]];
        shared = shared || (a.buffer == b.buffer && a.offset == b.offset);
    }
    for (uint32_t i = 0; shared && i < n_to; i++)
        own[to[i]] = own[from[n_from - n_to + i]];
}

uint8_t *faulty_edges_before(thaw_stream *stream, const thaw_kernel *k, thaw_slice *own)
{
    if (faulty_fault == FAULT_SHARED_SLICE)
        share_slices(k, own);
    return faulty_fault == FAULT_TRUST ? trust(stream, k, own) : NULL;
}

void faulty_edges_behind(thaw_stream *stream, const thaw_kernel *k, const thaw_slice *args, uint8_t *restored)
{
    const uint32_t last = k->n_in + k->n_out - 1;
    put(stream, &k->tensors[1], args[1], restored);
    if (faulty_fault == FAULT_ARGMAX)
        change_argmax(stream, k, args);
    else if (faulty_fault == FAULT_EIGHT && k->n_out > 3 * 8)
        put(stream, &k->tensors[last], args[last],
            calloc(faulty_end_of(&k->tensors[last]), faulty_element_bytes(&k->tensors[last])));
    else if (faulty_fault >= FAULT_SCRUB && faulty_fault <= FAULT_QUIET)
        change_output(stream, k, args);
}

thaw_status faulty_edges_status(const thaw_kernel *k, const thaw_slice *args, thaw_status st)
{
    bool all = faulty_fault == FAULT_OUTSIDE && st == THAW_E_INVALID;
    for (uint32_t i = 0; i < k->n_in + k->n_out; i++)
        all = all && args[i].buffer;
    return all ? THAW_OK : st;
}

static thaw_status transferred(thaw_status st)
{
    return faulty_fault == FAULT_BOUNDS && st == THAW_E_INVALID ? THAW_OK : st;
}

static thaw_status upload(thaw_stream *stream, thaw_slice dst, const void *src, uint64_t bytes,
                          thaw_error *err)
{
    return transferred(faulty_inner->upload(stream, dst, src, bytes, err));
}

static thaw_status download(thaw_stream *stream, void *dst, thaw_slice src, uint64_t bytes, thaw_error *err)
{
    return transferred(faulty_inner->download(stream, dst, src, bytes, err));
}

void faulty_edges(thaw_device_ops *ops)
{
    ops->upload = upload;
    ops->download = download;
}
