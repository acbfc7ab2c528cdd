/* cmd_tune.c: thaw tune. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "table.h"

static const cli_usage usage = {
    .name = "tune",
    .synopsis = "[options]",
    .about =
        "Tries every algorithm that a device offers for the ops of a training run, the costliest first, and\n"
        "keeps the fastest that are right; later runs on this device with this driver use them. Stopped by\n"
        "its budget or by Ctrl-C, it goes on where it was the next time. Needs no weights and no photos.",
    .examples = "  thaw tune\n"
                "  thaw tune --device opencl:0 --budget 600\n"
                "  thaw tune --list             what has been found for the device",
};

typedef struct tune_args {
    cli_common common;
    thaw_recipe recipe;
    thaw_tuning_options options;
    bool again, list, given_last;
} tune_args;

typedef struct tune_run {
    const tune_args *args;
    cli_progress progress;
    cli_json json;
    cli_table table;
    double started;
    size_t listed;
} tune_run;

static double ratio(const thaw_tuning_op *op)
{
    return op->seconds > 0 ? op->default_seconds / op->seconds : 1;
}

static bool faster(const thaw_tuning_op *op)
{
    return op->algorithm && strcmp(op->algorithm, op->default_algorithm) != 0;
}

static void json_op(cli_json *json, const thaw_tuning_op *op)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "op", op->signature);
    cli_json_bool(json, "known", op->known);
    cli_json_text(json, "algorithm", op->algorithm);
    cli_json_real(json, "microseconds", op->seconds * 1e6);
    cli_json_text(json, "default_algorithm", op->default_algorithm);
    cli_json_real(json, "default_microseconds", op->default_seconds * 1e6);
    cli_json_text(json, "rejected", *op->rejected ? op->rejected : NULL);
    cli_json_text(json, "note", *op->note ? op->note : NULL);
    cli_json_end(json, '}');
}

static void print_op(const thaw_tuning_op *op)
{
    if (faster(op) && !op->known)
        printf("%.2fx  %s: %s %.1f us, %s %.1f us\n", ratio(op), op->signature, op->algorithm,
               op->seconds * 1e6, op->default_algorithm, op->default_seconds * 1e6);
    if (*op->rejected)
        printf("       %s: not used: %s\n", op->signature, op->rejected);
    if (*op->note)
        printf("       %s: left out: %s\n", op->signature, op->note);
}

static void on_op(void *ctx, const thaw_tuning_op *op)
{
    tune_run *run = ctx;
    if (run->args->common.json) {
        json_op(&run->json, op);
    } else {
        cli_progress_clear(&run->progress);
        print_op(op);
        fflush(stdout);
    }
    cli_progress_show(&run->progress, "tuning", op->index + 1, op->total, 0, 0, "");
}

static void print_summary(const thaw_tuning *t)
{
    char seconds[24];
    cli_format_seconds(t->seconds, seconds);
    printf("%zu ops: %zu known before, %zu tried in %s, %zu without a result; %zu have a faster algorithm\n",
           t->ops, t->known, t->tried, seconds, t->skipped, t->faster);
    if (t->tuned_seconds > 0)
        printf("one run of each: %.2f ms by default, %.2f ms tuned\n", t->default_seconds * 1e3,
               t->tuned_seconds * 1e3);
    if (!t->finished)
        printf("not all were tried: the same command goes on (--budget SECONDS for more at a time)\n");
    printf("kept in %s\n", t->file);
}

static void json_summary(cli_json *json, const thaw_tuning *t, const thaw_error *err)
{
    cli_json_end(json, ']');
    cli_json_count(json, "ops", t->ops);
    cli_json_count(json, "known", t->known);
    cli_json_count(json, "tried", t->tried);
    cli_json_count(json, "skipped", t->skipped);
    cli_json_count(json, "faster", t->faster);
    cli_json_bool(json, "finished", t->finished);
    cli_json_real(json, "seconds", t->seconds);
    cli_json_real(json, "default_seconds", t->default_seconds);
    cli_json_real(json, "tuned_seconds", t->tuned_seconds);
    cli_json_text(json, "file", t->file);
    cli_json_text(json, "error", err->text[0] ? err->text : NULL);
    cli_json_end(json, '}');
}

static int search(thaw_context *context, tune_args *args, tune_run *run)
{
    thaw_tuning result = {0};
    thaw_error err = {0};
    args->options.again = args->again;
    args->options.on_op = on_op;
    args->options.ctx = run;
    cli_catch_signals(&args->options.cancel);
    cli_progress_init(&run->progress, args->common.quiet);
    if (args->common.json) {
        cli_json_object(&run->json, NULL);
        cli_json_array(&run->json, "tuned");
    }
    thaw_status st = thaw_tune_device(context, &args->recipe, &args->options, &result, sizeof result, &err);
    cli_progress_clear(&run->progress);
    if (args->common.json)
        json_summary(&run->json, &result, &err);
    else if (result.ops > 0)
        print_summary(&result);
    else if (st == THAW_OK)
        printf("nothing to choose: the device has one algorithm for each op\n");
    return st == THAW_OK ? CLI_EXIT_OK : cli_report(&err);
}

static void list_op(void *ctx, const thaw_tuning_op *op)
{
    static const char *const heads[] = {"x", "algorithm", "us", "default", "us", "op"};
    tune_run *run = ctx;
    if (run->args->common.json) {
        json_op(&run->json, op);
        return;
    }
    if (run->listed++ == 0) {
        cli_table_begin(&run->table, "rlrlrl");
        for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
            cli_table_cell(&run->table, "%s", heads[i]);
    }
    cli_table_cell(&run->table, "%.2f", ratio(op));
    cli_table_cell(&run->table, "%s", op->algorithm);
    cli_table_cell(&run->table, "%.1f", op->seconds * 1e6);
    cli_table_cell(&run->table, "%s", op->default_algorithm);
    cli_table_cell(&run->table, "%.1f", op->default_seconds * 1e6);
    cli_table_cell(&run->table, "%s", op->signature);
}

static int list(thaw_context *context, const tune_args *args, tune_run *run)
{
    thaw_error err = {0};
    if (args->common.json)
        cli_json_array(&run->json, NULL);
    thaw_status st = thaw_tuned_list(context, args->common.device, list_op, run, &err);
    if (args->common.json)
        cli_json_end(&run->json, ']');
    else if (run->listed > 0)
        cli_table_end(&run->table, stdout, "");
    else if (st == THAW_OK)
        printf("nothing has been tuned for this device\n");
    return st == THAW_OK ? CLI_EXIT_OK : cli_report(&err);
}

static int run_tune(tune_args *args)
{
    tune_run run = {.args = args, .json = {.stream = stdout}};
    thaw_context *context = cli_context(&args->common);
    if (!context)
        return CLI_EXIT_FAILURE;
    args->recipe.device = args->common.device;
    args->recipe.on_decline = args->common.on_decline;
    args->recipe.precision = args->common.precision;
    args->recipe.exact = args->common.exact;
    int code = args->list ? list(context, args, &run) : search(context, args, &run);
    return cli_context_end(context, &args->common, code);
}

int cli_tune(int argc, char **argv)
{
    tune_args args = {0};
    cli_list words = {0};
    thaw_recipe *r = &args.recipe;
    thaw_recipe_init(r, sizeof *r);
    thaw_tuning_options_init(&args.options, sizeof args.options);
    const cli_option options[] = {
        {.name = "budget",
         .kind = CLI_REAL,
         .target = &args.options.seconds,
         .value = "SECONDS",
         .max = 1e7,
         .help = "no op is begun later than that (default 120)"},
        {.name = "again", .kind = CLI_FLAG, .target = &args.again, .help = "forget what was found before"},
        {.name = "list", .kind = CLI_FLAG, .target = &args.list, .help = "print what was found before"},
        {.name = "model",
         .kind = CLI_TEXT,
         .target = &r->init,
         .value = "FILE",
         .help = "for the image size and the pools of this model"},
        {.name = "classes",
         .kind = CLI_COUNT,
         .target = &args.options.n_classes,
         .value = "N",
         .min = 2,
         .max = 100000,
         .help = "of the head (default 5)"},
        CLI_RECIPE_OPTIONS(r, &args.given_last),
        CLI_PRODUCT_OPTIONS(&args.common),
        CLI_DEVICE_OPTIONS(&args.common),
        CLI_JSON_OPTION(&args.common),
        CLI_QUIET_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0)
        code = cli_recipe_check(&usage, r, args.given_last);
    if (code < 0)
        code = run_tune(&args);
    cli_common_free(&args.common);
    free(words.items);
    return code;
}
