/* cmd_predict.c: thaw predict. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "json.h"
#include "output.h"

static const cli_usage usage = {
    .name = "predict",
    .synopsis = "-m MODEL FILES|DIRS [options]",
    .about = "Says what is on photos. Folders are searched with all that is below them. Exit code 3 if some\n"
             "image could not be read.",
    .examples = "  thaw predict -m model.safetensors cat.jpg\n"
                "  thaw predict -m model.safetensors holiday/ --top 1 --csv holiday.csv\n"
                "  thaw predict -m model.safetensors cat.jpg --json",
    .min_words = 1,
    .max_words = SIZE_MAX,
    .word = "a photo or a folder of photos",
};

typedef struct predict_args {
    cli_common common;
    const char *model, *csv;
    uint32_t top, batch;
} predict_args;

typedef struct predict_run {
    const predict_args *args;
    cli_json json;
    cli_output csv;
    size_t bad;
    uint32_t *order; /* of the classes; n_classes */
} predict_run;

/* The `top` most probable classes to the front of run->order; equal ones in the classes' order. */
static uint32_t rank_classes(predict_run *run, const thaw_use_image *image)
{
    uint32_t top = run->args->top < image->n_classes ? run->args->top : image->n_classes;
    for (uint32_t i = 0; i < image->n_classes; i++)
        run->order[i] = i;
    for (uint32_t k = 0; k < top; k++) {
        uint32_t best = k;
        for (uint32_t i = k + 1; i < image->n_classes; i++) {
            float a = image->probabilities[run->order[i]], b = image->probabilities[run->order[best]];
            if (a > b || (a == b && run->order[i] < run->order[best]))
                best = i;
        }
        uint32_t other = run->order[k];
        run->order[k] = run->order[best];
        run->order[best] = other;
    }
    return top;
}

static void json_image(predict_run *run, const thaw_use_image *image, uint32_t top)
{
    char number[16];
    cli_json *json = &run->json;
    cli_json_object(json, NULL);
    cli_json_text(json, "path", image->path);
    cli_json_text(json, "error", image->error);
    cli_json_array(json, "predictions");
    for (uint32_t k = 0; k < top; k++) {
        cli_json_object(json, NULL);
        cli_json_text(json, "class", cli_class_name(image->class_names, run->order[k], number));
        cli_json_single(json, "probability", image->probabilities[run->order[k]]);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_end(json, '}');
}

static void print_image(const predict_run *run, const thaw_use_image *image, uint32_t top)
{
    char number[16];
    printf("%s:", image->path);
    for (uint32_t k = 0; k < top; k++)
        printf("%s %s %.1f %%", k ? "," : "", cli_class_name(image->class_names, run->order[k], number),
               100 * (double)image->probabilities[run->order[k]]);
    printf("\n");
}

static int on_image(void *ctx, const thaw_use_image *image)
{
    predict_run *run = ctx;
    uint32_t top = 0;
    if (!run->order)
        run->order = calloc(image->n_classes, sizeof *run->order);
    if (!run->order)
        return 1;
    if (image->error) {
        run->bad++;
        fprintf(stderr, "thaw: %s\n", image->error);
    } else {
        top = rank_classes(run, image);
    }
    if (run->args->common.json)
        json_image(run, image, top);
    else if (!image->error && !run->args->common.quiet && cli_use_words(run->args->csv))
        print_image(run, image, top);
    if (run->csv.stream)
        cli_use_csv(run->csv.stream, image);
    return 0;
}

static int run_predict(const predict_args *args, const cli_list *words)
{
    predict_run run = {.args = args, .json = {.stream = stdout}};
    thaw_use_options options;
    thaw_error err = {0};
    int code = CLI_EXIT_FAILURE;
    thaw_context *context = cli_context(&args->common);
    if (!context || (args->csv && !cli_output_open(args->csv, &run.csv)))
        goto cleanup;
    cli_use_begin(&options, &args->common, args->model, args->batch);
    if (args->common.json)
        cli_json_array(&run.json, NULL);
    thaw_status st = thaw_use_predict(context, &options, words->items, words->count, on_image, &run, &err);
    if (args->common.json)
        cli_json_end(&run.json, ']');
    if (st != THAW_OK)
        code = cli_report(&err);
    else if (!run.csv.stream || cli_output_commit(&run.csv))
        code = run.bad ? CLI_EXIT_CHECK : CLI_EXIT_OK;
cleanup:
    cli_output_abandon(&run.csv);
    free(run.order);
    return cli_context_end(context, &args->common, code);
}

int cli_predict(int argc, char **argv)
{
    predict_args args = {.top = 3, .common.one_device = true};
    cli_list words = {0};
    const cli_option options[] = {
        {.name = "model",
         .letter = 'm',
         .kind = CLI_TEXT,
         .target = &args.model,
         .value = "FILE",
         .help = "what `thaw train` wrote"},
        {.name = "top",
         .kind = CLI_COUNT,
         .target = &args.top,
         .value = "N",
         .min = 1,
         .max = 1e6,
         .help = "classes to show for each photo (default 3)"},
        CLI_CSV_OPTION(&args.csv),
        CLI_BATCH_OPTION(&args.batch),
        CLI_PRODUCT_OPTIONS(&args.common),
        CLI_DEVICE_OPTIONS(&args.common),
        CLI_JSON_OPTION(&args.common),
        CLI_QUIET_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0 && !args.model)
        code = cli_misuse(&usage, "`thaw predict` needs a model: -m model.safetensors");
    if (code < 0)
        code = cli_use_check(&usage, &args.common, args.csv);
    if (code < 0)
        code = run_predict(&args, &words);
    cli_common_free(&args.common);
    free(words.items);
    return code;
}
