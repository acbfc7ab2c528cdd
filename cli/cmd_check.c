/* cmd_check.c: thaw check. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "table.h"

static const cli_usage usage = {
    .name = "check",
    .synopsis = "[FILE.so] [options]",
    .about =
        "Runs every op over a table of shapes and compares with the plain-C reference, through the plugin\n"
        "interface alone: values, bytes that are not the op's, equal bits twice, refusals. FILE.so: a\n"
        "plugin, all of whose devices are checked. Exit code 3 if a case failed or none ran.",
    .examples = "  thaw check                              every device\n"
                "  thaw check --device cpu:0,isa=avx2\n"
                "  thaw check ./thaw-mine.so --op conv2d -v\n"
                "  thaw check --case 3x3_288 --seed 7      one case again, as its failure printed it",
    .max_words = 1,
};

typedef struct check_args {
    cli_common common;
    const char *reference, *op, *name;
    uint32_t seed, repeat;
    bool list;
} check_args;

typedef struct check_run {
    const check_args *args;
    cli_json json;
} check_run;

static const char *result_name(int32_t result)
{
    return result == THAW_PROOF_PASSED ? "passed" : result == THAW_PROOF_FAILED ? "FAILED" : "declined";
}

static void on_case(void *ctx, const thaw_proof_case *c)
{
    check_run *run = ctx;
    if (run->args->common.json) {
        cli_json_object(&run->json, NULL);
        cli_json_text(&run->json, "op", c->op);
        cli_json_text(&run->json, "name", c->name);
        cli_json_count(&run->json, "seed", c->seed);
        cli_json_text(&run->json, "result",
                      c->result == THAW_PROOF_FAILED ? "failed" : result_name(c->result));
        cli_json_count(&run->json, "kernels", c->kernels);
        cli_json_real(&run->json, "worst", c->worst);
        cli_json_real(&run->json, "seconds", c->seconds);
        cli_json_text(&run->json, "text", c->text);
        cli_json_end(&run->json, '}');
    } else if (c->result == THAW_PROOF_FAILED || run->args->common.verbose) {
        printf("%-8s %s (--seed %llu)%s%s\n", result_name(c->result), c->name, (unsigned long long)c->seed,
               *c->text ? ": " : "", c->text);
    }
}

static void print_summary(const char *device, const thaw_proof *proof)
{
    static const char *const heads[] = {"op", "cases", "passed", "failed", "declined", "worst"};
    cli_table table;
    char seconds[24];
    cli_table_begin(&table, "lrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        cli_table_cell(&table, "%s", heads[i]);
    for (uint32_t i = 0; i < proof->n_ops; i++) {
        const thaw_proof_op *op = &proof->ops[i];
        cli_table_cell(&table, "%s", op->op);
        cli_table_cell(&table, "%zu", op->cases);
        cli_table_cell(&table, "%zu", op->passed);
        cli_table_cell(&table, "%zu", op->failed);
        cli_table_cell(&table, "%zu", op->declined);
        cli_table_cell(&table, "%.2f", op->worst);
    }
    cli_table_end(&table, stdout, "");
    cli_format_seconds(proof->seconds, seconds);
    printf("%s: %zu cases: %zu passed, %zu failed, %zu declined; seed %llu, %s\n", device, proof->cases,
           proof->passed, proof->failed, proof->declined, (unsigned long long)proof->seed, seconds);
    printf("(worst: the largest error as a share of what is allowed)\n");
}

static void json_summary(cli_json *json, const thaw_proof *proof, const thaw_error *err)
{
    cli_json_end(json, ']');
    cli_json_count(json, "passed", proof->passed);
    cli_json_count(json, "failed", proof->failed);
    cli_json_count(json, "declined", proof->declined);
    cli_json_count(json, "executed", proof->executed);
    cli_json_real(json, "seconds", proof->seconds);
    cli_json_text(json, "error", err->text[0] ? err->text : NULL);
    cli_json_end(json, '}');
}

static int check_device(thaw_context *context, check_run *run, const char *device)
{
    thaw_proof_options options;
    thaw_proof proof;
    thaw_error err = {0};
    thaw_proof_options_init(&options, sizeof options);
    options.device = device;
    options.reference = run->args->reference;
    options.op = run->args->op;
    options.name = run->args->name;
    options.seed = run->args->seed;
    options.repeat = run->args->repeat;
    options.on_case = on_case;
    options.ctx = run;
    if (run->args->common.json) {
        cli_json_object(&run->json, NULL);
        cli_json_text(&run->json, "device", device);
        cli_json_array(&run->json, "cases");
    }
    thaw_status st = thaw_prove_device(context, &options, &proof, sizeof proof, &err);
    if (run->args->common.json)
        json_summary(&run->json, &proof, &err);
    else if (proof.cases > 0)
        print_summary(device, &proof);
    return st == THAW_OK ? CLI_EXIT_OK : cli_report(&err);
}

/* Every device, or those of the plugin at path; the first failure decides. */
static int check_all(thaw_context *context, check_run *run, const char *path)
{
    char *real = path ? realpath(path, NULL) : NULL;
    thaw_device_report d;
    int code = CLI_EXIT_OK;
    size_t checked = 0;
    for (size_t i = 0; i < thaw_device_count(context); i++) {
        thaw_device_get(context, i, &d, sizeof d);
        if (path && (!real || strcmp(d.plugin_path, real) != 0))
            continue;
        int one = check_device(context, run, d.name);
        if (code == CLI_EXIT_OK)
            code = one;
        checked++;
    }
    free(real);
    if (checked == 0) {
        fprintf(stderr, "thaw: %s: no device to check: `thaw devices -v` says why\n",
                path ? path : "plugins");
        return CLI_EXIT_CHECK;
    }
    return code;
}

static int run_check(check_args *args, const char *file)
{
    check_run run = {.args = args, .json = {.stream = stdout}};
    thaw_context *context = cli_context(&args->common);
    const char *device = args->common.device;
    int code;
    if (!context)
        return CLI_EXIT_FAILURE;
    if (args->common.json)
        cli_json_array(&run.json, NULL);
    code = device ? check_device(context, &run, device) : check_all(context, &run, file);
    if (args->common.json)
        cli_json_end(&run.json, ']');
    return cli_context_end(context, &args->common, code);
}

int cli_check(int argc, char **argv)
{
    check_args args = {.seed = 1, .repeat = 1};
    cli_list words = {0};
    const cli_option options[] = {
        CLI_CONTEXT_OPTIONS(&args.common),
        {.name = "device",
         .kind = CLI_TEXT,
         .target = &args.common.device,
         .value = "NAME",
         .help = "the device to check (default: all, or those of FILE.so)"},
        {.name = "reference",
         .kind = CLI_TEXT,
         .target = &args.reference,
         .value = "NAME",
         .help = "what to compare with (default cpu:0,isa=reference)"},
        {.name = "op",
         .kind = CLI_TEXT,
         .target = &args.op,
         .value = "OP",
         .help = "only this op; --list names them"},
        {.name = "case",
         .kind = CLI_TEXT,
         .target = &args.name,
         .value = "TEXT",
         .help = "only cases whose name contains TEXT"},
        {.name = "seed",
         .kind = CLI_COUNT,
         .target = &args.seed,
         .value = "N",
         .max = UINT32_MAX,
         .help = "of the values (default 1)"},
        {.name = "repeat",
         .kind = CLI_COUNT,
         .target = &args.repeat,
         .value = "N",
         .min = 1,
         .max = 1e6,
         .help = "rounds, each with the next seed (default 1)"},
        {.name = "list", .kind = CLI_FLAG, .target = &args.list, .help = "print the names of the ops"},
        CLI_JSON_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code >= 0)
        goto cleanup;
    code = CLI_EXIT_OK;
    if (args.list) {
        for (uint32_t i = 0; thaw_proof_op_name(i); i++)
            printf("%s\n", thaw_proof_op_name(i));
        goto cleanup;
    }
    const char *file = words.count > 0 ? words.items[0] : NULL;
    if (file) {
        const char **items =
            realloc(args.common.plugins.items, (args.common.plugins.count + 1) * sizeof *items);
        if (!items) {
            code = CLI_EXIT_FAILURE;
            goto cleanup;
        }
        args.common.plugins.items = items;
        items[args.common.plugins.count++] = file;
    }
    code = run_check(&args, file);
cleanup:
    cli_common_free(&args.common);
    free(words.items);
    return code;
}
