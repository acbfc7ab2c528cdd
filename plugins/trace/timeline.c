/* timeline.c: the records in the order of time, each span also in the processes that it has calls in: a
 * viewer nests slices of one thread of one process only. */
#include <stdlib.h>

#include "trace.h"

/* The spans that are open on a thread at the point of time that the writer has come to. */
typedef struct track {
    struct {
        const trace_record *span;
        uint8_t shown[TRACE_PROCESSES / 8]; /* bit: process */
    } open[TRACE_DEPTH];
    uint32_t depth;
    uint8_t named[TRACE_PROCESSES / 8];
} track;

static bool test_and_set(uint8_t *bits, uint16_t i)
{
    uint8_t mask = (uint8_t)(1u << (i % 8));
    bool was = bits[i / 8] & mask;
    bits[i / 8] |= mask;
    return was;
}

static bool is_counter(const trace_record *r)
{
    return r->what == TRACE_DEVICE_MEMORY || r->what == TRACE_HOST_MEMORY;
}

/* What encloses before what is enclosed; counters in the order of their making. */
static int in_time(const void *a, const void *b)
{
    const trace_record *x = *(const trace_record *const *)a, *y = *(const trace_record *const *)b;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    if (is_counter(x) != is_counter(y))
        return is_counter(x) ? -1 : 1;
    if (x->end == y->end)
        return (int)x->what - (int)y->what;
    return (x->end > y->end) == is_counter(x) ? 1 : -1;
}

static void name_thread(FILE *f, track *t, uint16_t process, uint32_t thread)
{
    if (!test_and_set(t->named, process))
        trace_write_thread(f, process, thread);
}

static void open_span(track *t, const trace_record *r)
{
    if (t->depth == TRACE_DEPTH)
        return;
    t->open[t->depth].span = r;
    for (size_t i = 0; i < sizeof t->open[0].shown; i++)
        t->open[t->depth].shown[i] = 0;
    t->depth++;
}

static void write_slice(FILE *f, track *t, const trace_record *r)
{
    while (t->depth > 0 && t->open[t->depth - 1].span->end <= r->begin)
        t->depth--;
    name_thread(f, t, r->process, r->thread);
    for (uint32_t i = 0; r->what != TRACE_SPAN && i < t->depth; i++)
        if (!test_and_set(t->open[i].shown, r->process))
            trace_write_record(f, t->open[i].span, r->process, true);
    trace_write_record(f, r, r->process, false);
    if (r->what == TRACE_SPAN)
        open_span(t, r);
}

thaw_status trace_timeline_write(FILE *stream, thaw_error *err)
{
    size_t n = 0, threads = trace_threads();
    const trace_record **records = trace_records(&n);
    track *tracks = calloc(threads + 1, sizeof *tracks);
    thaw_status st = THAW_OK;
    if (!records || !tracks) {
        st = trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory while ordering the events");
        goto cleanup;
    }
    qsort(records, n, sizeof *records, in_time);
    trace_write_head(stream);
    for (size_t i = 0; i < n; i++) {
        if (is_counter(records[i]))
            trace_write_record(stream, records[i], records[i]->process, false);
        else
            write_slice(stream, &tracks[records[i]->thread], records[i]);
    }
    trace_write_tail(stream, n);
cleanup:
    free(records);
    free(tracks);
    return st;
}
