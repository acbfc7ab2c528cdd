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

/* samples: repeat of them for each device. */
static thaw_status measure(bench_run *run, double *samples, uint32_t *counts, thaw_error *err)
{
    const uint32_t repeat = run->options->repeat;
    for (uint32_t r = 0; r < repeat; r++)
        for (size_t i = 0; i < run->n; i++) {
            bench_device *d = &run->devices[i];
            if (bench_stopped(run))
                return bench_fail_stopped(err);
            if (!has_extension(d) || d->lost || counts[i] < r)
                continue;
            bench_tell(run, d, "peak", 0, BENCH_MEASURING, r + 1, repeat);
            if (ask_plugin(run, d, &samples[i * repeat + r]))
                counts[i]++;
        }
    return THAW_OK;
}

thaw_status bench_peaks(bench_run *run, thaw_error *err)
{
    const uint32_t repeat = run->options->repeat;
    double *samples = thaw_calloc(run->n * repeat, sizeof *samples);
    uint32_t *counts = thaw_calloc(run->n, sizeof *counts);
    thaw_status st = samples && counts ? measure(run, samples, counts, err)
                                       : thaw_fail_memory(err, run->n * repeat * sizeof *samples, "samples");
    for (size_t i = 0; samples && counts && i < run->n; i++) {
        bench_device *d = &run->devices[i];
        d->peak = thaw_bench_stat_of(samples + i * repeat, counts[i]);
        d->peak_source = OF_PLUGIN;
        if (st == THAW_OK && counts[i] == 0 && !d->lost)
            st = measure_product(run, d, err);
    }
    free(samples);
    free(counts);
    run->done += run->n;
    return st;
}
