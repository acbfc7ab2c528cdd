/* program_state.h: what creating a program leaves for running it. */
#ifndef THAW_RUNTIME_PROGRAM_STATE_H
#define THAW_RUNTIME_PROGRAM_STATE_H

#include "core/runtime/arenas.h"
#include "core/runtime/program.h"
#include "core/runtime/schedule.h"

/* A FEED, or an output, and what the caller has bound to it for the run at hand. */
typedef struct thaw_port {
    char name[64];
    uint32_t tensor;
    uint64_t bytes;
    void *data;
} thaw_port;

typedef struct thaw_kernel_call {
    thaw_kernel *kernel;
    thaw_slice *args; /* in thaw_program.args */
    uint32_t n_args;
    thaw_slice workspace;
} thaw_kernel_call;

/* One step with everything looked up. */
typedef struct thaw_run_step {
    thaw_step_kind kind;
    uint32_t dev, from_dev;
    thaw_slice place, from; /* on dev; on from_dev */
    uint64_t bytes;
    size_t call; /* OP */
    size_t port; /* UPLOAD: in feeds; DOWNLOAD: in outputs */
} thaw_run_step;

/* Texts of the plan rows. */
typedef struct thaw_row_text {
    char label[64];
    char algo[32];
    char reason[160];
} thaw_row_text;

struct thaw_program {
    thaw_dev *devs[THAW_MAX_DEVS];
    size_t n_devs;
    thaw_stream *streams[THAW_MAX_DEVS];
    thaw_arenas arenas[THAW_MAX_DEVS];
    void *staging; /* host memory for one transfer */

    thaw_port *feeds, *outputs;
    size_t n_feeds, n_outputs;
    thaw_kernel_call *calls; /* one an op */
    uint32_t *call_devs;     /* of calls of the same position */
    size_t n_calls;
    thaw_slice *args;
    thaw_run_step *steps;
    size_t n_steps;

    thaw_plan_summary plan;
    thaw_plan_row *rows;
    thaw_row_text *row_texts;
};

/* Fills program->plan, and arena_bytes etc. from the two plans (plan_rows.c). */
thaw_status thaw_program_describe(thaw_program *program, const thaw_placement *placement,
                                  const thaw_schedule *schedule, const thaw_mem_plan *plans, thaw_error *err);

#endif
