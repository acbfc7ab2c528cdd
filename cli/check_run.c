/* check_run.c: one device after the other; see check.h. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

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
    char *before = run->replay;
    run->replay = check_replay(run->args, run->now->name, c);
    cli_note_command(run->replay);
    free(before);
    cli_progress_show(&run->progress, run->now->name, c->index, c->total, 0, 0, c->op);
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
    run->stop = *run->signalled || ferror(stdout);
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
    if (run->replay && result->status != THAW_OK && result->status != THAW_E_CHECK &&
        result->status != THAW_E_CANCELLED)
        fprintf(stderr, "thaw: the case it stopped in: %s\n", run->replay);
}

static int check_device(check_run *run, const char *name)
{
    check_result *result = &run->results[run->n_results++];
    bool text = !run->args->common.json && !run->args->markdown;
    thaw_proof_options options = check_options(run->args);
    *result = (check_result){.name = name, .about = describe(run->context, name)};
    run->now = result;
    free(run->replay);
    run->replay = NULL;
    options.device = name;
    options.matrix = 1;
    options.on_begin = on_begin;
    options.on_case = on_case;
    options.ctx = run;
    options.cancel = &run->stop;
    if (run->args->common.json)
        check_json_begin(run, result);
    if (text)
        check_text_begin(result);
    result->status =
        thaw_prove_device(run->context, &options, &result->proof, sizeof result->proof, &result->err);
    cli_note_command(NULL);
    cli_progress_clear(&run->progress);
    ask_share(run, result);
    if (run->args->common.json)
        check_json_end(run, result);
    if (text)
        check_text_end(run, result);
    /* Said when the stream is closed. */
    if (ferror(stdout))
        return CLI_EXIT_FAILURE;
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
        fprintf(stderr, "thaw: %s: no device to check: `thaw devices -v --plugin %s` says why\n", args->file,
                args->file);
    else
        fprintf(stderr, "thaw: no device to check: no plugin was found: name one, as in `thaw check "
                        "./thaw-mine.so`, or set THAW_PLUGIN_PATH\n");
    return CLI_EXIT_CHECK;
}

/* The first failure decides. */
static int check_each(check_run *run, const char *const *names, size_t n)
{
    int code = CLI_EXIT_OK;
    run->results = calloc(n, sizeof *run->results);
    if (!run->results) {
        fprintf(stderr, "thaw: out of memory\n");
        return CLI_EXIT_FAILURE;
    }
    for (size_t i = 0; i < n && !run->stop; i++) {
        int one = check_device(run, names[i]);
        if (code == CLI_EXIT_OK || one == CLI_EXIT_INTERRUPTED)
            code = one;
    }
    /* Between two devices, or in the last case of one. */
    return *run->signalled && code == CLI_EXIT_OK ? CLI_EXIT_INTERRUPTED : code;
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
}

int check_devices(check_args *args)
{
    check_run run = {.args = args, .json = {.stream = stdout}, .context = cli_context(&args->common)};
    const char **names = NULL;
    if (!run.context)
        return CLI_EXIT_FAILURE;
    size_t n = choose_devices(args, run.context, &names);
    cli_progress_init(&run.progress, args->common.quiet);
    cli_catch_signals(&run.signalled);
    if (args->common.json)
        cli_json_array(&run.json, NULL);
    int code = n == 0          ? no_device(args)
               : args->weights ? check_rounding(&run, names, n)
                               : check_each(&run, names, n);
    if (args->common.json)
        cli_json_end(&run.json, ']');
    if (args->markdown)
        check_markdown(&run);
    end_run(&run);
    free(names);
    return cli_context_end(run.context, &args->common, code);
}
