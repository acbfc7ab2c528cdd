/* peak.c: the most arithmetic a device does: what its plugin measures, else the fastest large product. */
#include <math.h>
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/bench/room.h"

#define OF_PLUGIN  THAW_EXT_PEAK
#define OF_PRODUCT "largest product"

/* False, with a note, where the plugin's figure is of no use. */
static bool ask_plugin(const bench_run *run, bench_device *device, double *gflops)
{
    thaw_error why = {0};
    *gflops = 0;
    thaw_status st = device->peak_extension->fma_gflops(device->where.dev->handle, run->options->peak_seconds,
                                                        gflops, &why);
    if (st == THAW_OK && isfinite(*gflops) && *gflops > 0)
        return true;
    why.text[sizeof why.text - 1] = '\0';
    bench_note_down(device, "its own measurement of the peak is not used: %s",
                    st == THAW_OK ? "it is no number above 0" : why.text);
    bench_look_after(device, st);
    return false;
}

static thaw_status measure_product(const bench_run *run, bench_device *device, thaw_error *err)
{
    thaw_error why = {0};
    device->peak_source = OF_PRODUCT;
    thaw_status st = bench_product(run, device, &device->peak, &why);
    if (st == THAW_E_CANCELLED)
        return thaw_fail(err, st, "%s", why.text);
    if (st != THAW_OK)
        bench_note_down(device, "its peak is not known: %s", why.text);
    bench_look_after(device, st);
    return THAW_OK;
}

static bool has_extension(const bench_device *device)
{
    return device->peak_extension && device->peak_extension->struct_size >= THAW_PEAK_V1_SIZE &&
           device->peak_extension->fma_gflops;
}

static thaw_status measure(bench_run *run, thaw_error *err)
{
    const uint32_t repeat = run->options->repeat;
    for (uint32_t r = 0; r < repeat; r++)
        for (size_t i = 0; i < run->n; i++) {
            bench_device *d = &run->devices[i];
            bench_peak_samples *s = &run->peaks[i];
            if (bench_stopped(run))
                return bench_fail_stopped(err);
            if (!has_extension(d) || d->lost || s->failed)
                continue;
            bench_tell(run, d, "peak", 0, BENCH_MEASURING, r + 1, repeat);
            s->failed = !ask_plugin(run, d, &s->values[s->n]);
            s->n += !s->failed;
        }
    return THAW_OK;
}

static void take_stock(bench_run *run)
{
    for (size_t i = 0; i < run->n; i++) {
        bench_device *d = &run->devices[i];
        if (run->peaks[i].n == 0)
            continue;
        d->peak = thaw_bench_stat_of(run->peaks[i].values, run->peaks[i].n);
        d->peak_source = OF_PLUGIN;
    }
}

thaw_status bench_peaks_before(bench_run *run, thaw_error *err)
{
    run->peaks = thaw_calloc(run->n, sizeof *run->peaks);
    if (!run->peaks)
        return thaw_fail_memory(err, run->n * sizeof *run->peaks, "samples");
    for (size_t i = 0; i < run->n; i++) {
        run->peaks[i].values = thaw_calloc(2 * (size_t)run->options->repeat, sizeof(double));
        if (!run->peaks[i].values)
            return thaw_fail_memory(err, run->options->repeat * sizeof(double), "samples");
    }
    thaw_status st = measure(run, err);
    take_stock(run);
    for (size_t i = 0; st == THAW_OK && i < run->n; i++)
        if (run->peaks[i].n == 0 && !run->devices[i].lost)
            st = measure_product(run, &run->devices[i], err);
    run->done += run->n;
    return st;
}

thaw_status bench_peaks_after(bench_run *run, thaw_error *err)
{
    thaw_status st = measure(run, err);
    take_stock(run);
    run->done += run->n;
    return st;
}

void bench_peaks_free(bench_run *run)
{
    for (size_t i = 0; run->peaks && i < run->n; i++)
        free(run->peaks[i].values);
    free(run->peaks);
    run->peaks = NULL;
}
