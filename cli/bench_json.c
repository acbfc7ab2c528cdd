/* bench_json.c: see bench_report.h. */
#include <math.h>

#include "bench_report.h"
#include "cli.h"
#include "json.h"

/* null where a number is not known. */
static void known(cli_json *json, const char *key, double value)
{
    cli_json_real(json, key, value > 0 ? value : NAN);
}

static void known_count(cli_json *json, const char *key, uint64_t value)
{
    if (value > 0)
        cli_json_count(json, key, value);
    else
        cli_json_raw(json, key, NULL);
}

static void stat(cli_json *json, const char *key, thaw_bench_stat s)
{
    if (s.n == 0) {
        cli_json_raw(json, key, NULL);
        return;
    }
    cli_json_object(json, key);
    cli_json_real(json, "median", s.median);
    cli_json_real(json, "min", s.min);
    cli_json_real(json, "max", s.max);
    cli_json_count(json, "n", s.n);
    cli_json_end(json, '}');
}

static void sizes(cli_json *json, const char *key, const uint32_t *items, size_t n)
{
    cli_json_array(json, key);
    for (size_t i = 0; i < n; i++)
        cli_json_count(json, NULL, items[i]);
    cli_json_end(json, ']');
}

static void texts(cli_json *json, const char *key, const char *const *items, size_t n)
{
    cli_json_array(json, key);
    for (size_t i = 0; i < n; i++)
        cli_json_text(json, NULL, items[i]);
    cli_json_end(json, ']');
}

static void options(cli_json *json, const thaw_bench_report *r)
{
    cli_json_object(json, "options");
    sizes(json, "batch_sizes", r->batch_sizes, r->n_batch_sizes);
    sizes(json, "step_batch_sizes", r->step_sizes, r->n_step_sizes);
    cli_json_count(json, "repeat", r->repeat);
    cli_json_real(json, "seconds", r->seconds);
    cli_json_count(json, "threads", r->threads);
    cli_json_text(json, "precision", cli_precision_name(r->precision));
    cli_json_bool(json, "exact", r->exact);
    cli_json_count(json, "input_size", r->input_size);
    cli_json_count(json, "classes", r->n_classes);
    texts(json, "sections", r->section_names, r->n_section_names);
    cli_json_bool(json, "quick", r->quick);
    cli_json_bool(json, "interleaved", r->n_devices > 1);
    cli_json_end(json, '}');
}

static void host(cli_json *json, const thaw_bench_report *r)
{
    cli_json_object(json, "host");
    cli_json_text(json, "cpu", r->cpu);
    cli_json_count(json, "cores", r->cores);
    known_count(json, "memory_bytes", r->memory_bytes);
    cli_json_text(json, "os", r->os);
    known(json, "clock_ghz_start", r->clock_ghz_start);
    known(json, "clock_ghz_end", r->clock_ghz_end);
    known(json, "clock_ghz_os", r->os_clock_ghz);
    cli_json_text(json, "governor", r->governor);
    known_count(json, "peak_rss_bytes", r->peak_rss_bytes);
    cli_json_end(json, '}');
}

static void section(cli_json *json, const thaw_bench_section *s)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "name", s->name);
    cli_json_count(json, "batch", s->batch);
    stat(json, "seconds", s->seconds);
    known(json, "images_per_second", s->images_per_second);
    known_count(json, "macs_per_image", s->macs_per_image);
    known(json, "gflops", s->gflops);
    known(json, "share_of_peak", s->share_of_peak);
    known(json, "prepare_seconds", s->prepare_seconds);
    known_count(json, "device_bytes", s->device_bytes);
    cli_json_count(json, "variable_bytes", s->variable_bytes);
    cli_json_count(json, "fallback_ops", s->fallback_ops);
    cli_json_count(json, "fallback_bytes", s->fallback_bytes);
    cli_json_text(json, "error", s->error);
    cli_json_end(json, '}');
}

static void op(cli_json *json, const thaw_bench_op *o)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "program", o->program);
    cli_json_count(json, "batch", o->batch);
    cli_json_text(json, "op", o->op);
    cli_json_text(json, "label", o->label);
    cli_json_text(json, "shape", o->shape);
    cli_json_text(json, "algorithm", o->algorithm);
    cli_json_text(json, "signature", o->signature);
    cli_json_count(json, "places", o->places);
    stat(json, "seconds", o->seconds);
    cli_json_count(json, "macs", o->macs);
    known(json, "gflops", o->gflops);
    cli_json_count(json, "bytes", o->bytes);
    known(json, "gb_per_s", o->gb_per_s);
    known(json, "share_of_peak", o->share_of_peak);
    known(json, "share_of_program", o->share_of_program);
    cli_json_text(json, "error", o->error);
    cli_json_end(json, '}');
}

static void device(cli_json *json, const thaw_bench_device *d)
{
    static const char *const states[] = {"not run", "passed", "failed", "reference"};
    cli_json_object(json, NULL);
    cli_json_text(json, "name", d->name);
    cli_json_text(json, "title", d->title);
    cli_json_text(json, "type",
                  d->type == THAW_UNIT_CPU   ? "cpu"
                  : d->type == THAW_UNIT_GPU ? "gpu"
                                             : "other");
    cli_json_text(json, "vendor", d->vendor);
    cli_json_text(json, "driver", d->driver);
    cli_json_text(json, "detail", d->detail);
    cli_json_text(json, "plugin", d->plugin);
    cli_json_text(json, "plugin_version", d->plugin_version);
    known_count(json, "memory_bytes", d->memory_bytes);
    known_count(json, "cores", d->cores);
    cli_json_bool(json, "tuned", d->tuned);
    cli_json_text(json, "self_test", states[d->self_test]);
    cli_json_real(json, "open_seconds", d->open_seconds);
    cli_json_object(json, "peak");
    stat(json, "gflops", d->peak_gflops);
    cli_json_text(json, "source", d->peak_source);
    stat(json, "copy_gb_per_s", d->copy_gb_per_s);
    cli_json_end(json, '}');
    cli_json_array(json, "sections");
    for (size_t i = 0; i < d->n_sections; i++)
        section(json, d->sections[i]);
    cli_json_end(json, ']');
    cli_json_array(json, "ops");
    for (size_t i = 0; i < d->n_ops; i++)
        op(json, d->ops[i]);
    cli_json_end(json, ']');
    texts(json, "notes", d->notes, d->n_notes);
    cli_json_end(json, '}');
}

void cli_bench_json(const thaw_bench_report *r, FILE *stream)
{
    cli_json json = {.stream = stream};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "format", "thaw-bench/1");
    cli_json_bool(&json, "complete", r->complete);
    cli_json_text(&json, "thaw", thaw_version());
    cli_json_text(&json, "time_utc", r->time_utc);
    options(&json, r);
    host(&json, r);
    cli_json_array(&json, "devices");
    for (size_t i = 0; i < r->n_devices; i++)
        device(&json, r->devices[i]);
    cli_json_end(&json, ']');
    cli_json_end(&json, '}');
}
