/* A run through thaw.h: the order in which devices take their turns, what is left of a run that is stopped, a
 * device that declines, one that fails, and what is refused. The programs are the smallest there are. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "thaw/thaw.h"

#define MAX_TURNS 256

typedef struct trace {
    char turns[MAX_TURNS][64]; /* "cpu:0 head 2 #1" */
    size_t n;
    const char *stop_at; /* the turn at which the run is to stop; NULL: none */
    volatile sig_atomic_t stop;
} trace;

static void on_step(void *ctx, const thaw_bench_step *step)
{
    trace *t = ctx;
    if (step->doing != THAW_BENCH_MEASURE || t->n == MAX_TURNS)
        return;
    char *turn = t->turns[t->n++];
    snprintf(turn, sizeof t->turns[0], "%s %s %u #%u", step->device, step->what, (unsigned)step->batch,
             (unsigned)step->repetition);
    assert_true(step->done < step->total);
    if (t->stop_at && strcmp(turn, t->stop_at) == 0)
        t->stop = 1;
}

static thaw_context *make_context(void)
{
    static const char *const plugins[] = {CPU_PLUGIN, TOY_PLUGIN};
    thaw_context_options options;
    thaw_context *context = NULL;
    thaw_context_options_init(&options, sizeof options);
    options.plugins = plugins;
    options.n_plugins = 2;
    options.no_search = 1;
    options.threads = 2;
    assert_int_equal(thaw_context_create(&options, &context, NULL), THAW_OK);
    return context;
}

static const uint32_t two[] = {2};
static const char *const head[] = {"head"};

static thaw_bench_options small_options(const char *const *devices, size_t n, trace *t)
{
    thaw_bench_options o;
    thaw_bench_options_init(&o, sizeof o);
    o.devices = devices;
    o.n_devices = n;
    o.sections = head;
    o.n_sections = 1;
    o.batch_sizes = two;
    o.n_batch_sizes = 1;
    o.repeat = 3;
    o.input_size = 75;
    o.quick = 1;
    o.on_step = on_step;
    o.ctx = t;
    o.cancel = &t->stop;
    return o;
}

static size_t find(const trace *t, const char *turn)
{
    size_t i = 0;
    while (i < t->n && strcmp(t->turns[i], turn) != 0)
        i++;
    assert_true(i < t->n);
    return i;
}

static void check_stat(thaw_bench_stat s, uint32_t n)
{
    assert_int_equal(s.n, n);
    assert_true(s.min > 0 && s.min <= s.median && s.median <= s.max && isfinite(s.max));
}

static void devices_take_turns(void **state)
{
    (void)state;
    static const char *const devices[] = {"cpu:0", "cpu,isa=generic"};
    static const char *const order[] = {"cpu:0 head 2 #1", "cpu:0,isa=generic head 2 #1",
                                        "cpu:0 head 2 #2", "cpu:0,isa=generic head 2 #2",
                                        "cpu:0 head 2 #3", "cpu:0,isa=generic head 2 #3"};
    trace t = {.n = 0};
    thaw_error err = {0};
    thaw_bench_report *r = NULL;
    thaw_context *context = make_context();
    const thaw_bench_options o = small_options(devices, 2, &t);
    assert_int_equal(thaw_bench_run(context, &o, &r, &err), THAW_OK);
    const size_t first = find(&t, order[0]);
    for (size_t i = 0; i < 6; i++)
        assert_string_equal(t.turns[first + i], order[i]);
    const size_t peak = find(&t, "cpu:0 peak 0 #1");
    assert_string_equal(t.turns[peak + 1], "cpu:0,isa=generic peak 0 #1");
    assert_true(r->complete && r->n_devices == 2 && r->threads == 2 && r->repeat == 3);
    for (size_t i = 0; i < 2; i++) {
        const thaw_bench_device *d = r->devices[i];
        assert_string_equal(d->name, i == 0 ? "cpu:0" : "cpu:0,isa=generic");
        assert_int_equal(d->self_test, THAW_SELF_TEST_REFERENCE);
        check_stat(d->peak_gflops, 6); /* before and after */
        check_stat(d->copy_gb_per_s, 3);
        assert_string_equal(d->peak_source, "thaw.peak/1");
        assert_int_equal(d->n_sections, 1);
        check_stat(d->sections[0]->seconds, 3);
        assert_null(d->sections[0]->error);
        /* Forward 2048*5, backward of the filter as much; nothing flows back beyond the head. */
        assert_int_equal(d->sections[0]->macs_per_image, 2 * 2048 * 5);
        assert_true(d->n_ops > 4);
        double sum = 0;
        size_t places = 0;
        for (size_t k = 0; k < d->n_ops; k++) {
            assert_null(d->ops[k]->error);
            assert_true(d->ops[k]->seconds.n > 0 && d->ops[k]->bytes > 0);
            sum += d->ops[k]->share_of_program;
            places += d->ops[k]->places;
        }
        assert_true(fabs(sum - 1) < 1e-9 && places >= d->n_ops);
    }
    thaw_bench_report_free(r);
    thaw_context_free(context);
}

static void what_was_measured_is_kept(void **state)
{
    (void)state;
    static const char *const devices[] = {"cpu:0", "cpu:0,isa=generic"};
    thaw_context *context = make_context();
    static const char *const places[] = {"cpu:0 peak 0 #2", "cpu:0 copy 0 #2", "cpu:0,isa=generic head 2 #2",
                                         "cpu:0 ops of head 2 #3"};
    const size_t counts[] = {2, 1, 2, 1};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        trace t = {.stop_at = places[i]};
        thaw_error err = {0};
        thaw_bench_report *r = NULL;
        const thaw_bench_options o = small_options(devices, counts[i], &t);
        assert_int_equal(thaw_bench_run(context, &o, &r, &err), THAW_E_CANCELLED);
        assert_non_null(r);
        assert_false(r->complete);
        assert_int_equal(r->n_devices, counts[i]);
        const thaw_bench_device *d = r->devices[0];
        assert_true(d->peak_gflops.n > 0);
        assert_int_equal(d->n_sections, i >= 2 ? 1 : 0);
        /* The turn that was begun is finished. */
        if (i == 2) {
            check_stat(d->sections[0]->seconds, 2);
            check_stat(r->devices[1]->sections[0]->seconds, 2);
        }
        if (i == 3)
            assert_true(d->n_ops >= 2 && d->n_ops < 5);
        thaw_bench_report_free(r);
    }
    thaw_context_free(context);
}

/* The toy measures no peak and takes few ops; toy:2 has no room for any program. */
static void a_device_may_decline_or_fail(void **state)
{
    (void)state;
    static const char *const devices[] = {"toy:1", "toy:2", "cpu:0"};
    trace t = {.n = 0};
    thaw_error err = {0};
    thaw_bench_report *r = NULL;
    thaw_context *context = make_context();
    thaw_bench_options o = small_options(devices, 3, &t);
    assert_int_equal(thaw_bench_run(context, &o, &r, &err), THAW_OK);
    const thaw_bench_device *declines = r->devices[0], *fails = r->devices[1], *works = r->devices[2];
    assert_null(declines->peak_source);
    assert_true(declines->n_notes > 0 && strstr(declines->notes[0], "peak"));
    check_stat(declines->sections[0]->seconds, 3);
    assert_true(declines->sections[0]->fallback_ops > 0 && declines->sections[0]->fallback_bytes > 0);
    bool timed = false, elsewhere = false;
    for (size_t i = 0; i < declines->n_ops; i++) {
        timed = timed || declines->ops[i]->seconds.n > 0;
        elsewhere =
            elsewhere || (declines->ops[i]->error && strstr(declines->ops[i]->error, "runs on cpu:0"));
    }
    assert_true(timed && elsewhere);
    assert_non_null(fails->sections[0]->error);
    assert_int_equal(fails->sections[0]->seconds.n, 0);
    check_stat(works->sections[0]->seconds, 3);
    thaw_bench_report_free(r);

    o.on_decline = THAW_ON_DECLINE_ERROR;
    o.n_devices = 1;
    assert_int_equal(thaw_bench_run(context, &o, &r, &err), THAW_OK);
    assert_non_null(strstr(r->devices[0]->sections[0]->error, "no device takes it"));
    thaw_bench_report_free(r);
    thaw_context_free(context);
}

static void refuse(thaw_context *context, const thaw_bench_options *o, thaw_status status, const char *word)
{
    thaw_error err = {0};
    thaw_bench_report *r = NULL;
    assert_int_equal(thaw_bench_run(context, o, &r, &err), status);
    assert_null(r);
    if (!strstr(err.text, word))
        fail_msg("\"%s\" does not say \"%s\"", err.text, word);
}

static void wrong_options(void **state)
{
    (void)state;
    static const char *const absent[] = {"cpu:7"}, *const section[] = {"haed"};
    static const uint32_t zero[] = {8, 0};
    trace t = {.n = 0};
    thaw_context *context = make_context();
    thaw_bench_options o = small_options(absent, 1, &t);
    refuse(context, &o, THAW_E_NOT_FOUND, "there are: cpu:0");
    o.n_devices = 0;
    o.sections = section;
    refuse(context, &o, THAW_E_INVALID, "prefix, head, finetune");
    o.sections = head;
    o.batch_sizes = zero;
    o.n_batch_sizes = 2;
    refuse(context, &o, THAW_E_INVALID, "batch size 0");
    o.n_batch_sizes = 1;
    o.input_size = 74;
    refuse(context, &o, THAW_E_INVALID, "75 to");
    o.input_size = 75;
    o.seconds = NAN;
    refuse(context, &o, THAW_E_INVALID, "seconds");
    o.seconds = 0;
    o.n_classes = 1;
    refuse(context, &o, THAW_E_INVALID, "classes");
    o.n_classes = 5;
    o.precision = 9;
    refuse(context, &o, THAW_E_INVALID, "precision");
    o.precision = 0;
    o.on_decline = 9;
    refuse(context, &o, THAW_E_INVALID, "on_decline is 9");
    o.struct_size = 0;
    refuse(context, &o, THAW_E_INVALID, "thaw_bench_options_init");
    assert_int_equal(t.n, 0);
    thaw_context_free(context);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(devices_take_turns), cmocka_unit_test(what_was_measured_is_kept),
        cmocka_unit_test(a_device_may_decline_or_fail), cmocka_unit_test(wrong_options)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
