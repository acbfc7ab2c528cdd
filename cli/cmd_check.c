/* cmd_check.c: thaw check. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"

static const cli_usage usage = {
    .name = "check",
    .synopsis = "[FILE.so] [options]",
    .about =
        "Runs every op over a table of shapes and compares with the plain-C reference, through the plugin\n"
        "interface alone: values, bytes that are not the op's, equal bits twice, refusals. FILE.so: a\n"
        "plugin, all of whose devices are checked. Prints the first failure of each op, all with -v, each\n"
        "with the command that runs that case again, with the same bits; and what works, as a table. Exit\n"
        "code 3 if a case failed or none ran.",
    .examples =
        "  thaw check                              every device\n"
        "  thaw check --device cpu:0,isa=avx2\n"
        "  thaw check ./thaw-mine.so --op conv2d,add --kind values\n"
        "  thaw check --case 3x3_288 --seed 7\n"
        "  thaw check --weights model.safetensors --image cat.jpg\n"
        "  thaw check --list --op conv2d           which cases there are; `--list ops`, `--list kinds`\n"
        "  thaw check ./thaw-mine.so --markdown    what works, for a README\n"
        "A failure prints the command that runs that case alone, with the same bits.",
    .max_words = 1,
};

/* ---- the command line ---------------------------------------------------------------------------------- */

static bool is_op(const char *word)
{
    uint32_t i = 0;
    while (thaw_proof_op_name(i) && strcmp(thaw_proof_op_name(i), word) != 0)
        i++;
    return thaw_proof_op_name(i) != NULL;
}

static int is_plugin(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 8 && strncmp(entry->d_name, "thaw-", 5) == 0 && strcmp(entry->d_name + n - 3, ".so") == 0;
}

static void explain_folder(const char *folder)
{
    struct dirent **entries = NULL;
    int n = scandir(folder, &entries, is_plugin, alphasort);
    const char *slash = folder[strlen(folder) - 1] == '/' ? "" : "/";
    fprintf(stderr, "thaw: %s: a folder%s\n", folder,
            n > 0 ? "; name one of its plugins:" : " without a plugin: there is no thaw-NAME.so in it");
    for (int i = 0; i < n; i++) {
        fprintf(stderr, "  thaw check %s%s%s\n", folder, slash, entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
}

/* False after a message for a word that is no plugin, where there is more to say than the loader can. */
static bool may_be_plugin(const char *file)
{
    struct stat info;
    bool there = stat(file, &info) == 0;
    if (there && S_ISDIR(info.st_mode))
        explain_folder(file);
    else if (!there && is_op(file))
        fprintf(stderr, "thaw: %s: no such file; an op goes behind --op: thaw check --op %s\n", file, file);
    else if (!there && strchr(file, ':') && !strchr(file, '/'))
        fprintf(stderr, "thaw: %s: no such file; a device goes behind --device: thaw check --device %s\n",
                file, file);
    else
        return true;
    return false;
}

static int run_file(check_args *args)
{
    cli_list *plugins = &args->common.plugins;
    if (!args->file)
        return check_devices(args);
    if (!may_be_plugin(args->file))
        return CLI_EXIT_FAILURE;
    const char **items = realloc(plugins->items, (plugins->count + 1) * sizeof *items);
    if (!items)
        return CLI_EXIT_FAILURE;
    plugins->items = items;
    items[plugins->count++] = args->file;
    return check_devices(args);
}

static bool is_list(const char *word)
{
    return strcmp(word, "ops") == 0 || strcmp(word, "kinds") == 0;
}

static int run_args(check_args *args)
{
    if (args->markdown && (args->list || args->common.json))
        return cli_misuse(&usage, "--markdown goes neither with --json nor with --list");
    if (args->image && !args->weights)
        return cli_misuse(&usage, "--image is an image for the model that --weights names");
    if (args->weights && (args->markdown || args->list || args->ops.count || args->kinds.count || args->name))
        return cli_misuse(&usage, "--weights goes without what selects cases, --list and --markdown");
    if (args->list && args->file && !is_list(args->file) && !strpbrk(args->file, "./"))
        return cli_misuse(&usage, "behind --list: `ops` or `kinds`; without a word it prints the cases");
    int code = check_select(&usage, args);
    if (code >= 0)
        return code;
    if (args->list)
        return check_list(args, args->file);
    return check_any(args) ? run_file(args) : CLI_EXIT_CHECK;
}

int cli_check(int argc, char **argv)
{
    check_args args = {.seed = 1, .repeat = 1};
    cli_list words = {0};
    const cli_option options[] = {
        CLI_CONTEXT_OPTIONS(&args.common),
        {.name = "device",
         .kind = CLI_LIST,
         .target = &args.devices,
         .value = "NAME",
         .help = "a device to check (repeatable; default: all, or those of FILE.so)"},
        {.name = "reference",
         .kind = CLI_TEXT,
         .target = &args.reference,
         .value = "NAME",
         .help = "what to compare with (default cpu:0,isa=reference)"},
        {.name = "op",
         .kind = CLI_LIST,
         .target = &args.ops,
         .value = "OP,OP",
         .help = "only these ops (repeatable); `--list ops` names them"},
        {.name = "kind",
         .kind = CLI_LIST,
         .target = &args.kinds,
         .value = "KIND,KIND",
         .help = "only these kinds of check (repeatable); `--list kinds` names them"},
        {.name = "case",
         .kind = CLI_TEXT,
         .target = &args.name,
         .value = "TEXT",
         .help = "only cases whose name contains TEXT; =NAME: only that case"},
        {.name = "weights",
         .kind = CLI_TEXT,
         .target = &args.weights,
         .value = "MODEL",
         .help = "instead: each algorithm's error on the convolutions of this model"},
        {.name = "image",
         .kind = CLI_TEXT,
         .target = &args.image,
         .value = "FILE",
         .help = "with --weights: on what this image makes of them (default: random pixels)"},
        {.name = "seed",
         .kind = CLI_COUNT,
         .target = &args.seed,
         .value = "N",
         .max = UINT32_MAX,
         .help = "of values and random shapes (default 1)"},
        {.name = "repeat",
         .kind = CLI_COUNT,
         .target = &args.repeat,
         .value = "N",
         .min = 1,
         .max = 1e6,
         .help = "rounds, each with the next seed (default 1)"},
        {.name = "fail-fast",
         .kind = CLI_FLAG,
         .target = &args.fail_fast,
         .help = "stop a device at its first failure"},
        {.name = "list", .kind = CLI_FLAG, .target = &args.list, .help = "print the cases, and run none"},
        {.name = "markdown",
         .kind = CLI_FLAG,
         .target = &args.markdown,
         .help = "print what works as Markdown tables"},
        CLI_JSON_OPTION(&args.common),
        CLI_QUIET_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0) {
        args.file = words.count > 0 ? words.items[0] : NULL;
        code = run_args(&args);
    }
    cli_common_free(&args.common);
    free(args.devices.items);
    free(args.ops.items);
    free(args.kinds.items);
    free(args.op);
    free(args.kind);
    free(words.items);
    return code;
}
