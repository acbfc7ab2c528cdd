/* check_rounding.c: thaw check --weights. */
#include <stdio.h>

#include "check.h"
#include "table.h"

/* One device's rows. */
typedef struct rows {
    check_run *run;
    cli_table table;
} rows;

static void text_row(rows *r, const thaw_rounding_row *row)
{
    cli_table_cell(&r->table, "%s", row->first ? row->layer : "");
    cli_table_cell(&r->table, "%s", row->first ? row->shape : "");
    if (!row->algorithm) {
        cli_table_cell(&r->table, "declined");
        for (int i = 0; i < 3; i++)
            cli_table_cell(&r->table, "-");
        return;
    }
    cli_table_cell(&r->table, "%s%s", row->text[0] ? "FAILED " : "", row->algorithm);
    cli_table_cell(&r->table, "%.1e", row->l2);
    cli_table_cell(&r->table, "%.1e", row->largest);
    cli_table_cell(&r->table, "%.3f", row->allowance);
}

static void json_row(cli_json *json, const thaw_rounding_row *row)
{
    cli_json_object(json, NULL);
    cli_json_text(json, "layer", row->layer);
    cli_json_text(json, "shape", row->shape);
    cli_json_text(json, "algorithm", row->algorithm);
    if (row->algorithm) {
        cli_json_real(json, "l2", row->l2);
        cli_json_real(json, "largest", row->largest);
        cli_json_real(json, "allowance", row->allowance);
    }
    cli_json_text(json, "text", row->text);
    cli_json_end(json, '}');
}

static void on_row(void *ctx, const thaw_rounding_row *row)
{
    rows *r = ctx;
    if (r->run->args->common.json)
        json_row(&r->run->json, row);
    else
        text_row(r, row);
}

static void begin_rows(rows *r, const char *device)
{
    static const char *const heading[] = {"layer",       "convolution",   "algorithm",
                                          "relative L2", "largest error", "of what is allowed"};
    if (r->run->args->common.json) {
        cli_json_object(&r->run->json, NULL);
        cli_json_text(&r->run->json, "device", device);
        cli_json_array(&r->run->json, "convolutions");
        return;
    }
    cli_table_begin(&r->table, "lllrrr");
    for (size_t i = 0; i < sizeof heading / sizeof *heading; i++)
        cli_table_cell(&r->table, "%s", heading[i]);
}

static void end_rows(rows *r, const char *device, const char *error)
{
    const check_args *args = r->run->args;
    if (args->common.json) {
        cli_json_end(&r->run->json, ']');
        cli_json_text(&r->run->json, "error", error);
        cli_json_end(&r->run->json, '}');
        return;
    }
    printf("%s beside plain C that adds up in double: %s, %s\n", device, args->weights,
           args->image ? args->image : "random pixels");
    cli_table_end(&r->table, stdout, "  ");
}

static int check_one(check_run *run, const char *device)
{
    const check_args *args = run->args;
    rows r = {.run = run};
    thaw_rounding_options options;
    thaw_error err = {0};
    thaw_rounding_options_init(&options, sizeof options);
    options.device = device;
    options.weights = args->weights;
    options.image = args->image;
    options.seed = args->seed;
    options.on_row = on_row;
    options.ctx = &r;
    options.cancel = run->signalled;
    begin_rows(&r, device);
    thaw_status st = thaw_measure_rounding(run->context, &options, &err);
    end_rows(&r, device, st == THAW_OK ? NULL : err.text);
    return st == THAW_OK ? CLI_EXIT_OK : cli_report(&err);
}

int check_rounding(check_run *run, const char *const *names, size_t n)
{
    int code = CLI_EXIT_OK;
    for (size_t i = 0; i < n && !*run->signalled; i++) {
        int one = check_one(run, names[i]);
        if (code == CLI_EXIT_OK)
            code = one;
    }
    return code;
}
