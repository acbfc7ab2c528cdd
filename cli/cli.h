/* cli.h: what the subcommands share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "args.h"
#include "progress.h"
#include "thaw/thaw.h"

/* Exit codes; documented by `thaw help`. */
enum {
    CLI_EXIT_OK = 0,
    CLI_EXIT_FAILURE = 1,
    CLI_EXIT_USAGE = 2,
    CLI_EXIT_CHECK = 3,        /* a check ran and did not pass, or an image could not be used */
    CLI_EXIT_INTERRUPTED = 130 /* as a shell reports SIGINT */
};

/* argv without the program's and the subcommand's name. */
typedef int (*cli_run_fn)(int argc, char **argv);
int cli_train(int argc, char **argv);
int cli_evaluate(int argc, char **argv);
int cli_predict(int argc, char **argv);
int cli_features(int argc, char **argv);
int cli_plan(int argc, char **argv);
int cli_tune(int argc, char **argv);
int cli_devices(int argc, char **argv);
int cli_bench(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_convert(int argc, char **argv);
int cli_info(int argc, char **argv);

/* ---- options of every command that computes (common.c) ------------------------------------------- */

typedef struct cli_common {
    const char *device;
    uint32_t threads;
    cli_list plugins;
    int32_t on_decline; /* THAW_ON_DECLINE_* */
    int32_t precision;  /* THAW_RECIPE_PRECISION_* */
    bool exact;
    bool json, quiet, verbose;
    const char *trace;
    bool trace_sync;
    bool one_device; /* no device but `device` is asked for */
} cli_common;

/* Rows of an option table; `c` is a cli_common. */
#define CLI_CONTEXT_OPTIONS(c)                                                                               \
    {.name = "threads",                                                                                      \
     .kind = CLI_COUNT,                                                                                      \
     .target = &(c)->threads,                                                                                \
     .value = "N",                                                                                           \
     .max = 256,                                                                                             \
     .help = "threads to compute with (default: one for each processor)"},                                   \
        {.name = "plugin",                                                                                   \
         .kind = CLI_LIST,                                                                                   \
         .target = &(c)->plugins,                                                                            \
         .value = "FILE",                                                                                    \
         .help = "load this plugin too, before all others (repeatable)"},                                    \
        {.name = "trace",                                                                                    \
         .kind = CLI_TEXT,                                                                                   \
         .target = &(c)->trace,                                                                              \
         .value = "FILE.json",                                                                               \
         .help = "write a timeline of all that the device is told to do"},                                   \
        {.name = "trace-sync",                                                                               \
         .kind = CLI_FLAG,                                                                                   \
         .target = &(c)->trace_sync,                                                                         \
         .help = "wait for the device after each op, so that each one's own time shows"},                    \
    {                                                                                                        \
        .name = "verbose", .letter = 'v', .kind = CLI_FLAG, .target = &(c)->verbose,                         \
        .help = "say more about plugins and devices"                                                         \
    }
#define CLI_DEVICE_OPTIONS(c)                                                                                \
    CLI_CONTEXT_OPTIONS(c),                                                                                  \
        {.name = "device",                                                                                   \
         .kind = CLI_TEXT,                                                                                   \
         .target = &(c)->device,                                                                             \
         .value = "NAME",                                                                                    \
         .help = "see `thaw devices` (default: the first GPU, else the CPU)"},                               \
    {                                                                                                        \
        .name = "fallback", .kind = CLI_CHOICE, .target = &(c)->on_decline, .choices = "warn|error|allow",   \
        .help = "when the device declines an op, the CPU takes it (default warn)"                            \
    }
/* What convolutions may do. */
#define CLI_PRODUCT_OPTIONS(c)                                                                               \
    {.name = "precision",                                                                                    \
     .kind = CLI_CHOICE,                                                                                     \
     .target = &(c)->precision,                                                                              \
     .choices = "f32|tf32|bf16",                                                                             \
     .help =                                                                                                 \
         "of convolutions' factors: tf32, or bf16 in the frozen part, is faster on devices that have it "    \
         "(default f32)"},                                                                                   \
    {                                                                                                        \
        .name = "exact", .kind = CLI_FLAG, .target = &(c)->exact,                                            \
        .help =                                                                                              \
            "convolutions by their own products alone, no Winograd, no numbers in parts: slower, more exact" \
    }
/* "f32", "tf32" or "bf16", of a THAW_RECIPE_PRECISION_*. */
const char *cli_precision_name(int32_t precision);
#define CLI_JSON_OPTION(c)                                                                                   \
    {                                                                                                        \
        .name = "json", .kind = CLI_FLAG, .target = &(c)->json, .help = "print JSON"                         \
    }
#define CLI_QUIET_OPTION(c)                                                                                  \
    {                                                                                                        \
        .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .target = &(c)->quiet,                             \
        .help = "no progress, only the result"                                                               \
    }

/* `c` is a const char *, for the file that a command is there to write. */
#define CLI_OUTPUT_OPTION(c, text)                                                                           \
    {                                                                                                        \
        .name = "output", .letter = 'o', .kind = CLI_TEXT, .target = (c), .value = "FILE", .help = (text)    \
    }
/* `n` is a uint32_t. */
#define CLI_BATCH_OPTION(n)                                                                                  \
    {                                                                                                        \
        .name = "batch-size", .kind = CLI_COUNT, .target = (n), .value = "N", .min = 1, .max = 4096,         \
        .help = "images at a time (default: what suits the device)"                                          \
    }
/* `c` is a const char *. */
#define CLI_CSV_OPTION(c)                                                                                    \
    {                                                                                                        \
        .name = "csv", .kind = CLI_TEXT, .target = (c), .value = "FILE",                                     \
        .help = "write path, class and every probability (- for stdout, in place of the text)"               \
    }

/* Loads the plugins; NULL after a message. Freed by cli_context_end. */
thaw_context *cli_context(const cli_common *common);
/* code: the exit code so far; returns the one to exit with, which is another one if there was to be a trace
 * and it could not be written. context may be NULL. */
int cli_context_end(thaw_context *context, const cli_common *common, int code);
void cli_common_free(cli_common *common);

/* Prints "thaw: <text>" and how to get help; returns CLI_EXIT_USAGE. */
int cli_misuse(const cli_usage *usage, const char *text);
/* Prints "thaw: <text>" and returns the exit code that stands for the error. */
int cli_report(const thaw_error *err);

/* Name of class i, or its number where the model has no names; buffer holds the number. */
const char *cli_class_name(const char *const *names, uint32_t i, char buffer[16]);

/* ---- interruption (signals.c) -------------------------------------------------------------------- */

/* SIGINT and SIGTERM set *flag once; a second one ends the program at once. */
void cli_catch_signals(const volatile sig_atomic_t **flag);
/* command: what does again what is being done now. It is printed when a signal asks to stop, for what is
 * being done may never end, and when the program crashes, as a plugin under test can make it. Lives until the
 * next call; NULL: nothing is printed. */
void cli_note_command(const char *command);

/* ---- what a recipe is made of, for train and plan (recipe.c) -------------------------------------- */

/* `r` is a thaw_recipe; `last_given` a bool, whether --unfreeze-last was there. */
#define CLI_RECIPE_OPTIONS(r, last_given)                                                                    \
    {.name = "weights",                                                                                      \
     .kind = CLI_TEXT,                                                                                       \
     .target = &(r)->weights,                                                                                \
     .value = "FILE",                                                                                        \
     .help = "pretrained base (any format of `thaw convert`)"},                                              \
        {.name = "batch-size",                                                                               \
         .kind = CLI_COUNT,                                                                                  \
         .target = &(r)->batch_size,                                                                         \
         .value = "N",                                                                                       \
         .min = 1,                                                                                           \
         .max = 4096,                                                                                        \
         .help = "images of a training step (default 32)"},                                                  \
        {.name = "unfreeze-last",                                                                            \
         .kind = CLI_COUNT,                                                                                  \
         .target = &(r)->unfreeze_last,                                                                      \
         .value = "N",                                                                                       \
         .max = 311,                                                                                         \
         .given = (last_given),                                                                              \
         .help = "layers of 311 that phase 2 trains (default 50)"},                                          \
        {.name = "unfreeze",                                                                                 \
         .kind = CLI_TEXT,                                                                                   \
         .target = &(r)->unfreeze,                                                                           \
         .value = "BLOCK",                                                                                   \
         .help = "instead: all from this block or layer on, like mixed9"},                                   \
        {.name = "bn",                                                                                       \
         .kind = CLI_CHOICE,                                                                                 \
         .target = &(r)->bn,                                                                                 \
         .choices = "frozen|batch",                                                                          \
         .help = "statistics of batch normalisation that trains (default frozen)"},                          \
        {.name = "cache-type",                                                                               \
         .kind = CLI_CHOICE,                                                                                 \
         .target = &(r)->cache_type,                                                                         \
         .choices = "f32|f16",                                                                               \
         .help = "of the cache; f32 is exact, f16 half as large (default f32)"},                             \
    {                                                                                                        \
        .name = "prefix-batch", .kind = CLI_COUNT, .target = &(r)->prefix_batch, .value = "N", .max = 4096,  \
        .help = "images at a time through the frozen part (default: what suits the device)"                  \
    }

/* -1 if what says where to start and what to train is said once; otherwise the exit code after a message. */
int cli_recipe_check(const cli_usage *usage, const thaw_recipe *recipe, bool last_given);
/* Device, precision and weights of a recipe. Where it names neither weights nor a model: $THAW_WEIGHTS, else
 * inception_v3.safetensors in the cache folder. False after a message that says how to get it. *found is
 * freed by free(), after the recipe's use. */
bool cli_recipe_start(thaw_recipe *recipe, const cli_common *common, char **found);

/* ---- using a model, for evaluate, predict and features (use.c) ------------------------------------ */

/* Options as the user gave them; from here on signals stop the work. */
void cli_use_begin(thaw_use_options *options, const cli_common *common, const char *model, uint32_t batch);
/* An image's line of --csv, with the heading before the first: path, label where there is one, prediction,
 * all probabilities. Nothing for an image that could not be read. */
void cli_use_csv(FILE *stream, const thaw_use_image *image);
/* started: of the pass, by cli_now(). */
void cli_use_progress(cli_progress *progress, const char *label, double started, const thaw_use_image *image);
/* -1, or the exit code after a message if both --json and --csv - would write to stdout. */
int cli_use_check(const cli_usage *usage, const cli_common *common, const char *csv);
/* Whether words may go to stdout: not where it is a CSV file. */
bool cli_use_words(const char *csv);

#endif
