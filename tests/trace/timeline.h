/* timeline.h: a trace, read back. */
#ifndef THAW_TESTS_TRACE_TIMELINE_H
#define THAW_TESTS_TRACE_TIMELINE_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct slice {
    const char *name, *cat, *process; /* of the document */
    int pid, tid;
    int64_t begin, end; /* ns */
    bool repeated;
    const cJSON *args; /* may be NULL */
} slice;

typedef struct timeline {
    cJSON *document;
    slice *slices; /* in the order of the file */
    size_t n, counters;
} timeline;

/* False after a message on stderr if the file is no trace: not JSON, an event without what its kind needs, a
 * process or thread without a name, slices of one thread that overlap without one being in the other. */
bool timeline_read(const char *path, timeline *out);
void timeline_free(timeline *t);

/* Slices that are not repeated, of that cat, and of that process unless it is NULL. */
size_t timeline_count(const timeline *t, const char *cat, const char *process);
/* The i-th of these; NULL if there is none. */
const slice *timeline_find(const timeline *t, const char *cat, const char *name, size_t i);
/* Whether a slice named `name` encloses s on its thread in its process. */
bool timeline_within(const timeline *t, const slice *s, const char *name);
/* The highest and the last value of a counter; -1 if there is none. */
void timeline_counter(const timeline *t, const char *name, const char *process, double *highest,
                      double *last);
/* A text of args, "" if there is none; a number, -1. */
const char *slice_text(const slice *s, const char *key);
double slice_number(const slice *s, const char *key);
/* A member of otherData. */
const char *timeline_text(const timeline *t, const char *key);
double timeline_number(const timeline *t, const char *key);

#endif
