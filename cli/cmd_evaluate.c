/* cmd_evaluate.c: thaw evaluate. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "json.h"
#include "output.h"
#include "progress.h"
#include "table.h"

/* More columns than that fit on no screen. */
#define MATRIX_CLASSES 12u

static const cli_usage usage = {
    .name = "evaluate",
    .synopsis = "MODEL DIR [options]",
    .about = "Measures a model on photos whose classes are known: DIR has a folder for each class, named as\n"
             "in training. Exit code 3 if some image could not be read.",
    .examples = "  thaw evaluate model.safetensors test-photos/\n"
                "  thaw evaluate model.safetensors test-photos/ --list-errors\n"
                "  thaw evaluate model.safetensors test-photos/ --json",
    .min_words = 2,
    .max_words = 2,
    .word = "a model and a folder of photos",
};

typedef struct evaluate_args {
    cli_common common;
    const char *csv;
    uint32_t batch;
    bool list_errors;
} evaluate_args;

typedef struct evaluate_run {
    const evaluate_args *args;
    cli_progress progress;
    cli_json json;
    cli_output csv;
    double started;
} evaluate_run;

static void report_miss(evaluate_run *run, const thaw_use_image *image)
{
    char a[16], b[16];
    const char *label = cli_class_name(image->class_names, (uint32_t)image->label, a);
    const char *predicted = cli_class_name(image->class_names, image->predicted, b);
    float probability = image->probabilities[image->predicted];
    if (!run->args->common.json) {
        cli_progress_clear(&run->progress);
        printf("wrong: %s: is %s, taken for %s (%.1f %%)\n", image->path, label, predicted,
               100 * (double)probability);
        return;
    }
    cli_json_object(&run->json, NULL);
    cli_json_text(&run->json, "path", image->path);
    cli_json_text(&run->json, "label", label);
    cli_json_text(&run->json, "predicted", predicted);
    cli_json_single(&run->json, "probability", probability);
    cli_json_end(&run->json, '}');
}

static int on_image(void *ctx, const thaw_use_image *image)
{
    evaluate_run *run = ctx;
    if (run->csv.stream)
        cli_use_csv(run->csv.stream, image);
    if (image->error) {
        cli_progress_clear(&run->progress);
        fprintf(stderr, "thaw: %s\n", image->error);
    } else if (run->args->list_errors && cli_use_words(run->args->csv) &&
               (int32_t)image->predicted != image->label) {
        report_miss(run, image);
    }
    cli_use_progress(&run->progress, "evaluate", run->started, image);
    return 0;
}

static void ratio_cell(cli_table *table, double x)
{
    if (isnan(x))
        cli_table_cell(table, "-");
    else
        cli_table_cell(table, "%.1f %%", 100 * x);
}

static uint64_t images_of(const thaw_score *s, uint32_t label)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k < s->n_classes; k++)
        sum += s->confusion[(size_t)label * s->n_classes + k];
    return sum;
}

static void print_classes(const thaw_score *s)
{
    cli_table table;
    cli_table_begin(&table, "lrrr");
    cli_table_cell(&table, "class");
    cli_table_cell(&table, "images");
    cli_table_cell(&table, "precision");
    cli_table_cell(&table, "recall");
    for (uint32_t i = 0; i < s->n_classes; i++) {
        cli_table_cell(&table, "%s", s->class_names[i]);
        cli_table_cell(&table, "%llu", (unsigned long long)images_of(s, i));
        ratio_cell(&table, s->precision[i]);
        ratio_cell(&table, s->recall[i]);
    }
    cli_table_end(&table, stdout, "");
}

static void print_matrix(const thaw_score *s)
{
    char align[MATRIX_CLASSES + 2] = "l";
    cli_table table;
    if (s->n_classes > MATRIX_CLASSES) {
        printf("(the confusion matrix of %u classes is in --json)\n", (unsigned)s->n_classes);
        return;
    }
    memset(align + 1, 'r', s->n_classes);
    cli_table_begin(&table, align);
    cli_table_cell(&table, "is \\ taken for");
    for (uint32_t i = 0; i < s->n_classes; i++)
        cli_table_cell(&table, "%s", s->class_names[i]);
    for (uint32_t i = 0; i < s->n_classes; i++) {
        cli_table_cell(&table, "%s", s->class_names[i]);
        for (uint32_t k = 0; k < s->n_classes; k++)
            cli_table_cell(&table, "%llu", (unsigned long long)s->confusion[(size_t)i * s->n_classes + k]);
    }
    cli_table_end(&table, stdout, "");
}

static void print_text(const thaw_score *s)
{
    printf("%zu images: accuracy %.2f %%, loss %.4f", s->n_images, 100 * s->accuracy, s->loss);
    if (s->n_bad)
        printf(" (%zu could not be read)", s->n_bad);
    printf("\n\n");
    print_classes(s);
    printf("\n");
    print_matrix(s);
}

static void json_score(cli_json *json, const thaw_score *s)
{
    cli_json_count(json, "images", s->n_images);
    cli_json_count(json, "unreadable", s->n_bad);
    cli_json_real(json, "accuracy", s->accuracy);
    cli_json_real(json, "loss", s->loss);
    cli_json_array(json, "classes");
    for (uint32_t i = 0; i < s->n_classes; i++) {
        cli_json_object(json, NULL);
        cli_json_text(json, "name", s->class_names[i]);
        cli_json_count(json, "images", images_of(s, i));
        cli_json_real(json, "precision", s->precision[i]);
        cli_json_real(json, "recall", s->recall[i]);
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
    cli_json_array(json, "confusion");
    for (uint32_t i = 0; i < s->n_classes; i++) {
        cli_json_array(json, NULL);
        for (uint32_t k = 0; k < s->n_classes; k++)
            cli_json_count(json, NULL, s->confusion[(size_t)i * s->n_classes + k]);
        cli_json_end(json, ']');
    }
    cli_json_end(json, ']');
}

static int run_evaluate(const evaluate_args *args, const cli_list *words)
{
    evaluate_run run = {.args = args, .json = {.stream = stdout}, .started = cli_now()};
    thaw_use_options options;
    thaw_score *score = NULL;
    thaw_error err = {0};
    int code = CLI_EXIT_FAILURE;
    cli_progress_init(&run.progress, args->common.quiet);
    thaw_context *context = cli_context(&args->common);
    if (!context || (args->csv && !cli_output_open(args->csv, &run.csv)))
        goto cleanup;
    cli_use_begin(&options, &args->common, words->items[0], args->batch);
    if (args->common.json) {
        cli_json_object(&run.json, NULL);
        cli_json_array(&run.json, "errors");
    }
    thaw_status st = thaw_use_evaluate(context, &options, words->items[1], on_image, &run, &score, &err);
    cli_progress_clear(&run.progress);
    if (args->common.json) {
        cli_json_end(&run.json, ']');
        if (st == THAW_OK)
            json_score(&run.json, score);
        else
            cli_json_text(&run.json, "error", err.text);
        cli_json_end(&run.json, '}');
    } else if (st == THAW_OK && cli_use_words(args->csv)) {
        print_text(score);
    }
    if (st != THAW_OK)
        code = cli_report(&err);
    else if (!run.csv.stream || cli_output_commit(&run.csv))
        code = score->n_bad ? CLI_EXIT_CHECK : CLI_EXIT_OK;
cleanup:
    cli_output_abandon(&run.csv);
    thaw_score_free(score);
    return cli_context_end(context, &args->common, code);
}

int cli_evaluate(int argc, char **argv)
{
    evaluate_args args = {.common.one_device = true};
    cli_list words = {0};
    const cli_option options[] = {
        {.name = "list-errors",
         .kind = CLI_FLAG,
         .target = &args.list_errors,
         .help = "name every photo that was taken for another class"},
        CLI_CSV_OPTION(&args.csv),
        CLI_BATCH_OPTION(&args.batch),
        CLI_PRODUCT_OPTIONS(&args.common),
        CLI_DEVICE_OPTIONS(&args.common),
        CLI_JSON_OPTION(&args.common),
        CLI_QUIET_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0)
        code = cli_use_check(&usage, &args.common, args.csv);
    if (code < 0)
        code = run_evaluate(&args, &words);
    cli_common_free(&args.common);
    free(words.items);
    return code;
}
