#include "timeline.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/file.h"

#define MAX_BYTES ((size_t)1 << 30)

static bool complain(const char *what, const cJSON *event)
{
    char *text = event ? cJSON_PrintUnformatted(event) : NULL;
    fprintf(stderr, "%s: %s\n", what, text ? text : "");
    free(text);
    return false;
}

static const char *text_of(const cJSON *object, const char *key)
{
    const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, key));
    return text ? text : "";
}

static double number_of(const cJSON *object, const char *key)
{
    const cJSON *n = cJSON_GetObjectItemCaseSensitive(object, key);
    return cJSON_IsNumber(n) ? n->valuedouble : -1;
}

/* Name that a metadata event gives to a process, or to one of its threads (tid >= 0); NULL if none does. */
static const char *given_name(const cJSON *events, int pid, int tid)
{
    const cJSON *e;
    cJSON_ArrayForEach(e, events)
    {
        const char *what = tid < 0 ? "process_name" : "thread_name";
        if (strcmp(text_of(e, "ph"), "M") != 0 || strcmp(text_of(e, "name"), what) != 0)
            continue;
        if ((int)number_of(e, "pid") == pid && (tid < 0 || (int)number_of(e, "tid") == tid))
            return text_of(cJSON_GetObjectItemCaseSensitive(e, "args"), "name");
    }
    return NULL;
}

static bool read_slice(const cJSON *e, slice *s)
{
    double ts = number_of(e, "ts"), dur = number_of(e, "dur");
    s->name = text_of(e, "name");
    s->cat = text_of(e, "cat");
    s->pid = (int)number_of(e, "pid");
    s->tid = (int)number_of(e, "tid");
    s->args = cJSON_GetObjectItemCaseSensitive(e, "args");
    s->repeated = cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(s->args, "repeated"));
    s->begin = llround(ts * 1000);
    s->end = s->begin + llround(dur * 1000);
    if (ts < 0 || dur < 0 || !*s->name || !*s->cat || s->pid < 1 || s->tid < 1)
        return complain("a slice is incomplete", e);
    return true;
}

static bool read_event(const cJSON *e, timeline *t)
{
    const char *ph = text_of(e, "ph");
    if (strcmp(ph, "X") == 0)
        return read_slice(e, &t->slices[t->n++]);
    if (strcmp(ph, "C") == 0) {
        t->counters++;
        bool sound =
            number_of(cJSON_GetObjectItemCaseSensitive(e, "args"), "bytes") >= 0 && number_of(e, "ts") >= 0;
        return sound || complain("a counter is incomplete", e);
    }
    bool known = strcmp(ph, "M") == 0 || strcmp(ph, "i") == 0;
    return known || complain("an event of unknown kind", e);
}

/* ---- nesting ------------------------------------------------------------------------------------------ */

static int by_thread_and_time(const void *a, const void *b)
{
    const slice *x = *(const slice *const *)a, *y = *(const slice *const *)b;
    if (x->pid != y->pid)
        return x->pid - y->pid;
    if (x->tid != y->tid)
        return x->tid - y->tid;
    if (x->begin != y->begin)
        return x->begin < y->begin ? -1 : 1;
    return (x->end < y->end) - (x->end > y->end);
}

static bool check_nesting(const slice *const *sorted, size_t n)
{
    const slice *open[256];
    size_t depth = 0;
    for (size_t i = 0; i < n; i++) {
        const slice *s = sorted[i];
        if (i > 0 && (sorted[i - 1]->pid != s->pid || sorted[i - 1]->tid != s->tid))
            depth = 0;
        while (depth > 0 && open[depth - 1]->end <= s->begin)
            depth--;
        if (depth > 0 && open[depth - 1]->end < s->end) {
            fprintf(stderr, "\"%s\" ends behind \"%s\", in which it began\n", s->name, open[depth - 1]->name);
            return false;
        }
        if (depth == sizeof open / sizeof open[0])
            return complain("slices are nested too deep", NULL);
        open[depth++] = s;
    }
    return true;
}

/* Also: every process and thread has a name. */
static bool check_order(timeline *t, const cJSON *events)
{
    const slice **sorted = calloc(t->n + 1, sizeof *sorted);
    bool good = sorted != NULL;
    for (size_t i = 0; good && i < t->n; i++)
        sorted[i] = &t->slices[i];
    if (good)
        qsort(sorted, t->n, sizeof *sorted, by_thread_and_time);
    const char *process = NULL;
    for (size_t i = 0; good && i < t->n; i++) {
        slice *s = &t->slices[sorted[i] - t->slices];
        bool same = i > 0 && sorted[i - 1]->pid == s->pid && sorted[i - 1]->tid == s->tid;
        if (!same) {
            process = given_name(events, s->pid, -1);
            good =
                (process && given_name(events, s->pid, s->tid)) || complain("a thread without a name", NULL);
        }
        s->process = process;
    }
    good = good && check_nesting(sorted, t->n);
    free(sorted);
    return good;
}

/* ---- the whole ---------------------------------------------------------------------------------------- */

bool timeline_read(const char *path, timeline *out)
{
    uint8_t *data = NULL;
    size_t size;
    thaw_error err = {0};
    *out = (timeline){0};
    if (thaw_read_file(path, MAX_BYTES, &data, &size, &err) != THAW_OK) {
        fprintf(stderr, "%s\n", err.text);
        return false;
    }
    const char *end = NULL;
    out->document = cJSON_ParseWithOpts((const char *)data, &end, true);
    free(data);
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(out->document, "traceEvents"), *e;
    if (!cJSON_IsArray(events) || !cJSON_GetObjectItemCaseSensitive(out->document, "otherData"))
        return complain("not the JSON of a trace", NULL);
    out->slices = calloc((size_t)cJSON_GetArraySize(events) + 1, sizeof *out->slices);
    bool good = out->slices != NULL;
    cJSON_ArrayForEach(e, events) good = good && read_event(e, out);
    return good && check_order(out, events);
}

void timeline_free(timeline *t)
{
    cJSON_Delete(t->document);
    free(t->slices);
    *t = (timeline){0};
}

size_t timeline_count(const timeline *t, const char *cat, const char *process)
{
    size_t n = 0;
    for (size_t i = 0; i < t->n; i++) {
        const slice *s = &t->slices[i];
        n += !s->repeated && strcmp(s->cat, cat) == 0 && (!process || strcmp(s->process, process) == 0);
    }
    return n;
}

const slice *timeline_find(const timeline *t, const char *cat, const char *name, size_t i)
{
    for (size_t k = 0; k < t->n; k++) {
        const slice *s = &t->slices[k];
        if (!s->repeated && strcmp(s->cat, cat) == 0 && strcmp(s->name, name) == 0 && i-- == 0)
            return s;
    }
    return NULL;
}

bool timeline_within(const timeline *t, const slice *s, const char *name)
{
    for (size_t k = 0; k < t->n; k++) {
        const slice *o = &t->slices[k];
        if (strcmp(o->name, name) == 0 && o->pid == s->pid && o->tid == s->tid && o->begin <= s->begin &&
            o->end >= s->end)
            return true;
    }
    return false;
}

void timeline_counter(const timeline *t, const char *name, const char *process, double *highest, double *last)
{
    const cJSON *events = cJSON_GetObjectItemCaseSensitive(t->document, "traceEvents"), *e;
    double at = -1;
    *highest = *last = -1;
    cJSON_ArrayForEach(e, events)
    {
        const char *of = given_name(events, (int)number_of(e, "pid"), -1);
        if (strcmp(text_of(e, "ph"), "C") != 0 || strcmp(text_of(e, "name"), name) != 0 || !of ||
            strcmp(of, process) != 0)
            continue;
        double value = number_of(cJSON_GetObjectItemCaseSensitive(e, "args"), "bytes");
        if (value > *highest)
            *highest = value;
        if (number_of(e, "ts") >= at)
            *last = value;
        at = number_of(e, "ts");
    }
}

const char *slice_text(const slice *s, const char *key)
{
    return text_of(s->args, key);
}

double slice_number(const slice *s, const char *key)
{
    return number_of(s->args, key);
}

const char *timeline_text(const timeline *t, const char *key)
{
    return text_of(cJSON_GetObjectItemCaseSensitive(t->document, "otherData"), key);
}

double timeline_number(const timeline *t, const char *key)
{
    return number_of(cJSON_GetObjectItemCaseSensitive(t->document, "otherData"), key);
}
