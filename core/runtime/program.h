/* program.h: a graph compiled for a device: placed, planned, prepared. Running it allocates nothing. */
#ifndef THAW_RUNTIME_PROGRAM_H
#define THAW_RUNTIME_PROGRAM_H

#include "core/graph/graph.h"
#include "core/graph/stages.h"
#include "core/runtime/choices.h"
#include "core/runtime/runtime.h"

/* ---- variables --------------------------------------------------------------------------------- */

/* Device memory of a list of variables, zeroed at creation. One thread at a time, together with the
 * programs that use it. */
typedef struct thaw_vars thaw_vars;
thaw_status thaw_vars_create(thaw_dev *dev, const thaw_var_list *list, thaw_vars **out, thaw_error *err);
void thaw_vars_free(thaw_vars *vars);
size_t thaw_vars_count(const thaw_vars *vars);
const thaw_var_info *thaw_vars_info(const thaw_vars *vars, size_t i);
uint64_t thaw_vars_bytes(const thaw_vars *vars);
/* Dense f32, n*h*w*c values. Both wait for the copy. */
thaw_status thaw_vars_set(thaw_vars *vars, size_t i, const float *values, thaw_error *err);
thaw_status thaw_vars_get(thaw_vars *vars, size_t i, float *values, thaw_error *err);

/* ---- programs ---------------------------------------------------------------------------------- */

typedef struct thaw_program thaw_program;

/* Streams and memory of programs of which only one runs at a time: what they need is that of the largest,
 * if that is created first. One thread at a time. */
typedef struct thaw_lane thaw_lane;
/* dev: that of every program in it. */
thaw_status thaw_lane_create(thaw_dev *dev, thaw_lane **out, thaw_error *err);
/* After its programs. NULL does nothing. */
void thaw_lane_free(thaw_lane *lane);
/* Device memory, of the fallback too. */
uint64_t thaw_lane_bytes(const thaw_lane *lane);

typedef enum { THAW_FALLBACK_WARN = 0, THAW_FALLBACK_ERROR = 1, THAW_FALLBACK_ALLOW = 2 } thaw_fallback;

typedef struct thaw_program_options {
    thaw_dev *dev;
    thaw_dev *fallback_dev; /* takes what dev declines, also in parts; NULL or dev: nobody does */
    thaw_fallback fallback;
    uint64_t runs;               /* expected number of runs, 0 unknown */
    const thaw_choices *choices; /* of algorithms on dev; NULL: the device's own */
    const thaw_log *log;
    thaw_lane *lane;          /* shared with other programs; NULL: its own */
    uint32_t prepare_threads; /* that prepare kernels at the same time; 0: one for each processor */
    /* Told on the calling thread how many kernels are ready, once that takes longer than a second. May be
     * NULL. */
    void (*progress)(void *ctx, size_t done, size_t total);
    void *progress_ctx;
} thaw_program_options;

/* What thaw_stages_choose is to know for a program with these options. */
thaw_stage_memory thaw_program_stage_memory(const thaw_program_options *options);

/* Compiles. vars may be NULL if the graph has no VAR. The graph and its CONST data are not needed any more
 * afterwards. THAW_E_DEVICE_MEMORY names what was needed and what there is. */
thaw_status thaw_program_create(const thaw_graph *graph, thaw_vars *vars, const thaw_program_options *options,
                                thaw_program **out, thaw_error *err);
void thaw_program_free(thaw_program *program);

/* Host memory for a FEED or an output tensor: dense, of its dtype. What a feed is bound to is only read. */
typedef struct thaw_binding {
    uint32_t tensor;
    void *data;
    void *const *rows; /* in place of data: where each of the n rows lies, as far as a run computes them. The
                        * list itself is needed during the call alone. */
} thaw_binding;

/* A run in three parts, so that the feeds of the next one travel while the device computes. None of them
 * allocates. After an error of any, nothing of the lane is under way or staged, and the variables' contents
 * are undefined; unless the bindings or the order of the calls are at fault, when nothing has happened. One
 * thread at a time for the whole lane.
 *
 * stage: starts the upload of every FEED of the graph for the next run, also while a run of the lane, of this
 * or another program, is under way. The memory behind the feeds is in use until thaw_program_wait.
 * begin: starts a run on the feeds that were staged last, and the downloads of the fetches, whose memory is
 * in use until thaw_program_wait. No other run is under way.
 * wait: waits for the run under way, if any, and for the staged feeds. */
thaw_status thaw_program_stage(thaw_program *program, const thaw_binding *feeds, size_t n, thaw_error *err);
thaw_status thaw_program_begin(thaw_program *program, const thaw_binding *fetches, size_t n, thaw_error *err);
thaw_status thaw_program_wait(thaw_program *program, thaw_error *err);

/* Has the runs that are staged from now on compute the first `rows` of the batch: turns of a stage (stages.h)
 * that are about later rows are left out. At first it is all of them. What a fetch then holds behind those
 * rows is undefined. THAW_E_INVALID for none, for more than the batch, and for fewer than all where a feed or
 * an output of the graph has no rows. */
thaw_status thaw_program_set_rows(thaw_program *program, uint32_t rows, thaw_error *err);

/* All three. */
thaw_status thaw_program_run(thaw_program *program, const thaw_binding *feeds, size_t n_feeds,
                             const thaw_binding *fetches, size_t n_fetches, thaw_error *err);

/* ---- what `thaw plan` prints ------------------------------------------------------------------- */

typedef struct thaw_plan_row {
    const char *op, *label, *device, *algo, *reason;
    char shape[64]; /* of the first output, "32x8x8x384" */
    uint32_t times; /* that it runs on so many rows in one run of the program */
    uint64_t macs;  /* of all times together */
    uint64_t bytes; /* of outputs that are TEMP */
    uint64_t workspace_bytes;
} thaw_plan_row;
typedef struct thaw_plan_summary {
    size_t n_rows;
    const thaw_plan_row *rows;
    uint64_t arena_bytes;       /* feeds, activations and workspace, all arenas */
    uint64_t arena_naive_bytes; /* what it were without reuse */
    uint64_t workspace_bytes;   /* part of arena_bytes */
    size_t n_arenas;
    size_t fallback_ops;
    uint64_t fallback_bytes; /* copied between devices each run */
} thaw_plan_summary;
/* Valid as long as the program. */
const thaw_plan_summary *thaw_program_plan(const thaw_program *program);

#endif
