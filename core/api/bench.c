/* bench.c: comparing hardware through thaw.h: options, devices, the run. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/api/bench_report.h"
#include "core/base/memory.h"
#include "core/tune/timing.h"

#define MAX_BATCH   4096u
#define MAX_BATCHES 16u

static const uint32_t default_batches[] = {1, 8, 32}, default_steps[] = {32}, quick_batches[] = {8};

void thaw_bench_options_init(thaw_bench_options *options, size_t struct_size)
{
    const thaw_bench_options defaults = {
        .input_size = THAW_FULL_INPUT_SIZE, .n_classes = 5, .on_decline = THAW_ON_DECLINE_ALLOW};
    thaw_write_struct(options, struct_size, &defaults, sizeof defaults);
}

/* ---- options ---------------------------------------------------------------------------------------- */

static thaw_status fail_section(const char *name, thaw_error *err)
{
    return thaw_fail(err, THAW_E_INVALID,
                     "there is no section \"%.40s\": it is one of prefix, head, finetune, forward, train",
                     name);
}

static thaw_status read_sections(const thaw_bench_options *o, uint32_t *kinds, thaw_error *err)
{
    *kinds = o->n_sections > 0 ? 0 : (1u << BENCH_N_KINDS) - 1;
    for (size_t i = 0; i < o->n_sections; i++) {
        uint32_t k = 0;
        while (k < BENCH_N_KINDS && strcmp(thaw_bench_kind_name(k), o->sections[i]) != 0)
            k++;
        if (k == BENCH_N_KINDS)
            return fail_section(o->sections[i], err);
        *kinds |= 1u << k;
    }
    return THAW_OK;
}

static thaw_status check_numbers(const thaw_bench_options *o, thaw_error *err)
{
    if (o->n_batch_sizes > MAX_BATCHES)
        return thaw_fail(err, THAW_E_INVALID, "%zu batch sizes: at most %u", o->n_batch_sizes, MAX_BATCHES);
    for (size_t i = 0; i < o->n_batch_sizes; i++)
        if (o->batch_sizes[i] < 1 || o->batch_sizes[i] > MAX_BATCH)
            return thaw_fail(err, THAW_E_INVALID, "batch size %u: 1 to %u", o->batch_sizes[i], MAX_BATCH);
    if (o->repeat > BENCH_MAX_REPEAT)
        return thaw_fail(err, THAW_E_INVALID, "%u repetitions: at most %u", o->repeat, BENCH_MAX_REPEAT);
    if (!(o->seconds >= 0 && o->seconds <= 1e6))
        return thaw_fail(err, THAW_E_INVALID, "%g seconds: 0 to a million", o->seconds);
    if (o->input_size < THAW_MIN_INPUT_SIZE || o->input_size > 4096)
        return thaw_fail(err, THAW_E_INVALID, "input size %u: %d to 4096", o->input_size,
                         THAW_MIN_INPUT_SIZE);
    if (o->n_classes < 2 || o->n_classes > 100000)
        return thaw_fail(err, THAW_E_INVALID, "%u classes: 2 to 100000", o->n_classes);
    thaw_fallback fallback;
    thaw_where where = {0};
    thaw_status st = thaw_permit(o->precision, o->exact, &where, err);
    return st == THAW_OK ? thaw_read_decline(o->on_decline, &fallback, err) : st;
}

static int by_size(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Each size once, rising. */
static thaw_status copy_sizes(const uint32_t *sizes, size_t n, uint32_t **out, size_t *count, thaw_error *err)
{
    *out = thaw_calloc(n, sizeof **out);
    *count = 0;
    if (!*out)
        return thaw_fail_memory(err, n * sizeof **out, "batch sizes");
    memcpy(*out, sizes, n * sizeof **out);
    qsort(*out, n, sizeof **out, by_size);
    for (size_t i = 0; i < n; i++)
        if (*count == 0 || (*out)[i] != (*out)[*count - 1])
            (*out)[(*count)++] = (*out)[i];
    return THAW_OK;
}

static thaw_status read_sizes(const thaw_bench_options *o, held_bench *held, thaw_error *err)
{
    const bool given = o->n_batch_sizes > 0;
    const uint32_t *batches = given ? o->batch_sizes : o->quick ? quick_batches : default_batches;
    const uint32_t *steps = given ? o->batch_sizes : o->quick ? quick_batches : default_steps;
    const size_t n = given      ? o->n_batch_sizes
                     : o->quick ? sizeof quick_batches / sizeof quick_batches[0]
                                : sizeof default_batches / sizeof default_batches[0];
    thaw_status st = copy_sizes(batches, n, &held->batches, &held->n_batches, err);
    if (st == THAW_OK)
        st = copy_sizes(steps, given ? n : 1, &held->steps, &held->n_steps, err);
    return st;
}

static void forward_step(void *ctx, const bench_progress *p)
{
    const thaw_bench_options *o = ctx;
    const thaw_bench_step step = {.struct_size = sizeof step,
                                  .doing = (int32_t)p->doing,
                                  .device = p->device,
                                  .what = p->what,
                                  .batch = p->batch,
                                  .repetition = p->repetition,
                                  .repetitions = p->repetitions,
                                  .done = p->done,
                                  .total = p->total};
    if (o->on_step)
        o->on_step(o->ctx, &step);
}

static bench_options measuring_options(thaw_bench_options *o, const held_bench *held, uint32_t kinds)
{
    return (bench_options){.input_size = o->input_size,
                           .n_classes = o->n_classes,
                           .kinds = kinds,
                           .batches = held->batches,
                           .n_batches = held->n_batches,
                           .steps = held->steps,
                           .n_steps = held->n_steps,
                           .ops = !o->no_ops,
                           .op_kinds = o->quick ? kinds & ~(1u << BENCH_TRAIN) : kinds,
                           .repeat = o->repeat > 0 ? o->repeat
                                     : o->quick    ? 3
                                                   : 7,
                           .seconds = o->seconds > 0 ? o->seconds
                                      : o->quick     ? 1
                                                     : 10,
                           .op_seconds = o->quick ? 0.02 : 0.25,
                           .copy_bytes = (uint64_t)(o->quick ? 256 : 1024) << 20,
                           .peak_seconds = o->quick ? 0.1 : 0.3,
                           .cancel = o->cancel,
                           .progress = forward_step,
                           .ctx = o};
}

/* ---- devices ---------------------------------------------------------------------------------------- */

static thaw_status open_device(thaw_context *context, const thaw_bench_options *o, const char *name,
                               held_bench *held, thaw_error *err)
{
    const size_t i = held->n;
    thaw_session *session = &held->sessions[i];
    bench_device *device = &held->devices[i];
    session->runtime = context->runtime;
    double start = tune_now();
    thaw_status st = thaw_session_open_plain(context, name, o->on_decline, session, err);
    held->open_seconds[i] = tune_now() - start;
    if (st == THAW_OK)
        st = thaw_session_learn(context, name, session, err);
    if (st != THAW_OK) {
        thaw_session_close(session);
        memset(session, 0, sizeof *session);
        return st;
    }
    held->n++;
    held->entries[i] = thaw_entry_of(context->runtime, session->dev);
    /* The device's own name for "cpu" or "auto", and the options behind it. */
    if (asprintf(&held->names[i], "%s%s", session->dev->name, name + strcspn(name, ",")) < 0) {
        held->names[i] = NULL;
        return thaw_fail_memory(err, strlen(name), "a device's name");
    }
    st = thaw_permit(o->precision, o->exact, &session->where, err);
    if (st != THAW_OK)
        return st;
    *device = (bench_device){.name = held->names[i],
                             .where = session->where,
                             .peak_extension =
                                 thaw_runtime_extension(context->runtime, session->dev, THAW_EXT_PEAK)};
    return THAW_OK;
}

static thaw_status room_for_devices(held_bench *held, size_t n, thaw_error *err)
{
    held->sessions = thaw_calloc(n, sizeof *held->sessions);
    held->devices = thaw_calloc(n, sizeof *held->devices);
    held->entries = thaw_calloc(n, sizeof *held->entries);
    held->names = thaw_calloc(n, sizeof *held->names);
    held->open_seconds = thaw_calloc(n, sizeof *held->open_seconds);
    if (!held->sessions || !held->devices || !held->entries || !held->names || !held->open_seconds)
        return thaw_fail_memory(err, n * sizeof *held->sessions, "devices");
    return THAW_OK;
}

/* One that nobody has named may be broken: the others are measured. */
static thaw_status open_all(thaw_context *context, const thaw_bench_options *o, held_bench *held,
                            thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < thaw_runtime_device_count(context->runtime); i++) {
        const thaw_device_entry *entry = thaw_runtime_device(context->runtime, i);
        thaw_error why = entry->error;
        st = why.status == THAW_OK ? open_device(context, o, entry->name, held, &why) : why.status;
        if (st == THAW_E_NO_MEMORY)
            return thaw_fail(err, st, "%s", why.text);
        if (st != THAW_OK)
            thaw_log_at(&context->log, THAW_LOG_WARN, "%s is left out: %s", entry->name, why.text);
        st = THAW_OK;
    }
    return held->n > 0 ? THAW_OK
                       : thaw_fail(err, THAW_E_NOT_FOUND,
                                   "there is no device to measure: see `thaw devices -v` for why");
}

static thaw_status open_devices(thaw_context *context, const thaw_bench_options *o, held_bench *held,
                                thaw_error *err)
{
    const size_t n = o->n_devices > 0 ? o->n_devices : thaw_runtime_device_count(context->runtime);
    thaw_status st = room_for_devices(held, n, err);
    if (st != THAW_OK || o->n_devices == 0)
        return st == THAW_OK ? open_all(context, o, held, err) : st;
    for (size_t i = 0; st == THAW_OK && i < n; i++)
        st = open_device(context, o, o->devices[i], held, err);
    return st;
}

/* ---- the run ---------------------------------------------------------------------------------------- */

static void tell_time(char out[24])
{
    time_t now = time(NULL);
    struct tm utc;
    if (!gmtime_r(&now, &utc) || strftime(out, 24, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0)
        out[0] = '\0';
}

static thaw_status measure(thaw_context *context, thaw_bench_options *o, uint32_t kinds, held_bench *held,
                           thaw_error *err)
{
    const bench_options options = measuring_options(o, held, kinds);
    thaw_bench_report *r = &held->report;
    tell_time(r->time_utc);
    thaw_bench_host(&held->host);
    r->clock_ghz_start = thaw_bench_clock_ghz();
    thaw_status st = thaw_bench_measure(held->devices, held->n, &options, err);
    r->clock_ghz_end = thaw_bench_clock_ghz();
    r->peak_rss_bytes = thaw_bench_peak_rss();
    r->complete = st == THAW_OK;
    r->threads = thaw_threads_count(thaw_runtime_threads(context->runtime));
    r->repeat = options.repeat;
    r->seconds = options.seconds;
    r->input_size = o->input_size;
    r->n_classes = o->n_classes;
    r->precision = o->precision;
    r->exact = o->exact != 0;
    r->quick = o->quick != 0;
    for (uint32_t k = 0; k < BENCH_N_KINDS; k++)
        if (kinds >> k & 1)
            held->sections[r->n_section_names++] = thaw_bench_kind_name(k);
    return st;
}

thaw_status thaw_bench_run(thaw_context *context, const thaw_bench_options *options, thaw_bench_report **out,
                           thaw_error *err)
{
    thaw_bench_options o;
    uint32_t kinds = 0;
    *out = NULL;
    held_bench *held = thaw_calloc(1, sizeof *held);
    if (!held)
        return thaw_fail_memory(err, sizeof *held, "a report");
    thaw_bench_options_init(&o, sizeof o);
    thaw_status st = thaw_read_options(&o, sizeof o, options, "thaw_bench_options", err);
    if (st == THAW_OK)
        st = check_numbers(&o, err);
    if (st == THAW_OK)
        st = read_sections(&o, &kinds, err);
    if (st == THAW_OK)
        st = read_sizes(&o, held, err);
    if (st == THAW_OK)
        st = open_devices(context, &o, held, err);
    if (st == THAW_OK)
        st = measure(context, &o, kinds, held, err);
    thaw_status written = THAW_OK;
    if (st == THAW_OK || st == THAW_E_CANCELLED)
        written = thaw_bench_write_report(held, st == THAW_OK ? err : NULL);
    for (size_t i = 0; i < held->n; i++)
        thaw_session_close(&held->sessions[i]);
    if ((st != THAW_OK && st != THAW_E_CANCELLED) || written != THAW_OK) {
        thaw_bench_report_free(&held->report);
        return st == THAW_OK ? written : st;
    }
    *out = &held->report;
    return st;
}
