/* cmd_convert.c: thaw convert. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli.h"

static const cli_usage usage = {
    .name = "convert",
    .synopsis = "IN -o OUT.safetensors|OUT.onnx [options]",
    .about = "Reads the InceptionV3 of another program and writes thaw's own file, or writes an ONNX file "
             "for other\n"
             "programs. IN: Keras .h5 (weights or whole model), .weights.h5 or .keras, a TensorFlow.js "
             "layers-model\n"
             "folder, the folder of the npm package nsfwjs, or a file of thaw.",
    .examples =
        "  thaw convert inception_v3_weights_tf_dim_ordering_tf_kernels_notop.h5 -o base.safetensors\n"
        "  thaw convert my.keras -o my.safetensors --scaling 0,1\n"
        "  thaw convert model.safetensors -o model.onnx",
    .min_words = 1,
    .max_words = 1,
    .word = "a file or folder to read",
};

/* The interval that the pixels 0 … 255 were mapped to, as a line: input = pixel*scale + shift. */
static bool parse_scaling(const char *text, thaw_convert_options *options)
{
    double low, high;
    char rest;
    if (strncmp(text, "raw:", 4) == 0) {
        if (sscanf(text + 4, "%lf,%lf%c", &options->scale, &options->shift, &rest) != 2 ||
            options->scale == 0)
            return false;
    } else {
        if (sscanf(text, "%lf,%lf%c", &low, &high, &rest) != 2 || low == high)
            return false;
        options->scale = (high - low) / 255.0;
        options->shift = low;
    }
    options->set_scaling = 1;
    return true;
}

int cli_convert(int argc, char **argv)
{
    const char *output = NULL, *scaling = NULL;
    bool quiet = false;
    cli_list words = {0};
    thaw_error err = {0};
    thaw_convert_options convert;
    thaw_convert_options_init(&convert, sizeof convert);
    const cli_option options[] = {
        CLI_OUTPUT_OPTION(&output, "the file to write"),
        {.name = "to",
         .kind = CLI_CHOICE,
         .target = &convert.format,
         .choices = "auto|safetensors|onnx",
         .help = "its format (default: onnx if its name ends in .onnx, else safetensors)"},
        {.name = "scaling",
         .kind = CLI_TEXT,
         .target = &scaling,
         .value = "LOW,HIGH",
         .help = "the pixels' range: -1,1 or 0,1; raw:A,B for pixel*A+B (default: as IN says)"},
        {.name = "quiet", .letter = 'q', .kind = CLI_FLAG, .target = &quiet, .help = "print nothing"},
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0 && !output)
        code = cli_misuse(&usage, "`thaw convert` needs a file to write: -o FILE.safetensors");
    if (code < 0 && scaling && !parse_scaling(scaling, &convert))
        code = cli_misuse(&usage, "--scaling: expected -1,1 or 0,1 or raw:A,B with A not 0");
    if (code >= 0)
        goto cleanup;
    if (thaw_convert_file(words.items[0], output, &convert, &err) != THAW_OK) {
        code = cli_report(&err);
        goto cleanup;
    }
    if (!quiet)
        printf("wrote %s\n", output);
    code = CLI_EXIT_OK;
cleanup:
    free(words.items);
    return code;
}
