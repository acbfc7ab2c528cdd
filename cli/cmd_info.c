/* cmd_info.c: thaw info. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"
#include "json.h"
#include "table.h"

static const cli_usage usage = {
    .name = "info",
    .synopsis = "FILE [options]",
    .about = "Says what is in a model file: format, classes, preprocessing, how it was trained.",
    .examples = "  thaw info model.safetensors\n"
                "  thaw info --tensors model.safetensors\n"
                "  thaw info --json model.safetensors",
    .min_words = 1,
    .max_words = 1,
    .word = "a model file",
};

static void json_tensors(cli_json *json, const thaw_file_report *r)
{
    cli_json_array(json, "tensors");
    for (size_t i = 0; i < r->n_tensors; i++) {
        cli_json_object(json, NULL);
        cli_json_text(json, "name", r->tensors[i].name);
        cli_json_array(json, "shape");
        for (uint32_t k = 0; k < r->tensors[i].rank; k++)
            cli_json_count(json, NULL, r->tensors[i].dims[k]);
        cli_json_end(json, ']');
        cli_json_end(json, '}');
    }
    cli_json_end(json, ']');
}

static void print_json(const char *path, const thaw_file_report *r, bool tensors)
{
    cli_json json = {.stream = stdout};
    cli_json_object(&json, NULL);
    cli_json_text(&json, "path", path);
    cli_json_text(&json, "format", r->format);
    cli_json_text(&json, "source", r->source);
    cli_json_text(&json, "hash", r->hash);
    cli_json_array(&json, "classes");
    for (uint32_t i = 0; r->class_names && i < r->n_classes; i++)
        cli_json_text(&json, NULL, r->class_names[i]);
    cli_json_end(&json, ']');
    cli_json_count(&json, "n_classes", r->n_classes);
    cli_json_count(&json, "input_size", r->input_size);
    cli_json_single(&json, "scale", (float)r->scale);
    cli_json_single(&json, "shift", (float)r->shift);
    cli_json_bool(&json, "pool_include_pad", r->pool_include_pad != 0);
    cli_json_text(&json, "bn", r->bn == THAW_RECIPE_BN_BATCH ? "batch" : "frozen");
    cli_json_count(&json, "n_tensors", r->n_tensors);
    cli_json_count(&json, "parameters", r->parameters);
    cli_json_raw(&json, "trainable", r->trainable);
    cli_json_raw(&json, "history", r->history);
    if (tensors)
        json_tensors(&json, r);
    cli_json_end(&json, '}');
}

static void number_cell(cli_table *table, const char *format, double x)
{
    if (isnan(x))
        cli_table_cell(table, "-");
    else
        cli_table_cell(table, format, x);
}

static void print_history(const thaw_file_report *r)
{
    static const char *const heads[] = {"phase",    "epoch",    "lr",          "loss",
                                        "accuracy", "val loss", "val accuracy"};
    cli_table table;
    printf("history\n");
    cli_table_begin(&table, "rrrrrrr");
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++)
        cli_table_cell(&table, "%s", heads[i]);
    for (size_t i = 0; i < r->n_epochs; i++) {
        const thaw_file_epoch *e = &r->epochs[i];
        cli_table_cell(&table, "%u", (unsigned)e->phase);
        cli_table_cell(&table, "%u", (unsigned)e->epoch);
        number_cell(&table, "%g", e->lr);
        number_cell(&table, "%.4f", e->loss);
        number_cell(&table, "%.4f", e->accuracy);
        number_cell(&table, "%.4f", e->val_loss);
        number_cell(&table, "%.4f", e->val_accuracy);
    }
    cli_table_end(&table, stdout, "  ");
}

static void print_tensors(const thaw_file_report *r)
{
    cli_table table;
    cli_table_begin(&table, "llr");
    cli_table_cell(&table, "tensor");
    cli_table_cell(&table, "shape");
    cli_table_cell(&table, "parameters");
    for (size_t i = 0; i < r->n_tensors; i++) {
        const thaw_file_tensor *t = &r->tensors[i];
        char shape[96] = "";
        int n = 0;
        for (uint32_t k = 0; k < t->rank; k++)
            n += snprintf(shape + n, sizeof shape - (size_t)n, k ? "x%zu" : "%zu", t->dims[k]);
        cli_table_cell(&table, "%s", t->name);
        cli_table_cell(&table, "%s", shape);
        cli_table_cell(&table, "%llu", (unsigned long long)t->parameters);
    }
    cli_table_end(&table, stdout, "  ");
}

static void print_text(const char *path, const thaw_file_report *r, bool tensors)
{
    char parameters[32];
    printf("%s\n  format      %s\n", path, r->format ? r->format : "unknown");
    if (r->source)
        printf("  from        %s\n", r->source);
    if (r->hash)
        printf("  base hash   %s\n", r->hash);
    if (r->n_classes == 0)
        printf("  classes     none: a base without head\n");
    else
        printf("  classes     %u%s", (unsigned)r->n_classes, r->class_names ? ":" : ", without names\n");
    for (uint32_t i = 0; r->class_names && i < r->n_classes; i++)
        printf(" %s%s", r->class_names[i], i + 1 == r->n_classes ? "\n" : ",");
    printf("  input       %ux%u, pixels 0 to 255 become %.6g to %.6g\n", (unsigned)r->input_size,
           (unsigned)r->input_size, r->shift, 255 * r->scale + r->shift);
    printf("  batch norm  %s\n", r->bn == THAW_RECIPE_BN_BATCH ? "trained with batch statistics" : "frozen");
    printf("  pooling     %s\n", r->pool_include_pad ? "padding counted (torchvision)" : "padding left out");
    cli_format_count(r->parameters, parameters);
    printf("  tensors     %zu with %s parameters\n", r->n_tensors, parameters);
    if (r->n_epochs > 0)
        print_history(r);
    if (tensors)
        print_tensors(r);
}

int cli_info(int argc, char **argv)
{
    bool json = false, tensors = false;
    cli_list words = {0};
    thaw_error err = {0};
    thaw_file_report *report = NULL;
    const cli_option options[] = {
        {.name = "tensors", .kind = CLI_FLAG, .target = &tensors, .help = "list every tensor"},
        {.name = "json", .kind = CLI_FLAG, .target = &json, .help = "print JSON"},
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code >= 0)
        goto cleanup;
    if (thaw_file_inspect(words.items[0], &report, &err) != THAW_OK) {
        code = cli_report(&err);
        goto cleanup;
    }
    if (json)
        print_json(words.items[0], report, tensors);
    else
        print_text(words.items[0], report, tensors);
    code = CLI_EXIT_OK;
cleanup:
    thaw_file_report_free(report);
    free(words.items);
    return code;
}
