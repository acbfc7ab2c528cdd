/* cmd_features.c: thaw features. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"
#include "output.h"
#include "progress.h"

#define N_FEATURES 2048u
/* Of a .npy file, version 1.0: a multiple of 64 that holds any count. */
#define NPY_HEADER 128u

static const cli_usage usage = {
    .name = "features",
    .synopsis = "MODEL FILES|DIRS -o FILE.npy|FILE.csv [options]",
    .about =
        "Writes the 2048 pooled features of each image, one row an image. MODEL is any file or folder\n"
        "that `thaw convert` reads; it needs no head. FILE.npy: f32, with the images' paths in FILE.txt;\n"
        "FILE.csv: the path, then the numbers. Exit code 3 if some image could not be read.",
    .examples = "  thaw features base.safetensors photos/ -o photos.npy\n"
                "  thaw features model.safetensors cat.jpg dog.jpg -o two.csv",
    .min_words = 2,
    .max_words = SIZE_MAX,
    .word = "a model and photos",
};

typedef struct features_run {
    cli_progress progress;
    cli_output table, paths; /* paths: of a .npy file only */
    bool npy;
    size_t rows, bad;
    double started;
} features_run;

static bool ends_in(const char *text, const char *end)
{
    size_t n = strlen(text), k = strlen(end);
    return n > k && strcmp(text + n - k, end) == 0;
}

/* The format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html */
static void npy_header(FILE *f, size_t rows)
{
    char head[NPY_HEADER];
    memset(head, ' ', sizeof head);
    memcpy(head, "\x93NUMPY\x01\x00", 8);
    head[8] = (char)(NPY_HEADER - 10);
    head[9] = 0;
    int n = snprintf(head + 10, sizeof head - 10,
                     "{'descr': '<f4', 'fortran_order': False, 'shape': (%zu, %u), }", rows, N_FEATURES);
    head[10 + n] = ' ';
    head[NPY_HEADER - 1] = '\n';
    fwrite(head, 1, sizeof head, f);
}

static void npy_row(FILE *f, const float *features)
{
    unsigned char bytes[4 * N_FEATURES];
    for (size_t i = 0; i < N_FEATURES; i++) {
        uint32_t u;
        memcpy(&u, &features[i], sizeof u);
        for (size_t k = 0; k < 4; k++)
            bytes[4 * i + k] = (unsigned char)(u >> (8 * k));
    }
    fwrite(bytes, 1, sizeof bytes, f);
}

static void csv_row(FILE *f, const thaw_use_image *image)
{
    cli_csv_text(f, image->path);
    for (size_t i = 0; i < N_FEATURES; i++)
        fprintf(f, ",%.9g", (double)image->features[i]);
    fputc('\n', f);
}

static int on_image(void *ctx, const thaw_use_image *image)
{
    features_run *run = ctx;
    if (image->error) {
        run->bad++;
        cli_progress_clear(&run->progress);
        fprintf(stderr, "thaw: %s\n", image->error);
        return 0;
    }
    run->rows++;
    if (run->npy) {
        npy_row(run->table.stream, image->features);
        fprintf(run->paths.stream, "%s\n", image->path);
    } else {
        csv_row(run->table.stream, image);
    }
    cli_use_progress(&run->progress, "features", run->started, image);
    return ferror(run->table.stream) != 0;
}

/* Opens the table and, beside a .npy, the list of paths. */
static bool open_outputs(features_run *run, const char *path, char **list)
{
    run->npy = ends_in(path, ".npy");
    if (!cli_output_open(path, &run->table))
        return false;
    if (!run->npy)
        return true;
    npy_header(run->table.stream, 0);
    if (asprintf(list, "%.*s.txt", (int)(strlen(path) - strlen(".npy")), path) < 0) {
        *list = NULL;
        fprintf(stderr, "thaw: out of memory\n");
        return false;
    }
    return cli_output_open(*list, &run->paths);
}

static bool commit_outputs(features_run *run)
{
    if (run->npy) {
        /* A stream that cannot go back has a wrong count in its header. */
        if (fseek(run->table.stream, 0, SEEK_SET) != 0) {
            fprintf(stderr, "thaw: %s: a .npy needs a regular file; write a .csv\n", run->table.path);
            return false;
        }
        npy_header(run->table.stream, run->rows);
        if (!cli_output_commit(&run->paths))
            return false;
    }
    return cli_output_commit(&run->table);
}

static int run_features(const cli_common *common, const char *output, uint32_t batch, const cli_list *words)
{
    features_run run = {.started = cli_now()};
    char *list = NULL;
    thaw_use_options options;
    thaw_error err = {0};
    int code = CLI_EXIT_FAILURE;
    thaw_context *context = NULL;
    cli_progress_init(&run.progress, common->quiet);
    if (!open_outputs(&run, output, &list))
        goto cleanup;
    context = cli_context(common);
    if (!context)
        goto cleanup;
    cli_use_begin(&options, common, words->items[0], batch);
    thaw_status st =
        thaw_use_features(context, &options, words->items + 1, words->count - 1, on_image, &run, &err);
    cli_progress_clear(&run.progress);
    if (st != THAW_OK && !ferror(run.table.stream)) {
        code = cli_report(&err);
        goto cleanup;
    }
    if (!commit_outputs(&run))
        goto cleanup;
    if (!common->quiet && strcmp(output, "-") != 0)
        printf("wrote the features of %zu images to %s\n", run.rows, output);
    code = run.bad ? CLI_EXIT_CHECK : CLI_EXIT_OK;
cleanup:
    cli_output_abandon(&run.table);
    cli_output_abandon(&run.paths);
    free(list);
    return cli_context_end(context, common, code);
}

int cli_features(int argc, char **argv)
{
    cli_common common = {.one_device = true};
    const char *output = NULL;
    uint32_t batch = 0;
    cli_list words = {0};
    const cli_option options[] = {
        CLI_OUTPUT_OPTION(&output, "the .npy or .csv to write (- for CSV on stdout)"),
        CLI_BATCH_OPTION(&batch),
        CLI_PRODUCT_OPTIONS(&common),
        CLI_DEVICE_OPTIONS(&common),
        CLI_QUIET_OPTION(&common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0 && !output)
        code = cli_misuse(&usage, "`thaw features` needs a file to write: -o FILE.npy");
    if (code < 0 && strcmp(output, "-") != 0 && !ends_in(output, ".npy") && !ends_in(output, ".csv"))
        code = cli_misuse(&usage, "-o: the file's name ends in .npy or .csv, which says what is written");
    if (code < 0)
        code = run_features(&common, output, batch, &words);
    cli_common_free(&common);
    free(words.items);
    return code;
}
