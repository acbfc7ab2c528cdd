/* stepper.h: the trainable part of the network as a program, from rows of features to the loss. */
#ifndef THAW_TRAIN_STEPPER_H
#define THAW_TRAIN_STEPPER_H

#include "core/train/prefix.h"

typedef struct thaw_stepper {
    thaw_program *program; /* NULL before thaw_stepper_prepare */
    thaw_lowered lowered;  /* its graph is freed by thaw_stepper_prepare; the ids stay */
    int32_t rows;
    size_t n_cut;
    uint64_t macs; /* of one row */
} thaw_stepper;

/* Host memory that the steppers of a phase share; fit for the largest batch. Rows of a smaller batch come
 * first. */
typedef struct thaw_step_io {
    void *
        *rows[THAW_MAX_FEATURES]; /* where each row lies of the cut's tensors, in its order; or [0]: pooled */
    void *room[THAW_MAX_FEATURES]; /* memory for them, if it was asked for */
    int32_t *label;
    uint32_t *key; /* {image id, epoch} of each row */
    float hyper[8];
    float metrics[2];
    float *probs; /* NULL: not wanted */
} thaw_step_io;

/* Lowers, with what `where` permits to what trains; where NULL: nothing but f32. spec lives during the call;
 * its vars gain what the graph needs. Freed by thaw_stepper_free, also after an error. */
thaw_status thaw_stepper_lower(const thaw_lower_spec *spec, const thaw_where *where, thaw_stepper *out,
                               thaw_error *err);
/* Compiles. Frees the graph. */
thaw_status thaw_stepper_prepare(thaw_stepper *stepper, thaw_vars *vars, const thaw_program_options *options,
                                 thaw_error *err);

/* A run on the first stepper->rows rows of io in three parts, see thaw_program_stage. stage: io belongs to
 * the device until the next wait; begin: io->metrics, and io->probs if asked for, are overwritten. */
thaw_status thaw_stepper_stage(thaw_stepper *stepper, thaw_step_io *io, thaw_error *err);
thaw_status thaw_stepper_begin(thaw_stepper *stepper, thaw_step_io *io, thaw_error *err);
thaw_status thaw_stepper_wait(thaw_stepper *stepper, thaw_error *err);
/* All three. */
thaw_status thaw_stepper_run(thaw_stepper *stepper, thaw_step_io *io, thaw_error *err);
void thaw_stepper_free(thaw_stepper *stepper);

/* For batch rows of each feature (n of them), and labels, keys. row_bytes: of each, to have room for them,
 * into which their rows then point; NULL where they lie elsewhere. */
thaw_status thaw_step_io_create(uint32_t batch, size_t n, const size_t *row_bytes, thaw_step_io *out,
                                thaw_error *err);
void thaw_step_io_free(thaw_step_io *io);

#endif
