/* The runtime with a trace: what a plugin was told, and what the file says it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "core/graph/graph.h"
#include "core/runtime/runtime.h"
#include "counting.h"
#include "thaw_ops.h"
#include "timeline.h"

static char file[64];

static void expect(thaw_status expected, thaw_status st, const thaw_error *err)
{
    if (st != expected)
        print_error("status %d: %s\n", (int)st, err->text);
    assert_int_equal(st, expected);
}

/* plugins: behind the interposer, up to a NULL. */
static thaw_status open_runtime(const char *const *plugins, const char *options, const thaw_log *log,
                                thaw_runtime **out, thaw_error *err)
{
    const char *files[4] = {TRACE_PLUGIN};
    size_t n = 1;
    for (; plugins[n - 1]; n++)
        files[n] = plugins[n - 1];
    thaw_runtime_options o = {.threads = 2,
                              .plugins = files,
                              .n_plugins = n,
                              .no_search = true,
                              .log = log,
                              .trace = file,
                              .trace_options = options};
    return thaw_runtime_create(&o, out, err);
}

static const char *const only_counting[] = {COUNTING_PLUGIN, NULL};

static void end_runtime(thaw_runtime *rt, timeline *t)
{
    thaw_error err = {0};
    expect(THAW_OK, thaw_runtime_end(rt, &err), &err);
    assert_true(timeline_read(file, t));
}

/* ---- some work ----------------------------------------------------------------------------------------- */

static const thaw_tensor vector = {
    .struct_size = sizeof(thaw_tensor), .n = 1, .h = 1, .w = 1, .c = 8, .pixel_pitch = 8};
static const thaw_tensor *const three[] = {&vector, &vector, &vector};

static thaw_op add_op(void)
{
    return (thaw_op){.struct_size = sizeof(thaw_op),
                     .kind = THAW_OP_ADD,
                     .n_in = 2,
                     .n_out = 1,
                     .in = three,
                     .out = three};
}

typedef struct work {
    thaw_dev *dev;
    thaw_stream *stream;
    thaw_buffer *buffer;
    thaw_kernel *kernel;
} work;

static void begin_work(thaw_runtime *rt, const char *name, work *w)
{
    thaw_error err = {0};
    thaw_op op = add_op();
    thaw_op_info info = {.struct_size = sizeof info};
    expect(THAW_OK, thaw_runtime_open(rt, name, &w->dev, &err), &err);
    const thaw_device_ops *o = &w->dev->ops;
    expect(THAW_OK, o->stream_create(w->dev->handle, &w->stream, &err), &err);
    expect(THAW_OK, o->buffer_create(w->dev->handle, 256, &w->buffer, &err), &err);
    expect(THAW_OK, o->op_query(w->dev->handle, &op, THAW_ALGO_DEFAULT, &info, &err), &err);
    expect(THAW_OK,
           o->op_prepare(w->dev->handle, &op, info.algo, (const void *const[]){NULL, NULL}, &w->kernel, &err),
           &err);
}

static void add(const work *w, float *out)
{
    const thaw_device_ops *o = &w->dev->ops;
    thaw_error err = {0};
    float x[8] = {1, 2, 3, 4, 5, 6, 7, 8};
    const thaw_slice args[] = {{w->buffer, 0}, {w->buffer, 64}, {w->buffer, 128}};
    expect(THAW_OK, o->upload(w->stream, args[0], x, sizeof x, &err), &err);
    expect(THAW_OK, o->copy(w->stream, args[1], args[0], sizeof x, &err), &err);
    expect(THAW_OK, o->fill(w->stream, args[2], 0, sizeof x, &err), &err);
    expect(THAW_OK, o->op_enqueue(w->stream, w->kernel, args, 3, (thaw_slice){NULL, 0}, &err), &err);
    expect(THAW_OK, o->download(w->stream, out, args[2], sizeof x, &err), &err);
    expect(THAW_OK, o->stream_sync(w->stream, &err), &err);
}

static void end_work(thaw_runtime *rt, work *w)
{
    const thaw_device_ops *o = &w->dev->ops;
    o->kernel_destroy(w->dev->handle, w->kernel);
    o->buffer_destroy(w->dev->handle, w->buffer);
    o->stream_destroy(w->dev->handle, w->stream);
    thaw_runtime_close(rt, w->dev);
}

static void check_sum(const float *out)
{
    for (int i = 0; i < 8; i++)
        assert_true(out[i] == 2.0f * (float)(i + 1));
}

/* ---- tests --------------------------------------------------------------------------------------------- */

static counting_calls_fn counting(void)
{
    void *library = dlopen(COUNTING_PLUGIN, RTLD_NOW);
    assert_non_null(library);
    void *symbol = dlsym(library, "counting_calls");
    counting_calls_fn calls;
    assert_non_null(symbol);
    memcpy(&calls, &symbol, sizeof calls);
    return calls;
}

static void every_call_is_there_once(void **state)
{
    (void)state;
    counting_calls_fn calls = counting();
    uint64_t before[COUNTED_END];
    for (int i = 0; i < COUNTED_END; i++)
        before[i] = calls(i);
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    work w;
    thaw_event *event;
    float out[8];
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    begin_work(rt, "toy:0", &w);
    for (int i = 0; i < 5; i++) {
        add(&w, out);
        check_sum(out);
    }
    expect(THAW_OK, w.dev->ops.event_create(w.dev->handle, &event, &err), &err);
    expect(THAW_OK, w.dev->ops.event_record(w.stream, event, &err), &err);
    expect(THAW_OK, w.dev->ops.stream_wait(w.stream, event, &err), &err);
    expect(THAW_OK, w.dev->ops.stream_sync(w.stream, &err), &err);
    w.dev->ops.event_destroy(w.dev->handle, event);
    w.dev->ops.stream_destroy(w.dev->handle, NULL);
    w.dev->ops.kernel_destroy(w.dev->handle, NULL);
    w.dev->ops.buffer_destroy(w.dev->handle, NULL);
    end_work(rt, &w);
    end_runtime(rt, &t);
#define COUNTED_TEXT(name, text) text,
    static const char *const names[] = {COUNTED(COUNTED_TEXT)};
    for (int i = 0; i < COUNTED_END; i++) {
        uint64_t seen = calls(i) - before[i];
        if (seen == 0 || timeline_count(&t, names[i], NULL) != seen)
            fail_msg("%s: %llu calls, %zu in the trace", names[i], (unsigned long long)seen,
                     timeline_count(&t, names[i], NULL));
    }
    assert_int_equal(timeline_count(&t, "op_enqueue", "toy:0"), 5);
    assert_int_equal(timeline_count(&t, "init", "plugin toy"), 1);
    assert_int_equal(timeline_count(&t, "shutdown", "plugin toy"), 1);
    assert_int_equal(timeline_count(&t, "device_describe", "plugin toy"), 7);
    timeline_free(&t);
}

static void a_run_says_its_op_shape_and_algorithm(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    work w;
    float out[8];
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    begin_work(rt, "toy:0", &w);
    add(&w, out);
    end_work(rt, &w);
    end_runtime(rt, &t);
    const slice *s = timeline_find(&t, "op_enqueue", "add", 0);
    assert_non_null(s);
    assert_string_equal(slice_text(s, "shape"), "1x1x1x8, 1x1x1x8 → 1x1x1x8");
    assert_string_equal(slice_text(s, "algorithm"), "loops");
    assert_non_null(timeline_find(&t, "op_prepare", "op_prepare add", 0));
    const slice *up = timeline_find(&t, "upload", "upload", 0);
    assert_true(slice_number(up, "bytes") == 32);
    assert_true(up->end <= s->begin);
    assert_string_equal(timeline_text(&t, "sync"), "off");
    assert_true(timeline_number(&t, "dropped") == 0);
    double highest, last;
    timeline_counter(&t, "device memory", "toy:0", &highest, &last);
    assert_true(highest == 256 && last == 0);
    timeline_free(&t);
}

static void spans_enclose_what_happens_in_them(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    work w;
    float out[8];
    thaw_runtime_span_begin(NULL, "nobody %s", "listens");
    thaw_runtime_span_end(NULL);
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    begin_work(rt, "toy:0", &w);
    thaw_runtime_span_begin(rt, "all of %d", 2);
    for (int i = 1; i <= 2; i++) {
        thaw_runtime_span_begin(rt, "step %d", i);
        add(&w, out);
        thaw_runtime_span_end(rt);
    }
    thaw_runtime_span_end(rt);
    thaw_runtime_span_end(rt); /* one too many */
    thaw_runtime_span_begin(rt, "left open");
    end_work(rt, &w);
    end_runtime(rt, &t);
    const slice *first = timeline_find(&t, "op_enqueue", "add", 0);
    const slice *second = timeline_find(&t, "op_enqueue", "add", 1);
    assert_true(timeline_within(&t, first, "step 1") && timeline_within(&t, first, "all of 2"));
    assert_true(timeline_within(&t, second, "step 2") && !timeline_within(&t, second, "step 1"));
    assert_int_equal(timeline_count(&t, "span", "thaw"), 4);
    assert_non_null(timeline_find(&t, "span", "left open", 0));
    assert_false(timeline_within(&t, timeline_find(&t, "op_prepare", "op_prepare add", 0), "all of 2"));
    timeline_free(&t);
}

static void two_plugins_at_once(void **state)
{
    (void)state;
    static const char *const both[] = {CPU_PLUGIN, COUNTING_PLUGIN, NULL};
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    work a, b;
    float x[8], y[8];
    expect(THAW_OK, open_runtime(both, NULL, NULL, &rt, &err), &err);
    begin_work(rt, "toy:0", &a);
    begin_work(rt, "cpu:0,isa=reference", &b);
    for (int i = 0; i < 3; i++)
        add(&b, y);
    add(&a, x);
    check_sum(x);
    check_sum(y);
    end_work(rt, &a);
    end_work(rt, &b);
    end_runtime(rt, &t);
    assert_int_equal(timeline_count(&t, "op_enqueue", "toy:0"), 1);
    assert_int_equal(timeline_count(&t, "op_enqueue", "cpu:0,isa=reference"), 3);
    assert_int_equal(timeline_count(&t, "init", "plugin cpu"), 1);
    assert_int_equal(timeline_count(&t, "op_enqueue", NULL), 4);
    timeline_free(&t);
}

static void errors_keep_their_text(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    thaw_dev *dev = NULL;
    thaw_kernel *kernel = NULL;
    thaw_buffer *buffer = NULL;
    thaw_op op = add_op();
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    expect(THAW_E_INVALID, thaw_runtime_open(rt, "toy:0,speed=high", &dev, &err), &err);
    assert_non_null(strstr(err.text, "there is: speed=slow"));
    expect(THAW_OK, thaw_runtime_open(rt, "toy:5", &dev, &err), &err);
    expect(THAW_E_DEVICE_MEMORY, dev->ops.op_prepare(dev->handle, &op, 0, NULL, &kernel, &err), &err);
    assert_string_equal(err.text, "no room for the kernel");
    assert_null(kernel);
    thaw_runtime_close(rt, dev);
    expect(THAW_OK, thaw_runtime_open(rt, "toy:2", &dev, &err), &err);
    /* Who does not want to know is not told, but the trace is. */
    assert_int_equal(dev->ops.buffer_create(dev->handle, 5000, &buffer, NULL), THAW_E_DEVICE_MEMORY);
    op.kind = THAW_OP_GLOBAL_AVGPOOL;
    op.n_in = 1;
    expect(THAW_E_UNSUPPORTED, dev->ops.op_query(dev->handle, &op, 0, NULL, &err), &err);
    thaw_runtime_close(rt, dev);
    end_runtime(rt, &t);
    const slice *s = timeline_find(&t, "op_prepare", "op_prepare add", 0);
    assert_string_equal(slice_text(s, "error"), "no room for the kernel");
    assert_string_equal(slice_text(s, "status"), "device memory");
    assert_string_equal(slice_text(timeline_find(&t, "buffer_create", "buffer_create", 0), "error"),
                        "more than 4096 bytes");
    assert_string_equal(slice_text(timeline_find(&t, "op_query", "op_query global_avgpool", 0), "error"),
                        "not among the ops of the toy");
    timeline_free(&t);
}

/* The toy does nothing before it is synchronised, so with sync=on each event finds it idle. */
static void sync_waits_for_each_piece_of_work(void **state)
{
    (void)state;
    counting_calls_fn calls = counting();
    uint64_t before = calls(COUNTED_stream_sync);
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    work w;
    float out[8];
    expect(THAW_OK, open_runtime(only_counting, "sync=on", NULL, &rt, &err), &err);
    begin_work(rt, "toy:0", &w);
    add(&w, out);
    check_sum(out);
    end_work(rt, &w);
    end_runtime(rt, &t);
    assert_int_equal(calls(COUNTED_stream_sync) - before,
                     6); /* upload, copy, fill, op, download, and its own */
    assert_int_equal(timeline_count(&t, "stream_sync", NULL), 1);
    assert_string_equal(timeline_text(&t, "sync"), "on");
    timeline_free(&t);
}

static void count_lines(void *ctx, int32_t level, const char *text)
{
    int *lines = ctx;
    if (level == THAW_LOG_DEBUG &&
        strstr(text, "trace: toy:0: op_enqueue add 1x1x1x8, 1x1x1x8 → 1x1x1x8, loops"))
        lines[0]++;
    if (level == THAW_LOG_WARN && strstr(text, "did not fit and are missing"))
        lines[1]++;
}

static void a_full_trace_says_what_is_missing(void **state)
{
    (void)state;
    int lines[2] = {0};
    const thaw_log log = {count_lines, lines, THAW_LOG_DEBUG};
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    work w;
    float out[8];
    expect(THAW_OK, open_runtime(only_counting, "events=30,log=on", &log, &rt, &err), &err);
    thaw_runtime_span_begin(rt, "everything");
    begin_work(rt, "toy:0", &w);
    for (int i = 0; i < 10; i++)
        add(&w, out);
    end_work(rt, &w);
    thaw_runtime_span_end(rt);
    end_runtime(rt, &t);
    double written = (double)(t.n + t.counters);
    for (size_t i = 0; i < t.n; i++)
        written -= t.slices[i].repeated;
    assert_true(written == 30 && timeline_number(&t, "events") == 30);
    assert_true(timeline_number(&t, "dropped") > 10);
    assert_int_equal(lines[0], 10);
    assert_int_equal(lines[1], 1);
    /* The span began before the trace was full, and goes on to the end. */
    const slice *all = timeline_find(&t, "span", "everything", 0);
    for (size_t i = 0; i < t.n; i++)
        assert_true(t.slices[i].begin < all->begin || t.slices[i].end <= all->end);
    timeline_free(&t);
}

/* ---- threads ------------------------------------------------------------------------------------------- */

static void *ask(void *arg)
{
    thaw_dev *dev = arg;
    thaw_op op = add_op();
    thaw_op_info info = {.struct_size = sizeof info};
    for (int i = 0; i < 500; i++)
        dev->ops.op_query(dev->handle, &op, THAW_ALGO_DEFAULT, &info, NULL);
    return NULL;
}

/* Threads that end hand on their number, so a viewer shows no more of them than there were at once. */
static void threads_that_come_and_go(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    thaw_dev *dev;
    pthread_t threads[3];
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    expect(THAW_OK, thaw_runtime_open(rt, "toy:0", &dev, &err), &err);
    for (int round = 0; round < 4; round++) {
        for (int i = 0; i < 3; i++)
            assert_int_equal(pthread_create(&threads[i], NULL, ask, dev), 0);
        for (int i = 0; i < 3; i++)
            assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    thaw_runtime_close(rt, dev);
    end_runtime(rt, &t);
    assert_int_equal(timeline_count(&t, "op_query", "toy:0"), 4 * 3 * 500);
    for (size_t i = 0; i < t.n; i++)
        assert_true(t.slices[i].tid <= 4);
    timeline_free(&t);
}

static void *ask_once(void *arg)
{
    thaw_dev *dev = arg;
    thaw_op op = add_op();
    thaw_op_info info = {.struct_size = sizeof info};
    dev->ops.op_query(dev->handle, &op, THAW_ALGO_DEFAULT, &info, NULL);
    return NULL;
}

/* The first call of a thread may begin before another thread ends, and end behind it: they overlap, and so
 * may not have the same number. */
static void a_thread_that_ends_hands_nothing_to_a_call_that_began(void **state)
{
    (void)state;
    enum { THREADS = 3000, WINDOW = 6 };
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    thaw_dev *dev;
    pthread_t threads[WINDOW];
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    expect(THAW_OK, thaw_runtime_open(rt, "toy:0", &dev, &err), &err);
    for (int i = 0; i < THREADS + WINDOW; i++) {
        if (i >= WINDOW)
            assert_int_equal(pthread_join(threads[i % WINDOW], NULL), 0);
        if (i < THREADS)
            assert_int_equal(pthread_create(&threads[i % WINDOW], NULL, ask_once, dev), 0);
    }
    thaw_runtime_close(rt, dev);
    end_runtime(rt, &t);
    assert_int_equal(timeline_count(&t, "op_query", "toy:0"), THREADS);
    timeline_free(&t);
}

/* ---- refusals ------------------------------------------------------------------------------------------ */

static void what_cannot_be_written_is_refused_at_once(void **state)
{
    (void)state;
    static const struct {
        const char *path, *options, *words;
        thaw_status status;
    } cases[] = {
        {"/no/such/folder/t.json", NULL, "its folder does not exist", THAW_E_NOT_FOUND},
        {"/tmp", NULL, "names a folder", THAW_E_INVALID},
        {"/dev/full", NULL, "not a regular file", THAW_E_INVALID},
        {"", NULL, "without a name", THAW_E_INVALID},
        {file, "sync=maybe", "there are sync=on|off", THAW_E_INVALID},
        {file, "speed=high", "\"speed=high\"", THAW_E_INVALID},
        {file, "events=0", "events=N", THAW_E_INVALID},
        {file, "log", "log=on|off", THAW_E_INVALID},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const char *files[] = {TRACE_PLUGIN, COUNTING_PLUGIN};
        thaw_runtime_options o = {.threads = 1,
                                  .plugins = files,
                                  .n_plugins = 2,
                                  .no_search = true,
                                  .trace = cases[i].path,
                                  .trace_options = cases[i].options};
        thaw_runtime *rt = NULL;
        thaw_error err = {0};
        expect(cases[i].status, thaw_runtime_create(&o, &rt, &err), &err);
        if (!strstr(err.text, cases[i].words))
            fail_msg("\"%s\" is not in \"%s\"", cases[i].words, err.text);
    }
}

static void without_an_interposer_it_says_where_it_looked(void **state)
{
    (void)state;
    const char *files[] = {COUNTING_PLUGIN};
    thaw_runtime_options o = {
        .threads = 1, .plugins = files, .n_plugins = 1, .no_search = true, .trace = file};
    thaw_runtime *rt = NULL;
    thaw_error err = {0};
    expect(THAW_E_NOT_FOUND, thaw_runtime_create(&o, &rt, &err), &err);
    assert_non_null(strstr(err.text, "no folder is searched"));
    o.no_search = false;
    setenv("THAW_PLUGIN_PATH", "/tmp/thaw-nothing-here", 1);
    expect(THAW_E_NOT_FOUND, thaw_runtime_create(&o, &rt, &err), &err);
    assert_non_null(strstr(err.text, "THAW_PLUGIN_PATH (/tmp/thaw-nothing-here)"));
    assert_non_null(strstr(err.text, "thaw-trace.so"));
    unsetenv("THAW_PLUGIN_PATH");
}

/* What the interposer does not want to be is an ordinary plugin without devices. */
static void without_a_trace_it_is_idle(void **state)
{
    (void)state;
    const char *files[] = {TRACE_PLUGIN, COUNTING_PLUGIN};
    thaw_runtime_options o = {.threads = 1, .plugins = files, .n_plugins = 2, .no_search = true};
    thaw_runtime *rt = NULL;
    thaw_error err = {0};
    unlink(file);
    expect(THAW_OK, thaw_runtime_create(&o, &rt, &err), &err);
    assert_int_equal(thaw_runtime_device_count(rt), 7);
    expect(THAW_OK, thaw_runtime_end(rt, &err), &err);
    assert_int_not_equal(access(file, F_OK), 0);
}

static void a_process_makes_one_trace_at_a_time(void **state)
{
    (void)state;
    thaw_runtime *rt = NULL, *other = NULL;
    thaw_error err = {0};
    timeline t;
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    expect(THAW_E_INVALID, open_runtime(only_counting, NULL, NULL, &other, &err), &err);
    assert_non_null(strstr(err.text, "one trace at a time"));
    end_runtime(rt, &t);
    timeline_free(&t);
}

static void kinds_have_the_names_that_thaw_gives_them(void **state)
{
    (void)state;
    thaw_runtime *rt;
    thaw_error err = {0};
    timeline t;
    thaw_dev *dev;
    char name[64];
    expect(THAW_OK, open_runtime(only_counting, NULL, NULL, &rt, &err), &err);
    expect(THAW_OK, thaw_runtime_open(rt, "toy:1", &dev, &err), &err);
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++) {
        thaw_op op = add_op();
        op.kind = kind;
        dev->ops.op_query(dev->handle, &op, THAW_ALGO_DEFAULT,
                          &(thaw_op_info){.struct_size = sizeof(thaw_op_info)}, &err);
    }
    thaw_runtime_close(rt, dev);
    end_runtime(rt, &t);
    for (uint32_t kind = 1; kind < THAW_OP_KIND_END; kind++) {
        snprintf(name, sizeof name, "op_query %s", thaw_op_facts_of(kind)->name);
        if (!timeline_find(&t, "op_query", name, 0))
            fail_msg("there is no %s", name);
    }
    timeline_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_call_is_there_once),
        cmocka_unit_test(a_run_says_its_op_shape_and_algorithm),
        cmocka_unit_test(spans_enclose_what_happens_in_them),
        cmocka_unit_test(two_plugins_at_once),
        cmocka_unit_test(errors_keep_their_text),
        cmocka_unit_test(sync_waits_for_each_piece_of_work),
        cmocka_unit_test(a_full_trace_says_what_is_missing),
        cmocka_unit_test(threads_that_come_and_go),
        cmocka_unit_test(a_thread_that_ends_hands_nothing_to_a_call_that_began),
        cmocka_unit_test(what_cannot_be_written_is_refused_at_once),
        cmocka_unit_test(without_an_interposer_it_says_where_it_looked),
        cmocka_unit_test(without_a_trace_it_is_idle),
        cmocka_unit_test(a_process_makes_one_trace_at_a_time),
        cmocka_unit_test(kinds_have_the_names_that_thaw_gives_them),
    };
    snprintf(file, sizeof file, "/tmp/thaw-trace-%ld.json", (long)getpid());
    int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return failed;
}
