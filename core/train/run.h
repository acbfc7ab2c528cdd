/* run.h: the state of one training run; shared by the files of this room. */
#ifndef THAW_TRAIN_RUN_H
#define THAW_TRAIN_RUN_H

#include <stdio.h>

#include "core/train/early.h"
#include "core/train/snapshot.h"
#include "core/train/source.h"
#include "core/train/stepper.h"
#include "core/train/train.h"

struct cJSON;

/* Where a run stands: all that a resumption needs besides the weights. */
typedef struct thaw_position {
    uint32_t phase, epoch, step; /* the next step to make */
    uint64_t t;                  /* steps of Adam made in this phase */
    double loss_sum;             /* of this epoch so far, over samples */
    uint64_t hits, samples;
    thaw_early early; /* of this phase */
    bool has_best;    /* over the whole run */
    uint32_t best_phase, best_epoch;
    double best_val_loss;
    thaw_epoch_record *epochs; /* owned */
    size_t n_epochs, epoch_capacity;
} thaw_position;

/* Files that are written line by line. */
typedef struct thaw_journal {
    FILE *steps, *epochs;
    const char *steps_path, *epochs_path;
} thaw_journal;

typedef struct thaw_run {
    const thaw_train_options *options;
    const thaw_where *where;
    const thaw_listener *listener;
    thaw_train_result *result;

    thaw_model *model; /* as loaded; its head is that of the last phase that ended */
    thaw_net net;
    char base_hash[33], split_hash[33];
    thaw_dataset *train, *val; /* val NULL: no validation */

    bool phase_on[THAW_N_PHASES];
    bool trainable[THAW_N_LAYERS]; /* of the second phase */
    thaw_train_summary finetune;
    thaw_cut cut[THAW_N_PHASES]; /* n = 0: pooled features */

    thaw_source source;
    size_t pooled_at; /* index of the pooled features among the prefix's tensors */
    thaw_journal journal;

    thaw_position position;
    struct cJSON *fingerprint;
    thaw_snapshot best; /* weights of the best epoch so far */
    thaw_snapshot last; /* of the phase in progress or ended last */
    bool resumed;
    thaw_model *resumed_model; /* the checkpoint's weights and the rest, until its phase takes them over */
    thaw_loaded_extra resumed_extra;
    size_t resumed_train, resumed_val; /* images that the stopped run used */
} thaw_run;

/* ---- setup.c: from options to a run that is ready to start ---------------------------------------- */

/* Net, cuts and what trains, from run->options and run->model. */
thaw_status thaw_run_shape(thaw_run *run, thaw_error *err);
/* Which weights, which images, which split; the head. */
thaw_status thaw_run_load(thaw_run *run, thaw_error *err);
/* The prefix program. */
thaw_status thaw_run_prefix(thaw_run *run, uint64_t images, thaw_error *err);
/* The cache, the header's event, the pass of all images, and the end of those that are bad. */
thaw_status thaw_run_features(thaw_run *run, thaw_error *err);
void thaw_run_free(thaw_run *run);

/* ---- phase.c, step_loop.c ------------------------------------------------------------------------ */

/* The programs of a phase: for full batches, and for the last one of an epoch where it is smaller. */
typedef struct thaw_phase {
    uint32_t index;
    thaw_var_list list;
    thaw_vars *vars;
    thaw_lane *lane;               /* of all its programs */
    thaw_stepper train[2], val[2]; /* [1]: the last batch; program NULL: not needed */
    thaw_step_io io;
    uint64_t parameters;
} thaw_phase;

/* n_train, n_val: images; val may be 0. Freed by thaw_phase_free, also after an error. */
thaw_status thaw_phase_create(thaw_run *run, uint32_t index, size_t n_train, size_t n_val, thaw_phase *out,
                              thaw_error *err);
void thaw_phase_free(thaw_phase *phase);
/* What a phase's programs are lowered from, for run->options->batch_size rows: a training step, or the same
 * without training and with metrics. weights and list live as long as the result. */
thaw_lower_spec thaw_phase_spec(const thaw_run *run, uint32_t index, bool train,
                                const thaw_weights_view *weights, thaw_var_list *list);
/* Sets the variables and trains, from run->position to the end of the phase, whose programs are then gone. */
thaw_status thaw_phase_run(thaw_run *run, thaw_phase *phase, thaw_error *err);

/* One epoch's remaining steps; run->position moves with each. THAW_E_CANCELLED, without a text: asked to
 * stop, between two steps. step_loop.c */
thaw_status thaw_epoch_train(thaw_run *run, thaw_phase *phase, thaw_error *err);
/* Means over the validation images, with the weights as they are. As above. */
thaw_status thaw_epoch_validate(thaw_run *run, thaw_phase *phase, double *loss, double *accuracy,
                                thaw_error *err);

/* The first step of a phase as another device computes it. check_step.c */
typedef struct thaw_check_step thaw_check_step;
/* Computes on where->check_dev what phase's first step is going to be: its variables as they are, and the
 * rows of io for a stepper of that size. Freed by thaw_check_step_free. */
thaw_status thaw_check_step_expect(const thaw_run *run, thaw_phase *phase, int32_t rows,
                                   thaw_check_step **out, thaw_error *err);
/* Compares with the phase after that step, and tells the listener. THAW_E_CHECK names the tensor that
 * differs most. */
thaw_status thaw_check_step_compare(const thaw_run *run, const thaw_phase *phase,
                                    const thaw_check_step *expected, thaw_error *err);
void thaw_check_step_free(thaw_check_step *check); /* NULL does nothing */

/* Steps of an epoch over n images. */
size_t thaw_steps_of(size_t n, uint32_t batch);

/* ---- journal.c ------------------------------------------------------------------------------------ */

/* append: the run goes on from a checkpoint. */
thaw_status thaw_journal_open(thaw_journal *journal, const thaw_train_options *options, bool append,
                              thaw_error *err);
thaw_status thaw_journal_step(thaw_journal *journal, const thaw_step_record *step, thaw_error *err);
thaw_status thaw_journal_epoch(thaw_journal *journal, const thaw_epoch_record *epoch, thaw_error *err);
void thaw_journal_close(thaw_journal *journal);
/* The epochs as a JSON array, freed by free(); without seconds, so that the same run gives the same file. */
char *thaw_history_text(const thaw_epoch_record *epochs, size_t n);

/* ---- fingerprint.c -------------------------------------------------------------------------------- */

/* Hash of both lists of images, in order, with their labels. */
thaw_status thaw_split_hash(const thaw_dataset *train, const thaw_dataset *val, char out[33],
                            thaw_error *err);
/* All that the bits of a run are a function of, as a JSON object of texts. Freed by cJSON_Delete. */
thaw_status thaw_fingerprint(const thaw_run *run, struct cJSON **out, thaw_error *err);
/* THAW_E_INVALID names the first difference, and both values. */
thaw_status thaw_fingerprint_compare(const struct cJSON *stored, const struct cJSON *now, thaw_error *err);
/* Name of what the prefix's rows are a function of. */
thaw_status thaw_cache_key(const thaw_run *run, char out[48], thaw_error *err);

/* ---- checkpoint.c --------------------------------------------------------------------------------- */

/* Writes checkpoint_dir/last.safetensors: the weights, Adam's state and the position; nothing without a
 * checkpoint folder. phase NULL: between two phases. */
thaw_status thaw_checkpoint_last(thaw_run *run, thaw_phase *phase, thaw_error *err);
/* Writes checkpoint_dir/best.safetensors from run->best. */
thaw_status thaw_checkpoint_best(thaw_run *run, thaw_error *err);
/* Reads both, checks that they are of this very run, and fills position, best, resumed_*. */
thaw_status thaw_checkpoint_resume(thaw_run *run, thaw_error *err);
/* Sets what a model file says about a training that ended in `phase`: bn, trainable, history. The two texts
 * are new; those that view had are not freed. */
thaw_status thaw_describe_training(const thaw_run *run, uint32_t phase, thaw_model *view, thaw_error *err);

/* ---- position.c ----------------------------------------------------------------------------------- */

/* Moves to the beginning of a phase. */
void thaw_position_begin_phase(thaw_position *position, uint32_t phase, const thaw_train_options *options);
/* The epoch's record becomes part of the history, and the position moves on. *stop: early stopping. */
thaw_status thaw_position_end_epoch(thaw_position *position, thaw_epoch_record *record,
                                    const thaw_train_options *options, bool *stop, thaw_error *err);
/* Adds a position to a JSON object; false when memory is exhausted. */
bool thaw_position_write(const thaw_position *position, struct cJSON *object);
/* Of a file that may be hostile: all fields are checked against the options. */
thaw_status thaw_position_read(const struct cJSON *object, const thaw_train_options *options,
                               thaw_position *out, thaw_error *err);

#endif
