/* cmd_bench.c: thaw bench. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench_compare.h"
#include "bench_report.h"
#include "cli.h"
#include "output.h"

#define MAX_SIZES 16u

static const cli_usage usage = {
    .name = "bench",
    .synopsis = "[--compare FILE…] [options]",
    .about =
        "Measures how fast devices are at training and inference, the same way on each, so that tables of\n"
        "several machines can be laid side by side: peak and bandwidth, the parts of the recipe, every op.\n"
        "Several devices are measured in turns. Needs no weights and no photos. Ctrl-C keeps what has been\n"
        "measured. With --compare: measures nothing, but lays side by side what --json (or the page) has\n"
        "written before, in a table and on a page with plots. docs/benchmarking.md says how it is done.",
    .examples = "  thaw bench --json here.json              every device, some minutes for each\n"
                "  thaw bench --quick --device opencl:0     half a minute\n"
                "  thaw bench --device cpu:0 --device cpu:0,isa=generic --section forward\n"
                "  thaw bench --compare here.json there.json\n"
                "  thaw bench --compare *.json --baseline opencl:0 --html machines.html\n",
    .max_words = SIZE_MAX,
};

typedef struct bench_args {
    cli_common common;
    cli_list devices, sections;
    thaw_bench_options options;
    const char *sizes, *json;
    uint32_t batch_sizes[MAX_SIZES];
    bool quick, no_ops;
    bool compare, no_html;
    const char *html, *baseline;
} bench_args;

typedef struct bench_run {
    cli_progress progress;
} bench_run;

/* "1,8,32" */
static bool read_sizes(bench_args *args)
{
    const char *p = args->sizes;
    size_t n = 0;
    while (p && *p && n < MAX_SIZES) {
        char *end;
        unsigned long size = strtoul(p, &end, 10);
        if (end == p || (*end && *end != ',') || size < 1 || size > 4096 || *p < '0' || *p > '9')
            return false;
        args->batch_sizes[n++] = (uint32_t)size;
        p = *end ? end + 1 : end;
        if (*end && !*p)
            return false;
    }
    args->options.batch_sizes = args->batch_sizes;
    args->options.n_batch_sizes = n;
    return !args->sizes || (n > 0 && !*p);
}

static void on_step(void *ctx, const thaw_bench_step *s)
{
    static const char *const doings[] = {"prepare", "warm up", "measure"};
    bench_run *run = ctx;
    char note[64], batch[16] = "", of[24] = "";
    if (s->batch > 0)
        snprintf(batch, sizeof batch, " %u", (unsigned)s->batch);
    if (s->doing == THAW_BENCH_MEASURE)
        snprintf(of, sizeof of, " %u/%u", (unsigned)s->repetition, (unsigned)s->repetitions);
    snprintf(note, sizeof note, "%.20s: %.16s%s: %s%s", s->device, s->what, batch, doings[s->doing], of);
    cli_progress_show(&run->progress, "bench", s->done, s->total, 0, 0, note);
}

static int write_report(const bench_args *args, const thaw_bench_report *report, cli_output *file)
{
    if (!args->json || strcmp(args->json, "-") != 0)
        cli_bench_print(report);
    if (!args->json)
        return CLI_EXIT_OK;
    cli_bench_json(report, file->stream);
    return cli_output_commit(file) ? CLI_EXIT_OK : CLI_EXIT_FAILURE;
}

static int run_bench(bench_args *args)
{
    bench_run run = {{0}};
    thaw_bench_report *report = NULL;
    thaw_error err = {0};
    cli_output file = {0};
    thaw_context *context = NULL;
    int code = CLI_EXIT_FAILURE;
    /* Before the work, so that a wrong path costs no minutes. */
    if (args->json && !cli_output_open(args->json, &file))
        return code;
    context = cli_context(&args->common);
    if (!context)
        goto cleanup;
    cli_catch_signals(&args->options.cancel);
    cli_progress_init(&run.progress, args->common.quiet);
    args->options.ctx = &run;
    thaw_status st = thaw_bench_run(context, &args->options, &report, &err);
    cli_progress_clear(&run.progress);
    code = report ? write_report(args, report, &file) : CLI_EXIT_OK;
    if (st != THAW_OK)
        code = cli_report(&err);
cleanup:
    cli_output_abandon(&file);
    thaw_bench_report_free(report);
    return cli_context_end(context, &args->common, code);
}

static int measure(bench_args *args, const cli_list *words)
{
    thaw_bench_options *o = &args->options;
    if (words->count > 0)
        return cli_misuse(&usage, "files are for --compare; a device goes behind --device");
    if (args->html || args->no_html || args->baseline)
        return cli_misuse(&usage, "--html, --no-html and --baseline go with --compare, as do files");
    if (!read_sizes(args))
        return cli_misuse(&usage,
                          "--batch-sizes: expected up to 16 whole numbers from 1 to 4096, like 1,8,32");
    o->devices = args->devices.items;
    o->n_devices = args->devices.count;
    o->sections = args->sections.items;
    o->n_sections = args->sections.count;
    o->on_decline = args->common.on_decline;
    o->precision = args->common.precision;
    o->exact = args->common.exact;
    o->quick = args->quick;
    o->no_ops = args->no_ops;
    o->on_step = on_step;
    return run_bench(args);
}

static int compare(const bench_args *args, const cli_list *words)
{
    const char *html = args->no_html ? NULL : args->html ? args->html : CLI_BENCH_PAGE;
    if (args->json || args->devices.count > 0 || args->sections.count > 0)
        return cli_misuse(&usage,
                          "--compare measures nothing: --json, --device and --section do not go with it");
    return cli_bench_compare(words->items, words->count, args->baseline, html);
}

int cli_bench(int argc, char **argv)
{
    bench_args args = {0};
    cli_list words = {0};
    thaw_bench_options *o = &args.options;
    thaw_bench_options_init(o, sizeof *o);
    args.common.on_decline = o->on_decline;
    const cli_option options[] = {
        {.name = "device",
         .kind = CLI_LIST,
         .target = &args.devices,
         .value = "NAME",
         .help = "see `thaw devices`; may be repeated (default: all of them)"},
        {.name = "section",
         .kind = CLI_LIST,
         .target = &args.sections,
         .value = "NAME",
         .help = "prefix, head, finetune, forward or train; may be repeated (default: all)"},
        {.name = "batch-sizes",
         .kind = CLI_TEXT,
         .target = &args.sizes,
         .value = "N,N,N",
         .help = "images at a time (default 1,8,32; of training steps 32)"},
        {.name = "repeat",
         .kind = CLI_COUNT,
         .target = &o->repeat,
         .value = "N",
         .min = 1,
         .max = 1000,
         .help = "repetitions of each measurement (default 7)"},
        {.name = "seconds",
         .kind = CLI_REAL,
         .target = &o->seconds,
         .value = "S",
         .min = 0.001,
         .max = 1e6,
         .help = "no fourth or later repetition begins after that (default 10)"},
        {.name = "quick",
         .kind = CLI_FLAG,
         .target = &args.quick,
         .help = "batch size 8, 3 repetitions, 1 s, no ops of train, unless told otherwise"},
        {.name = "no-ops", .kind = CLI_FLAG, .target = &args.no_ops, .help = "no tables of ops"},
        CLI_PRODUCT_OPTIONS(&args.common),
        {.name = "input-size",
         .kind = CLI_COUNT,
         .target = &o->input_size,
         .value = "N",
         .min = 75,
         .max = 4096,
         .help = "pixels of an image's side (default 299)"},
        {.name = "classes",
         .kind = CLI_COUNT,
         .target = &o->n_classes,
         .value = "N",
         .min = 2,
         .max = 100000,
         .help = "of the head (default 5)"},
        {.name = "json",
         .kind = CLI_TEXT,
         .target = &args.json,
         .value = "FILE",
         .help = "write everything that was measured (- for stdout, in place of the tables)"},
        {.name = "fallback",
         .kind = CLI_CHOICE,
         .target = &args.common.on_decline,
         .choices = "warn|error|allow",
         .help = "when a device declines an op, the CPU takes it (default allow: it is counted)"},
        {.name = "compare",
         .kind = CLI_FLAG,
         .target = &args.compare,
         .help = "compare the devices in these files with the first one"},
        {.name = "baseline",
         .kind = CLI_TEXT,
         .target = &args.baseline,
         .value = "DEVICE",
         .help = "with --compare: with this one instead, by its name or the letter it has without"},
        {.name = "html",
         .kind = CLI_TEXT,
         .target = &args.html,
         .value = "FILE",
         .help = "with --compare: the page (default " CLI_BENCH_PAGE "; - for stdout, no table)"},
        {.name = "no-html",
         .kind = CLI_FLAG,
         .target = &args.no_html,
         .help = "with --compare: only the table"},
        CLI_CONTEXT_OPTIONS(&args.common),
        CLI_QUIET_OPTION(&args.common),
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0 && args.compare)
        code = compare(&args, &words);
    else if (code < 0)
        code = measure(&args, &words);
    cli_common_free(&args.common);
    free(args.devices.items);
    free(args.sections.items);
    free(words.items);
    return code;
}
