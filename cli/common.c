/* common.c: see cli.h. */
#include <stdio.h>
#include <stdlib.h>

#include "cli.h"

static void print_log(void *ctx, int32_t level, const char *text)
{
    static const char *const kinds[] = {"error: ", "warning: ", "", ""};
    (void)ctx;
    fprintf(stderr, "thaw: %s%s\n", level >= 0 && level <= THAW_LEVEL_DEBUG ? kinds[level] : "", text);
}

thaw_context *cli_context(const cli_common *common)
{
    thaw_context_options options;
    thaw_context *context = NULL;
    thaw_error err = {0};
    thaw_context_options_init(&options, sizeof options);
    options.threads = common->threads;
    options.plugins = common->plugins.items;
    options.n_plugins = common->plugins.count;
    if (common->one_device)
        options.only_device = common->device ? common->device : "auto";
    options.trace = common->trace;
    options.trace_sync = common->trace_sync;
    options.log = print_log;
    options.log_level = common->verbose ? THAW_LEVEL_DEBUG : THAW_LEVEL_WARN;
    if (common->trace_sync && !common->trace)
        fprintf(stderr, "thaw: --trace-sync needs a --trace FILE.json\n");
    else if (thaw_context_create(&options, &context, &err) != THAW_OK)
        cli_report(&err);
    return context;
}

int cli_context_end(thaw_context *context, const cli_common *common, int code)
{
    thaw_error err = {0};
    if (!context)
        return code;
    if (thaw_context_end(context, &err) != THAW_OK) {
        int failure = cli_report(&err);
        return code == CLI_EXIT_OK ? failure : code;
    }
    if (common->trace && !common->quiet)
        fprintf(stderr, "thaw: the trace is in %s: open it in https://ui.perfetto.dev or chrome://tracing\n",
                common->trace);
    return code;
}

const char *cli_precision_name(int32_t precision)
{
    return precision == THAW_RECIPE_PRECISION_TF32   ? "tf32"
           : precision == THAW_RECIPE_PRECISION_BF16 ? "bf16"
                                                     : "f32";
}

void cli_common_free(cli_common *common)
{
    free(common->plugins.items);
}

int cli_misuse(const cli_usage *usage, const char *text)
{
    fprintf(stderr, "thaw: %s\nTry `thaw %s --help`.\n", text, usage->name);
    return CLI_EXIT_USAGE;
}

int cli_report(const thaw_error *err)
{
    fprintf(stderr, "thaw: %s\n", err->text[0] ? err->text : "failed without a reason: please report this");
    if (err->status == THAW_E_CANCELLED)
        return CLI_EXIT_INTERRUPTED;
    return err->status == THAW_E_CHECK ? CLI_EXIT_CHECK : CLI_EXIT_FAILURE;
}

const char *cli_class_name(const char *const *names, uint32_t i, char buffer[16])
{
    if (names)
        return names[i];
    snprintf(buffer, 16, "class %u", (unsigned)i);
    return buffer;
}
