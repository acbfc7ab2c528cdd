/* cmd_bench.c: thaw bench. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "bench_compare.h"
#include "cli.h"

static const cli_usage usage = {
    .name = "bench",
    .synopsis = "--compare FILE… [options]",
    .about = "Compares what `thaw bench` measured: a table, and a page with plots for a browser.",
    .examples = "  thaw bench --compare old.json new.json\n"
                "  thaw bench --compare *.json --html machines.html",
    .max_words = SIZE_MAX,
};

int cli_bench(int argc, char **argv)
{
    bool compare = false, no_html = false;
    const char *html = CLI_BENCH_PAGE;
    cli_list words = {0};
    const cli_option options[] = {
        {.name = "compare",
         .kind = CLI_FLAG,
         .target = &compare,
         .help = "compare the devices in these files with the first one"},
        {.name = "html",
         .kind = CLI_TEXT,
         .target = &html,
         .value = "FILE",
         .help = "with --compare: the page (default " CLI_BENCH_PAGE "; - for stdout, no table)"},
        {.name = "no-html", .kind = CLI_FLAG, .target = &no_html, .help = "with --compare: only the table"},
    };
    int code = cli_parse(&usage, options, sizeof options / sizeof options[0], argc, argv, &words);
    if (code < 0 && !compare)
        code = cli_misuse(&usage, "give --compare and files");
    if (code < 0)
        code = cli_bench_compare(words.items, words.count, no_html ? NULL : html);
    free(words.items);
    return code;
}
