/* use.c: see cli.h. */
#include <string.h>

#include "cli.h"
#include "output.h"

int cli_use_check(const cli_usage *usage, const cli_common *common, const char *csv)
{
    if (common->json && !cli_use_words(csv))
        return cli_misuse(usage, "--json and --csv -: both would write to stdout; name a file for the CSV");
    return -1;
}

bool cli_use_words(const char *csv)
{
    return !csv || strcmp(csv, "-") != 0;
}

void cli_use_begin(thaw_use_options *options, const cli_common *common, const char *model, uint32_t batch)
{
    thaw_use_options_init(options, sizeof *options);
    options->model = model;
    options->device = common->device;
    options->on_decline = common->on_decline;
    options->batch_size = batch;
    options->precision = common->precision;
    options->exact = common->exact;
    cli_catch_signals(&options->cancel);
}

static void write_heading(FILE *stream, const thaw_use_image *image)
{
    char number[16];
    fputs(image->label < 0 ? "path,predicted" : "path,label,predicted", stream);
    for (uint32_t i = 0; i < image->n_classes; i++) {
        fputc(',', stream);
        cli_csv_text(stream, cli_class_name(image->class_names, i, number));
    }
    fputc('\n', stream);
}

void cli_use_csv(FILE *stream, const thaw_use_image *image)
{
    char number[16];
    if (image->index == 0)
        write_heading(stream, image);
    if (image->error)
        return;
    cli_csv_text(stream, image->path);
    if (image->label >= 0) {
        fputc(',', stream);
        cli_csv_text(stream, cli_class_name(image->class_names, (uint32_t)image->label, number));
    }
    fputc(',', stream);
    cli_csv_text(stream, cli_class_name(image->class_names, image->predicted, number));
    for (uint32_t i = 0; i < image->n_classes; i++)
        fprintf(stream, ",%.9g", (double)image->probabilities[i]);
    fputc('\n', stream);
}

void cli_use_progress(cli_progress *progress, const char *label, double started, const thaw_use_image *image)
{
    double rate = (double)(image->index + 1) / (cli_now() - started);
    cli_progress_show(progress, label, image->index + 1, image->total, rate,
                      (double)(image->total - image->index - 1) / rate, "");
}
