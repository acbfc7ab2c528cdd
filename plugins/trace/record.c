/* record.c: see trace.h. A thread writes to a block of its own, without a lock; when it ends, the next thread
 * takes over its number and the rest of its block. So memory is bounded by the records that are kept, and a
 * viewer shows as many threads as there were at the same time. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "trace.h"

#define BLOCK 512u

typedef struct block {
    struct block *next;
    size_t n;
    trace_record records[BLOCK];
} block;

typedef struct thread {
    struct thread *next;      /* of all */
    struct thread *next_free; /* of those whose thread has ended */
    block *filling;
    trace_record *open[TRACE_DEPTH]; /* spans; NULL: there was no room for its record */
    uint32_t number, depth;
} thread;

static struct {
    bool active;
    trace_options options;
    uint64_t origin;
    pthread_key_t key; /* of the calling thread's `thread` */
    pthread_mutex_t lock;
    block *blocks; /* guarded by lock, as the next three */
    thread *threads, *ended;
    uint32_t n_threads;
    atomic_uint_fast64_t taken, dropped, dropped_since;
} recorder = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint64_t clock_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

uint64_t trace_now(void)
{
    return clock_ns() - recorder.origin;
}

const char *trace_what_name(trace_what what)
{
#define TRACE_WHAT(name, text) text,
    static const char *const names[] = {TRACE_WHATS(TRACE_WHAT)};
#undef TRACE_WHAT
    return names[what];
}

/* ---- threads and blocks ---------------------------------------------------------------------------- */

static void thread_ended(void *value)
{
    thread *t = value;
    pthread_mutex_lock(&recorder.lock);
    t->depth = 0;
    t->next_free = recorder.ended;
    recorder.ended = t;
    pthread_mutex_unlock(&recorder.lock);
}

static thread *take_thread(void)
{
    pthread_mutex_lock(&recorder.lock);
    thread *t = recorder.ended;
    if (t) {
        recorder.ended = t->next_free;
    } else if ((t = calloc(1, sizeof *t))) {
        t->number = ++recorder.n_threads;
        t->next = recorder.threads;
        recorder.threads = t;
    }
    pthread_mutex_unlock(&recorder.lock);
    if (t)
        pthread_setspecific(recorder.key, t);
    return t;
}

static thread *this_thread(void)
{
    thread *t = pthread_getspecific(recorder.key);
    return t ? t : take_thread();
}

static block *add_block(thread *t)
{
    block *b = malloc(sizeof *b);
    if (!b)
        return NULL;
    b->n = 0;
    pthread_mutex_lock(&recorder.lock);
    b->next = recorder.blocks;
    recorder.blocks = b;
    pthread_mutex_unlock(&recorder.lock);
    t->filling = b;
    return b;
}

static trace_record *drop(void)
{
    if (atomic_fetch_add(&recorder.dropped, 1) == 0)
        atomic_store(&recorder.dropped_since, trace_now());
    return NULL;
}

/* A record of the calling thread, zeroed but for its thread; NULL: there is no room. */
static trace_record *take(thread *t)
{
    if (!t || atomic_fetch_add(&recorder.taken, 1) >= recorder.options.events)
        return drop();
    block *b = t->filling;
    if (!b || b->n == BLOCK)
        b = add_block(t);
    if (!b)
        return drop();
    trace_record *r = &b->records[b->n++];
    *r = (trace_record){.thread = t->number};
    return r;
}

/* ---- calls, counters, spans ------------------------------------------------------------------------ */

static void say_call(const trace_timer *timer)
{
    char op[400];
    trace_op_words(timer->op, op, sizeof op);
    trace_say(THAW_LOG_DEBUG, "trace: %s: %s%s%s", trace_process_name(timer->process),
              trace_what_name((trace_what)timer->what), op[0] ? " " : "", op);
}

static void say_failure(const trace_timer *timer, thaw_status status)
{
    trace_say(THAW_LOG_DEBUG, "trace: %s: %s: status %d: %.*s", trace_process_name(timer->process),
              trace_what_name((trace_what)timer->what), (int)status, (int)sizeof timer->err->text,
              timer->err->text);
}

void trace_begin(trace_timer *timer, uint16_t process, trace_what what, const trace_op *op, thaw_error *err)
{
    timer->op = op;
    timer->err = err ? err : &timer->own;
    timer->own.text[0] = '\0';
    timer->process = process;
    timer->what = (uint8_t)what;
    if (recorder.options.log)
        say_call(timer);
    /* Not at the end, when another thread may have ended meanwhile and hand on its number: two calls that
     * overlap would have the same. */
    if (recorder.active)
        this_thread();
    timer->begin = trace_now();
}

static void end(const trace_timer *timer, thaw_status status, uint64_t amount, const char *text)
{
    if (!recorder.active)
        return;
    uint64_t now = trace_now();
    trace_record *r = take(this_thread());
    if (!r)
        return;
    r->begin = timer->begin;
    r->end = now;
    r->op = timer->op;
    r->text = trace_text(text);
    r->amount = amount;
    r->status = status;
    r->process = timer->process;
    r->what = timer->what;
}

thaw_status trace_end(const trace_timer *timer, thaw_status status, uint64_t amount)
{
    if (status == THAW_OK) {
        end(timer, status, amount, NULL);
        return status;
    }
    char text[sizeof timer->own.text];
    memcpy(text, timer->err->text, sizeof text);
    text[sizeof text - 1] = '\0'; /* a plugin may have left it without an end */
    end(timer, status, amount, text);
    if (recorder.options.log)
        say_failure(timer, status);
    return status;
}

void trace_end_text(const trace_timer *timer, thaw_status status, uint64_t amount, const char *text)
{
    end(timer, status, amount, text);
}

void trace_count(uint16_t process, trace_what what, uint64_t place, uint64_t value)
{
    trace_record *r = recorder.active ? take(this_thread()) : NULL;
    if (!r)
        return;
    r->begin = trace_now();
    r->end = place;
    r->amount = value;
    r->process = process;
    r->what = (uint8_t)what;
}

/* The record is taken now, not at the end: a span that encloses everything is not to be lost because what it
 * encloses has filled the trace. */
void trace_span_begin(const char *text)
{
    thread *t = recorder.active ? this_thread() : NULL;
    if (!t)
        return;
    if (t->depth >= TRACE_DEPTH) {
        drop();
    } else {
        trace_record *r = t->open[t->depth] = take(t);
        if (r) {
            r->text = trace_text(text);
            r->process = TRACE_HOST;
            r->what = TRACE_SPAN;
            r->begin = trace_now();
        }
    }
    t->depth++;
}

void trace_span_end(void)
{
    thread *t = recorder.active ? this_thread() : NULL;
    if (!t || t->depth == 0)
        return;
    t->depth--;
    if (t->depth < TRACE_DEPTH && t->open[t->depth])
        t->open[t->depth]->end = trace_now();
}

/* ---- the whole --------------------------------------------------------------------------------------- */

thaw_status trace_record_start(const trace_options *options, thaw_error *err)
{
    recorder.options = *options;
    atomic_store(&recorder.taken, 0);
    atomic_store(&recorder.dropped, 0);
    atomic_store(&recorder.dropped_since, 0);
    if (pthread_key_create(&recorder.key, thread_ended) != 0)
        return trace_fail(err, THAW_E_NO_MEMORY, "trace: this process has no thread-specific key left");
    recorder.origin = clock_ns();
    recorder.active = true;
    if (this_thread())
        return THAW_OK;
    trace_record_free();
    return trace_fail(err, THAW_E_NO_MEMORY, "trace: out of memory: %zu bytes for a thread", sizeof(thread));
}

void trace_record_free(void)
{
    if (!recorder.active)
        return;
    recorder.active = false;
    recorder.options = (trace_options){0};
    /* Without the key, threads that end later free nothing. */
    pthread_key_delete(recorder.key);
    while (recorder.blocks) {
        block *b = recorder.blocks;
        recorder.blocks = b->next;
        free(b);
    }
    while (recorder.threads) {
        thread *t = recorder.threads;
        recorder.threads = t->next;
        free(t);
    }
    recorder.ended = NULL;
    recorder.n_threads = 0;
}

const trace_options *trace_active(void)
{
    return recorder.active ? &recorder.options : NULL;
}

const trace_record **trace_records(size_t *n)
{
    size_t count = 0, at = 0;
    uint64_t now = trace_now();
    for (const block *b = recorder.blocks; b; b = b->next)
        count += b->n;
    const trace_record **all = malloc((count + 1) * sizeof *all);
    if (!all)
        return NULL;
    for (block *b = recorder.blocks; b; b = b->next)
        for (size_t i = 0; i < b->n; i++) {
            if (b->records[i].end == 0)
                b->records[i].end = now;
            all[at++] = &b->records[i];
        }
    *n = count;
    return all;
}

uint32_t trace_threads(void)
{
    return recorder.n_threads;
}

uint64_t trace_dropped(uint64_t *since)
{
    *since = atomic_load(&recorder.dropped_since);
    return atomic_load(&recorder.dropped);
}
