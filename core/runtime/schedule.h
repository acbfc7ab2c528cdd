/* schedule.h: the steps of one run, and how long each tensor lives on each device. Pure calculation.
 *
 * Devices share no memory. Which device holds the valid contents of a tensor at which op is known before
 * the first run, so the copies between devices are steps like any other. A slice of a concatenation has no
 * contents of its own: what is tracked is the unit, a whole tensor, or a variable. */
#ifndef THAW_RUNTIME_SCHEDULE_H
#define THAW_RUNTIME_SCHEDULE_H

#include "core/runtime/memplan.h"
#include "core/runtime/place.h"

#define THAW_NO_UNIT UINT32_MAX
#define THAW_NO_ITEM SIZE_MAX

/* Neighbouring ops that compute equally many rows of the batch at a time: all of them run on the first rows,
 * then on the next. */
typedef struct thaw_stage {
    size_t first, end; /* ops first … end - 1 */
    uint32_t rows;     /* 0: the graph knows no batch */
    uint32_t times;
} thaw_stage;

typedef struct thaw_unit {
    uint32_t tensor; /* a root; of a variable: the first that stands for it */
    uint64_t bytes;
    bool crosses;   /* has all rows of the batch; else those of one turn of its only stage, or no rows */
    uint32_t rows;  /* that it has room for; 1: it is one piece */
    uint32_t block; /* rows that lie together without a gap */
    uint64_t row_bytes, block_pitch;
    struct {
        bool used;
        size_t first, last; /* op number; n_ops: after the last */
    } life[THAW_MAX_DEVS];
    size_t item[THAW_MAX_DEVS]; /* in thaw_schedule.items[dev]; THAW_NO_ITEM: a variable at home, or unused */
} thaw_unit;

typedef enum {
    THAW_STEP_UPLOAD = 0, /* the feed `tensor` to dev */
    THAW_STEP_OP,         /* op number `op` on dev */
    THAW_STEP_TRANSFER,   /* unit from from_dev to dev */
    THAW_STEP_DOWNLOAD    /* the output `tensor` from dev, if it is asked for */
} thaw_step_kind;

typedef struct thaw_step {
    thaw_step_kind kind;
    uint32_t dev, from_dev;
    uint32_t unit, tensor;
    size_t op;
} thaw_step;

typedef struct thaw_schedule {
    uint32_t *unit_of; /* of each tensor; THAW_NO_UNIT for CONST */
    thaw_unit *units;
    size_t n_units;
    thaw_stage *stages;
    size_t n_stages;
    thaw_step *steps;
    size_t n_steps, step_capacity;
    thaw_mem_item *items[THAW_MAX_DEVS]; /* what needs memory; units that share a place share an item */
    size_t n_items[THAW_MAX_DEVS];
    size_t n_feed_items;                     /* the first of items[THAW_HOME]; 0: feeds are like the others */
    size_t *workspace;                       /* of each op: its item on the op's device, or THAW_NO_ITEM */
    uint64_t workspace_bytes[THAW_MAX_DEVS]; /* the largest */
    uint64_t transfer_bytes, transfer_max;
} thaw_schedule;

/* align: bytes, that the rows of each turn of a stage begin at a multiple of, on every device. THAW_E_INVALID
 * if an op writes a CONST or a FEED, reads what nothing has written, an output is a CONST, a slice, or never
 * written, or the stages are not those of stages.h or cannot be aligned. Freed by thaw_schedule_free, also
 * after an error. */
thaw_status thaw_schedule_make(const thaw_placement *placement, uint64_t align, thaw_schedule *out,
                               thaw_error *err);
void thaw_schedule_free(thaw_schedule *schedule);

/* Fills stages, and what the units say of rows (rows.c). units and unit_of are there. */
thaw_status thaw_schedule_rows(const thaw_placement *placement, uint64_t align, thaw_schedule *out,
                               thaw_error *err);
/* That of an op; NULL behind the last op. */
const thaw_stage *thaw_schedule_stage(const thaw_schedule *schedule, size_t op);
/* Bytes from the beginning of a unit to the rows that a stage's turn is about. */
uint64_t thaw_unit_offset(const thaw_unit *unit, const thaw_stage *stage, uint32_t turn);
/* Bytes of those rows, which lie together. */
uint64_t thaw_unit_turn_bytes(const thaw_unit *unit, const thaw_stage *stage);

/* Fills items (and workspace), with every unit in a place of its own except where an op may write in the
 * place of an input that nobody needs any more (thaw_op_facts.in_place). feeds_apart: the feeds at home come
 * first, and all live from the beginning to the end. */
thaw_status thaw_schedule_items(const thaw_placement *placement, thaw_schedule *schedule, bool feeds_apart,
                                thaw_error *err);

#endif
