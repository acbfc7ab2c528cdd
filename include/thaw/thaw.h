/* thaw.h: fine-tuning InceptionV3 on a folder of photos, and using what came out.
 *
 * Everything begins with a thaw_context, which holds the threads and the compute plugins. Each call below
 * that takes one does its work before it returns.
 *
 * Threads. One thread at a time for one context; several contexts may be used side by side. Callbacks run
 * on the calling thread, except `log`, which may run on any.
 * Errors. A function that can fail returns thaw_status and fills the caller's thaw_error (may be NULL): what
 * went wrong, where, and what to do about it. THAW_E_CANCELLED: a callback or the cancel flag asked to stop.
 * Ownership. What is handed in stays the caller's and is only read, during the call. Pointers in a struct
 * that a callback receives live until it returns. Results are freed by the function named with them.
 * Growth. Structs begin with struct_size and are filled with defaults by their _init function, which is
 * given sizeof of the caller's struct; fields are only appended. Results have their struct_size set by the
 * library.
 * Units. Sizes in bytes, times in seconds, learning rates and losses as in Keras; text is UTF-8, except
 * paths, which are the bytes the system has. Numbers in enumerations are never renumbered.
 *
 * Compiles alone as C99, C11 and C++17. Apache-2.0. */
#ifndef THAW_H
#define THAW_H

#include <signal.h>
#include <stddef.h>
#include <stdint.h>

#include "thaw_status.h"

#ifdef __cplusplus
extern "C" {
#endif

#define THAW_API __attribute__((visibility("default")))

/* "0.1.0", of the library that runs. [thread-safe] */
THAW_API const char *thaw_version(void);

/* ---- the context ----------------------------------------------------------------------------------- */

typedef struct thaw_context thaw_context;

enum { THAW_LEVEL_ERROR = 0, THAW_LEVEL_WARN = 1, THAW_LEVEL_INFO = 2, THAW_LEVEL_DEBUG = 3 };

typedef struct thaw_context_options {
    uint32_t struct_size;
    uint32_t threads; /* 0: one for each processor this process may use */
    const char *const
        *plugins; /* files to load before those that are found; a failure of these is an error */
    size_t n_plugins;
    int32_t no_search; /* 1: load nothing but `plugins` */
    int32_t log_level; /* THAW_LEVEL_*; messages above it are dropped. Default THAW_LEVEL_WARN */
    /* [thread-safe] One message, without a newline. NULL: messages are dropped. */
    void (*log)(void *ctx, int32_t level, const char *text);
    void *log_ctx;
    /* NULL, or the file to write a trace to: every call that a plugin gets, with its time, as JSON for
     * ui.perfetto.dev and chrome://tracing (docs/tracing.md). It takes the plugin thaw-trace.so, is refused
     * at once if the file cannot be written, and is complete after thaw_context_end. With THAW_LEVEL_DEBUG
     * each call is also logged before it is made. */
    const char *trace;
    int32_t trace_sync; /* 1: wait for the device after each op, so that each one's own time shows */
    /* The only device that will be asked for, by its name or "auto"; the search for plugins ends with it, and
     * the others are not listed. NULL: any may be. */
    const char *only_device;
} thaw_context_options;

THAW_API void thaw_context_options_init(thaw_context_options *options, size_t struct_size);
/* Loads plugins: `plugins`, then every thaw-*.so of the folders in THAW_PLUGIN_PATH, then of the folder
 * "thaw" beside the library. options may be NULL. Freed by thaw_context_free. */
THAW_API thaw_status thaw_context_create(const thaw_context_options *options, thaw_context **out,
                                         thaw_error *err);
/* NULL does nothing. A trace that cannot be written is logged as an error. */
THAW_API void thaw_context_free(thaw_context *context);
/* The same, for whoever wants to know: an error is the trace's, and the context is gone either way. */
THAW_API thaw_status thaw_context_end(thaw_context *context, thaw_error *err);

/* ---- devices --------------------------------------------------------------------------------------- */

enum { THAW_UNIT_CPU = 1, THAW_UNIT_GPU = 2, THAW_UNIT_OTHER = 3 };

/* Texts live as long as the context. A number that is not known is 0. */
typedef struct thaw_device_report {
    uint32_t struct_size;
    int32_t type;      /* THAW_UNIT_* */
    const char *name;  /* "cpu:0": what `device` options take */
    const char *title; /* the maker's name for it */
    const char *vendor, *driver, *detail;
    const char *plugin_id, *plugin_version, *plugin_path;
    const char *error; /* why it cannot be described; "" if it can */
    uint64_t memory_bytes, max_alloc_bytes, cache_bytes;
    uint32_t compute_units;
    uint32_t preferred_batch; /* images at a time */
    double peak_gflops;
    uint64_t near_cache_bytes; /* of the caches in front of the last level, all together */
} thaw_device_report;

THAW_API size_t thaw_device_count(const thaw_context *context);
/* i < thaw_device_count. *out is filled up to struct_size bytes. */
THAW_API void thaw_device_get(const thaw_context *context, size_t i, thaw_device_report *out,
                              size_t struct_size);

enum {
    THAW_SELF_TEST_NOT_RUN = 0, /* it runs at the first use of the device with this driver */
    THAW_SELF_TEST_PASSED = 1,
    THAW_SELF_TEST_FAILED = 2,   /* for the algorithms in `wrong`, which are not used */
    THAW_SELF_TEST_REFERENCE = 3 /* nothing to compare it with: it is what the others are compared with */
};

typedef struct thaw_self_test_wrong {
    const char *op, *algorithm, *reason;
} thaw_self_test_wrong;

typedef struct thaw_self_test {
    uint32_t struct_size;
    int32_t state;          /* THAW_SELF_TEST_* */
    size_t ops, algorithms; /* that are right */
    size_t n_wrong;
    const thaw_self_test_wrong *wrong;
    double seconds; /* that it took */
} thaw_self_test;

/* Some cases of each op on the device against the reference. now 0: what the last test found, which is kept
 * in the cache folder; 1: tests now. A failed test is no error. *out is freed by thaw_self_test_free. */
THAW_API thaw_status thaw_device_self_test(thaw_context *context, const char *device, int32_t now,
                                           thaw_self_test **out, thaw_error *err);
THAW_API void thaw_self_test_free(thaw_self_test *test); /* NULL does nothing */

/* Wherever an option is named `device`: "cpu:0", "cpu" (its first), either with options behind a comma
 * ("cpu:0,isa=avx2"); NULL or "auto": the first GPU, else the first device. */

/* What happens to an op that the device declines: run by the CPU with one warning, an error, or silently. */
enum { THAW_ON_DECLINE_WARN = 0, THAW_ON_DECLINE_ERROR = 1, THAW_ON_DECLINE_ALLOW = 2 };
/* What happens to an image that cannot be read or decoded. */
enum { THAW_ON_BAD_SKIP = 0, THAW_ON_BAD_FAIL = 1 };

/* ---- training -------------------------------------------------------------------------------------- */

enum { THAW_RECIPE_BN_FROZEN = 0, THAW_RECIPE_BN_BATCH = 1 };
enum { THAW_RECIPE_SHUFFLE_EPOCH = 0, THAW_RECIPE_SHUFFLE_NONE = 1 };
enum {
    THAW_RECIPE_CACHE_AUTO = 0,
    THAW_RECIPE_CACHE_RAM = 1,
    THAW_RECIPE_CACHE_DISK = 2,
    THAW_RECIPE_CACHE_OFF = 3
};
enum { THAW_RECIPE_CACHE_F32 = 0, THAW_RECIPE_CACHE_F16 = 1 };
/* Of the multiplications of convolutions, on devices that have faster ones: TF32 keeps 11 bits of each
 * factor; BF16 keeps 8, in the frozen part alone: neither in what trains nor in the head. Sums are f32. */
enum { THAW_RECIPE_PRECISION_F32 = 0, THAW_RECIPE_PRECISION_TF32 = 1, THAW_RECIPE_PRECISION_BF16 = 2 };

/* A recipe in two phases: first the head alone, then also the last layers of the base. Index 0 and 1 of an
 * array are the two phases. */
typedef struct thaw_recipe {
    uint32_t struct_size;
    uint32_t seed;       /* default 123 */
    const char *dir;     /* a folder for each class */
    const char *val_dir; /* validation images, same classes; NULL: a part of dir */
    double val_split;    /* that part, [0,1); 0: no validation; default 0.2 */
    const char *weights; /* a base to start from, any format that thaw_convert_file reads; or */
    const char *init;    /* a model with its head, to go on from */
    const char *output;  /* model.safetensors */
    const char *device;
    int32_t on_decline;         /* THAW_ON_DECLINE_* */
    int32_t on_bad_image;       /* THAW_ON_BAD_* */
    uint32_t epochs[2];         /* default 5, 5; 0 leaves the phase out */
    double lr[2];               /* default 1e-3, 1e-5 */
    uint32_t batch_size;        /* default 32 */
    double dropout;             /* of the head's input, [0,1); default 0.2 */
    uint32_t unfreeze_last;     /* layers of 311 that phase 2 trains; default 50 */
    const char *unfreeze;       /* instead: from this block or layer on ("mixed9"); NULL: unfreeze_last */
    int32_t bn;                 /* THAW_RECIPE_BN_*; default FROZEN */
    int32_t shuffle;            /* THAW_RECIPE_SHUFFLE_*; default EPOCH */
    uint32_t patience;          /* epochs without better val_loss after which a phase ends; 0: never */
    double min_delta;           /* what counts as better; default 0 */
    int32_t cache;              /* THAW_RECIPE_CACHE_*; default AUTO: memory if it fits, else disk */
    int32_t cache_type;         /* THAW_RECIPE_CACHE_F32 (exact) or F16 (half the size) */
    uint64_t cache_bytes;       /* limit of the cache in memory; 0: chosen from what is free */
    const char *cache_dir;      /* NULL: $TMPDIR or /tmp */
    uint32_t prefix_batch;      /* images at a time through the frozen part; 0: what suits the device */
    int32_t cache_keep;         /* 1: leave the cache in cache_dir for the next run */
    int32_t resume;             /* 1: go on from checkpoint_dir/last.safetensors */
    const char *checkpoint_dir; /* best.safetensors and last.safetensors; NULL: none */
    const char *step_log;       /* JSON lines, one a step; NULL: none */
    const char *epoch_csv;      /* one line an epoch; NULL: none */
    /* Asked between steps; non-zero stops after the step under way, with a checkpoint if there is a
     * checkpoint_dir. May be NULL. */
    const volatile sig_atomic_t *cancel;
    int32_t precision;  /* THAW_RECIPE_PRECISION_*; default F32 */
    int32_t check_step; /* 1: the first step of each phase is computed by cpu:0 too, and must agree */
    /* 1: convolutions multiply their own factors, in no algorithm that adds them up before, as Winograd's
     * does, or takes them apart */
    int32_t exact;
} thaw_recipe;

THAW_API void thaw_recipe_init(thaw_recipe *recipe, size_t struct_size);

/* What a run is going to do, known before its first image is read. */
typedef struct thaw_run_header {
    uint32_t struct_size;
    uint32_t n_classes;
    const char *const *class_names;
    const size_t *train_counts, *val_counts; /* images of each class */
    size_t n_train, n_val;
    const char *dir;
    const char *weights; /* where they came from, as the file says, else the file */
    const char *decoder;
    const char *device, *device_title;
    uint32_t input_size; /* pixels, square */
    uint32_t batch_size, prefix_batch;
    uint32_t epochs[2];
    double lr[2], dropout;
    uint32_t seed;
    int32_t bn;               /* THAW_RECIPE_BN_* */
    uint32_t layers, tensors; /* of the base that phase 2 trains */
    uint64_t base_parameters, head_parameters;
    const char *first_layer; /* that trains; NULL: none */
    int32_t mid_block;       /* 1: the choice begins within a block */
    uint64_t cache_bytes;    /* 0: no cache */
    const char *cache_place; /* "off", "memory" or a path */
    int32_t cache_type;      /* THAW_RECIPE_CACHE_F32 or F16 */
    uint64_t prefix_bytes;   /* device memory of the frozen part */
    uint64_t prefix_macs;    /* multiply-accumulates of one image through the frozen part */
    int32_t resumed;         /* 1: goes on from a checkpoint, at */
    uint32_t resume_phase, resume_epoch, resume_step; /* phase and epoch from 1, steps done in it */
    int32_t precision;                                /* THAW_RECIPE_PRECISION_* */
    int32_t exact;                                    /* as in thaw_recipe */
} thaw_run_header;

/* A phase begins. */
typedef struct thaw_run_phase {
    uint32_t struct_size;
    uint32_t phase, epochs; /* phase from 1 */
    const char *name;       /* "head" or "finetune" */
    double lr;
    size_t steps;            /* of an epoch */
    uint64_t parameters;     /* that train */
    uint64_t macs;           /* of one image's training step */
    uint64_t step_bytes;     /* device memory of the programs */
    uint64_t variable_bytes; /* and of weights with the optimizer's state */
} thaw_run_phase;

enum {
    THAW_STAGE_CHECK = 0,  /* reading every image once, where no cache is filled */
    THAW_STAGE_PREFIX = 1, /* images through the frozen part */
    THAW_STAGE_TRAIN = 2,
    THAW_STAGE_VALIDATE = 3,
    THAW_STAGE_PREPARE = 4 /* kernels are prepared; done and total count them; only if it takes long */
};

typedef struct thaw_run_progress {
    uint32_t struct_size;
    int32_t stage;          /* THAW_STAGE_* */
    uint32_t phase;         /* from 1; TRAIN and VALIDATE only */
    uint32_t epoch, epochs; /* from 1, in this phase; likewise */
    uint64_t done, total;   /* images of this stage */
    double images_per_second;
    double seconds_left;   /* of this stage; 0: not known */
    double loss, accuracy; /* means of the epoch so far; TRAIN only */
} thaw_run_progress;

typedef struct thaw_run_epoch {
    uint32_t struct_size;
    uint32_t phase, epoch; /* from 1 */
    double lr, loss, accuracy;
    double val_loss, val_accuracy; /* NaN without validation */
    double seconds;
    int32_t best; /* 1: the best val_loss of the run so far */
} thaw_run_epoch;

/* The first step of a phase agreed with what cpu:0 makes of it. Differences are relative. */
typedef struct thaw_run_check {
    uint32_t struct_size;
    uint32_t phase;           /* from 1 */
    const char *device;       /* that it was compared with */
    double loss, gradients;   /* gradients: the largest of any tensor, in the L2 norm */
    const char *worst_tensor; /* that one */
} thaw_run_check;

enum {
    THAW_RUN_HEADER = 1,
    THAW_RUN_PHASE = 2,
    THAW_RUN_PROGRESS = 3,
    THAW_RUN_EPOCH = 4,
    THAW_RUN_EARLY_STOP = 5, /* epoch: the last one of its phase */
    THAW_RUN_BAD_IMAGE = 6,  /* path; text: why that image cannot be used, as a whole sentence */
    THAW_RUN_SAVED = 7,      /* path: a checkpoint or the model */
    THAW_RUN_CHECKED = 8
};

/* The pointer that kind names is set, the others are NULL. Skip kinds that you do not know. */
typedef struct thaw_run_event {
    uint32_t struct_size;
    int32_t kind; /* THAW_RUN_* */
    const thaw_run_header *header;
    const thaw_run_phase *phase;
    const thaw_run_progress *progress;
    const thaw_run_epoch *epoch;
    const char *path, *text;
    const thaw_run_check *check;
} thaw_run_event;

/* on_event may be NULL. Writes recipe->output, atomically, with the weights of the best epoch. After
 * THAW_E_CANCELLED the text says how to go on. */
THAW_API thaw_status thaw_run_recipe(thaw_context *context, const thaw_recipe *recipe,
                                     void (*on_event)(void *ctx, const thaw_run_event *event), void *ctx,
                                     thaw_error *err);

/* ---- using a model --------------------------------------------------------------------------------- */

typedef struct thaw_use_options {
    uint32_t struct_size;
    int32_t on_decline; /* THAW_ON_DECLINE_* */
    const char *model;  /* any format; with a head where classes are asked for */
    const char *device;
    uint32_t batch_size;  /* images at a time; 0: what suits the device */
    int32_t on_bad_image; /* THAW_ON_BAD_*; default SKIP: reported to on_image with its reason */
    /* Asked between batches; non-zero stops. May be NULL. */
    const volatile sig_atomic_t *cancel;
    int32_t precision; /* THAW_RECIPE_PRECISION_*, of all but the head */
    int32_t exact;     /* as in thaw_recipe */
} thaw_use_options;
THAW_API void thaw_use_options_init(thaw_use_options *options, size_t struct_size);

/* What became of one image. */
typedef struct thaw_use_image {
    uint32_t struct_size;
    uint32_t n_classes;
    size_t index, total;
    const char *path;
    const char *error;              /* why it could not be read; NULL if it could */
    int32_t label;                  /* true class, -1 if there is none */
    uint32_t predicted;             /* first of the most probable classes */
    const float *probabilities;     /* n_classes; NULL after an error, or where features are asked for */
    const char *const *class_names; /* n_classes; NULL if the model has no names */
    const float *features;          /* 2048, pooled; NULL unless they are asked for */
} thaw_use_image;
/* Non-zero stops: THAW_E_CANCELLED. */
typedef int (*thaw_use_fn)(void *ctx, const thaw_use_image *image);

/* paths: n files or folders (searched recursively); on_image is called for each image in turn. */
THAW_API thaw_status thaw_use_predict(thaw_context *context, const thaw_use_options *options,
                                      const char *const *paths, size_t n, thaw_use_fn on_image, void *ctx,
                                      thaw_error *err);
/* Likewise, with the 2048 pooled features of each image; the model needs no head. */
THAW_API thaw_status thaw_use_features(thaw_context *context, const thaw_use_options *options,
                                       const char *const *paths, size_t n, thaw_use_fn on_image, void *ctx,
                                       thaw_error *err);

typedef struct thaw_score {
    uint32_t struct_size;
    uint32_t n_classes;
    char **class_names;
    size_t n_images, n_bad;
    double loss, accuracy;      /* means over n_images */
    uint64_t *confusion;        /* n_classes^2; row: true class, column: predicted */
    double *precision, *recall; /* n_classes; NaN where nothing was predicted or nothing is there */
    double seconds;
} thaw_score;
/* dir: a folder for each class, named as in the model. on_image may be NULL. *out is freed by
 * thaw_score_free. */
THAW_API thaw_status thaw_use_evaluate(thaw_context *context, const thaw_use_options *options,
                                       const char *dir, thaw_use_fn on_image, void *ctx, thaw_score **out,
                                       thaw_error *err);
THAW_API void thaw_score_free(thaw_score *score); /* NULL does nothing */

/* ---- files ----------------------------------------------------------------------------------------- */

/* What thaw_convert_file writes: thaw's own safetensors, or ONNX for inference by other programs
 * (docs/onnx.md). AUTO: ONNX if output ends in ".onnx", else thaw's own. */
enum { THAW_CONVERT_AUTO = 0, THAW_CONVERT_SAFETENSORS = 1, THAW_CONVERT_ONNX = 2 };

typedef struct thaw_convert_options {
    uint32_t struct_size;
    int32_t set_scaling; /* 1: input = pixel*scale + shift; 0: as the file says */
    double scale, shift;
    int32_t format; /* THAW_CONVERT_*; default AUTO */
} thaw_convert_options;
THAW_API void thaw_convert_options_init(thaw_convert_options *options, size_t struct_size);
/* Reads any supported file or folder and writes a model file, atomically. options may be NULL. [thread-safe]
 */
THAW_API thaw_status thaw_convert_file(const char *input, const char *output,
                                       const thaw_convert_options *options, thaw_error *err);

typedef struct thaw_file_tensor {
    const char *name;
    uint32_t rank;
    size_t dims[4];
    uint64_t parameters;
} thaw_file_tensor;

typedef struct thaw_file_epoch {
    uint32_t phase, epoch;                             /* from 1 */
    double lr, loss, accuracy, val_loss, val_accuracy; /* NaN where the file does not say */
} thaw_file_epoch;

/* Texts may be NULL where the file does not say. */
typedef struct thaw_file_report {
    uint32_t struct_size;
    uint32_t n_classes; /* 0: a base without head */
    const char *format, *source, *hash;
    const char *const *class_names;
    uint32_t input_size;
    double scale, shift; /* input = pixel*scale + shift */
    int32_t pool_include_pad;
    int32_t bn; /* THAW_RECIPE_BN_* */
    size_t n_tensors;
    const thaw_file_tensor *tensors;
    uint64_t parameters;
    size_t n_epochs;
    const thaw_file_epoch *epochs;
    const char *history;   /* JSON array */
    const char *trainable; /* JSON array of tensor names */
} thaw_file_report;
/* Freed by thaw_file_report_free. [thread-safe] */
THAW_API thaw_status thaw_file_inspect(const char *path, thaw_file_report **out, thaw_error *err);
THAW_API void thaw_file_report_free(thaw_file_report *report); /* NULL does nothing */

/* ---- looking inside -------------------------------------------------------------------------------- */

typedef struct thaw_outline_row {
    const char *op, *layer, *device, *algorithm, *reason, *shape;
    uint64_t macs; /* of all times together */
    uint64_t bytes, workspace_bytes;
    uint32_t times; /* that it runs on the images of `shape`, in one run of the program */
} thaw_outline_row;

/* A program as it would run. */
typedef struct thaw_outline_program {
    const char *name; /* "prefix", "head: …" or "finetune: …" */
    uint32_t batch;
    uint32_t n_rows;
    const thaw_outline_row *rows;
    uint64_t macs;              /* of one run */
    uint64_t arena_bytes;       /* activations and workspace */
    uint64_t arena_naive_bytes; /* what they would be without reuse */
    uint64_t workspace_bytes;
    uint64_t variable_bytes;
    uint64_t fallback_ops;
    uint64_t fallback_bytes; /* copied between devices each run */
} thaw_outline_program;

typedef struct thaw_outline {
    uint32_t struct_size;
    uint32_t n_programs;
    const thaw_outline_program *const *programs;
    uint64_t feature_bytes; /* of one image in the cache */
} thaw_outline;

/* Compiles the programs of a recipe for full batches and n_classes (>= 2) classes, and computes nothing. Of
 * the recipe, dir, output and the checkpoints do not count. Freed by thaw_outline_free, before the
 * context. */
THAW_API thaw_status thaw_recipe_outline(thaw_context *context, const thaw_recipe *recipe, uint32_t n_classes,
                                         thaw_outline **out, thaw_error *err);
THAW_API void thaw_outline_free(thaw_outline *outline); /* NULL does nothing */

enum { THAW_PROOF_PASSED = 0, THAW_PROOF_FAILED = 1, THAW_PROOF_DECLINED = 2 };

/* In on_begin, what it says of results is not yet filled in. */
typedef struct thaw_proof_case {
    uint32_t struct_size;
    int32_t result; /* THAW_PROOF_* */
    const char *op, *name;
    uint64_t seed;
    uint32_t kernels; /* algorithms that ran */
    double worst;     /* largest error as a share of what is allowed */
    double seconds;
    const char *text;    /* why it failed or was declined; "" if it passed */
    const char *kind;    /* of check: "values"; thaw_proof_kind_name has them all */
    const char *data;    /* what it computes with: "f32", "tf32", "f32→f16"; "" for op "device" */
    size_t index, total; /* of all that are selected; rounds are taken to be as long as the first */
} thaw_proof_case;

typedef struct thaw_proof_options {
    uint32_t struct_size;
    uint32_t repeat;       /* rounds, with seeds seed, seed + 1, …; default 1 */
    const char *device;    /* under test */
    const char *reference; /* NULL: the CPU backend's plain C */
    const char *op;        /* only cases of these ops, commas between; NULL: all */
    const char *name;      /* only cases whose name contains this; "=NAME": that one alone; NULL: all */
    uint64_t seed;
    void (*on_case)(void *ctx, const thaw_proof_case *result); /* may be NULL */
    void *ctx;
    const char *kind;  /* only these kinds of check, commas between; NULL: all */
    int32_t fail_fast; /* 1: ends with the first case that fails */
    int32_t matrix;    /* 1: thaw_proof.matrix is made */
    void (*on_begin)(void *ctx, const thaw_proof_case *next); /* before each case; may be NULL */
    /* Asked between cases; non-zero stops. May be NULL. */
    const volatile sig_atomic_t *cancel;
} thaw_proof_options;

typedef struct thaw_proof_op {
    const char *op;
    size_t cases, passed, failed, declined;
    double worst;
} thaw_proof_op;

typedef struct thaw_proof {
    uint32_t struct_size;
    uint32_t n_ops;
    size_t cases, passed, failed, declined;
    size_t executed; /* cases in which a kernel of the device ran */
    uint64_t seed;
    double seconds;
    thaw_proof_op ops[32];            /* n_ops with at least one case */
    struct thaw_proof_matrix *matrix; /* NULL unless asked for; freed by thaw_proof_matrix_free */
} thaw_proof;

/* Why cases were declined. */
typedef struct thaw_proof_reason {
    const char *text;
    size_t cases;
} thaw_proof_reason;

/* What became of the cases of one op with one type of data under one kind of check; all 0: there are none. */
typedef struct thaw_proof_cell {
    size_t cases, passed, failed, declined;
    size_t executed;  /* cases in which a kernel of the device ran */
    double worst;     /* as thaw_proof_case.worst */
    size_t n_reasons; /* different ones, the first few: their cases may be fewer than `declined` */
    const thaw_proof_reason *reasons;
} thaw_proof_cell;

typedef struct thaw_proof_row {
    const char *op, *data;               /* as in thaw_proof_case */
    const thaw_proof_cell *const *cells; /* n_kinds */
} thaw_proof_row;

/* What a device can do: rows are ops with types of data, columns kinds of check. */
typedef struct thaw_proof_matrix {
    uint32_t struct_size;
    uint32_t n_kinds;
    const char *const *kinds;
    size_t n_rows; /* with at least one case */
    const thaw_proof_row *const *rows;
} thaw_proof_matrix;
THAW_API void thaw_proof_matrix_free(thaw_proof_matrix *matrix); /* NULL does nothing */

/* Names that `op` and `kind` take, i = 0, 1, …; NULL behind the last. Static. */
THAW_API const char *thaw_proof_op_name(uint32_t i);
THAW_API const char *thaw_proof_kind_name(uint32_t i);

THAW_API void thaw_proof_options_init(thaw_proof_options *options, size_t struct_size);
/* Compares a device with the reference, op by op. THAW_E_CHECK: a case failed, or no kernel ran, or no case
 * was selected. THAW_E_INVALID: `op` or `kind` names what is not there. *out holds what was done in any case,
 * filled up to struct_size bytes. */
THAW_API thaw_status thaw_prove_device(thaw_context *context, const thaw_proof_options *options,
                                       thaw_proof *out, size_t struct_size, thaw_error *err);
/* Calls on_begin for every case that the options select, and runs none. [thread-safe] */
THAW_API thaw_status thaw_proof_list(const thaw_proof_options *options, thaw_error *err);

/* One algorithm of a convolution beside plain C that accumulates in double. Texts live during the call. */
typedef struct thaw_rounding_row {
    uint32_t struct_size;
    int32_t first;         /* 1: of its convolution's */
    const char *layer;     /* the first one of this shape; siblings in one: "conv2d_8 and 3 more" */
    const char *shape;     /* "3x3 35x35x64 to 35x35x96" */
    const char *algorithm; /* NULL: the device declines the convolution, text says why */
    double l2;             /* |error| / |reference|, Euclidean */
    double largest;        /* error, as a share of the largest value */
    double allowance;      /* the largest error, as a share of what thaw_prove_device allows */
    const char *text;      /* why it failed; "" if it passed */
} thaw_rounding_row;

typedef struct thaw_rounding_options {
    uint32_t struct_size;
    uint32_t seed;       /* of the pixels where there is no image; default 1 */
    const char *device;  /* under test */
    const char *weights; /* a model, any format that thaw_convert_file reads */
    const char *image;   /* NULL: random pixels */
    void (*on_row)(void *ctx, const thaw_rounding_row *row); /* may be NULL */
    void *ctx;
    /* Asked between convolutions; non-zero stops with THAW_E_CANCELLED. May be NULL. */
    const volatile sig_atomic_t *cancel;
} thaw_rounding_options;
THAW_API void thaw_rounding_options_init(thaw_rounding_options *options, size_t struct_size);

/* The error of every algorithm that a device offers for the convolutions of a model, folded as they run, on
 * the activations of an image; of those of one shape the first stands for all. THAW_E_CHECK: an algorithm is
 * further off than thaw_prove_device allows, or the device took no convolution. */
THAW_API thaw_status thaw_measure_rounding(thaw_context *context, const thaw_rounding_options *options,
                                           thaw_error *err);

/* Ops of one kind in a training step: how many there are, how many the device takes, and likewise their
 * multiply-accumulates, which only convolutions have. */
typedef struct thaw_share_op {
    const char *op;
    size_t places, taken;
    uint64_t macs, taken_macs;
} thaw_share_op;

typedef struct thaw_share {
    uint32_t struct_size;
    uint32_t batch;
    size_t places, taken;
    uint64_t macs, taken_macs;
    uint32_t n_ops, reserved;
    thaw_share_op ops[32]; /* n_ops with at least one place */
} thaw_share;

/* How much of the fine-tuning step of the default recipe a device takes when it is asked for each op; nothing
 * is prepared, and nothing computed. *out is filled up to struct_size bytes. */
THAW_API thaw_status thaw_device_share(thaw_context *context, const char *device, thaw_share *out,
                                       size_t struct_size, thaw_error *err);

/* ---- finding the fastest algorithms ---------------------------------------------------------------- */

/* What became of one op. Texts live during the call. */
typedef struct thaw_tuning_op {
    uint32_t struct_size;
    int32_t known; /* 1: found by an earlier search */
    size_t index, total;
    const char *signature;                     /* kind, shapes and attributes */
    const char *algorithm, *default_algorithm; /* the fastest, and the device's own choice; NULL: see note */
    double seconds, default_seconds;           /* of one run */
    const char *rejected;                      /* algorithms that were wrong or would not compile, and why */
    const char *note;                          /* why there is no result; "" if there is one */
} thaw_tuning_op;

typedef struct thaw_tuning_options {
    uint32_t struct_size;
    int32_t again;      /* 1: forget what was found before */
    double seconds;     /* after which no further op is begun; default 120 */
    uint32_t n_classes; /* of the head, >= 2; default 5 */
    /* Asked while it works; non-zero stops with THAW_E_CANCELLED. What was found is kept. May be NULL. */
    const volatile sig_atomic_t *cancel;
    void (*on_op)(void *ctx, const thaw_tuning_op *op); /* may be NULL */
    void *ctx;
} thaw_tuning_options;
THAW_API void thaw_tuning_options_init(thaw_tuning_options *options, size_t struct_size);

typedef struct thaw_tuning {
    uint32_t struct_size;
    int32_t finished;                      /* 1: every op has been tried */
    size_t ops;                            /* for which there is a choice */
    size_t known, tried, skipped, faster;  /* skipped: no result; faster: not the default */
    double seconds;                        /* that it took */
    double default_seconds, tuned_seconds; /* of all places of the ops that are known */
    char file[1024];                       /* where the result is kept */
} thaw_tuning;

/* Tries every algorithm of the device for the ops of a recipe, and keeps the fastest right ones for all
 * later runs on this device with this driver. Goes on where the last search ended. Of the recipe, what
 * thaw_recipe_outline reads counts; weights and init may both be NULL. *out holds what was done, also after
 * an error, filled up to struct_size bytes. */
THAW_API thaw_status thaw_tune_device(thaw_context *context, const thaw_recipe *recipe,
                                      const thaw_tuning_options *options, thaw_tuning *out,
                                      size_t struct_size, thaw_error *err);
/* Calls on_op for each op that searches have found an algorithm for. */
THAW_API thaw_status thaw_tuned_list(thaw_context *context, const char *device,
                                     void (*on_op)(void *ctx, const thaw_tuning_op *op), void *ctx,
                                     thaw_error *err);

/* ---- comparing hardware ---------------------------------------------------------------------------- */

/* What is measured and how: docs/benchmarking.md. */

/* n samples; n 0: not known, and the numbers are 0. */
typedef struct thaw_bench_stat {
    double median, min, max;
    uint32_t n;
} thaw_bench_stat;

/* Sections: "prefix" (the frozen part of the recipe), "head" and "finetune" (training steps of the two
 * phases), "forward" (the whole network to probabilities), "train" (a training step of all layers). */

/* A program at one batch size. Numbers that are not known are 0. */
typedef struct thaw_bench_section {
    uint32_t struct_size;
    uint32_t batch;
    const char *name;
    thaw_bench_stat seconds; /* of one run, with the upload of its inputs and the download of its results */
    double images_per_second;
    uint64_t macs_per_image;
    double gflops;        /* a multiply-add is two operations */
    double share_of_peak; /* of peak_gflops.max; 0 … 1 */
    double prepare_seconds;
    uint64_t device_bytes;   /* inputs, activations and workspace */
    uint64_t variable_bytes; /* trained weights and the optimizer's state */
    uint64_t fallback_ops;   /* that the CPU runs in the device's place */
    uint64_t fallback_bytes; /* copied for them in each run */
    const char *error;       /* NULL: none */
} thaw_bench_section;

/* A distinct op of a program, alone, with its arguments on the device. */
typedef struct thaw_bench_op {
    uint32_t struct_size;
    uint32_t batch;
    const char *program; /* a section's name */
    const char *op, *label, *shape, *algorithm, *signature;
    size_t places; /* in the program; one that is run on some images at a time counts each time */
    thaw_bench_stat seconds;
    uint64_t macs;
    double gflops;        /* 0: it multiplies no matrices */
    uint64_t bytes;       /* of all inputs and outputs, each once */
    double gb_per_s;      /* 10^9 bytes */
    double share_of_peak; /* 0 where gflops is */
    double share_of_program;
    const char *error; /* NULL: none */
} thaw_bench_op;

typedef struct thaw_bench_device {
    uint32_t struct_size;
    int32_t type;     /* THAW_UNIT_* */
    const char *name; /* as it was asked for, with its options */
    const char *title, *vendor, *driver, *detail;
    const char *plugin, *plugin_version;
    uint64_t memory_bytes;
    uint32_t cores;
    int32_t tuned;     /* 1: algorithms that `thaw tune` found are used */
    int32_t self_test; /* THAW_SELF_TEST_* */
    double open_seconds;
    thaw_bench_stat peak_gflops; /* f32 multiply-adds; the limit is its max, as that of the copy */
    const char *peak_source; /* "thaw.peak/1": the plugin's own loop; "largest product"; NULL: not known */
    thaw_bench_stat copy_gb_per_s; /* of a copy within its memory, bytes read and written */
    size_t n_sections;
    const thaw_bench_section *const *sections;
    size_t n_ops;
    const thaw_bench_op *const *ops; /* of each program in the order in which they first run */
    size_t n_notes;
    const char *const *notes;
} thaw_bench_device;

/* Freed by thaw_bench_report_free, before the context. */
typedef struct thaw_bench_report {
    uint32_t struct_size;
    int32_t complete; /* 0: stopped; what was measured until then is there */
    char time_utc[24];
    /* The options as they were used. batch_sizes are those of sections without training; step_sizes those of
     * training steps. */
    size_t n_batch_sizes, n_step_sizes;
    const uint32_t *batch_sizes, *step_sizes;
    size_t n_section_names;
    const char *const *section_names;
    uint32_t repeat, threads, input_size, n_classes;
    double seconds;
    int32_t precision, quick;
    const char *cpu, *os;
    uint32_t cores;
    uint64_t memory_bytes;
    double clock_ghz_start, clock_ghz_end; /* measured */
    double os_clock_ghz;                   /* what the system says */
    const char *governor;                  /* of the clock; NULL: not known */
    uint64_t peak_rss_bytes;               /* of the process */
    size_t n_devices;
    const thaw_bench_device *const *devices;
    int32_t exact; /* as in thaw_recipe */
} thaw_bench_report;

enum { THAW_BENCH_PREPARE = 0, THAW_BENCH_WARM_UP = 1, THAW_BENCH_MEASURE = 2 };

/* What is about to be done. */
typedef struct thaw_bench_step {
    uint32_t struct_size;
    int32_t doing;                    /* THAW_BENCH_* */
    const char *device, *what;        /* what: a section, "peak", "copy" or "ops of prefix" */
    uint32_t batch;                   /* 0: none */
    uint32_t repetition, repetitions; /* from 1; MEASURE only */
    size_t done, total;               /* pieces of the whole run */
} thaw_bench_step;

typedef struct thaw_bench_options {
    uint32_t struct_size;
    uint32_t repeat;            /* repetitions at most; 0: 7, quick 3 */
    const char *const *devices; /* n_devices; none: every device there is */
    size_t n_devices;
    const uint32_t *batch_sizes; /* n_batch_sizes; none: 1, 8 and 32, of training steps 32; quick 8 */
    size_t n_batch_sizes;
    const char *const *sections; /* n_sections names; none: all */
    size_t n_sections;
    double seconds; /* of one measurement, after which no fourth or later repetition begins; 0: 10, quick 1 */
    uint32_t input_size; /* pixels, square, 75 to 4096; default 299 */
    uint32_t n_classes;  /* of the head, >= 2; default 5 */
    int32_t precision;   /* THAW_RECIPE_PRECISION_* */
    int32_t on_decline;  /* THAW_ON_DECLINE_*; default ALLOW: the report counts what the CPU runs */
    int32_t quick;       /* 1: less of everything that is left to the default, and no ops of "train" */
    int32_t no_ops;      /* 1: no table of ops */
    /* Asked between samples; non-zero stops with THAW_E_CANCELLED. May be NULL. */
    const volatile sig_atomic_t *cancel;
    void (*on_step)(void *ctx, const thaw_bench_step *step); /* may be NULL */
    void *ctx;
    int32_t exact; /* as in thaw_recipe */
} thaw_bench_options;

THAW_API void thaw_bench_options_init(thaw_bench_options *options, size_t struct_size);

/* Measures devices, in turns where there are several. Needs no weights and no photos. *out is set after
 * THAW_E_CANCELLED too; after another error it is NULL. What fails on a device is reported with it and is no
 * error of the whole, except a device that is named and cannot be opened. */
THAW_API thaw_status thaw_bench_run(thaw_context *context, const thaw_bench_options *options,
                                    thaw_bench_report **out, thaw_error *err);
THAW_API void thaw_bench_report_free(thaw_bench_report *report); /* NULL does nothing */

#ifdef __cplusplus
}
#endif

#endif
