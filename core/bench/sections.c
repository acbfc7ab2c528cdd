/* sections.c: one program on several devices, in turns. */
#include <stdlib.h>

#include "core/base/memory.h"
#include "core/bench/room.h"

#define WARM_RUNS  10u
#define WARM_SHARE 0.2  /* of the budget */
#define STABLE     0.05 /* two runs that differ by less */
#define SAMPLE     0.01 /* seconds of a sample at least: shorter runs go several to one */
#define MAX_TIMES  10000u
#define SHORT_RUN  0.1 /* seconds; see revive */

/* A device's part of a section. */
typedef struct runner {
    bench_device *device;
    bench_section *section;
    bench_program program;
    double *samples;
    uint32_t n, times;
    double once, spent; /* seconds: of the last run of the warm-up; of all samples */
    bool alive;
} runner;

static bool in_host_memory(const bench_device *device)
{
    return device->where.dev->info.type == THAW_DEVICE_CPU;
}

/* CPU devices share the host's memory, which is handed out before it is there: what is too much would end the
 * whole process, when it is first used. */
static thaw_status check_room(const bench_run *run, const runner *runners, size_t last, size_t available,
                              thaw_error *err)
{
    uint64_t need = 0;
    for (size_t i = 0; i <= last; i++)
        if (runners[i].program.program && in_host_memory(&run->devices[i]))
            need += runners[i].section->device_bytes;
    if (available == 0 || need <= available)
        return THAW_OK;
    return thaw_fail(err, THAW_E_DEVICE_MEMORY,
                     "%llu MiB of memory are needed, with those of the other devices, and %zu MiB are free",
                     (unsigned long long)(need >> 20), available >> 20);
}

static void fail(runner *r, thaw_status status, const thaw_error *why)
{
    r->section->error = *why;
    r->section->error.status = status;
    r->alive = false;
    bench_program_free(&r->program);
    bench_look_after(r->device, status);
}

static thaw_status new_section(bench_device *device, bench_kind kind, uint32_t batch, thaw_error *err)
{
    bench_section *grown = realloc(device->sections, (device->n_sections + 1) * sizeof *device->sections);
    if (!grown)
        return thaw_fail_memory(err, sizeof *grown, "a section");
    device->sections = grown;
    grown[device->n_sections++] = (bench_section){.kind = kind, .batch = batch};
    return THAW_OK;
}

static void prepare(bench_run *run, runner *runners, size_t i, size_t available, bench_ops *ops)
{
    thaw_error why = {0};
    runner *r = &runners[i];
    bench_section *s = r->section;
    bench_tell(run, r->device, thaw_bench_kind_name(s->kind), s->batch, BENCH_PREPARING, 0, 0);
    thaw_status st = r->device->lost
                         ? thaw_fail(&why, THAW_E_DEVICE_LOST, "the device stopped answering before")
                         : bench_program_create(run, r->device, s, ops, &r->program, &why);
    if (st == THAW_OK)
        st = check_room(run, runners, i, available, &why);
    if (st == THAW_OK)
        st = bench_program_start(&r->program, &why);
    r->alive = st == THAW_OK;
    if (st != THAW_OK)
        fail(r, st, &why);
}

/* Runs that do not count, until two take the same time. */
static void warm_up(bench_run *run, runner *r)
{
    thaw_error why = {0};
    double spent = 0, last = 0;
    thaw_status st = THAW_OK;
    bench_tell(run, r->device, thaw_bench_kind_name(r->section->kind), r->section->batch, BENCH_WARMING, 0,
               0);
    for (uint32_t i = 0; st == THAW_OK && i < WARM_RUNS && !bench_stopped(run); i++) {
        last = r->once;
        st = bench_program_time(&r->program, 1, &r->once, &why);
        spent += r->once;
        bool stable = i > 0 && r->once < last * (1 + STABLE) && last < r->once * (1 + STABLE);
        if (stable || spent > WARM_SHARE * run->options->seconds)
            break;
    }
    double times = SAMPLE / (r->once > 1e-9 ? r->once : 1e-9);
    r->times = times < 1 ? 1 : times > MAX_TIMES ? MAX_TIMES : (uint32_t)(times + 1);
    if (st != THAW_OK)
        fail(r, st, &why);
}

/* While another device had its turn, this one's caches were filled with other things, and its clock may have
 * been lowered: a run that does not count brings both back, where it costs little. */
static thaw_status revive(const bench_run *run, runner *r, thaw_error *err)
{
    double ignored;
    return run->n > 1 && r->once < SHORT_RUN ? bench_program_time(&r->program, 1, &ignored, err) : THAW_OK;
}

static void take_sample(bench_run *run, runner *r)
{
    thaw_error why = {0};
    double seconds;
    bench_tell(run, r->device, thaw_bench_kind_name(r->section->kind), r->section->batch, BENCH_MEASURING,
               r->n + 1, run->options->repeat);
    thaw_status st = revive(run, r, &why);
    if (st == THAW_OK)
        st = bench_program_time(&r->program, r->times, &seconds, &why);
    if (st != THAW_OK) {
        fail(r, st, &why);
        return;
    }
    r->samples[r->n++] = seconds;
    r->spent += seconds * r->times;
}

static bool wants_more(const bench_run *run, const runner *r)
{
    return r->alive && bench_again(run->options, r->n, r->spent, run->options->seconds);
}

static void take_turns(bench_run *run, runner *runners)
{
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < run->n; i++) {
            if (!wants_more(run, &runners[i]) || bench_stopped(run))
                continue;
            take_sample(run, &runners[i]);
            more = more || wants_more(run, &runners[i]);
        }
    }
}

static void finish(runner *r)
{
    thaw_error why = {0};
    if (r->alive && r->n > 0 && bench_program_check(&r->program, &why) != THAW_OK)
        fail(r, THAW_E_CHECK, &why);
    if (r->alive)
        r->section->seconds = thaw_bench_stat_of(r->samples, r->n);
}

static thaw_status begin(bench_run *run, runner *runners, bench_kind kind, uint32_t batch, thaw_error *err)
{
    thaw_status st = THAW_OK;
    for (size_t i = 0; st == THAW_OK && i < run->n; i++) {
        runner *r = &runners[i];
        r->device = &run->devices[i];
        r->samples = thaw_calloc(run->options->repeat, sizeof *r->samples);
        if (!r->samples)
            return thaw_fail_memory(err, run->options->repeat * sizeof *r->samples, "samples");
        st = new_section(r->device, kind, batch, err);
        if (st == THAW_OK)
            r->section = &r->device->sections[r->device->n_sections - 1];
    }
    return st;
}

static void end(bench_run *run, runner *runners)
{
    for (size_t i = 0; i < run->n; i++) {
        bench_device *d = runners[i].device;
        bench_program_free(&runners[i].program);
        free(runners[i].samples);
        /* Stopped before there was anything to say. */
        if (runners[i].section && runners[i].section->seconds.n == 0 &&
            runners[i].section->error.status == THAW_OK)
            d->n_sections--;
    }
    free(runners);
}

thaw_status bench_measure_section(bench_run *run, bench_kind kind, uint32_t batch, bench_ops *ops,
                                  thaw_error *err)
{
    runner *runners = thaw_calloc(run->n, sizeof *runners);
    if (!runners)
        return thaw_fail_memory(err, run->n * sizeof *runners, "a section");
    const size_t available = thaw_available_memory();
    thaw_status st = begin(run, runners, kind, batch, err);
    for (size_t i = 0; st == THAW_OK && i < run->n && !bench_stopped(run); i++)
        prepare(run, runners, i, available, ops ? &ops[i] : NULL);
    for (size_t i = 0; st == THAW_OK && i < run->n && !bench_stopped(run); i++)
        if (runners[i].alive)
            warm_up(run, &runners[i]);
    if (st == THAW_OK)
        take_turns(run, runners);
    for (size_t i = 0; st == THAW_OK && i < run->n; i++)
        finish(&runners[i]);
    end(run, runners);
    run->done += run->n;
    return st == THAW_OK && bench_stopped(run) ? bench_fail_stopped(err) : st;
}
