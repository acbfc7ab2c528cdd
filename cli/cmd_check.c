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
        "plugin, all of whose devices are checked. Exit code 3 if a case failed or none ran.",
    .examples =
        "  thaw check                              every device\n"
        "  thaw check --device cpu:0,isa=avx2\n"
        "  thaw check ./thaw-mine.so --op conv2d,add --kind values\n"
        "  thaw check --case 3x3_288 --seed 7\n"
        "  thaw check --list --op conv2d           which cases there are; `--list ops`, `--list kinds`\n"
        "  thaw check ./thaw-mine.so --markdown    what works, for a README\n"
        "A failure prints the command that runs that case alone, with the same bits.",
    .max_words = 1,
};

thaw_proof_options check_options(const check_args *args)
{
    thaw_proof_options options;
    thaw_proof_options_init(&options, sizeof options);
    options.reference = args->reference;
    options.op = args->op;
    options.kind = args->kind;
    options.name = args->name;
    options.seed = args->seed;
    options.repeat = args->repeat;
    options.fail_fast = args->fail_fast;
    return options;
}

/* ---- one device ---------------------------------------------------------------------------------------- */

static void on_begin(void *ctx, const thaw_proof_case *c)
{
    check_run *run = ctx;
    free(run->replay);
    run->replay = check_replay(run->args, run->now->name, c);
    cli_note_crash(run->replay);
    cli_progress_show(&run->progress, run->now->name, c->index, c->total, 0, 0, c->name);
}

/* True for the first of its op. */
static bool keep_failure(check_result *result, const thaw_proof_case *c, const char *replay)
{
    for (size_t i = 0; i < result->n_failures; i++)
        if (strcmp(result->failures[i].op, c->op) == 0)
            return false;
    check_failure *grown = realloc(result->failures, (result->n_failures + 1) * sizeof *grown);
    if (!grown)
        return true;
    result->failures = grown;
    check_failure *f = &grown[result->n_failures++];
    snprintf(f->op, sizeof f->op, "%s", c->op);
    f->name = strdup(c->name);
    f->text = strdup(c->text);
    f->replay = replay ? strdup(replay) : NULL;
    return true;
}

static void on_case(void *ctx, const thaw_proof_case *c)
{
    check_run *run = ctx;
    const check_args *args = run->args;
    bool first = c->result == THAW_PROOF_FAILED && keep_failure(run->now, c, run->replay);
    if (args->common.json) {
        check_json_case(run, c, run->replay);
    } else if (!args->markdown && (first || args->common.verbose)) {
        cli_progress_clear(&run->progress);
        check_text_case(run, c, run->replay);
    }
}

static thaw_device_report describe(thaw_context *context, const char *name)
{
    thaw_device_report d;
    size_t n = strcspn(name, ",");
    for (size_t i = 0; i < thaw_device_count(context); i++) {
        thaw_device_get(context, i, &d, sizeof d);
        bool whole = strlen(d.name) == n && memcmp(d.name, name, n) == 0;
        bool id = strlen(d.plugin_id) == n && memcmp(d.plugin_id, name, n) == 0;
        if (whole || id)
            return d;
    }
    return (thaw_device_report){.title = "",
                                .vendor = "",
                                .driver = "",
                                .detail = "",
                                .plugin_id = "",
                                .plugin_version = "",
                                .plugin_path = "",
                                .error = ""};
}

/* What an author wants to know of ops that the device does not have; that it cannot be told is no failure of
 * the check. */
static void ask_share(check_run *run, check_result *result)
{
    thaw_error ignored;
    if (result->proof.declined == 0 || run->args->markdown || result->status == THAW_E_CANCELLED)
        return;
    result->has_share = thaw_device_share(run->context, result->name, &result->share, sizeof result->share,
                                          &ignored) == THAW_OK;
}

/* What stopped the check in the middle of a case is a fault to look for there. */
static void print_stopped(const check_run *run, const check_result *result)
{
    if (result->proof.cases == 0 || result->status == THAW_OK || result->status == THAW_E_CHECK ||
        result->status == THAW_E_CANCELLED)
        return;
    fprintf(stderr, "thaw: the case it stopped in: %s\n", run->replay ? run->replay : "?");
}

static int check_device(check_run *run, const char *name)
{
    check_result *result = &run->results[run->n_results++];
    bool text = !run->args->common.json && !run->args->markdown;
    thaw_proof_options options = check_options(run->args);
    *result = (check_result){.name = name, .about = describe(run->context, name)};
    run->now = result;
    options.device = name;
    options.matrix = 1;
    options.on_begin = on_begin;
    options.on_case = on_case;
    options.ctx = run;
    options.cancel = run->cancel;
    if (run->args->common.json)
        check_json_begin(run, result);
    if (text)
        check_text_begin(result);
    result->status =
        thaw_prove_device(run->context, &options, &result->proof, sizeof result->proof, &result->err);
    cli_note_crash(NULL);
    cli_progress_clear(&run->progress);
    ask_share(run, result);
    if (run->args->common.json)
        check_json_end(run, result);
    if (text)
        check_text_end(run, result);
    int code = result->status == THAW_OK ? CLI_EXIT_OK : cli_report(&result->err);
    print_stopped(run, result);
    return code;
}

/* ---- all of them --------------------------------------------------------------------------------------- */

/* The names of the devices to check; *out is freed by free(). */
static size_t choose_devices(const check_args *args, thaw_context *context, const char ***out)
{
    size_t n = 0, room = args->devices.count + thaw_device_count(context);
    char *real = args->file ? realpath(args->file, NULL) : NULL;
    const char **names = calloc(room + 1, sizeof *names);
    for (size_t i = 0; names && i < args->devices.count; i++)
        names[n++] = args->devices.items[i];
    for (size_t i = 0; names && args->devices.count == 0 && i < thaw_device_count(context); i++) {
        thaw_device_report d;
        thaw_device_get(context, i, &d, sizeof d);
        if (!args->file || (real && strcmp(d.plugin_path, real) == 0))
            names[n++] = d.name;
    }
    free(real);
    *out = names;
    return n;
}

static int no_device(const check_args *args)
{
    if (args->file)
        fprintf(stderr, "thaw: %s: no device to check: `thaw devices -v --plugin FILE` says why\n",
                args->file);
    else
        fprintf(stderr, "thaw: no device to check: no plugin was found: name one, as in `thaw check "
                        "./thaw-mine.so`, or set THAW_PLUGIN_PATH\n");
    return CLI_EXIT_CHECK;
}

/* The first failure decides. */
static int check_devices(check_run *run, const char *const *names, size_t n)
{
    int code = CLI_EXIT_OK;
    run->results = calloc(n, sizeof *run->results);
    if (!run->results) {
        fprintf(stderr, "thaw: out of memory\n");
        return CLI_EXIT_FAILURE;
    }
    for (size_t i = 0; i < n && code != CLI_EXIT_INTERRUPTED; i++) {
        int one = check_device(run, names[i]);
        if (code == CLI_EXIT_OK || one == CLI_EXIT_INTERRUPTED)
            code = one;
    }
    return code;
}

static void end_run(check_run *run)
{
    for (size_t i = 0; i < run->n_results; i++) {
        check_result *r = &run->results[i];
        for (size_t k = 0; k < r->n_failures; k++) {
            free(r->failures[k].name);
            free(r->failures[k].text);
            free(r->failures[k].replay);
        }
        free(r->failures);
        thaw_proof_matrix_free(r->proof.matrix);
    }
    free(run->results);
    free(run->replay);
    thaw_context_free(run->context);
}

static int run_check(check_args *args)
{
    check_run run = {.args = args, .json = {.stream = stdout}, .context = cli_context(&args->common)};
    const char **names = NULL;
    if (!run.context)
        return CLI_EXIT_FAILURE;
    size_t n = choose_devices(args, run.context, &names);
    cli_progress_init(&run.progress, args->common.quiet);
    cli_catch_signals(&run.cancel);
    if (args->common.json)
        cli_json_array(&run.json, NULL);
    int code = n > 0 ? check_devices(&run, names, n) : no_device(args);
    if (args->common.json)
        cli_json_end(&run.json, ']');
    if (args->markdown)
        check_markdown(&run);
    end_run(&run);
    free(names);
    return code;
}

/* ---- the command line ---------------------------------------------------------------------------------- */

static bool is_op(const char *word)
{
    uint32_t i = 0;
    while (thaw_proof_op_name(i) && strcmp(thaw_proof_op_name(i), word) != 0)
        i++;
    return thaw_proof_op_name(i) != NULL;
}

/* False after a message for a word that is no file, where there is more to say than the loader can. */
static bool is_file(const char *file)
{
    struct stat info;
    if (stat(file, &info) != 0 && is_op(file)) {
        fprintf(stderr, "thaw: %s: no such file; an op goes behind --op: thaw check --op %s\n", file, file);
        return false;
    }
    if (stat(file, &info) != 0 && strchr(file, ':') && !strchr(file, '/')) {
        fprintf(stderr, "thaw: %s: no such file; a device goes behind --device: thaw check --device %s\n",
                file, file);
        return false;
    }
    if (stat(file, &info) == 0 && S_ISDIR(info.st_mode)) {
        fprintf(stderr,
                "thaw: %s: a folder: name a plugin in it, thaw-NAME.so; all of a folder are loaded with\n"
                "THAW_PLUGIN_PATH=%s thaw check\n",
                file, file);
        return false;
    }
    return true;
}

static int run_file(check_args *args)
{
    cli_list *plugins = &args->common.plugins;
    if (!args->file)
        return run_check(args);
    if (!is_file(args->file))
        return CLI_EXIT_FAILURE;
    const char **items = realloc(plugins->items, (plugins->count + 1) * sizeof *items);
    if (!items)
        return CLI_EXIT_FAILURE;
    plugins->items = items;
    items[plugins->count++] = args->file;
    return run_check(args);
}

static int run_args(check_args *args)
{
    if (args->markdown && (args->list || args->common.json))
        return cli_misuse(&usage, "--markdown goes neither with --json nor with --list");
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
         .value = "OP,…",
         .help = "only these ops (repeatable); `--list ops` names them"},
        {.name = "kind",
         .kind = CLI_LIST,
         .target = &args.kinds,
         .value = "KIND,…",
         .help = "only these kinds of check (repeatable); `--list kinds` names them"},
        {.name = "case",
         .kind = CLI_TEXT,
         .target = &args.name,
         .value = "TEXT",
         .help = "only cases whose name contains TEXT; =NAME: only that case"},
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
