/* bench_report.c: from samples to rates and shares. */
#include "core/api/bench_report.h"

#include <stdlib.h>

#include "core/base/memory.h"

static thaw_bench_stat stat_of(bench_stat s)
{
    return (thaw_bench_stat){s.median, s.min, s.max, s.n};
}

/* 0 where either is not known. */
static double ratio(double a, double b)
{
    return b > 0 ? a / b : 0;
}

static void write_section(const bench_section *s, double peak, thaw_bench_section *out)
{
    const double gflops = ratio(2e-9 * (double)s->macs * s->batch, s->seconds.median);
    *out = (thaw_bench_section){.struct_size = sizeof *out,
                                .batch = s->batch,
                                .name = thaw_bench_kind_name(s->kind),
                                .seconds = stat_of(s->seconds),
                                .images_per_second = ratio(s->batch, s->seconds.median),
                                .macs_per_image = s->macs,
                                .gflops = gflops,
                                .share_of_peak = ratio(gflops, peak),
                                .prepare_seconds = s->prepare_seconds,
                                .device_bytes = s->device_bytes,
                                .variable_bytes = s->variable_bytes,
                                .fallback_ops = s->fallback_ops,
                                .fallback_bytes = s->fallback_bytes,
                                .error = s->error.status != THAW_OK ? s->error.text : NULL};
}

static void write_op(const bench_op *op, double peak, thaw_bench_op *out)
{
    const double gflops = ratio(2e-9 * (double)op->macs, op->seconds.median);
    *out = (thaw_bench_op){.struct_size = sizeof *out,
                           .batch = op->batch,
                           .program = thaw_bench_kind_name(op->program),
                           .op = op->op,
                           .label = op->label,
                           .shape = op->shape,
                           .algorithm = op->algorithm,
                           .signature = op->signature,
                           .places = op->places,
                           .seconds = stat_of(op->seconds),
                           .macs = op->macs,
                           .gflops = gflops,
                           .bytes = op->bytes,
                           .gb_per_s = ratio(1e-9 * (double)op->bytes, op->seconds.median),
                           .share_of_peak = ratio(gflops, peak),
                           .share_of_program = op->share,
                           .error = op->error[0] ? op->error : NULL};
}

static thaw_status write_rows(const bench_device *d, held_bench_device *held, thaw_error *err)
{
    held->sections = thaw_calloc(d->n_sections, sizeof *held->sections);
    held->section_pointers = thaw_calloc(d->n_sections, sizeof *held->section_pointers);
    held->ops = thaw_calloc(d->n_ops, sizeof *held->ops);
    held->op_pointers = thaw_calloc(d->n_ops, sizeof *held->op_pointers);
    held->notes = thaw_calloc(d->n_notes, sizeof *held->notes);
    if (!held->sections || !held->section_pointers || !held->ops || !held->op_pointers || !held->notes)
        return thaw_fail_memory(err, d->n_ops * sizeof *held->ops, "the report of a device");
    for (size_t i = 0; i < d->n_sections; i++) {
        write_section(&d->sections[i], d->peak.max, &held->sections[i]);
        held->section_pointers[i] = &held->sections[i];
    }
    for (size_t i = 0; i < d->n_ops; i++) {
        write_op(&d->ops[i], d->peak.max, &held->ops[i]);
        held->op_pointers[i] = &held->ops[i];
    }
    for (size_t i = 0; i < d->n_notes; i++)
        held->notes[i] = d->notes[i].text;
    return THAW_OK;
}

static void write_device(const held_bench *held, size_t i, held_bench_device *out)
{
    const bench_device *d = &held->devices[i];
    const thaw_device_entry *entry = held->entries[i];
    const thaw_session *session = &held->sessions[i];
    out->report = (thaw_bench_device){.struct_size = sizeof out->report,
                                      .type = (int32_t)entry->info.type,
                                      .name = d->name,
                                      .title = entry->info.name,
                                      .vendor = entry->info.vendor,
                                      .driver = entry->info.driver,
                                      .detail = entry->info.detail,
                                      .plugin = entry->plugin_id,
                                      .plugin_version = entry->plugin_version,
                                      .memory_bytes = entry->info.memory_bytes,
                                      .cores = entry->info.compute_units,
                                      .tuned = session->tuned,
                                      .self_test = session->self_test,
                                      .open_seconds = held->open_seconds[i],
                                      .peak_gflops = stat_of(d->peak),
                                      .peak_source = d->peak.n > 0 ? d->peak_source : NULL,
                                      .copy_gb_per_s = stat_of(d->copy),
                                      .n_sections = d->n_sections,
                                      .sections = out->section_pointers,
                                      .n_ops = d->n_ops,
                                      .ops = out->op_pointers,
                                      .n_notes = d->n_notes,
                                      .notes = out->notes};
}

thaw_status thaw_bench_write_report(held_bench *held, thaw_error *err)
{
    thaw_bench_report *r = &held->report;
    held->held = thaw_calloc(held->n, sizeof *held->held);
    held->pointers = thaw_calloc(held->n, sizeof *held->pointers);
    if (!held->held || !held->pointers)
        return thaw_fail_memory(err, held->n * sizeof *held->held, "the report");
    for (size_t i = 0; i < held->n; i++) {
        thaw_status st = write_rows(&held->devices[i], &held->held[i], err);
        if (st != THAW_OK)
            return st;
        write_device(held, i, &held->held[i]);
        held->pointers[i] = &held->held[i].report;
    }
    r->struct_size = sizeof *r;
    r->batch_sizes = held->batches;
    r->n_batch_sizes = held->n_batches;
    r->step_sizes = held->steps;
    r->n_step_sizes = held->n_steps;
    r->section_names = held->sections;
    r->cpu = held->host.cpu;
    r->os = held->host.os;
    r->cores = held->host.cores;
    r->memory_bytes = held->host.memory_bytes;
    r->os_clock_ghz = held->host.os_clock_ghz;
    r->governor = held->host.governor[0] ? held->host.governor : NULL;
    r->n_devices = held->n;
    r->devices = held->pointers;
    return THAW_OK;
}

void thaw_bench_report_free(thaw_bench_report *report)
{
    held_bench *held = (held_bench *)report;
    if (!held)
        return;
    for (size_t i = 0; i < held->n; i++) {
        thaw_bench_device_free(&held->devices[i]);
        free(held->names[i]);
    }
    for (size_t i = 0; held->held && i < held->n; i++) {
        free(held->held[i].sections);
        free(held->held[i].section_pointers);
        free(held->held[i].ops);
        free(held->held[i].op_pointers);
        free(held->held[i].notes);
    }
    free(held->batches);
    free(held->steps);
    free(held->sessions);
    free(held->devices);
    free(held->entries);
    free(held->names);
    free(held->open_seconds);
    free(held->held);
    free(held->pointers);
    free(held);
}
