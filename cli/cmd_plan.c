/* cmd_plan.c: thaw plan. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "table.h"

static const cli_usage usage = {
    .name = "plan",
    .synopsis = "[MODEL] [options]",
    .about =
        "Prints the programs of a training run op by op: device, algorithm, shape, arithmetic, memory, and\n"
        "why. Nothing is computed. Without MODEL or --weights, the pretrained weights are looked for as\n"
        "`thaw train` does.",
    .examples = "  thaw plan --phase finetune\n"
                "  thaw plan --phase prefix --prefix-batch 8 --device opencl:0\n"
                "  thaw plan model.safetensors --unfreeze mixed8 --json",
    .max_words = 1,
};

enum { PHASE_ALL = 3 };
static const char *const phase_names[] = {"prefix", "head", "finetune", ""};

typedef struct plan_args {
    cli_common common;
    thaw_recipe recipe;
    int32_t phase;
    uint32_t n_classes;
    bool summary, given_last;
} plan_args;

/* Programs are named "prefix", "head: …", "finetune: …". */
static bool selected(const plan_args *args, const thaw_outline_program *program)
{
    const char *phase = phase_names[args->phase];
    return strncmp(program->name, phase, strlen(phase)) == 0;
}

static void print_rows(const thaw_outline_program *p)
{
    static const char *const heads[] = {"op",    "layer", "device", "algorithm", "times",
                                        "shape", "MMAC",  "bytes",  "workspace", "reason"};
    cli_table table;
    char bytes[24], workspace[24];
    cli_table_begin(&table, "llllrlrrrl");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        cli_table_cell(&table, "%s", heads[i]);
    for (uint32_t i = 0; i < p->n_rows; i++) {
        const thaw_outline_row *row = &p->rows[i];
        cli_format_bytes((double)row->bytes, bytes);
        cli_format_bytes((double)row->workspace_bytes, workspace);
        cli_table_cell(&table, "%s", row->op);
        cli_table_cell(&table, "%s", row->layer);
        cli_table_cell(&table, "%s", row->device);
        cli_table_cell(&table, "%s", row->algorithm);
        cli_table_cell(&table, "%u", (unsigned)row->times);
        cli_table_cell(&table, "%s", row->shape);
        cli_table_cell(&table, "%.1f", (double)row->macs / 1e6);
        cli_table_cell(&table, "%s", row->bytes ? bytes : "-");
        cli_table_cell(&table, "%s", row->workspace_bytes ? workspace : "-");
        cli_table_cell(&table, "%s", row->reason);
    }
    cli_table_end(&table, stdout, "");
}

static void print_totals(const thaw_outline_program *p)
{
    char arena[24], naive[24], workspace[24], variables[24], run[24], image[24];
    cli_format_bytes((double)p->arena_bytes, arena);
    cli_format_bytes((double)p->arena_naive_bytes, naive);
    cli_format_bytes((double)p->workspace_bytes, workspace);
    cli_format_bytes((double)p->variable_bytes, variables);
    cli_format_macs(p->macs, run);
    cli_format_macs(p->macs / p->batch, image);
    printf("%u ops, %s a run, %s an image; memory %s (without reuse %s), of it workspace %s; variables %s\n",
           (unsigned)p->n_rows, run, image, arena, naive, workspace, variables);
    if (p->fallback_ops > 0) {
        cli_format_bytes((double)p->fallback_bytes, arena);
        printf("%llu ops run on the CPU instead; %s copied for them each run\n",
               (unsigned long long)p->fallback_ops, arena);
    }
}

static void print_text(const plan_args *args, const thaw_outline *outline)
{
    char bytes[24];
    for (uint32_t i = 0; i < outline->n_programs; i++) {
        const thaw_outline_program *p = outline->programs[i];
        if (!selected(args, p))
            continue;
        printf("== %s, %u at a time\n", p->name, (unsigned)p->batch);
        if (!args->summary)
            print_rows(p);
        print_totals(p);
        printf("\n");
    }
    cli_format_bytes((double)outline->feature_bytes, bytes);
    printf("cache: %s an image\n", bytes);
}

static void json_program(cli_json *json, const thaw_outline_program *p)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "name", p->name);
    cli_json_count(json, "batch", p->batch);
    cli_json_count(json, "macs", p->macs);
    cli_json_count(json, "arena_bytes", p->arena_bytes);
    cli_json_count(json, "arena_naive_bytes", p->arena_naive_bytes);
    cli_json_count(json, "workspace_bytes", p->workspace_bytes);
    cli_json_count(json, "variable_bytes", p->variable_bytes);
    cli_json_count(json, "fallback_ops", p->fallback_ops);
    cli_json_count(json, "fallback_bytes", p->fallback_bytes);
    cli_json_array(json, "ops");
    for (uint32_t i = 0; i < p->n_rows; i++) {
        const thaw_outline_row *row = &p->rows[i];
        cli_json_object(json, NULL);
        cli_json_text(json, "op", row->op);
        cli_json_text(json, "layer", row->layer);
        cli_json_text(json, "device", row->device);
        cli_json_text(json, "algorithm", row->algorithm);
        cli_json_text(json, "shape", row->shape);
        cli_json_count(json, "times", row->times);
        cli_json_count(json, "macs", row->macs);
        cli_json_count(json, "bytes", row->bytes);
        cli_json_count(json, "workspace_bytes", row->workspace_bytes);
        cli_json_text(json, "reason", row->reason);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_end(json, '}');
}

static void print_json(const plan_args *args, const thaw_outline *outline)
{
    cli_json json = {.stream = stdout};
    cli_json_object(&json, NULL);
    cli_json_count(&json, "cache_bytes_per_image", outline->feature_bytes);
    cli_json_array(&json, "programs");
    for (uint32_t i = 0; i < outline->n_programs; i++) {
        if (selected(args, outline->programs[i]))
            json_program(&json, outline->programs[i]);
    }
    cli_json_end(&json, ']');
    cli_json_end(&json, '}');
}

static int run_plan(plan_args *args)
{
    thaw_context *context = NULL;
    thaw_outline *outline = NULL;
    thaw_error err = {0};
    char *found = NULL;
    int code = CLI_EXIT_FAILURE;
    if (!cli_recipe_start(&args->recipe, &args->common, &found))
        goto cleanup;
    context = cli_context(&args->common);
    if (!context)
        goto cleanup;
    if (thaw_recipe_outline(context, &args->recipe, args->n_classes, &outline, &err) != THAW_OK) {
        code = cli_report(&err);
        goto cleanup;
    }
    if (args->common.json)
        print_json(args, outline);
    else
        print_text(args, outline);
    code = CLI_EXIT_OK;
cleanup:
    thaw_outline_free(outline);
    free(found);
    return cli_context_end(context, &args->common, code);
}

int cli_plan(int argc, char **argv)
{
    plan_args args = {.common.one_device = true, .phase = PHASE_ALL, .n_classes = 5};
    cli_list words = {0};
    thaw_recipe *r = &args.recipe;
    thaw_recipe_init(r, sizeof *r);
    const cli_option options[] = {
        CLI_RECIPE_OPTIONS(r, &args.given_last),
        {.name = "phase",
         .kind = CLI_CHOICE,
         .target = &args.phase,
         .choices = "prefix|head|finetune|all",
         .help = "which programs (default all)"},
        {.name = "classes",
         .kind = CLI_COUNT,
         .target = &args.n_classes,
         .value = "N",
         .min = 2,
         .max = 100000,
         .help = "of the head (default 5)"},
        {.name = "summary", .kind = CLI_FLAG, .target = &args.summary, .help = "totals only"},
        CLI_PRODUCT_OPTIONS(&args.common),
        CLI_DEVICE_OPTIONS(&args.common),
        CLI_JSON_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0) {
        r->init = words.count > 0 ? words.items[0] : NULL;
        code = cli_recipe_check(&usage, r, args.given_last);
    }
    if (code < 0)
        code = run_plan(&args);
    cli_common_free(&args.common);
    free(words.items);
    return code;
}
