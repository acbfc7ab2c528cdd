/* device.c: buffers, streams and events, without any op. */
#include <stdlib.h>
#include <string.h>

#include "core/base/rng.h"
#include "core/check/case.h"
#include "core/runtime/loader.h"

#define BYTES   ((size_t)4096)
#define N_CALLS 5u /* that take a slice and a number of bytes; copy takes two */

/* Two buffers, two streams, an event, and host memory to compare with. */
typedef struct bench {
    const check_side *side;
    const thaw_device_ops *ops;
    thaw_device *dev;
    thaw_stream *stream, *other;
    thaw_buffer *a, *b;
    thaw_event *event;
    uint8_t random[BYTES], expected[BYTES], got[BYTES];
    thaw_status st; /* the first thing that went wrong; everything after it is skipped */
    thaw_error *err;
} bench;

static void settle(bench *t, thaw_status st, const char *function)
{
    t->st = thaw_check_fault(t->err, st, function);
}

static void upload(bench *t, thaw_stream *stream, thaw_buffer *to, size_t offset, const void *data,
                   size_t bytes)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->upload(stream, (thaw_slice){to, offset}, data, bytes, t->err), "upload");
}

static void download(bench *t, thaw_stream *stream, thaw_buffer *from, size_t offset, void *data,
                     size_t bytes)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->download(stream, data, (thaw_slice){from, offset}, bytes, t->err), "download");
}

static void copy(bench *t, thaw_stream *stream, size_t to, size_t from, size_t bytes)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->copy(stream, (thaw_slice){t->b, to}, (thaw_slice){t->a, from}, bytes, t->err),
               "copy");
}

static void fill(bench *t, thaw_stream *stream, thaw_buffer *to, size_t offset, uint32_t pattern,
                 size_t bytes)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->fill(stream, (thaw_slice){to, offset}, pattern, bytes, t->err), "fill");
    for (size_t i = 0; i < bytes; i += 4)
        memcpy(t->expected + offset + i, &pattern, 4);
}

static void sync(bench *t, thaw_stream *stream)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->stream_sync(stream, t->err), "stream_sync");
}

static void record(bench *t, thaw_stream *stream)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->event_record(stream, t->event, t->err), "event_record");
}

static void wait_for(bench *t, thaw_stream *stream)
{
    if (t->st == THAW_OK)
        settle(t, t->ops->stream_wait(stream, t->event, t->err), "stream_wait");
}

/* Fetches a whole buffer through a stream and compares it with t->expected. */
static void expect(bench *t, thaw_stream *stream, thaw_buffer *buffer, const char *what)
{
    memset(t->got, 0x5c, BYTES);
    download(t, stream, buffer, 0, t->got, BYTES);
    sync(t, stream);
    for (size_t i = 0; t->st == THAW_OK && i < BYTES; i++)
        if (t->got[i] != t->expected[i])
            t->st = thaw_fail(t->err, THAW_E_CHECK, "after %s byte %zu is 0x%02x instead of 0x%02x", what, i,
                              t->got[i], t->expected[i]);
}

/* Odd offsets and sizes, each piece on top of what was there. */
static void check_transfer(bench *t)
{
    static const size_t pieces[][2] = {{0, 1}, {1, 3}, {63, 130}, {1000, 1}, {1023, 2050}, {BYTES - 5, 5}};
    upload(t, t->stream, t->a, 0, t->random, BYTES);
    memcpy(t->expected, t->random, BYTES);
    expect(t, t->stream, t->a, "upload of all");
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        upload(t, t->stream, t->a, pieces[i][0], t->random + 7 * i, pieces[i][1]);
        memcpy(t->expected + pieces[i][0], t->random + 7 * i, pieces[i][1]);
        expect(t, t->stream, t->a, "upload of a piece");
    }
    memset(t->got, 0x5c, BYTES);
    download(t, t->stream, t->a, 1023, t->got + 17, 1025);
    sync(t, t->stream);
    if (t->st != THAW_OK)
        return;
    if (memcmp(t->got + 17, t->expected + 1023, 1025) != 0)
        t->st = thaw_fail(t->err, THAW_E_CHECK, "download of 1025 bytes from byte 1023 brought others");
    else if (t->got[16] != 0x5c || t->got[17 + 1025] != 0x5c)
        t->st = thaw_fail(t->err, THAW_E_CHECK, "download of 1025 bytes wrote outside them");
}

static void check_copy(bench *t)
{
    static const size_t pieces[][3] = {
        {0, 0, BYTES}, {64, 128, 640}, {3, 5, 7}, {1021, 2, 2051}, {BYTES - 1, 9, 1}};
    upload(t, t->stream, t->a, 0, t->random, BYTES);
    fill(t, t->stream, t->b, 0, UINT32_C(0x01020304), BYTES);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
        copy(t, t->stream, pieces[i][0], pieces[i][1], pieces[i][2]);
        memcpy(t->expected + pieces[i][0], t->random + pieces[i][1], pieces[i][2]);
        expect(t, t->stream, t->b, "copy");
    }
    memcpy(t->expected, t->random, BYTES);
    expect(t, t->stream, t->a, "copy (its source)");
}

static void check_fill_op(bench *t)
{
    upload(t, t->stream, t->a, 0, t->random, BYTES);
    memcpy(t->expected, t->random, BYTES);
    fill(t, t->stream, t->a, 4, UINT32_C(0xdeadbeef), 4);
    fill(t, t->stream, t->a, 68, UINT32_C(0x7fc00000), 1020);
    fill(t, t->stream, t->a, BYTES - 12, 0, 12);
    expect(t, t->stream, t->a, "fill");
}

/* A chain in which each step needs the one before, with one wait at the end. */
static void check_order(bench *t)
{
    for (uint32_t i = 0; i < 8; i++) {
        fill(t, t->stream, t->a, 0, i * UINT32_C(0x01010101), BYTES);
        upload(t, t->stream, t->a, 100 * i, t->random, 50);
        memcpy(t->expected + (size_t)100 * i, t->random, 50);
        copy(t, t->stream, 0, 0, BYTES);
    }
    expect(t, t->stream, t->b, "fill, upload and copy in one stream");
}

/* The other stream sees what was done before the event. The event is used twice, and waited for before it
 * was ever recorded, which does nothing. */
static void check_events(bench *t)
{
    if (t->st == THAW_OK) {
        thaw_event *event = NULL;
        thaw_status st = t->ops->event_create(t->dev, &event, t->err);
        settle(t, thaw_plugin_created(st, event, t->err), "event_create");
        t->event = t->st == THAW_OK ? event : NULL;
    }
    wait_for(t, t->other);
    sync(t, t->other);
    for (uint32_t i = 1; i < 5; i++) {
        fill(t, t->stream, t->a, 0, i * UINT32_C(0x11111111), BYTES);
        record(t, t->stream);
        wait_for(t, t->other);
        copy(t, t->other, 0, 0, BYTES);
        expect(t, t->other, t->b, "waiting for an event");
    }
    sync(t, t->stream);
}

static void check_too_large(bench *t)
{
    thaw_buffer *huge = NULL;
    if (t->st != THAW_OK)
        return;
    thaw_status st = t->ops->buffer_create(t->dev, UINT64_C(1) << 62, &huge, t->err);
    if (st == THAW_OK) {
        t->ops->buffer_destroy(t->dev, huge);
        t->st = thaw_fail(t->err, THAW_E_CHECK, "buffer_create gives out 2^62 bytes");
    } else if (!t->err->text[0]) {
        t->st = thaw_fail(t->err, THAW_E_CHECK, "buffer_create refuses 2^62 bytes and does not say why");
    } else if (st != THAW_E_DEVICE_MEMORY && st != THAW_E_NO_MEMORY) {
        t->st = thaw_fail_within(t->err, THAW_E_CHECK,
                                 "buffer_create answers 2^62 bytes with status %d (%s) instead of "
                                 "THAW_E_DEVICE_MEMORY",
                                 (int)st, thaw_status_name(st));
    }
}

/* What is given and fetched has host memory of 2*BYTES, for a device that accepts a little too much. */
static thaw_status reach_out(bench *t, size_t call, size_t offset, size_t bytes)
{
    const thaw_slice a = {t->a, 0}, b = {t->b, 0}, out_a = {t->a, offset}, out_b = {t->b, offset};
    switch (call) {
    case 0:
        return t->ops->upload(t->stream, out_b, t->random, bytes, t->err);
    case 1:
        return t->ops->download(t->stream, t->expected, out_a, bytes, t->err);
    case 2:
        return t->ops->copy(t->stream, out_b, a, bytes, t->err);
    case 3:
        return t->ops->copy(t->stream, b, out_a, bytes, t->err);
    default:
        return t->ops->fill(t->stream, out_b, 0, bytes, t->err);
    }
}

static void must_stay_inside(bench *t, size_t call, size_t offset, size_t bytes)
{
    static const char *const names[N_CALLS] = {"upload", "download", "copy, into what leaves its buffer,",
                                               "copy, out of what leaves its buffer,", "fill"};
    memset(t->err, 0, sizeof *t->err);
    thaw_status st = reach_out(t, call, offset, bytes);
    if (st == THAW_OK)
        t->st = thaw_fail(t->err, THAW_E_CHECK, "%s accepts %zu bytes at offset %zu of a buffer of %zu",
                          names[call], bytes, offset, BYTES);
    else if (!t->err->text[0])
        t->st = thaw_fail(t->err, THAW_E_CHECK, "%s refuses what leaves its buffer and does not say why",
                          names[call]);
    else if (st != THAW_E_INVALID)
        t->st = thaw_fail_within(t->err, THAW_E_CHECK,
                                 "%s answers %zu bytes at offset %zu of a buffer of %zu with status %d (%s) "
                                 "instead of THAW_E_INVALID",
                                 names[call], bytes, offset, BYTES, (int)st, thaw_status_name(st));
}

/* thaw_plugin.h, Errors: "sizes, offsets, counts and descriptors are to be checked"; "a call that failed has
 * changed nothing". */
static void check_bounds(bench *t)
{
    static const size_t pieces[][2] = {{0, BYTES + 4}, {BYTES - 4, 8},    {BYTES, 4},
                                       {2 * BYTES, 4}, {SIZE_MAX - 3, 8}, {4, SIZE_MAX - 3}};
    upload(t, t->stream, t->a, 0, t->random, BYTES);
    fill(t, t->stream, t->b, 0, UINT32_C(0x01020304), BYTES);
    sync(t, t->stream);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        for (size_t call = 0; t->st == THAW_OK && call < N_CALLS; call++)
            must_stay_inside(t, call, pieces[i][0], pieces[i][1]);
    expect(t, t->stream, t->b, "transfers that were refused");
}

static const struct {
    const char *name;
    void (*run)(bench *t);
} checks[] = {{"device/transfer", check_transfer}, {"device/copy", check_copy},
              {"device/fill", check_fill_op},      {"device/order", check_order},
              {"device/events", check_events},     {"device/too-large", check_too_large},
              {"device/bounds", check_bounds}};

static void open_bench(bench *t, uint64_t seed)
{
    for (size_t i = 0; i < BYTES; i++)
        t->random[i] = (uint8_t)thaw_random_u32(seed, THAW_RNG_TEST, 0, 1, (uint32_t)i);
    t->st = thaw_check_buffer(t->side, BYTES, &t->a, t->err);
    if (t->st == THAW_OK)
        t->st = thaw_check_buffer(t->side, BYTES, &t->b, t->err);
    if (t->st == THAW_OK)
        t->st = thaw_check_stream(t->side, &t->other, t->err);
}

static void close_bench(bench *t)
{
    thaw_error ignored;
    t->ops->stream_sync(t->stream, &ignored);
    if (t->other)
        t->ops->stream_sync(t->other, &ignored);
    if (t->event)
        t->ops->event_destroy(t->dev, t->event);
    t->ops->stream_destroy(t->dev, t->other);
    t->ops->buffer_destroy(t->dev, t->b);
    t->ops->buffer_destroy(t->dev, t->a);
}

thaw_status thaw_check_device(check_run *run, const check_case *c, thaw_error *err)
{
    bench *t = calloc(1, sizeof *t);
    if (!t)
        return thaw_fail_memory(err, sizeof *t, "a case");
    t->side = &run->device;
    t->ops = &run->device.dev->ops;
    t->dev = run->device.dev->handle;
    t->stream = run->device.stream;
    t->err = err;
    open_bench(t, run->seed);
    for (size_t i = 0; i < sizeof checks / sizeof *checks; i++)
        if (strcmp(c->name, checks[i].name) == 0)
            checks[i].run(t);
    close_bench(t);
    thaw_status st = t->st;
    free(t);
    return st;
}
