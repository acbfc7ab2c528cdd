/* room.h: what the files of this room share. */
#ifndef THAW_BENCH_ROOM_H
#define THAW_BENCH_ROOM_H

#include "core/bench/bench.h"
#include "core/graph/lower.h"
#include "core/runtime/place.h"
#include "core/tune/timing.h"

#define BENCH_SEED 1u
/* Repetitions that a budget of time cannot take away. */
#define BENCH_MIN_REPEAT 3u
/* As training has it: a device may pack constants at length. */
#define BENCH_RUNS 1000u

/* Of one device; owned. */
typedef struct bench_peak_samples {
    double *values;
    uint32_t n;
    bool failed;
} bench_peak_samples;

/* A run under way. */
typedef struct bench_run {
    bench_device *devices;
    size_t n;
    const bench_options *options;
    thaw_model *model;         /* made up */
    bench_peak_samples *peaks; /* of each device */
    size_t done, total;
} bench_run;

/* Whether a section is a training step. */
static inline bool bench_is_step(uint32_t kind)
{
    return kind == BENCH_HEAD || kind == BENCH_FINETUNE || kind == BENCH_TRAIN;
}

bool bench_stopped(const bench_run *run);
thaw_status bench_fail_stopped(thaw_error *err); /* THAW_E_CANCELLED */
/* repetition `of` so many; both 0 where nothing is repeated. */
void bench_tell(const bench_run *run, const bench_device *device, const char *what, uint32_t batch,
                bench_doing doing, uint32_t repetition, uint32_t of);
/* A sentence about a device, in printf's manner. Lost where memory is exhausted. */
void bench_note_down(bench_device *device, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Remembers that a device is lost, if that is what the status says. */
void bench_look_after(bench_device *device, thaw_status status);

/* Whether repetition number n (from 0) is still to be made after so many seconds. */
bool bench_again(const bench_options *options, uint32_t n, double spent, double budget);

/* ---- model.c ---------------------------------------------------------------------------------------- */

/* Random weights that keep the size of activations from layer to layer, and a head. */
thaw_status bench_model_create(uint32_t input_size, uint32_t n_classes, thaw_model **out, thaw_error *err);
/* Uniform in middle - limit … middle + limit, the same for the same stream everywhere. */
void bench_fill(uint32_t stream, float *out, size_t n, float middle, float limit);

/* ---- peak.c, product.c, copy.c: THAW_OK also where a device fails ------------------------------------- */

/* Before everything else and after it, so that a clock that falls, or a disturbance at one end, shows. What
 * one finds is added to what the other found. */
thaw_status bench_peaks_before(bench_run *run, thaw_error *err);
thaw_status bench_peaks_after(bench_run *run, thaw_error *err);
void bench_peaks_free(bench_run *run);
/* GFLOP/s of the fastest of some large 1x1 convolutions, as many samples of it as options ask for. */
thaw_status bench_product(const bench_run *run, bench_device *device, bench_stat *out, thaw_error *err);
thaw_status bench_copies(bench_run *run, thaw_error *err);
/* What the process had in use until now counts for nothing. host.c */
void bench_forget_peak_rss(void);

/* ---- program.c --------------------------------------------------------------------------------------- */

#define BENCH_MAX_PORTS (THAW_MAX_CUT + 8u)

typedef struct bench_program {
    thaw_lowered low; /* its graph is freed once it is compiled */
    thaw_var_list list;
    thaw_vars *vars;
    thaw_program *program;
    thaw_binding feeds[BENCH_MAX_PORTS], fetches[BENCH_MAX_PORTS]; /* memory owned */
    size_t fetch_values[BENCH_MAX_PORTS];
    size_t n_feeds, n_fetches;
} bench_program;

typedef struct bench_ops bench_ops; /* ops.c */

/* Compiles a section for its batch, with feeds and memory for results, and fills what section knows of it.
 * ops: receives the list of its ops; may be NULL. Freed by bench_program_free, also after an error. */
thaw_status bench_program_create(const bench_run *run, bench_device *device, bench_section *section,
                                 bench_ops *ops, bench_program *out, thaw_error *err);
void bench_program_free(bench_program *program);
/* As training goes on: while a run is under way the next one's feeds are uploaded. The first feeds are staged
 * by bench_program_start. */
thaw_status bench_program_start(bench_program *program, thaw_error *err);
/* *seconds is that of one of `times` runs. */
thaw_status bench_program_time(bench_program *program, uint32_t times, double *seconds, thaw_error *err);
/* THAW_E_CHECK if a result of the last run is not a finite number. */
thaw_status bench_program_check(const bench_program *program, thaw_error *err);

/* ---- sections.c -------------------------------------------------------------------------------------- */

/* One section at one batch on all devices, in turns. ops: a list for each device, replaced where it succeeds;
 * NULL: not wanted. */
thaw_status bench_measure_section(bench_run *run, bench_kind kind, uint32_t batch, bench_ops *ops,
                                  thaw_error *err);

/* ---- ops.c ------------------------------------------------------------------------------------------- */

typedef struct bench_op_entry {
    bench_op row;
    check_case *cases; /* the op, or pieces of it where it has too many tensors for one; owned */
    size_t n_cases;
} bench_op_entry;

struct bench_ops {
    bench_op_entry *items;
    size_t count, capacity;
};

/* The distinct ops of a program with the algorithms that were chosen for them. Replaces what out has. */
thaw_status bench_ops_gather(const thaw_placement *placement, const bench_device *device,
                             const bench_section *section, bench_ops *out, thaw_error *err);
void bench_ops_free(bench_ops *ops);
/* Times each and appends it to device->ops. What was timed before is not timed again. */
thaw_status bench_measure_ops(bench_run *run, bench_device *device, const bench_ops *ops, thaw_error *err);

#endif
