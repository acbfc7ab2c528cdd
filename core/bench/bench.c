/* bench.c: a whole run: what is measured in which order. */
#include "core/bench/bench.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/memory.h"
#include "core/bench/room.h"

/* Noise of both measurements. */
#define PEAK_DOUBT 1.05

static const char *const kind_names[] = {"prefix", "head", "finetune", "forward", "train"};

const char *thaw_bench_kind_name(uint32_t kind)
{
    return kind < BENCH_N_KINDS ? kind_names[kind] : NULL;
}

/* ---- what the files of this room share -------------------------------------------------------------- */

bool bench_stopped(const bench_run *run)
{
    return run->options->cancel && *run->options->cancel;
}

thaw_status bench_fail_stopped(thaw_error *err)
{
    return thaw_fail(err, THAW_E_CANCELLED, "stopped, as asked; what was measured is kept");
}

void bench_tell(const bench_run *run, const bench_device *device, const char *what, uint32_t batch,
                bench_doing doing, uint32_t repetition, uint32_t of)
{
    const bench_progress progress = {.device = device->name,
                                     .what = what,
                                     .batch = batch,
                                     .doing = doing,
                                     .repetition = repetition,
                                     .repetitions = of,
                                     .done = run->done,
                                     .total = run->total};
    if (run->options->progress)
        run->options->progress(run->options->ctx, &progress);
}

void bench_note_down(bench_device *device, const char *format, ...)
{
    void *notes = device->notes;
    va_list args;
    if (!thaw_grow(&notes, &device->note_capacity, device->n_notes + 1, sizeof *device->notes))
        return;
    device->notes = notes;
    bench_note *note = &device->notes[device->n_notes++];
    va_start(args, format);
    vsnprintf(note->text, sizeof note->text, format, args);
    va_end(args);
}

void bench_look_after(bench_device *device, thaw_status status)
{
    if (status == THAW_E_DEVICE_LOST)
        device->lost = true;
}

void thaw_bench_device_free(bench_device *device)
{
    free(device->sections);
    free(device->ops);
    free(device->notes);
    device->sections = NULL;
    device->ops = NULL;
    device->notes = NULL;
    device->n_sections = device->n_ops = device->n_notes = 0;
}

/* ---- the run ---------------------------------------------------------------------------------------- */

static bool wants(uint32_t kinds, uint32_t kind)
{
    return kinds >> kind & 1;
}

static size_t pieces(const bench_options *o, size_t devices)
{
    size_t n = 3;
    for (uint32_t k = 0; k < BENCH_N_KINDS; k++)
        if (wants(o->kinds, k))
            n += (bench_is_step(k) ? o->n_steps : o->n_batches) + (o->ops && wants(o->op_kinds, k));
    return n * devices;
}

static thaw_status measure_ops(bench_run *run, const bench_ops *lists, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < run->n; i++) {
        st = bench_measure_ops(run, &run->devices[i], &lists[i], err);
        run->done++;
    }
    return st;
}

static thaw_status measure_kind(bench_run *run, bench_kind kind, thaw_error *err)
{
    const bench_options *o = run->options;
    const uint32_t *batches = bench_is_step(kind) ? o->steps : o->batches;
    const size_t n = bench_is_step(kind) ? o->n_steps : o->n_batches;
    const bool with_ops = o->ops && wants(o->op_kinds, kind);
    thaw_status st = THAW_OK;
    bench_ops *lists = thaw_calloc(run->n, sizeof *lists);
    if (!lists)
        return thaw_fail_memory(err, run->n * sizeof *lists, "lists of ops");
    for (size_t i = 0; st == THAW_OK && i < n; i++)
        st = bench_measure_section(run, kind, batches[i], with_ops ? lists : NULL, err);
    if (st == THAW_OK && with_ops)
        st = measure_ops(run, lists, err);
    for (size_t i = 0; i < run->n; i++)
        bench_ops_free(&lists[i]);
    free(lists);
    return st;
}

/* What is faster than the peak says that the peak was measured while somebody else used the machine, or that
 * it is none; the shares must not be believed. With less than f32 other units compute than those of the f32
 * peak. */
static void doubt_peak(bench_device *device)
{
    double most = 0;
    for (size_t i = 0; i < device->n_sections; i++) {
        const bench_section *s = &device->sections[i];
        if (s->seconds.n > 0 && 2e-9 * (double)s->macs * s->batch > most * s->seconds.median)
            most = 2e-9 * (double)s->macs * s->batch / s->seconds.median;
    }
    if (device->where.precision != THAW_PREC_F32 || device->peak.n == 0 ||
        most <= PEAK_DOUBT * device->peak.max)
        return;
    double share = 100 * most / device->peak.max;
    if (strcmp(device->peak_source, THAW_EXT_PEAK) == 0)
        bench_note_down(
            device,
            "a section ran at %.0f %% of the measured peak: something else kept the device busy while "
            "the peak was measured (measure again on a quiet machine), or an algorithm does less "
            "arithmetic than is counted",
            share);
    else
        bench_note_down(device,
                        "a section ran at %.0f %% of the largest product, which stands in for the peak: the "
                        "device does that product slower than others, so believe no share of the peak; a "
                        "plugin that offers " THAW_EXT_PEAK " has a true one",
                        share);
}

thaw_status thaw_bench_measure(bench_device *devices, size_t n, const bench_options *options, thaw_error *err)
{
    bench_run run = {.devices = devices, .n = n, .options = options, .total = pieces(options, n)};
    for (size_t i = 0; i < n; i++)
        if (thaw_runtime_traced(devices[i].where.runtime))
            bench_note_down(&devices[i],
                            "measured with a trace, which takes its time in each call: these figures "
                            "do not compare with those of a run without");
    thaw_status st = bench_model_create(options->input_size, options->n_classes, &run.model, err);
    if (st == THAW_OK)
        st = bench_peaks_before(&run, err);
    if (st == THAW_OK)
        st = bench_copies(&run, err);
    for (uint32_t k = 0; st == THAW_OK && k < BENCH_N_KINDS; k++)
        if (wants(options->kinds, k))
            st = measure_kind(&run, k, err);
    if (st == THAW_OK)
        st = bench_peaks_after(&run, err);
    for (size_t i = 0; i < n; i++)
        doubt_peak(&devices[i]);
    bench_peaks_free(&run);
    thaw_model_free(run.model);
    return st;
}
