/* cli.h: what the subcommands share. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <signal.h>
#include <stdbool.h>

#include "args.h"
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
int cli_devices(int argc, char **argv);
int cli_check(int argc, char **argv);
int cli_convert(int argc, char **argv);
int cli_info(int argc, char **argv);

/* ---- options of every command that computes (common.c) ------------------------------------------- */

typedef struct cli_common {
    const char *device;
    uint32_t threads;
    cli_list plugins;
    int32_t on_decline; /* THAW_ON_DECLINE_* */
    bool json, quiet, verbose;
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
#define CLI_JSON_OPTION(c)                                                                                   \
    {                                                                                                        \
        .name = "json", .kind = CLI_FLAG, .target = &(c)->json, .help = "print JSON"                         \
    }
#define CLI_QUIET_OPTION(c)                                                                                  \
    {                                                                                                        \
        .name = "quiet", .letter = 'q', .kind = CLI_FLAG, .target = &(c)->quiet,                             \
        .help = "no progress, only the result"                                                               \
    }

/* Loads the plugins; NULL after a message. Freed by thaw_context_free. */
thaw_context *cli_context(const cli_common *common);
void cli_common_free(cli_common *common);

/* Prints "thaw: <text>" and returns the exit code that stands for the error. */
int cli_report(const thaw_error *err);

/* Name of class i, or its number where the model has no names; buffer holds the number. */
const char *cli_class_name(const char *const *names, uint32_t i, char buffer[16]);

/* ---- interruption (signals.c) -------------------------------------------------------------------- */

/* SIGINT and SIGTERM set *flag once; a second one ends the program at once. */
void cli_catch_signals(const volatile sig_atomic_t **flag);

/* ---- where weights are looked for (weights.c) ---------------------------------------------------- */

/* $THAW_WEIGHTS, else inception_v3.safetensors in the cache folder. NULL after a message that says how to
 * get it. The path is freed by free(). */
char *cli_find_weights(void);

#endif
