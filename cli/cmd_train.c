/* cmd_train.c: thaw train. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "train_report.h"

static const cli_usage usage = {
    .name = "train",
    .synopsis = "DIR -o MODEL.safetensors [options]",
    .about =
        "Fine-tunes InceptionV3 on the photos in DIR, which has a folder for each class. First the head\n"
        "is trained alone, then the last layers with it; the best epoch is kept. Options with two values\n"
        "are for the two phases; one value holds for both.\n"
        "The pretrained weights come from --weights, else $THAW_WEIGHTS, else the cache folder\n"
        "(~/.cache/thaw/inception_v3.safetensors). Ctrl-C stops after the step under way.",
    .examples = "  thaw train photos/ -o model.safetensors\n"
                "  thaw train photos/ -o model.safetensors --epochs 10,10 --early-stopping 3\n"
                "  thaw train photos/ -o model.safetensors --checkpoint-dir run1        then, if stopped:\n"
                "  thaw train photos/ -o model.safetensors --checkpoint-dir run1 --resume\n"
                "  thaw train more/ -o better.safetensors --init model.safetensors --epochs 0,5",
    .min_words = 1,
    .max_words = 1,
    .word = "a folder of photos, with a folder for each class",
};

typedef struct train_args {
    cli_common common;
    thaw_recipe recipe;
    uint32_t cache_mb;
    bool resume, cache_keep, check_step, given_last, given_split;
} train_args;

/* -1 if the options agree with each other. */
static int check_options(const train_args *args)
{
    const thaw_recipe *r = &args->recipe;
    if (!r->output)
        return cli_misuse(&usage, "`thaw train` needs a file to write: -o model.safetensors");
    if (r->val_dir && args->given_split)
        return cli_misuse(&usage, "--val-dir and --val-split: give one of them");
    if (args->resume && !r->checkpoint_dir)
        return cli_misuse(&usage, "--resume needs the --checkpoint-dir of the run that was stopped");
    if (args->cache_keep && !r->cache_dir)
        return cli_misuse(&usage, "--cache-keep needs a --cache-dir");
    return cli_recipe_check(&usage, r, args->given_last);
}

static int run_train(train_args *args, const char *dir)
{
    thaw_recipe *r = &args->recipe;
    thaw_context *context = NULL;
    train_report report;
    thaw_error err = {0};
    char *found = NULL;
    int code = CLI_EXIT_FAILURE;
    train_report_init(&report, args->common.json, args->common.quiet);
    r->dir = dir;
    r->resume = args->resume;
    r->cache_keep = args->cache_keep;
    r->check_step = args->check_step;
    r->cache_bytes = (uint64_t)args->cache_mb << 20;
    if (!cli_recipe_start(r, &args->common, &found))
        goto cleanup;
    context = cli_context(&args->common);
    if (!context)
        goto cleanup;
    cli_catch_signals(&r->cancel);
    err.status = thaw_run_recipe(context, r, train_report_event, &report, &err);
    train_report_end(&report, r->output, &err);
    code = err.status == THAW_OK ? CLI_EXIT_OK : cli_report(&err);
cleanup:
    train_report_free(&report);
    code = cli_context_end(context, &args->common, code);
    free(found);
    return code;
}

int cli_train(int argc, char **argv)
{
    train_args args = {.common.one_device = true};
    cli_list words = {0};
    thaw_recipe *r = &args.recipe;
    thaw_recipe_init(r, sizeof *r);
    const cli_option options[] = {
        CLI_OUTPUT_OPTION(&r->output, "the model to write"),
        {.name = "init",
         .kind = CLI_TEXT,
         .target = &r->init,
         .value = "MODEL",
         .help = "go on from this model and its head"},
        {.name = "epochs",
         .kind = CLI_COUNTS,
         .target = r->epochs,
         .value = "N,N",
         .max = 1e6,
         .help = "of the two phases; 0 leaves one out (default 5,5)"},
        {.name = "lr",
         .kind = CLI_REALS,
         .target = r->lr,
         .value = "X,X",
         .max = 1e3,
         .help = "learning rates (default 1e-3,1e-5)"},
        CLI_RECIPE_OPTIONS(r, &args.given_last),
        {.name = "dropout",
         .kind = CLI_REAL,
         .target = &r->dropout,
         .value = "X",
         .max = 0.999999,
         .help = "before the head (default 0.2)"},
        {.name = "val-split",
         .kind = CLI_REAL,
         .target = &r->val_split,
         .value = "X",
         .max = 0.999999,
         .given = &args.given_split,
         .help = "part of the photos to validate with (default 0.2)"},
        {.name = "val-dir",
         .kind = CLI_TEXT,
         .target = &r->val_dir,
         .value = "DIR",
         .help = "instead: photos to validate with, same classes"},
        {.name = "seed",
         .kind = CLI_COUNT,
         .target = &r->seed,
         .value = "N",
         .max = UINT32_MAX,
         .help = "of the split and every other random choice (default 123)"},
        {.name = "shuffle",
         .kind = CLI_CHOICE,
         .target = &r->shuffle,
         .choices = "epoch|none",
         .help = "order of the photos (default epoch: a new one each epoch)"},
        {.name = "early-stopping",
         .kind = CLI_COUNT,
         .target = &r->patience,
         .value = "PATIENCE",
         .max = 1e6,
         .help = "end a phase after that many epochs without better val loss"},
        {.name = "min-delta",
         .kind = CLI_REAL,
         .target = &r->min_delta,
         .value = "X",
         .max = 1e6,
         .help = "what counts as better (default 0)"},
        {.name = "cache",
         .kind = CLI_CHOICE,
         .target = &r->cache,
         .choices = "auto|ram|disk|off",
         .help = "where the frozen part's results are kept (default auto)"},
        {.name = "cache-mb",
         .kind = CLI_COUNT,
         .target = &args.cache_mb,
         .value = "N",
         .min = 1,
         .max = 1 << 24,
         .help = "MiB of memory for them (default: half of what is free)"},
        {.name = "cache-dir",
         .kind = CLI_TEXT,
         .target = &r->cache_dir,
         .value = "DIR",
         .help = "for the cache on disk (default $TMPDIR or /tmp)"},
        {.name = "cache-keep",
         .kind = CLI_FLAG,
         .target = &args.cache_keep,
         .help = "leave the cache there for the next run"},
        {.name = "checkpoint-dir",
         .kind = CLI_TEXT,
         .target = &r->checkpoint_dir,
         .value = "DIR",
         .help = "keep best.safetensors and last.safetensors here"},
        {.name = "resume",
         .kind = CLI_FLAG,
         .target = &args.resume,
         .help = "go on from the checkpoint, to the same bits as if never stopped"},
        {.name = "on-bad-image",
         .kind = CLI_CHOICE,
         .target = &r->on_bad_image,
         .choices = "skip|fail",
         .help = "a photo that cannot be read (default skip)"},
        {.name = "log-steps",
         .kind = CLI_TEXT,
         .target = &r->step_log,
         .value = "FILE.jsonl",
         .help = "write every step's loss"},
        {.name = "csv",
         .kind = CLI_TEXT,
         .target = &r->epoch_csv,
         .value = "FILE.csv",
         .help = "write a line for each epoch"},
        {.name = "check-step",
         .kind = CLI_FLAG,
         .target = &args.check_step,
         .help = "compute each phase's first step on cpu:0 too, and stop if it differs"},
        CLI_PRODUCT_OPTIONS(&args.common),
        CLI_DEVICE_OPTIONS(&args.common),
        CLI_JSON_OPTION(&args.common),
        CLI_QUIET_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0)
        code = check_options(&args);
    if (code < 0)
        code = run_train(&args, words.items[0]);
    cli_common_free(&args.common);
    free(words.items);
    return code;
}
