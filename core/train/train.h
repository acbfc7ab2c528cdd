/* train.h: the recipe: two phases on a folder of photos, and what one does with the model afterwards.
 *
 * This room never computes on tensors itself: all is an op of a program. Every function runs on the calling
 * thread, one at a time for one device; callbacks are called on that thread and must not call back into
 * this header with the same device. */
#ifndef THAW_TRAIN_TRAIN_H
#define THAW_TRAIN_TRAIN_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/data/data.h"
#include "core/graph/net.h"
#include "core/model/model.h"
#include "core/runtime/program.h"
#include "core/runtime/runtime.h"

#define THAW_N_PHASES 2u
enum { THAW_PHASE_HEAD = 0, THAW_PHASE_FINETUNE = 1 };
/* "head", "finetune". */
const char *thaw_phase_name(uint32_t phase);

/* ---- where it runs; shared by everything below -------------------------------------------------- */

typedef struct thaw_where {
    thaw_dev *dev;          /* not owned */
    thaw_dev *fallback_dev; /* may be NULL or dev */
    thaw_fallback fallback;
    const thaw_choices *choices;         /* of algorithms on dev; may be NULL */
    const thaw_log *log;                 /* may be NULL */
    const volatile sig_atomic_t *cancel; /* may be NULL; not 0: stop at the next safe point */
    uint32_t decode_threads;             /* also to prepare kernels; 0: as many as processors */
    uint32_t prefix_batch;    /* images at a time through the frozen part; 0: what suits dev and fits */
    thaw_precision precision; /* the least that convolutions may have; BF16: of the frozen part alone */
    bool exact;               /* products of convolutions are those of their own factors: THAW_OP_EXACT */
    thaw_dev *check_dev;      /* computes the first step of each phase too, to compare; NULL: nobody does */
    const thaw_runtime *runtime; /* is told what is going on, for a trace; may be NULL */
} thaw_where;

/* ---- options -------------------------------------------------------------------------------------- */

typedef enum { THAW_SHUFFLE_EPOCH = 0, THAW_SHUFFLE_NONE = 1 } thaw_shuffle;
typedef enum {
    THAW_CACHE_AUTO = 0,
    THAW_CACHE_RAM = 1,
    THAW_CACHE_DISK = 2,
    THAW_CACHE_OFF = 3
} thaw_cache_mode;
typedef enum { THAW_BAD_IMAGE_SKIP = 0, THAW_BAD_IMAGE_FAIL = 1 } thaw_bad_image_rule;

/* Strings are the caller's. Start from thaw_train_defaults. */
typedef struct thaw_train_options {
    const char *dir;     /* a folder for each class */
    const char *val_dir; /* NULL: val_split of dir is set aside */
    double val_split;    /* [0,1); 0 without val_dir: no validation */
    uint32_t seed;

    /* Exactly one of them. weights: a base, whose head, if it has one, is ignored. init: a model whose head
     * is carried on with; its classes must be those of dir. */
    const char *weights, *init;
    thaw_import_options import;
    uint32_t input_size; /* pixels; 0: as the model says */
    const char *output;  /* model file to write; NULL: none */

    uint32_t batch_size;
    float dropout;
    uint32_t epochs[THAW_N_PHASES];
    double lr[THAW_N_PHASES];
    uint32_t unfreeze_last;    /* layers, counted as Keras does; 0: no second phase */
    const char *unfreeze_from; /* block or layer; replaces unfreeze_last unless NULL */
    thaw_bn_mode bn;
    thaw_shuffle shuffle;

    uint32_t patience; /* epochs without improvement of val_loss before a phase ends; 0: never */
    double min_delta;
    bool restore_best; /* the result is the best epoch's by val_loss; else the last one's */

    thaw_cache_mode cache;
    size_t cache_mb;        /* budget of AUTO and RAM; 0: half of the free memory */
    thaw_dtype cache_dtype; /* THAW_F32 or THAW_F16 */
    const char *cache_dir;  /* NULL: $TMPDIR or /tmp */
    bool cache_keep;        /* leave the rows in cache_dir for the next run */

    thaw_bad_image_rule on_bad_image;
    const char *checkpoint_dir; /* NULL: no checkpoints */
    bool resume;                /* go on from checkpoint_dir/last.safetensors */
    const char *step_log;       /* JSON Lines, one for each step; NULL: none */
    const char *csv;            /* one line for each epoch; NULL: none */
} thaw_train_options;

/* The article's recipe: split 0.2, seed 123, batch 32, dropout 0.2, epochs 5+5, lr 1e-3 and 1e-5, last 50
 * layers, frozen batch statistics, best epoch kept. dir and weights or init are the caller's to set. */
void thaw_train_defaults(thaw_train_options *options);
/* THAW_E_INVALID names the option, its value and what would do. Looks at no file. */
thaw_status thaw_train_check(const thaw_train_options *options, thaw_error *err);

/* ---- what happens meanwhile -------------------------------------------------------------------- */

typedef struct thaw_epoch_record {
    uint32_t phase, epoch; /* both from 0 */
    double lr;
    double loss, accuracy;         /* means over the epoch's samples, made while the weights change */
    double val_loss, val_accuracy; /* after the epoch; NaN without validation */
    double seconds;
    bool best; /* the best of the run so far */
} thaw_epoch_record;

typedef struct thaw_bad_image {
    char *path, *reason; /* owned by whoever owns the list */
    int32_t label;
} thaw_bad_image;

/* Known before the first image is read. */
typedef struct thaw_train_header {
    const char *dir, *source; /* source: of the weights; may be NULL */
    uint32_t n_classes;
    const char *const *class_names;
    const size_t *train_count, *val_count; /* of each class */
    size_t n_train, n_val;
    uint32_t input_size, batch_size, prefix_batch;
    uint32_t epochs[THAW_N_PHASES];
    double lr[THAW_N_PHASES];
    float dropout;
    uint32_t seed;
    const char *split_hash; /* of both lists, in order */
    thaw_bn_mode bn;
    thaw_train_summary finetune; /* of the base; zero if there is no second phase */
    const char *first_layer;     /* first trainable one, or NULL */
    uint64_t head_parameters;
    bool mid_block;          /* the border of what trains runs inside a block */
    uint64_t prefix_macs;    /* of one image */
    uint64_t prefix_bytes;   /* device memory of the prefix program */
    uint64_t cache_bytes;    /* 0: no cache */
    const char *cache_place; /* "off", "memory" or a path */
    thaw_dtype cache_dtype;
    const char *device, *device_text; /* "cpu:0", "AMD EPYC …" */
    const char *decoder;
    bool resumed;
    uint32_t resume_phase, resume_epoch, resume_step;
    thaw_precision precision;
    bool exact;
} thaw_train_header;

typedef struct thaw_phase_info {
    uint32_t phase, epochs;
    double lr;
    size_t steps;                        /* of an epoch */
    uint64_t parameters, macs;           /* trained; of one image's training step */
    uint64_t step_bytes, variable_bytes; /* device memory of the programs, and of weights with Adam's state */
} thaw_phase_info;

typedef enum {
    THAW_PASS_CHECK = 0,
    THAW_PASS_FEATURES,
    THAW_PASS_TRAIN,
    THAW_PASS_VALIDATE,
    THAW_PASS_USE,
    THAW_PASS_PREPARE /* kernels instead of images; only if it takes long */
} thaw_pass;

typedef struct thaw_progress {
    thaw_pass pass;
    uint32_t phase, epoch, epochs;          /* TRAIN and VALIDATE */
    size_t done, total;                     /* images of this pass (PREPARE: kernels) */
    double images_per_second, seconds_left; /* of this pass */
    double loss, accuracy;                  /* TRAIN: so far in this epoch */
} thaw_progress;

typedef struct thaw_step_record {
    uint32_t phase, epoch, step; /* from 0 */
    double lr, loss, accuracy;   /* of this batch */
    double images_per_second;
} thaw_step_record;

/* The first step of a phase agreed with where->check_dev's. Differences are relative. */
typedef struct thaw_check_record {
    uint32_t phase;
    const char *device;       /* check_dev's name */
    double loss, gradients;   /* gradients: the largest of any tensor, in L2 */
    const char *worst_tensor; /* that one */
} thaw_check_record;

typedef enum {
    THAW_EVENT_HEADER = 0,
    THAW_EVENT_PROGRESS,
    THAW_EVENT_BAD_IMAGE,
    THAW_EVENT_PHASE,
    THAW_EVENT_STEP,
    THAW_EVENT_EPOCH,
    THAW_EVENT_EARLY_STOP, /* epoch: the last one of the phase */
    THAW_EVENT_SAVED,      /* path: a checkpoint or the model */
    THAW_EVENT_CHECKED
} thaw_event_kind;

/* Pointers live during the call. */
typedef struct thaw_train_event {
    thaw_event_kind kind;
    union {
        const thaw_train_header *header;
        const thaw_progress *progress;
        const thaw_bad_image *bad_image;
        const thaw_phase_info *phase;
        const thaw_step_record *step;
        const thaw_epoch_record *epoch;
        const thaw_check_record *check;
        const char *path;
    } u;
} thaw_train_event;

typedef struct thaw_listener {
    void (*event)(void *ctx, const thaw_train_event *event); /* may be NULL */
    void *ctx;
} thaw_listener;

/* ---- training -------------------------------------------------------------------------------------- */

typedef struct thaw_train_result {
    thaw_epoch_record *epochs; /* of the whole run, those before a resumption included */
    size_t n_epochs;
    bool has_best;
    uint32_t best_phase, best_epoch;
    double best_val_loss;
    thaw_bad_image *bad; /* left out; with FAIL: why it failed */
    size_t n_bad;
    thaw_model *model; /* what was (or would have been) written to output; NULL after an error */
} thaw_train_result;
void thaw_train_result_free(thaw_train_result *result); /* contents only */

/* The whole run. listener may be NULL. out is filled as far as the run came, also after an error, and freed
 * by thaw_train_result_free.
 * THAW_E_CANCELLED: where->cancel was set; the text says how to resume. THAW_E_CHECK: the loss is no longer
 * finite, or a first step differs from where->check_dev's; the text names the step. THAW_E_FORMAT: bad
 * images, with THAW_BAD_IMAGE_FAIL. THAW_E_INVALID: options, classes or a checkpoint that do not fit; the
 * text names the difference. */
thaw_status thaw_train(const thaw_train_options *options, const thaw_where *where,
                       const thaw_listener *listener, thaw_train_result *out, thaw_error *err);

/* ---- using a model -------------------------------------------------------------------------------- */

/* One image's answer. Pointers live during the call. */
typedef struct thaw_answer {
    size_t index; /* in the data set */
    const char *path;
    int32_t label;       /* -1: not known */
    uint32_t n;          /* values */
    const float *values; /* probabilities of the classes, or the 2048 features; NULL: see error */
    const char *error;   /* the image cannot be read: why; else NULL */
} thaw_answer;
/* Not THAW_OK: stop, and return that. err may be filled. */
typedef thaw_status (*thaw_answer_fn)(void *ctx, const thaw_answer *answer, thaw_error *err);

typedef enum { THAW_USE_PROBABILITIES = 0, THAW_USE_FEATURES = 1 } thaw_use;

/* Runs every image of set through the model, in order; unreadable ones are answered with their error.
 * batch_size: images at a time; 0: as where says. The answers do not depend on it. */
thaw_status thaw_predict(const thaw_model *model, const thaw_dataset *set, thaw_use use, uint32_t batch_size,
                         const thaw_where *where, const thaw_listener *listener, thaw_answer_fn answer,
                         void *ctx, thaw_error *err);

typedef struct thaw_miss {
    size_t index; /* in the data set */
    uint32_t predicted;
    float probability; /* of the predicted class */
} thaw_miss;

typedef struct thaw_evaluation {
    size_t n, hits; /* readable images */
    double loss, accuracy;
    uint32_t n_classes;
    size_t *confusion;          /* [true class][predicted class] */
    double *precision, *recall; /* of each class; NaN where there is nothing to divide by */
    thaw_miss *misses;
    size_t n_misses, miss_capacity;
    thaw_bad_image *bad;
    size_t n_bad, bad_capacity;
} thaw_evaluation;
void thaw_evaluation_free(thaw_evaluation *evaluation); /* contents only */

/* set: labelled, with the model's classes in the model's order (thaw_dataset_scan with class_names). answer
 * may be NULL. An image that cannot be read is listed in out->bad and counts nowhere. */
thaw_status thaw_evaluate(const thaw_model *model, const thaw_dataset *set, uint32_t batch_size,
                          const thaw_where *where, const thaw_listener *listener, thaw_answer_fn answer,
                          void *ctx, thaw_evaluation *out, thaw_error *err);

/* ---- what a run would do --------------------------------------------------------------------------- */

typedef struct thaw_planned {
    char name[48]; /* "prefix", "head: training step", … */
    int32_t batch;
    thaw_program *program; /* owned; see thaw_program_plan */
    uint64_t macs;         /* of one run */
    uint64_t variable_bytes;
} thaw_planned;
typedef struct thaw_run_plan {
    thaw_planned items[1 + 2 * THAW_N_PHASES];
    size_t count;
    thaw_vars *vars[THAW_N_PHASES];  /* owned */
    thaw_lane *lanes[THAW_N_PHASES]; /* owned */
    size_t feature_bytes;            /* of one image in the cache */
} thaw_run_plan;
/* Prepares the programs of a run with full batches and n_classes classes; needs no images. dir, output and
 * checkpoints of options are not looked at. Freed by thaw_run_plan_free, also after an error. */
thaw_status thaw_plan_run(const thaw_train_options *options, const thaw_model *model, uint32_t n_classes,
                          const thaw_where *where, thaw_run_plan *out, thaw_error *err);
void thaw_run_plan_free(thaw_run_plan *plan);

#endif
