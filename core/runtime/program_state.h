/* program_state.h: what creating a program leaves for running it. */
#ifndef THAW_RUNTIME_PROGRAM_STATE_H
#define THAW_RUNTIME_PROGRAM_STATE_H

#include "core/runtime/lane.h"
#include "core/runtime/program.h"
#include "core/runtime/schedule.h"

/* A FEED, or an output, and what the caller has bound to it for the run at hand. */
typedef struct thaw_port {
    char name[64];
    uint32_t tensor;
    uint64_t bytes, row_bytes;
    void *data;
    void *const *rows; /* in place of data */
} thaw_port;

typedef struct thaw_kernel_call {
    thaw_kernel *kernel;
    size_t first_arg; /* in thaw_program.args: those of its first turn, and then of the next ones */
    uint32_t n_args;
    thaw_slice workspace;
} thaw_kernel_call;

/* One step with everything looked up, for one turn of its stage. */
typedef struct thaw_run_step {
    thaw_step_kind kind;
    uint32_t dev, from_dev;
    uint32_t row;           /* of the batch: the first that it is about */
    uint32_t n_rows;        /* UPLOAD, DOWNLOAD */
    thaw_slice place, from; /* on dev; on from_dev */
    uint64_t bytes;         /* TRANSFER: all; UPLOAD, DOWNLOAD: of one row */
    size_t call, first_arg; /* OP */
    size_t port;            /* UPLOAD: in feeds; DOWNLOAD: in outputs */
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
    thaw_lane *lane;
    bool own_lane;   /* to be freed with the program */
    uint32_t batch;  /* of the graph; 0: it knows none */
    uint32_t wanted; /* rows of the runs that are staged next */
    bool by_rows;    /* every feed and every output has a batch of rows */
    thaw_arenas arenas[THAW_MAX_DEVS];
    thaw_arenas feed_arenas[THAW_MAX_SLOTS]; /* at home; used if lane->slots is 2 */
    void *staging;                           /* host memory for one transfer */

    thaw_port *feeds, *outputs;
    size_t n_feeds, n_outputs;
    thaw_kernel_call *calls; /* one an op */
    uint32_t *call_devs;     /* of calls of the same position */
    size_t n_calls;
    thaw_slice *args[THAW_MAX_SLOTS]; /* for feeds in the one slot or the other */
    thaw_run_step *steps[THAW_MAX_SLOTS];
    size_t n_steps;

    thaw_plan_summary plan;
    thaw_plan_row *rows;
    thaw_row_text *row_texts;
};

/* Memory plans of a program. */
typedef struct thaw_program_memory {
    thaw_mem_plan arenas[THAW_MAX_DEVS];
    thaw_mem_plan feeds;   /* of one slot, if the lane has two */
    uint64_t vars, consts; /* bytes beside them on the home device */
} thaw_program_memory;

/* Bytes of both slots of feeds. */
static inline uint64_t thaw_program_feed_bytes(const thaw_program_memory *memory)
{
    return THAW_MAX_SLOTS * memory->feeds.total_bytes;
}

/* Fills program->plan, and arena_bytes etc. from the plans (plan_rows.c). */
thaw_status thaw_program_describe(thaw_program *program, const thaw_placement *placement,
                                  const thaw_schedule *schedule, const thaw_program_memory *memory,
                                  thaw_error *err);

/* Fills calls, but for their kernels, and steps; ports and memory are there (unroll.c). */
thaw_status thaw_program_unroll(thaw_program *program, const thaw_placement *placement,
                                const thaw_schedule *schedule, const thaw_vars *vars, thaw_error *err);

/* Fills the kernels of program->calls, on several threads. Of several ops that fail, the error is that of the
 * first in the order of the ops (prepare.c). */
thaw_status thaw_program_prepare(thaw_program *program, const thaw_placement *placement,
                                 const thaw_program_memory *memory, const thaw_program_options *options,
                                 thaw_error *err);

#endif
